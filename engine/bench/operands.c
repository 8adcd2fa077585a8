/* operands.c - one call of each op, with memory laid out once. Activations are random;
 * attention's backward reads what its forward has kept. */
#include "engine/bench/operands.h"

#include "engine/nn/column_sum.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_attention.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_linear.h"
#include "engine/nn/op_loss.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"

/* ---- memory ---- */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static struct attention_dims attention_shape(const struct operands *o) {
    const struct model_config *c = &o->b->model.table.config;
    bool dense = family_traits[c->family].rotary;
    int q = dense ? o->q : o->qkv, k = dense ? o->kv : o->qkv;
    return (struct attention_dims){.batch = o->b->options.batch,
                                   .time = o->b->options.block,
                                   .heads = c->heads,
                                   .kv_heads = c->kv_heads,
                                   .head_dim = c->head_dim,
                                   .q_stride = q,
                                   .k_stride = k,
                                   .v_stride = o->qkv,
                                   .dq_stride = q,
                                   .dk_stride = k,
                                   .dv_stride = o->qkv};
}

static struct loss_dims loss_shape(const struct operands *o) {
    return plan_loss(&o->b->options);
}

/* What one operand takes, and where it belongs. */
struct place {
    real **to;
    size_t reals;
};

static bool take(struct operands *o, const struct place *places, int n, struct err *err) {
    size_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += arena_round(places[i].reals * sizeof(real));
    if (!bench_fits((double)bytes + (double)rounds_peak_rss(), err)) return false;
    o->memory = arena_create(bytes, err);
    struct rng rng = rng_make(7, 0, 0);
    for (int i = 0; o->memory && i < n; i++) {
        real *x = *places[i].to = arena_take_reals(o->memory, places[i].reals, err);
        for (size_t j = 0; j < places[i].reals; j++)
            x[j] = (real)(2.0 * rng_uniform(&rng) - 1.0);
    }
    return o->memory != NULL;
}

static bool take_all(struct operands *o, struct err *err) {
    const struct model_config *c = &o->b->model.table.config;
    size_t rows = (size_t)o->rows, stream = rows * larger((size_t)c->width, (size_t)o->q);
    size_t wide = rows * larger((size_t)o->qkv, (size_t)o->up), ffn = rows * (size_t)c->ffn;
    size_t turns = (size_t)o->b->options.block * (size_t)(c->head_dim / 2);
    size_t heads = rows * (size_t)c->heads, kv_heads = rows * (size_t)c->kv_heads;
    size_t tiles = attention_scratch(attention_shape(o)) * (size_t)bench_threads(o->b);
    const struct place places[] = {{&o->x, stream},
                                   {&o->y, stream},
                                   {&o->dx, stream},
                                   {&o->dy, stream},
                                   {&o->wide, wide},
                                   {&o->dwide, wide},
                                   {&o->act, ffn},
                                   {&o->dact, ffn},
                                   {&o->queries, rows * (size_t)o->q},
                                   {&o->keys, rows * (size_t)o->kv},
                                   {&o->attn, rows * (size_t)o->q},
                                   {&o->lse, heads},
                                   {&o->mean, rows},
                                   {&o->rstd, rows},
                                   {&o->q_rstd, heads},
                                   {&o->k_rstd, kv_heads},
                                   {&o->cosine, turns},
                                   {&o->sine, turns},
                                   {&o->tiles, tiles},
                                   {&o->logits, loss_scratch(loss_shape(o))},
                                   {&o->nll, rows}};
    if (!take(o, places, sizeof places / sizeof places[0], err)) return false;
    if (family_traits[c->family].rotary)
        rope_table(o->cosine, o->sine, o->b->options.block, c->head_dim, c->rope_theta,
                   c->rope_scaling);
    return true;
}

bool operands_init(struct operands *o, struct bench *b, struct err *err) {
    const struct model_config *c = &b->model.table.config;
    *o = (struct operands){.b = b, .rows = b->options.batch * b->options.block};
    o->q = c->heads * c->head_dim;
    o->kv = c->kv_heads * c->head_dim;
    o->qkv = o->q + 2 * o->kv;
    o->up = family_traits[c->family].gated ? 2 * c->ffn : c->ffn;
    return take_all(o, err);
}

void operands_deinit(struct operands *o) { arena_destroy(o->memory); }

/* ---- what is run ---- */

/* Small enough that the weights stay what they are. */
static const double learning_rate = 1e-6;

static struct exec *exec_of(struct operands *o) { return &o->b->model.ex; }
static const struct model_config *shape_of(const struct operands *o) {
    return &o->b->model.table.config;
}
static struct block_view weights_of(const struct operands *o, int layer) {
    return weights_block(&o->b->model.w, layer, NULL);
}
static struct block_view grads_of(const struct operands *o, int layer) {
    return weights_block(&o->b->g, layer, o->b->learn);
}

static void run_embed(struct operands *o, const struct op_call *r) {
    (void)r;
    struct embedding_dims d = {o->rows, o->b->options.block, shape_of(o)->width};
    struct outer_view v = weights_outer(&o->b->model.w, NULL);
    embedding_forward(exec_of(o), o->y, o->b->x, v.embed, v.positions, d);
}
static void run_embed_backward(struct operands *o, const struct op_call *r) {
    (void)r;
    struct embedding_dims d = {o->rows, o->b->options.block, shape_of(o)->width};
    struct outer_view v = weights_outer(&o->b->g, o->b->learn);
    embedding_backward(exec_of(o), v.embed, v.positions, o->dy, o->b->x, d);
}

static struct norm_dims norm_shape(const struct operands *o) {
    const struct model_config *c = shape_of(o);
    return (struct norm_dims){o->rows, c->width, (real)c->norm_eps};
}
static void run_norm(struct operands *o, const struct op_call *r) {
    struct block_view w = weights_of(o, r->layer);
    if (family_traits[shape_of(o)->family].rms)
        rmsnorm_forward(exec_of(o), o->y, o->rstd, o->x, w.norm1, norm_shape(o));
    else
        layernorm_forward(exec_of(o), o->y, o->mean, o->rstd, o->x, w.norm1, w.norm1_bias,
                          norm_shape(o));
}
/* The gain's gradient where the blocks' norms learn; it is the smaller part. */
static void run_norm_backward(struct operands *o, const struct op_call *r) {
    struct block_view w = weights_of(o, r->layer);
    struct block_view d = grads_of(o, r->layer);
    if (family_traits[shape_of(o)->family].rms)
        rmsnorm_backward(exec_of(o), o->dx, o->dx, d.norm1, o->dy, o->x, o->rstd, w.norm1,
                         norm_shape(o));
    else
        layernorm_backward(exec_of(o), o->dx, o->dx, d.norm1, d.norm1_bias, o->dy, o->x,
                           o->mean, o->rstd, w.norm1, norm_shape(o));
}

/* Residual streams and activations have the widths that their matrix wants. */
static void run_linear(struct operands *o, const struct op_call *r) {
    struct matrix m = plan_matrix(o->b, r->layer, r->matrix);
    real *y = m.out == shape_of(o)->width ? o->y : o->dwide;
    const real *x = r->matrix == MATRIX_DOWN ? o->act : o->x;
    struct linear_dims d = {o->rows, m.in, m.out, m.turned};
    linear_forward(exec_of(o), y, m.add ? y : NULL, x, m.W, m.bias, d);
}
static void run_gradients(struct operands *o, const struct op_call *r) {
    struct matrix m = plan_matrix(o->b, r->layer, r->matrix);
    bool down = r->matrix == MATRIX_DOWN;
    const real *dy = m.out == shape_of(o)->width ? o->dy : o->wide;
    real *dx = down ? o->dact : o->dx;
    limits_gradients(exec_of(o), o->rows, &m, r->dw ? m.dW : NULL, r->dx ? dx : NULL, dy,
                     down ? o->act : o->x);
}
static void run_bias(struct operands *o, const struct op_call *r) {
    struct matrix m = plan_matrix(o->b, r->layer, r->matrix);
    const real *dy = m.out == shape_of(o)->width ? o->dy : o->wide;
    column_sum_add(exec_of(o), m.dbias, dy, o->rows, m.out);
}

static struct qk_dims qk_shape(const struct operands *o, int heads) {
    const struct model_config *c = shape_of(o);
    return (struct qk_dims){o->rows, o->b->options.block, heads, c->head_dim,
                            o->qkv,  (real)c->norm_eps};
}
static void run_qk(struct operands *o, const struct op_call *r) {
    struct block_view w = weights_of(o, r->layer);
    const struct model_config *c = shape_of(o);
    qk_forward(exec_of(o), o->queries, o->q_rstd, o->wide, w.q_norm, o->cosine, o->sine,
               qk_shape(o, c->heads));
    qk_forward(exec_of(o), o->keys, o->k_rstd, o->wide + o->q, w.k_norm, o->cosine, o->sine,
               qk_shape(o, c->kv_heads));
}
static void run_qk_backward(struct operands *o, const struct op_call *r) {
    struct block_view w = weights_of(o, r->layer);
    struct block_view d = grads_of(o, r->layer);
    const struct model_config *c = shape_of(o);
    qk_backward(exec_of(o), o->dwide, d.q_norm, o->dx, o->wide, o->q_rstd, w.q_norm, o->cosine,
                o->sine, qk_shape(o, c->heads));
    qk_backward(exec_of(o), o->dwide + o->q, d.k_norm, o->dy, o->wide + o->q, o->k_rstd,
                w.k_norm, o->cosine, o->sine, qk_shape(o, c->kv_heads));
}

static void run_attention(struct operands *o, const struct op_call *r) {
    (void)r;
    bool dense = family_traits[shape_of(o)->family].rotary;
    attention_forward(exec_of(o), o->attn, o->lse, dense ? o->queries : o->wide,
                      dense ? o->keys : o->wide + o->q, o->wide + o->q + o->kv, o->tiles,
                      attention_shape(o));
}
static void run_attention_backward(struct operands *o, const struct op_call *r) {
    (void)r;
    bool dense = family_traits[shape_of(o)->family].rotary;
    attention_backward(exec_of(o), dense ? o->dx : o->dwide, dense ? o->y : o->dwide + o->q,
                       o->dwide + o->q + o->kv, o->dy, o->attn, o->lse,
                       dense ? o->queries : o->wide, dense ? o->keys : o->wide + o->q,
                       o->wide + o->q + o->kv, o->tiles, attention_shape(o));
}

static void run_activation(struct operands *o, const struct op_call *r) {
    (void)r;
    const struct model_config *c = shape_of(o);
    if (family_traits[c->family].gated)
        swiglu_forward(exec_of(o), o->dact, o->wide, o->rows, c->ffn);
    else gelu_forward(exec_of(o), o->dact, o->wide, o->rows, c->ffn);
}
static void run_activation_backward(struct operands *o, const struct op_call *r) {
    (void)r;
    const struct model_config *c = shape_of(o);
    if (family_traits[c->family].gated)
        swiglu_backward(exec_of(o), o->dwide, NULL, o->act, o->wide, o->rows, c->ffn);
    else gelu_backward(exec_of(o), o->dact, NULL, o->act, o->wide, o->rows, c->ffn);
}

static void run_head(struct operands *o, const struct op_call *r) {
    bool factored = o->b->g.factored; /* the update makes it */
    loss_head(exec_of(o), o->nll, NULL, r->dx ? o->dx : NULL,
              factored ? NULL : weights_outer(&o->b->g, o->b->learn).head, o->x,
              weights_outer(&o->b->model.w, NULL).head, o->b->y, o->logits, loss_shape(o));
}

static void run_grads_norm(struct operands *o, const struct op_call *r) {
    (void)r;
    grads_norm(exec_of(o), &o->b->g, o->b->learn, NULL, o->b->norms);
}
static void run_update(struct operands *o, const struct op_call *r) {
    (void)r;
    optim_step(exec_of(o), &o->b->optim, &o->b->model.w, &o->b->g, o->b->learn, learning_rate,
               1, o->b->updates);
}

void operands_run(struct operands *o, const struct op_call *c) {
    static void (*const run[OP_KINDS])(struct operands * o, const struct op_call *r) = {
        [OP_EMBED] = run_embed,
        [OP_EMBED_BACKWARD] = run_embed_backward,
        [OP_NORM] = run_norm,
        [OP_NORM_BACKWARD] = run_norm_backward,
        [OP_LINEAR] = run_linear,
        [OP_GRADIENTS] = run_gradients,
        [OP_BIAS] = run_bias,
        [OP_QK] = run_qk,
        [OP_QK_BACKWARD] = run_qk_backward,
        [OP_ATTENTION] = run_attention,
        [OP_ATTENTION_BACKWARD] = run_attention_backward,
        [OP_ACTIVATION] = run_activation,
        [OP_ACTIVATION_BACKWARD] = run_activation_backward,
        [OP_HEAD] = run_head,
        [OP_GRADS_NORM] = run_grads_norm,
        [OP_UPDATE] = run_update,
    };
    run[c->kind](o, c);
}
