/* op_loss.h - the output head and its cross-entropy, in chunks of rows, so that all logits never
 * exist at once; the gradient is made in the logits' place. */
#ifndef THAW_ENGINE_NN_OP_LOSS_H
#define THAW_ENGINE_NN_OP_LOSS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/nn/exec.h"

struct loss_dims {
    int rows, width, vocab;
    real scale;     /* of the gradient: 1 / counted targets */
    bool overwrite; /* dW is laid down, not added to */
};

enum { LOSS_IGNORE = -1 }; /* a target that does not count */

/* Reals of scratch for one call. */
size_t loss_scratch(struct loss_dims d);

/* logits = x[rows,width] W[vocab,width]^T;  nll[r] = -log softmax(logits[r])[targets[r]] in nats,
 * 0 where the target is LOSS_IGNORE. hit[r] (may be NULL) is 1 where the target has the largest
 * logit. With dx or dW not NULL ADDs scale * gradient of the sum of nll:
 *   dx[rows,width] += ...   dW[vocab,width] += ...  */
void loss_head(struct exec *ex, real *nll, uint8_t *hit, real *dx, real *dW, const real *x,
               const real *W, const int32_t *targets, real *scratch, struct loss_dims d);
#endif
