/* panel_speed.c - how fast the run goes and what a step's time goes to; the learning rate and
 * the gradient's length beside it. All curves are of the stage, over the steps that it has. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/chart.h"
#include "ui/format.h"
#include "ui/panel.h"

enum {
    BESIDE_W = 100, /* inner width from which bars stand beside curves */
    LABEL_W = 10,
    NUMBERS_W = 13,     /* "  139ms  100%" */
    CURVES_H = 11,      /* the least in which all three have room */
    CURVES_EASE_H = 16, /* and what they have before the bars tell more */
    MARKS_MAX = 64
};

/* What a step's time goes to, and what lies between steps. */
enum { PARTS = SPENT_PARTS + 1 };
static const char *const part_names[PARTS] = {"forward", "backward", "update", "other",
                                              "between"};

/* ---- where the time goes */

/* Seconds of the parts; returns their sum, from the beginning of a step to that of the next. */
static double parts_of(const struct history *h, double seconds[PARTS]) {
    double step = 0;
    for (int k = 0; k < SPENT_PARTS; k++) {
        seconds[k] = history_spent(h, (enum spent)k);
        step += seconds[k];
    }
    seconds[SPENT_PARTS] = fmax(history_pace(h) - step, 0);
    return step + seconds[SPENT_PARTS];
}

static void draw_part(struct canvas *c, struct rect r, int y, const char *name, double seconds,
                      double all) {
    char time[FORMAT_MAX], share[FORMAT_MAX];
    format_seconds(time, seconds);
    snprintf(share, sizeof share, "%.0f%%", seconds / all * 100);
    int bar = r.w - LABEL_W - NUMBERS_W;
    canvas_field(c, r.x, y, LABEL_W - 1, false, STYLE_NORMAL, name, strlen(name));
    panel_bar(c, r.x + LABEL_W, y, bar, seconds / all);
    canvas_printf(c, r.x + r.w - NUMBERS_W, y, STYLE_NORMAL, "%7s %5s", time, share);
}

/* "pretrain  28.9k tok/s, finetune ..": rows of their own. Returns the rows used. */
static int draw_stages(const struct history *h, struct canvas *c, struct rect r) {
    int used = 0;
    for (int i = 0; i <= h->stage && used < r.h; i++) {
        char speed[FORMAT_MAX];
        if (h->stages[i].first < 0) continue;
        format_speed(speed, history_stage_speed(h, i));
        canvas_field(c, r.x, r.y + used, r.w - NUMBERS_W - 1, false, STYLE_NORMAL,
                     h->stages[i].name, strlen(h->stages[i].name));
        canvas_printf(c, r.x + r.w - NUMBERS_W, r.y + used++, STYLE_NORMAL, "%7s tok/s", speed);
    }
    return used;
}

/* The newest freeze or thaw: what was foretold and what came. */
static void draw_freeze(const struct history *h, struct canvas *c, struct rect r) {
    const struct history_freeze *f = &h->freeze;
    char foretold[FORMAT_MAX], measured[FORMAT_MAX];
    if (r.h < 1 || f->count == 0 || !isfinite(f->predicted_s)) return;
    format_seconds(foretold, f->predicted_s);
    format_seconds(measured, f->measured_s);
    char text[128];
    int n = snprintf(text, sizeof text, "%.32s %s: foretold %s, measured %s", f->group,
                     f->frozen ? "frozen" : "thawed", foretold + strspn(foretold, " "),
                     isfinite(f->measured_s) ? measured + strspn(measured, " ") : "soon");
    canvas_field(c, r.x, r.y, r.w, false, f->frozen ? STYLE_FROZEN : STYLE_LEARN, text,
                 (size_t)n);
}

static void caption(struct canvas *c, struct rect r, int y, const char *left,
                    const char *right) {
    int w = (int)strlen(right);
    canvas_field(c, r.x, y, r.w - w - 1, false, STYLE_TITLE, left, strlen(left));
    canvas_printf(c, r.x + r.w - w, y, STYLE_DIM, "%s", right);
}

/* Rows that the parts, the stages and the newest freeze want. */
static int bars_rows(const struct history *h) {
    bool freeze = h->freeze.count > 0 && isfinite(h->freeze.predicted_s);
    return 1 + PARTS + 1 + (h->stage + 1) + freeze;
}

static void draw_bars(const struct history *h, struct canvas *c, struct rect r) {
    double seconds[PARTS], all = parts_of(h, seconds);
    int y = r.y;
    if (r.h < 1 || r.w < LABEL_W + NUMBERS_W || !(all > 0)) return;
    caption(c, r, y++, "from step to step", "   time share");
    for (int k = 0; k < PARTS && y < r.y + r.h; k++)
        draw_part(c, r, y++, part_names[k], seconds[k], all);
    if (y + 1 >= r.y + r.h) return;
    caption(c, r, y++, "median of each stage", "");
    y += draw_stages(h, c, (struct rect){r.x, y, r.w, r.y + r.h - y});
    draw_freeze(h, c, (struct rect){r.x, y, r.w, r.y + r.h - y});
}

/* ---- curves */

/* A measure of the steps, thinned to the dots that there are: the least and the most of each
 * column, so that spikes survive. */
struct curve {
    double *x, *y; /* [2 * columns] */
    size_t n;
};

static bool curve_make(struct curve *v, const struct history *h, const struct series *s,
                       double x0, double x1, int columns) {
    *v = (struct curve){.x = malloc(4 * (size_t)columns * sizeof *v->x)};
    if (!v->x) return false;
    v->y = v->x + 2 * columns;
    const double *steps = h->train.x[UNIT_STEPS];
    size_t from = series_find(&h->train, UNIT_STEPS, x0 + 1); /* x0: the last step before it */
    for (int k = 0; k < columns && from < s->n; k++) {
        double edge = x0 + (k + 1) * (x1 - x0) / columns;
        size_t to = k + 1 < columns ? series_find(&h->train, UNIT_STEPS, edge) : s->n;
        if (to <= from) continue;
        struct span span = series_span(s, from, to);
        if (span.lo <= span.hi) {
            v->x[v->n] = steps[from], v->y[v->n++] = (double)span.lo;
            v->x[v->n] = steps[to - 1], v->y[v->n++] = (double)span.hi;
        }
        from = to;
    }
    return true;
}

/* Freezes and thaws change the speed: dotted lines where they were. */
static int marks_of(const struct history *h, double x0, struct chart_mark out[MARKS_MAX]) {
    const struct journal *j = &h->journal;
    int n = 0;
    for (size_t i = j->n_marks; i-- > 0 && n < MARKS_MAX;) {
        const struct journal_mark *m = &j->marks[i];
        if (m->x[UNIT_STEPS] < x0) break;
        if (m->letter == 'F' || m->letter == 'T' || m->letter == 'L')
            out[n++] = (struct chart_mark){m->x[UNIT_STEPS], m->letter, STYLE_MARK, true, NULL};
    }
    return n;
}

/* The steps of the stage, from its first to the last that is planned or made. */
static void stage_range(const struct history *h, double *x0, double *x1) {
    double now = h->train.x[UNIT_STEPS][h->train.n - 1];
    *x0 = h->stage >= 0 ? (double)h->stages[h->stage].first : 0;
    *x1 = h->stage >= 0 ? *x0 + (double)h->stages[h->stage].steps : now;
    if (*x1 < now) *x1 = now;
    if (!(*x1 > *x0)) *x1 = *x0 + 1;
}

/* From 0 up: half as high is half as much. axis: the steps stand below. */
static void draw_curve(const struct history *h, struct canvas *c, struct rect r,
                       const struct series *s, enum style style, bool axis) {
    struct chart_range range = {.bare = !axis};
    struct chart_mark marks[MARKS_MAX];
    struct curve v;
    double low, from_0 = 0;
    stage_range(h, &range.x0, &range.x1);
    if (r.h < 1 || !curve_make(&v, h, s, range.x0, range.x1, 2 * r.w)) return;
    struct chart_series series[2] = {{.x = v.x, .y = v.y, .n = v.n, .style = style}};
    series[1] = (struct chart_series){.x = &range.x0, .y = &from_0, .n = 1};
    if (chart_fit(series, 2, range.x0, range.x1, false, &low, &range.y1)) {
        size_t last = s->n - 1;
        double x = h->train.x[UNIT_STEPS][last], y = (double)s->y[last];
        series[1] = (struct chart_series){
            .x = &x, .y = &y, .n = 1, .style = STYLE_CURSOR, .points = true, .loose = true};
        chart_draw(c, r, &range, series, 2, marks, marks_of(h, range.x0, marks));
    }
    free(v.x);
}

/* One curve under its caption; h: 2 rows or more, 4 with an axis. */
static void draw_speed(const struct history *h, struct canvas *c, struct rect r, bool axis) {
    char now[FORMAT_MAX], median[FORMAT_MAX], right[64];
    if (r.h < 2) return;
    format_speed(now, h->last.tokens_per_s);
    format_speed(median, history_stage_speed(h, h->stage));
    snprintf(right, sizeof right, "now %s  median %s", now, median);
    caption(c, r, r.y, "tokens a second", right);
    draw_curve(h, c, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &h->speed, STYLE_TRAIN, axis);
}

static void draw_rate(const struct history *h, struct canvas *c, struct rect r) {
    char now[FORMAT_MAX], right[32];
    if (r.h < 2) return;
    format_rate(now, h->last.lr);
    snprintf(right, sizeof right, "now %s", now);
    caption(c, r, r.y, "learning rate", right);
    draw_curve(h, c, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &h->rate, STYLE_BASE, false);
}

static void draw_norm(const struct history *h, struct canvas *c, struct rect r) {
    char now[FORMAT_MAX], right[32];
    if (r.h < 2) return;
    format_norm(now, h->last.grad_norm);
    snprintf(right, sizeof right, "now %s", now);
    caption(c, r, r.y, "length of the gradient |g|", right);
    draw_curve(h, c, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &h->norm, STYLE_VAL, true);
}

static struct rect rows_of(struct rect r, int from, int n) {
    return (struct rect){r.x, r.y + from, r.w, n};
}

/* ---- the whole */

/* Who holds the others up: "4 processes: 8% waiting, rank 2 slowest by 12%". */
static void add_ranks(const struct history_ranks *r, char *text, size_t size) {
    size_t n = strlen(text);
    snprintf(text + n, size - n, " %d processes: %.0f%% waiting, rank %d slowest by %.0f%% ",
             r->n, 100 * r->waited, r->slowest, 100 * r->more);
}

static void draw_footer(const struct panel *p, struct canvas *c) {
    const struct history *h = p->history;
    char tokens[FORMAT_MAX], memory[FORMAT_MAX], text[192];
    format_count(tokens, (double)h->tokens);
    format_bytes(memory, (double)h->memory_bytes);
    snprintf(text, sizeof text, " %s tokens so far  %s planned  %d thread%s ", tokens, memory,
             h->threads, h->threads == 1 ? "" : "s");
    if (h->ranks.n > 0) add_ranks(&h->ranks, text, sizeof text);
    panel_footer(p, c, 2, STYLE_DIM, text);
}

/* One above another, with one axis for all three curves, and the bars below them. */
static void draw_narrow(const struct history *h, struct canvas *c, struct rect r) {
    int bars = bars_rows(h), least = PARTS + 1;
    if (bars > r.h - CURVES_EASE_H) bars = least;
    int curves = r.h - bars, plots = curves - 4;
    int rate = plots * 2 / 7 + 1, norm = (plots / 5 > 2 ? plots / 5 : 2) + 2;
    if (curves < CURVES_H) {
        draw_speed(h, c, rows_of(r, 0, curves), true);
    } else {
        draw_speed(h, c, rows_of(r, 0, curves - rate - norm), false);
        draw_rate(h, c, rows_of(r, curves - rate - norm, rate));
        draw_norm(h, c, rows_of(r, curves - norm, norm));
    }
    draw_bars(h, c, rows_of(r, curves, bars));
}

/* The speed at the left, the rest at its right. */
static void draw_wide(const struct history *h, struct canvas *c, struct rect r) {
    int bars = bars_rows(h), left = r.w / 2 - 1;
    struct rect right = {r.x + r.w - left, r.y, left, r.h};
    if (bars > r.h) bars = r.h;
    int rate = (r.h - bars - 1) / 2;
    draw_speed(h, c, (struct rect){r.x, r.y, left, r.h}, true);
    draw_bars(h, c, rows_of(right, 0, bars));
    draw_rate(h, c, rows_of(right, bars + 1, rate));
    draw_norm(h, c, rows_of(right, bars + 1 + rate, r.h - bars - 1 - rate));
}

static void draw_all(const struct history *h, struct canvas *c) {
    struct rect r = {1, 0, c->clip.w - 2, c->clip.h};
    if (r.w >= BESIDE_W) draw_wide(h, c, r);
    else draw_narrow(h, c, r);
}

static void speed_draw(const struct panel *p, struct canvas *c) {
    struct rect whole = panel_frame(p, c, 5, "");
    bool any = p->history->train.n > 0;
    if (any) draw_all(p->history, c);
    else canvas_printf(c, 1, 0, STYLE_DIM, "no step has been made yet");
    canvas_clip(c, whole);
    if (any) draw_footer(p, c);
}

static bool speed_act(struct panel *p, enum action action, struct outbox *out) {
    (void)p;
    (void)action;
    (void)out;
    return false;
}

static void speed_destroy(struct panel *p) { free(p); }

static const struct panel_ops speed_ops = {
    .title = "Speed", .draw = speed_draw, .act = speed_act, .destroy = speed_destroy};

struct panel *panel_speed_create(const struct history *h, struct wishes *w) {
    struct panel *p = calloc(1, sizeof *p);
    if (p) *p = (struct panel){.ops = &speed_ops, .history = h, .wishes = w};
    return p;
}
