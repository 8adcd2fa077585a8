/* limits.c - what this machine could reach: the step's products and nothing else, square
 * products, and copies. */
#include <string.h>

#include "engine/bench/parts.h"
#include "engine/core/clock.h"
#include "engine/nn/blas.h"
#include "engine/nn/op_linear.h"
#include "engine/nn/tiling.h"

enum { SQUARE_SIDE = 1024, COPY_REALS = 16384 };

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Rows of the widest activation, a chunk of logits, two square matrices. */
size_t limits_operand_reals(const struct bench_options *o) {
    const struct model_config *c = &o->config;
    size_t rows = (size_t)o->batch * (size_t)o->block;
    size_t qkv = (size_t)(c->heads + 2 * c->kv_heads) * (size_t)c->head_dim;
    size_t widest = larger(larger(2 * (size_t)c->ffn, qkv), (size_t)c->width);
    return larger(larger(rows * widest, loss_scratch(plan_loss(o))),
                  2 * (size_t)SQUARE_SIDE * SQUARE_SIDE);
}

void limits_fill(struct bench *b) {
    struct rng rng = rng_make(5, 0, 0);
    for (size_t i = 0; i < b->operand_reals; i++)
        b->in[i] = (real)(2.0 * rng_uniform(&rng) - 1.0);
    memcpy(b->out, b->in, b->operand_reals * sizeof *b->out);
}

/* ---- products ---- */

static void forward(struct bench *b, int rows, const struct matrix *m) {
    struct linear_dims d = {rows, m->in, m->out, m->turned};
    linear_forward(&b->model.ex, b->out, m->add ? b->out : NULL, b->in, m->W, NULL, d);
}

void limits_gradients(struct exec *ex, int rows, const struct matrix *m, real *dW, real *dx,
                      const real *dy, const real *x) {
    struct gemm products[2];
    int n = 0;
    if (dW)
        products[n++] = (struct gemm){.m = m->out,
                                      .n = m->in,
                                      .k = rows,
                                      .ta = TRANSPOSED,
                                      .A = dy,
                                      .lda = m->out,
                                      .B = x,
                                      .ldb = m->in,
                                      .C = dW,
                                      .ldc = m->in,
                                      .add = true};
    if (dx)
        products[n++] = (struct gemm){.m = rows,
                                      .n = m->in,
                                      .k = m->out,
                                      .A = dy,
                                      .lda = m->out,
                                      .B = m->W,
                                      .ldb = m->in,
                                      .C = dx,
                                      .ldc = m->in};
    blas_gemm_all(ex, products, n);
}

static void backward(struct bench *b, int rows, const struct matrix *m, bool dx) {
    limits_gradients(&b->model.ex, rows, m, m->dW, dx ? b->out : NULL, b->in, b->in);
}

static void block_backward(struct bench *b, int layer) {
    const struct block_plan *p = &b->blocks[layer];
    int rows = b->options.batch * b->options.block;
    bool through[MATRICES] = {p->qkv_dx, p->onward, p->onward, p->reached};
    for (int i = MATRICES - 1; i >= 0; i--) {
        struct matrix m = plan_matrix(b, layer, i);
        if (m.dW || through[i]) backward(b, rows, &m, through[i]);
    }
}

/* Forward and backward of a chunk of rows at a time, as loss_head() does it. */
static void head_products(struct bench *b) {
    const struct model_config *c = &b->model.table.config;
    struct matrix head = {"head",   c->vocab,
                          c->width, weights_outer(&b->model.w, NULL).head,
                          NULL,     weights_outer(&b->g, b->learn).head,
                          NULL,     false,
                          false};
    struct loss_dims loss = plan_loss(&b->options);
    loss.keep = loss.keep && head.dW;
    int rows = loss.rows, chunk = loss_chunk(loss);
    for (int i = 0; i < tile_count(rows, chunk); i++) {
        struct span s = tile_span(i, rows, chunk);
        forward(b, s.to - s.from, &head);
        if (head.dW || b->head.dx) backward(b, s.to - s.from, &head, b->head.dx);
    }
}

void limits_products(struct bench *b) {
    int layers = b->model.table.config.layers, rows = b->options.batch * b->options.block;
    for (int l = 0; l < layers; l++)
        for (int i = 0; i < MATRICES; i++) {
            struct matrix m = plan_matrix(b, l, i);
            forward(b, rows, &m);
        }
    head_products(b);
    for (int l = layers - 1; l >= 0 && b->blocks[l].reached; l--) block_backward(b, l);
}

double limits_square_flops(void) { return 2.0 * SQUARE_SIDE * SQUARE_SIDE * SQUARE_SIDE; }

double limits_square(struct bench *b) {
    double start = clock_now();
    blas_gemm(&b->model.ex, &(struct gemm){.m = SQUARE_SIDE,
                                           .n = SQUARE_SIDE,
                                           .k = SQUARE_SIDE,
                                           .A = b->in,
                                           .lda = SQUARE_SIDE,
                                           .B = b->in + (size_t)SQUARE_SIDE * SQUARE_SIDE,
                                           .ldb = SQUARE_SIDE,
                                           .C = b->out,
                                           .ldc = SQUARE_SIDE});
    return clock_now() - start;
}

/* ---- copies ---- */

struct copy_job {
    real *to;
    const real *from;
    size_t n;
};

static void copy_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct copy_job *job = ctx;
    size_t at = (size_t)i * COPY_REALS;
    size_t n = job->n - at < COPY_REALS ? job->n - at : COPY_REALS;
    memcpy(job->to + at, job->from + at, n * sizeof *job->to);
}

void limits_copy(struct exec *ex, real *to, const real *from, size_t n) {
    struct copy_job job = {to, from, n};
    pool_run(ex->pool, (int)((n + COPY_REALS - 1) / COPY_REALS), copy_tile, &job);
}
