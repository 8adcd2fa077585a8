/* backward.h - private to model/: what the blocks' way down (backward.c), the head and the embedding (head.c) and the
 * step that calls them (train.c) have of each other. */
#ifndef THAW_ENGINE_MODEL_BACKWARD_H
#define THAW_ENGINE_MODEL_BACKWARD_H
#include "engine/model/transformer_impl.h"
#include "engine/nn/blas.h"
#include "engine/nn/op_loss.h"

/* ---- backward.c ---- */

/* Products of which none needs another's result. */
struct products {
    struct gemm list[BLAS_MAX_GEMMS];
    int n, of_mlp; /* of a block, so many in front are its mlp's */
};

/* Blocks [from, to), from above. `due`: of what lies above the block at hand, to run beside its shares. */
void blocks_backward(const struct pass *p, const struct weights *grads, const bool *learn, int from, int to,
                     struct products due);
/* The gradient of what goes into block `layer`, which is what comes out of the one below. */
real *stream_gradient(const struct transformer *tf, int layer);
/* Where a share adds up the gradients of vectors. */
real *share_sums(const struct transformer *tf, int share);
/* A share's sums to a vector's gradient, which the first may lay down; `to` may be NULL. */
void add_sums(real *to, const real *sum, int width, bool lay);
/* dx = onto + ..., dgain += ..., dbias += ...; each may be NULL. */
void norm_backward(struct exec *ex, const struct model_config *c, int rows, real *dx, const real *onto, real *dgain,
                   real *dbias, const real *dy, const real *x, const real *mean, const real *rstd,
                   const real *gain);

/* ---- head.c ---- */

/* Final norm, head and loss. */
struct head_task {
    struct outer_view w, d; /* d: NULL where frozen */
    const int32_t *targets;
    struct loss_dims dims; /* of the whole batch */
    bool below;            /* something below the final norm learns */
    bool factored;         /* the gradient of the head's matrix stays in factors; d.head is NULL */
};
struct head_task head_of(const struct pass *p, const struct weights *grads, const bool *learn,
                         const struct train_part *part, bool below);
/* The whole batch, all threads in each operation. */
void head_pass(const struct pass *p, const struct head_task *h);
/* A share's rows. The head's gradient waits for the others; of the final norm's it sums its own. */
void head_share(const struct share *s, const struct head_task *h);
/* What the shares have left to do of it. */
struct products head_finish(const struct pass *p, const struct head_task *h);
/* What the pass has left of the head's gradient: of a factored task. */
const struct factored *head_factors(const struct pass *p, const struct head_task *h);
/* From the stream's gradient to the token vectors'. `factored`: that of the tied matrix is. */
void embed_backward(const struct pass *p, const struct weights *grads, const bool *learn, bool factored);
#endif
