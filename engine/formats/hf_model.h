/* hf_model.h - a model as a Hugging Face folder, and the loading of any MODEL that thaw
 * accepts. */
#ifndef THAW_ENGINE_FORMATS_HF_MODEL_H
#define THAW_ENGINE_FORMATS_HF_MODEL_H
#include "engine/data/tokenizer.h"
#include "engine/formats/imported.h"
#include "engine/formats/safetensors.h"
#include "engine/model/params.h"

/* A model in memory: everything that generate, score, compare and eval need. Stays where it was
 * loaded: `weights` points to `table`. */
struct hf_model {
    struct param_table table;
    struct weights weights;
    struct tokenizer *tokenizer; /* NULL when the folder has none, or none was asked for */
};

/* Load an HF folder (config.json, model.safetensors or the shards of
 * model.safetensors.index.json, tokenizer files). Names with and without GPT-2's "transformer."
 * prefix, mask buffers ignored; every tensor must be there with its shape, and none that the
 * model has no place for; a file that is no language model is refused with the first missing
 * name, a pickle with what to do. With adapters in PEFT's files (peft.h), here or in a folder that
 * only names the model's, these are on it; off when they change nothing. */
bool hf_model_load(const char *dir, struct hf_model *out, struct err *err);
/* The same where `base` (NULL: as the folder says) is the folder of the adapters' model. */
bool hf_model_load_on(const char *dir, const char *base, struct hf_model *out, struct err *err);
/* The shape alone, from the folder's config.json, and its adapters. */
bool hf_model_shape(const char *dir, struct model_config *out, struct err *err);
/* Read its weights into `out`, which is created already; what is narrow there stays narrow where it came as
 * such numbers. */
bool hf_model_weights(const char *dir, struct weights *out, struct err *err);
/* As what each group could stay narrow (params.h): kind[n_groups], NARROW_NONE where its matrices are F32, or
 * not all of one kind. */
bool hf_model_kinds(const char *dir, const struct param_table *t, enum narrow_kind *kind,
                    struct err *err);
/* A llama2.c .bin (version 0) with its tokenizer.bin (NULL: none); interleaved RoPE is turned
 * into half-split. */
bool llama2c_load(const char *bin, const char *tokenizer, struct hf_model *out,
                  struct err *err);
void hf_model_destroy(struct hf_model *m);

/* Write model.safetensors (F32, what is narrow as it is, the table's names and shapes), config.json and
 * tokenizer.json with what tokenizer_save_folder() adds (t NULL: none) into the existing folder `dir`; each file
 * is fsynced. A model.safetensors that
 * is there already is left alone, and refused. What an imported model was is kept beside them
 * (imported.h); adapters, where they are on, get PEFT's two files. *bytes (may be NULL) gets the
 * sum of their sizes. */
bool hf_model_save(const char *dir, const struct weights *w, const struct tokenizer *t,
                   uint64_t *bytes, struct err *err);

/* The same for other programs: an imported model with the names and number types that its tensors came
 * with, and its small files as they came. Others are F32. type (NULL: none) is taken instead for all. */
bool hf_model_save_as(const char *dir, const struct weights *w, const struct tokenizer *t,
                      const enum dtype *type, struct err *err);

/* Read/write the weights alone (also moments: a prefix goes in front of each name, e.g.
 * "exp_avg."). groups[n_groups]: of these groups; NULL: of all. Saving writes sets[i] under
 * prefixes[i] into one new file, fsynced. Loading fills `out`, which is created already, and
 * leaves it alone when a tensor is missing or has another shape. */
bool weights_save(const char *path, const struct weights *const *sets,
                  const char *const *prefixes, int n_sets, const bool *groups, uint64_t *bytes,
                  struct err *err);
/* One set, but for its adapters, with the names and types of `m` (NULL: the table's names, F32), or of one type. */
bool weights_save_as(const char *path, const struct weights *w, const struct imported *m,
                     const enum dtype *type, struct err *err);
bool weights_load(const struct safetensors *s, const char *prefix, const bool *groups,
                  struct weights *out, struct err *err);
#endif
