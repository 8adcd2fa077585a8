/* checkpoint.h - a run's state as a folder: a Hugging Face model, the moments, the trainer's numbers.
 * Written aside (".step-N.new"), every file fsynced, renamed to step-N, the parent fsynced. SHA256SUMS
 * beside them tells what each file was (sums.h). */
#ifndef THAW_ENGINE_RUN_CHECKPOINT_H
#define THAW_ENGINE_RUN_CHECKPOINT_H
#include <limits.h>

#include "engine/data/tokenizer.h"
#include "engine/formats/safetensors.h"
#include "engine/optim/optim.h"

/* How long a stage has waited for a lower validation loss (early_stop.c). */
struct early_stop {
    double loss;  /* the lowest, nats a token */
    int64_t step; /* of it, counted over the run; 0: there was none */
    int waited;   /* evaluations since */
};

/* trainer.json: what is needed, beside weights and moments, to go on with the same bits. The data's
 * order and the sampler's seeds follow from (seed, stage, step) and need no saving. */
struct trainer_state {
    int stage;
    bool begun;                       /* the stage's plan, base and optimizer are made */
    int64_t step, stage_step, tokens; /* done so far */
    double lr_scale;                  /* of the `lr` command; 1: as scheduled */
    double stopwatch;                 /* seconds of training so far */
    double validation;  /* loss by which checkpoints are told apart, nats a token; NaN: not known */
    struct early_stop early; /* of this stage */
    bool *by_hand;      /* [n_groups], borrowed: set by hand in this stage; NULL: not kept */
    char kernels[160];  /* loaded: blas_describe() where it was saved; "": not known */
};

/* Save into `checkpoints`/step-N, in the place of one that stands there. learn: the freeze plan. *path
 * gets the folder, *bytes its size. Sweeps away first what interrupted saves have left. On failure
 * nothing new is left behind and older checkpoints are untouched; a disk too full is found before
 * anything is written (ERR_FULL). */
bool checkpoint_save(const char *checkpoints, const struct trainer_state *s, const bool *learn,
                     const struct weights *w, const struct optim *o, const struct tokenizer *t,
                     char path[PATH_MAX], uint64_t *bytes, struct err *err);

/* Load a checkpoint's folder into existing weights, moments and plan of the same shape; s->by_hand says
 * beforehand where that is to go. */
bool checkpoint_load(const char *path, struct trainer_state *s, bool *learn, struct weights *w,
                     struct optim *o, struct err *err);

/* Save an HF folder as `path` in one rename (the base; exports), with its SHA256SUMS. One that is there is
 * replaced. */
bool model_folder_save(const char *path, const struct weights *w, const struct tokenizer *t,
                       struct err *err);

/* The same for other programs. What was loaded from the folder `from` (NULL: from none) and has not been
 * trained by thaw is copied, byte by byte; what has keeps names, number types and small files of what it
 * was made of (hf_model_save_as). With a type all is written anew as that. */
bool model_folder_export(const char *path, const char *from, const struct weights *w,
                         const struct tokenizer *t, const enum dtype *type, struct err *err);
#endif
