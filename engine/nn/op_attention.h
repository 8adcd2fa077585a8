/* op_attention.h - causal softmax attention in blocks, with grouped KV heads.
 * Memory is linear in time: scores exist for one block of queries by one block of keys at a time, and
 * the backward makes them again from the kept log-sum-exp.
 * Source: Dao et al., arXiv 2205.14135 (FlashAttention); Ainslie et al., arXiv 2305.13245 (GQA). */
#ifndef THAW_ENGINE_NN_OP_ATTENTION_H
#define THAW_ENGINE_NN_OP_ATTENTION_H
#include <stddef.h>

#include "engine/nn/exec.h"

struct attention_dims {
    int batch, time, heads, kv_heads, head_dim; /* heads % kv_heads == 0 */
    int q_stride, k_stride, v_stride;           /* reals from one token's row to the next */
    int dq_stride, dk_stride, dv_stride;        /* backward's outputs */
};

/* Reals of scratch that one worker needs. */
size_t attention_scratch(struct attention_dims d);

/* out[batch*time, heads*head_dim] (dense), lse[batch, heads, time] = log sum exp of the scaled scores.
 * Scale 1/sqrt(head_dim). scratch: attention_scratch() for each of pool_threads() workers. */
void attention_forward(struct exec *ex, real *out, real *lse, const real *q, const real *k,
                       const real *v, real *scratch, struct attention_dims d);
/* Flop of one product of every query with the keys up to the end of its block. Forward makes two such
 * products, backward five. Strides do not matter. */
uint64_t attention_product_flops(struct attention_dims d);

/* Overwrites dq, dk, dv. dout and out are dense. */
void attention_backward(struct exec *ex, real *dq, real *dk, real *dv, const real *dout,
                        const real *out, const real *lse, const real *q, const real *k,
                        const real *v, real *scratch, struct attention_dims d);
#endif
