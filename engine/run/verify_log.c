/* verify_log.c - events.jsonl line by line: what a reader would trip over, or miss. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/run/event.h"
#include "engine/run/verify.h"

/* What went by so far, and the first place of each fault. */
struct log_walk {
    int64_t lines, events, seq, step;
    bool step_known;                              /* the next step must follow `step` */
    int64_t not_events, gaps, step_gaps;          /* how many */
    int64_t first_bad, first_gap, first_step_gap; /* lines */
    int64_t gap_from, gap_to, step_from,
        step_to; /* of the first: what was expected, what came */
};

static void walk_step(struct log_walk *w, const struct event *e) {
    if (w->step_known && e->step != w->step + 1 && w->step_gaps++ == 0) {
        w->first_step_gap = w->lines;
        w->step_from = w->step + 1;
        w->step_to = e->step;
    }
    w->step = e->step;
    w->step_known = true;
}

/* A run that is resumed, and one that was rolled back, makes steps anew. */
static bool starts_over(const struct event *e) {
    return e->type == EVENT_RUN ||
           (e->type == EVENT_CONTROL && strcmp(e->control.verb, "rollback") == 0);
}

static void walk_line(struct log_walk *w, const char *line, size_t n) {
    struct event e;
    w->lines++;
    if (n <= 1) return; /* an empty line ends what a full disk has cut short */
    if (!event_parse(line, n, &e, NULL)) {
        if (w->not_events++ == 0) w->first_bad = w->lines;
        return;
    }
    if (e.seq != w->seq + 1 && w->gaps++ == 0) {
        w->first_gap = w->lines;
        w->gap_from = w->seq + 1;
        w->gap_to = e.seq;
    }
    w->seq = e.seq;
    w->events++;
    if (starts_over(&e)) w->step_known = false;
    if (e.type == EVENT_STEP) walk_step(w, &e);
    event_deinit(&e);
}

/* Bytes of the last line where no newline ends it. */
static size_t walk(struct log_walk *w, const char *text, size_t n) {
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        if (!newline) return n;
        size_t line = (size_t)(newline - text) + 1;
        walk_line(w, text, line);
        text += line;
        n -= line;
    }
    return 0;
}

static void tell_bad(verify_tell *tell, void *ctx, const char *what, const char *advice) {
    const struct verify_finding f = {VERIFY_BAD, "events.jsonl", what, advice};
    tell(ctx, &f);
}

static const char history_only[] =
    "training and --resume do not need it; screens and reports lack what stood there";

static void tell_faults(const struct log_walk *w, verify_tell *tell, void *ctx) {
    char what[240];
    if (w->not_events > 0) {
        snprintf(what, sizeof what,
                 "%" PRId64 " lines are no events, the first is line %" PRId64, w->not_events,
                 w->first_bad);
        tell_bad(tell, ctx, what, history_only);
    }
    if (w->gaps > 0) {
        snprintf(what, sizeof what,
                 "the numbering breaks at %" PRId64 " places; line %" PRId64 " has seq %" PRId64
                 ", not %" PRId64,
                 w->gaps, w->first_gap, w->gap_to, w->gap_from);
        tell_bad(tell, ctx, what, history_only);
    }
    if (w->step_gaps > 0) {
        snprintf(what, sizeof what,
                 "steps do not follow one another at %" PRId64 " places; line %" PRId64
                 " has step %" PRId64 ", not %" PRId64,
                 w->step_gaps, w->first_step_gap, w->step_to, w->step_from);
        tell_bad(tell, ctx, what, history_only);
    }
}

static void tell_end(const struct log_walk *w, size_t torn, bool living, verify_tell *tell,
                     void *ctx) {
    char what[160];
    struct verify_finding f = {VERIFY_NOTE, "events.jsonl", what, ""};
    if (torn > 0 && !living) { /* what a living engine is writing is torn for a moment */
        snprintf(what, sizeof what, "its last line is torn (%zu bytes without an end)", torn);
        f.advice = "nothing to do: it is cut off when the run goes on";
        tell(ctx, &f);
    }
    if (w->not_events + w->gaps + w->step_gaps > 0) return;
    snprintf(what, sizeof what, "%" PRId64 " events, numbered without a gap", w->events);
    f.grade = VERIFY_SOUND;
    f.advice = "";
    tell(ctx, &f);
}

void verify_log(const struct run_paths *run, verify_tell *tell, void *ctx) {
    struct mapping m;
    struct err err = {0};
    struct log_walk w = {0};
    bool living = files_is_locked(run->lock, NULL);
    if (!files_map(run->events, &m, &err)) {
        tell_bad(tell, ctx, err.msg, "a run that goes on begins a new one");
        return;
    }
    size_t torn = walk(&w, (const char *)m.data, m.size);
    files_unmap(&m);
    tell_faults(&w, tell, ctx);
    tell_end(&w, torn, living, tell, ctx);
}
