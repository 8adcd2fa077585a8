#include "engine/model/decode.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_matvec.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"
#include "engine/nn/tiling.h"
#include "engine/nn/vmath.h"

/* Tokens that pass through the layers together: enough that reading the weights no longer
 * counts beside the products. */
enum { ROWS = 32 };

/* Where a token stands. */
struct row {
    int sequence, position;
};

struct decoder {
    const struct param_table *table; /* borrowed */
    struct exec *ex;                 /* borrowed */
    struct arena *arena;
    int sequences, context; /* tokens of a sequence at most */
    int *length;            /* [sequences] tokens fed */
    int *last;   /* [sequences] of the tokens under way: where its last one is, or -1 */
    int *answer; /* [sequences] which of `logits` is its own, or -1 */
    int answers; /* how many there are */
    real *keys,
        *values; /* [layers, sequences, kv_heads, context, head_dim]: rotated and normed */
    real *cosine, *sine; /* [context, head_dim/2]; NULL without rotation */
    real *x, *normed;    /* [ROWS, width] */
    real *qkv, *q, *k;   /* [ROWS, q + 2 kv], [ROWS, q], [kv] */
    real *attn;          /* [ROWS, q] */
    real *scores;        /* [ROWS, heads, context] */
    real *up, *act;      /* [ROWS, ffn or 2 ffn], [ROWS, ffn] */
    real *low;           /* [ROWS, parts * rank] what an adapter makes of its input */
    real *statistics;    /* what norms keep for a backward that never comes */
    real *logits;        /* [sequences, vocab] */
    int rows;            /* of the pass under way */
    struct row row[ROWS];
};

/* Where a sequence's keys, and its values, stand in a layer. */
static size_t cache_of(const struct decoder *d, int layer, int sequence) {
    const struct model_config *c = &d->table->config;
    size_t one = (size_t)c->kv_heads * (size_t)d->context * (size_t)c->head_dim;
    return ((size_t)layer * (size_t)d->sequences + (size_t)sequence) * one;
}

/* ---- attention of one query to all keys so far ---- */

struct attend_job {
    const struct decoder *d;
    const real *q; /* [rows, heads, head_dim], rows `stride` apart */
    int stride, layer;
    int per_tile; /* heads */
};

static inline void attend(const struct attend_job *job, int r, int head) {
    const struct decoder *d = job->d;
    const struct model_config *c = &d->table->config;
    struct row row = d->row[r];
    int n = row.position + 1, dim = c->head_dim;
    size_t pair = (size_t)r * (size_t)c->heads + (size_t)head;
    size_t at = cache_of(d, job->layer, row.sequence) +
                (size_t)(head / (c->heads / c->kv_heads)) * (size_t)(d->context * dim);
    const real *restrict q =
        job->q + (size_t)r * (size_t)job->stride + (size_t)head * (size_t)dim;
    const real *restrict keys = d->keys + at, *restrict values = d->values + at;
    real *restrict s = d->scores + pair * (size_t)d->context;
    real *restrict out = d->attn + pair * (size_t)dim;
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

/* Tile: some heads, counted through all rows. */
KERNEL static void attend_tile(void *ctx, int tile, int worker) {
    (void)worker;
    const struct attend_job *job = ctx;
    int heads = job->d->table->config.heads;
    struct span s = tile_span(tile, job->d->rows * heads, job->per_tile);
    for (int i = s.from; i < s.to; i++) attend(job, i / heads, i % heads);
}

/* Short texts are too little work to be handed out head by head. */
static void attend_all(const struct decoder *d, const real *q, int stride, int layer) {
    const struct model_config *c = &d->table->config;
    int longest = 0;
    for (int r = 0; r < d->rows; r++)
        if (d->row[r].position >= longest) longest = d->row[r].position + 1;
    struct attend_job job = {d, q, stride, layer, tile_rows(2 * longest * c->head_dim)};
    pool_run(d->ex->pool, tile_count(d->rows * c->heads, job.per_tile), attend_tile, &job);
}

/* ---- memory ---- */

/* Hands out memory from the arena; with a NULL arena it only counts. */
struct taker {
    struct arena *arena;
    size_t bytes;
};

static void *take_bytes(struct taker *t, size_t bytes) {
    t->bytes += arena_round(bytes);
    return t->arena ? arena_take(t->arena, bytes, NULL) : NULL;
}

static real *take(struct taker *t, size_t a, size_t b) {
    return take_bytes(t, a * b * sizeof(real));
}

static void lay_out(struct decoder *d, struct taker *t) {
    const struct model_config *c = &d->table->config;
    const struct family_traits *f = &family_traits[c->family];
    size_t q = (size_t)c->heads * (size_t)c->head_dim, context = (size_t)d->context;
    size_t kv = (size_t)c->kv_heads * (size_t)c->head_dim, ffn = (size_t)c->ffn;
    size_t turns = f->rotary ? context * (size_t)(c->head_dim / 2) : 0;
    size_t width = (size_t)c->width, sequences = (size_t)d->sequences;
    d->length = take_bytes(t, sequences * sizeof *d->length);
    d->last = take_bytes(t, sequences * sizeof *d->last);
    d->answer = take_bytes(t, sequences * sizeof *d->answer);
    d->keys = take(t, (size_t)c->layers * sequences, context * kv);
    d->values = take(t, (size_t)c->layers * sequences, context * kv);
    d->cosine = take(t, turns, 1);
    d->sine = take(t, turns, 1);
    d->x = take(t, ROWS, width);
    d->normed = take(t, ROWS, width);
    d->qkv = take(t, ROWS, q + 2 * kv);
    d->q = take(t, ROWS, q);
    d->k = take(t, kv, 1);
    d->attn = take(t, ROWS, q);
    d->scores = take(t, ROWS * (size_t)c->heads, context);
    d->up = take(t, ROWS, f->gated ? 2 * ffn : ffn);
    d->act = take(t, ROWS, ffn);
    d->low = take(t, ROWS, (size_t)c->adapter.rank * ADAPTER_PARTS);
    d->statistics = take(t, 2 * ROWS + (size_t)c->heads, 1);
    d->logits = take(t, sequences, (size_t)c->vocab);
}

size_t decoder_bytes(const struct model_config *c, int sequences) {
    struct param_table table = {.config = *c};
    struct decoder d = {.table = &table, .sequences = sequences, .context = c->context};
    struct taker taker = {0};
    lay_out(&d, &taker);
    return taker.bytes;
}

struct decoder *decoder_create(const struct param_table *t, int sequences, struct exec *ex,
                               struct err *err) {
    return decoder_create_short(t, sequences, t->config.context, ex, err);
}

struct decoder *decoder_create_short(const struct param_table *t, int sequences, int context,
                                     struct exec *ex, struct err *err) {
    const struct model_config *c = &t->config;
    assert(sequences > 0 && context > 0 && context <= c->context);
    struct decoder *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(err, ERR_NOMEM, "not enough memory for a decoder");
        return NULL;
    }
    *d = (struct decoder){.table = t, .ex = ex, .sequences = sequences, .context = context};
    struct taker taker = {0};
    lay_out(d, &taker);
    taker.arena = d->arena = arena_create(taker.bytes, err);
    if (!d->arena) {
        decoder_destroy(d);
        return NULL;
    }
    lay_out(d, &taker);
    if (family_traits[c->family].rotary)
        rope_table(d->cosine, d->sine, d->context, c->head_dim, c->rope_theta, c->rope_scaling);
    return d;
}

void decoder_destroy(struct decoder *d) {
    if (!d) return;
    arena_destroy(d->arena);
    free(d);
}

int decoder_sequences(const struct decoder *d) { return d->sequences; }
void decoder_reset(struct decoder *d, int sequence) { d->length[sequence] = 0; }
int decoder_length(const struct decoder *d, int sequence) { return d->length[sequence]; }

/* ---- some tokens through the layers ---- */

static void norm(struct decoder *d, const real *x, int rows, const real *gain,
                 const real *bias) {
    const struct model_config *c = &d->table->config;
    struct norm_dims dims = {.rows = rows, .width = c->width, .eps = (real)c->norm_eps};
    real *mean = d->statistics, *rstd = d->statistics + ROWS;
    if (family_traits[c->family].rms) rmsnorm_forward(d->ex, d->normed, rstd, x, gain, dims);
    else layernorm_forward(d->ex, d->normed, mean, rstd, x, gain, bias, dims);
}

/* A matrix as reals, or where it is narrow. */
struct matrix {
    const real *W;
    const uint16_t *narrow; /* NULL: W it is */
    enum narrow_kind kind;
};

/* y[rows,out] = x[rows,in] W^T + b, or added to y */
static void map(struct decoder *d, real *y, const real *x, int out, int in, struct matrix m,
                const real *b, bool add) {
    struct matvec_dims dims = {
        .rows = d->rows, .in = in, .out = out, .add = add, .kind = m.kind};
    matvec_forward(d->ex, y, x, m.narrow ? (const void *)m.narrow : m.W, b, dims);
}

/* y[rows,out] += s (x[rows,in] A^T) B^T of a block's adapter. A part's outputs are not all of a
 * row, so each row's are added by themselves. */
static void adapt(struct decoder *d, const struct weights *w, int layer, enum adapter_site site,
                  real *y, const real *x, int out, int in) {
    struct adapter_view v = weights_adapter(w, layer, site, NULL);
    if (v.n == 0) return;
    const struct adapter *a = &d->table->config.adapter;
    int ld = v.n * a->rank, n = d->rows * ld;
    real scale = (real)adapter_scale(a);
    map(d, d->low, x, ld, in, (struct matrix){.W = v.A}, NULL, false);
    for (int i = 0; i < n; i++) d->low[i] *= scale;
    for (int r = 0; r < d->rows; r++)
        for (int i = 0; i < v.n; i++) {
            struct matvec_dims dims = {
                .rows = 1, .in = a->rank, .out = v.part[i].out, .add = true};
            matvec_forward(d->ex, y + (size_t)r * (size_t)out + v.part[i].from,
                           d->low + (size_t)r * (size_t)ld + (size_t)(i * a->rank), v.part[i].B,
                           NULL, dims);
        }
}

/* Row by row, so that no element's place in a vector depends on the rows before it. */
static void activate(struct decoder *d) {
    const struct model_config *c = &d->table->config;
    size_t ffn = (size_t)c->ffn;
    for (size_t r = 0; r < (size_t)d->rows; r++) {
        if (family_traits[c->family].gated)
            swiglu_forward(d->ex, d->act + r * ffn, d->up + 2 * r * ffn, 1, c->ffn);
        else gelu_forward(d->ex, d->act + r * ffn, d->up + r * ffn, 1, c->ffn);
    }
}

/* Write a row's keys and values into the layer's cache; its queries, where they are rotated,
 * into d->q. */
static void remember(struct decoder *d, const struct block_view *v, int layer, int r) {
    const struct model_config *c = &d->table->config;
    int dim = c->head_dim, q_width = c->heads * dim, kv_width = c->kv_heads * dim;
    int stride = q_width + 2 * kv_width;
    struct row row = d->row[r];
    const real *q = d->qkv + (size_t)r * (size_t)stride, *k = q + q_width,
               *value = k + kv_width;
    if (family_traits[c->family].rotary) {
        /* time 1: row 0 of the tables is this position */
        size_t turn = (size_t)row.position * (size_t)(dim / 2);
        struct qk_dims dims = {.rows = 1,
                               .time = 1,
                               .heads = c->heads,
                               .head_dim = dim,
                               .stride = stride,
                               .eps = (real)c->norm_eps};
        qk_forward(d->ex, d->q + (size_t)r * (size_t)q_width, d->statistics, q, v->q_norm,
                   d->cosine + turn, d->sine + turn, dims);
        dims.heads = c->kv_heads;
        qk_forward(d->ex, d->k, d->statistics, k, v->k_norm, d->cosine + turn, d->sine + turn,
                   dims);
        k = d->k;
    }
    for (int h = 0; h < c->kv_heads; h++) {
        size_t to = cache_of(d, layer, row.sequence) +
                    ((size_t)h * (size_t)d->context + (size_t)row.position) * (size_t)dim;
        memcpy(d->keys + to, k + h * dim, (size_t)dim * sizeof *k);
        memcpy(d->values + to, value + h * dim, (size_t)dim * sizeof *value);
    }
}

/* All rows are in the cache before any is attended from: a prompt's tokens see one another. */
static void feed_block(struct decoder *d, const struct weights *w, int layer) {
    const struct model_config *c = &d->table->config;
    struct block_view v = weights_block(w, layer, NULL);
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    bool rotary = family_traits[c->family].rotary;
    int up_width = family_traits[c->family].gated ? 2 * c->ffn : c->ffn;
    struct narrow_view n = weights_block_narrow(w, layer);
    struct matrix qkv = {v.qkv, n.qkv, n.attn}, proj = {v.proj, n.proj, n.attn};
    struct matrix up = {v.up, n.up, n.mlp}, down = {v.down, n.down, n.mlp};

    norm(d, d->x, d->rows, v.norm1, v.norm1_bias);
    map(d, d->qkv, d->normed, q + 2 * kv, c->width, qkv, v.qkv_bias, false);
    adapt(d, w, layer, SITE_QKV, d->qkv, d->normed, q + 2 * kv, c->width);
    for (int r = 0; r < d->rows; r++) remember(d, &v, layer, r);
    attend_all(d, rotary ? d->q : d->qkv, rotary ? q : q + 2 * kv, layer);
    map(d, d->x, d->attn, c->width, q, proj, v.proj_bias, true);
    adapt(d, w, layer, SITE_PROJ, d->x, d->attn, c->width, q);

    norm(d, d->x, d->rows, v.norm2, v.norm2_bias);
    map(d, d->up, d->normed, up_width, c->width, up, v.up_bias, false);
    adapt(d, w, layer, SITE_UP, d->up, d->normed, up_width, c->width);
    activate(d);
    map(d, d->x, d->act, c->width, c->ffn, down, v.down_bias, true);
    adapt(d, w, layer, SITE_DOWN, d->x, d->act, c->width, c->ffn);
}

/* Tokens become rows, as many as pass at once; returns how many. */
static int embed(struct decoder *d, const struct outer_view *v,
                 const struct decoder_token *tokens, int n) {
    const struct model_config *c = &d->table->config;
    struct embedding_dims dims = {.rows = 1, .time = 1, .width = c->width};
    d->rows = n < ROWS ? n : ROWS;
    for (int r = 0; r < d->rows; r++) {
        int sequence = tokens[r].sequence;
        size_t position = (size_t)d->length[sequence]++, width = (size_t)c->width;
        d->row[r] = (struct row){sequence, (int)position};
        embedding_forward(d->ex, d->x + (size_t)r * width, &tokens[r].id, v->embed,
                          v->positions ? v->positions + position * width : NULL, dims);
    }
    return d->rows;
}

/* Logits of those rows that are the last of their sequences; the first row is token `at`. */
static void answer(struct decoder *d, const struct outer_view *v, int at) {
    const struct model_config *c = &d->table->config;
    size_t width = (size_t)c->width;
    int n = 0; /* rows kept, moved to the front */
    for (int r = 0; r < d->rows; r++) {
        int sequence = d->row[r].sequence;
        if (d->last[sequence] != at + r) continue;
        memmove(d->x + (size_t)n * width, d->x + (size_t)r * width, width * sizeof *d->x);
        d->answer[sequence] = d->answers + n++;
    }
    if (n == 0) return;
    d->rows = n;
    norm(d, d->x, n, v->norm, v->norm_bias);
    map(d, d->logits + (size_t)d->answers * (size_t)c->vocab, d->normed, c->vocab, c->width,
        (struct matrix){.W = v->head}, NULL, false);
    d->answers += n;
}

/* Note where each sequence's last token is; false when a context would overflow. */
static bool look_ahead(struct decoder *d, const struct decoder_token *tokens, int n) {
    for (int s = 0; s < d->sequences; s++) d->last[s] = -1;
    for (int i = 0; i < n; i++) {
        assert(tokens[i].id >= 0 && tokens[i].id < d->table->config.vocab);
        assert(tokens[i].sequence >= 0 && tokens[i].sequence < d->sequences);
        d->last[tokens[i].sequence] = i;
    }
    for (int s = 0; s < d->sequences; s++) {
        int length = d->length[s];
        for (int i = 0; d->last[s] >= 0 && i < n; i++) length += tokens[i].sequence == s;
        if (length > d->context) return false;
    }
    return true;
}

bool decoder_feed(struct decoder *d, const struct weights *w,
                  const struct decoder_token *tokens, int n) {
    struct outer_view v = weights_outer(w, NULL);
    if (!look_ahead(d, tokens, n)) return false;
    for (int s = 0; s < d->sequences; s++) d->answer[s] = -1;
    d->answers = 0;
    for (int at = 0, fed; at < n; at += fed) {
        fed = embed(d, &v, tokens + at, n - at);
        for (int l = 0; l < d->table->config.layers; l++) {
            feed_block(d, w, l);
            weights_leave(w, l);
        }
        answer(d, &v, at);
        weights_leave(w, -1);
    }
    return true;
}

const real *decoder_logits(const struct decoder *d, int sequence) {
    assert(d->answer[sequence] >= 0);
    return d->logits + (size_t)d->answer[sequence] * (size_t)d->table->config.vocab;
}
