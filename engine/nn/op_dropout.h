/* op_dropout.h - some elements become 0, the others grow so that the mean stays.
 *   y = x / (1 - share) where the element is kept, else 0
 * Which are kept follows from (key, row, column) alone: the backward pass makes the same choice again, and so do a
 * run that is resumed and any number of threads. Source: Srivastava et al., JMLR 15 (2014). */
#ifndef THAW_ENGINE_NN_OP_DROPOUT_H
#define THAW_ENGINE_NN_OP_DROPOUT_H
#include "engine/nn/exec.h"

struct dropout_dims {
    int rows, width;
    double share; /* in [0, 1): of elements that become 0 */
    uint64_t key;
    uint64_t row; /* number of the first row in what the key is of */
};

/* y[rows,width] = drop(x[rows,width]); y may be x. */
void dropout_forward(struct exec *ex, real *y, const real *x, struct dropout_dims d);
/* y += drop(x): of a gradient that goes back through dropout_forward(). */
void dropout_add(struct exec *ex, real *y, const real *x, struct dropout_dims d);
#endif
