/* bench_ops - each op at the shape of the medical example, beside plain sgemm on the same pool.
 *   bench_ops [THREADS [BATCH [TIME [WIDTH [HEADS [KV_HEADS [FFN [VOCAB]]]]]]]]
 * Not a test. Products give GFLOP/s and their share of sgemm, the rest GB/s of what they must
 * read and write. Times are medians; the rates are those of the fastest run. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/arena.h"
#include "engine/core/clock.h"
#include "engine/core/rng.h"
#include "engine/nn/blas.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_attention.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_linear.h"
#include "engine/nn/op_loss.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"

enum { REPEATS = 25, SGEMM_SIDE = 2048 };

struct shape {
    int threads, batch, time, width, heads, kv_heads, ffn, vocab;
};

struct bench {
    struct exec ex;
    struct shape s;
    struct arena *memory;
    int rows, head_dim, q, kv;
    double sgemm; /* GFLOP/s */
    real *x, *dx, *y, *dy, *wide, *dwide, *W, *dW, *gain, *dgain, *mean, *rstd;
    real *cosine, *sine, *lse, *scratch, *nll;
    int32_t *tokens;
};

static real *take(struct bench *b, size_t n) {
    real *x = arena_take_reals(b->memory, n, NULL);
    if (!x) exit(1);
    struct rng rng = rng_make(n, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = (real)(2.0 * rng_uniform(&rng) - 1.0);
    return x;
}

static size_t largest(size_t a, size_t b) { return a > b ? a : b; }

static struct attention_dims attention_shape(const struct bench *b) {
    return (struct attention_dims){.batch = b->s.batch,
                                   .time = b->s.time,
                                   .heads = b->s.heads,
                                   .kv_heads = b->s.kv_heads,
                                   .head_dim = b->head_dim,
                                   .q_stride = b->q,
                                   .k_stride = b->kv,
                                   .v_stride = b->q + 2 * b->kv,
                                   .dq_stride = b->q,
                                   .dk_stride = b->kv,
                                   .dv_stride = b->q + 2 * b->kv};
}

static struct loss_dims loss_shape(const struct bench *b) {
    return (struct loss_dims){b->rows, b->s.width, b->s.vocab, R(1.0) / (real)b->rows};
}

static void init(struct bench *b, struct shape s) {
    *b = (struct bench){.s = s};
    b->rows = s.batch * s.time;
    b->head_dim = s.width / s.heads;
    b->q = s.heads * b->head_dim;
    b->kv = s.kv_heads * b->head_dim;
    b->ex.pool = pool_create(s.threads, NULL);
    b->memory = arena_create((size_t)8 << 30, NULL);
    if (!b->ex.pool || !b->memory) exit(1);
    size_t rows = (size_t)b->rows, width = (size_t)s.width;
    size_t wide = largest(2 * (size_t)s.ffn, (size_t)(b->q + 2 * b->kv)),
           square = SGEMM_SIDE * SGEMM_SIDE;
    size_t W = largest(square, largest((size_t)s.vocab, wide) * width);
    b->x = take(b, largest(square, rows * width));
    b->y = take(b, largest(square, rows * width));
    b->dx = take(b, rows * width);
    b->dy = take(b, rows * width);
    b->wide = take(b, rows * wide);
    b->dwide = take(b, rows * wide);
    b->W = take(b, W);
    b->dW = take(b, W);
    b->gain = take(b, wide);
    b->dgain = take(b, wide);
    b->mean = take(b, rows);
    b->rstd = take(b, rows * (size_t)s.heads);
    b->cosine = take(b, (size_t)(s.time * b->head_dim / 2));
    b->sine = take(b, (size_t)(s.time * b->head_dim / 2));
    b->lse = take(b, rows * (size_t)s.heads);
    b->scratch =
        take(b, largest(loss_scratch(loss_shape(b)), attention_scratch(attention_shape(b)) *
                                                         (size_t)pool_threads(b->ex.pool)));
    b->nll = take(b, rows);
    b->tokens = arena_take(b->memory, rows * sizeof *b->tokens, NULL);
    struct rng rng = rng_make(1, 0, 0);
    for (size_t i = 0; i < rows; i++)
        b->tokens[i] = (int32_t)rng_below(&rng, (uint64_t)s.vocab);
    rope_table(b->cosine, b->sine, s.time, b->head_dim, 10000.0);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns GFLOP/s; `bytes` above 0: prints GB/s instead. */
static double measure(struct bench *b, const char *name, void (*run)(struct bench *b),
                      double bytes) {
    double seconds[REPEATS];
    run(b);
    b->ex.flops = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = clock_now();
        run(b);
        seconds[i] = clock_now() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, by_value);
    double gflops = (double)b->ex.flops / REPEATS / seconds[0] * 1e-9;
    printf("%-26s %8.3f ms", name, seconds[REPEATS / 2] * 1e3);
    if (bytes > 0.0) printf(" %8.1f GB/s\n", bytes / seconds[0] * 1e-9);
    else if (b->sgemm <= 0.0) printf(" %8.1f GFLOP/s\n", gflops);
    else printf(" %8.1f GFLOP/s %5.0f%% of sgemm\n", gflops, 100.0 * gflops / b->sgemm);
    return gflops;
}

static void sgemm(struct bench *b) {
    blas_gemm(&b->ex, &(struct gemm){.m = SGEMM_SIDE,
                                     .n = SGEMM_SIDE,
                                     .k = SGEMM_SIDE,
                                     .A = b->x,
                                     .lda = SGEMM_SIDE,
                                     .B = b->W,
                                     .ldb = SGEMM_SIDE,
                                     .C = b->y,
                                     .ldc = SGEMM_SIDE});
}

static struct linear_dims qkv_shape(const struct bench *b) {
    return (struct linear_dims){b->rows, b->s.width, b->q + 2 * b->kv, false};
}
static struct linear_dims up_shape(const struct bench *b) {
    return (struct linear_dims){b->rows, b->s.width, 2 * b->s.ffn, false};
}
static struct linear_dims down_shape(const struct bench *b) {
    return (struct linear_dims){b->rows, b->s.ffn, b->s.width, true};
}
static struct linear_dims out_shape(const struct bench *b) {
    return (struct linear_dims){b->rows, b->q, b->s.width, true};
}

static void qkv_forward(struct bench *b) {
    linear_forward(&b->ex, b->wide, b->x, b->W, NULL, qkv_shape(b));
}
static void qkv_backward(struct bench *b) {
    linear_backward(&b->ex, b->dx, b->dW, NULL, b->dwide, b->x, b->W, qkv_shape(b));
}
static void qkv_backward_dx(struct bench *b) {
    linear_backward(&b->ex, b->dx, NULL, NULL, b->dwide, b->x, b->W, qkv_shape(b));
}
static void qkv_backward_dW(struct bench *b) {
    linear_backward(&b->ex, NULL, b->dW, NULL, b->dwide, b->x, b->W, qkv_shape(b));
}
static void out_forward(struct bench *b) {
    linear_forward(&b->ex, b->y, b->x, b->W, NULL, out_shape(b));
}
static void out_backward(struct bench *b) {
    linear_backward(&b->ex, b->dx, b->dW, NULL, b->dy, b->x, b->W, out_shape(b));
}
static void up_forward(struct bench *b) {
    linear_forward(&b->ex, b->wide, b->x, b->W, NULL, up_shape(b));
}
static void up_backward(struct bench *b) {
    linear_backward(&b->ex, b->dx, b->dW, NULL, b->dwide, b->x, b->W, up_shape(b));
}
static void down_forward(struct bench *b) {
    linear_forward(&b->ex, b->y, b->wide, b->W, NULL, down_shape(b));
}
static void down_backward(struct bench *b) {
    linear_backward(&b->ex, b->dwide, b->dW, NULL, b->dy, b->wide, b->W, down_shape(b));
}
static void bias_backward(struct bench *b) {
    linear_backward(&b->ex, NULL, NULL, b->dgain, b->dwide, b->x, b->W, qkv_shape(b));
}

static struct norm_dims norm_shape(const struct bench *b) {
    return (struct norm_dims){b->rows, b->s.width, R(1e-5)};
}
static void rms_forward(struct bench *b) {
    rmsnorm_forward(&b->ex, b->y, b->rstd, b->x, b->gain, norm_shape(b));
}
static void rms_backward(struct bench *b) {
    rmsnorm_backward(&b->ex, b->dx, b->dgain, b->dy, b->x, b->rstd, b->gain, norm_shape(b));
}
static void layer_forward(struct bench *b) {
    layernorm_forward(&b->ex, b->y, b->mean, b->rstd, b->x, b->gain, b->gain, norm_shape(b));
}
static void layer_backward(struct bench *b) {
    layernorm_backward(&b->ex, b->dx, b->dgain, b->dgain, b->dy, b->x, b->mean, b->rstd,
                       b->gain, norm_shape(b));
}

static struct qk_dims qk_shape(const struct bench *b) {
    return (struct qk_dims){b->rows,     b->s.time,        b->s.heads,
                            b->head_dim, b->q + 2 * b->kv, R(1e-5)};
}
static void head_forward(struct bench *b) {
    qk_forward(&b->ex, b->y, b->rstd, b->wide, b->gain, b->cosine, b->sine, qk_shape(b));
}
static void head_backward(struct bench *b) {
    qk_backward(&b->ex, b->dwide, b->dgain, b->dy, b->wide, b->rstd, b->gain, b->cosine,
                b->sine, qk_shape(b));
}

static void attend_forward(struct bench *b) {
    attention_forward(&b->ex, b->y, b->lse, b->x, b->x, b->wide, b->scratch,
                      attention_shape(b));
}
static void attend_backward(struct bench *b) {
    attention_backward(&b->ex, b->dx, b->dW, b->dwide, b->dy, b->y, b->lse, b->x, b->x, b->wide,
                       b->scratch, attention_shape(b));
}

static void glu_forward(struct bench *b) {
    swiglu_forward(&b->ex, b->dwide, b->wide, b->rows, b->s.ffn);
}
static void glu_backward(struct bench *b) {
    swiglu_backward(&b->ex, b->dwide, b->wide, b->wide, b->rows, b->s.ffn);
}
static void bell_forward(struct bench *b) {
    gelu_forward(&b->ex, b->dwide, b->wide, b->rows, b->s.ffn);
}
static void bell_backward(struct bench *b) {
    gelu_backward(&b->ex, b->dwide, b->wide, b->wide, b->rows, b->s.ffn);
}

static struct embedding_dims embedding_shape(const struct bench *b) {
    return (struct embedding_dims){b->rows, b->s.time, b->s.width};
}
static void embed_forward(struct bench *b) {
    embedding_forward(&b->ex, b->y, b->tokens, b->W, NULL, embedding_shape(b));
}
static void embed_backward(struct bench *b) {
    embedding_backward(&b->ex, b->dW, NULL, b->dy, b->tokens, embedding_shape(b));
}

static void loss_forward(struct bench *b) {
    loss_head(&b->ex, b->nll, NULL, NULL, NULL, b->x, b->W, b->tokens, b->scratch,
              loss_shape(b));
}
static void loss_whole(struct bench *b) {
    loss_head(&b->ex, b->nll, NULL, b->dx, b->dW, b->x, b->W, b->tokens, b->scratch,
              loss_shape(b));
}

int main(int argc, char **argv) {
    int v[] = {0, 16, 256, 192, 6, 6, 512, 4096};
    for (int i = 1; i < argc && i <= 8; i++) v[i - 1] = atoi(argv[i]);
    struct shape s = {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
    struct bench b;
    blas_init();
    init(&b, s);
    double row = (double)b.rows * sizeof(real), width = s.width * row, ffn = s.ffn * row;
    printf("%s, %d threads; %d x %d tokens, width %d, %d heads (%d kv), ffn %d, vocab %d\n",
           blas_describe(), pool_threads(b.ex.pool), s.batch, s.time, s.width, s.heads,
           s.kv_heads, s.ffn, s.vocab);
    b.sgemm = measure(&b, "sgemm 2048 cubed", sgemm, 0.0);
    measure(&b, "linear qkv forward", qkv_forward, 0.0);
    measure(&b, "linear qkv dx", qkv_backward_dx, 0.0);
    measure(&b, "linear qkv dW", qkv_backward_dW, 0.0);
    measure(&b, "linear qkv backward", qkv_backward, 0.0);
    measure(&b, "linear out forward", out_forward, 0.0);
    measure(&b, "linear out backward", out_backward, 0.0);
    measure(&b, "linear gate+up forward", up_forward, 0.0);
    measure(&b, "linear gate+up backward", up_backward, 0.0);
    measure(&b, "linear down forward", down_forward, 0.0);
    measure(&b, "linear down backward", down_backward, 0.0);
    measure(&b, "attention forward", attend_forward, 0.0);
    measure(&b, "attention backward", attend_backward, 0.0);
    measure(&b, "loss, no gradient", loss_forward, 0.0);
    measure(&b, "loss with gradient", loss_whole, 0.0);
    measure(&b, "bias gradient", bias_backward, (b.q + 2 * b.kv) * row);
    measure(&b, "rmsnorm forward", rms_forward, 2 * width);
    measure(&b, "rmsnorm backward", rms_backward, 4 * width);
    measure(&b, "layernorm forward", layer_forward, 2 * width);
    measure(&b, "layernorm backward", layer_backward, 4 * width);
    measure(&b, "qk norm+rope forward", head_forward, 2 * width);
    measure(&b, "qk norm+rope backward", head_backward, 3 * width);
    measure(&b, "swiglu forward", glu_forward, 3 * ffn);
    measure(&b, "swiglu backward", glu_backward, 5 * ffn);
    measure(&b, "gelu forward", bell_forward, 2 * ffn);
    measure(&b, "gelu backward", bell_backward, 3 * ffn);
    measure(&b, "embedding forward", embed_forward, 2 * width);
    measure(&b, "embedding backward", embed_backward, 3 * width);
    arena_destroy(b.memory);
    pool_destroy(b.ex.pool);
    return 0;
}
