/* column_sum.h - sums over the rows of a matrix: the gradients of biases and gains.
 * Columns are cut into tiles, rows never, so the order of each sum is fixed. Within a column,
 * rows are summed in groups first, which keeps the rounding of long sums small. */
#ifndef THAW_ENGINE_NN_COLUMN_SUM_H
#define THAW_ENGINE_NN_COLUMN_SUM_H
#include "engine/nn/exec.h"

/* out[width] += column sums of dy[rows,width] */
void column_sum_add(struct exec *ex, real *out, const real *dy, int rows, int width);

/* out[width] += column sums of dy * (x - mean) * rstd; mean[rows] NULL: zero. x[rows,width],
 * rstd[rows] */
void column_dot_add(struct exec *ex, real *out, const real *dy, const real *x, const real *mean,
                    const real *rstd, int rows, int width);
#endif
