/* transformer.h - a decoder-only transformer: forward and backward over a batch.
 *   x = embed(tokens);  per block: x += attn(norm1(x)); x += mlp(norm2(x));  logits = head(norm(x))
 * Holds activations for one batch shape; weights and gradients are the caller's, so the base and the
 * tuned model run through one transformer. No allocation after create.
 * Sources: Radford et al. 2019 (GPT-2); Touvron et al., arXiv 2302.13971; Qwen3, arXiv 2505.09388. */
#ifndef THAW_ENGINE_MODEL_TRANSFORMER_H
#define THAW_ENGINE_MODEL_TRANSFORMER_H
#include "engine/model/params.h"

struct transformer; /* opaque */

/* What memory is for: the most that fits, and what is kept of it. */
struct transformer_plan {
    int batch, time; /* sequences at a time, tokens of each */
    bool backward;   /* for training too: what the backward pass reads again is kept */
    bool recompute;  /* of that, only each block's input [batch * time, width]; the rest is made again
                        in one block's memory, for about a sixth more products in a step. The
                        gradients are the same bits */
    bool factors;    /* the gradient of the head's matrix is left as its factors (factored.h) by parts that are the
                        whole of their step: with room for them. Where factored_pays() */
    bool in_grads;   /* what a block keeps stands, as far as it fits, where the gradients of the block below it will be
                        laid down, by parts that are the whole of their step: those are made when it is no longer
                        needed. Where all threads work on one block at a time, and without recompute; else it is
                        of no effect */
    bool narrow;     /* blocks may be numbers of 16 bits (params.h): with room in which one block is widened at a
                        time. Only where transformer_widens() */
};

/* Whether the forward pass works with turned copies of the blocks' matrices. */
bool transformer_turns(const struct model_config *c, struct transformer_plan plan);
/* Whether narrow blocks can be computed with: where all threads work on one block at a time. The bits are those of the same
 * weights as reals. */
bool transformer_widens(const struct model_config *c, struct transformer_plan plan);
/* Bytes that transformer_create() will reserve. */
size_t transformer_bytes(const struct model_config *c, struct transformer_plan plan, int threads);
/* Those of them that are paid for while nothing below block `cut` learns. */
size_t transformer_bytes_above(const struct model_config *c, struct transformer_plan plan, int threads,
                               int cut);
/* Those of them that are not paid for, since plan.in_grads keeps them in memory of gradients that are paid for anyway,
 * while `learn` (NULL: all) says what learns. */
size_t transformer_bytes_in_grads(const struct param_table *t, struct transformer_plan plan, const bool *learn);
/* `ex` and `t` are borrowed for its life. Owner: the caller. */
struct transformer *transformer_create(const struct param_table *t, struct transformer_plan plan,
                                       struct exec *ex, struct err *err);
void transformer_destroy(struct transformer *tf); /* NULL is fine */

struct step_times {
    double forward, backward; /* seconds; the head's forward and backward are one pass, in forward
                                 where it only reads, in backward where gradients are wanted */
};

/* Forward only. tokens, targets [batch, time] (any batch and time up to those of the plan). nll[batch *
 * time] (may be NULL) in nats, hit (may be NULL): see loss_head(). Returns the mean nll over counted
 * targets (summed in double, in order). */
double transformer_loss(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        const int32_t *targets, int batch, int time, real *nll, uint8_t *hit);

/* Forward only, logits of every position: logits[batch*time, vocab]. For scoring short texts. */
void transformer_logits(struct transformer *tf, const struct weights *w, const int32_t *tokens,
                        int batch, int time, real *logits);

/* Blocks below the lowest group that learns, 0 where the embedding learns (learn NULL: all do): what
 * goes into block `cut` is a function of the tokens alone until the cut moves down. */
int transformer_cut(const struct param_table *t, const bool *learn);

/* What went into block `cut`, sequence by sequence, so that it need not be computed again. The bits do
 * not depend on which sequences are computed together (prefix.c). */
struct prefix {
    real *const *rows; /* [batch] each a sequence's [time, width]; NULL: not known, nor kept */
    const bool *known; /* [batch] it stands there already; else the pass puts it there */
};

/* Who wants to know when gradients are made: called during the backward pass, as soon as those of groups [first,
 * end) are what the pass makes of them; always in the same order, norm and head, the blocks from above (of the
 * lowest its mlp first), the embedding, and not below the cut. All threads rest meanwhile, and may be used. */
struct grads_ready {
    void (*tell)(void *ctx, int first, int end);
    void *ctx;
};

/* Part of a step's batch. */
struct train_part {
    const int32_t *tokens, *targets; /* [batch, time] */
    int batch, time;
    double weight; /* of its gradient: its share of the step's targets that count */
    bool first;    /* of its step: whatever the gradients held is overwritten, not added to */
    bool whole;    /* first, and nothing of its step follows: with plan.factors, grads->factored is set, and is
                      right until the next pass */
    struct {
        uint64_t key, row; /* the step's own; rows of the step before this part */
    } drop;                /* what of the adapters' inputs drops out (op_dropout.h) */
    const struct prefix *prefix; /* NULL: nothing is known or kept. Else with a cut above 0 only */
    const struct grads_ready *ready; /* NULL: nobody */
};

/* Forward and backward. ADDs the gradient of the mean nll, times the part's weight, into grads of groups
 * with learn[g] (but see part->first); those of others are not touched, and backward stops below the lowest group that learns.
 * learn NULL: all. times may be NULL. Returns the mean nll. */
double transformer_train(struct transformer *tf, const struct weights *w, struct weights *grads,
                         const bool *learn, const struct train_part *part,
                         struct step_times *times);

/* Targets that count (are not LOSS_IGNORE): what weighs a part of a batch against the whole. */
size_t targets_counted(const int32_t *targets, size_t rows);
#endif
