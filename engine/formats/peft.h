/* peft.h - adapters in PEFT's two files: adapter_config.json says rank, scale, dropout and where; the tensors of
 * adapter_model.safetensors have PEFT's names. The folder they are in may hold the model as well (config.json,
 * model.safetensors: a checkpoint does), else it names the model's folder.
 * Which maps have an adapter is read from the tensors' names. What thaw has no place for is refused by name: other
 * kinds than LORA, DoRA, biases, modules saved whole, ranks or scales of their own, bases that an adapter changed. */
#ifndef THAW_ENGINE_FORMATS_PEFT_H
#define THAW_ENGINE_FORMATS_PEFT_H
#include <limits.h>

#include "engine/model/params.h"

bool peft_is(const char *dir); /* whether an adapter_config.json is there */

/* The folder of the model that `dir`'s adapters belong to: `given` (NULL: none), else `dir` itself where it is a
 * model, else what its adapter_config.json names, looked for in `dir` and here. `dir` itself where there are no
 * adapters in it. */
bool peft_base(const char *dir, const char *given, char out[PATH_MAX], struct err *err);

/* c->adapter of a model of shape c, from the folder's two files; rank 0 where there are none in it. */
bool peft_shape(const char *dir, struct model_config *c, struct err *err);

/* Fill the adapters' groups of `out`, whose table has them; nothing else is touched. */
bool peft_load(const char *dir, struct weights *out, struct err *err);

/* Write both files into the existing folder `dir`. `base`: where the model is, "." for `dir` itself. *bytes (may be
 * NULL) gets their size. */
bool peft_save(const char *dir, const struct weights *w, const char *base, uint64_t *bytes, struct err *err);
#endif
