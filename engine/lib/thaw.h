/* thaw.h - libthaw: train a small language model and sample from it, in a C program.
 *
 * Whatever can fail returns false or NULL and puts one sentence into *error, which may be NULL. Nothing is printed, and
 * nothing ends the process. A model and what is made from it belong to one thread at a time; the work is done on as many
 * threads as the model was made with, and its bits do not depend on how many those are. Texts are UTF-8; any bytes do.
 * The processor's best kernels are taken when the environment says OPENBLAS_CORETYPE=SkylakeX (or Haswell) before the
 * program begins. Linking: pkg-config thaw, or find_package(thaw) and thaw::thaw. An example: share/doc/thaw/letters.c. */
#ifndef THAW_H
#define THAW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define THAW_API __attribute__((visibility("default")))

struct thaw_error {
    char text[480]; /* one line, fit for a terminal */
};

THAW_API const char *thaw_version(void); /* "0.1.0" */

/* ---- models ---- */

struct thaw_model; /* weights and tokenizer */

/* 0 and NULL stand for the defaults in brackets. */
struct thaw_shape {
    const char *family;                  /* gpt2, llama, qwen2 or qwen3 [qwen3] */
    int layers, heads, width;            /* [4, 4, 128]; heads divide width */
    int context;                         /* tokens that it sees at a time [128] */
    int vocab;                           /* tokens that it knows at most [1024] */
};

/* A model that knows nothing yet, with a tokenizer learnt from text[n]. threads 0: one for each core. */
THAW_API struct thaw_model *thaw_model_new(const struct thaw_shape *shape, const char *text, size_t n, uint64_t seed,
                                           int threads, struct thaw_error *error);
/* A Hugging Face folder: config.json, model.safetensors, tokenizer.json. */
THAW_API struct thaw_model *thaw_model_load(const char *folder, int threads, struct thaw_error *error);
/* Write such a folder, which is made; a model that is there already is left alone, and refused. */
THAW_API bool thaw_model_save(const struct thaw_model *model, const char *folder, struct thaw_error *error);
THAW_API void thaw_model_free(struct thaw_model *model); /* after its trainings; NULL is fine */

THAW_API size_t thaw_model_parameters(const struct thaw_model *model); /* how many numbers it learns */
THAW_API int thaw_model_context(const struct thaw_model *model);       /* tokens that it sees at a time */

/* The text that the model makes behind `prompt`, of at most `tokens` tokens; temperature 0 takes the likeliest. The
 * caller frees it with free(). */
THAW_API char *thaw_generate(struct thaw_model *model, const char *prompt, int tokens, double temperature,
                             uint64_t seed, struct thaw_error *error);
/* The mean loss of the lines of text[n], each by itself, in nats per token. NAN on failure. */
THAW_API double thaw_score(struct thaw_model *model, const char *text, size_t n, struct thaw_error *error);

/* ---- training ---- */

struct thaw_training; /* of a model's weights, on a text */

/* 0 and NULL stand for the defaults in brackets. */
struct thaw_recipe {
    const char *optimizer; /* adamw or muon [adamw] */
    double lr;             /* learning rate at its highest [0.001] */
    int64_t steps;         /* over which it falls to a tenth by a cosine [1000] */
    int64_t warmup;        /* steps over which it rises first [a twentieth of them] */
    int batch;             /* windows of the model's context in a step [8] */
    double clip;           /* the gradient's norm at most [1] */
    uint64_t seed;
};

/* The lines of text[n] are shuffled; their order is a function of the seed. The model stays the caller's, and changes
 * with every step. */
THAW_API struct thaw_training *thaw_training_new(struct thaw_model *model, const char *text, size_t n,
                                                 const struct thaw_recipe *recipe, struct thaw_error *error);
THAW_API void thaw_training_free(struct thaw_training *training); /* NULL is fine */

/* Groups that are not to learn from the next step on, all others are: "embed,0-2,block.3.attn"; "" thaws all. Their bytes
 * stay as they are, and their gradients cost nothing. */
THAW_API bool thaw_training_freeze(struct thaw_training *training, const char *groups, struct thaw_error *error);
/* One step. *loss (may be NULL) gets its loss in nats per token, before the update. False, and nothing is changed, when
 * loss or gradient are no finite numbers. */
THAW_API bool thaw_training_step(struct thaw_training *training, double *loss, struct thaw_error *error);

#ifdef __cplusplus
}
#endif
#endif
