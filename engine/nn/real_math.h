/* real_math.h - scalar functions of `real`, in the precision of the build. */
#ifndef THAW_ENGINE_NN_REAL_MATH_H
#define THAW_ENGINE_NN_REAL_MATH_H
#include <math.h>

#include "engine/core/real.h"

/* One definition for both: what counts covered lines wants a function at one place. */
#ifdef THAW_DOUBLE
#define REAL_MATH(name) name
#else
#define REAL_MATH(name) name##f
#endif
static inline real real_sqrt(real x) { return REAL_MATH(sqrt)(x); }
static inline real real_log(real x) { return REAL_MATH(log)(x); }

/* The largest of x[0..n), n >= 1; NaN when any of them is NaN or infinite. A plain maximum
 * passes over NaN, and would hide a broken weight from the loss. */
static inline real real_finite_max(const real *x, int n) {
    real max = x[0], zero = R(0.0); /* 0 * x is 0 for finite x, else NaN */
#pragma omp simd reduction(max : max) reduction(+ : zero)
    for (int i = 0; i < n; i++) {
        max = x[i] > max ? x[i] : max;
        zero += R(0.0) * x[i];
    }
    return max + zero;
}
#endif
