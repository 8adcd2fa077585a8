/* comparison.h - base and tuned model on the same text, token by token. */
#ifndef THAW_ENGINE_RUN_COMPARISON_H
#define THAW_ENGINE_RUN_COMPARISON_H
#include "engine/data/tokenizer.h"
#include "engine/model/transformer.h"
#include "engine/run/event.h"

enum { COMPARISON_TOP = 5 };

/* Tokens ids[n_prompt..n) of a text, as event_sample wants them. Owner: the caller. */
struct comparison {
    struct event_token *tokens;
    int n;
    double mean_logprob, mean_gain, kl; /* nats a token; gain and KL(tuned||base) NaN without a base */
    struct buf text;                    /* what the tokens' texts joined are */
    struct event_top *tops;             /* memory of the tokens' tops */
    char **strings;                     /* memory of the texts */
    size_t n_strings;
};

/* A model and what it runs through; both may share one transformer when they have one shape. */
struct compared {
    struct transformer *transformer;
    const struct weights *weights; /* NULL: there is no such model */
};

/* Run `tuned` and, when there is one, `base` over ids[0..n), 1 <= n_prompt <= n <= context + 1. logprob
 * and top are tuned's, gain is tuned minus base. To describe the base's own text, call with base and
 * tuned exchanged: the gain is then that of the base over the tuned. Both have the vocabulary of `t`. */
bool compare_ids(struct compared tuned, struct compared base, const struct tokenizer *t,
                 const int32_t *ids, size_t n_prompt, size_t n, struct comparison *out,
                 struct err *err);
void comparison_deinit(struct comparison *c);
#endif
