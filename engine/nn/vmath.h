/* vmath.h - vectorised elementary functions (libmvec), the only file compiled with -ffast-math.
 * Inputs must be finite. y may be x. Relative error about 4 ulp. */
#ifndef THAW_ENGINE_NN_VMATH_H
#define THAW_ENGINE_NN_VMATH_H
#include "engine/core/real.h"

void vmath_exp(real *y, const real *x, int n);
/* y = exp(x - shift), and the sum of y, in one pass. The order of the sum is fixed by n. Below e^-64
 * (double build: e^-700) y is 0, so that no denormal numbers reach the products that follow. */
real vmath_exp_shift_sum(real *y, const real *x, real shift, int n);
/* y = 1 / (1 + exp(-x)) */
void vmath_sigmoid(real *y, const real *x, int n);
#endif
