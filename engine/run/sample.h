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

/* The same for a question to a model that was taught to answer: a turn of the user in its chat template
 * (chat_for()), up to where the answer begins. */
bool question_encode_within(struct tokenizer *t, const char *question, int context, struct ids *out,
                            struct err *err);

/* One text to be made. */
struct generate_plan {
    const int32_t *prompt; /* [n_prompt], at least one */
    size_t n_prompt;
    int tokens; /* at most; fewer when the model ends the text (tokenizer_is_end()) */
    struct sampler sampler;
    /* Called after each token (may be NULL); false ends the generation. */
    bool (*token)(void *ctx, int32_t id);
    void *ctx;
    struct ids *out; /* the generated ids (the prompt's and the one that ends it not among them) are
                        appended; may hold the prompt */
};
/* Make n texts, as many at once as the decoder has sequences (which are reset first). Each is what it
 * would be alone, and ends by itself. When a context is full its text goes on from its last half. */
bool generate(struct decoder *d, const struct weights *w, const struct tokenizer *t,
              const struct generate_plan *plans, int n, struct err *err);

/* How many sequences a decoder for n texts should have: each wants memory for its cache, and beyond
 * these the products take as long as reading the weights. */
int generate_together(int n);

/* A prompt and what a model goes on with. */
struct prompt_answer {
    struct sampler sampler;
    struct ids ids;  /* the prompt's tokens, see prompt_encode_within(); then the answer's */
    size_t n_prompt; /* how many are the prompt's */
};
/* Go on with n prompts by `tokens` at most each, and at most so much that all of a text fits into
 * `context` tokens. Sets n_prompt. */
bool answer_prompts(struct decoder *d, const struct weights *w, const struct tokenizer *t,
                    struct prompt_answer *const *answers, int n, int tokens, int context,
                    struct err *err);

/* Log-probability of each of ids[1..n) given those before it, into logprob[1..n); logprob[0] is NaN.
 * Texts longer than the context are scored in windows that overlap by half. `tf` of batch >= 1. `tell` (NULL:
 * nobody) hears after each window how much is done. */
bool score_ids(struct transformer *tf, const struct weights *w, const int32_t *ids, size_t n,
               int context, double *logprob, void (*tell)(void *ctx, double share), void *ctx,
               struct err *err);
#endif
