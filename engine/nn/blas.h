/* blas.h - products of matrices, and the door of OpenBLAS. One-threaded inside fixed tiles; our own pool runs
 * the tiles. C is row-major throughout. The process must run with OPENBLAS_NUM_THREADS=1 (see
 * src/cpu_setup.h), which blas_init() makes sure of. */
#ifndef THAW_ENGINE_NN_BLAS_H
#define THAW_ENGINE_NN_BLAS_H
#include <stdbool.h>

#include "engine/nn/exec.h"

enum blas_trans { AS_IS = 0, TRANSPOSED = 1 };

/* Make BLAS one-threaded. Call once, before the first product. */
void blas_init(void);
/* "OpenBLAS 0.3.21, SkylakeX kernels": library, version, kernel set. Static storage; from any thread. */
const char *blas_describe(void);

/* A product by name, since ten bare arguments cannot be read:
 *   C[m,n] = A' B' + (add ? C : 0)      A' is A[m,k] or A[k,m]^T, B' is B[k,n] or B[n,k]^T
 *   C[m,n] = A' B' + onto[m,n] + bias[n]  where one of them is given; onto lies as C does and may be C
 * ld*: distance between rows in reals. */
struct gemm {
    int m, n, k;
    enum blas_trans ta, tb;
    int lda, ldb, ldc;
    real alpha; /* 0 stands for 1 */
    bool add;
    const real *A, *B;
    const real *onto, *bias; /* `add` is not looked at where one is given */
    real *C;
};

/* On the caller's thread, flop not counted: for use inside tiles. */
void blas_gemm_tile(const struct gemm *g);
/* to[cols,rows] = scale * from[rows,cols]^T, on the caller's thread. ld*: distance between
 * rows. */
void blas_turn(real *to, int ldt, const real *from, int ldf, int rows, int cols, real scale);
/* Cut into tiles of C by shape alone and run on the pool; counts 2mnk. No sum is cut: each
 * element of C is made whole by one thread. Without a pool the product is not cut at all, which may make
 * other bits than with a pool of one thread. */
void blas_gemm(struct exec *ex, const struct gemm *g);
/* Several products, none of which needs another's result, as one set of tiles: fewer waits, and
 * one product's many tiles fill the gaps that another's few leave. */
enum { BLAS_MAX_GEMMS = 16 };
void blas_gemm_all(struct exec *ex, const struct gemm *g, int n);

/* The same for a caller who runs the tiles beside other work: cut, then call for each tile
 * i in [0, tiles) of the set, on any thread. Counts 2mnk of each when it cuts. */
struct gemm_cut {
    struct gemm g;
    int tile_m, tile_n; /* sides of a tile of C */
    int tiles, tiles_n; /* in all, and along n */
};
struct gemm_set {
    struct gemm_cut cuts[BLAS_MAX_GEMMS];
    int tiles; /* of all cuts */
};
struct gemm_set blas_cut(struct exec *ex, const struct gemm *g, int n);
void blas_set_tile(const struct gemm_set *set, int i);
#endif
