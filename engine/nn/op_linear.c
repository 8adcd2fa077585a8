#include "engine/nn/op_linear.h"

#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/tiling.h"

struct bias_job {
    real *y;
    const real *b;
    struct linear_dims d;
    int per_tile; /* rows */
};

/* Without `add` the bias is laid down first and the product added to it, which costs the same
 * as the product alone: BLAS would clear y before. */
KERNEL static void bias_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct bias_job *job = ctx;
    int out = job->d.out;
    const real *b = job->b;
    struct span s = tile_span(i, job->d.rows, job->per_tile);
    for (int r = s.from; r < s.to; r++) {
        real *y = job->y + (size_t)r * (size_t)out;
        if (!job->d.add) memcpy(y, b, (size_t)out * sizeof *y);
        for (int j = 0; job->d.add && j < out; j++) y[j] += b[j];
    }
}

void linear_forward(struct exec *ex, real *y, const real *x, const real *W, const real *b,
                    struct linear_dims d) {
    if (b) {
        struct bias_job job = {.y = y, .b = b, .d = d, .per_tile = tile_rows(d.out)};
        pool_run(ex->pool, tile_count(d.rows, job.per_tile), bias_tile, &job);
    }
    blas_gemm(ex, &(struct gemm){.m = d.rows,
                                 .n = d.out,
                                 .k = d.in,
                                 .tb = d.turned ? AS_IS : TRANSPOSED,
                                 .A = x,
                                 .lda = d.in,
                                 .B = W,
                                 .ldb = d.turned ? d.out : d.in,
                                 .C = y,
                                 .ldc = d.out,
                                 .add = d.add || b});
}
