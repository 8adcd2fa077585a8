/* imported.h - what a model's folder was when it came from elsewhere, so that it can be given back as it came:
 * the names and number types of its tensors, and the small files beside them.
 * A folder that thaw writes of such a model (a base, a checkpoint) keeps them: the tokenizer's files under their
 * own names, config.json as it came and the tensors in imported.json. */
#ifndef THAW_ENGINE_FORMATS_IMPORTED_H
#define THAW_ENGINE_FORMATS_IMPORTED_H
#include "engine/formats/safetensors.h"
#include "engine/model/params.h"

#define IMPORTED_NAME "imported.json"

struct imported; /* opaque; never changes */

/* What the folder `dir` of a model of that table was. Its imported.json is believed; where there is none,
 * the folder itself is what came. NULL with a sentence. Owner: the caller. */
struct imported *imported_open(const char *dir, const struct param_table *t, struct err *err);
void imported_destroy(struct imported *m); /* NULL is fine */
/* Whether the folder has an imported.json: thaw has written it. */
bool imported_is_kept(const char *dir);

/* What a parameter was called and stored as. Of one that was not there: its name in the table, F32. */
const char *imported_name(const struct imported *m, int param);
enum dtype imported_dtype(const struct imported *m, int param);
/* Whether a tied model had its head written out all the same, and as what. */
bool imported_head(const struct imported *m, enum dtype *out);

/* Write into a folder what is kept beside its weights; each file is fsynced, *bytes grows by their sizes. */
bool imported_save_kept(const struct imported *m, const char *dir, uint64_t *bytes, struct err *err);
/* Write the files as they came, config.json included; with another number type than the imported ones
 * (NULL: with those) it is named there. */
bool imported_save_as_came(const struct imported *m, const char *dir, const enum dtype *type, struct err *err);
/* Whether tokenizer.json is among the files. */
bool imported_has_tokenizer(const struct imported *m);

/* Copy all files of the model from one folder to another, byte by byte: weights, config.json, and the small
 * ones. */
bool imported_copy(const char *from, const char *to, struct err *err);
#endif
