#include "engine/nn/op_linear.h"

#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/tiling.h"

struct start_job {
    real *y;
    const real *onto, *b; /* not both NULL */
    struct linear_dims d;
    int per_tile; /* rows */
};

/* What the product is added to is laid down first, in one pass; the adding costs no more than
 * the product alone: BLAS would clear y before. */
KERNEL static void start_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct start_job *job = ctx;
    int out = job->d.out;
    const real *b = job->b;
    struct span s = tile_span(i, job->d.rows, job->per_tile);
    for (int r = s.from; r < s.to; r++) {
        real *y = job->y + (size_t)r * (size_t)out;
        const real *onto = job->onto ? job->onto + (size_t)r * (size_t)out : NULL;
        if (!onto || !b) memcpy(y, onto ? onto : b, (size_t)out * sizeof *y);
        else
#pragma omp simd
            for (int j = 0; j < out; j++) y[j] = onto[j] + b[j];
    }
}

void linear_forward(struct exec *ex, real *y, const real *onto, const real *x, const real *W,
                    const real *b, struct linear_dims d) {
    if (b || (onto && onto != y)) {
        struct start_job job = {
            .y = y, .onto = onto, .b = b, .d = d, .per_tile = tile_rows(d.out)};
        pool_run(ex->pool, tile_count(d.rows, job.per_tile), start_tile, &job);
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
                                 .add = onto || b});
}
