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

enum optimizer_kind { OPTIMIZER_ADAMW, OPTIMIZER_MUON, OPTIMIZER_COUNT };
extern const char *const optimizer_words[OPTIMIZER_COUNT]; /* "adamw", "muon" */

/* ---- share.c ---- */

/* Several processes of which each has the gradient of a part of every group, keeps its moments, and updates it
 * (ZeRO's first stage: Rajbhandari et al., arXiv 1910.02054). What is added up over a group is added piece by piece,
 * in their order, whoever has worked on them: norms and weights are to the bit those of one process. */
struct optim_share {
    size_t *from, *to; /* [n_groups] this process's part, by share_cut() */
    double *sums;            /* [share_pieces()][2] scratch */
    /* x[n] becomes the sum over all processes, zeros in all but one. Where it fails, what is made of it is of no use,
     * and whoever set it knows. */
    void (*meet)(void *ctx, double *x, size_t n);
    void *ctx;
    const struct weights *whole[2]; /* m and v as they are saved: groups are fetched (weights.fetch) */
};
size_t share_pieces(const struct param_table *t);
/* cuts[n_groups][parts + 1]: part i of group g is [cuts[g][i], cuts[g][i + 1]) of its reals. A matrix that Muon takes is
 * never cut; over the whole model the parts are even to about one such matrix, or a piece. */
void share_cut(const struct param_table *t, enum optimizer_kind kind, int parts, size_t *cuts);

/* ---- clip.c ---- */

/* sqrt of the sum of squares of each learning group's gradient into norms[g] (0 for frozen), in
 * double and in a fixed order; returns the norm over all that learn. share: NULL, or whose part of g is there. */
double grads_norm(struct exec *ex, const struct weights *g, const bool *learn,
                  const struct optim_share *share, double *norms);

/* ---- add.c ---- */

/* Group g of `to` += that of `from`, number by number. */
void grads_add(struct exec *ex, const struct weights *to, const struct weights *from, int g);

/* ---- adamw.c: the update; muon.c: the direction of matrices under Muon ---- */

struct optim_settings {
    enum optimizer_kind kind;
    double beta1, beta2, eps, decay; /* AdamW's; decay is Muon's too */
    double momentum;                 /* Muon's */
    double l2_sp;                    /* pull towards `start`; 0: none */
};

struct optim {
    struct optim_settings settings;
    struct weights m, v;  /* moments; memory is touched when a group first learns */
    const struct weights *start; /* borrowed: where l2_sp pulls to; NULL: it does not */
    const struct optim_share *share; /* borrowed: this process updates a part alone; NULL: all */
    double *lr_scale;     /* [n_groups] factors of the learning rate; 1 from the start */
    int64_t *steps;       /* [n_groups] updates that each group has had, for the bias correction */
    double *sizes;        /* [n_groups] scratch: ||W||^2 of the last step */
    struct arena *muon;   /* scratch of Muon: muon_scratch() for each worker */
    real **muon_scratch;  /* [POOL_MAX_THREADS] pieces of it */
};

/* ex says how many workers will need scratch. */
bool optim_create(struct exec *ex, const struct param_table *t, struct optim_settings s,
                  struct optim *out, struct err *err);
void optim_destroy(struct optim *o);
/* Forget moments and step counts, and give back the moments' memory: another kind of optimizer goes on. */
void optim_reset(struct optim *o);

/* One update of every learning group, gradients multiplied by `scale` on the way (clipping):
 * where lr is the group's own, lr * lr_scale[g] (discriminative: Howard, Ruder, arXiv 1801.06146):
 *   AdamW            W -= lr * (mhat / (sqrt(vhat) + eps) + decay * W), in one pass over memory
 *   Muon, for the matrices of blocks; all else goes by AdamW with the same lr
 *                    W -= lr * (0.2 sqrt(max(rows, cols)) * NS(momentum) + decay * W)
 * With l2_sp every weight is also pulled to where it was at first: W -= lr * l2_sp * (W - start), W being
 * that before the step, as with decay (Li, Grandvalet, Davoine, arXiv 1802.01483, here decoupled).
 * With Muon the gradients of those matrices are spoilt. updates[g] (may be NULL) gets ||dW|| / ||W||
 * of the group, 0 for frozen; no finite number when W has become none. */
void optim_step(struct exec *ex, struct optim *o, struct weights *w, struct weights *g,
                const bool *learn, double lr, double scale, double *updates);

/* Whether Muon takes this parameter: a matrix inside a block. */
bool muon_takes(const struct param_table *t, const struct param *p);
/* Reals of scratch that a worker needs. */
size_t muon_scratch(const struct param_table *t);
/* Move the momentum of every learning matrix on and put its orthogonalised direction, in AdamW's
 * scale, into the gradient's place. Each matrix is one tile: same bits for any number of threads.
 * Sources: Jordan et al. 2024 (Muon, its quintic Newton-Schulz); Liu et al., arXiv 2502.16982 (scale). */
void muon_directions(struct exec *ex, struct optim *o, struct weights *g, const bool *learn,
                     double scale);
#endif
