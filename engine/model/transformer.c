/* transformer.c - the forward pass, share by share (transformer_impl.h). */
#include <assert.h>

#include "engine/model/transformer_impl.h"
#include "engine/nn/blas.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_linear.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"
#include "engine/nn/tiling.h"

/* ---- shares ---- */

struct shares_job {
    const struct pass *p;
    int size;             /* sequences in a share */
    const int *sequences; /* that the shares begin with; NULL: one behind the other */
    void (*fn)(const struct share *s, void *ctx);
    void *ctx;
    int shares;
    const struct gemm_set *beside; /* run when the shares are all taken; may be NULL */
};

static struct share make_share(const struct pass *p, struct lane *lane, int first, int batch) {
    return (struct share){.p = p,
                          .lane = lane,
                          .first = first,
                          .batch = batch,
                          .row = first * p->time,
                          .rows = batch * p->time};
}

static void share_tile(void *ctx, int i, int worker) {
    const struct shares_job *job = ctx;
    const struct pass *p = job->p;
    if (i >= job->shares) {
        blas_set_tile(job->beside, i - job->shares);
        return;
    }
    int first = job->sequences ? job->sequences[i] : i * job->size;
    int left = p->batch - first, batch = left < job->size ? left : job->size;
    struct share s = make_share(p, &p->tf->lanes[worker], first, batch);
    job->fn(&s, job->ctx);
}

/* Shares on lanes side by side, each on its thread alone. */
static void lanes_run(struct shares_job *job) {
    int n = job->shares + (job->beside ? job->beside->tiles : 0);
    struct transformer *tf = job->p->tf;
    for (int i = 0; i < tf->n_lanes; i++) tf->lanes[i].ex = (struct exec){.pool = NULL};
    pool_run(tf->ex->pool, n, share_tile, job);
    for (int i = 0; i < tf->n_lanes; i++) tf->ex->flops += tf->lanes[i].ex.flops;
}

int shares_count(const struct pass *p) {
    return p->tf->share ? tile_count(p->batch, p->tf->share) : 1;
}

void shares_run_beside(const struct pass *p, const struct gemm_set *set,
                       void (*fn)(const struct share *s, void *ctx), void *ctx) {
    struct shares_job job = {.p = p,
                             .size = p->tf->share,
                             .fn = fn,
                             .ctx = ctx,
                             .shares = shares_count(p),
                             .beside = set};
    lanes_run(&job);
}

void shares_run(const struct pass *p, void (*fn)(const struct share *s, void *ctx), void *ctx) {
    struct transformer *tf = p->tf;
    if (tf->share) {
        shares_run_beside(p, NULL, fn, ctx);
        return;
    }
    struct share all = make_share(p, &tf->whole, 0, p->batch);
    tf->whole.ex = (struct exec){.pool = tf->ex->pool};
    fn(&all, ctx);
    tf->ex->flops += tf->whole.ex.flops;
}

void sequences_run(const struct pass *p, const int *sequences, int n,
                   void (*fn)(const struct share *s, void *ctx), void *ctx) {
    struct shares_job job = {
        .p = p, .size = 1, .sequences = sequences, .fn = fn, .ctx = ctx, .shares = n};
    lanes_run(&job);
}

struct block_kept share_block(const struct share *s, int layer) {
    const struct transformer *tf = s->p->tf;
    const struct model_config *c = &tf->table->config;
    if (layer < s->p->kept_from) return s->lane->own;
    const struct block_kept *b = &tf->blocks[layer];
    return (struct block_kept){.x = share_rows(s, b->x, c->width),
                               .x_mid = share_rows(s, b->x_mid, c->width),
                               .mean1 = share_rows(s, b->mean1, 1),
                               .rstd1 = share_rows(s, b->rstd1, 1),
                               .mean2 = share_rows(s, b->mean2, 1),
                               .rstd2 = share_rows(s, b->rstd2, 1),
                               .qkv = share_rows(s, b->qkv, tf->width.qkv),
                               .q_rstd = share_rows(s, b->q_rstd, c->heads),
                               .k_rstd = share_rows(s, b->k_rstd, c->kv_heads),
                               .attn = share_rows(s, b->attn, tf->width.q),
                               .lse = share_rows(s, b->lse, c->heads),
                               .up = share_rows(s, b->up, tf->width.up),
                               .low = {share_rows(s, b->low[0], tf->width.rank[0]),
                                       share_rows(s, b->low[1], tf->width.rank[1]),
                                       share_rows(s, b->low[2], tf->width.rank[2]),
                                       share_rows(s, b->low[3], tf->width.rank[3])}};
}

real *share_stream(const struct share *s, int layer) {
    const struct transformer *tf = s->p->tf;
    int layers = tf->table->config.layers, width = tf->width.model;
    if (layer >= s->p->kept_from && layer < layers)
        return share_rows(s, tf->blocks[layer].x, width);
    bool kept = layer == layers && s->p->top;
    return kept ? share_rows(s, s->p->top, width) : s->lane->own.x;
}

/* ---- what both directions use ---- */

void norm_forward(const struct share *s, real *y, real *mean, real *rstd, const real *x,
                  const real *gain, const real *bias) {
    const struct model_config *c = &s->p->tf->table->config;
    struct norm_dims d = {.rows = s->rows, .width = c->width, .eps = (real)c->norm_eps};
    if (family_traits[c->family].rms) rmsnorm_forward(&s->lane->ex, y, rstd, x, gain, d);
    else layernorm_forward(&s->lane->ex, y, mean, rstd, x, gain, bias, d);
}

struct attention_dims attention_dims_of(const struct model_config *c, int batch, int time) {
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim, qkv = q + 2 * kv;
    bool dense = family_traits[c->family].rotary; /* queries and keys leave the fused matrix */
    return (struct attention_dims){.batch = batch,
                                   .time = time,
                                   .heads = c->heads,
                                   .kv_heads = c->kv_heads,
                                   .head_dim = c->head_dim,
                                   .q_stride = dense ? q : qkv,
                                   .k_stride = dense ? kv : qkv,
                                   .v_stride = qkv,
                                   .dq_stride = dense ? q : qkv,
                                   .dk_stride = dense ? kv : qkv,
                                   .dv_stride = qkv};
}

struct attention_dims share_attention_dims(const struct share *s) {
    return attention_dims_of(&s->p->tf->table->config, s->batch, s->p->time);
}

struct qkv_view qk_prepare(const struct share *s, const struct block_kept *b,
                           const struct block_view *v) {
    const struct transformer *tf = s->p->tf;
    const struct model_config *c = &tf->table->config;
    struct lane *lane = s->lane;
    struct qkv_view in = {b->qkv, b->qkv + tf->width.q, b->qkv + tf->width.q + tf->width.kv};
    if (!family_traits[c->family].rotary) return in;
    struct qk_dims d = {.rows = s->rows,
                        .time = s->p->time,
                        .heads = c->heads,
                        .head_dim = c->head_dim,
                        .stride = tf->width.qkv,
                        .eps = (real)c->norm_eps};
    qk_forward(&lane->ex, lane->q, b->q_rstd, in.q, v->q_norm, tf->cosine, tf->sine, d);
    d.heads = c->kv_heads;
    qk_forward(&lane->ex, lane->k, b->k_rstd, in.k, v->k_norm, tf->cosine, tf->sine, d);
    return (struct qkv_view){lane->q, lane->k, in.v};
}

void activation_forward(const struct share *s, real *y, const real *up) {
    const struct transformer *tf = s->p->tf;
    if (family_traits[tf->table->config.family].gated)
        swiglu_forward(&s->lane->ex, y, up, s->rows, tf->width.ffn);
    else gelu_forward(&s->lane->ex, y, up, s->rows, tf->width.ffn);
}

/* ---- forward ---- */

struct turn_job {
    const struct pass *p;
    int from; /* block */
};
enum { TURNED = 4 /* matrices of a block */ };

/* Tile: one matrix. */
static void turn_tile(void *ctx, int i, int worker) {
    (void)worker;
    const struct turn_job *job = ctx;
    const struct pass *p = job->p;
    int layer = job->from + i / TURNED;
    struct widths w = p->tf->width;
    struct block_view v = weights_block(p->w, layer, NULL);
    struct block_turned t = p->tf->turned[layer];
    switch (i % TURNED) {
    case 0:
        blas_turn(t.up, w.up, v.up, w.model, w.up, w.model, R(1.0));
        break;
    case 1:
        blas_turn(t.down, w.model, v.down, w.ffn, w.model, w.ffn, R(1.0));
        break;
    case 2:
        blas_turn(t.qkv, w.qkv, v.qkv, w.model, w.qkv, w.model, R(1.0));
        break;
    default:
        blas_turn(t.proj, w.model, v.proj, w.q, w.model, w.q, R(1.0));
    }
}

void blocks_turn(const struct pass *p, int from, int to) {
    struct turn_job job = {p, from};
    if (from < to && p->tf->turned[from].qkv)
        pool_run(p->tf->ex->pool, TURNED * (to - from), turn_tile, &job);
}

/* A matrix as [out, in], and turned where it is. */
struct matrix {
    const real *W, *turned;
};

/* y[rows,out] = onto + x[rows,in] W^T + b; onto may be NULL, or y */
static void map(const struct share *s, real *y, const real *onto, const real *x, int out,
                int in, struct matrix m, const real *b) {
    struct linear_dims d = {.rows = s->rows, .in = in, .out = out, .turned = m.turned};
    linear_forward(&s->lane->ex, y, onto, x, d.turned ? m.turned : m.W, b, d);
}

/* From the block's input to the mlp before its activation: all that the backward reads again.
 */
void block_remake(const struct share *s, int layer) {
    struct transformer *tf = s->p->tf;
    struct lane *lane = s->lane;
    struct widths w = tf->width;
    struct block_view v = block_weights(s->p, layer);
    struct block_turned t = s->p->tf->turned[layer];
    struct block_kept b = share_block(s, layer);

    norm_forward(s, lane->normed, b.mean1, b.rstd1, b.x, v.norm1, v.norm1_bias);
    map(s, b.qkv, NULL, lane->normed, w.qkv, w.model, (struct matrix){v.qkv, t.qkv},
        v.qkv_bias);
    adapter_forward(s, &b, layer, SITE_QKV, b.qkv, lane->normed);
    struct qkv_view in = qk_prepare(s, &b, &v);
    attention_forward(&lane->ex, b.attn, b.lse, in.q, in.k, in.v, lane->attention_scratch,
                      share_attention_dims(s));
    map(s, b.x_mid, b.x, b.attn, w.model, w.q, (struct matrix){v.proj, t.proj}, v.proj_bias);
    adapter_forward(s, &b, layer, SITE_PROJ, b.x_mid, b.attn);

    norm_forward(s, lane->normed, b.mean2, b.rstd2, b.x_mid, v.norm2, v.norm2_bias);
    map(s, b.up, NULL, lane->normed, w.up, w.model, (struct matrix){v.up, t.up}, v.up_bias);
    adapter_forward(s, &b, layer, SITE_UP, b.up, lane->normed);
}

static void block_forward(const struct share *s, int layer) {
    struct block_view v = block_weights(s->p, layer);
    struct block_turned t = s->p->tf->turned[layer];
    struct block_kept b = share_block(s, layer);
    block_remake(s, layer);
    activation_forward(s, s->lane->act, b.up);
    struct widths w = s->p->tf->width;
    real *y = share_stream(s, layer + 1);
    map(s, y, b.x_mid, s->lane->act, w.model, w.ffn, (struct matrix){v.down, t.down},
        v.down_bias);
    adapter_forward(s, &b, layer, SITE_DOWN, y, s->lane->act);
}

void embed_forward(const struct share *s) {
    const struct pass *p = s->p;
    struct outer_view v = weights_outer(p->w, NULL);
    struct embedding_dims d = {.rows = s->rows, .time = p->time, .width = p->tf->width.model};
    embedding_forward(&s->lane->ex, share_stream(s, 0), p->tokens + s->row, v.embed,
                      v.positions, d);
}

/* Lanes that work side by side find narrow blocks widened already (prefix.c). */
void blocks_forward(const struct share *s, int from, int to) {
    bool whole = s->lane == &s->p->tf->whole;
    for (int l = from; l < to; l++) {
        if (whole) block_widen(s->p, l);
        block_forward(s, l);
        if (whole) weights_leave(s->p->w, l);
    }
}

void top_forward(const struct share *s) {
    struct transformer *tf = s->p->tf;
    struct outer_view v = weights_outer(s->p->w, NULL);
    norm_forward(s, share_rows(s, tf->normed, tf->width.model), share_rows(s, tf->top_mean, 1),
                 share_rows(s, tf->top_rstd, 1), share_stream(s, tf->table->config.layers),
                 v.norm, v.norm_bias);
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

static void forward_share(const struct share *s, void *ctx) {
    (void)ctx;
    embed_forward(s);
    blocks_forward(s, 0, s->p->tf->table->config.layers);
    top_forward(s);
}

/* tf->normed of a batch of which nothing is kept. */
static struct pass forward_only(struct transformer *tf, const struct weights *w,
                                const int32_t *tokens, int batch, int time) {
    assert(batch <= tf->plan.batch && time <= tf->plan.time);
    struct pass p = {.tf = tf,
                     .w = w,
                     .tokens = tokens,
                     .batch = batch,
                     .time = time,
                     .rows = batch * time,
                     .kept_from = tf->table->config.layers};
    blocks_turn(&p, 0, p.kept_from);
    shares_run(&p, forward_share, NULL);
    return p;
}

double transformer_loss(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        const int32_t *targets, int batch, int time, real *nll, uint8_t *hit) {
    struct pass p = forward_only(tf, w, tokens, batch, time);
    if (!nll) nll = tf->nll;
    struct loss_dims d = {
        .rows = p.rows, .width = tf->width.model, .vocab = tf->table->config.vocab};
    loss_head(tf->ex, nll, hit, NULL, NULL, tf->normed, weights_outer(w, NULL).head, targets,
              tf->logits, d);
    weights_leave_all(w);
    return mean_nll(nll, targets, p.rows);
}

void transformer_logits(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        int batch, int time, real *logits) {
    struct pass p = forward_only(tf, w, tokens, batch, time);
    struct linear_dims d = {
        .rows = p.rows, .in = tf->width.model, .out = tf->table->config.vocab};
    linear_forward(tf->ex, logits, NULL, tf->normed, weights_outer(w, NULL).head, NULL, d);
    weights_leave_all(w);
}
