#include "engine/data/batcher.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"
#include "engine/nn/op_loss.h"

enum { MAIN, REPLAY, N_STREAMS }; /* each its own random numbers */

/* A corpus may have many millions of units, in a file larger than memory: four bytes are kept
 * for each, and four a window. Where units lie is found by marks that stand at every
 * MARK_EVERYth of them. */
enum { MARK_EVERY = 16 };

/* One corpus, joined in the stage's order and cut into windows. */
struct stream {
    const struct corpus *data; /* NULL: unused */
    uint32_t *order;           /* [n_units] units, shuffled */
    size_t *marks;             /* [n_marks] tokens in front of order[i * MARK_EVERY] */
    size_t n_marks;
    size_t windows;  /* in an epoch */
    uint32_t *kept;  /* [windows] which of the corpus's windows; NULL: all, in their order */
    uint32_t *turns; /* [windows] in the order of one epoch */
    uint64_t epoch;  /* that turns are of */
    size_t visited;  /* units since a mapped file's pages were last given back */
};

struct batcher {
    struct batcher_plan plan;
    struct stream streams[N_STREAMS];
};

/* Fisher and Yates' shuffle of 0, 1, ... n - 1: any epoch can be made out of turn. */
static void shuffle(uint32_t *order, size_t n, struct rng rng) {
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t k = (uint32_t)rng_below(&rng, i), moved = order[i - 1];
        order[i - 1] = order[k];
        order[k] = moved;
    }
}

/* Epoch 0's numbers are those of the units: its windows are in their order. */
static struct rng stream_rng(const struct batcher *b, const struct stream *s, uint64_t epoch) {
    uint64_t name = (uint64_t)b->plan.stage * N_STREAMS + (s == &b->streams[REPLAY]);
    return rng_make(b->plan.seed, name, epoch);
}

/* Tokens of the unit at place i of the order. */
static size_t unit_tokens(const struct stream *s, size_t i) {
    const size_t *start = s->data->starts + s->order[i];
    return start[1] - start[0];
}

static void give_back(struct stream *s) {
    files_forget(s->data->map.data, s->data->map.size);
    s->visited = 0;
}

static void join_units(const struct batcher *b, struct stream *s) {
    size_t total = 0;
    shuffle(s->order, s->data->n_units, stream_rng(b, s, 0));
    for (size_t i = 0; i < s->data->n_units; i++) {
        if (i % MARK_EVERY == 0) s->marks[i / MARK_EVERY] = total;
        total += unit_tokens(s, i);
    }
    give_back(s);
}

static void turn_to(const struct batcher *b, struct stream *s, uint64_t epoch) {
    if (s->epoch == epoch) return;
    s->epoch = epoch;
    if (epoch > 0) shuffle(s->turns, s->windows, stream_rng(b, s, epoch));
    for (size_t i = 0; epoch == 0 && i < s->windows; i++) s->turns[i] = (uint32_t)i;
}

/* A unit's place in the order, and the tokens in front of it. */
struct place {
    size_t i, before;
};

/* That of the unit that holds token `at`. */
static struct place place_of(const struct stream *s, size_t at) {
    size_t low = 0, high = s->n_marks - 1;
    while (low < high) { /* the last mark that is not behind it */
        size_t middle = high - (high - low) / 2;
        if (s->marks[middle] <= at) low = middle;
        else high = middle - 1;
    }
    struct place p = {low * MARK_EVERY, s->marks[low]};
    for (size_t n; p.before + (n = unit_tokens(s, p.i)) <= at; p.i++) p.before += n;
    return p;
}

/* Tokens [at, at + n) of the joined units, into out. */
static void copy_tokens(struct stream *s, size_t at, size_t n, int32_t *out) {
    for (struct place p = place_of(s, at); n > 0; p.i++) {
        size_t all = unit_tokens(s, p.i), skipped = at - p.before;
        size_t used = all - skipped < n ? all - skipped : n; /* an end-of-text included */
        corpus_copy(s->data, s->data->starts[s->order[p.i]] + skipped, used, out);
        s->visited++;
        p.before += all;
        out += used;
        at += used;
        n -= used;
    }
}

/* Of tokens [at, at + n) of the joined units, as they stand in y, those that are not learned
 * become LOSS_IGNORE. */
static void mask_tokens(const struct stream *s, size_t at, size_t n, int32_t *y) {
    for (struct place p = place_of(s, at); n > 0; p.i++) {
        size_t all = unit_tokens(s, p.i), skipped = at - p.before;
        size_t used = all - skipped < n ? all - skipped : n;
        const uint8_t *learned = s->data->learned + s->data->starts[s->order[p.i]] + skipped;
        for (size_t k = 0; k < used; k++)
            if (!learned[k]) y[k] = LOSS_IGNORE;
        p.before += all;
        y += used;
        at += used;
        n -= used;
    }
}

/* Window w of the joined units. */
static void fill_packed(struct stream *s, size_t w, size_t context, int32_t *x, int32_t *y) {
    copy_tokens(s, w * context, context, x);
    copy_tokens(s, w * context + 1, context, y);
    if (s->data->learned) mask_tokens(s, w * context + 1, context, y);
}

/* A unit of its own, number w in the stage's order. */
static void fill_alone(struct stream *s, size_t w, size_t context, int32_t *x, int32_t *y) {
    assert(s->data->learned); /* end-of-text in front is not learned */
    size_t start = s->data->starts[s->order[w]], n = unit_tokens(s, w);
    s->visited++;
    for (size_t i = 0; i < context; i++) {
        bool there = i + 1 < n, learned = there && s->data->learned[start + i + 1];
        x[i] = there ? corpus_token(s->data, start + i) : 0;
        y[i] = learned ? corpus_token(s->data, start + i + 1) : LOSS_IGNORE;
    }
}

/* Units of a mapped file that are visited before its pages are given back: with what the system
 * maps around each, some 100 KiB, they are 50 MiB. */
enum { VISITS_MAX = 512 };

static void fill_window(const struct batcher *b, struct stream *s, size_t w, int32_t *x,
                        int32_t *y) {
    size_t context = (size_t)b->plan.context;
    if (s->data->alone) fill_alone(s, w, context, x, y);
    else fill_packed(s, w, context, x, y);
    if (s->visited >= VISITS_MAX) give_back(s);
}

/* Returns which window of the stream it is. */
static size_t fill_row(const struct batcher *b, struct stream *s, uint64_t turn, int32_t *x,
                       int32_t *y) {
    turn_to(b, s, turn / s->windows);
    size_t window = s->turns[turn % s->windows];
    fill_window(b, s, s->kept ? s->kept[window] : window, x, y);
    return window;
}

static bool is_replay(const struct batcher *b, int64_t step, int row) {
    if (!b->plan.replay) return false;
    uint64_t place = (uint64_t)step * (uint64_t)b->plan.batch + (uint64_t)row;
    struct rng rng = rng_make(~b->plan.seed, (uint64_t)b->plan.stage, place);
    return rng_uniform(&rng) < b->plan.replay_share;
}

enum { LEAST_CONTEXT = 8 }; /* of the settings' range */

static bool check_length(const struct batcher *b, const struct corpus *data, const char *what,
                         struct err *err) {
    size_t n = (size_t)b->plan.context;
    char shorter[64] = ""; /* the other remedy, where the text would fill a window at all */
    if (data->alone || data->n_tokens >= n + 1) return true;
    if (data->n_tokens > LEAST_CONTEXT)
        snprintf(shorter, sizeof shorter, ", or set model.context to %zu or less",
                 data->n_tokens - 1);
    return err_set(err, ERR_RANGE,
                   "the %s has %zu tokens, but one window needs %zu (context %d and one "
                   "more): give more text%s",
                   what, data->n_tokens, n + 1, b->plan.context, shorter);
}

/* Leave out windows with nothing to learn. x, y: scratch of a row. */
static bool keep_windows(const struct batcher *b, struct stream *s, int32_t *x, int32_t *y,
                         const char *what, struct err *err) {
    size_t all = s->windows, n = (size_t)b->plan.context;
    s->windows = 0;
    for (size_t w = 0; w < all; w++) {
        bool any = false;
        fill_window(b, s, w, x, y);
        for (size_t i = 0; i < n; i++) any |= y[i] != LOSS_IGNORE;
        if (any) s->kept[s->windows++] = (uint32_t)w;
    }
    return s->windows > 0 ||
           err_set(err, ERR_RANGE,
                   "nothing in the %s is to be learned within %d tokens: give shorter prompts "
                   "or completions, or raise model.context",
                   what, b->plan.context);
}

static bool choose_windows(const struct batcher *b, struct stream *s, const char *what,
                           struct err *err) {
    if (!s->data->learned) return true;
    size_t n = (size_t)b->plan.context;
    int32_t *rows = malloc(2 * n * sizeof *rows);
    s->kept = malloc(s->windows * sizeof *s->kept);
    bool ok = (rows && s->kept) ||
              err_set(err, ERR_NOMEM, "no memory for %zu windows of text", s->windows);
    ok = ok && keep_windows(b, s, rows, rows + n, what, err);
    free(rows);
    return ok;
}

static bool stream_init(const struct batcher *b, struct stream *s, const struct corpus *data,
                        const char *what, struct err *err) {
    if (!check_length(b, data, what, err)) return false;
    s->data = data;
    s->windows = data->alone ? data->n_units : (data->n_tokens - 1) / (size_t)b->plan.context;
    s->n_marks = (data->n_units + MARK_EVERY - 1) / MARK_EVERY;
    if (data->n_units > UINT32_MAX || s->windows > UINT32_MAX)
        return err_set(err, ERR_RANGE,
                       "the %s has %zu pieces and %zu windows, and %lu of each at most can be "
                       "shuffled: give it in parts, a stage each",
                       what, data->n_units, s->windows, (unsigned long)UINT32_MAX);
    s->order = malloc(data->n_units * sizeof *s->order);
    s->marks = malloc(s->n_marks * sizeof *s->marks);
    s->turns = malloc(s->windows * sizeof *s->turns);
    if (!s->order || !s->marks || !s->turns)
        return err_set(err, ERR_NOMEM, "no memory for the order of %zu pieces", data->n_units);
    join_units(b, s);
    if (!choose_windows(b, s, what, err)) return false;
    s->epoch = UINT64_MAX; /* of none yet */
    turn_to(b, s, 0);
    return true;
}

struct batcher *batcher_create(const struct batcher_plan *plan, struct err *err) {
    assert(plan->batch > 0 && plan->context > 0);
    struct batcher *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(err, ERR_NOMEM, "no memory for a batcher");
        return NULL;
    }
    b->plan = *plan;
    if (stream_init(b, &b->streams[MAIN], plan->data, "training text", err) &&
        (!plan->replay ||
         stream_init(b, &b->streams[REPLAY], plan->replay, "replay text", err)))
        return b;
    batcher_destroy(b);
    return NULL;
}

void batcher_destroy(struct batcher *b) {
    if (!b) return;
    for (int i = 0; i < N_STREAMS; i++) {
        free(b->streams[i].order);
        free(b->streams[i].marks);
        free(b->streams[i].kept);
        free(b->streams[i].turns);
    }
    free(b);
}

void batcher_fill(struct batcher *b, int64_t step, int32_t *x, int32_t *y, size_t *ids) {
    for (int row = 0; row < b->plan.batch; row++) {
        bool replay = is_replay(b, step, row);
        uint64_t turn = (uint64_t)step * (uint64_t)b->plan.batch + (uint64_t)row;
        size_t offset = (size_t)row * (size_t)b->plan.context;
        size_t window =
            fill_row(b, &b->streams[replay ? REPLAY : MAIN], turn, x + offset, y + offset);
        if (ids) ids[row] = window + (replay ? b->streams[MAIN].windows : 0);
    }
}

size_t batcher_windows(const struct batcher *b) { return b->streams[MAIN].windows; }

size_t batcher_distinct(const struct batcher *b) {
    return b->streams[MAIN].windows + b->streams[REPLAY].windows; /* 0 where unused */
}

struct batcher_losses batcher_losses(const struct batcher *b) {
    struct batcher_losses lost = {0};
    for (int i = 0; i < N_STREAMS; i++) {
        const struct corpus *c = b->streams[i].data;
        if (!c || !c->alone) continue;
        lost.left_out += c->n_units - b->streams[i].windows;
        for (size_t u = 0; u < c->n_units; u++)
            lost.cut += c->starts[u + 1] - c->starts[u] > (size_t)b->plan.context + 1;
    }
    return lost;
}

bool batcher_repeats(const struct batcher *b, int64_t steps) {
    uint64_t turns = (uint64_t)steps * (uint64_t)b->plan.batch;
    for (int i = 0; i < N_STREAMS; i++)
        if (b->streams[i].data && turns > b->streams[i].windows) return true;
    return false;
}
