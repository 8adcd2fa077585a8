#include "engine/nn/op_activation.h"

#include <stddef.h>

#include "engine/nn/tiling.h"
#include "engine/nn/vexp.h"

/* tanh(u) = 2 sigmoid(2u) - 1, so gelu(x) = x/2 (1 + tanh(u)) = x sigmoid(2u) with
 * 2u = x (A + B x^2), A = 2 sqrt(2/pi), B = 0.044715 A. One exponential, nothing cancels. */
static const real gelu_a = R(1.5957691216057308);
static const real gelu_b = R(0.0713548162726009);

struct activation_job {
    real *y;        /* backward: may be NULL */
    real *dx;       /* or d_gate_up; backward only */
    const real *x;  /* or gate_up */
    const real *dy; /* backward only */
    int rows, width;
    int per_tile; /* rows */
};

KERNEL static void gelu_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    struct span rows = tile_span(i, job->rows, job->per_tile);
    size_t end = (size_t)rows.to * (size_t)job->width;
#pragma omp simd
    for (size_t j = (size_t)rows.from * (size_t)job->width; j < end; j++) {
        real x = job->x[j];
        job->y[j] = x * vsigmoid(x * (gelu_a + gelu_b * x * x));
    }
}

KERNEL static void gelu_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    real *y = job->y;
    struct span rows = tile_span(i, job->rows, job->per_tile);
    size_t end = (size_t)rows.to * (size_t)job->width;
#pragma omp simd
    for (size_t j = (size_t)rows.from * (size_t)job->width; j < end; j++) {
        real x = job->x[j], s = vsigmoid(x * (gelu_a + gelu_b * x * x));
        real slope = gelu_a + R(3.0) * gelu_b * x * x; /* of 2u */
        job->dx[j] = job->dy[j] * (s + x * s * (R(1.0) - s) * slope);
        if (y) y[j] = x * s;
    }
}

KERNEL static void swiglu_forward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    size_t width = (size_t)job->width;
    struct span rows = tile_span(i, job->rows, job->per_tile);
    for (int r = rows.from; r < rows.to; r++) {
        const real *gate = job->x + 2 * (size_t)r * width, *up = gate + width;
        real *y = job->y + (size_t)r * width;
#pragma omp simd
        for (size_t j = 0; j < width; j++) y[j] = gate[j] * vsigmoid(gate[j]) * up[j];
    }
}

/* silu'(g) = s (1 + g (1 - s)) */
KERNEL static void swiglu_backward_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct activation_job *job = ctx;
    size_t width = (size_t)job->width;
    struct span rows = tile_span(i, job->rows, job->per_tile);
    for (int r = rows.from; r < rows.to; r++) {
        size_t at = 2 * (size_t)r * width;
        const real *gate = job->x + at, *up = gate + width, *dy = job->dy + (size_t)r * width;
        real *d_gate = job->dx + at, *d_up = d_gate + width;
        real *y = job->y ? job->y + (size_t)r * width : NULL;
#pragma omp simd
        for (size_t j = 0; j < width; j++) {
            real g = gate[j], s = vsigmoid(g);
            d_gate[j] = dy[j] * up[j] * s * (R(1.0) + g * (R(1.0) - s));
            d_up[j] = dy[j] * g * s;
            if (y) y[j] = g * s * up[j];
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

void gelu_backward(struct exec *ex, real *dx, real *y, const real *dy, const real *x, int rows,
                   int width) {
    struct activation_job job = {
        .y = y, .dx = dx, .x = x, .dy = dy, .rows = rows, .width = width};
    run_rows(ex, &job, gelu_backward_tile);
}

void swiglu_forward(struct exec *ex, real *y, const real *gate_up, int rows, int width) {
    struct activation_job job = {.y = y, .x = gate_up, .rows = rows, .width = width};
    run_rows(ex, &job, swiglu_forward_tile);
}

void swiglu_backward(struct exec *ex, real *d_gate_up, real *y, const real *dy,
                     const real *gate_up, int rows, int width) {
    struct activation_job job = {
        .y = y, .dx = d_gate_up, .x = gate_up, .dy = dy, .rows = rows, .width = width};
    run_rows(ex, &job, swiglu_backward_tile);
}
