/* optim.h - from gradients to new weights: clipping, AdamW, the learning rate's schedule.
 * Frozen groups: no share in the gradient norm, no update, no decay; moments and step counts wait.
 * Sources: Loshchilov, Hutter, arXiv 1711.05101 (AdamW); Pascanu et al., arXiv 1211.5063 (clipping);
 * Hu et al., arXiv 2404.06395 (warm-up, stable, decay). */
#ifndef THAW_ENGINE_OPTIM_OPTIM_H
#define THAW_ENGINE_OPTIM_OPTIM_H
#include "engine/model/params.h"

/* ---- schedule.c ---- */

enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_WSD, SCHEDULE_COUNT };
extern const char *const schedule_words[SCHEDULE_COUNT]; /* "constant", "cosine", "wsd" */

struct schedule {
    enum schedule_kind kind;
    int64_t steps, warmup; /* of the stage; warm-up is linear from 0 and not zero at step 0 */
    double lr, final_share; /* lr at the end = lr * final_share */
    double decay_share;     /* wsd: the last share of the steps goes down (linearly) */
};
/* The learning rate of step 0 <= step < steps (later steps keep the last value). */
double schedule_lr(const struct schedule *s, int64_t step);

/* ---- clip.c ---- */

/* sqrt of the sum of squares of each learning group's gradient into norms[g] (0 for frozen), in
 * double and in a fixed order; returns the norm over all that learn. */
double grads_norm(struct exec *ex, const struct weights *g, const bool *learn, double *norms);
/* Set the gradients of learning groups to zero. */
void grads_zero(struct exec *ex, struct weights *g, const bool *learn);

/* ---- adamw.c ---- */

struct adamw_settings {
    double beta1, beta2, eps, decay;
};

struct optim {
    struct adamw_settings settings;
    struct weights m, v; /* moments; memory is touched when a group first learns */
    int64_t *steps;      /* [n_groups] updates that each group has had, for the bias correction */
    double *sizes;       /* [n_groups] scratch: sums of squares of the weights */
};

bool optim_create(const struct param_table *t, struct adamw_settings s, struct optim *out,
                  struct err *err);
void optim_destroy(struct optim *o);

/* One update of every learning group: W -= lr * (mhat / (sqrt(vhat) + eps) + decay * W), gradients
 * multiplied by `scale` on the way (clipping). One pass over memory. updates[g] (may be NULL) gets
 * ||dW|| / ||W|| of the group, 0 for frozen. */
void optim_step(struct exec *ex, struct optim *o, struct weights *w, const struct weights *g,
                const bool *learn, double lr, double scale, double *updates);
#endif
