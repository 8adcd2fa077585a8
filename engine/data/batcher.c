#include "engine/data/batcher.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"

enum { MAIN, REPLAY, N_STREAMS }; /* each its own random numbers */

/* One corpus in the order of one epoch. */
struct stream {
    const struct corpus *data; /* NULL: unused */
    size_t windows;            /* in an epoch */
    size_t *order;             /* [n_units] units, shuffled */
    size_t *ends;              /* [n_units] tokens up to and with order[i] */
    uint64_t epoch;            /* that order and ends are of */
    bool shuffled;             /* false: not yet of any */
};

struct batcher {
    struct batcher_plan plan;
    struct stream streams[N_STREAMS];
};

/* Fisher and Yates' shuffle, from the unit's own order: any epoch can be made out of turn. */
static void shuffle(const struct batcher *b, struct stream *s, uint64_t epoch) {
    uint64_t name = (uint64_t)b->plan.stage * N_STREAMS + (s == &b->streams[REPLAY]);
    struct rng rng = rng_make(b->plan.seed, name, epoch);
    size_t n = s->data->n_units, total = 0;
    for (size_t i = 0; i < n; i++) s->order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)rng_below(&rng, i), moved = s->order[i - 1];
        s->order[i - 1] = s->order[k];
        s->order[k] = moved;
    }
    for (size_t i = 0; i < n; i++) {
        total += s->data->starts[s->order[i] + 1] - s->data->starts[s->order[i]];
        s->ends[i] = total;
    }
    s->epoch = epoch;
    s->shuffled = true;
}

/* The place in order of the unit that holds token `at` of the epoch. */
static size_t unit_at(const struct stream *s, size_t at) {
    size_t low = 0, high = s->data->n_units - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->ends[middle] <= at) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Tokens [at, at + n) of the epoch, into out. */
static void copy_tokens(const struct stream *s, size_t at, size_t n, int32_t *out) {
    for (size_t i = unit_at(s, at); n > 0; i++) {
        size_t take = s->ends[i] - at; /* left of the unit, an end-of-text included */
        const int32_t *end = s->data->tokens + s->data->starts[s->order[i] + 1];
        size_t used = take < n ? take : n;
        memcpy(out, end - take, used * sizeof *out);
        out += used;
        at += used;
        n -= used;
    }
}

static void fill_row(const struct batcher *b, struct stream *s, uint64_t window, int32_t *x,
                     int32_t *y) {
    size_t context = (size_t)b->plan.context, at = (size_t)(window % s->windows) * context;
    uint64_t epoch = window / s->windows;
    if (!s->shuffled || s->epoch != epoch) shuffle(b, s, epoch);
    copy_tokens(s, at, context, x);
    copy_tokens(s, at + 1, context, y);
}

static bool is_replay(const struct batcher *b, int64_t step, int row) {
    if (!b->plan.replay) return false;
    uint64_t place = (uint64_t)step * (uint64_t)b->plan.batch + (uint64_t)row;
    struct rng rng = rng_make(~b->plan.seed, (uint64_t)b->plan.stage, place);
    return rng_uniform(&rng) < b->plan.replay_share;
}

enum { LEAST_CONTEXT = 8 }; /* of the settings' range */

static bool stream_init(struct stream *s, const struct corpus *data, int context,
                        const char *what, struct err *err) {
    size_t n = (size_t)context;
    if (data->n_tokens < n + 1) {
        char shorter[64] = ""; /* the other remedy, where the text would fill a window at all */
        if (data->n_tokens > LEAST_CONTEXT)
            snprintf(shorter, sizeof shorter, ", or set model.context to %zu or less",
                     data->n_tokens - 1);
        return err_set(err, ERR_RANGE,
                       "the %s has %zu tokens, but one window needs %zu (context %d and one "
                       "more): give more text%s",
                       what, data->n_tokens, n + 1, context, shorter);
    }
    s->data = data;
    s->windows = (data->n_tokens - 1) / n;
    s->order = malloc(data->n_units * sizeof *s->order);
    s->ends = malloc(data->n_units * sizeof *s->ends);
    return (s->order && s->ends) ||
           err_set(err, ERR_NOMEM, "no memory for the order of %zu pieces", data->n_units);
}

struct batcher *batcher_create(const struct batcher_plan *plan, struct err *err) {
    assert(plan->batch > 0 && plan->context > 0);
    struct batcher *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(err, ERR_NOMEM, "no memory for a batcher");
        return NULL;
    }
    b->plan = *plan;
    if (stream_init(&b->streams[MAIN], plan->data, plan->context, "training text", err) &&
        (!plan->replay ||
         stream_init(&b->streams[REPLAY], plan->replay, plan->context, "replay text", err)))
        return b;
    batcher_destroy(b);
    return NULL;
}

void batcher_destroy(struct batcher *b) {
    if (!b) return;
    for (int i = 0; i < N_STREAMS; i++) {
        free(b->streams[i].order);
        free(b->streams[i].ends);
    }
    free(b);
}

void batcher_fill(struct batcher *b, int64_t step, int32_t *x, int32_t *y) {
    for (int row = 0; row < b->plan.batch; row++) {
        struct stream *s = &b->streams[is_replay(b, step, row) ? REPLAY : MAIN];
        uint64_t window = (uint64_t)step * (uint64_t)b->plan.batch + (uint64_t)row;
        size_t offset = (size_t)row * (size_t)b->plan.context;
        fill_row(b, s, window, x + offset, y + offset);
    }
}

size_t batcher_windows(const struct batcher *b) { return b->streams[MAIN].windows; }
