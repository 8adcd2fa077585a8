/* ops.c - which ops a step is made of, how often each is called, and how close each comes to
 * the limit. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/bench/operands.h"
#include "engine/core/clock.h"

/* What an op that makes no products is held against. */
enum copied { ACTIVATIONS, PARAMETERS };

struct row {
    struct bench_op op;
    struct op_call call;
    enum copied copied;
};

struct rows {
    struct row list[BENCH_OPS_MAX];
    int n;
    double square,
        square_at; /* seconds a flop of square products, and when that was measured */
};

/* Square products beside each op would take longer than small ops themselves. */
static const double square_lasts_s = 0.05;

/* ---- which ---- */

/* `bytes`: what it must read and write, if it turns out to make no products. Never called: no
 * row. */
static void add(struct rows *to, struct op_call call, int calls, double bytes, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));
static void add(struct rows *to, struct op_call call, int calls, double bytes, const char *fmt,
                ...) {
    if (calls == 0) return;
    struct row *r = &to->list[to->n++];
    *r = (struct row){.call = call, .op = {.calls = calls, .amount = bytes}};
    if (call.kind == OP_GRADS_NORM || call.kind == OP_UPDATE) r->copied = PARAMETERS;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->op.name, sizeof r->op.name, fmt, args);
    va_end(args);
}

/* How many blocks do what in the backward pass. */
struct block_counts {
    int reached, onward, qkv_dx;
    int mlp_again, attn_again; /* recomputed in the backward pass for the weights' gradients */
    int lowest;                /* a block that the backward pass comes to */
};

static struct block_counts count_blocks(const struct bench *b) {
    struct block_counts n = {.lowest = 0};
    for (int l = b->model.table.config.layers - 1; l >= 0 && b->blocks[l].reached; l--) {
        const struct block_plan *p = &b->blocks[l];
        n.reached++;
        n.onward += p->onward;
        n.qkv_dx += p->qkv_dx;
        n.mlp_again += p->mlp;
        n.attn_again += p->attn;
        n.lowest = l;
    }
    return n;
}

/* dW and dx of one matrix: blocks that want both at once, and those that want one alone. */
static void add_gradients(struct rows *to, const struct bench *b, enum block_matrix which) {
    static const char *const words[2][2] = {{"", "dx"}, {"dW", "dW dx"}};
    int calls[2][2] = {{0}}, layer[2][2] = {{0}};
    for (int l = 0; l < b->model.table.config.layers; l++) {
        const struct block_plan *p = &b->blocks[l];
        bool through[MATRICES] = {p->qkv_dx, p->onward, p->onward, p->reached};
        bool dw = plan_matrix(b, l, which).dW;
        calls[dw][through[which]]++;
        layer[dw][through[which]] = l;
    }
    const char *name = plan_matrix(b, 0, which).name;
    for (int dw = 0; dw < 2; dw++)
        for (int dx = 0; dx < 2; dx++)
            if (dw || dx)
                add(to, (struct op_call){OP_GRADIENTS, layer[dw][dx], which, dw, dx},
                    calls[dw][dx], 0, "%s %s", name, words[dw][dx]);
}

static void add_bias(struct rows *to, const struct bench *b, enum block_matrix which) {
    int calls = 0, layer = 0, rows = b->options.batch * b->options.block;
    for (int l = 0; l < b->model.table.config.layers; l++)
        if (plan_matrix(b, l, which).dbias) {
            calls++;
            layer = l;
        }
    struct matrix m = plan_matrix(b, layer, which);
    add(to, (struct op_call){.kind = OP_BIAS, .layer = layer, .matrix = which}, calls,
        (double)rows * m.out * sizeof(real), "%s bias gradient", m.name);
}

/* In the order of a step. Bytes: each operand once, a sum that is added to twice. */
static void add_forward(struct rows *to, const struct operands *o, struct block_counts n) {
    const struct bench *b = o->b;
    const struct model_config *c = &b->model.table.config;
    const struct family_traits *f = &family_traits[c->family];
    double row = (double)o->rows * sizeof(real), width = row * c->width, ffn = row * c->ffn;
    int layers = c->layers;
    add(to, (struct op_call){.kind = OP_EMBED}, 1, 2 * width, "embedding");
    add(to, (struct op_call){.kind = OP_NORM}, 2 * layers + 1 + n.mlp_again + n.attn_again,
        2 * width, f->rms ? "rmsnorm" : "layernorm");
    for (int i = 0; i < MATRICES; i++)
        add(to, (struct op_call){.kind = OP_LINEAR, .matrix = i}, layers, 0, "%s",
            plan_matrix(b, 0, i).name);
    add(to, (struct op_call){.kind = OP_QK}, f->rotary ? layers + n.onward : 0,
        2 * row * (o->q + o->kv), f->qk_norm ? "qk norm, rotation" : "rotation");
    add(to, (struct op_call){.kind = OP_ATTENTION}, layers, 0, "attention");
    add(to, (struct op_call){.kind = OP_ACTIVATION}, layers + n.mlp_again,
        (f->gated ? 3 : 2) * ffn, f->gated ? "swiglu" : "gelu");
    add(to, (struct op_call){.kind = OP_HEAD, .dx = b->head.dx}, 1, 0, "head, loss%s%s",
        b->head.dW ? " dW" : "", b->head.dx ? " dx" : "");
}

static void add_backward(struct rows *to, const struct operands *o, struct block_counts n) {
    const struct bench *b = o->b;
    const struct model_config *c = &b->model.table.config;
    const struct family_traits *f = &family_traits[c->family];
    double row = (double)o->rows * sizeof(real), width = row * c->width, ffn = row * c->ffn;
    int layer = n.lowest;
    for (int i = MATRICES - 1; i >= 0; i--) {
        add_gradients(to, b, i);
        add_bias(to, b, i);
    }
    add(to, (struct op_call){.kind = OP_ACTIVATION_BACKWARD}, n.reached,
        (f->gated ? 5 : 3) * ffn, "%s backward", f->gated ? "swiglu" : "gelu");
    add(to, (struct op_call){.kind = OP_ATTENTION_BACKWARD}, n.onward, 0, "attention backward");
    add(to, (struct op_call){.kind = OP_QK_BACKWARD, .layer = layer}, f->rotary ? n.onward : 0,
        3 * row * (o->q + o->kv), "%s backward", f->qk_norm ? "qk norm, rotation" : "rotation");
    add(to, (struct op_call){.kind = OP_NORM_BACKWARD, .layer = layer},
        n.onward + n.qkv_dx + b->head.dx, 4 * width, "%s backward",
        f->rms ? "rmsnorm" : "layernorm");
    add(to, (struct op_call){.kind = OP_EMBED_BACKWARD}, b->learn[0], 3 * width,
        "embedding backward");
}

static size_t learning_reals(const struct bench *b) {
    size_t reals = 0;
    for (int g = 0; g < b->model.table.n_groups; g++)
        reals += b->learn[g] ? b->model.table.groups[g].reals : 0;
    return reals;
}

/* AdamW reads weights, gradients and two moments, and writes all but the gradients. */
static void add_update(struct rows *to, const struct bench *b) {
    double bytes = (double)learning_reals(b) * sizeof(real);
    int once = bytes > 0;
    add(to, (struct op_call){.kind = OP_GRADS_NORM}, once, bytes, "gradient norm");
    add(to, (struct op_call){.kind = OP_UPDATE}, once, 7 * bytes, "%s update",
        optimizer_words[b->options.optim.kind]);
}

/* ---- how fast ---- */

/* Copy as many bytes as the op moves; returns how many were read and written. */
static double copy_beside(struct bench *b, const struct row *r) {
    size_t n = (size_t)(r->op.amount / 2 / sizeof(real));
    if (r->copied == ACTIVATIONS) {
        if (n > b->operand_reals) n = b->operand_reals;
        limits_copy(&b->model.ex, b->out, b->in, n);
        return 2.0 * sizeof(real) * (double)n;
    }
    for (int g = 0; g < b->model.table.n_groups; g++)
        if (b->learn[g])
            limits_copy(&b->model.ex, b->g.group[g], b->model.w.group[g],
                        b->model.table.groups[g].reals);
    return 2.0 * sizeof(real) * (double)learning_reals(b);
}

static double square_limit(struct rows *rows, struct bench *b) {
    if (clock_now() - rows->square_at > square_lasts_s) {
        rows->square = limits_square(b) / limits_square_flops();
        rows->square_at = clock_now();
    }
    return rows->square;
}

/* Seconds of a row's call, and seconds a flop or byte of its limit; what touches memory runs
 * once before, so that the operands are where they will be. A call that makes products counts
 * its flop. */
static void measure_row(struct operands *o, struct rows *rows, int i, double *seconds,
                        double *limit) {
    struct exec *ex = &o->b->model.ex;
    struct row *r = &rows->list[i];
    operands_run(o, &r->call);
    uint64_t before = ex->flops;
    double start = clock_now();
    operands_run(o, &r->call);
    *seconds = clock_now() - start;
    if (ex->flops > before) {
        r->op.product = true;
        r->op.amount = (double)(ex->flops - before);
        *limit = square_limit(rows, o->b);
        return;
    }
    copy_beside(o->b, r);
    start = clock_now();
    double bytes = copy_beside(o->b, r);
    *limit = (clock_now() - start) / bytes;
}

static bool measure(struct operands *o, struct rows *rows, struct err *err) {
    const struct bench_options *options = &o->b->options;
    double once[2], start = clock_now();
    for (int i = 0; i < rows->n; i++) measure_row(o, rows, i, &once[0], &once[1]);
    int n = rounds_for(options, clock_now() - start);
    double *times = calloc(2 * (size_t)rows->n * (size_t)n, sizeof *times);
    if (!times) return err_set(err, ERR_NOMEM, "not enough memory for %d times", n);
    double *limits = times + (size_t)rows->n * (size_t)n;
    for (int k = 0; k < n; k++) {
        rounds_tell(options, k, n);
        for (int i = 0; i < rows->n; i++)
            measure_row(o, rows, i, &times[i * n + k], &limits[i * n + k]);
    }
    rounds_tell(options, n, n);
    for (int i = 0; i < rows->n; i++) {
        rows->list[i].op.seconds = rounds_sum_up(times + i * n, n).median;
        rows->list[i].op.limit = 1 / rounds_sum_up(limits + i * n, n).median;
    }
    free(times);
    return true;
}

bool bench_ops(struct bench *b, struct bench_op ops[BENCH_OPS_MAX], int *n, struct err *err) {
    struct operands o;
    struct rows rows = {.n = 0};
    bool ok = operands_init(&o, b, err);
    if (ok) {
        struct block_counts counts = count_blocks(b);
        add_forward(&rows, &o, counts);
        add_backward(&rows, &o, counts);
        add_update(&rows, b);
        ok = measure(&o, &rows, err);
    }
    operands_deinit(&o);
    for (int i = 0; ok && i < rows.n; i++) ops[i] = rows.list[i].op;
    *n = ok ? rows.n : 0;
    return ok;
}
