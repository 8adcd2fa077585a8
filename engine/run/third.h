/* third.h - one more model to compare with, beside base and tuned: the config names its folder, it is
 * loaded once, and never changes. It may have another shape, but reads the same tokens. */
#ifndef THAW_ENGINE_RUN_THIRD_H
#define THAW_ENGINE_RUN_THIRD_H
#include "engine/formats/hf_model.h"
#include "engine/model/decode.h"
#include "engine/model/transformer.h"
#include "engine/run/settings.h"

struct third {
    bool there;
    char name[NAME_MAX_BYTES]; /* as the log calls it: "legal/step-600" */
    char fingerprint[20];      /* of its weights */
    struct hf_model model;
    struct transformer *transformer;
    struct decoder *decoder;
    bool told[PROMPTS_MAX]; /* its text is made once for each prompt and stage */
};

/* Bytes that a model folder will take as the third. */
struct third_memory {
    uint64_t weights, work; /* work: what it computes with */
};
/* Reads config.json only. time: tokens of the longest text; n_prompts: of the run. */
bool third_plan(const char *folder, int n_prompts, int time, int threads,
                struct third_memory *out, struct err *err);

/* Load the folder. ERR_RANGE when it does not read the tokens of `t`, `vocab` of them in the run's
 * model, or not `time` of them at once: then it cannot be compared token by token. `ex` is borrowed
 * for its life. Stays where it was loaded; on failure nothing is left to destroy. */
bool third_load(struct third *m, const char *folder, int n_prompts, int time, int vocab,
                const struct tokenizer *t, struct exec *ex, struct err *err);
void third_destroy(struct third *m); /* an empty one is fine */

/* Whether the tokens of two tokenizers are the same; one sentence when they are not. */
bool third_reads(const char *folder, const struct tokenizer *third, const struct tokenizer *run,
                 struct err *err);
/* What the log calls a model folder: its last part, with the run's name where that says too little:
 * "legal/step-600", "legal/base". */
void third_name(const char *folder, char out[NAME_MAX_BYTES]);
#endif
