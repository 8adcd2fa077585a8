#include "engine/nn/vmath.h"

#include <math.h>
#include <string.h>

/* GCC turns these loops into calls of libmvec when this file is compiled with -ffast-math. The
 * rest of a row goes through one more full vector, so that exp(x) has the same bits wherever x
 * stands. */
enum { LANES = 16 };

#ifdef THAW_DOUBLE
#define EXP exp
static const real exp_floor = -700.0;
#else
#define EXP expf
static const real exp_floor = -64.0f;
#endif

static inline void exp_lanes(real *y, const real *x, int n) {
    for (int i = 0; i < n; i++) y[i] = EXP(x[i]);
}

/* y = exp(x - shift), flushed to 0 below the floor; the floor also keeps libmvec out of its
 * slow path for results that underflow. */
static inline real exp_shift_lanes(real *y, const real *x, real shift, int n) {
    real sum = R(0.0);
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) {
        real t = x[i] - shift;
        real e = EXP(t > exp_floor ? t : exp_floor);
        y[i] = t > exp_floor ? e : R(0.0);
        sum += y[i];
    }
    return sum;
}

/* Within +-floor exp(-x) is finite, which a vector division under -ffast-math asks for, and
 * libmvec stays on its fast path. Beyond it the result is 1, or as good as 0. */
static inline void sigmoid_lanes(real *y, const real *x, int n) {
    for (int i = 0; i < n; i++) {
        real t = x[i] > exp_floor ? x[i] : exp_floor;
        t = t < -exp_floor ? t : -exp_floor;
        y[i] = R(1.0) / (R(1.0) + EXP(-t));
    }
}

KERNEL void vmath_exp(real *y, const real *x, int n) {
    int whole = n - n % LANES;
    exp_lanes(y, x, whole);
    real rest[LANES] = {0};
    memcpy(rest, x + whole, (size_t)(n - whole) * sizeof *x);
    exp_lanes(rest, rest, LANES);
    memcpy(y + whole, rest, (size_t)(n - whole) * sizeof *y);
}

KERNEL real vmath_exp_shift_sum(real *y, const real *x, real shift, int n) {
    int whole = n - n % LANES;
    real sum = exp_shift_lanes(y, x, shift, whole);
    if (whole == n) return sum;
    real rest[LANES];
    for (int i = 0; i < LANES; i++)
        rest[i] = shift + R(2.0) * exp_floor; /* adds 0 to the sum */
    memcpy(rest, x + whole, (size_t)(n - whole) * sizeof *x);
    sum += exp_shift_lanes(rest, rest, shift, LANES);
    memcpy(y + whole, rest, (size_t)(n - whole) * sizeof *y);
    return sum;
}

KERNEL void vmath_sigmoid(real *y, const real *x, int n) {
    int whole = n - n % LANES;
    sigmoid_lanes(y, x, whole);
    if (whole == n) return;
    real rest[LANES] = {0};
    memcpy(rest, x + whole, (size_t)(n - whole) * sizeof *x);
    sigmoid_lanes(rest, rest, LANES);
    memcpy(y + whole, rest, (size_t)(n - whole) * sizeof *y);
}
