#include "engine/nn/op_norm.h"

#include <stddef.h>
#include <string.h>

#include "engine/nn/column_sum.h"
#include "engine/nn/real_math.h"
#include "engine/nn/tiling.h"

/* One struct for the four passes; what a pass does not use stays NULL. */
struct norm_job {
    real *y, *mean_out, *rstd_out; /* forward's outputs */
    real *dx;                      /* backward's */
    const real *onto;              /* NULL: zeros */
    const real *x, *dy, *mean, *rstd, *gain, *bias;
    struct norm_dims d;
    int per_tile; /* rows */
};

static struct span job_rows(const struct norm_job *job, int tile) {
    return tile_span(tile, job->d.rows, job->per_tile);
}

static void run_rows(struct exec *ex, struct norm_job *job,
                     void (*tile)(void *ctx, int i, int worker)) {
    job->per_tile = tile_rows(job->d.width);
    pool_run(ex->pool, tile_count(job->d.rows, job->per_tile), tile, job);
}

/* The row of dx at `at`, holding what the gradient is added to: while it is in the nearest
 * cache. */
static inline real *begin_row(const struct norm_job *job, size_t at) {
    size_t bytes = (size_t)job->d.width * sizeof *job->dx;
    real *dx = job->dx + at;
    if (!job->onto) memset(dx, 0, bytes);
    else if (job->onto != job->dx) memcpy(dx, job->onto + at, bytes);
    return dx;
}

static inline real mean_of(const real *x, int n) {
    real s = R(0.0);
#pragma omp simd reduction(+ : s)
    for (int j = 0; j < n; j++) s += x[j];
    return s / (real)n;
}

/* mean of (x - mean)^2 */
static inline real spread_of(const real *x, real mean, int n) {
    real s = R(0.0);
#pragma omp simd reduction(+ : s)
    for (int j = 0; j < n; j++) s += (x[j] - mean) * (x[j] - mean);
    return s / (real)n;
}

KERNEL static void rmsnorm_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct norm_job *job = ctx;
    int n = job->d.width;
    const real *restrict gain = job->gain;
    struct span rows = job_rows(job, i);
    for (int r = rows.from; r < rows.to; r++) {
        const real *restrict x = job->x + (size_t)r * (size_t)n;
        real *restrict y = job->y + (size_t)r * (size_t)n;
        real rstd = R(1.0) / real_sqrt(spread_of(x, R(0.0), n) + job->d.eps);
        for (int j = 0; j < n; j++) y[j] = x[j] * rstd * gain[j];
        job->rstd_out[r] = rstd;
    }
}

/* With g = dy * gain and h = x * rstd:  dx = rstd * (g - h * mean(g h)). */
KERNEL static void rmsnorm_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct norm_job *job = ctx;
    int n = job->d.width;
    const real *restrict gain = job->gain;
    struct span rows = job_rows(job, i);
    for (int r = rows.from; r < rows.to; r++) {
        size_t at = (size_t)r * (size_t)n;
        const real *restrict x = job->x + at, *restrict dy = job->dy + at;
        real rstd = job->rstd[r], dot = R(0.0);
#pragma omp simd reduction(+ : dot)
        for (int j = 0; j < n; j++) dot += dy[j] * gain[j] * x[j];
        real c = dot * rstd * rstd / (real)n;
        real *dx = begin_row(job, at);
#pragma omp simd
        for (int j = 0; j < n; j++) dx[j] += rstd * (dy[j] * gain[j] - x[j] * c);
    }
}

KERNEL static void layernorm_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct norm_job *job = ctx;
    int n = job->d.width;
    const real *restrict gain = job->gain, *restrict bias = job->bias;
    struct span rows = job_rows(job, i);
    for (int r = rows.from; r < rows.to; r++) {
        const real *restrict x = job->x + (size_t)r * (size_t)n;
        real *restrict y = job->y + (size_t)r * (size_t)n;
        real mean = mean_of(x, n);
        real rstd = R(1.0) / real_sqrt(spread_of(x, mean, n) + job->d.eps);
        for (int j = 0; j < n; j++) y[j] = (x[j] - mean) * rstd * gain[j] + bias[j];
        job->mean_out[r] = mean;
        job->rstd_out[r] = rstd;
    }
}

/* With g = dy * gain and h = (x - mean) * rstd:  dx = rstd * (g - mean(g) - h * mean(g h)). */
KERNEL static void layernorm_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct norm_job *job = ctx;
    int n = job->d.width;
    const real *restrict gain = job->gain;
    struct span rows = job_rows(job, i);
    for (int r = rows.from; r < rows.to; r++) {
        size_t at = (size_t)r * (size_t)n;
        const real *restrict x = job->x + at, *restrict dy = job->dy + at;
        real mean = job->mean[r], rstd = job->rstd[r], sum = R(0.0), dot = R(0.0);
#pragma omp simd reduction(+ : sum, dot)
        for (int j = 0; j < n; j++) {
            real g = dy[j] * gain[j];
            sum += g;
            dot += g * (x[j] - mean);
        }
        real a = sum / (real)n, c = dot * rstd * rstd / (real)n;
        real *dx = begin_row(job, at);
#pragma omp simd
        for (int j = 0; j < n; j++) dx[j] += rstd * (dy[j] * gain[j] - a - (x[j] - mean) * c);
    }
}

void rmsnorm_forward(struct exec *ex, real *y, real *rstd, const real *x, const real *gain,
                     struct norm_dims d) {
    struct norm_job job = {.y = y, .rstd_out = rstd, .x = x, .gain = gain, .d = d};
    run_rows(ex, &job, rmsnorm_forward_tile);
}

void rmsnorm_backward(struct exec *ex, real *dx, const real *onto, real *dgain, const real *dy,
                      const real *x, const real *rstd, const real *gain, struct norm_dims d) {
    struct norm_job job = {
        .dx = dx, .onto = onto, .dy = dy, .x = x, .rstd = rstd, .gain = gain, .d = d};
    if (dx) run_rows(ex, &job, rmsnorm_backward_tile);
    if (dgain) column_dot_add(ex, dgain, dy, x, NULL, rstd, d.rows, d.width);
}

void layernorm_forward(struct exec *ex, real *y, real *mean, real *rstd, const real *x,
                       const real *gain, const real *bias, struct norm_dims d) {
    struct norm_job job = {
        .y = y, .mean_out = mean, .rstd_out = rstd, .x = x, .gain = gain, .bias = bias, .d = d};
    run_rows(ex, &job, layernorm_forward_tile);
}

void layernorm_backward(struct exec *ex, real *dx, const real *onto, real *dgain, real *dbias,
                        const real *dy, const real *x, const real *mean, const real *rstd,
                        const real *gain, struct norm_dims d) {
    struct norm_job job = {.dx = dx,
                           .onto = onto,
                           .dy = dy,
                           .x = x,
                           .mean = mean,
                           .rstd = rstd,
                           .gain = gain,
                           .d = d};
    if (dx) run_rows(ex, &job, layernorm_backward_tile);
    if (dgain) column_dot_add(ex, dgain, dy, x, mean, rstd, d.rows, d.width);
    if (dbias) column_sum_add(ex, dbias, dy, d.rows, d.width);
}
