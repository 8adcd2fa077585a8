/* gradcheck.h - a gradient against central differences.
 * In double, h = 1e-5 leaves about 1e-10 of curvature and 1e-11 of rounding. In float, rounding
 * costs 1e-7/h and curvature h^2: h = 1e-2 leaves a few 1e-3. `loss` sums in double. */
#ifndef THAW_TESTS_GRADCHECK_H
#define THAW_TESTS_GRADCHECK_H
#include <math.h>
#include <stddef.h>

#include "engine/core/real.h"

#ifdef THAW_DOUBLE
#define GRADCHECK_STEP 1e-5
#define GRADCHECK_TOLERANCE 1e-7
#else
#define GRADCHECK_STEP 1e-2f
#define GRADCHECK_TOLERANCE 1e-2
#endif

/* Largest |g - fd| / max(1, |g|, |fd|) over i < n, where g is the gradient of loss(ctx) by x.
 * Each x[i] is moved in turn and put back. Not a number anywhere gives infinity. */
static inline double gradcheck(real *x, const real *g, size_t n, double (*loss)(void *),
                               void *ctx) {
    double worst = 0.0;
    for (size_t i = 0; i < n; i++) {
        real at = x[i], above = at + GRADCHECK_STEP, below = at - GRADCHECK_STEP;
        x[i] = above;
        double up = loss(ctx);
        x[i] = below;
        double down = loss(ctx);
        x[i] = at;
        double fd = (up - down) / ((double)above - (double)below);
        double scale = fmax(1.0, fmax(fabs((double)g[i]), fabs(fd)));
        double error = fabs((double)g[i] - fd) / scale;
        if (!(error <= worst)) worst = isnan(error) ? (double)INFINITY : error;
    }
    return worst;
}
#endif
