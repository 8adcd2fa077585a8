#include <math.h>
#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/real_math.h"
#include "engine/optim/optim.h"

enum { NEWTON_SCHULZ_STEPS = 5, AT_ONCE = 256 };

/* Jordan's quintic: it pulls every singular value to about 1 (0.7 to 1.2) within five steps. */
static const real quintic_a = R(3.4445), quintic_b = R(-4.7750), quintic_c = R(2.0315);

bool muon_takes(const struct param_table *t, const struct param *p) {
    return !p->vector && t->groups[p->group].layer >= 0;
}

/* X, the next X, and two square matrices of the shorter side. */
static size_t scratch_of(const struct param *p) {
    size_t n = (size_t)p->rows * (size_t)p->cols;
    size_t side = (size_t)(p->rows < p->cols ? p->rows : p->cols);
    return 2 * n + 2 * side * side;
}

size_t muon_scratch(const struct param_table *t) {
    size_t most = 0;
    for (int i = 0; i < t->n_params; i++)
        if (muon_takes(t, &t->params[i]) && scratch_of(&t->params[i]) > most)
            most = scratch_of(&t->params[i]);
    return most;
}

/* m = momentum m + (1 - momentum) g;  x = what Nesterov looks at, and the sum of its squares.
 */
KERNEL static double look_ahead(real *restrict x, real *restrict m, const real *restrict g,
                                size_t n, real momentum, real scale) {
    real rest = 1 - momentum;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        real gi = g[i] * scale;
        m[i] = momentum * m[i] + rest * gi;
        x[i] = momentum * m[i] + rest * gi;
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

KERNEL static void scale_by(real *x, size_t n, real factor) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

/* y = b x + c y */
KERNEL static void mix(real *restrict y, const real *restrict x, size_t n, real b, real c) {
    for (size_t i = 0; i < n; i++) y[i] = b * x[i] + c * y[i];
}

/* One step on X[rows,cols]: with S = X X^T on the shorter side, X' = a X + (b S + c S S) X. */
static void quintic_step(const real *X, real *next, real *S, real *SS, int rows, int cols) {
    bool wide = rows <= cols;
    int side = wide ? rows : cols, other = wide ? cols : rows;
    blas_gemm_tile(&(struct gemm){.m = side,
                                  .n = side,
                                  .k = other,
                                  .A = X,
                                  .lda = cols,
                                  .B = X,
                                  .ldb = cols,
                                  .C = S,
                                  .ldc = side,
                                  .ta = wide ? AS_IS : TRANSPOSED,
                                  .tb = wide ? TRANSPOSED : AS_IS});
    blas_gemm_tile(&(struct gemm){.m = side,
                                  .n = side,
                                  .k = side,
                                  .A = S,
                                  .lda = side,
                                  .B = S,
                                  .ldb = side,
                                  .C = SS,
                                  .ldc = side});
    mix(SS, S, (size_t)side * (size_t)side, quintic_b, quintic_c);
    memcpy(next, X, (size_t)rows * (size_t)cols * sizeof *X);
    scale_by(next, (size_t)rows * (size_t)cols, quintic_a);
    if (wide)
        blas_gemm_tile(&(struct gemm){.m = rows,
                                      .n = cols,
                                      .k = side,
                                      .A = SS,
                                      .lda = side,
                                      .B = X,
                                      .ldb = cols,
                                      .C = next,
                                      .ldc = cols,
                                      .add = true});
    else
        blas_gemm_tile(&(struct gemm){.m = rows,
                                      .n = cols,
                                      .k = side,
                                      .A = X,
                                      .lda = cols,
                                      .B = SS,
                                      .ldb = side,
                                      .C = next,
                                      .ldc = cols,
                                      .add = true});
}

struct work {
    struct optim *o;
    struct weights *g;
    real scale;
    int params[AT_ONCE], n;
};

static void matrix_tile(void *ctx, int i, int worker) {
    struct work *w = ctx;
    const struct param *p = &w->g->table->params[w->params[i]];
    size_t n = (size_t)p->rows * (size_t)p->cols;
    int side = p->rows < p->cols ? p->rows : p->cols,
        longer = p->rows > p->cols ? p->rows : p->cols;
    real *X = w->o->muon_scratch[worker], *next = X + n, *S = next + n,
         *SS = S + (size_t)side * (size_t)side;
    real *g = weights_param(w->g, w->params[i]), *m = weights_param(&w->o->m, w->params[i]);
    double sum = look_ahead(X, m, g, n, (real)w->o->settings.momentum, w->scale);
    scale_by(X, n, (real)(1 / (sqrt(sum) + 1e-12)));
    for (int k = 0; k < NEWTON_SCHULZ_STEPS; k++) {
        quintic_step(X, next, S, SS, p->rows, p->cols);
        real *swap = X;
        X = next;
        next = swap;
    }
    memcpy(g, X, n * sizeof *g);
    scale_by(g, n,
             R(0.2) *
                 (real)sqrt(longer)); /* an orthogonal matrix in the size of AdamW's steps */
}

static void flush(struct exec *ex, struct work *w) {
    pool_run(ex->pool, w->n, matrix_tile, w);
    w->n = 0;
}

void muon_directions(struct exec *ex, struct optim *o, struct weights *g, const bool *learn,
                     double scale) {
    const struct param_table *t = g->table;
    struct work w = {.o = o, .g = g, .scale = (real)scale};
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->params[i];
        if (!muon_takes(t, p) || (learn && !learn[p->group])) continue;
        double side = p->rows < p->cols ? p->rows : p->cols;
        double longer = p->rows < p->cols ? p->cols : p->rows;
        ex->flops += (uint64_t)(NEWTON_SCHULZ_STEPS * 2 * side * side * (2 * longer + side));
        if (w.n == AT_ONCE) flush(ex, &w);
        w.params[w.n++] = i;
    }
    flush(ex, &w);
}
