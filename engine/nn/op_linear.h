/* op_linear.h - affine map y = x W^T + b and its gradient.
 * Matrices are row-major and dense; shapes in brackets, outermost first.
 * Source: Rumelhart, Hinton, Williams, Nature 323 (1986). */
#ifndef THAW_ENGINE_NN_OP_LINEAR_H
#define THAW_ENGINE_NN_OP_LINEAR_H
#include <stdbool.h>

#include "engine/nn/exec.h"

struct linear_dims {
    int rows; /* batch x time */
    int in, out;
    bool add; /* forward: y += instead of y =, for residual streams */
};

/* y[rows,out] = x[rows,in] W[out,in]^T + b[out].  b NULL: no bias.  Cost: 2*rows*in*out flop. */
void linear_forward(struct exec *ex, real *y, const real *x, const real *W, const real *b,
                    struct linear_dims d);

/* Given dy[rows,out], ADD into each output that is not NULL:
 *   dx[rows,in] += dy W            NULL: nothing upstream learns
 *   dW[out,in]  += dy^T x          NULL: frozen
 *   db[out]     += column sums     NULL: frozen, or no bias
 * Cost: 2*rows*in*out flop for dx and again for dW. */
void linear_backward(struct exec *ex, real *dx, real *dW, real *db, const real *dy, const real *x,
                     const real *W, struct linear_dims d);
#endif
