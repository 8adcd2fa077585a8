#include "engine/nn/vmath.h"

#include "engine/nn/vexp.h"

KERNEL void vmath_exp(real *y, const real *x, int n) {
#pragma omp simd
    for (int i = 0; i < n; i++) y[i] = vexp(x[i]);
}

KERNEL real vmath_exp_shift_sum(real *y, const real *x, real shift, int n) {
    real sum = R(0.0);
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) {
        y[i] = vexp_flushed(x[i] - shift);
        sum += y[i];
    }
    return sum;
}
