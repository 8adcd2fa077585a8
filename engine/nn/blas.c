#include "engine/nn/blas.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "engine/nn/tiling.h"

#ifdef THAW_DOUBLE
#define GEMM cblas_dgemm
#define GEMV cblas_dgemv
#else
#define GEMM cblas_sgemm
#define GEMV cblas_sgemv
#endif

void blas_init(void) { openblas_set_num_threads(1); }

const char *blas_describe(void) {
    static char text[96];
    const char *config =
        openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    const char *space = strchr(config, ' ');
    size_t name =
        space ? strcspn(space + 1, " ") + (size_t)(space + 1 - config) : strlen(config);
    snprintf(text, sizeof text, "%.*s, %s kernels", (int)name, config, openblas_get_corename());
    return text;
}

static CBLAS_TRANSPOSE cblas_trans(enum blas_trans t) {
    return t == TRANSPOSED ? CblasTrans : CblasNoTrans;
}

void blas_gemm_tile(const struct gemm *g) {
    real alpha = g->alpha == R(0.0) ? R(1.0) : g->alpha;
    real beta = g->add ? R(1.0) : R(0.0);
    if (g->m == 1) { /* one token: GEMM would copy all of B first */
        bool as_is = g->tb == AS_IS;
        GEMV(CblasRowMajor, as_is ? CblasTrans : CblasNoTrans, as_is ? g->k : g->n,
             as_is ? g->n : g->k, alpha, g->B, g->ldb, g->A, g->ta == AS_IS ? 1 : g->lda, beta,
             g->C, 1);
        return;
    }
    GEMM(CblasRowMajor, cblas_trans(g->ta), cblas_trans(g->tb), g->m, g->n, g->k, alpha, g->A,
         g->lda, g->B, g->ldb, beta, g->C, g->ldc);
}

struct gemm_job {
    const struct gemm *g;
    int tile_m, tile_n, tiles_n;
};

static void gemm_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct gemm_job *job = ctx;
    struct gemm g = *job->g;
    struct span rows = tile_span(i / job->tiles_n, g.m, job->tile_m);
    struct span cols = tile_span(i % job->tiles_n, g.n, job->tile_n);
    g.A += g.ta == AS_IS ? (size_t)rows.from * (size_t)g.lda : (size_t)rows.from;
    g.B += g.tb == AS_IS ? (size_t)cols.from : (size_t)cols.from * (size_t)g.ldb;
    g.C += (size_t)rows.from * (size_t)g.ldc + (size_t)cols.from;
    g.m = rows.to - rows.from;
    g.n = cols.to - cols.from;
    blas_gemm_tile(&g);
}

/* How C is cut. Large tiles keep BLAS near its full speed, since it copies the tile's share of
 * A and B once for each tile; small ones keep many cores busy. Measured with SkylakeX kernels
 * on 2 cores, these limits cost 2 to 10% against the best cut found for each shape. */
enum {
    MIN_TILES = 8,
    MAX_TILE_AREA = 512 * 1024,
    MIN_TILE_SIDE = 96,
    MIN_TILE_FLOP = 1 << 19, /* some 5 us, above the cost of waking a worker */
};

static int halve(int side) { return (side / 2 + 15) / 16 * 16; }

/* Halve a side until there are tiles enough; the shorter side of a tile is at most twice as
 * long along m, because C's rows lie along n. */
static void choose_tiles(const struct gemm *g, struct gemm_job *job) {
    job->tile_m = g->m;
    job->tile_n = g->n;
    for (int tiles = 1;; tiles *= 2) {
        double area = (double)job->tile_m * job->tile_n;
        if (tiles >= MIN_TILES && area <= MAX_TILE_AREA) return;
        if (area * g->k < MIN_TILE_FLOP) return; /* 2 flop each, in half the area */
        bool can_m = job->tile_m >= 2 * MIN_TILE_SIDE, can_n = job->tile_n >= 2 * MIN_TILE_SIDE;
        if (!can_m && !can_n) return;
        if (can_m && (!can_n || 2 * job->tile_m >= job->tile_n))
            job->tile_m = halve(job->tile_m);
        else job->tile_n = halve(job->tile_n);
    }
}

void blas_gemm(struct exec *ex, const struct gemm *g) {
    struct gemm_job job = {.g = g};
    choose_tiles(g, &job);
    job.tiles_n = tile_count(g->n, job.tile_n);
    pool_run(ex->pool, tile_count(g->m, job.tile_m) * job.tiles_n, gemm_tile, &job);
    ex->flops += 2 * (uint64_t)g->m * (uint64_t)g->n * (uint64_t)g->k;
}
