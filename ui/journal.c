#include "ui/journal.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/format.h"

void journal_deinit(struct journal *j) {
    for (size_t i = 0; i < j->n_lines; i++) free(j->lines[i].text);
    free(j->lines);
    free(j->marks);
    *j = (struct journal){0};
}

bool journal_copy(struct journal *to, const struct journal *from) {
    *to = (struct journal){.dropped = from->dropped, .failed = from->failed};
    to->lines = malloc((from->n_lines + 1) * sizeof *to->lines);
    to->marks = malloc((from->n_marks + 1) * sizeof *to->marks);
    if (!to->lines || !to->marks) return false;
    to->line_capacity = from->n_lines + 1;
    to->mark_capacity = from->n_marks + 1;
    to->n_marks = from->n_marks;
    if (to->n_marks > 0) memcpy(to->marks, from->marks, to->n_marks * sizeof *to->marks);
    for (size_t i = 0; i < from->n_lines; i++) {
        to->lines[i] = from->lines[i];
        to->lines[i].text = strdup(from->lines[i].text);
        if (!to->lines[i].text) return false;
        to->n_lines++;
    }
    return true;
}

void journal_mark(struct journal *j, const double x[UNIT_COUNT], char letter, const char *fmt,
                  ...) {
    if (j->n_marks == j->mark_capacity) {
        size_t capacity = j->mark_capacity ? 2 * j->mark_capacity : 64;
        struct journal_mark *marks = realloc(j->marks, capacity * sizeof *marks);
        if (!marks) {
            j->failed = true;
            return;
        }
        j->marks = marks;
        j->mark_capacity = capacity;
    }
    struct journal_mark *m = &j->marks[j->n_marks++];
    *m = (struct journal_mark){.letter = letter};
    for (int u = 0; u < UNIT_COUNT; u++) {
        double before = j->n_marks > 1 ? m[-1].x[u] : 0;
        m->x[u] = x[u] > before ? x[u] : before;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(m->text, sizeof m->text, fmt, args);
    va_end(args);
}

void journal_rewind(struct journal *j, int64_t step) {
    while (j->n_marks > 0 && j->marks[j->n_marks - 1].x[UNIT_STEPS] > (double)step)
        j->n_marks--;
}

/* --- sentences */

static void stage_sentence(const struct event_stage *s, struct buf *out) {
    buf_printf(out, "stage %d %s %s", s->index + 1, s->name,
               s->finished ? "finished" : "started");
    if (s->finished) return;
    uint64_t tokens = 0, lines = 0;
    for (int i = 0; i < s->n_data; i++) {
        tokens += s->data[i].tokens;
        lines += s->data[i].lines;
        buf_printf(out, "%s%s", i ? ", " : ": ", s->data[i].source);
    }
    if (tokens == 0) return;
    char number[FORMAT_MAX], count[FORMAT_MAX];
    format_count(number, (double)tokens);
    format_count(count, (double)lines);
    buf_printf(out, " (%s tokens, %s lines), %" PRId64 " steps", number, count, s->steps);
}

static void eval_sentence(const struct event_eval *e, struct buf *out) {
    for (int i = 0; i < e->n_sets; i++) {
        const struct event_set *s = &e->sets[i];
        buf_printf(out, "%s%s %.3f nats", i ? "   " : "eval: ", s->name, s->tuned.loss);
        if (isfinite(s->tuned.perplexity)) buf_printf(out, ", ppl %.1f", s->tuned.perplexity);
        if (isfinite(s->tuned.accuracy))
            buf_printf(out, ", %.0f%% right", 100 * s->tuned.accuracy);
        if (s->has_base) buf_printf(out, " (base %.3f)", s->base.loss);
    }
}

static void freeze_sentence(const struct event_freeze *f, int64_t step, struct buf *out) {
    const char *word = f->frozen ? "frozen" : "thawed";
    if (isfinite(f->measured_s)) {
        buf_printf(out, "%s %s: a step takes %.2fs", f->group, word, f->measured_s);
        if (isfinite(f->predicted_s)) buf_printf(out, ", predicted %.2fs", f->predicted_s);
        return;
    }
    buf_printf(out, "%s %s from step %" PRId64, f->group, word, step);
    if (f->by[0]) buf_printf(out, " by %s", f->by);
    if (isfinite(f->predicted_s)) buf_printf(out, ", predicted %.2fs a step", f->predicted_s);
}

/* What the engine does of itself is told as what it is, the rest as what was asked for. */
static void control_sentence(const struct event_control *c, struct buf *out) {
    if (strcmp(c->verb, "early-stop") == 0)
        buf_printf(out, "the stage ends early: %s", c->argument);
    else if (strcmp(c->verb, "restore") == 0)
        buf_printf(out, "the stage's best weights are back: %s", c->argument);
    else {
        buf_printf(out, "%s%s%s", c->verb, c->argument[0] ? " " : "", c->argument);
        if (c->by[0]) buf_printf(out, " by %s", c->by);
    }
}

static void run_sentence(const struct event_run *r, struct buf *out) {
    uint64_t parameters = 0;
    for (int i = 0; i < r->n_groups; i++) /* parts are within their block */
        if (!strchr(r->groups[i].name, '.') || !strchr(strchr(r->groups[i].name, '.') + 1, '.'))
            parameters += r->groups[i].parameters;
    char number[FORMAT_MAX], bytes[FORMAT_MAX];
    format_count(number, (double)parameters);
    format_bytes(bytes, (double)r->memory_bytes);
    buf_printf(out, "run %s: %s weights, %s planned, %d thread%s, seed %" PRIu64, r->name,
               number, bytes, r->threads, r->threads == 1 ? "" : "s", r->seed);
    if (r->blas[0]) buf_printf(out, ", %s", r->blas);
    if (r->beside && r->beside[0])
        buf_printf(out, "; shares %d core%s with %s", r->threads, r->threads == 1 ? "" : "s",
                   r->beside);
}

static void checkpoint_sentence(const struct event_checkpoint *c, struct buf *out) {
    char bytes[FORMAT_MAX];
    const char *slash = strrchr(c->path, '/'); /* they are all in one folder */
    format_bytes(bytes, (double)c->bytes);
    buf_printf(out, "checkpoint %s, %s", slash && slash[1] ? slash + 1 : c->path, bytes);
    if (isfinite(c->seconds)) buf_printf(out, " in %.1fs", c->seconds);
}

bool journal_sentence(const struct event *e, struct buf *out, enum style *style) {
    *style = STYLE_NORMAL;
    switch (e->type) {
    case EVENT_RUN:
        run_sentence(&e->run, out);
        break;
    case EVENT_STAGE:
        *style = STYLE_STRONG;
        stage_sentence(&e->stage, out);
        break;
    case EVENT_EVAL:
        *style = STYLE_DIM;
        eval_sentence(&e->eval, out);
        break;
    case EVENT_FREEZE:
        *style = e->freeze.frozen ? STYLE_FROZEN : STYLE_LEARN;
        freeze_sentence(&e->freeze, e->step, out);
        break;
    case EVENT_CONTROL:
        control_sentence(&e->control, out);
        break;
    case EVENT_CHECKPOINT:
        *style = STYLE_DIM;
        checkpoint_sentence(&e->checkpoint, out);
        break;
    case EVENT_PROBLEM:
        *style = e->problem.error ? STYLE_ERROR : STYLE_WARNING;
        buf_printf(out, "%s: %s", e->problem.error ? "error" : "warning", e->problem.text);
        break;
    case EVENT_END:
        *style = STYLE_STRONG;
        buf_printf(out, "the run has %s",
                   strcmp(e->end.reason, "stopped") == 0 ? "been stopped" : e->end.reason);
        break;
    default:
        return false;
    }
    return true;
}

static void drop_oldest_half(struct journal *j) {
    size_t half = j->n_lines / 2;
    assert(j->lines);
    for (size_t i = 0; i < half; i++) free(j->lines[i].text);
    memmove(j->lines, j->lines + half, (j->n_lines - half) * sizeof *j->lines);
    j->n_lines -= half;
    j->dropped += (int64_t)half;
}

/* `text` is the journal's from now on. */
static void add_line(struct journal *j, int64_t step, double t, enum style style,
                     struct buf *text) {
    if (j->n_lines == JOURNAL_LINES_MAX) drop_oldest_half(j);
    if (j->n_lines == j->line_capacity) {
        size_t capacity = j->line_capacity ? 2 * j->line_capacity : 64;
        struct journal_line *lines = realloc(j->lines, capacity * sizeof *lines);
        if (lines) {
            j->lines = lines;
            j->line_capacity = capacity;
        }
    }
    if (text->failed || !text->data || j->n_lines == j->line_capacity) {
        j->failed = true;
        buf_deinit(text);
        return;
    }
    assert(j->lines);
    j->lines[j->n_lines++] = (struct journal_line){step, t, style, text->data};
}

void journal_tell(struct journal *j, const struct event *e) {
    struct buf text = {0};
    enum style style;
    if (journal_sentence(e, &text, &style)) add_line(j, e->step, e->t, style, &text);
}

void journal_note(struct journal *j, enum style style, const char *text) {
    const struct journal_line *last = j->n_lines > 0 ? &j->lines[j->n_lines - 1] : NULL;
    struct buf copy = {0};
    buf_str(&copy, text);
    add_line(j, last ? last->step : 0, last ? last->t : 0, style, &copy);
}
