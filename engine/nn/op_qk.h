/* op_qk.h - what happens to queries and keys between projection and attention: RMSNorm of each
 * head (Qwen3) and rotary position (half-split: element i turns with i + head_dim/2), in one pass.
 * Sources: Su et al., arXiv 2104.09864; Henry et al., arXiv 2010.04245 (QK-norm); Llama 3's stretched
 * frequencies: Grattafiori et al., arXiv 2407.21783, as "rope_type": "llama3" of Hugging Face has them. */
#ifndef THAW_ENGINE_NN_OP_QK_H
#define THAW_ENGINE_NN_OP_QK_H
#include "engine/nn/exec.h"

struct qk_dims {
    int rows, time; /* rows = batch x time; the position of row r is r % time */
    int heads;      /* of queries, or of keys */
    int head_dim;   /* even where rotation is wanted */
    int stride;     /* reals from one row of x to the next (queries, keys, values lie side by side) */
    real eps;
};

/* Slow frequencies stretched, so that a model reads further than it was first trained for: those that turn
 * less than `low` times within `original` positions are divided by `factor`, those that turn more than `high`
 * times stay, between them in proportion. */
struct rope_scaling {
    double factor; /* 0: none */
    double low, high;
    int original;
};

/* What the scaling divides frequency i of theta's by; 1 where it leaves it. */
double rope_divisor(double theta, int head_dim, int i, struct rope_scaling scaling);
/* Fill cosine[time, head_dim/2] and sine[time, head_dim/2]; angle = t * theta^(-2i/head_dim), or as the
 * scaling has it; computed in double. */
void rope_table(real *cosine, real *sine, int time, int head_dim, double theta,
                struct rope_scaling scaling);

/* y[rows, heads*head_dim] (dense) from x (rows `stride` apart). gain[head_dim] NULL: no norm, rstd is
 * not touched; else rstd[rows, heads] is kept. cosine NULL: no rotation. */
void qk_forward(struct exec *ex, real *y, real *rstd, const real *x, const real *gain,
                const real *cosine, const real *sine, struct qk_dims d);
/* dx (rows `stride` apart) is overwritten; ADDs into dgain[head_dim] unless NULL. `dy` is used as
 * scratch and is spoilt. */
void qk_backward(struct exec *ex, real *dx, real *dgain, real *dy, const real *x, const real *rstd,
                 const real *gain, const real *cosine, const real *sine, struct qk_dims d);
#endif
