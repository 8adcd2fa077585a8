/* weights_file.h - private to formats/: a model's weights spread over one or more open files.
 */
#ifndef THAW_ENGINE_FORMATS_WEIGHTS_FILE_H
#define THAW_ENGINE_FORMATS_WEIGHTS_FILE_H
#include "engine/formats/safetensors.h"
#include "engine/model/params.h"

enum {
    SHARDS_MAX = 512,
    NAME_MAX_BYTES = PARAM_NAME_MAX + 32, /* a prefix and a parameter's name */
    STRIP = 16 /* columns turned at once: one cache line of floats */
};

/* Open files, read as if they were one. */
struct shards {
    struct safetensors *files[SHARDS_MAX];
    int n;
};
#define SHARDS_SINGLE "model.safetensors"
#define SHARDS_INDEX "model.safetensors.index.json"
/* Open the file or files with a folder's weights, or say why there are none. On failure too what is
 * open is to be closed. */
bool shards_open(const char *dir, struct shards *out, struct err *err);
void shards_close(struct shards *s); /* leaves it empty */

/* Where a name begins without GPT-2's "transformer.", which files have or leave out. */
const char *shards_bare(const char *name);
/* The tensor of `prefix` and a parameter's name, in either of its spellings, and the file that it is in; NULL: none. */
const struct tensor *shards_find(const struct shards *s, const char *prefix, const char *name,
                                 const char **file);

/* A parameter's shape in a file; returns the number of dimensions. */
int shards_dims(const struct param *p, int64_t dims[2]);
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
