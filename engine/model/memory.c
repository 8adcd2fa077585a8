/* memory.c - the memory of a transformer is one block, laid out once:
 *
 *   for each block   its matrices turned, where there are many rows; for training only: x,
 *                    x_mid, norm statistics, qkv, attention's output and log-sum-exp, up
 *                    (with recompute only x; the others once for all)
 *   once             the top of the stream, final norm, factors of a block's gradients,
 *                    sums of vectors
 *   scratch          one region that the lanes and the head's logits use in turn, or
 *                    beside each other
 *
 * Not kept, but made again in the backward since they cost one pass over memory: outputs of
 * norms, normed and rotated queries and keys, the activation. Pages never touched cost nothing,
 * so memory follows what learns. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/transformer_impl.h"
#include "engine/nn/op_qk.h"

/* Hands out reals front to back; base NULL: only counts. */
struct cursor {
    char *base;
    size_t used; /* bytes */
};

static size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

static real *place(struct cursor *c, size_t rows, int cols) {
    size_t at = c->used;
    c->used += arena_round(rows * (size_t)cols * sizeof(real));
    return c->base ? (real *)(void *)(c->base + at) : NULL;
}

/* What the adapters of block l take, where no block before took as much. */
static void widen_ranks(struct widths *w, const struct model_config *c, int l) {
    struct adapter_target targets[ADAPTER_TARGETS];
    int n = adapter_targets(c, targets), rank[ADAPTER_SITES] = {0};
    for (int i = 0; i < n; i++)
        if (c->adapter.targets[l] >> i & 1) rank[targets[i].site] += c->adapter.rank;
    for (int site = 0; site < ADAPTER_SITES; site++)
        if (rank[site] > w->rank[site]) w->rank[site] = rank[site];
}

struct widths widths_of(const struct model_config *c) {
    struct widths w = {.model = c->width, .ffn = c->ffn};
    w.q = c->heads * c->head_dim;
    w.kv = c->kv_heads * c->head_dim;
    w.qkv = w.q + 2 * w.kv;
    w.up = family_traits[c->family].gated ? 2 * c->ffn : c->ffn;
    for (int l = 0; c->adapter.rank > 0 && l < c->layers; l++) widen_ranks(&w, c, l);
    return w;
}

/* ---- shares ---- */

enum {
    SHARE_ROWS = 128, /* near the products' full speed; what they pass on stays in the cache */
    MIN_SHARES = 8,   /* work for so many cores */
    SHARE_MATRIX = 1 << 20, /* reals: larger ones are read once for all sequences instead */
    TURN_ROWS = 512         /* of a batch, that turning the matrices pays for */
};

static int share_of(const struct model_config *c, struct transformer_plan plan) {
    struct widths w = widths_of(c);
    if (plan.batch < MIN_SHARES || (double)w.up * w.model > SHARE_MATRIX ||
        (double)w.qkv * w.model > SHARE_MATRIX)
        return 0;
    int share = plan.time < SHARE_ROWS ? SHARE_ROWS / plan.time : 1;
    int most = plan.batch / MIN_SHARES;
    return share < most ? share : most;
}

bool transformer_turns(const struct model_config *c, struct transformer_plan plan) {
    return share_of(c, plan) && plan.batch * plan.time >= TURN_ROWS;
}

bool transformer_widens(const struct model_config *c, struct transformer_plan plan) {
    return share_of(c, plan) == 0;
}

static int most_shares(const struct transformer *tf) {
    return tf->share ? (tf->plan.batch + tf->share - 1) / tf->share : 1;
}

static struct loss_dims loss_of(const struct model_config *c, size_t rows, bool keep) {
    return (struct loss_dims){
        .rows = (int)rows, .width = c->width, .vocab = c->vocab, .keep = keep};
}

static bool head_fits_shares(const struct model_config *c, struct transformer_plan plan) {
    struct loss_dims all = loss_of(c, (size_t)plan.batch * (size_t)plan.time, false);
    return plan.backward && loss_chunk(all) == all.rows &&
           (double)c->vocab * c->width <= SHARE_MATRIX;
}

/* ---- layout ---- */

/* What is small of what a block keeps: a hundredth. */
static void lay_out_small(struct cursor *at, struct block_kept *b, const struct model_config *c,
                          size_t rows) {
    const struct family_traits *f = &family_traits[c->family];
    struct widths w = widths_of(c);
    b->rstd1 = place(at, rows, 1);
    b->rstd2 = place(at, rows, 1);
    if (!f->rms) b->mean1 = place(at, rows, 1);
    if (!f->rms) b->mean2 = place(at, rows, 1);
    if (f->qk_norm) b->q_rstd = place(at, rows, c->heads);
    if (f->qk_norm) b->k_rstd = place(at, rows, c->kv_heads);
    b->lse = place(at, rows, c->heads);
    for (int site = 0; site < ADAPTER_SITES; site++)
        b->low[site] = w.rank[site] ? place(at, rows, w.rank[site]) : NULL;
}

/* What is large, but x, which stands already (in_grads.c has a list of them all). `keep`: x_mid
 * has memory of its own, so that x is still there for the backward. */
static void lay_out_large(struct cursor *at, struct block_kept *b, const struct model_config *c,
                          size_t rows, bool keep) {
    struct widths w = widths_of(c);
    b->x_mid = keep ? place(at, rows, w.model) : b->x;
    b->qkv = place(at, rows, w.qkv);
    b->attn = place(at, rows, w.q);
    b->up = place(at, rows, w.up);
}

static void lay_out_turned(struct cursor *at, struct transformer *tf,
                           const struct model_config *c) {
    struct widths w = tf->width;
    if (!transformer_turns(c, tf->plan)) return;
    for (int l = 0; l < c->layers; l++) {
        struct block_turned t = {.qkv = place(at, (size_t)w.model, w.qkv),
                                 .proj = place(at, (size_t)w.q, w.model),
                                 .up = place(at, (size_t)w.model, w.up),
                                 .down = place(at, (size_t)w.ffn, w.model)};
        if (tf->turned) tf->turned[l] = t;
    }
}

/* Room for the matrices of one narrow block. */
static void lay_out_wide(struct cursor *at, struct transformer *tf) {
    struct widths w = tf->width;
    tf->wide = (struct block_view){.qkv = place(at, (size_t)w.qkv, w.model),
                                   .proj = place(at, (size_t)w.model, w.q),
                                   .up = place(at, (size_t)w.up, w.model),
                                   .down = place(at, (size_t)w.model, w.ffn)};
}

/* Every block with its input; what else it keeps is its own, or with recompute all blocks'. The
 * small come together, so that the large, which may stand elsewhere (in_grads.c), are on pages
 * that are not touched then. */
static void lay_out_blocks(struct cursor *at, struct transformer *tf,
                           const struct model_config *c, size_t rows) {
    struct block_kept b = {0};
    struct cursor large = *at;
    for (int l = 0; l < (tf->plan.recompute ? 1 : c->layers); l++)
        lay_out_small(&large, &b, c, rows);
    for (int l = 0; l < c->layers; l++) {
        bool own = l == 0 || !tf->plan.recompute;
        if (own) lay_out_small(at, &b, c, rows);
        b.x = place(&large, rows, c->width);
        if (own) lay_out_large(&large, &b, c, rows, true);
        if (tf->blocks) tf->blocks[l] = b;
    }
    *at = large;
}

static void lay_out_factors(struct cursor *at, struct block_factors *f, struct widths w,
                            bool dropout, size_t rows) {
    f->d_mid = place(at, rows, w.model);
    f->normed1 = place(at, rows, w.model);
    f->normed2 = place(at, rows, w.model);
    f->act = place(at, rows, w.ffn);
    f->d_up = place(at, rows, w.up);
    f->dqkv = place(at, rows, w.qkv);
    for (int site = 0; site < ADAPTER_SITES; site++) {
        int in = site_widths(&w, (enum adapter_site)site).in;
        if (!w.rank[site]) continue;
        f->d_low[site] = place(at, rows, w.rank[site]);
        if (dropout) f->dropped[site] = place(at, rows, in);
    }
}

static void lay_out_gradients(struct cursor *at, struct transformer *tf,
                              const struct model_config *c, size_t rows) {
    bool dropout = c->adapter.dropout > 0;
    int more = tf->overlaps ? 1 : 0;
    for (int i = 0; i < 2 + more; i++) tf->d_stream[i] = place(at, rows, tf->width.model);
    for (int i = 0; i < 1 + more; i++)
        lay_out_factors(at, &tf->factors[i], tf->width, dropout, rows);
}

/* The attention and mlp phases of a lane never overlap in time, so both begin at the same
 * place. `own`: the lane needs a block's memory of its own. */
static void lay_out_lane(struct cursor *at, struct lane *lane, const struct transformer *tf,
                         const struct model_config *c, int sequences, int threads, bool own) {
    size_t rows = (size_t)sequences * (size_t)tf->plan.time;
    bool rotary = family_traits[c->family].rotary, backward = tf->plan.backward;
    struct widths w = tf->width;
    if (own) {
        lane->own.x = place(at, rows, w.model);
        lay_out_small(at, &lane->own, c, rows);
        lay_out_large(at, &lane->own, c, rows, false);
    }
    lane->normed = place(at, rows, w.model);
    if (backward && c->adapter.rank > 0 && c->adapter.dropout > 0)
        lane->dropped = place(
            at, rows, (int)max_size((size_t)w.model, max_size((size_t)w.q, (size_t)w.ffn)));
    struct cursor attn = *at, mlp = *at;
    if (rotary) lane->q = place(&attn, rows, w.q);
    if (rotary) lane->k = place(&attn, rows, w.kv);
    if (rotary && backward) lane->dq = place(&attn, rows, w.q);
    if (rotary && backward) lane->dk = place(&attn, rows, w.kv);
    if (backward) lane->d_attn = place(&attn, rows, w.q);
    size_t scratch = attention_scratch(attention_dims_of(c, sequences, tf->plan.time));
    lane->attention_scratch = place(&attn, scratch, threads);
    lane->act = place(&mlp, rows, w.ffn);
    at->used = max_size(attn.used, mlp.used);
}

/* Where the whole batch is one share, its lane works in the first block's memory while nothing
 * is kept. */
static void borrow_block(struct transformer *tf) {
    if (!tf->blocks) return;
    tf->whole.own = tf->blocks[0];
    tf->whole.own.x_mid = tf->whole.own.x;
}

/* What makes a norm and pieces of an update of factors: the lanes rest then. */
static void lay_out_factored(struct cursor *at, struct factored *f,
                             const struct transformer *tf, size_t rows) {
    for (int i = 0; i < 2; i++) f->gram[i] = place(at, rows, (int)rows);
    f->tile = place(at, (size_t)tf->n_lanes * FACTORED_ROWS, tf->width.model);
}

/* Lanes and logits, from the same start; returns the end of the longer. */
static size_t lay_out_scratch(struct cursor start, struct transformer *tf,
                              const struct model_config *c, size_t rows) {
    struct cursor lanes = start, head = start;
    struct lane unplaced;
    if (!tf->share)
        lay_out_lane(&lanes, &tf->whole, tf, c, tf->plan.batch, tf->n_lanes,
                     !tf->plan.backward);
    if (!tf->share && tf->plan.backward) borrow_block(tf);
    bool singles = tf->share || tf->plan.backward; /* prefixes go sequence by sequence */
    for (int i = 0; singles && i < tf->n_lanes; i++)
        lay_out_lane(&lanes, tf->lanes ? &tf->lanes[i] : &unplaced, tf, c,
                     tf->share ? tf->share : 1, 1, true);
    if (tf->plan.backward && !tf->head_in_shares)
        tf->d_norm = place(&head, rows, tf->width.model);
    if (tf->plan.factors) lay_out_factored(&head, &tf->factored, tf, rows);
    bool beside = tf->head_in_shares || tf->plan.factors;
    if (beside) head.used = max_size(lanes.used, head.used);
    tf->logits = place(&head, loss_scratch(loss_of(c, rows, tf->plan.factors)), 1);
    return max_size(lanes.used, head.used);
}

/* Sets every pointer of `tf` (all NULL when base is) and returns the bytes of the whole. */
static size_t lay_out(struct transformer *tf, const struct model_config *c, char *base) {
    const struct family_traits *f = &family_traits[c->family];
    size_t rows = (size_t)tf->plan.batch * (size_t)tf->plan.time, time = (size_t)tf->plan.time;
    int width = tf->width.model;
    bool backward = tf->plan.backward;
    struct cursor at = {.base = base};
    lay_out_turned(&at, tf, c);
    if (tf->plan.narrow) lay_out_wide(&at, tf);
    if (backward) lay_out_blocks(&at, tf, c, rows);
    if (backward) lay_out_gradients(&at, tf, c, rows);
    if (backward) tf->x_top = place(&at, rows, width);
    if (backward) tf->vector_sums = place(&at, tf->vector_reals, most_shares(tf));
    tf->normed = place(&at, rows, width);
    tf->top_rstd = place(&at, rows, 1);
    if (!f->rms) tf->top_mean = place(&at, rows, 1);
    tf->nll = place(&at, rows, 1);
    if (f->rotary) tf->cosine = place(&at, time, c->head_dim / 2);
    if (f->rotary) tf->sine = place(&at, time, c->head_dim / 2);
    return lay_out_scratch(at, tf, c, rows);
}

static void list_vectors(struct transformer *tf, const struct model_config *c) {
    const struct family_traits *f = &family_traits[c->family];
    struct widths w = tf->width;
    int head = f->qk_norm ? c->head_dim : 0;
    /* biases that a family does not have take room, but have no place in the gradients */
    const struct block_vector all[BLOCK_VECTORS] = {
        {offsetof(struct block_view, norm1), w.model},
        {offsetof(struct block_view, norm1_bias), f->rms ? 0 : w.model},
        {offsetof(struct block_view, norm2), w.model},
        {offsetof(struct block_view, norm2_bias), f->rms ? 0 : w.model},
        {offsetof(struct block_view, q_norm), head},
        {offsetof(struct block_view, k_norm), head},
        {offsetof(struct block_view, qkv_bias), w.qkv},
        {offsetof(struct block_view, proj_bias), w.model},
        {offsetof(struct block_view, up_bias), w.up},
        {offsetof(struct block_view, down_bias), w.model}};
    for (int i = 0; i < BLOCK_VECTORS; i++) {
        tf->vectors[i] = all[i];
        tf->vector_reals += (size_t)all[i].width;
    }
}

/* What the layout depends on, before there is any memory. */
static struct transformer shape_of(const struct model_config *c, struct transformer_plan plan,
                                   int threads) {
    struct transformer tf = {
        .width = widths_of(c), .plan = plan, .share = share_of(c, plan), .n_lanes = threads};
    tf.overlaps = tf.share && !plan.recompute;
    tf.head_in_shares = tf.share && head_fits_shares(c, plan);
    list_vectors(&tf, c);
    return tf;
}

size_t transformer_bytes(const struct model_config *c, struct transformer_plan plan,
                         int threads) {
    struct transformer tf = shape_of(c, plan, threads);
    return lay_out(&tf, c, NULL);
}

/* A block that keeps nothing costs nothing, but for the first: the pass works there
 * (borrow_block). */
size_t transformer_bytes_above(const struct model_config *c, struct transformer_plan plan,
                               int threads, int cut) {
    struct cursor at = {.base = NULL};
    struct block_kept b = {0};
    size_t rows = (size_t)plan.batch * (size_t)plan.time,
           spared = cut > 1 ? (size_t)cut - 1 : 0;
    place(&at, rows, c->width);
    if (!plan.recompute) lay_out_small(&at, &b, c, rows);
    if (!plan.recompute) lay_out_large(&at, &b, c, rows, true);
    return transformer_bytes(c, plan, threads) - (plan.backward ? spared * at.used : 0);
}

struct transformer *transformer_create(const struct param_table *t,
                                       struct transformer_plan plan, struct exec *ex,
                                       struct err *err) {
    const struct model_config *c = &t->config;
    int threads = pool_threads(ex->pool);
    assert(plan.batch > 0 && plan.time > 0 && plan.time <= c->context);
    assert(!plan.narrow || transformer_widens(c, plan));
    struct transformer *tf = calloc(1, sizeof *tf);
    if (!tf) goto no_memory;
    *tf = shape_of(c, plan, threads);
    tf->table = t;
    tf->ex = ex;
    tf->blocks = calloc((size_t)c->layers, sizeof *tf->blocks);
    tf->own = calloc((size_t)c->layers, sizeof *tf->own);
    tf->turned = calloc((size_t)c->layers, sizeof *tf->turned);
    tf->lanes = calloc((size_t)threads, sizeof *tf->lanes);
    tf->todo = calloc((size_t)plan.batch, sizeof *tf->todo);
    if (!tf->blocks || !tf->own || !tf->turned || !tf->lanes || !tf->todo) goto no_memory;
    size_t bytes = transformer_bytes(c, plan, threads);
    tf->arena = arena_create(bytes, err);
    char *base = tf->arena ? arena_take(tf->arena, bytes, err) : NULL;
    if (!base) {
        transformer_destroy(tf);
        return NULL;
    }
    lay_out(tf, c, base);
    memcpy(tf->own, tf->blocks, (size_t)c->layers * sizeof *tf->own);
    if (tf->cosine)
        rope_table(tf->cosine, tf->sine, plan.time, c->head_dim, c->rope_theta,
                   c->rope_scaling);
    return tf;

no_memory:
    transformer_destroy(tf);
    err_set(err, ERR_NOMEM, "not enough memory for a transformer of %d layers", c->layers);
    return NULL;
}

void transformer_destroy(struct transformer *tf) {
    if (!tf) return;
    arena_destroy(tf->arena);
    free(tf->blocks);
    free(tf->own);
    free(tf->turned);
    free(tf->lanes);
    free(tf->todo);
    free(tf);
}
