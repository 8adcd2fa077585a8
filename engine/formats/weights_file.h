/* weights_file.h - private to formats/: a model's weights spread over one or more open files.
 */
#ifndef THAW_ENGINE_FORMATS_WEIGHTS_FILE_H
#define THAW_ENGINE_FORMATS_WEIGHTS_FILE_H
#include "engine/formats/safetensors.h"
#include "engine/model/params.h"

enum { SHARDS_MAX = 512 };

/* Open files, read as if they were one. */
struct shards {
    struct safetensors *files[SHARDS_MAX];
    int n;
};
void shards_close(struct shards *s); /* leaves it empty */

/* Whether every parameter of `groups` (NULL: all) is there, with its shape, under `prefix` + its
 * name (GPT-2's also without "transformer."). ERR_PARSE names the first tensor that is missing or
 * does not fit. */
bool shards_check(const struct shards *s, const char *prefix, const struct param_table *t,
                  const bool *groups, struct err *err);
/* The same, and then fill `out`, which is created already; on failure it is as it was. */
bool shards_load(const struct shards *s, const char *prefix, const bool *groups,
                 struct weights *out, struct err *err);
/* Refuse tensors that the model has no place for, so that weights are never silently dropped.
 * Buffers that can be computed (masks, rotary frequencies) and the head of a tied model are
 * fine. */
bool shards_check_extra(const struct shards *s, const struct param_table *t, struct err *err);
#endif
