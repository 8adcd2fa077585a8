#include "engine/nn/op_attention.h"

#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/real_math.h"
#include "engine/nn/tiling.h"
#include "engine/nn/vmath.h"

/* Queries and keys of a block. Keys end where the block's last query ends, so only the last
 * square of QUERIES keys is multiplied in vain. KEYS is a multiple of QUERIES: every query of a
 * block then sees at least one key of each block. */
enum { QUERIES = 64, KEYS = 256 };

struct attention_job {
    real *out, *lse_out; /* forward */
    real *dq, *dk, *dv;  /* backward */
    const real *q, *k, *v, *dout, *out_in, *lse;
    real *scratch; /* attention_scratch() for each worker */
    struct attention_dims d;
};

/* One block of scores: queries [q0, q0+qn) by keys [k0, k0+kn) of one head. */
struct block {
    const struct attention_job *job;
    size_t row; /* of the sequence's first token */
    int head, kv_head;
    int q0, qn, k0, kn;
    real *scores; /* [qn,kn] */
};

static int key_block(struct attention_dims d) { return d.time < KEYS ? d.time : KEYS; }

size_t attention_scratch(struct attention_dims d) {
    return 2 * (size_t)QUERIES * (size_t)key_block(d) + 2 * (size_t)QUERIES;
}

static real score_scale(struct attention_dims d) {
    return R(1.0) / real_sqrt((real)d.head_dim);
}

static inline int min_int(int a, int b) { return a < b ? a : b; }

/* Keys of the block that query i of the block may see. */
static inline int visible(const struct block *b, int i) {
    return min_int(b->kn, b->q0 + i - b->k0 + 1);
}

/* Where a head of a token stands in a matrix of tokens `stride` apart. */
static inline size_t place(const struct block *b, int token, int head, int stride) {
    return (b->row + (size_t)token) * (size_t)stride +
           (size_t)head * (size_t)b->job->d.head_dim;
}

static inline int dense(struct attention_dims d) { return d.heads * d.head_dim; }

/* to[qn,kn] = alpha * a_rows b_rows^T over head_dim: scores, and dP. */
static void rows_by_rows(const struct block *b, real *to, const real *A, int lda, const real *B,
                         int ldb, real alpha) {
    blas_gemm_tile(&(struct gemm){.m = b->qn,
                                  .n = b->kn,
                                  .k = b->job->d.head_dim,
                                  .tb = TRANSPOSED,
                                  .A = A,
                                  .lda = lda,
                                  .B = B,
                                  .ldb = ldb,
                                  .C = to,
                                  .ldc = b->kn,
                                  .alpha = alpha});
}

/* C[qn,head_dim] (+)= P[qn,kn] B[kn,head_dim] */
static void weigh_keys(const struct block *b, real *C, int ldc, const real *P, const real *B,
                       int ldb, bool add) {
    blas_gemm_tile(&(struct gemm){.m = b->qn,
                                  .n = b->job->d.head_dim,
                                  .k = b->kn,
                                  .A = P,
                                  .lda = b->kn,
                                  .B = B,
                                  .ldb = ldb,
                                  .C = C,
                                  .ldc = ldc,
                                  .add = add});
}

/* C[kn,head_dim] += P[qn,kn]^T B[qn,head_dim] */
static void weigh_queries(const struct block *b, real *C, int ldc, const real *P, const real *B,
                          int ldb) {
    blas_gemm_tile(&(struct gemm){.m = b->kn,
                                  .n = b->job->d.head_dim,
                                  .k = b->qn,
                                  .ta = TRANSPOSED,
                                  .A = P,
                                  .lda = b->kn,
                                  .B = B,
                                  .ldb = ldb,
                                  .C = C,
                                  .ldc = ldc,
                                  .add = true});
}

static void make_scores(const struct block *b) {
    const struct attention_job *job = b->job;
    struct attention_dims d = job->d;
    rows_by_rows(b, b->scores, job->q + place(b, b->q0, b->head, d.q_stride), d.q_stride,
                 job->k + place(b, b->k0, b->kv_head, d.k_stride), d.k_stride, score_scale(d));
}

static inline void fill(real *x, real value, int n) {
    for (int i = 0; i < n; i++) x[i] = value;
}

static inline void scale_by(real *x, real factor, int n) {
    for (int i = 0; i < n; i++) x[i] *= factor;
}

/* Scores become exp(score - max so far); max[qn] and sum[qn] are brought up to date, and what
 * was gathered in out[qn,head_dim] is rescaled to the new maximum. A score that is not finite
 * makes the query's sum NaN, and so its output. */
KERNEL static void softmax_forward(const struct block *b, real *max, real *sum, real *out,
                                   bool first) {
    int head_dim = b->job->d.head_dim, stride = dense(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        real *s = b->scores + (size_t)i * (size_t)b->kn;
        int n = visible(b, i);
        real here = real_finite_max(s, n), before = max[i];
        if (!isfinite(here)) {
            fill(s, sum[i] = real_nan(), b->kn);
            continue;
        }
        max[i] = first || here > before ? here : before;
        real shrink = first ? R(0.0) : real_exp(before - max[i]);
        sum[i] = (first ? R(0.0) : sum[i] * shrink) + vmath_exp_shift_sum(s, s, max[i], n);
        fill(s + n, R(0.0), b->kn - n);
        if (!first) scale_by(out + (size_t)i * (size_t)stride, shrink, head_dim);
    }
}

/* Tile: one sequence, one head, one block of queries. */
KERNEL static void finish_forward(const struct block *b, const real *max, const real *sum,
                                  real *out, real *lse) {
    int stride = dense(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        scale_by(out + (size_t)i * (size_t)stride, R(1.0) / sum[i], b->job->d.head_dim);
        lse[i] = max[i] + real_log(sum[i]);
    }
}

static void forward_tile(void *ctx, int tile, int worker) {
    const struct attention_job *job = ctx;
    struct attention_dims d = job->d;
    int q_blocks = tile_count(d.time, QUERIES), keys = key_block(d);
    int sequence = tile / (q_blocks * d.heads), head = tile / q_blocks % d.heads;
    struct span queries = tile_span(tile % q_blocks, d.time, QUERIES);
    real *scratch = job->scratch + (size_t)worker * attention_scratch(d);
    real *max = scratch + (size_t)QUERIES * (size_t)keys, *sum = max + QUERIES;
    struct block b = {.job = job,
                      .row = (size_t)sequence * (size_t)d.time,
                      .head = head,
                      .kv_head = head / (d.heads / d.kv_heads),
                      .q0 = queries.from,
                      .qn = queries.to - queries.from,
                      .scores = scratch};
    real *out = job->out + place(&b, b.q0, head, dense(d));
    for (b.k0 = 0; b.k0 < queries.to; b.k0 += KEYS) {
        b.kn = min_int(keys, queries.to - b.k0);
        make_scores(&b);
        softmax_forward(&b, max, sum, out, b.k0 == 0);
        weigh_keys(&b, out, dense(d), b.scores, job->v + place(&b, b.k0, b.kv_head, d.v_stride),
                   d.v_stride, b.k0 > 0);
    }
    size_t first = ((size_t)sequence * (size_t)d.heads + (size_t)head) * (size_t)d.time;
    finish_forward(&b, max, sum, out, job->lse_out + first + (size_t)b.q0);
}

/* dot[i] = dout_i . out_i = sum over keys of P dP, which the softmax's gradient takes away. */
KERNEL static void dots(const struct block *b, real *dot, const real *dout, const real *out) {
    int n = b->job->d.head_dim, stride = dense(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        const real *x = dout + (size_t)i * (size_t)stride,
                   *y = out + (size_t)i * (size_t)stride;
        real sum = R(0.0);
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < n; j++) sum += x[j] * y[j];
        dot[i] = sum;
    }
}

/* Scores become P = exp(score - lse), dP becomes dS = scale P (dP - dot). An output that was
 * not finite shows in `dot` and makes both NaN. */
KERNEL static void softmax_backward(const struct block *b, real *dP, const real *lse,
                                    const real *dot) {
    real scale = score_scale(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        real *restrict s = b->scores + (size_t)i * (size_t)b->kn;
        real *restrict ds = dP + (size_t)i * (size_t)b->kn;
        int n = visible(b, i);
        if (!isfinite(dot[i]) || !isfinite(lse[i])) {
            fill(s, real_nan(), b->kn);
            fill(ds, real_nan(), b->kn);
            continue;
        }
        (void)vmath_exp_shift_sum(s, s, lse[i], n);
        for (int j = 0; j < n; j++) ds[j] = scale * s[j] * (ds[j] - dot[i]);
        fill(s + n, R(0.0), b->kn - n);
        fill(ds + n, R(0.0), b->kn - n);
    }
}

static void backward_block(const struct block *b, real *dP, const real *dot) {
    const struct attention_job *job = b->job;
    struct attention_dims d = job->d;
    size_t out_at = place(b, b->q0, b->head, dense(d));
    size_t q_at = place(b, b->q0, b->head, d.q_stride);
    size_t lse_at = b->row * (size_t)d.heads + (size_t)b->head * (size_t)d.time + (size_t)b->q0;
    const real *dout = job->dout + out_at;
    make_scores(b);
    rows_by_rows(b, dP, dout, dense(d), job->v + place(b, b->k0, b->kv_head, d.v_stride),
                 d.v_stride, R(1.0));
    softmax_backward(b, dP, job->lse + lse_at, dot);
    weigh_queries(b, job->dv + place(b, b->k0, b->kv_head, d.dv_stride), d.dv_stride, b->scores,
                  dout, dense(d));
    weigh_queries(b, job->dk + place(b, b->k0, b->kv_head, d.dk_stride), d.dk_stride, dP,
                  job->q + q_at, d.q_stride);
    weigh_keys(b, job->dq + place(b, b->q0, b->head, d.dq_stride), d.dq_stride, dP,
               job->k + place(b, b->k0, b->kv_head, d.k_stride), d.k_stride, b->k0 > 0);
}

static void clear_head(real *x, const struct block *b, int stride) {
    size_t bytes = (size_t)b->job->d.head_dim * sizeof *x;
    for (int t = 0; t < b->job->d.time; t++)
        memset(x + place(b, t, b->kv_head, stride), 0, bytes);
}

/* Tile: one sequence, one head of keys and values with all its query heads. */
static void backward_tile(void *ctx, int tile, int worker) {
    const struct attention_job *job = ctx;
    struct attention_dims d = job->d;
    int keys = key_block(d), group = d.heads / d.kv_heads;
    size_t block_reals = (size_t)QUERIES * (size_t)keys;
    real *scratch = job->scratch + (size_t)worker * attention_scratch(d);
    real *dP = scratch + block_reals, *dot = dP + block_reals;
    struct block b = {.job = job,
                      .row = (size_t)(tile / d.kv_heads) * (size_t)d.time,
                      .kv_head = tile % d.kv_heads,
                      .scores = scratch};
    clear_head(job->dk, &b, d.dk_stride);
    clear_head(job->dv, &b, d.dv_stride);
    for (b.head = b.kv_head * group; b.head < (b.kv_head + 1) * group; b.head++) {
        for (b.q0 = 0; b.q0 < d.time; b.q0 += QUERIES) {
            b.qn = min_int(QUERIES, d.time - b.q0);
            size_t at = place(&b, b.q0, b.head, dense(d));
            dots(&b, dot, job->dout + at, job->out_in + at);
            for (b.k0 = 0; b.k0 < b.q0 + b.qn; b.k0 += KEYS) {
                b.kn = min_int(keys, b.q0 + b.qn - b.k0);
                backward_block(&b, dP, dot);
            }
        }
    }
}

/* Flop of one product of every query with the keys up to the end of its block. */
static uint64_t product_flops(struct attention_dims d) {
    uint64_t pairs = 0;
    for (int i = 0; i < tile_count(d.time, QUERIES); i++) {
        struct span s = tile_span(i, d.time, QUERIES);
        pairs += (uint64_t)(s.to - s.from) * (uint64_t)s.to;
    }
    return 2 * pairs * (uint64_t)d.head_dim * (uint64_t)d.batch * (uint64_t)d.heads;
}

void attention_forward(struct exec *ex, real *out, real *lse, const real *q, const real *k,
                       const real *v, real *scratch, struct attention_dims d) {
    struct attention_job job = {
        .out = out, .lse_out = lse, .q = q, .k = k, .v = v, .scratch = scratch, .d = d};
    pool_run(ex->pool, d.batch * d.heads * tile_count(d.time, QUERIES), forward_tile, &job);
    ex->flops += 2 * product_flops(d);
}

void attention_backward(struct exec *ex, real *dq, real *dk, real *dv, const real *dout,
                        const real *out, const real *lse, const real *q, const real *k,
                        const real *v, real *scratch, struct attention_dims d) {
    struct attention_job job = {.dq = dq,
                                .dk = dk,
                                .dv = dv,
                                .q = q,
                                .k = k,
                                .v = v,
                                .dout = dout,
                                .out_in = out,
                                .lse = lse,
                                .scratch = scratch,
                                .d = d};
    pool_run(ex->pool, d.batch * d.kv_heads, backward_tile, &job);
    ex->flops += 5 * product_flops(d);
}
