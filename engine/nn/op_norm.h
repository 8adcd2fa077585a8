/* op_norm.h - RMSNorm and LayerNorm over the rows of a matrix.
 * Sources: Zhang, Sennrich, arXiv 1910.07467; Ba, Kiros, Hinton, arXiv 1607.06450. */
#ifndef THAW_ENGINE_NN_OP_NORM_H
#define THAW_ENGINE_NN_OP_NORM_H
#include "engine/nn/exec.h"

struct norm_dims {
    int rows, width;
    real eps;
};

/* y[rows,width] = x / sqrt(mean(x^2) + eps) * gain[width]; rstd[rows] is kept for the backward. */
void rmsnorm_forward(struct exec *ex, real *y, real *rstd, const real *x, const real *gain,
                     struct norm_dims d);
/* dx[rows,width] = onto + gradient, where onto is what the gradient of x is already: NULL for zeros, or dx
 * itself. ADDs into dgain[width]. dx and dgain may be NULL (not wanted). */
void rmsnorm_backward(struct exec *ex, real *dx, const real *onto, real *dgain, const real *dy,
                      const real *x, const real *rstd, const real *gain, struct norm_dims d);

/* y = (x - mean) / sqrt(var + eps) * gain + bias; mean[rows], rstd[rows] are kept. */
void layernorm_forward(struct exec *ex, real *y, real *mean, real *rstd, const real *x,
                       const real *gain, const real *bias, struct norm_dims d);
/* The same; ADDs into dbias[width] too. */
void layernorm_backward(struct exec *ex, real *dx, const real *onto, real *dgain, real *dbias,
                        const real *dy, const real *x, const real *mean, const real *rstd,
                        const real *gain, struct norm_dims d);
#endif
