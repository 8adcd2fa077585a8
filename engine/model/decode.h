/* decode.h - one token at a time, with a cache of keys and values, and the choice of the next token. */
#ifndef THAW_ENGINE_MODEL_DECODE_H
#define THAW_ENGINE_MODEL_DECODE_H
#include "engine/core/rng.h"
#include "engine/model/params.h"

struct decoder; /* opaque: cache and scratch for one sequence */

/* Bytes that decoder_create() will reserve. */
size_t decoder_bytes(const struct model_config *c);
struct decoder *decoder_create(const struct param_table *t, struct exec *ex, struct err *err);
void decoder_destroy(struct decoder *d); /* NULL is fine */
void decoder_reset(struct decoder *d);   /* forget the sequence */
int decoder_length(const struct decoder *d);

/* Feed one token (in range); returns the logits [vocab] for the next, valid until the next call, or
 * NULL when the context is full. Weights must stay the same between resets. Numerically equal to
 * transformer_logits() up to rounding. */
const real *decoder_feed(struct decoder *d, const struct weights *w, int32_t token);

struct sampler {
    double temperature; /* 0: the most likely token */
    int top_k;          /* 0: all */
    struct rng rng;
};
/* Choose from logits[vocab]; *logprob (may be NULL) gets the chosen one's log-probability under the
 * plain softmax (temperature 1, no cut). Ties go to the lower id. scratch[vocab]. */
int32_t sampler_choose(struct sampler *s, const real *logits, int vocab, real *scratch,
                       double *logprob);
#endif
