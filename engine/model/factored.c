#include "engine/model/factored.h"

#include "engine/nn/blas.h"
#include "engine/nn/tiling.h"

/* Reals of a matrix below which its gradient costs little either way. */
enum { LEAST_REALS = 4 << 20 };

bool factored_pays(const struct model_config *c, size_t rows) {
    return (double)c->vocab * c->width >= LEAST_REALS && 2 * rows <= (size_t)c->width;
}

int factored_param(const struct param_table *t) {
    int g = groups_find(t, t->config.tied ? "embed" : "head");
    return t->groups[g].first; /* positions come behind the tokens' vectors */
}

/* C[rows,rows] = A B^T, of A[rows,cols] and B[rows,cols]. */
static struct gemm rows_with_rows(const struct factored *f, real *C, const real *A,
                                  const real *B, int cols, int ld) {
    return (struct gemm){.m = f->rows,
                         .n = f->rows,
                         .k = cols,
                         .tb = TRANSPOSED,
                         .A = A,
                         .lda = ld,
                         .B = B,
                         .ldb = ld,
                         .C = C,
                         .ldc = f->rows};
}

/* ||G^T X||^2. */
static double squares_of_product(struct exec *ex, const struct factored *f) {
    size_t n = (size_t)f->rows;
    const struct gemm both[] = {rows_with_rows(f, f->gram[0], f->G, f->G, f->vocab, f->stride),
                                rows_with_rows(f, f->gram[1], f->X, f->X, f->width, f->width)};
    double sum = 0;
    blas_gemm_all(ex, both, 2);
    for (size_t i = 0; i < n * n; i++) sum += (double)f->gram[0][i] * (double)f->gram[1][i];
    return sum;
}

/* ||S||^2 and twice the product of S with G^T X. */
static double squares_of_tokens(struct exec *ex, const struct factored *f) {
    size_t n = (size_t)f->rows;
    const struct gemm both[] = {rows_with_rows(f, f->gram[0], f->X, f->E, f->width, f->width),
                                rows_with_rows(f, f->gram[1], f->E, f->E, f->width, f->width)};
    double sum = 0;
    blas_gemm_all(ex, both, 2);
    for (size_t i = 0; i < n; i++) {
        const real *g = f->G + i * (size_t)f->stride;
        const real *with = f->gram[0] + i * n, *own = f->gram[1] + i * n;
        for (size_t r = 0; r < n; r++) {
            sum += 2 * (double)g[f->tokens[r]] * (double)with[r];
            if (f->tokens[r] == f->tokens[i]) sum += (double)own[r];
        }
    }
    return sum;
}

double factored_squares(struct exec *ex, const struct factored *f) {
    double sum = squares_of_product(ex, f);
    if (f->E) sum += squares_of_tokens(ex, f);
    return sum < 0 ? 0 : sum; /* by rounding; NaN stays */
}

int factored_tiles(const struct factored *f) { return tile_count(f->vocab, FACTORED_ROWS); }

/* Rows of E are added in their order: a token may stand in many. */
KERNEL static void add_tokens(const struct factored *f, struct span of, real *dW) {
    size_t width = (size_t)f->width;
    for (int r = 0; r < f->rows; r++) {
        int t = f->tokens[r];
        if (t < of.from || t >= of.to) continue;
        real *restrict to = dW + (size_t)(t - of.from) * width;
        const real *restrict e = f->E + (size_t)r * width;
        for (size_t j = 0; j < width; j++) to[j] += e[j];
    }
}

const real *factored_tile(const struct factored *f, int tile, int worker, int *from, int *n) {
    struct span of = tile_span(tile, f->vocab, FACTORED_ROWS);
    real *dW = f->tile + (size_t)worker * FACTORED_ROWS * (size_t)f->width;
    blas_gemm_tile(&(struct gemm){.m = of.to - of.from,
                                  .n = f->width,
                                  .k = f->rows,
                                  .ta = TRANSPOSED,
                                  .A = f->G + of.from,
                                  .lda = f->stride,
                                  .B = f->X,
                                  .ldb = f->width,
                                  .C = dW,
                                  .ldc = f->width});
    if (f->E) add_tokens(f, of, dW);
    *from = of.from;
    *n = of.to - of.from;
    return dW;
}
