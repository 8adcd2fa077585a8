/* op_loss.h - the output head and its cross-entropy, in chunks of rows, so that all logits never
 * exist at once; the gradient is made in the logits' place. */
#ifndef THAW_ENGINE_NN_OP_LOSS_H
#define THAW_ENGINE_NN_OP_LOSS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/nn/blas.h"

struct loss_dims {
    int rows, width, vocab;
    real scale;     /* of the gradient: 1 / counted targets */
    bool overwrite; /* dW is laid down, not added to */
    bool keep;      /* the gradient of all logits is left in scratch, for loss_head_product() */
};

enum { LOSS_IGNORE = -1 }; /* a target that does not count */

/* Reals of scratch for one call. */
size_t loss_scratch(struct loss_dims d);
/* Rows of logits that exist at once: d.rows where all fit, or are kept. */
int loss_chunk(struct loss_dims d);
/* Reals from one row of logits to the next. */
int loss_stride(struct loss_dims d);

/* logits = x[rows,width] W[vocab,width]^T;  nll[r] = -log softmax(logits[r])[targets[r]] in nats,
 * 0 where the target is LOSS_IGNORE. hit[r] (may be NULL) is 1 where the target has the largest
 * logit. With dx or dW not NULL also scale * gradient of the sum of nll:
 *   dx[rows,width] = ...   dW[vocab,width] += ... */
void loss_head(struct exec *ex, real *nll, uint8_t *hit, real *dx, real *dW, const real *x,
               const real *W, const int32_t *targets, real *scratch, struct loss_dims d);

/* The product that makes dW of what d.keep left, for rows that may be those of several calls whose scratch
 * lay one behind the other, loss_stride() reals a row. */
struct gemm loss_head_product(real *dW, const real *kept, const real *x, struct loss_dims d);
#endif
