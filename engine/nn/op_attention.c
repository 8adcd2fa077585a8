#include "engine/nn/op_attention.h"

#include <string.h>

#include "engine/nn/blas.h"
#include "engine/nn/real_math.h"
#include "engine/nn/tiling.h"
#include "engine/nn/vexp.h"

/* Scores stand as [keys, QUERIES]: a key a row, a query a column. So the softmax works on
 * QUERIES columns side by side, with no sum across a vector, and the products need only the
 * block's queries turned, not its keys. A last block of fewer queries has idle columns, which
 * are never read. Keys end where the block's last query ends, so only the last QUERIES keys are
 * masked. KEYS is a multiple of QUERIES: every query of a block then sees the first key of each
 * block of keys. */
enum { QUERIES = 64, KEYS = 128 };

/* A score that a query must not see: far below all others, and its exponential is 0. */
static const real masked = R(-1e30);

struct attention_job {
    real *out, *lse_out; /* forward */
    real *dq, *dk, *dv;  /* backward */
    const real *q, *k, *v, *dout, *out_in, *lse;
    real *scratch; /* attention_scratch() for each worker */
    struct attention_dims d;
};

/* Queries [q0, q0+qn) by keys [k0, k0+kn) of one head. */
struct block {
    const struct attention_job *job;
    size_t row; /* of the sequence's first token */
    int head, kv_head;
    int q0, qn, k0, kn;
    real *q_turned;    /* [head_dim, QUERIES], scaled */
    real *dout_turned; /* [head_dim, QUERIES]; backward */
    real *scores;      /* [kn, QUERIES]; becomes P */
    real *dscores;     /* [kn, QUERIES]; backward: dP, becomes dS */
};

/* Running maximum and sum of each query's softmax. */
struct softmax {
    real max[QUERIES], sum[QUERIES];
};

static int key_block(struct attention_dims d) { return d.time < KEYS ? d.time : KEYS; }

static size_t half_scratch(struct attention_dims d) {
    return (size_t)QUERIES * (size_t)(d.head_dim + key_block(d));
}

size_t attention_scratch(struct attention_dims d) { return 2 * half_scratch(d); }

static real score_scale(struct attention_dims d) {
    return R(1.0) / real_sqrt((real)d.head_dim);
}

static inline int min_int(int a, int b) { return a < b ? a : b; }

/* Where a head of a token stands in a matrix of tokens `stride` apart. */
static size_t place(const struct block *b, int token, int head, int stride) {
    return (b->row + (size_t)token) * (size_t)stride +
           (size_t)head * (size_t)b->job->d.head_dim;
}

static int dense(struct attention_dims d) { return d.heads * d.head_dim; }

static struct block make_block(const struct attention_job *job, int sequence, int worker) {
    struct attention_dims d = job->d;
    real *scratch = job->scratch + (size_t)worker * attention_scratch(d);
    size_t turned = (size_t)QUERIES * (size_t)d.head_dim;
    return (struct block){.job = job,
                          .row = (size_t)sequence * (size_t)d.time,
                          .q_turned = scratch,
                          .scores = scratch + turned,
                          .dout_turned = scratch + half_scratch(d),
                          .dscores = scratch + half_scratch(d) + turned};
}

/* to[head_dim, QUERIES] = scale * rows^T; idle columns become 0. */
static void turn(const struct block *b, real *to, const real *rows, int stride, real scale) {
    int head_dim = b->job->d.head_dim;
    if (b->qn < QUERIES) memset(to, 0, (size_t)head_dim * QUERIES * sizeof *to);
    blas_turn(to, QUERIES, rows, stride, b->qn, head_dim, scale);
}

/* to[kn, QUERIES] = rows[kn, head_dim] turned[head_dim, QUERIES]: scores, and dP */
static void keys_by_queries(const struct block *b, real *to, const real *rows, int stride,
                            const real *turned) {
    blas_gemm_tile(&(struct gemm){.m = b->kn,
                                  .n = QUERIES,
                                  .k = b->job->d.head_dim,
                                  .A = rows,
                                  .lda = stride,
                                  .B = turned,
                                  .ldb = QUERIES,
                                  .C = to,
                                  .ldc = QUERIES});
}

/* C[qn, head_dim] (+)= alpha * P[kn, qn]^T rows[kn, head_dim]: out, and dq */
static void weigh_keys(const struct block *b, real *C, int ldc, const real *P, const real *rows,
                       int stride, real alpha) {
    blas_gemm_tile(&(struct gemm){.m = b->qn,
                                  .n = b->job->d.head_dim,
                                  .k = b->kn,
                                  .ta = TRANSPOSED,
                                  .alpha = alpha,
                                  .add = b->k0 > 0,
                                  .A = P,
                                  .lda = QUERIES,
                                  .B = rows,
                                  .ldb = stride,
                                  .C = C,
                                  .ldc = ldc});
}

/* C[kn, head_dim] (+)= alpha * P[kn, qn] rows[qn, head_dim]: dk and dv */
static void weigh_queries(const struct block *b, real *C, int ldc, const real *P,
                          const real *rows, int stride, real alpha, bool add) {
    blas_gemm_tile(&(struct gemm){.m = b->kn,
                                  .n = b->job->d.head_dim,
                                  .k = b->qn,
                                  .alpha = alpha,
                                  .add = add,
                                  .A = P,
                                  .lda = QUERIES,
                                  .B = rows,
                                  .ldb = stride,
                                  .C = C,
                                  .ldc = ldc});
}

/* A key later than the block's first query is masked for the queries before it. */
static inline void mask(const struct block *b) {
    for (int j = b->q0 - b->k0 + 1; j < b->kn; j++) {
        int unseeing = min_int(b->k0 + j - b->q0, QUERIES);
        for (int i = 0; i < unseeing; i++) b->scores[j * QUERIES + i] = masked;
    }
}

static void make_scores(const struct block *b) {
    const struct attention_job *job = b->job;
    int stride = job->d.k_stride;
    keys_by_queries(b, b->scores, job->k + place(b, b->k0, b->kv_head, stride), stride,
                    b->q_turned);
}

/* Scores become exp(score - max so far); the maxima and sums are brought up to date, and what
 * was gathered in out[qn, head_dim] is rescaled to the new maxima. NaN goes through to the sum.
 */
KERNEL static void softmax_forward(const struct block *b, struct softmax *state, real *out) {
    int head_dim = b->job->d.head_dim, stride = dense(b->job->d);
    bool first = b->k0 == 0;
    real max[QUERIES], sum[QUERIES] = {0};
    mask(b);
    memcpy(max, first ? b->scores : state->max, sizeof max);
    for (int j = 0; j < b->kn; j++) {
        const real *s = b->scores + j * QUERIES;
        for (int i = 0; i < QUERIES; i++) max[i] = s[i] > max[i] ? s[i] : max[i];
    }
    for (int j = 0; j < b->kn; j++) {
        real *s = b->scores + j * QUERIES;
        for (int i = 0; i < QUERIES; i++) sum[i] += s[i] = vexp_flushed(s[i] - max[i]);
    }
    for (int i = 0; !first && i < b->qn; i++) {
        real shrink = vexp_flushed(state->max[i] - max[i]);
        sum[i] += shrink * state->sum[i];
        real *row = out + (size_t)i * (size_t)stride;
        for (int c = 0; c < head_dim; c++) row[c] *= shrink;
    }
    memcpy(state->max, max, sizeof max);
    memcpy(state->sum, sum, sizeof sum);
}

KERNEL static void finish_forward(const struct block *b, const struct softmax *state, real *out,
                                  real *lse) {
    int head_dim = b->job->d.head_dim, stride = dense(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        real *row = out + (size_t)i * (size_t)stride, share = R(1.0) / state->sum[i];
        for (int c = 0; c < head_dim; c++) row[c] *= share;
        lse[i] = state->max[i] + real_log(state->sum[i]);
    }
}

/* Tile: one sequence, one head, one block of queries; the longest, which are the last, first.
 */
static void forward_tile(void *ctx, int tile, int worker) {
    const struct attention_job *job = ctx;
    struct attention_dims d = job->d;
    int q_blocks = tile_count(d.time, QUERIES), head = tile / q_blocks % d.heads;
    struct span queries = tile_span(q_blocks - 1 - tile % q_blocks, d.time, QUERIES);
    struct block b = make_block(job, tile / (q_blocks * d.heads), worker);
    b.head = head;
    b.kv_head = head / (d.heads / d.kv_heads);
    b.q0 = queries.from;
    b.qn = queries.to - queries.from;
    struct softmax state = {{0}, {0}};
    real *out = job->out + place(&b, b.q0, head, dense(d));
    turn(&b, b.q_turned, job->q + place(&b, b.q0, head, d.q_stride), d.q_stride,
         score_scale(d));
    for (b.k0 = 0; b.k0 < queries.to; b.k0 += KEYS) {
        b.kn = min_int(KEYS, queries.to - b.k0);
        make_scores(&b);
        softmax_forward(&b, &state, out);
        weigh_keys(&b, out, dense(d), b.scores, job->v + place(&b, b.k0, b.kv_head, d.v_stride),
                   d.v_stride, R(1.0));
    }
    size_t lse = (b.row * (size_t)d.heads) + (size_t)head * (size_t)d.time + (size_t)b.q0;
    finish_forward(&b, &state, out, job->lse_out + lse);
}

/* dot[i] = dout_i . out_i = sum over keys of P dP, which the softmax's gradient takes away. */
KERNEL static void dots(const struct block *b, real *dot, const real *dout, const real *out) {
    int n = b->job->d.head_dim, stride = dense(b->job->d);
    for (int i = 0; i < b->qn; i++) {
        const real *x = dout + (size_t)i * (size_t)stride,
                   *y = out + (size_t)i * (size_t)stride;
        real sum = R(0.0);
#pragma omp simd reduction(+ : sum)
        for (int c = 0; c < n; c++) sum += x[c] * y[c];
        dot[i] = sum;
    }
}

/* Scores become P = exp(score - lse), dP becomes dS = P (dP - dot). */
KERNEL static void softmax_backward(const struct block *b, const real *lse, const real *dot) {
    mask(b);
    for (int j = 0; j < b->kn; j++) {
        real *restrict s = b->scores + j * QUERIES, *restrict ds = b->dscores + j * QUERIES;
        for (int i = 0; i < QUERIES; i++) {
            s[i] = vexp_flushed(s[i] - lse[i]);
            ds[i] = s[i] * (ds[i] - dot[i]);
        }
    }
}

/* The first block of queries to come is the last of the first head, which sees every key: it
 * lays down dk and dv, the others add. */
static bool lays_down(const struct block *b) {
    int group = b->job->d.heads / b->job->d.kv_heads;
    return b->head % group == 0 && b->q0 + QUERIES >= b->job->d.time;
}

static void backward_block(const struct block *b, const real *lse, const real *dot) {
    const struct attention_job *job = b->job;
    struct attention_dims d = job->d;
    real scale = score_scale(d);
    bool add = !lays_down(b);
    make_scores(b);
    keys_by_queries(b, b->dscores, job->v + place(b, b->k0, b->kv_head, d.v_stride), d.v_stride,
                    b->dout_turned);
    softmax_backward(b, lse, dot);
    weigh_queries(b, job->dv + place(b, b->k0, b->kv_head, d.dv_stride), d.dv_stride, b->scores,
                  job->dout + place(b, b->q0, b->head, dense(d)), dense(d), R(1.0), add);
    weigh_queries(b, job->dk + place(b, b->k0, b->kv_head, d.dk_stride), d.dk_stride,
                  b->dscores, job->q + place(b, b->q0, b->head, d.q_stride), d.q_stride, scale,
                  add);
    weigh_keys(b, job->dq + place(b, b->q0, b->head, d.dq_stride), d.dq_stride, b->dscores,
               job->k + place(b, b->k0, b->kv_head, d.k_stride), d.k_stride, scale);
}

/* One block of queries against all keys that it sees. */
static void backward_queries(struct block *b) {
    const struct attention_job *job = b->job;
    struct attention_dims d = job->d;
    size_t out_at = place(b, b->q0, b->head, dense(d));
    size_t lse_at = b->row * (size_t)d.heads + (size_t)b->head * (size_t)d.time + (size_t)b->q0;
    real lse[QUERIES] = {0}, dot[QUERIES] = {0};
    memcpy(lse, job->lse + lse_at, (size_t)b->qn * sizeof *lse);
    dots(b, dot, job->dout + out_at, job->out_in + out_at);
    turn(b, b->q_turned, job->q + place(b, b->q0, b->head, d.q_stride), d.q_stride,
         score_scale(d));
    turn(b, b->dout_turned, job->dout + out_at, dense(d), R(1.0));
    for (b->k0 = 0; b->k0 < b->q0 + b->qn; b->k0 += KEYS) {
        b->kn = min_int(KEYS, b->q0 + b->qn - b->k0);
        backward_block(b, lse, dot);
    }
}

/* Tile: one sequence, one head of keys and values with all its query heads. */
static void backward_tile(void *ctx, int tile, int worker) {
    const struct attention_job *job = ctx;
    struct attention_dims d = job->d;
    int group = d.heads / d.kv_heads;
    struct block b = make_block(job, tile / d.kv_heads, worker);
    b.kv_head = tile % d.kv_heads;
    for (b.head = b.kv_head * group; b.head < (b.kv_head + 1) * group; b.head++) {
        for (b.q0 = (d.time - 1) / QUERIES * QUERIES; b.q0 >= 0; b.q0 -= QUERIES) {
            b.qn = min_int(QUERIES, d.time - b.q0);
            backward_queries(&b);
        }
    }
}

uint64_t attention_product_flops(struct attention_dims d) {
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
    ex->flops += 2 * attention_product_flops(d);
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
    ex->flops += 5 * attention_product_flops(d);
}
