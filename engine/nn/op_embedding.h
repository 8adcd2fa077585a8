/* op_embedding.h - token vectors, with learned positions where the family has them. */
#ifndef THAW_ENGINE_NN_OP_EMBEDDING_H
#define THAW_ENGINE_NN_OP_EMBEDDING_H
#include <stdint.h>

#include "engine/nn/exec.h"

struct embedding_dims {
    int rows, time, width; /* the position of row r is r % time */
};

/* y[rows,width] = W[token] (+ P[position]).  P[context,width] NULL: none.  Tokens are in range. */
void embedding_forward(struct exec *ex, real *y, const int32_t *tokens, const real *W,
                       const real *P, struct embedding_dims d);
/* ADDs into dW and dP; each may be NULL. Rows are added in order: same bits for any thread count. */
void embedding_backward(struct exec *ex, real *dW, real *dP, const real *dy, const int32_t *tokens,
                        struct embedding_dims d);
#endif
