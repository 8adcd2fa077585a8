/* transformer_impl.h - what the files of a transformer share: memory.c (layout), transformer.c (forward),
 * prefix.c (below what learns), backward.c, adapter_pass.c. Private to this folder.
 *
 * A pass over a batch is cut into shares: a few sequences that one thread takes through all blocks, with
 * scratch that stays in its core's cache and no waiting for others between operations. Only the gradients
 * of matrices, which are sums over the whole batch, are made by all threads together, a block at a time.
 * Where the blocks' matrices are too large to be read anew for each share, or the sequences are few, the
 * whole batch is one share, and all threads work together inside each operation. Which way is taken, and
 * how large shares are, follows from the shape alone, so the bits do not depend on the threads. */
#ifndef THAW_ENGINE_MODEL_TRANSFORMER_IMPL_H
#define THAW_ENGINE_MODEL_TRANSFORMER_IMPL_H
#include "engine/core/arena.h"
#include "engine/model/factored.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"
#include "engine/nn/op_attention.h"
#include "engine/nn/op_loss.h"

/* Widths in reals, from the configuration. */
struct widths {
    int model;
    int q, kv, qkv; /* heads * head_dim, kv_heads * head_dim, q + 2 kv */
    int ffn, up;    /* up: 2 * ffn when gated (gate, then up), else ffn */
    int rank[ADAPTER_SITES]; /* of a map's adapters together, the most of any block; 0: none */
};

/* Of one of a block's linear maps. */
struct site_widths {
    int in, out;
};
static inline struct site_widths site_widths(const struct widths *w, enum adapter_site site) {
    const struct site_widths all[ADAPTER_SITES] = {
        {w->model, w->qkv}, {w->q, w->model}, {w->model, w->up}, {w->ffn, w->model}};
    return all[site];
}

/* What a block's backward reads again; rows = batch * time, or those of a share. */
struct block_kept {
    real *x;               /* [rows, model] input: the residual stream */
    real *x_mid;           /* [rows, model] the stream between attention and mlp */
    real *mean1, *rstd1;   /* [rows] norm1's; means only for LayerNorm */
    real *mean2, *rstd2;   /* [rows] norm2's */
    real *qkv;             /* [rows, qkv] before QK-norm and rotation */
    real *q_rstd, *k_rstd; /* [rows, heads], [rows, kv_heads]: QK-norm only */
    real *attn, *lse;      /* [rows, q] attention's output; [batch, heads, time] */
    real *up;              /* [rows, up] the mlp before its activation */
    real *low[ADAPTER_SITES]; /* [rows, rank] what adapters make of the maps' inputs: s drop(x) A^T */
};

/* A block's matrices as [in, out], made anew in each pass over many rows: its products with them are 13 to
 * 30 % faster than with [out, in], which is as much as the backward's products with those. */
struct block_turned {
    real *qkv, *proj, *up, *down;
};

/* What works on a share: one thread, or all together on the whole batch. rows: the share's. */
struct lane {
    struct exec ex;          /* of the share: without a pool where lanes work side by side */
    struct block_kept own;   /* of a block that keeps nothing: its stream is changed in place */
    real *normed;            /* [rows, model] a norm's output; on the way down its gradient */
    real *q, *k, *dq, *dk;   /* [rows, q], [rows, kv]: after QK-norm and rotation; rotary only */
    real *d_attn;            /* [rows, q] */
    real *act;               /* [rows, ffn] the activation; on the way down its gradient */
    real *attention_scratch; /* attention_scratch() for each thread of the lane */
    real *dropped;           /* [rows, the widest input of an adapter]; with dropout only */
};

/* What the gradients of a block's matrices are made of, beside what was kept: [rows, ...] of the whole
 * batch. */
struct block_factors {
    real *d_out, *d_mid, *d_in; /* [rows, model] gradients of the stream: output, x_mid, input */
    real *normed1, *normed2;    /* [rows, model] outputs of the norms */
    real *act, *d_up;           /* [rows, ffn], [rows, up] */
    real *dqkv;                 /* [rows, qkv] */
    real *d_low[ADAPTER_SITES]; /* [rows, rank] of the adapters: s dy B */
    real *dropped[ADAPTER_SITES]; /* [rows, in] what their A saw; with dropout only */
};

/* A block's vectors (gains and biases), whose gradients each share sums for itself; they are put together
 * in the order of the shares. Every one that there may be; absent ones have no width. */
enum { BLOCK_VECTORS = 10 };
struct block_vector {
    size_t field; /* offset of its pointer in struct block_view */
    int width;
};

struct transformer {
    const struct param_table *table; /* borrowed */
    struct exec *ex;                 /* borrowed */
    struct arena *arena;
    struct widths width;
    struct transformer_plan plan;
    int share;                 /* sequences in a share; 0: the whole batch is one */
    struct lane whole;         /* share == 0 only */
    struct lane *lanes;        /* [n_lanes] with memory for a share, at least for one sequence */
    int n_lanes;               /* one a thread */
    real *cosine, *sine;       /* [time, head_dim/2]; NULL without rotation */
    struct block_turned *turned; /* [layers]; all NULL unless transformer_turns() */
    struct block_view wide;    /* plan.narrow only: matrices of the block that is computed, where they are narrow */
    struct block_kept *blocks; /* [layers], backward only. With plan.recompute only x is a block's own */
    struct block_kept *own;    /* [layers] where they stand but for plan.in_grads (in_grads.c) */
    real *x_top;               /* [rows, model] the last block's output; backward only */
    real *normed;              /* [rows, model] the final norm's output */
    real *top_mean, *top_rstd; /* [rows] and its statistics */
    real *d_norm;              /* [rows, model] and its gradient; backward only, unless head_in_shares */
    /* A share makes logits, loss and their gradients of its rows itself, right behind its forward: where
     * those of the whole batch fit, and the head is no larger than a share's matrices may be. */
    bool head_in_shares;
    /* While the shares go through a block, the matrices of the block above get their gradients: its
     * factors stand beside those being made. With plan.recompute, or one share, one follows the other. */
    bool overlaps;
    struct block_factors factors[2]; /* of every second block, or [0] of all; d_out, d_in: NULL */
    real *d_stream[3];               /* [rows, model] of the streams in turn; only two unless overlaps */
    struct block_vector vectors[BLOCK_VECTORS];
    size_t vector_reals; /* of all of them */
    real *vector_sums;   /* [shares, vector_reals] of one block */
    real *nll;           /* [rows] where the caller wants none */
    real *logits;        /* loss_scratch(); in the lanes' place unless head_in_shares or plan.factors */
    struct factored factored; /* plan.factors only: what the last whole step left */
    int *todo;           /* [batch] sequences (prefix.c) */
};

/* One pass: its shape, its weights, and from which block on activations are kept. */
struct pass {
    struct transformer *tf;
    const struct weights *w;
    const int32_t *tokens;
    int batch, time, rows;
    int kept_from; /* blocks below work in their lane's memory; layers: nothing is kept */
    bool overwrite; /* gradients are laid down, not added to */
    real *top;     /* [rows, model] where the last block's output is kept; NULL: nowhere */
    const bool *learn; /* transformer_train()'s */
    struct {
        double share; /* 0: nothing drops out */
        uint64_t key, row;
    } drop; /* of the adapters that learn: the step's key, rows of it before this pass */
    const struct grads_ready *ready; /* transformer_train()'s */
};

/* Sequences [first, first + batch) of a pass, and who works on them. */
struct share {
    const struct pass *p;
    struct lane *lane;
    int first, batch;
    int row, rows; /* the first sequence's first row; batch * time */
};

/* Bring the turned matrices of blocks [from, to) up to date; nothing where there are none. */
void blocks_turn(const struct pass *p, int from, int to);

/* A block's weights as reals: where its matrices are narrow, those in tf->wide, to which block_widen() brings
 * them (and does nothing where none are). All threads together. widen.c */
struct block_view block_weights(const struct pass *p, int layer);
void block_widen(const struct pass *p, int layer);
bool block_is_narrow(const struct weights *w, int layer);

/* Where each block above `from` keeps its own from now on: in memory of gradients where `inside`, else in the
 * transformer's. Nothing without plan.in_grads. in_grads.c */
void blocks_place(struct transformer *tf, const struct weights *grads, const bool *learn, int from, bool inside);
/* Widths of the model's streams. memory.c */
struct widths widths_of(const struct model_config *c);

/* Call fn for every share of the pass; returns when all are done. */
void shares_run(const struct pass *p, void (*fn)(const struct share *s, void *ctx), void *ctx);
/* The same, and between them the tiles of a set that needs nothing of theirs. */
void shares_run_beside(const struct pass *p, const struct gemm_set *set,
                       void (*fn)(const struct share *s, void *ctx), void *ctx);
int shares_count(const struct pass *p);
/* Call fn for n single sequences, each a share of its own, whatever the pass's shares are. */
void sequences_run(const struct pass *p, const int *sequences, int n,
                   void (*fn)(const struct share *s, void *ctx), void *ctx);

/* Where a share's rows begin in [rows, width] of the whole batch; NULL stays NULL. */
static inline real *share_rows(const struct share *s, real *whole, int width) {
    return whole ? whole + (size_t)s->row * (size_t)width : NULL;
}
/* Where block `layer` of the share keeps what its backward needs, or works. */
struct block_kept share_block(const struct share *s, int layer);
/* Where the input of block `layer` stands; of block `layers`: the output of the last. */
real *share_stream(const struct share *s, int layer);

/* The norm of the family: y = norm(x); mean and rstd are kept. Bias and mean may be NULL (RMS). */
void norm_forward(const struct share *s, real *y, real *mean, real *rstd, const real *x,
                  const real *gain, const real *bias);
/* Queries and keys as attention sees them: rotated into lane->q/k, or in place inside qkv. */
struct qkv_view {
    const real *q, *k, *v;
};
struct qkv_view qk_prepare(const struct share *s, const struct block_kept *b,
                           const struct block_view *v);
/* Of `batch` sequences. */
struct attention_dims attention_dims_of(const struct model_config *c, int batch, int time);
struct attention_dims share_attention_dims(const struct share *s);
void activation_forward(const struct share *s, real *y, const real *up);

void embed_forward(const struct share *s);
/* Blocks [from, to), from the input of the first to that of the one behind the last. */
void blocks_forward(const struct share *s, int from, int to);
/* Make again what a block keeps, from its input alone: the same operations in the same order. */
void block_remake(const struct share *s, int layer);
/* Embedding and blocks below p->kept_from, or what is known of them. */
void prefix_forward(const struct pass *p, const struct prefix *prefix);
/* tf->normed = final norm of the last block's output. */
void top_forward(const struct share *s);

/* ---- adapter_pass.c; all do nothing where the block has no adapter at that map, or none is on ---- */

/* b->low[site] = s drop(x) A^T of x[rows, in], and y[rows, out] += low B^T. */
void adapter_forward(const struct share *s, const struct block_kept *b, int layer,
                     enum adapter_site site, real *y, const real *x);
void adapter_lower(const struct share *s, const struct block_kept *b, int layer,
                   enum adapter_site site, const real *x); /* b->low[site] alone */
/* f->d_low[site] = s dy B of dy[rows, out], and dx[rows, in] += drop(d_low A); dx may be NULL. */
void adapter_backward(const struct share *s, const struct block_factors *f, int layer,
                      enum adapter_site site, real *dx, const real *dy);
/* f->dropped[site] = drop(x), where any drops out. */
void adapter_keep_input(const struct share *s, const struct block_factors *f, int layer,
                        enum adapter_site site, const real *x);
/* The products that make gradients d, from dy and x of the whole batch; returns how many of out[] are set. */
enum { ADAPTER_PRODUCTS = 1 + ADAPTER_PARTS /* of one site at most */ };
int adapter_products(const struct pass *p, const struct adapter_view *d, int layer,
                     enum adapter_site site, const struct block_factors *f, const real *dy,
                     const real *x, struct gemm *out);

/* Mean of nll[rows] over the counted targets, summed in order. */
double mean_nll(const real *nll, const int32_t *targets, int rows);
#endif
