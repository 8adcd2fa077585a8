#include "engine/nn/blas.h"

#include <assert.h>
#include <cblas.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/nn/tiling.h"
#ifdef THAW_ONEDNN
#include "engine/nn/onednn.h"
#endif

#ifdef THAW_DOUBLE
#define GEMM cblas_dgemm
#define GEMV cblas_dgemv
#define MATCOPY cblas_domatcopy
#else
#define GEMM cblas_sgemm
#define GEMV cblas_sgemv
#define MATCOPY cblas_somatcopy
#endif

void blas_init(void) { openblas_set_num_threads(1); }

static char described[160]; /* of the process; written once */

static void describe(void) {
    const char *config =
        openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    char products[48] = "";
#ifdef THAW_ONEDNN
    onednn_describe(products, sizeof products);
#endif
    const char *space = strchr(config, ' ');
    size_t name =
        space ? strcspn(space + 1, " ") + (size_t)(space + 1 - config) : strlen(config);
    snprintf(described, sizeof described, "%.*s, %s kernels%s%s", (int)name, config,
             openblas_get_corename(), *products ? ", products by " : "", products);
}

const char *blas_describe(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, describe);
    return described;
}

static CBLAS_TRANSPOSE cblas_trans(enum blas_trans t) {
    return t == TRANSPOSED ? CblasTrans : CblasNoTrans;
}

/* oneDNN's products where it is there and the product is no tiny one: OpenBLAS has kernels of
 * its own for those, which copy nothing (its limit is the same). */
static bool by_onednn(const struct gemm *g, real alpha) {
#ifdef THAW_ONEDNN
    enum { TINY = 1000000 }; /* multiply-adds */
    return (double)g->m * g->n * g->k > TINY && onednn_gemm(g, alpha);
#else
    (void)g, (void)alpha;
    return false;
#endif
}

/* What the product is added to is laid down tile by tile, so that it is still in the cache when
 * the product comes; the adding costs no more than the product alone: BLAS would clear C
 * before. */
KERNEL static void lay_down(const struct gemm *g) {
    size_t n = (size_t)g->n;
    const real *bias = g->bias;
    for (int r = 0; r < g->m; r++) {
        size_t row = (size_t)r * (size_t)g->ldc;
        real *c = g->C + row;
        const real *onto = g->onto ? g->onto + row : NULL;
        if (onto && bias)
#pragma omp simd
            for (size_t j = 0; j < n; j++) c[j] = onto[j] + bias[j];
        else if (c != onto) memcpy(c, onto ? onto : bias, n * sizeof *c);
    }
}

void blas_gemm_tile(const struct gemm *product) {
    struct gemm begun = *product, *g = &begun;
    if (g->onto || g->bias) {
        lay_down(g);
        begun.add = true;
    }
    real alpha = g->alpha == R(0.0) ? R(1.0) : g->alpha;
    real beta = g->add ? R(1.0) : R(0.0);
    if (g->m == 1) { /* one token: GEMM would copy all of B first */
        bool as_is = g->tb == AS_IS;
        GEMV(CblasRowMajor, as_is ? CblasTrans : CblasNoTrans, as_is ? g->k : g->n,
             as_is ? g->n : g->k, alpha, g->B, g->ldb, g->A, g->ta == AS_IS ? 1 : g->lda, beta,
             g->C, 1);
        return;
    }
    if (by_onednn(g, alpha)) return;
    GEMM(CblasRowMajor, cblas_trans(g->ta), cblas_trans(g->tb), g->m, g->n, g->k, alpha, g->A,
         g->lda, g->B, g->ldb, beta, g->C, g->ldc);
}

void blas_turn(real *to, int ldt, const real *from, int ldf, int rows, int cols, real scale) {
    MATCOPY(CblasRowMajor, CblasTrans, rows, cols, scale, from, ldf, to, ldt);
}

/* A long sum down the columns of A, as in a weight's gradient, goes slice by slice: what a
 * slice reads of A stays in the nearest caches. Measured with oneDNN at k = 4096: 149 against
 * 129 GFLOP/s where rows of A lie 4 KiB apart, 123 against 109 where 16 KiB, no difference
 * else. */
static void sliced_gemm(const struct gemm *g) {
    enum { SLICE = 512 };
    struct gemm slice = *g;
    if (g->ta == AS_IS || g->k <= SLICE) {
        blas_gemm_tile(g);
        return;
    }
    for (int from = 0; from < g->k; from += SLICE) {
        slice.k = g->k - from < SLICE ? g->k - from : SLICE;
        blas_gemm_tile(&slice);
        slice.A += (size_t)SLICE * (size_t)g->lda;
        slice.B += g->tb == AS_IS ? (size_t)SLICE * (size_t)g->ldb : SLICE;
        slice.add = true;
        slice.onto = slice.bias = NULL;
    }
}

void blas_set_tile(const struct gemm_set *set, int i) {
    const struct gemm_cut *cut = set->cuts;
    for (; i >= cut->tiles; cut++) i -= cut->tiles;
    struct gemm g = cut->g;
    struct span rows = tile_span(i / cut->tiles_n, g.m, cut->tile_m);
    struct span cols = tile_span(i % cut->tiles_n, g.n, cut->tile_n);
    g.A += g.ta == AS_IS ? (size_t)rows.from * (size_t)g.lda : (size_t)rows.from;
    g.B += g.tb == AS_IS ? (size_t)cols.from : (size_t)cols.from * (size_t)g.ldb;
    size_t corner = (size_t)rows.from * (size_t)g.ldc + (size_t)cols.from;
    g.C += corner;
    if (g.onto) g.onto += corner;
    if (g.bias) g.bias += cols.from;
    g.m = rows.to - rows.from;
    g.n = cols.to - cols.from;
    sliced_gemm(&g);
}

/* Large tiles keep BLAS near its full speed, since it copies the tile's share of A and B for
 * each tile; small ones keep many cores busy. Measured with SkylakeX kernels at the shapes of
 * small transformers (thaw bench --ops): a side of 96 or an area under 192 x 192 costs 10 to
 * 20%. So the first cut in two is made even where it costs that, and further ones only where
 * they do not. */
enum {
    MIN_TILES = 8,
    MIN_SIDE = 96,
    MIN_AREA = 192 * 192,
    MAX_AREA = 512 * 1024,
    MIN_FLOP = 1 << 19, /* some 5 us, above the cost of waking a worker */
};

static int halve(int side) { return (side / 2 + 15) / 16 * 16; }

/* Halve a side until there are tiles enough. A tile is rather wide than tall: C's rows lie
 * along n. */
static struct gemm_cut choose_cut(const struct gemm *g) {
    struct gemm_cut c = {.g = *g, .tile_m = g->m, .tile_n = g->n};
    for (int tiles = 1;; tiles *= 2) {
        double half = 0.5 * c.tile_m * c.tile_n;
        bool can_m = c.tile_m >= 2 * MIN_SIDE, can_n = c.tile_n >= 2 * MIN_SIDE;
        bool enough = tiles >= MIN_TILES ? 2 * half <= MAX_AREA : tiles > 1 && half < MIN_AREA;
        if (enough || 2 * half * g->k < MIN_FLOP || (!can_m && !can_n)) break;
        if (can_m && (!can_n || 2 * c.tile_m >= c.tile_n)) c.tile_m = halve(c.tile_m);
        else c.tile_n = halve(c.tile_n);
    }
    c.tiles_n = tile_count(g->n, c.tile_n);
    c.tiles = tile_count(g->m, c.tile_m) * c.tiles_n;
    return c;
}

static void count_flops(struct exec *ex, const struct gemm *g, int n) {
    for (int i = 0; i < n; i++)
        ex->flops += 2 * (uint64_t)g[i].m * (uint64_t)g[i].n * (uint64_t)g[i].k;
}

struct gemm_set blas_cut(struct exec *ex, const struct gemm *g, int n) {
    assert(n <= BLAS_MAX_GEMMS);
    struct gemm_set set = {.tiles = 0};
    count_flops(ex, g, n);
    for (int i = 0; i < n; i++) {
        set.cuts[i] = choose_cut(&g[i]);
        set.tiles += set.cuts[i].tiles;
    }
    return set;
}

static void set_tile(void *ctx, int i, int worker) {
    (void)worker;
    blas_set_tile(ctx, i);
}

void blas_gemm_all(struct exec *ex, const struct gemm *g, int n) {
    if (!ex->pool) {
        count_flops(ex, g, n);
        for (int i = 0; i < n; i++) sliced_gemm(&g[i]);
        return;
    }
    struct gemm_set set = blas_cut(ex, g, n);
    pool_run(ex->pool, set.tiles, set_tile, &set);
}

void blas_gemm(struct exec *ex, const struct gemm *g) { blas_gemm_all(ex, g, 1); }
