/* probes.h - questions in held-out text that have one right answer, and how many a model answers exactly.
 * An answer is right when every token of it, the end of the text included, is the model's likeliest after
 * the true ones before: then, and only then, does the model write just this answer at temperature 0. */
#ifndef THAW_ENGINE_RUN_PROBES_H
#define THAW_ENGINE_RUN_PROBES_H
#include "engine/data/corpus.h"
#include "engine/model/decode.h"
#include "engine/model/transformer.h"
#include "engine/run/chrf.h"

enum { PROBES_MAX = 128 };

struct probes {
    int32_t *x, *y; /* [n, time]; y is LOSS_IGNORE wherever no token of the answer is to be predicted */
    uint8_t *hit;   /* [n, time] scratch */
    size_t n;       /* 0: the text asks nothing */
    int time;
};

/* The first PROBES_MAX different units of `c` that ask something and fit into `time` tokens. */
bool probes_make(const struct corpus *c, const struct tokenizer *t, int time, struct probes *out,
                 struct err *err);
void probes_deinit(struct probes *p); /* leaves it empty */

/* The share of right answers; NAN when nothing is asked. `batch` questions at a time (what the transformer
 * was made for); `tell` (NULL: nobody) hears after each batch how much is done. */
double probes_accuracy(struct transformer *tf, const struct weights *w, const struct probes *p, int batch,
                       void (*tell)(void *ctx, double share), void *ctx);

/* Let the model write an answer to each question, at temperature 0, and add what it shares with the right one. Of at
 * most as many tokens as the longest question with its answer. The decoder is of so many tokens at least. */
bool probes_write(struct decoder *d, const struct weights *w, const struct tokenizer *t, const struct probes *p,
                  struct chrf *out, struct err *err);
#endif
