#include "engine/nn/op_loss.h"

#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/real_math.h"
#include "engine/nn/tiling.h"
#include "engine/nn/vmath.h"

/* Reals of logits at a time: 16 MiB in float, but not so few rows that the head's matrix is
 * read, and copied for the product, more often than it is multiplied: a quarter of the rows. */
enum { CHUNK_REALS = 4 << 20, CHUNK_MIN_ROWS = 128, CHUNK_MAX_QUARTER = 256 };

struct softmax_job {
    real *logits; /* [rows,vocab], rows `stride` apart; becomes the gradient */
    real *nll;
    uint8_t *hit; /* may be NULL */
    const int32_t *targets;
    int rows, vocab, stride, per_tile;
    bool gradient;
    real scale;
};

int loss_chunk(struct loss_dims d) {
    int rows = CHUNK_REALS / d.vocab;
    if (d.keep) return d.rows;
    int least = d.rows / 4 < CHUNK_MAX_QUARTER ? d.rows / 4 : CHUNK_MAX_QUARTER;
    if (rows < least) rows = least;
    if (rows < CHUNK_MIN_ROWS) rows = CHUNK_MIN_ROWS;
    return rows < d.rows ? rows : d.rows;
}

/* Rows a multiple of 2 KiB apart fall on each other
 * in the nearest cache: the products that read down columns then lose a fifth. */
int loss_stride(struct loss_dims d) { return d.vocab % 512 ? d.vocab : d.vocab + 16; }

size_t loss_scratch(struct loss_dims d) {
    return (size_t)loss_chunk(d) * (size_t)loss_stride(d);
}

/* Row r: nll, hit, and the gradient scale * (softmax - onehot) in place of the logits. A logit
 * that is not finite makes the maximum NaN, and with it all of these; a sum of exponentials
 * alone would hide a -infinity. */
static inline void softmax_row(const struct softmax_job *job, int r) {
    int n = job->vocab;
    int32_t target = job->targets[r];
    real *z = job->logits + (size_t)r * (size_t)job->stride;
    if (target == LOSS_IGNORE) {
        job->nll[r] = R(0.0);
        if (job->hit) job->hit[r] = 0;
        if (job->gradient) memset(z, 0, (size_t)n * sizeof *z);
        return;
    }
    real max = real_finite_max(z, n), at_target = z[target];
    real sum = vmath_exp_shift_sum(z, z, max, n);
    job->nll[r] = real_log(sum) + (max - at_target);
    if (job->hit) job->hit[r] = at_target >= max;
    if (!job->gradient) return;
    real share = job->scale / sum;
    for (int j = 0; j < n; j++) z[j] *= share;
    z[target] -= job->scale;
}

KERNEL static void softmax_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct softmax_job *job = ctx;
    struct span rows = tile_span(i, job->rows, job->per_tile);
    for (int r = rows.from; r < rows.to; r++) softmax_row(job, r);
}

struct gemm loss_head_product(real *dW, const real *kept, const real *x, struct loss_dims d) {
    return (struct gemm){.m = d.vocab,
                         .n = d.width,
                         .k = d.rows,
                         .ta = TRANSPOSED,
                         .A = kept,
                         .lda = loss_stride(d),
                         .B = x,
                         .ldb = d.width,
                         .C = dW,
                         .ldc = d.width,
                         .add = !d.overwrite};
}

/* Given the gradient of the logits: dx = G W, dW (+)= G^T x, each unless NULL. */
static void head_backward(struct exec *ex, real *dx, real *dW, const real *G, const real *x,
                          const real *W, struct loss_dims d) {
    struct gemm products[2];
    int n = 0;
    if (dW) products[n++] = loss_head_product(dW, G, x, d);
    if (dx)
        products[n++] = (struct gemm){.m = d.rows,
                                      .n = d.width,
                                      .k = d.vocab,
                                      .A = G,
                                      .lda = loss_stride(d),
                                      .B = W,
                                      .ldb = d.width,
                                      .C = dx,
                                      .ldc = d.width};
    blas_gemm_all(ex, products, n);
}

void loss_head(struct exec *ex, real *nll, uint8_t *hit, real *dx, real *dW, const real *x,
               const real *W, const int32_t *targets, real *scratch, struct loss_dims d) {
    int chunk = loss_chunk(d);
    for (int c = 0; c < tile_count(d.rows, chunk); c++) {
        struct span s = tile_span(c, d.rows, chunk);
        struct loss_dims part = d;
        part.rows = s.to - s.from;
        part.overwrite = d.overwrite && c == 0;
        size_t at = (size_t)s.from * (size_t)d.width;
        blas_gemm(ex, &(struct gemm){.m = part.rows,
                                     .n = d.vocab,
                                     .k = d.width,
                                     .tb = TRANSPOSED,
                                     .A = x + at,
                                     .lda = d.width,
                                     .B = W,
                                     .ldb = d.width,
                                     .C = scratch,
                                     .ldc = loss_stride(d)});
        struct softmax_job job = {.logits = scratch,
                                  .nll = nll + s.from,
                                  .hit = hit ? hit + s.from : NULL,
                                  .targets = targets + s.from,
                                  .rows = part.rows,
                                  .vocab = d.vocab,
                                  .stride = loss_stride(d),
                                  .per_tile = tile_rows(d.vocab),
                                  .gradient = dx || dW || d.keep,
                                  .scale = d.scale};
        pool_run(ex->pool, tile_count(part.rows, job.per_tile), softmax_tile, &job);
        head_backward(ex, dx ? dx + at : NULL, dW, scratch, x + at, W, part);
    }
}
