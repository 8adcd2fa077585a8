#include <math.h>

#include "engine/nn/blas.h"
#include "engine/nn/real_math.h"
#include "engine/optim/optim.h"

enum { NEWTON_SCHULZ_STEPS = 5, AT_ONCE = 256 };

/* Jordan's quintic: it pulls every singular value to about 1 (0.7 to 1.2) within five steps. */
static const real quintic_a = R(3.4445), quintic_b = R(-4.7750), quintic_c = R(2.0315);

bool muon_takes(const struct param_table *t, const struct param *p) {
    return !p->vector && t->groups[p->group].layer >= 0;
}

enum { SQUARES = 4 }; /* G, P, Q and one for products */

/* X, and the square matrices of its shorter side. */
static size_t scratch_of(const struct param *p) {
    size_t n = (size_t)p->rows * (size_t)p->cols;
    size_t side = (size_t)(p->rows < p->cols ? p->rows : p->cols);
    return n + SQUARES * side * side;
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

/* C[m,n] = A' B' without padding; C may be neither A nor B. */
static void product(real *C, int m, int n, int k, const real *A, enum blas_trans ta,
                    const real *B, enum blas_trans tb) {
    blas_gemm_tile(&(struct gemm){.m = m,
                                  .n = n,
                                  .k = k,
                                  .A = A,
                                  .lda = ta == AS_IS ? k : m,
                                  .ta = ta,
                                  .B = B,
                                  .ldb = tb == AS_IS ? n : k,
                                  .tb = tb,
                                  .C = C,
                                  .ldc = n});
}

static void square_product(real *C, const real *A, const real *B, int side) {
    product(C, side, side, side, A, AS_IS, B, AS_IS);
}

/* P = a I + b G + c GG */
KERNEL static void quintic_of(real *restrict P, const real *restrict G, const real *restrict GG,
                              int side) {
    size_t n = (size_t)side * (size_t)side;
    for (size_t i = 0; i < n; i++) P[i] = quintic_b * G[i] + quintic_c * GG[i];
    for (int i = 0; i < side; i++) P[(size_t)i * (size_t)side + (size_t)i] += quintic_a;
}

/* out[rows,cols] = what the quintic makes of X[rows,cols]. A step is X' = P X with P = a I + b
 * G + c G G and G = X X^T. All P and G are polynomials of the first G, so they commute: G' = P
 * G P = G P P, and the long matrix is needed only to make the first G and for the last product,
 * X times all P at once. For sides 1:3 that is two thirds of the flop of stepping X itself.
 * Tall matrices go the same way from the right. */
static void orthogonalise(real *out, const real *X, real *squares, int rows, int cols) {
    bool wide = rows <= cols;
    int side = wide ? rows : cols, other = wide ? cols : rows;
    size_t n = (size_t)side * (size_t)side;
    real *G = squares, *P = G + n, *Q = P + n, *T = Q + n;
    product(G, side, side, other, X, wide ? AS_IS : TRANSPOSED, X, wide ? TRANSPOSED : AS_IS);
    for (int k = 0; k < NEWTON_SCHULZ_STEPS; k++) {
        square_product(T, G, G, side);
        quintic_of(k ? P : Q, G, T, side);
        const real *step = k ? P : Q;
        if (k + 1 < NEWTON_SCHULZ_STEPS) {
            square_product(T, G, step, side);
            square_product(G, T, step, side);
        }
        if (k == 0) continue;
        square_product(T, P, Q, side);
        real *swap = Q;
        Q = T;
        T = swap;
    }
    if (wide) product(out, rows, cols, side, Q, AS_IS, X, AS_IS);
    else product(out, rows, cols, side, X, AS_IS, Q, AS_IS);
}

/* Flop of orthogonalise(). */
static double flop_of(double side, double longer) {
    enum { SQUARE_PRODUCTS = 4 * NEWTON_SCHULZ_STEPS - 3 };
    return 2 * side * side * (2 * longer + SQUARE_PRODUCTS * side);
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
    int longer = p->rows > p->cols ? p->rows : p->cols;
    real *X = w->o->muon_scratch[worker];
    real *g = weights_param(w->g, w->params[i]), *m = weights_param(&w->o->m, w->params[i]);
    double sum = look_ahead(X, m, g, n, (real)w->o->settings.momentum, w->scale);
    scale_by(X, n, (real)(1 / (sqrt(sum) + 1e-12)));
    orthogonalise(g, X, X + n, p->rows, p->cols);
    scale_by(g, n,
             R(0.2) *
                 (real)sqrt(longer)); /* an orthogonal matrix in the size of AdamW's steps */
}

static void flush(struct exec *ex, struct work *w) {
    pool_run(ex->pool, w->n, matrix_tile, w);
    w->n = 0;
}

/* Matrices are never cut (share.c). */
static bool is_own(const struct optim_share *s, const struct param *p) {
    return !s || (p->offset >= s->from[p->group] && p->offset < s->to[p->group]);
}

void muon_directions(struct exec *ex, struct optim *o, struct weights *g, const bool *learn,
                     double scale) {
    const struct param_table *t = g->table;
    struct work w = {.o = o, .g = g, .scale = (real)scale};
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->params[i];
        if (!muon_takes(t, p) || (learn && !learn[p->group]) || !is_own(o->share, p)) continue;
        double side = p->rows < p->cols ? p->rows : p->cols;
        double longer = p->rows < p->cols ? p->cols : p->rows;
        ex->flops += (uint64_t)flop_of(side, longer);
        if (w.n == AT_ONCE) flush(ex, &w);
        w.params[w.n++] = i;
    }
    flush(ex, &w);
}
