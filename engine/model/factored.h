/* factored.h - the gradient of the head's matrix, kept as the factors that it is a product of. With a large
 * vocabulary and few rows a step it is the largest thing that a step makes, and is only read twice: for its norm
 * and by the update. So it is never made as a whole: with G[rows, vocab] the gradient of the logits, X[rows, width]
 * what the head saw, and, where the head is the embedding too (tied), E[rows, width] the gradient of the token
 * vectors that went in,
 *     dW[vocab, width] = G^T X + S,    S[t] = the sum of E[r] over rows r whose token is t
 * an update makes some rows of it at a time, and uses them up while they are in the cache; and the norm comes from
 * products of rows with rows: ||A^T B||^2 = sum over i, j of (A A^T)[i,j] (B B^T)[i,j]. */
#ifndef THAW_ENGINE_MODEL_FACTORED_H
#define THAW_ENGINE_MODEL_FACTORED_H
#include "engine/model/params.h"

/* Rows of dW in a tile: a product near its full speed, whose result stays in the second-nearest cache. */
enum { FACTORED_ROWS = 384 };

struct factored {
    int param;                   /* of the table; its memory in the gradients is not touched */
    int rows, width, vocab;
    int stride;                  /* reals from one row of G to the next */
    const real *G, *X;
    const real *E;               /* NULL: no S */
    const int32_t *tokens;       /* [rows]; with E only */
    real *gram[2];               /* [rows, rows] of scratch each */
    real *tile;                  /* [threads, FACTORED_ROWS * width]: where a worker makes its rows of dW */
};

/* Whether factors take less than the gradient does, and no more time: a large matrix, and at most half as many
 * rows as it is wide. */
bool factored_pays(const struct model_config *c, size_t rows);
/* The row of the table that is the head's matrix: the embedding's where they are one. */
int factored_param(const struct param_table *t);

/* ||dW||^2. Not finite where G, X or E are not. The same bits for any number of threads. */
double factored_squares(struct exec *ex, const struct factored *f);
/* Tiles that dW is cut into, by its shape alone. */
int factored_tiles(const struct factored *f);
/* Rows [*from, *from + *n) of dW, those of a tile, in the memory of `worker`; on the caller's thread. */
const real *factored_tile(const struct factored *f, int tile, int worker, int *from, int *n);
#endif
