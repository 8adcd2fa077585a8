#include "ui/loss_marks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- own marks */

/* Where the point of a step stands. False: the run has no such point (any more). */
static bool place_of(const struct history *h, double step, enum series_unit unit, double *x) {
    size_t i = series_find(&h->train, UNIT_STEPS, step);
    if (i == h->train.n || h->train.x[UNIT_STEPS][i] > step) return false;
    *x = h->train.x[unit][i];
    return true;
}

static void forget(struct own_marks *own, int i) {
    memmove(&own->steps[i], &own->steps[i + 1], (size_t)(--own->n - i) * sizeof own->steps[0]);
}

void own_marks_toggle(struct own_marks *own, const struct history *h, enum series_unit unit,
                      double x, double slack) {
    const struct series *s = &h->train;
    double at;
    bool taken = false;
    if (s->n == 0) return;
    size_t i = series_find(s, unit, x);
    if (i == s->n || (i > 0 && x - s->x[unit][i - 1] < s->x[unit][i] - x)) i--;
    for (int k = own->n - 1; k >= 0; k--) {
        if (!place_of(h, own->steps[k], unit, &at)) continue;
        if (fabs(at - x) > slack && own->steps[k] != s->x[UNIT_STEPS][i]) continue;
        forget(own, k);
        taken = true;
    }
    if (taken) return;
    if (own->n == OWN_MARKS_MAX) forget(own, 0);
    own->steps[own->n++] = s->x[UNIT_STEPS][i];
}

/* ---- the journal's */

enum mark_kind { MARK_BORDER, MARK_EVENT, MARK_CHECKPOINT };

static enum mark_kind kind_of(const struct journal_mark *m) {
    return m->letter == ':' ? MARK_BORDER : m->letter == 'C' ? MARK_CHECKPOINT : MARK_EVENT;
}

/* The border in front of the first step is no news. */
static bool is_start(const struct journal_mark *m) {
    return kind_of(m) == MARK_BORDER && m->x[UNIT_STEPS] <= 0;
}

/* Index of the first mark with x >= at. */
static size_t find(const struct journal *j, enum series_unit unit, double at) {
    size_t low = 0, high = j->n_marks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (j->marks[middle].x[unit] < at) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* ---- from mark to mark */

/* The first mark beyond x; infinite: none. */
static double beyond(const struct own_marks *own, const struct history *h,
                     enum series_unit unit, double x) {
    const struct journal *j = &h->journal;
    double first = HUGE_VAL, at;
    for (size_t i = find(j, unit, x); i < j->n_marks && first == HUGE_VAL; i++)
        if (j->marks[i].x[unit] > x && !is_start(&j->marks[i])) first = j->marks[i].x[unit];
    for (int k = 0; k < own->n; k++)
        if (place_of(h, own->steps[k], unit, &at) && at > x) first = fmin(first, at);
    return first;
}

bool loss_marks_next(const struct own_marks *own, const struct history *h,
                     enum series_unit unit, double x, double *at) {
    double next = beyond(own, h, unit, x);
    if (next == HUGE_VAL) next = beyond(own, h, unit, -HUGE_VAL);
    if (next == HUGE_VAL) return false;
    *at = next;
    return true;
}

/* The mark that is nearest to x so far. */
struct nearest {
    double x, far; /* far: how far from x it is */
    const char *text;
    int n; /* marks at its place */
};

static void compare(struct nearest *best, double at, const char *text) {
    double far = fabs(at - best->x);
    if (far > best->far) return;
    best->n = far < best->far ? 1 : best->n + 1;
    best->far = far;
    best->text = text;
}

void loss_marks_read(const struct own_marks *own, const struct history *h,
                     enum series_unit unit, double x, double slack, char *out, size_t size) {
    const struct journal *j = &h->journal;
    struct nearest best = {.x = x, .far = slack};
    double at;
    for (int k = 0; k < own->n; k++)
        if (place_of(h, own->steps[k], unit, &at)) compare(&best, at, "own mark");
    for (size_t i = find(j, unit, x - slack); i < j->n_marks; i++) {
        if (j->marks[i].x[unit] > x + slack) break;
        compare(&best, j->marks[i].x[unit], j->marks[i].text);
    }
    out[0] = '\0';
    if (best.n == 1) snprintf(out, size, "%s", best.text);
    if (best.n > 1) snprintf(out, size, "%s +%d", best.text, best.n - 1);
}

/* ---- in the chart */

static enum style style_of(char letter) {
    switch (letter) {
    case 'F':
        return STYLE_FROZEN;
    case 'T':
        return STYLE_LEARN;
    case '!':
        return STYLE_ERROR;
    default:
        return STYLE_MARK;
    }
}

/* The column in which the chart draws x: by dots, two a cell in braille. */
static int column_of(const struct sight *s, double x) {
    return (int)lround((x - s->x0) / (s->x1 - s->x0) * (s->w * s->dots - 1)) / s->dots;
}

/* Checkpoints are many: a letter without a line, one a column. base: the last stage begins
 * here, where the base was taken; the axis says so. */
static struct chart_mark make_mark(const struct journal_mark *m, double x, bool base) {
    bool checkpoint = kind_of(m) == MARK_CHECKPOINT;
    return (struct chart_mark){.x = x,
                               .letter = checkpoint ? 'c' : m->letter,
                               .style = checkpoint ? STYLE_DIM
                                        : base     ? STYLE_BASE
                                                   : style_of(m->letter),
                               .line = !checkpoint,
                               .word = base ? ":BASE" : NULL};
}

/* Marks being collected. */
struct marks_out {
    struct chart_mark *marks;
    int n, max;
};

/* The journal's marks of a kind, newest first. */
static void add_kind(struct marks_out *out, const struct history *h, const struct sight *s,
                     enum mark_kind kind) {
    bool newest = h->n_stages > 1 && h->stage == h->n_stages - 1;
    int column = -1; /* of the mark before */
    for (size_t i = h->journal.n_marks; i-- > 0 && out->n < out->max;) {
        const struct journal_mark *m = &h->journal.marks[i];
        double x = m->x[s->unit];
        if (x < s->x0) break;
        if (kind_of(m) != kind || is_start(m)) continue;
        bool base = kind == MARK_BORDER && newest;
        newest = false;
        if (x > s->x1 || (kind == MARK_CHECKPOINT && column_of(s, x) == column)) continue;
        column = column_of(s, x);
        out->marks[out->n++] = make_mark(m, x, base);
    }
}

static void add_own(struct marks_out *out, const struct own_marks *own, const struct history *h,
                    const struct sight *s) {
    double x;
    for (int k = 0; k < own->n && out->n < out->max; k++)
        if (place_of(h, own->steps[k], s->unit, &x) && x >= s->x0 && x <= s->x1)
            out->marks[out->n++] = (struct chart_mark){x, 'm', STYLE_STRONG, true, NULL};
}

int loss_marks_in(const struct own_marks *own, const struct history *h, const struct sight *s,
                  struct chart_mark *marks, int max) {
    struct marks_out out = {.marks = marks, .max = max};
    add_kind(&out, h, s, MARK_BORDER);
    add_own(&out, own, h, s);
    add_kind(&out, h, s, MARK_EVENT);
    add_kind(&out, h, s, MARK_CHECKPOINT);
    return out.n;
}
