/* text_stream.h - a text as it comes out of a model, token by token, and how it is drawn. It ends before the
 * first of the texts to stop at; what may yet become one is not shown. */
#ifndef THAW_SRC_TEXT_STREAM_H
#define THAW_SRC_TEXT_STREAM_H
#include <signal.h>

#include "engine/run/sample.h"
#include "src/cli.h"
#include "src/model_arg.h"

/* How tokens are drawn, and how long a text may become. */
struct sampling {
    int64_t tokens, top_k, seed;
    double temperature, top_p, min_p, penalty;
    struct cli_texts stops;
};
/* The defaults, but for `tokens`. */
#define SAMPLING_DEFAULTS .top_k = 40, .seed = 1, .temperature = 0.8, .top_p = 1, .penalty = 1

/* The options for a command's table (cli.h). */
#define SAMPLING_OPTIONS(o)                                                                    \
    {"--temperature",                                                                          \
     "T",                                                                                      \
     "how daring; 0 takes the likeliest (0.8)",                                                \
     CLI_REAL,                                                                                 \
     &(o).temperature,                                                                         \
     0,                                                                                        \
     100},                                                                                     \
        {"--top-k", "K", "draw from the K likeliest; 0: from all (40)", CLI_WHOLE,             \
         &(o).top_k, 0, 1e6},                                                                  \
        {"--top-p",                                                                            \
         "P",                                                                                  \
         "draw from the likeliest that together have this share; 1: from all (1)",             \
         CLI_REAL,                                                                             \
         &(o).top_p,                                                                           \
         0.001,                                                                                \
         1},                                                                                   \
        {"--min-p", "P", "only what has this much of the likeliest's share; 0: all (0)",       \
         CLI_REAL, &(o).min_p, 0, 1},                                                          \
        {"--repetition-penalty",                                                               \
         "X",                                                                                  \
         "above 1 makes what was there before less likely (1)",                                \
         CLI_REAL,                                                                             \
         &(o).penalty,                                                                         \
         0.1,                                                                                  \
         10},                                                                                  \
        {"--stop", "TEXT", "end before this text; may be given several times", CLI_TEXTS,      \
         &(o).stops, 0, 0},                                                                    \
    {                                                                                          \
        "--seed", "S", "of the draw (1)", CLI_WHOLE, &(o).seed, 0, 9007199254740991.0          \
    }

/* Complain of a text to stop at that is empty: the exit status then, else CLI_OK. */
int sampling_check(const struct sampling *o);
/* `turn`: which text of one seed it is. */
struct sampler sampling_make(const struct sampling *o, uint64_t turn);

struct text_stream {
    /* set by the caller, borrowed */
    const struct model *model;
    const struct cli_texts *stops;
    bool silent;                       /* nothing is printed */
    bool trimmed;                      /* blanks in front of it are no part of it */
    const volatile sig_atomic_t *halt; /* ends the text when it is not 0; may be NULL */
    struct ids ids;                    /* the prompt's, then those that were made */
    size_t n_prompt;
    /* begin zeroed */
    struct token_text state;
    struct buf text; /* of all tokens so far, up to where it stops */
    size_t shown;    /* bytes of it that are printed */
    bool stopped;    /* at one of the texts */
};

/* For generate_plan.token: ctx is the stream. False: the text is over. */
bool text_stream_token(void *ctx, int32_t id);
/* Show what was held back, and what is left of a character that never became whole. */
void text_stream_end(struct text_stream *s);
void text_stream_deinit(struct text_stream *s);
#endif
