/* op_qk.h - what happens to queries and keys between projection and attention: RMSNorm of each
 * head (Qwen3) and rotary position (half-split: element i turns with i + head_dim/2), in one pass.
 * Sources: Su et al., arXiv 2104.09864; Henry et al., arXiv 2010.04245 (QK-norm). */
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

/* Fill cosine[time, head_dim/2] and sine[time, head_dim/2]; angle = t * theta^(-2i/head_dim),
 * computed in double. */
void rope_table(real *cosine, real *sine, int time, int head_dim, double theta);

/* y[rows, heads*head_dim] (dense) from x (rows `stride` apart). gain[head_dim] NULL: no norm, rstd is
 * not touched; else rstd[rows, heads] is kept. cosine NULL: no rotation. */
void qk_forward(struct exec *ex, real *y, real *rstd, const real *x, const real *gain,
                const real *cosine, const real *sine, struct qk_dims d);
/* dx (rows `stride` apart) is overwritten; ADDs into dgain[head_dim] unless NULL. `dy` is used as
 * scratch and is spoilt. */
void qk_backward(struct exec *ex, real *dx, real *dgain, real *dy, const real *x, const real *rstd,
                 const real *gain, const real *cosine, const real *sine, struct qk_dims d);
#endif
