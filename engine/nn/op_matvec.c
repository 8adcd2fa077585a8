#include "engine/nn/op_matvec.h"

#include <stddef.h>
#include <string.h>

#include "engine/nn/tiling.h"

/* A dot product is CHAINS sums of LANES lanes each, added up at the end in one order: enough
 * sums to hide the latency of an addition. The lanes are spelled out instead of left to the
 * compiler, and multiplications are not fused with additions, so that the order is the same in
 * the loops for one row and for several, and on every processor. */
enum { LANE_BYTES = 64, LANES = LANE_BYTES / (int)sizeof(real), CHAINS = 4 };
typedef real lanes __attribute__((vector_size(LANE_BYTES)));
typedef real quarter __attribute__((vector_size(LANE_BYTES / 4)));

/* Rows of x that share one pass over a row of W: their sums fill half of the registers. */
enum { BESIDE = 4 };

/* Reals of W: in a tile, some 10 us of reading; in a block, which stays in the first cache
 * while all rows of x pass by; and between what is read and what is fetched ahead. The
 * processor's own prefetch is too late where several rows of x keep it busy meanwhile: without
 * ours two rows take 1.2 times as long as one, and four 1.5 times, not 1.1 and 1.2. */
enum { TILE_WEIGHTS = 32768, BLOCK_WEIGHTS = 4096, AHEAD_WEIGHTS = 2048 };

struct matvec_job {
    real *y;
    const real *x, *b;
    const void *W; /* numbers of d.kind */
    struct matvec_dims d;
    int per_tile; /* rows of W */
};

#define INLINE static inline __attribute__((always_inline))

/* n of the lanes, 0 behind them. By pointer: how a vector is returned depends on the processor.
 */
INLINE void load(lanes *to, const real *p, int n) {
    if (n < LANES) *to = (lanes){0};
    memcpy(to, p, (size_t)n * sizeof *p);
}

/* The same of numbers of 16 bits, as narrow.c widens them. */
typedef uint16_t halves __attribute__((vector_size(LANES * sizeof(uint16_t))));
typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef float singles __attribute__((vector_size(LANES * sizeof(float))));

INLINE void widen_half(words *bits) {
    const words full = (words){0} + (31u << 23), least = (words){0} + (113u << 23);
    words sign = (*bits & 0x8000u) << 16, size = (*bits & 0x7fffu) << 13, sum = size + least;
    singles small, one;
    memcpy(&small, &sum, sizeof small);
    memcpy(&one, &least, sizeof one);
    small -= one;
    words subnormal, none = (words)((size & full) == 0), all = (words)((size & full) == full);
    memcpy(&subnormal, &small, sizeof small);
    words finite = (subnormal & none) | ((size + (112u << 23)) & ~none);
    *bits = sign | ((size | 0x7f800000u) & all) | (finite & ~all);
}

INLINE void load_narrow(lanes *to, const uint16_t *p, int n, enum narrow_kind kind) {
    halves raw = {0};
    memcpy(&raw, p, (size_t)n * sizeof *p);
    words bits = __builtin_convertvector(raw, words);
    if (kind == NARROW_BF16) bits <<= 16;
    else widen_half(&bits);
    singles wide;
    memcpy(&wide, &bits, sizeof wide);
    *to = __builtin_convertvector(wide, lanes);
}

INLINE const void *number_at(const void *W, size_t i, enum narrow_kind kind) {
    return (const char *)W + i * (kind == NARROW_NONE ? sizeof(real) : sizeof(uint16_t));
}

INLINE real sum_of(const lanes *chain) {
    lanes all = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    quarter q[4];
    memcpy(q, &all, sizeof q);
    q[0] = (q[0] + q[1]) + (q[2] + q[3]);
    real sum = q[0][0] + q[0][1];
    for (int i = 2; i < LANES / 4; i++) sum += q[0][i];
    return sum;
}

/* sum[r][chain] += w * x[r] over n <= LANES columns, for rows of x that are `apart`. n_x, kind
 * and, but for the last columns, n are constants where this is inlined. */
INLINE void add_products(lanes sum[BESIDE][CHAINS], int chain, const void *w,
                         enum narrow_kind kind, const real *x, size_t apart, int n_x, int n) {
    lanes weights, values;
    if (kind == NARROW_NONE) load(&weights, w, n);
    else load_narrow(&weights, w, n, kind);
#pragma GCC unroll 4
    for (int r = 0; r < n_x; r++) {
        load(&values, x + (size_t)r * apart, n);
        sum[r][chain] += weights * values;
    }
}

/* to[r] = w . x[r] */
INLINE void dots(real to[BESIDE], const void *w, enum narrow_kind kind, const real *x, int in,
                 int n_x) {
    lanes sum[BESIDE][CHAINS] = {0};
    int j = 0;
    for (; j + CHAINS * LANES <= in; j += CHAINS * LANES) {
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            int at = j + c * LANES;
            __builtin_prefetch(number_at(w, (size_t)at + AHEAD_WEIGHTS, kind));
            add_products(sum, c, number_at(w, (size_t)at, kind), kind, x + at, (size_t)in, n_x,
                         LANES);
        }
    }
    for (; j + LANES <= in; j += LANES)
        add_products(sum, 0, number_at(w, (size_t)j, kind), kind, x + j, (size_t)in, n_x,
                     LANES);
    if (j < in)
        add_products(sum, 0, number_at(w, (size_t)j, kind), kind, x + j, (size_t)in, n_x,
                     in - j);
#pragma GCC unroll 4
    for (int r = 0; r < n_x; r++) to[r] = sum_of(sum[r]);
}

/* Rows of W by n_x rows of x from `first` on. */
INLINE void some_rows(const struct matvec_job *job, struct span outs, int first, int n_x,
                      enum narrow_kind kind) {
    size_t in = (size_t)job->d.in, out = (size_t)job->d.out;
    for (int i = outs.from; i < outs.to; i++) {
        real dot[BESIDE];
        dots(dot, number_at(job->W, (size_t)i * in, kind), kind, job->x + (size_t)first * in,
             job->d.in, n_x);
        for (int r = 0; r < n_x; r++) {
            real *y = job->y + (size_t)(first + r) * out + i;
            real value = job->b ? dot[r] + job->b[i] : dot[r];
            *y = job->d.add ? *y + value : value;
        }
    }
}

INLINE void rows_of_tile(const struct matvec_job *job, int tile, enum narrow_kind kind) {
    struct span outs = tile_span(tile, job->d.out, job->per_tile), block = outs;
    int rows = job->d.rows;
    int per_block = job->d.in < BLOCK_WEIGHTS ? BLOCK_WEIGHTS / job->d.in : 1;
    for (; block.from < outs.to; block.from = block.to) {
        block.to = outs.to - block.from < per_block ? outs.to : block.from + per_block;
        int r = 0;
        for (; r + BESIDE <= rows; r += BESIDE) some_rows(job, block, r, BESIDE, kind);
        if (rows & 2) some_rows(job, block, r, 2, kind);
        if (rows & 1) some_rows(job, block, rows - 1, 1, kind);
    }
}

KERNEL static void matvec_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct matvec_job *job = ctx;
    if (job->d.kind == NARROW_NONE) rows_of_tile(job, tile, NARROW_NONE);
    else if (job->d.kind == NARROW_BF16) rows_of_tile(job, tile, NARROW_BF16);
    else rows_of_tile(job, tile, NARROW_F16);
}

void matvec_forward(struct exec *ex, real *y, const real *x, const void *W, const real *b,
                    struct matvec_dims d) {
    struct matvec_job job = {.y = y, .x = x, .W = W, .b = b, .d = d, .per_tile = 1};
    if (d.in < TILE_WEIGHTS) job.per_tile = TILE_WEIGHTS / d.in;
    pool_run(ex->pool, tile_count(d.out, job.per_tile), matvec_tile, &job);
    ex->flops += 2 * (uint64_t)d.rows * (uint64_t)d.in * (uint64_t)d.out;
}
