/* The memory of a transformer is one block, laid out once (lay_out()):
 *
 *   for each block   x, x_mid, norm statistics, qkv, attention's output and log-sum-exp, up
 *                    (with recompute: x; the others once for all)
 *   once             x_top, normed, d_norm, dx, nll, final norm's statistics, rotation tables
 *   scratch          one region that the attention, mlp and head phases use in turn
 *
 * Not kept, but made again in the backward since they cost one pass over memory: outputs of
 * norms, normed and rotated queries and keys, the activation. Blocks below the lowest one that
 * learns need nothing kept: a sequence at a time runs through them with the residual stream in
 * place (prefix.c), in the first block's memory, which is made as large as that needs. Pages
 * never touched cost nothing, so memory follows what learns. */
#include "engine/model/transformer_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/nn/op_activation.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_linear.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"
#include "engine/nn/tiling.h"

/* ---- layout ---- */

/* Hands out reals front to back; base NULL: only counts. */
struct cursor {
    char *base;
    size_t used; /* bytes */
};

static size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

static real *place(struct cursor *c, size_t rows, size_t cols) {
    size_t at = c->used;
    c->used += arena_round(rows * cols * sizeof(real));
    return c->base ? (real *)(void *)(c->base + at) : NULL;
}

static struct widths widths_of(const struct model_config *c) {
    struct widths w = {.model = c->width, .ffn = c->ffn};
    w.q = c->heads * c->head_dim;
    w.kv = c->kv_heads * c->head_dim;
    w.qkv = w.q + 2 * w.kv;
    w.up = family_traits[c->family].gated ? 2 * c->ffn : c->ffn;
    return w;
}

/* `keep`: x_mid has memory of its own, so that x (which stands already) is still there for the
 * backward. */
static void lay_out_block(struct cursor *at, struct block_kept *b, const struct model_config *c,
                          size_t rows, bool keep) {
    const struct family_traits *f = &family_traits[c->family];
    struct widths w = widths_of(c);
    b->x_mid = keep ? place(at, rows, (size_t)w.model) : b->x;
    b->rstd1 = place(at, rows, 1);
    b->rstd2 = place(at, rows, 1);
    if (!f->rms) b->mean1 = place(at, rows, 1);
    if (!f->rms) b->mean2 = place(at, rows, 1);
    b->qkv = place(at, rows, (size_t)w.qkv);
    if (f->qk_norm) b->q_rstd = place(at, rows, (size_t)c->heads);
    if (f->qk_norm) b->k_rstd = place(at, rows, (size_t)c->kv_heads);
    b->attn = place(at, rows, (size_t)w.q);
    b->lse = place(at, rows, (size_t)c->heads);
    b->up = place(at, rows, (size_t)w.up);
}

/* Memory of one sequence's forward pass through blocks of which nothing is kept. */
static void lay_out_sequence(struct cursor *at, struct transformer *tf, struct block_kept *b,
                             const struct model_config *c) {
    const struct family_traits *f = &family_traits[c->family];
    size_t rows = (size_t)tf->plan.time;
    b->x = place(at, rows, (size_t)tf->width.model);
    lay_out_block(at, b, c, rows, false);
    tf->normed = place(at, rows, (size_t)tf->width.model);
    struct cursor attn = *at, mlp = *at;
    if (f->rotary) tf->attn.q = place(&attn, rows, (size_t)tf->width.q);
    if (f->rotary) tf->attn.k = place(&attn, rows, (size_t)tf->width.kv);
    tf->mlp.act = place(&mlp, rows, (size_t)tf->width.ffn);
    at->used = max_size(attn.used, mlp.used);
}

/* All of them from the same start as the first block; returns the end. */
static size_t lay_out_sequences(struct cursor start, struct transformer *tf,
                                const struct model_config *c) {
    for (int i = 0; i < tf->n_sequences; i++) {
        struct transformer unplaced = {.plan = {.batch = 1, .time = tf->plan.time},
                                       .width = tf->width};
        struct block_kept nowhere = {0};
        bool placed = tf->sequences != NULL;
        lay_out_sequence(&start, placed ? &tf->sequences[i] : &unplaced,
                         placed ? tf->sequences[i].blocks : &nowhere, c);
    }
    return start.used;
}

/* Every block with its input; what else it keeps is its own, or with recompute the first one's.
 */
static void lay_out_blocks(struct cursor *at, struct transformer *tf,
                           const struct model_config *c, size_t rows) {
    struct block_kept shared = {0};
    size_t sequences_end = lay_out_sequences(*at, tf, c);
    for (int l = 0; l < (tf->plan.backward ? c->layers : 1); l++) {
        real *x = place(at, rows, (size_t)tf->width.model);
        if (l == 0 || !tf->plan.recompute) {
            shared = (struct block_kept){.x = x};
            lay_out_block(at, &shared, c, rows, tf->plan.backward);
        }
        if (l == 0) at->used = max_size(at->used, sequences_end);
        shared.x = x;
        if (tf->blocks) tf->blocks[l] = shared;
    }
}

static struct attention_dims attention_dims_of(const struct model_config *c, int batch,
                                               int time) {
    struct widths w = widths_of(c);
    bool dense = family_traits[c->family].rotary; /* queries and keys leave the fused matrix */
    return (struct attention_dims){.batch = batch,
                                   .time = time,
                                   .heads = c->heads,
                                   .kv_heads = c->kv_heads,
                                   .head_dim = c->head_dim,
                                   .q_stride = dense ? w.q : w.qkv,
                                   .k_stride = dense ? w.kv : w.qkv,
                                   .v_stride = w.qkv,
                                   .dq_stride = dense ? w.q : w.qkv,
                                   .dk_stride = dense ? w.kv : w.qkv,
                                   .dv_stride = w.qkv};
}

/* The three phases of scratch from the same start; returns the end of the longest. */
static struct cursor lay_out_scratch(struct cursor start, struct transformer *tf,
                                     const struct model_config *c, size_t rows, int threads) {
    const struct family_traits *f = &family_traits[c->family];
    struct widths w = tf->width;
    size_t tiles = attention_scratch(attention_dims_of(c, tf->plan.batch, tf->plan.time));
    struct cursor attn = start, mlp = start, head = start;
    if (f->rotary) tf->attn.q = place(&attn, rows, (size_t)w.q);
    if (f->rotary) tf->attn.k = place(&attn, rows, (size_t)w.kv);
    tf->attn.tiles = place(&attn, (size_t)threads, tiles);
    if (tf->plan.backward) {
        tf->attn.d_attn = place(&attn, rows, (size_t)w.q);
        tf->attn.dqkv = place(&attn, rows, (size_t)w.qkv);
        if (f->rotary) tf->attn.dq = place(&attn, rows, (size_t)w.q);
        if (f->rotary) tf->attn.dk = place(&attn, rows, (size_t)w.kv);
    }
    tf->mlp.act = place(&mlp, rows, (size_t)w.ffn);
    if (tf->plan.backward) tf->mlp.d_act = place(&mlp, rows, (size_t)w.ffn);
    tf->mlp.d_up =
        tf->plan.backward && f->gated ? place(&mlp, rows, (size_t)w.up) : tf->mlp.d_act;
    struct loss_dims loss = {.rows = (int)rows, .width = w.model, .vocab = c->vocab};
    tf->logits = place(&head, loss_scratch(loss), 1);
    start.used = max_size(attn.used, max_size(mlp.used, head.used));
    return start;
}

/* Sets every pointer of `tf` (all NULL when base is) and returns the bytes of the whole. */
static size_t lay_out(struct transformer *tf, const struct model_config *c, char *base,
                      int threads) {
    const struct family_traits *f = &family_traits[c->family];
    size_t rows = (size_t)tf->plan.batch * (size_t)tf->plan.time,
           width = (size_t)tf->width.model;
    size_t turns = (size_t)c->head_dim / 2;
    struct cursor at = {.base = base};
    lay_out_blocks(&at, tf, c, rows);
    if (tf->plan.backward) tf->x_top = place(&at, rows, width);
    tf->normed = place(&at, rows, width);
    if (tf->plan.backward) tf->d_norm = place(&at, rows, width);
    tf->top_rstd = place(&at, rows, 1);
    if (!f->rms) tf->top_mean = place(&at, rows, 1);
    if (tf->plan.backward) tf->dx = place(&at, rows, width);
    tf->nll = place(&at, rows, 1);
    if (f->rotary) tf->cosine = place(&at, (size_t)tf->plan.time, turns);
    if (f->rotary) tf->sine = place(&at, (size_t)tf->plan.time, turns);
    return lay_out_scratch(at, tf, c, rows, threads).used;
}

/* What the layout depends on, before there is any memory. */
static struct transformer shape_of(const struct model_config *c, struct transformer_plan plan,
                                   int threads) {
    int side_by_side = plan.batch >= threads ? threads : 1;
    return (struct transformer){
        .width = widths_of(c), .plan = plan, .n_sequences = plan.backward ? side_by_side : 0};
}

size_t transformer_bytes(const struct model_config *c, struct transformer_plan plan,
                         int threads) {
    struct transformer tf = shape_of(c, plan, threads);
    return lay_out(&tf, c, NULL, threads);
}

/* Memory for the structs of the sequences' passes, each with one block and an exec of its own.
 */
static bool create_sequences(struct transformer *tf) {
    size_t n = (size_t)tf->n_sequences;
    tf->sequences = calloc(n, sizeof *tf->sequences);
    tf->sequence_blocks = calloc(n, sizeof *tf->sequence_blocks);
    tf->sequence_execs = calloc(n, sizeof *tf->sequence_execs);
    tf->todo = calloc((size_t)tf->plan.batch, sizeof *tf->todo);
    if (!tf->sequences || !tf->sequence_blocks || !tf->sequence_execs || !tf->todo)
        return false;
    for (size_t i = 0; i < n; i++)
        tf->sequences[i] = (struct transformer){.table = tf->table,
                                                .ex = &tf->sequence_execs[i],
                                                .width = tf->width,
                                                .plan = {.batch = 1, .time = tf->plan.time},
                                                .blocks = &tf->sequence_blocks[i]};
    return true;
}

/* What they share with the whole: tables, and the workers' tiles, a thread's share each. */
static void share_with_sequences(struct transformer *tf) {
    const struct model_config *c = &tf->table->config;
    size_t tiles = attention_scratch(attention_dims_of(c, 1, tf->plan.time));
    for (int i = 0; i < tf->n_sequences; i++) {
        tf->sequences[i].cosine = tf->cosine;
        tf->sequences[i].sine = tf->sine;
        tf->sequences[i].attn.tiles = tf->attn.tiles + (size_t)i * tiles;
    }
}

struct transformer *transformer_create(const struct param_table *t,
                                       struct transformer_plan plan, struct exec *ex,
                                       struct err *err) {
    const struct model_config *c = &t->config;
    int threads = pool_threads(ex->pool);
    assert(plan.batch > 0 && plan.time > 0 && plan.time <= c->context);
    struct transformer *tf = calloc(1, sizeof *tf);
    if (!tf) goto no_memory;
    *tf = shape_of(c, plan, threads);
    tf->table = t;
    tf->ex = ex;
    tf->blocks = calloc((size_t)c->layers, sizeof *tf->blocks);
    if (!tf->blocks || (plan.backward && !create_sequences(tf))) goto no_memory;
    size_t bytes = transformer_bytes(c, plan, threads);
    tf->arena = arena_create(bytes, err);
    char *base = tf->arena ? arena_take(tf->arena, bytes, err) : NULL;
    if (!base) {
        transformer_destroy(tf);
        return NULL;
    }
    lay_out(tf, c, base, threads);
    if (tf->cosine) rope_table(tf->cosine, tf->sine, plan.time, c->head_dim, c->rope_theta);
    share_with_sequences(tf);
    return tf;

no_memory:
    transformer_destroy(tf);
    err_set(err, ERR_NOMEM, "not enough memory for a transformer of %d layers", c->layers);
    return NULL;
}

void transformer_destroy(struct transformer *tf) {
    if (!tf) return;
    arena_destroy(tf->arena);
    free(tf->sequences);
    free(tf->sequence_blocks);
    free(tf->sequence_execs);
    free(tf->todo);
    free(tf->blocks);
    free(tf);
}

/* ---- what both directions use ---- */

struct block_kept *pass_block(const struct pass *p, int layer) {
    return &p->tf->blocks[layer < p->kept_from ? 0 : layer];
}

void norm_forward(const struct pass *p, real *y, real *mean, real *rstd, const real *x,
                  const real *gain, const real *bias) {
    const struct model_config *c = &p->tf->table->config;
    struct norm_dims d = {.rows = p->rows, .width = c->width, .eps = (real)c->norm_eps};
    if (family_traits[c->family].rms) rmsnorm_forward(p->tf->ex, y, rstd, x, gain, d);
    else layernorm_forward(p->tf->ex, y, mean, rstd, x, gain, bias, d);
}

struct attention_dims pass_attention_dims(const struct pass *p) {
    return attention_dims_of(&p->tf->table->config, p->batch, p->time);
}

struct qkv_view qk_prepare(const struct pass *p, struct block_kept *b,
                           const struct block_view *v) {
    struct transformer *tf = p->tf;
    const struct model_config *c = &tf->table->config;
    struct qkv_view in = {b->qkv, b->qkv + tf->width.q, b->qkv + tf->width.q + tf->width.kv};
    if (!family_traits[c->family].rotary) return in;
    struct qk_dims d = {.rows = p->rows,
                        .time = p->time,
                        .heads = c->heads,
                        .head_dim = c->head_dim,
                        .stride = tf->width.qkv,
                        .eps = (real)c->norm_eps};
    qk_forward(tf->ex, tf->attn.q, b->q_rstd, in.q, v->q_norm, tf->cosine, tf->sine, d);
    d.heads = c->kv_heads;
    qk_forward(tf->ex, tf->attn.k, b->k_rstd, in.k, v->k_norm, tf->cosine, tf->sine, d);
    return (struct qkv_view){tf->attn.q, tf->attn.k, in.v};
}

void activation_forward(const struct pass *p, real *y, const real *up) {
    int ffn = p->tf->width.ffn;
    if (family_traits[p->tf->table->config.family].gated)
        swiglu_forward(p->tf->ex, y, up, p->rows, ffn);
    else gelu_forward(p->tf->ex, y, up, p->rows, ffn);
}

/* ---- forward ---- */

/* y[rows,out] (+)= x[rows,in] W^T + b */
static void map(const struct pass *p, real *y, const real *x, int out, int in, const real *W,
                const real *b, bool add) {
    struct linear_dims d = {.rows = p->rows, .in = in, .out = out, .add = add};
    linear_forward(p->tf->ex, y, x, W, b, d);
}

struct carry_job {
    real *to;
    const real *from;
    int rows, width;
};

static void carry_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct carry_job *job = ctx;
    struct span s = tile_span(i, job->rows, tile_rows(job->width));
    size_t at = (size_t)s.from * (size_t)job->width;
    size_t n = (size_t)(s.to - s.from) * (size_t)job->width;
    memcpy(job->to + at, job->from + at, n * sizeof *job->to);
}

/* to = from, unless they are one and the same. */
static void carry(const struct pass *p, real *to, const real *from) {
    struct carry_job job = {to, from, p->rows, p->tf->width.model};
    if (to == from) return;
    pool_run(p->tf->ex->pool, tile_count(job.rows, tile_rows(job.width)), carry_tile, &job);
}

/* The stream between attention and mlp: in place where nothing is kept. */
static real *block_x_mid(const struct pass *p, int layer) {
    struct block_kept *b = pass_block(p, layer);
    return layer < p->kept_from ? b->x : b->x_mid;
}

/* From b->x to x_mid and the mlp before its activation: all that the backward reads again. */
void block_remake(const struct pass *p, int layer) {
    struct transformer *tf = p->tf;
    struct widths w = tf->width;
    struct block_view v = weights_block(p->w, layer, NULL);
    struct block_kept *b = pass_block(p, layer);
    real *x_mid = block_x_mid(p, layer);

    norm_forward(p, tf->normed, b->mean1, b->rstd1, b->x, v.norm1, v.norm1_bias);
    map(p, b->qkv, tf->normed, w.qkv, w.model, v.qkv, v.qkv_bias, false);
    struct qkv_view in = qk_prepare(p, b, &v);
    attention_forward(tf->ex, b->attn, b->lse, in.q, in.k, in.v, tf->attn.tiles,
                      pass_attention_dims(p));
    carry(p, x_mid, b->x);
    map(p, x_mid, b->attn, w.model, w.q, v.proj, v.proj_bias, true);

    norm_forward(p, tf->normed, b->mean2, b->rstd2, x_mid, v.norm2, v.norm2_bias);
    map(p, b->up, tf->normed, w.up, w.model, v.up, v.up_bias, false);
}

/* b->x is the input; the output goes to `out`, which may be b->x when nothing is kept. */
static void block_forward(const struct pass *p, int layer, real *out) {
    struct transformer *tf = p->tf;
    struct block_view v = weights_block(p->w, layer, NULL);
    block_remake(p, layer);
    activation_forward(p, tf->mlp.act, pass_block(p, layer)->up);
    carry(p, out, block_x_mid(p, layer));
    map(p, out, tf->mlp.act, tf->width.model, tf->width.ffn, v.down, v.down_bias, true);
}

real *block_input(const struct pass *p, int layer) {
    return layer < p->tf->table->config.layers ? pass_block(p, layer)->x : p->top;
}

void embed_forward(const struct pass *p) {
    struct outer_view v = weights_outer(p->w, NULL);
    struct embedding_dims d = {.rows = p->rows, .time = p->time, .width = p->tf->width.model};
    embedding_forward(p->tf->ex, block_input(p, 0), p->tokens, v.embed, v.positions, d);
}

void blocks_forward(const struct pass *p, int from, int to) {
    for (int l = from; l < to; l++) block_forward(p, l, block_input(p, l + 1));
}

void top_forward(const struct pass *p) {
    struct outer_view v = weights_outer(p->w, NULL);
    norm_forward(p, p->tf->normed, p->tf->top_mean, p->tf->top_rstd, p->top, v.norm,
                 v.norm_bias);
}

size_t targets_counted(const int32_t *targets, size_t rows) {
    size_t n = 0;
    for (size_t r = 0; r < rows; r++) n += targets[r] != LOSS_IGNORE;
    return n;
}

double mean_nll(const real *nll, const int32_t *targets, int rows) {
    double sum = 0;
    size_t n = targets_counted(targets, (size_t)rows);
    for (int r = 0; r < rows; r++) sum += (double)nll[r]; /* 0 where ignored */
    return n ? sum / (double)n : 0;
}

static void all_forward(const struct pass *p) {
    embed_forward(p);
    blocks_forward(p, 0, p->tf->table->config.layers);
}

static struct pass forward_only(struct transformer *tf, const struct weights *w,
                                const int32_t *tokens, int batch, int time) {
    assert(batch <= tf->plan.batch && time <= tf->plan.time);
    return (struct pass){.tf = tf,
                         .w = w,
                         .tokens = tokens,
                         .batch = batch,
                         .time = time,
                         .rows = batch * time,
                         .kept_from = tf->table->config.layers,
                         .top = tf->blocks[0].x};
}

double transformer_loss(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        const int32_t *targets, int batch, int time, real *nll, uint8_t *hit) {
    struct pass p = forward_only(tf, w, tokens, batch, time);
    if (!nll) nll = tf->nll;
    all_forward(&p);
    top_forward(&p);
    struct loss_dims d = {
        .rows = p.rows, .width = tf->width.model, .vocab = tf->table->config.vocab};
    loss_head(tf->ex, nll, hit, NULL, NULL, tf->normed, weights_outer(w, NULL).head, targets,
              tf->logits, d);
    return mean_nll(nll, targets, p.rows);
}

void transformer_logits(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        int batch, int time, real *logits) {
    struct pass p = forward_only(tf, w, tokens, batch, time);
    all_forward(&p);
    top_forward(&p);
    map(&p, logits, tf->normed, tf->table->config.vocab, tf->width.model,
        weights_outer(w, NULL).head, NULL, false);
}
