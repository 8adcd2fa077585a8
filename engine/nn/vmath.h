/* vmath.h - vectorised elementary functions of whole rows. y may be x. NaN gives NaN.
 * Relative error below 2e-7 (double build: libm's). */
#ifndef THAW_ENGINE_NN_VMATH_H
#define THAW_ENGINE_NN_VMATH_H
#include "engine/core/real.h"

/* y = exp(x), x held to [-87, 88] */
void vmath_exp(real *y, const real *x, int n);
/* y = exp(x - shift), and the sum of y, in one pass. The order of the sum is fixed by n. Below
 * e^-64 (double build: e^-700) y is 0, so that no denormal numbers reach the products that
 * follow. */
real vmath_exp_shift_sum(real *y, const real *x, real shift, int n);
#endif
