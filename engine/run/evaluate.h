/* evaluate.h - a model's loss on held-out text: always the same windows, so figures compare. */
#ifndef THAW_ENGINE_RUN_EVALUATE_H
#define THAW_ENGINE_RUN_EVALUATE_H
#include "engine/data/batcher.h"
#include "engine/model/transformer.h"
#include "engine/run/event.h"
#include "engine/run/probes.h"

/* The validation split of a source, cut into windows in an order that depends on nothing but the
 * text. */
struct eval_windows {
    int32_t *x, *y; /* [n, time]; y is LOSS_IGNORE where nothing is to be learned (corpus.h) */
    size_t n;
    int time;
    struct probes probes;   /* what the split asks */
    double bytes_per_token; /* of the predicted tokens; end-of-text counts as one, the newline */
};

/* At most max_tokens tokens (0: all), at least one window; a split shorter than `context` makes one
 * shorter window. ERR_RANGE when fewer than two tokens. `name` stands in messages. */
bool eval_windows_make(const struct corpus *c, const struct tokenizer *t, int context,
                       int64_t max_tokens, const char *name, struct eval_windows *out,
                       struct err *err);
void eval_windows_deinit(struct eval_windows *w);

/* Score `w` on the windows: the mean over all targets that count, `batch` of them at a time (what the transformer was made for), and on the
 * questions: accuracy is NAN when there are none. `tell` (NULL: nobody) hears after each batch how much of it is
 * done. */
struct event_score evaluate(struct transformer *tf, const struct weights *w, const struct eval_windows *e,
                            int batch, void (*tell)(void *ctx, double share), void *ctx);
/* Loss in nats per token to a score. */
struct event_score score_of(double loss, double bytes_per_token, double accuracy);
#endif
