/* vexp.h - exp and sigmoid as plain arithmetic, so that the compiler vectorises the loops they
 * stand in, without -ffast-math and for any vector width. NaN gives NaN. Relative error below
 * 2e-7.
 *
 * exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2; the polynomial's coefficients
 * are our own fit to exp(r) on that interval (largest error 3e-9). Method: Cody, Waite,
 * "Software Manual for the Elementary Functions", 1980. */
#ifndef THAW_ENGINE_NN_VEXP_H
#define THAW_ENGINE_NN_VEXP_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/core/real.h"

#ifdef THAW_DOUBLE

#define VEXP_FLUSH (-700.0)
static inline real vexp_within(real x) { return exp(x); }
static inline real vexp(real x) { return exp(x); }

#else

#define VEXP_FLUSH (-64.0f)

/* x in [-87, 88]: results are normal numbers. */
static inline real vexp_within(real x) {
    const real round = 12582912.0f; /* 1.5 * 2^23: added to n, leaves n in the lowest bits */
    real k = x * 1.44269504f + round, n = k - round;
    real r =
        x - n * 0.693145752f - n * 1.42860677e-6f; /* ln 2 in two parts; n * first is exact */
    real q = 0.0013951095f;
    q = q * r + 0.0083692395f;
    q = q * r + 0.0416661967f;
    q = q * r + 0.166665159f;
    q = q * r + 0.5f;
    q = q * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &k, sizeof bits);
    bits = (bits << 23) + (127u << 23); /* 2^n */
    real power;
    memcpy(&power, &bits, sizeof power);
    return q * power;
}

/* x below -87 counts as -87, above 88 as 88. */
static inline real vexp(real x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    return vexp_within(x);
}

#endif

/* exp(x), but 0 below VEXP_FLUSH: so that weights of a softmax do not become denormal numbers,
 * which would slow the products that follow. */
static inline real vexp_flushed(real x) {
    real e = vexp(x);
    return x < VEXP_FLUSH ? R(0.0) : e;
}

/* 1 / (1 + exp(-x)); x below VEXP_FLUSH counts as VEXP_FLUSH, for the same reason. */
static inline real vsigmoid(real x) {
    real most = R(87.0), least = VEXP_FLUSH;
    x = x < least ? least : x;
    x = x > most ? most : x;
    return R(1.0) / (R(1.0) + vexp_within(-x));
}
#endif
