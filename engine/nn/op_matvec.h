/* op_matvec.h - y = x W^T + b for a few rows of x, where reading W from memory sets the pace.
 * W is read once for all rows, in the order in which it lies there. Unlike linear_forward(), an
 * element of y is the same bits whatever other rows are computed beside it, and on any SIMD level. */
#ifndef THAW_ENGINE_NN_OP_MATVEC_H
#define THAW_ENGINE_NN_OP_MATVEC_H
#include <stdbool.h>

#include "engine/nn/exec.h"
#include "engine/nn/narrow.h"

struct matvec_dims {
    int rows; /* sequences side by side, or tokens of one */
    int in, out;
    bool add; /* y += instead of y =, for residual streams */
    enum narrow_kind kind; /* of W's numbers; NARROW_NONE: they are reals */
};

/* y[rows,out] (+)= x[rows,in] W[out,in]^T + b[out].  b NULL: no bias.  Cost: 2*rows*in*out flop and
 * in*out numbers of memory read. A narrow W gives the bits that the same numbers as reals give. */
void matvec_forward(struct exec *ex, real *y, const real *x, const void *W, const real *b,
                    struct matvec_dims d);
#endif
