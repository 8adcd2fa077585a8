/* batcher.h - the batch of a step, as a function of (seed, stage, step) alone.
 * The units are shuffled once for a stage, joined, and cut into windows of `context` + 1 tokens that
 * overlap by one. The first epoch reads the windows in that order, every later one in an order of its
 * own: a window comes back whole, under the same number, so that what was computed for it can be
 * kept (engine/run/prefix_cache.h). Fewer than `context` tokens at the end are in no window. Window
 * number step * batch + row is row's.
 * So texts are packed: a window holds the end of one, the end-of-text between, the next, and attention
 * reaches across, as in GPT's pre-training. Where the corpus says that units stand alone (corpus.h) a window
 * is one unit: cut after `context` tokens, or padded. A target that is not learned is LOSS_IGNORE, and the
 * loss of a step is the mean over all targets of the batch that count, however they are spread over rows and
 * micro batches. A window without any such target is none: so each row has something to learn.
 * Because nothing is remembered from step to step, resume,
 * rollback and fork need no cursor. No allocation after create. */
#ifndef THAW_ENGINE_DATA_BATCHER_H
#define THAW_ENGINE_DATA_BATCHER_H
#include "engine/data/corpus.h"

struct batcher; /* opaque */

struct batcher_plan {
    int batch, context; /* rows, tokens a row */
    uint64_t seed;
    int stage;
    const struct corpus *data;   /* borrowed for the batcher's life */
    const struct corpus *replay; /* NULL: none */
    double replay_share; /* of rows, in [0, 1): chosen by a hash of (seed, stage, step, row) */
};

/* ERR_RANGE when a corpus is shorter than one window, saying both lengths and what to do. */
struct batcher *batcher_create(const struct batcher_plan *plan, struct err *err);
void batcher_destroy(struct batcher *b); /* NULL is fine */

/* x[batch, context], y[batch, context]: y is x moved on by one, LOSS_IGNORE where nothing is to be learned.
 * Padding is token 0 in x. ids[batch] (may be NULL): which
 * window a row is, below batcher_distinct(); the same id is the same tokens, whatever the step. */
void batcher_fill(struct batcher *b, int64_t step, int32_t *x, int32_t *y, size_t *ids);
/* Windows in one epoch of the main corpus. */
size_t batcher_windows(const struct batcher *b);
/* Windows of both corpora: first the main one's, then the replay's. */
size_t batcher_distinct(const struct batcher *b);
/* Units of both corpora that stand alone and were cut, and those of them, or others, that are left out, as
 * within `context` tokens they have nothing to learn. */
struct batcher_losses {
    size_t cut, left_out;
};
struct batcher_losses batcher_losses(const struct batcher *b);
/* Whether `steps` steps can bring some window twice. */
bool batcher_repeats(const struct batcher *b, int64_t steps);
#endif
