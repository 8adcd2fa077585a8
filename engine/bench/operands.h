/* operands.h - memory for every op at a model's shapes, and how each is called. Private to this folder. */
#ifndef THAW_ENGINE_BENCH_OPERANDS_H
#define THAW_ENGINE_BENCH_OPERANDS_H
#include "engine/bench/parts.h"

struct operands {
    struct bench *b; /* borrowed: model, gradients, optimizer, a batch of tokens */
    struct arena *memory;
    int rows, q, kv, qkv, up;          /* widths as in transformer_impl.h */
    real *x, *y, *dx, *dy;             /* [rows, max(width, q)] */
    real *wide, *dwide;                /* [rows, max(qkv, up)] */
    real *act, *dact;                  /* [rows, ffn] */
    real *queries, *keys, *attn, *lse; /* what attention reads where rotated, and what it keeps */
    real *mean, *rstd, *q_rstd, *k_rstd;
    real *cosine, *sine, *tiles, *logits, *nll;
};

/* False with ERR_NOMEM; deinit all the same. */
bool operands_init(struct operands *o, struct bench *b, struct err *err);
void operands_deinit(struct operands *o);

enum op_kind {
    OP_EMBED,
    OP_EMBED_BACKWARD,
    OP_NORM,
    OP_NORM_BACKWARD,
    OP_LINEAR,
    OP_GRADIENTS, /* of a linear map: dW, dx or both at once */
    OP_BIAS,      /* the gradient of its bias */
    OP_QK,        /* norm and rotation of queries and of keys */
    OP_QK_BACKWARD,
    OP_ATTENTION,
    OP_ATTENTION_BACKWARD,
    OP_ACTIVATION,
    OP_ACTIVATION_BACKWARD,
    OP_HEAD, /* logits, loss and all their gradients */
    OP_GRADS_NORM,
    OP_UPDATE,
    OP_KINDS
};

struct op_call {
    enum op_kind kind;
    int layer;                /* whose weights and gradients */
    enum block_matrix matrix; /* LINEAR, GRADIENTS, BIAS */
    bool dw, dx;              /* GRADIENTS; dx: HEAD's, too */
};

/* As the passes (model/transformer.c, backward.c) and the trainer do it. */
void operands_run(struct operands *o, const struct op_call *c);
#endif
