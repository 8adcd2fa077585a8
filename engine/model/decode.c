#include "engine/model/decode.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "engine/core/arena.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"
#include "engine/nn/vmath.h"

struct decoder {
    const struct param_table *table; /* borrowed */
    struct exec *ex;                 /* borrowed */
    struct arena *arena;
    int length;          /* tokens fed */
    real *keys, *values; /* [layers, kv_heads, context, head_dim]: rotated and normed */
    real *cosine, *sine; /* [context, head_dim/2]; NULL without rotation */
    real *x, *normed;    /* [width] */
    real *qkv, *q, *k;   /* [q + 2 kv], [q], [kv] */
    real *attn;          /* [q] */
    real *scores;        /* [heads, context] */
    real *up, *act;      /* [ffn or 2 ffn], [ffn] */
    real *statistics;    /* what norms keep for a backward that never comes */
    real *logits;        /* [vocab] */
};

/* ---- y = W x ---- */

/* Rows of W in a tile: enough multiplications to be worth handing out, by shape alone. */
enum { TILE_WEIGHTS = 1 << 16 };

struct matvec_job {
    real *y;
    const real *x, *W, *b;
    int out, in, per_tile;
    bool add;
};

KERNEL static void matvec_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct matvec_job *job = ctx;
    int first = tile * job->per_tile, last = first + job->per_tile;
    if (last > job->out) last = job->out;
    const real *restrict x = job->x;
    for (int i = first; i < last; i++) {
        const real *restrict row = job->W + (size_t)i * (size_t)job->in;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < job->in; j++) sum += row[j] * x[j];
        if (job->b) sum += job->b[i];
        job->y[i] = job->add ? job->y[i] + sum : sum;
    }
}

/* y[out] (+)= W[out,in] x + b. Memory sets the pace: each weight is read once and used once. */
static void matvec(struct exec *ex, real *y, const real *x, int out, int in, const real *W,
                   const real *b, bool add) {
    struct matvec_job job = {
        .y = y, .x = x, .W = W, .b = b, .out = out, .in = in, .add = add, .per_tile = 1};
    if (in < TILE_WEIGHTS) job.per_tile = TILE_WEIGHTS / in;
    pool_run(ex->pool, (out + job.per_tile - 1) / job.per_tile, matvec_tile, &job);
    ex->flops += 2 * (uint64_t)out * (uint64_t)in;
}

/* ---- attention of one query to all keys so far ---- */

struct attend_job {
    const struct decoder *d;
    const real *q, *keys,
        *values; /* q[heads, head_dim]; of this layer [kv_heads, context, ..] */
};

/* Tile: one head. */
KERNEL static void attend_tile(void *ctx, int head, int worker) {
    (void)worker;
    const struct attend_job *job = ctx;
    const struct model_config *c = &job->d->table->config;
    int n = job->d->length + 1, dim = c->head_dim;
    size_t at = (size_t)(head / (c->heads / c->kv_heads)) * (size_t)(c->context * dim);
    const real *restrict q = job->q + (size_t)head * (size_t)dim;
    const real *restrict keys = job->keys + at, *restrict values = job->values + at;
    real *restrict s = job->d->scores + (size_t)head * (size_t)c->context;
    real *restrict out = job->d->attn + (size_t)head * (size_t)dim;
    real scale = (real)(1 / sqrt(c->head_dim)), max = -INFINITY;
    for (int t = 0; t < n; t++) {
        const real *restrict k = keys + (size_t)t * (size_t)dim;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < dim; i++) sum += q[i] * k[i];
        s[t] = sum * scale;
        max = s[t] > max ? s[t] : max;
    }
    real total = vmath_exp_shift_sum(s, s, max, n);
    for (int i = 0; i < dim; i++) out[i] = 0;
    for (int t = 0; t < n; t++) {
        const real *restrict v = values + (size_t)t * (size_t)dim;
        real share = s[t] / total;
        for (int i = 0; i < dim; i++) out[i] += share * v[i];
    }
}

/* ---- memory ---- */

/* Hands out reals from the arena; with a NULL arena it only counts. */
struct taker {
    struct arena *arena;
    size_t bytes;
};

static real *take(struct taker *t, size_t a, size_t b) {
    t->bytes += arena_round(a * b * sizeof(real));
    return t->arena ? arena_take_reals(t->arena, a * b, NULL) : NULL;
}

static void lay_out(struct decoder *d, struct taker *t) {
    const struct model_config *c = &d->table->config;
    const struct family_traits *f = &family_traits[c->family];
    size_t q = (size_t)c->heads * (size_t)c->head_dim, context = (size_t)c->context;
    size_t kv = (size_t)c->kv_heads * (size_t)c->head_dim, ffn = (size_t)c->ffn;
    size_t turns = f->rotary ? context * (size_t)(c->head_dim / 2) : 0;
    d->keys = take(t, (size_t)c->layers, context * kv);
    d->values = take(t, (size_t)c->layers, context * kv);
    d->cosine = take(t, turns, 1);
    d->sine = take(t, turns, 1);
    d->x = take(t, (size_t)c->width, 1);
    d->normed = take(t, (size_t)c->width, 1);
    d->qkv = take(t, q + 2 * kv, 1);
    d->q = take(t, q, 1);
    d->k = take(t, kv, 1);
    d->attn = take(t, q, 1);
    d->scores = take(t, (size_t)c->heads, context);
    d->up = take(t, f->gated ? 2 : 1, ffn);
    d->act = take(t, ffn, 1);
    d->statistics = take(t, (size_t)c->heads + 2, 1);
    d->logits = take(t, (size_t)c->vocab, 1);
}

size_t decoder_bytes(const struct model_config *c) {
    struct param_table table = {.config = *c};
    struct decoder d = {.table = &table};
    struct taker taker = {0};
    lay_out(&d, &taker);
    return taker.bytes;
}

struct decoder *decoder_create(const struct param_table *t, struct exec *ex, struct err *err) {
    const struct model_config *c = &t->config;
    struct decoder *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(err, ERR_NOMEM, "not enough memory for a decoder");
        return NULL;
    }
    *d = (struct decoder){.table = t, .ex = ex};
    struct taker taker = {0};
    lay_out(d, &taker);
    taker.arena = d->arena = arena_create(taker.bytes, err);
    if (!d->arena) {
        decoder_destroy(d);
        return NULL;
    }
    lay_out(d, &taker);
    if (family_traits[c->family].rotary)
        rope_table(d->cosine, d->sine, c->context, c->head_dim, c->rope_theta);
    return d;
}

void decoder_destroy(struct decoder *d) {
    if (!d) return;
    arena_destroy(d->arena);
    free(d);
}

void decoder_reset(struct decoder *d) { d->length = 0; }
int decoder_length(const struct decoder *d) { return d->length; }

/* ---- one token ---- */

static void norm(struct decoder *d, const real *gain, const real *bias) {
    const struct model_config *c = &d->table->config;
    struct norm_dims dims = {.rows = 1, .width = c->width, .eps = (real)c->norm_eps};
    real *mean = d->statistics, *rstd = d->statistics + 1;
    if (family_traits[c->family].rms) rmsnorm_forward(d->ex, d->normed, rstd, d->x, gain, dims);
    else layernorm_forward(d->ex, d->normed, mean, rstd, d->x, gain, bias, dims);
}

/* Write this token's keys and values into the layer's cache; returns its queries. */
static const real *remember(struct decoder *d, const struct block_view *v, real *keys,
                            real *values) {
    const struct model_config *c = &d->table->config;
    int dim = c->head_dim, q_width = c->heads * dim, kv_width = c->kv_heads * dim;
    const real *q = d->qkv, *k = d->qkv + q_width, *value = k + kv_width;
    if (family_traits[c->family].rotary) {
        size_t turn =
            (size_t)d->length * (size_t)(dim / 2); /* time 1: row 0 is this position */
        struct qk_dims dims = {.rows = 1,
                               .time = 1,
                               .heads = c->heads,
                               .head_dim = dim,
                               .stride = q_width + 2 * kv_width,
                               .eps = (real)c->norm_eps};
        qk_forward(d->ex, d->q, d->statistics, q, v->q_norm, d->cosine + turn, d->sine + turn,
                   dims);
        dims.heads = c->kv_heads;
        qk_forward(d->ex, d->k, d->statistics, k, v->k_norm, d->cosine + turn, d->sine + turn,
                   dims);
        q = d->q;
        k = d->k;
    }
    for (int h = 0; h < c->kv_heads; h++) {
        size_t to = ((size_t)h * (size_t)c->context + (size_t)d->length) * (size_t)dim;
        for (int i = 0; i < dim; i++) {
            keys[to + (size_t)i] = k[h * dim + i];
            values[to + (size_t)i] = value[h * dim + i];
        }
    }
    return q;
}

static void feed_block(struct decoder *d, const struct weights *w, int layer) {
    const struct model_config *c = &d->table->config;
    struct block_view v = weights_block(w, layer, NULL);
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    bool gated = family_traits[c->family].gated;
    size_t cache = (size_t)layer * (size_t)c->context * (size_t)kv;

    norm(d, v.norm1, v.norm1_bias);
    matvec(d->ex, d->qkv, d->normed, q + 2 * kv, c->width, v.qkv, v.qkv_bias, false);
    const real *queries = remember(d, &v, d->keys + cache, d->values + cache);
    struct attend_job job = {d, queries, d->keys + cache, d->values + cache};
    pool_run(d->ex->pool, c->heads, attend_tile, &job);
    matvec(d->ex, d->x, d->attn, c->width, q, v.proj, v.proj_bias, true);

    norm(d, v.norm2, v.norm2_bias);
    matvec(d->ex, d->up, d->normed, gated ? 2 * c->ffn : c->ffn, c->width, v.up, v.up_bias,
           false);
    if (gated) swiglu_forward(d->ex, d->act, d->up, 1, c->ffn);
    else gelu_forward(d->ex, d->act, d->up, 1, c->ffn);
    matvec(d->ex, d->x, d->act, c->width, c->ffn, v.down, v.down_bias, true);
}

const real *decoder_feed(struct decoder *d, const struct weights *w, int32_t token) {
    const struct model_config *c = &d->table->config;
    assert(token >= 0 && token < c->vocab);
    if (d->length == c->context) return NULL;
    struct outer_view v = weights_outer(w, NULL);
    const real *position =
        v.positions ? v.positions + (size_t)d->length * (size_t)c->width : NULL;
    struct embedding_dims dims = {.rows = 1, .time = 1, .width = c->width};
    embedding_forward(d->ex, d->x, &token, v.embed, position, dims);
    for (int l = 0; l < c->layers; l++) feed_block(d, w, l);
    norm(d, v.norm, v.norm_bias);
    matvec(d->ex, d->logits, d->normed, c->vocab, c->width, v.head, NULL, false);
    d->length++;
    return d->logits;
}
