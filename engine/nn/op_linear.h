/* op_linear.h - affine map y = x W^T + b. Its gradients are products alone, which
 * model/backward.c makes.
 * Matrices are row-major and dense; shapes in brackets, outermost first.
 * Source: Rumelhart, Hinton, Williams, Nature 323 (1986). */
#ifndef THAW_ENGINE_NN_OP_LINEAR_H
#define THAW_ENGINE_NN_OP_LINEAR_H
#include <stdbool.h>

#include "engine/nn/exec.h"

struct linear_dims {
    int rows; /* batch x time */
    int in, out;
    bool turned; /* W stands as W[in,out], which large products are faster with */
};

/* y[rows,out] = onto[rows,out] + x[rows,in] W[out,in]^T + b[out].  onto, for residual streams, may be y, or
 * NULL: none.  b NULL: no bias.  Cost: 2*rows*in*out flop. */
void linear_forward(struct exec *ex, real *y, const real *onto, const real *x, const real *W,
                    const real *b, struct linear_dims d);
#endif
