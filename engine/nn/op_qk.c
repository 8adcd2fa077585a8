#include "engine/nn/op_qk.h"

#include <string.h>

#include "engine/nn/real_math.h"
#include "engine/nn/tiling.h"

struct qk_job {
    real *y, *rstd_out; /* forward */
    real *dx, *dy;      /* backward; dy becomes scratch */
    bool want_dgain;
    const real *x, *rstd, *gain, *cosine, *sine;
    struct qk_dims d;
    int per_tile; /* rows */
};

/* Radians a position. */
static double plain_frequency(double theta, int head_dim, int i) {
    return pow(theta, -2.0 * i / head_dim);
}

double rope_divisor(double theta, int head_dim, int i, struct rope_scaling s) {
    static const double circle = 6.283185307179586;
    double turns = plain_frequency(theta, head_dim, i) * s.original / circle;
    if (s.factor <= 0 || turns > s.high) return 1;
    if (turns < s.low) return s.factor;
    double stays = (turns - s.low) / (s.high - s.low);
    return 1 / (stays + (1 - stays) / s.factor);
}

void rope_table(real *cosine, real *sine, int time, int head_dim, double theta,
                struct rope_scaling scaling) {
    int half = head_dim / 2;
    for (int i = 0; i < half; i++) {
        double frequency =
            plain_frequency(theta, head_dim, i) / rope_divisor(theta, head_dim, i, scaling);
        for (int t = 0; t < time; t++) {
            cosine[(size_t)t * (size_t)half + (size_t)i] = (real)cos(t * frequency);
            sine[(size_t)t * (size_t)half + (size_t)i] = (real)sin(t * frequency);
        }
    }
}

/* Turn v in place by the angles of one position; sign -1 turns back. */
static inline void rotate(real *restrict v, const real *restrict cosine,
                          const real *restrict sine, real sign, int half) {
    real *restrict w = v + half;
    for (int i = 0; i < half; i++) {
        real s = sign * sine[i], a = v[i], b = w[i];
        v[i] = a * cosine[i] - b * s;
        w[i] = b * cosine[i] + a * s;
    }
}

/* y = x * rstd * gain; returns rstd */
static inline real normalise(real *restrict y, const real *restrict x,
                             const real *restrict gain, real eps, int n) {
    real sum = R(0.0);
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    real rstd = R(1.0) / real_sqrt(sum / (real)n + eps);
    for (int i = 0; i < n; i++) y[i] = x[i] * rstd * gain[i];
    return rstd;
}

static inline void forward_rows(const struct qk_job *job, struct span rows, int n) {
    struct qk_dims d = job->d;
    int half = n / 2;
    for (int r = rows.from; r < rows.to; r++) {
        size_t angles = (size_t)(r % d.time) * (size_t)half;
        for (int h = 0; h < d.heads; h++) {
            size_t head = (size_t)r * (size_t)d.heads + (size_t)h;
            const real *x = job->x + (size_t)r * (size_t)d.stride + (size_t)h * (size_t)n;
            real *y = job->y + head * (size_t)n;
            if (job->gain) job->rstd_out[head] = normalise(y, x, job->gain, d.eps, n);
            else memcpy(y, x, (size_t)n * sizeof *y);
            if (job->cosine) rotate(y, job->cosine + angles, job->sine + angles, R(1.0), half);
        }
    }
}

/* The usual head sizes are constants to the compiler, which then needs no loops for them. */
KERNEL static void qk_forward_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct qk_job *job = ctx;
    struct span rows = tile_span(tile, job->d.rows, job->per_tile);
    switch (job->d.head_dim) {
    case 32:
        forward_rows(job, rows, 32);
        break;
    case 64:
        forward_rows(job, rows, 64);
        break;
    case 128:
        forward_rows(job, rows, 128);
        break;
    default:
        forward_rows(job, rows, job->d.head_dim);
    }
}

/* dx from g (gradient of the normed head) as in rmsnorm; g becomes g * x * rstd, its share of
 * dgain. */
static inline void normalise_backward(real *restrict dx, real *restrict g,
                                      const real *restrict x, const real *restrict gain,
                                      real rstd, int n) {
    real dot = R(0.0);
#pragma omp simd reduction(+ : dot)
    for (int i = 0; i < n; i++) dot += g[i] * gain[i] * x[i];
    real c = dot * rstd * rstd / (real)n;
    for (int i = 0; i < n; i++) {
        dx[i] = rstd * (g[i] * gain[i] - x[i] * c);
        g[i] *= x[i] * rstd;
    }
}

/* The tile's share of dgain is gathered in its first head of dy. */
static inline void backward_rows(const struct qk_job *job, struct span rows, int n) {
    struct qk_dims d = job->d;
    int half = n / 2;
    real *share = job->dy + (size_t)rows.from * (size_t)d.heads * (size_t)n;
    for (int r = rows.from; r < rows.to; r++) {
        size_t angles = (size_t)(r % d.time) * (size_t)half;
        for (int h = 0; h < d.heads; h++) {
            size_t head = (size_t)r * (size_t)d.heads + (size_t)h;
            size_t at = (size_t)r * (size_t)d.stride + (size_t)h * (size_t)n;
            real *g = job->dy + head * (size_t)n, *dx = job->dx + at;
            if (job->cosine) rotate(g, job->cosine + angles, job->sine + angles, R(-1.0), half);
            if (job->gain)
                normalise_backward(dx, g, job->x + at, job->gain, job->rstd[head], n);
            else memcpy(dx, g, (size_t)n * sizeof *dx);
            if (!job->want_dgain || g == share) continue;
            for (int i = 0; i < n; i++) share[i] += g[i];
        }
    }
}

KERNEL static void qk_backward_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct qk_job *job = ctx;
    struct span rows = tile_span(tile, job->d.rows, job->per_tile);
    switch (job->d.head_dim) {
    case 32:
        backward_rows(job, rows, 32);
        break;
    case 64:
        backward_rows(job, rows, 64);
        break;
    case 128:
        backward_rows(job, rows, 128);
        break;
    default:
        backward_rows(job, rows, job->d.head_dim);
    }
}

void qk_forward(struct exec *ex, real *y, real *rstd, const real *x, const real *gain,
                const real *cosine, const real *sine, struct qk_dims d) {
    struct qk_job job = {.y = y,
                         .rstd_out = rstd,
                         .x = x,
                         .gain = gain,
                         .cosine = cosine,
                         .sine = sine,
                         .d = d,
                         .per_tile = tile_rows(d.heads * d.head_dim)};
    pool_run(ex->pool, tile_count(d.rows, job.per_tile), qk_forward_tile, &job);
}

void qk_backward(struct exec *ex, real *dx, real *dgain, real *dy, const real *x,
                 const real *rstd, const real *gain, const real *cosine, const real *sine,
                 struct qk_dims d) {
    struct qk_job job = {.dx = dx,
                         .dy = dy,
                         .want_dgain = dgain && gain,
                         .x = x,
                         .rstd = rstd,
                         .gain = gain,
                         .cosine = cosine,
                         .sine = sine,
                         .d = d,
                         .per_tile = tile_rows(d.heads * d.head_dim)};
    int n_tiles = tile_count(d.rows, job.per_tile);
    pool_run(ex->pool, n_tiles, qk_backward_tile, &job);
    for (int t = 0; dgain && gain && t < n_tiles; t++) {
        size_t first = (size_t)(t * job.per_tile) * (size_t)d.heads * (size_t)d.head_dim;
        for (int i = 0; i < d.head_dim; i++) dgain[i] += dy[first + (size_t)i];
    }
}
