#include "ui/replay.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"

enum {
    STOPS_MAX = 64,
    STOP_EVENTS = 2048,        /* between two copies of the fold, at first */
    STOP_BYTES_MAX = 64 << 20, /* of all copies together */
    EVENTS_AT_ONCE = 64        /* between two looks at the clock */
};
/* Seconds of the viewer's time: the longest wait for an event, and between two ticks. */
static const double silence_s = 1.5, tick_s = 1;
static const double speeds[] = {REPLAY_SLOWEST, 0.5,     1, 2, 4, 8, 16, 32,
                                REPLAY_FASTEST, INFINITY};
enum { SPEEDS = sizeof speeds / sizeof speeds[0] };

/* A copy of the fold, with the events before it and where the log goes on. */
struct stop {
    int64_t event, place;
    struct history history;
};

struct step_place {
    int64_t event, step; /* event: those before it */
};

struct mark_place {
    int64_t event; /* those up to it */
    char text[64];
};

/* What was read ahead. */
struct ahead {
    struct event_reader *reader;
    struct history history;
    int64_t events;
    struct step_place *steps;
    size_t n_steps, step_capacity;
    struct mark_place *marks;
    size_t n_marks, mark_capacity;
    struct stop *stops[STOPS_MAX]; /* each STOP_EVENTS * 2^k events, k as memory allows */
    int n_stops;
    int64_t stop_events;
};

struct replay {
    struct ahead ahead;
    struct event_reader *reader;
    int64_t event; /* handed out so far */
    double t;      /* of the newest one */
    int64_t step;
    struct event next; /* read, and not yet due: valid until the reader moves */
    bool has_next;
    double clock,
        ticked_at; /* the run's time that is due; clock_now() of the last tick, 0: none */
    double speed;
    bool paused;
};

/* ---- begin and end */

struct replay *replay_open(const char *log, double speed, struct err *err) {
    struct replay *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_NOMEM, "not enough memory to replay %s", log);
        return NULL;
    }
    r->speed = speed;
    r->ahead.stop_events = STOP_EVENTS;
    history_init(&r->ahead.history);
    r->reader = event_reader_open(log, err);
    r->ahead.reader = r->reader ? event_reader_open(log, err) : NULL;
    if (r->ahead.reader) return r;
    replay_close(r);
    return NULL;
}

static void stop_destroy(struct stop *s) {
    history_deinit(&s->history);
    free(s);
}

void replay_close(struct replay *r) {
    if (!r) return;
    for (int i = 0; i < r->ahead.n_stops; i++) stop_destroy(r->ahead.stops[i]);
    history_deinit(&r->ahead.history);
    free(r->ahead.steps);
    free(r->ahead.marks);
    event_reader_close(r->ahead.reader);
    event_reader_close(r->reader);
    free(r);
}

void replay_state(const struct replay *r, struct replay_state *out) {
    *out = (struct replay_state){.t = r->t,
                                 .t_end = r->ahead.history.t,
                                 .step = r->step,
                                 .step_end = r->ahead.history.step,
                                 .speed = r->speed,
                                 .paused = r->paused,
                                 .at_end = r->event > 0 && r->event == r->ahead.events};
}

/* ---- reading ahead */

/* Room for one more in an array; false when memory is out. */
static bool reserve(void **array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return true;
    size_t more = *capacity ? 2 * *capacity : 256;
    void *p = realloc(*array, more * size);
    if (!p) return false;
    *array = p;
    *capacity = more;
    return true;
}

static void note_step(struct ahead *a, int64_t step) {
    void *steps = a->steps;
    if (!reserve(&steps, a->n_steps, &a->step_capacity, sizeof *a->steps)) return;
    a->steps = steps;
    a->steps[a->n_steps++] = (struct step_place){a->events, step};
}

static void note_mark(struct ahead *a, const char *text) {
    void *marks = a->marks;
    if (!reserve(&marks, a->n_marks, &a->mark_capacity, sizeof *a->marks)) return;
    a->marks = marks;
    struct mark_place *m = &a->marks[a->n_marks++];
    m->event = a->events + 1;
    snprintf(m->text, sizeof m->text, "%s", text);
}

static size_t stop_bytes(const struct ahead *a) {
    size_t sum = 0;
    for (int i = 0; i < a->n_stops; i++) sum += history_bytes(&a->stops[i]->history);
    return sum;
}

/* Every second copy goes, and those to come are as far apart as the rest. */
static void thin_stops(struct ahead *a) {
    int n = 0;
    for (int i = 0; i < a->n_stops; i++)
        if (i % 2) a->stops[n++] = a->stops[i];
        else stop_destroy(a->stops[i]);
    a->n_stops = n;
    a->stop_events *= 2;
}

/* Without memory for a copy, a jump folds more events. */
static void note_stop(struct ahead *a) {
    struct stop *s = calloc(1, sizeof *s);
    if (!s) return;
    *s = (struct stop){.event = a->events, .place = event_reader_place(a->reader)};
    history_init(&s->history);
    if (!history_copy(&s->history, &a->history)) {
        stop_destroy(s);
        return;
    }
    a->stops[a->n_stops++] = s;
    while (a->n_stops == STOPS_MAX || (a->n_stops > 1 && stop_bytes(a) > STOP_BYTES_MAX))
        thin_stops(a);
}

static void take_ahead(struct ahead *a, const struct event *e) {
    const struct journal *j = &a->history.journal;
    if (e->type == EVENT_STEP) note_step(a, e->step);
    size_t marks = e->type == EVENT_RUN ? SIZE_MAX : j->n_marks; /* a resume takes some back */
    history_observe(&a->history, e);
    if (j->n_marks > marks) note_mark(a, j->marks[j->n_marks - 1].text);
    a->events++;
    if (a->events % a->stop_events == 0) note_stop(a);
}

int replay_look_ahead(struct replay *r, double slice_s, struct err *err) {
    double until = clock_now() + slice_s;
    struct event e;
    int got = 0;
    do
        for (int i = 0;
             i < EVENTS_AT_ONCE && (got = event_reader_next(r->ahead.reader, &e, err)) > 0; i++)
            take_ahead(&r->ahead, &e);
    while (got > 0 && clock_now() < until);
    return got;
}

/* ---- playing */

/* The next event, which stays the reader's. */
static bool peek(struct replay *r) {
    if (!r->has_next && r->event < r->ahead.events)
        r->has_next = event_reader_next(r->reader, &r->next, NULL) > 0;
    return r->has_next;
}

static void pass(struct replay *r, const struct event *e) {
    if (e->t < r->t) r->clock = e->t; /* the machine's clock was set back */
    r->t = e->t;
    r->step = e->step;
    r->event++;
    r->has_next = false;
}

static void tick(struct replay *r, double now) {
    double passed = r->ticked_at > 0 ? fmin(fmax(now - r->ticked_at, 0), tick_s) : 0;
    r->ticked_at = now;
    if (isfinite(r->speed)) r->clock += passed * r->speed;
}

/* Whether the next event's time has come. */
static bool is_due(struct replay *r) {
    if (!isfinite(r->speed)) return true;
    double latest = r->next.t - silence_s * r->speed;
    if (r->clock < latest) r->clock = latest;
    return r->next.t <= r->clock;
}

int64_t replay_play(struct replay *r, double now, double slice_s,
                    void (*hear)(void *ctx, const struct event *e), void *ctx, bool *more) {
    double until = clock_now() + slice_s;
    int64_t n = 0;
    *more = false;
    tick(r, now);
    if (r->paused) return 0;
    while (peek(r) && is_due(r)) {
        *more = n > 0 && n % EVENTS_AT_ONCE == 0 && clock_now() >= until;
        if (*more) break;
        hear(ctx, &r->next);
        pass(r, &r->next);
        n++;
    }
    if (!isfinite(r->speed)) r->clock = r->t;
    return n;
}

void replay_pause(struct replay *r, bool paused) {
    r->paused = paused;
    r->clock = r->t;
}

void replay_change_speed(struct replay *r, int by) {
    int at = 0;
    if (by > 0)
        while (at + 1 < SPEEDS && speeds[at] <= r->speed) at++;
    else
        for (int i = 0; i < SPEEDS; i++)
            if (speeds[i] < r->speed) at = i;
    r->speed = speeds[at];
}

/* ---- places */

/* How many of the steps are before `event`. */
static int64_t steps_before(const struct replay *r, int64_t event) {
    size_t low = 0, high = r->ahead.n_steps;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->ahead.steps[middle].event < event) low = middle + 1;
        else high = middle;
    }
    return (int64_t)low;
}

/* The place before step number k of the log, its ends beyond the first and the last one. */
static int64_t before_step(const struct replay *r, int64_t k) {
    if (k < 0) return 0;
    return k < (int64_t)r->ahead.n_steps ? r->ahead.steps[k].event : r->ahead.events;
}

int64_t replay_steps_from_here(const struct replay *r, int64_t by) {
    int64_t k = steps_before(r, r->event);
    bool between = before_step(r, k) > r->event; /* a step's events are being told */
    return before_step(r, by > 0 && between ? k + by - 1 : k + by);
}

int64_t replay_share_from_here(const struct replay *r, double share) {
    double steps = share * (double)r->ahead.n_steps;
    return replay_steps_from_here(r, (int64_t)(steps < 0 ? floor(steps) : ceil(steps)));
}

/* Steps that a resumed run repeats are in the log twice: the first time counts. */
int64_t replay_place_of_step(const struct replay *r, int64_t step) {
    size_t k = 0;
    while (k < r->ahead.n_steps && r->ahead.steps[k].step <= step) k++;
    return before_step(r, (int64_t)k);
}

/* The nearest place on one side of here. */
struct nearest {
    int64_t here, place; /* place -1: none yet */
    bool forward;
};

static bool is_nearer(struct nearest *n, int64_t place) {
    bool beyond = n->forward ? place > n->here : place < n->here;
    bool nearer = n->place < 0 || (n->forward ? place < n->place : place > n->place);
    if (beyond && nearer) n->place = place;
    return beyond && nearer;
}

int64_t replay_mark_from_here(const struct replay *r, bool forward, const double *own,
                              int n_own, char *text, size_t size) {
    struct nearest n = {r->event, -1, forward};
    for (size_t i = 0; i < r->ahead.n_marks; i++)
        if (is_nearer(&n, r->ahead.marks[i].event))
            snprintf(text, size, "%s", r->ahead.marks[i].text);
    for (int i = 0; i < n_own; i++)
        if (is_nearer(&n, replay_place_of_step(r, (int64_t)own[i])))
            snprintf(text, size, "own mark");
    return n.place;
}

/* ---- jumps */

static const struct stop *stop_before(const struct replay *r, int64_t event) {
    const struct stop *best = NULL;
    for (int i = 0; i < r->ahead.n_stops; i++)
        if (r->ahead.stops[i]->event <= event) best = r->ahead.stops[i];
    return best;
}

/* Make *h the fold of the nearest place before `event`, without reading events. */
static void go_near(struct replay *r, int64_t event, struct history *h) {
    const struct stop *s = stop_before(r, event);
    if (r->event <= event && (!s || s->event <= r->event)) return; /* here is nearest */
    bool copied = s && history_copy(h, &s->history);
    if (!copied) history_deinit(h);
    r->event = copied ? s->event : 0;
    r->t = copied ? s->history.t : 0;
    r->step = copied ? s->history.step : 0;
    r->has_next = false;
    event_reader_go(r->reader, copied ? s->place : 0);
}

bool replay_jump(struct replay *r, int64_t place, struct history *h) {
    if (place < 0) place = 0;
    if (place > r->ahead.events) place = r->ahead.events;
    go_near(r, place, h);
    while (r->event < place && peek(r)) {
        history_observe(h, &r->next);
        pass(r, &r->next);
    }
    r->clock = r->t;
    return r->event == place;
}
