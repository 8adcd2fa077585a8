/* sample.h - text out of a model, and a model's opinion of given text. */
#ifndef THAW_ENGINE_RUN_SAMPLE_H
#define THAW_ENGINE_RUN_SAMPLE_H
#include "engine/data/tokenizer.h"
#include "engine/model/decode.h"
#include "engine/model/transformer.h"

/* The prompt as the model saw such text in training: an end-of-text token, then the prompt's tokens
 * (blanks at its end dropped: a token carries the blank in front of it). */
bool prompt_encode(struct tokenizer *t, const char *prompt, struct ids *out, struct err *err);

/* The same for a text that is to be compared, so that it must fit into `context` tokens with room for
 * one more: ERR_RANGE when it does not, or is empty. */
bool prompt_encode_within(struct tokenizer *t, const char *prompt, int context, struct ids *out,
                          struct err *err);

struct generate_plan {
    int tokens;              /* at most; fewer when the model ends the text */
    struct sampler sampler;
    struct decoder *decoder; /* is reset first */
    /* Called after each token (may be NULL); false ends the generation. */
    bool (*token)(void *ctx, int32_t id);
    void *ctx;
};
/* Append the generated ids (the prompt's and the end-of-text token not among them) to out, which may
 * hold the prompt. When the context is full the text goes on from its last half. */
bool generate(const struct generate_plan *plan, const struct weights *w, const struct tokenizer *t,
              const int32_t *prompt, size_t n_prompt, struct ids *out, struct err *err);

/* A prompt and what the model goes on with, at most so much that all of it fits into `context`
 * tokens: into `ids`, empty before, of which the first *n_prompt are the prompt's. */
bool answer_prompt(const struct generate_plan *plan, const struct weights *w, struct tokenizer *t,
                   const char *prompt, int context, struct ids *ids, size_t *n_prompt,
                   struct err *err);

/* Log-probability of each of ids[1..n) given those before it, into logprob[1..n); logprob[0] is NaN.
 * Texts longer than the context are scored in windows that overlap by half. `tf` of batch >= 1. */
bool score_ids(struct transformer *tf, const struct weights *w, const int32_t *ids, size_t n,
               int context, double *logprob, struct err *err);
#endif
