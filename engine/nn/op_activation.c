#include "engine/nn/op_activation.h"

#include <stddef.h>

#include "engine/nn/tiling.h"
#include "engine/nn/vmath.h"

/* tanh(u) = 2 sigmoid(2u) - 1, so gelu(x) = x/2 (1 + tanh(u)) = x sigmoid(2u) with
 * 2u = x (A + B x^2), A = 2 sqrt(2/pi), B = 0.044715 A. One exponential, nothing cancels. */
static const real gelu_a = R(1.5957691216057308);
static const real gelu_b = R(0.0713548162726009);

enum { PIECE = 256 }; /* reals that stay in the first cache between the vector calls */

struct activation_job {
    real *y;        /* or dx, d_gate_up */
    const real *x;  /* or gate_up */
    const real *dy; /* backward only */
    int rows, width;
    int per_tile; /* rows; for gelu, reals of the matrix seen as one row */
};

static inline int piece_length(int from, int to) {
    return to - from < PIECE ? to - from : PIECE;
}

/* s = sigmoid(2u(x)) */
static inline void gelu_gate(real *restrict s, const real *restrict x, int n) {
    for (int j = 0; j < n; j++) s[j] = x[j] * (gelu_a + gelu_b * x[j] * x[j]);
    vmath_sigmoid(s, s, n);
}

KERNEL static void gelu_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    struct span span = tile_span(i, job->rows, job->per_tile);
    size_t end = (size_t)span.to * (size_t)job->width;
    real s[PIECE];
    for (size_t at = (size_t)span.from * (size_t)job->width; at < end; at += PIECE) {
        int n = end - at < PIECE ? (int)(end - at) : PIECE;
        const real *x = job->x + at;
        real *y = job->y + at;
        gelu_gate(s, x, n);
        for (int j = 0; j < n; j++) y[j] = x[j] * s[j];
    }
}

KERNEL static void gelu_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    struct span span = tile_span(i, job->rows, job->per_tile);
    size_t end = (size_t)span.to * (size_t)job->width;
    real s[PIECE];
    for (size_t at = (size_t)span.from * (size_t)job->width; at < end; at += PIECE) {
        int n = end - at < PIECE ? (int)(end - at) : PIECE;
        const real *x = job->x + at, *dy = job->dy + at;
        real *dx = job->y + at;
        gelu_gate(s, x, n);
        for (int j = 0; j < n; j++) {
            real slope = gelu_a + R(3.0) * gelu_b * x[j] * x[j]; /* of 2u */
            dx[j] = dy[j] * (s[j] + x[j] * s[j] * (R(1.0) - s[j]) * slope);
        }
    }
}

KERNEL static void swiglu_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    size_t width = (size_t)job->width;
    struct span span = tile_span(i, job->rows, job->per_tile);
    real s[PIECE];
    for (int r = span.from; r < span.to; r++) {
        for (int from = 0; from < job->width; from += PIECE) {
            int n = piece_length(from, job->width);
            const real *gate = job->x + 2 * (size_t)r * width + from, *up = gate + width;
            real *restrict y = job->y + (size_t)r * width + from;
            vmath_sigmoid(s, gate, n);
            for (int j = 0; j < n; j++) y[j] = gate[j] * s[j] * up[j];
        }
    }
}

/* silu'(g) = s (1 + g (1 - s)) */
KERNEL static void swiglu_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    size_t width = (size_t)job->width;
    struct span span = tile_span(i, job->rows, job->per_tile);
    real s[PIECE];
    for (int r = span.from; r < span.to; r++) {
        for (int from = 0; from < job->width; from += PIECE) {
            int n = piece_length(from, job->width);
            size_t at = 2 * (size_t)r * width + (size_t)from;
            const real *restrict gate = job->x + at, *restrict up = job->x + at + width;
            const real *restrict dy = job->dy + (size_t)r * width + from;
            real *restrict d_gate = job->y + at, *restrict d_up = job->y + at + width;
            vmath_sigmoid(s, gate, n);
            for (int j = 0; j < n; j++) {
                d_gate[j] = dy[j] * up[j] * s[j] * (R(1.0) + gate[j] * (R(1.0) - s[j]));
                d_up[j] = dy[j] * gate[j] * s[j];
            }
        }
    }
}

static void run_rows(struct exec *ex, struct activation_job *job,
                     void (*tile)(void *ctx, int i, int worker)) {
    job->per_tile = tile_rows(job->width);
    pool_run(ex->pool, tile_count(job->rows, job->per_tile), tile, job);
}

void gelu_forward(struct exec *ex, real *y, const real *x, int rows, int width) {
    struct activation_job job = {.y = y, .x = x, .rows = rows, .width = width};
    run_rows(ex, &job, gelu_forward_tile);
}

void gelu_backward(struct exec *ex, real *dx, const real *dy, const real *x, int rows,
                   int width) {
    struct activation_job job = {.y = dx, .x = x, .dy = dy, .rows = rows, .width = width};
    run_rows(ex, &job, gelu_backward_tile);
}

void swiglu_forward(struct exec *ex, real *y, const real *gate_up, int rows, int width) {
    struct activation_job job = {.y = y, .x = gate_up, .rows = rows, .width = width};
    run_rows(ex, &job, swiglu_forward_tile);
}

void swiglu_backward(struct exec *ex, real *d_gate_up, const real *dy, const real *gate_up,
                     int rows, int width) {
    struct activation_job job = {
        .y = d_gate_up, .x = gate_up, .dy = dy, .rows = rows, .width = width};
    run_rows(ex, &job, swiglu_backward_tile);
}
