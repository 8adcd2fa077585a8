/* decode.h - texts token by token, with a cache of keys and values, and the choice of the next token.
 * A decoder holds several sequences. Tokens that are fed together share one pass over the weights,
 * whose reading takes nearly all of the time: four texts cost little more than one, and a prompt far
 * less than its tokens one by one. */
#ifndef THAW_ENGINE_MODEL_DECODE_H
#define THAW_ENGINE_MODEL_DECODE_H
#include "engine/core/rng.h"
#include "engine/model/params.h"

struct decoder; /* opaque: caches, and scratch for tokens fed together */

/* Bytes that decoder_create() will reserve; a cache's pages are paid for as its text grows. */
size_t decoder_bytes(const struct model_config *c, int sequences);
/* `t` and `ex` are borrowed for its life. sequences >= 1. Owner: the caller. */
struct decoder *decoder_create(const struct param_table *t, int sequences, struct exec *ex,
                               struct err *err);
/* The same for texts of at most `context` tokens, where the model could look back further. */
struct decoder *decoder_create_short(const struct param_table *t, int sequences, int context, struct exec *ex,
                                     struct err *err);
void decoder_destroy(struct decoder *d); /* NULL is fine */

int decoder_sequences(const struct decoder *d);
void decoder_reset(struct decoder *d, int sequence); /* forget its tokens */
int decoder_length(const struct decoder *d, int sequence);

struct decoder_token {
    int sequence;
    int32_t id; /* in range */
};

/* Feed tokens[n]: those of one sequence in their order, sequences mixed as you like. False, and
 * nothing is fed, when one's context would overflow. A sequence's weights must stay the same between
 * resets; all tokens of a call share them. Numerically equal to transformer_logits() up to rounding,
 * and the same bits however tokens were grouped into calls, beside whatever sequences. */
bool decoder_feed(struct decoder *d, const struct weights *w, const struct decoder_token *tokens,
                  int n);
/* Logits [vocab] for what follows the sequence; it was among those of the last feed. Valid until the
 * next. */
const real *decoder_logits(const struct decoder *d, int sequence);

/* How a token is drawn, in this order: the penalty, the temperature, the three cuts. */
struct sampler {
    double temperature; /* 0: the most likely token */
    int top_k;          /* only the k likeliest; 0: all */
    struct rng rng;
    double top_p;   /* only the likeliest that together have this share; 0: all. Holtzman et al., 1904.09751 */
    double min_p;   /* only those at least this much of the likeliest's share; 0: all. Nguyen et al., 2407.01082 */
    double penalty; /* of tokens that were there before: logits above 0 are divided by it, others multiplied;
                       0 or 1: none. Keskar et al., arXiv 1909.05858 */
};
/* Choose from logits[vocab] for what follows before[n_before]; *logprob (may be NULL) gets the chosen one's
 * log-probability under the plain softmax (temperature 1, no penalty, no cut). Ties go to the lower id.
 * scratch[2 * vocab]. */
int32_t sampler_choose(struct sampler *s, const real *logits, int vocab, const int32_t *before,
                       size_t n_before, real *scratch, double *logprob);
#endif
