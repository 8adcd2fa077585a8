/* transformer_impl.h - what the forward (transformer.c, prefix.c) and backward (backward.c) passes share.
 * Private to this folder. */
#ifndef THAW_ENGINE_MODEL_TRANSFORMER_IMPL_H
#define THAW_ENGINE_MODEL_TRANSFORMER_IMPL_H
#include "engine/core/arena.h"
#include "engine/model/transformer.h"
#include "engine/nn/op_attention.h"
#include "engine/nn/op_loss.h"

/* Widths in reals, from the configuration. */
struct widths {
    int model;
    int q, kv, qkv; /* heads * head_dim, kv_heads * head_dim, q + 2 kv */
    int ffn, up;    /* up: 2 * ffn when gated (gate, then up), else ffn */
};

/* What a block's backward reads again. rows = batch * time. */
struct block_kept {
    real *x;               /* [rows, model] input: the residual stream */
    real *x_mid;           /* [rows, model] the stream between attention and mlp */
    real *mean1, *rstd1;   /* [rows] norm1's; means only for LayerNorm */
    real *mean2, *rstd2;   /* [rows] norm2's */
    real *qkv;             /* [rows, qkv] before QK-norm and rotation */
    real *q_rstd, *k_rstd; /* [rows, heads], [rows, kv_heads]: QK-norm only */
    real *attn, *lse;      /* [rows, q] attention's output; [batch, heads, time] */
    real *up;              /* [rows, up] the mlp before its activation */
};

/* Scratch of one phase; phases never overlap in time, so all begin at the same place. */
struct attn_scratch {
    real *q, *k;   /* [rows, q], [rows, kv]: after QK-norm and rotation */
    real *tiles;   /* attention_scratch() for each worker */
    real *d_attn;  /* [rows, q] */
    real *dqkv;    /* [rows, qkv] */
    real *dq, *dk; /* [rows, q], [rows, kv] */
};
struct mlp_scratch {
    real *act;   /* [rows, ffn] */
    real *d_act; /* [rows, ffn] */
    real *d_up;  /* [rows, up]; the same as d_act when not gated */
};

struct transformer {
    const struct param_table *table; /* borrowed */
    struct exec *ex;                 /* borrowed */
    struct arena *arena;
    struct widths width;
    struct transformer_plan plan;
    real *cosine, *sine;       /* [time, head_dim/2]; NULL without rotation */
    struct block_kept *blocks; /* [layers]; forward only: one for all. With plan.recompute only x
                                  is a block's own */
    real *x_top;               /* [rows, model] the last block's output (backward only) */
    real *normed, *d_norm;     /* [rows, model] a norm's output, and its gradient */
    real *top_mean, *top_rstd; /* [rows] the final norm's */
    real *dx;                  /* [rows, model] gradient of the residual stream */
    real *nll;                 /* [rows] where the caller wants none */
    struct attn_scratch attn;
    struct mlp_scratch mlp;
    real *logits; /* loss_scratch(): the head's phase */
    /* For training: forward passes of a sequence each, below what learns (prefix.c). */
    struct transformer *sequences; /* [n_sequences], in the first block's memory */
    struct block_kept *sequence_blocks;
    struct exec *sequence_execs;
    int n_sequences; /* one a thread; 1 where a batch has fewer */
    int *todo;                     /* [batch] */
};

/* One pass: its shape, its weights, and from which block on activations are kept. */
struct pass {
    struct transformer *tf;
    const struct weights *w;
    const int32_t *tokens;
    int batch, time, rows;
    int kept_from; /* blocks below share one block's memory; layers: none is kept */
    real *top;     /* [rows, model] where the last block's output goes: the final norm's input */
};

/* Where block `layer` keeps what its backward needs. */
struct block_kept *pass_block(const struct pass *p, int layer);

/* The norm of the family: y = norm(x); mean and rstd are kept. Bias and mean may be NULL (RMS).
 */
void norm_forward(const struct pass *p, real *y, real *mean, real *rstd, const real *x,
                  const real *gain, const real *bias);
/* Queries and keys as attention sees them: rotated into tf->attn.q/k, or in place inside qkv.
 */
struct qkv_view {
    const real *q, *k, *v;
};
struct qkv_view qk_prepare(const struct pass *p, struct block_kept *b,
                           const struct block_view *v);
struct attention_dims pass_attention_dims(const struct pass *p);
void activation_forward(const struct pass *p, real *y, const real *up);

/* Where a block's input stands; of block `layers`: the top. */
real *block_input(const struct pass *p, int layer);
void embed_forward(const struct pass *p); /* the first block's input */
/* Blocks [from, to), from the input of the first to that of the one behind the last. */
void blocks_forward(const struct pass *p, int from, int to);
/* Embedding and blocks below p->kept_from, or what is known of them. */
void prefix_forward(const struct pass *p, const struct prefix *prefix);
/* Make again what a block keeps, from its input alone: the same operations in the same order. */
void block_remake(const struct pass *p, int layer);
/* tf->normed = final norm of p->top. */
void top_forward(const struct pass *p);

/* Mean of nll[rows] over the counted targets, summed in order. */
double mean_nll(const real *nll, const int32_t *targets, int rows);
#endif
