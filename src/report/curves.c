#include "src/report/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/report/html.h"
#include "ui/format.h"
#include "ui/loss_view.h"

static const enum series_unit unit = UNIT_STEPS;
static const char nats[] = "nats a token";

#define NAME(to, ...) snprintf((to), sizeof(to), __VA_ARGS__)

/* ---- linear and logarithmic ---- */

/* A figure in its two forms: the ranges of y that fit the points of all runs in it. */
struct both {
    struct figure figure;
    double y0[2], y1[2]; /* linear, logarithmic */
    bool fits[2];
};

static void fit(struct both *b, const struct loss_points *p) {
    for (int log = 0; log < 2; log++) {
        const struct loss_view view = {.unit = unit, .log_y = log};
        double y0, y1;
        if (!loss_view_y(&view, p, b->figure.x0, b->figure.x1, &y0, &y1)) continue;
        b->y0[log] = b->fits[log] ? fmin(b->y0[log], y0) : y0;
        b->y1[log] = b->fits[log] ? fmax(b->y1[log], y1) : y1;
        b->fits[log] = true;
    }
}

/* Two radio buttons choose, by style alone. */
static void put_choice(struct buf *out, const char *id) {
    static const char *const words[] = {"linear", "logarithmic"};
    static const char *const classes[] = {"lin", "log"};
    for (int i = 0; i < 2; i++) {
        html_put(out, "<input type=\"radio\" name=\"%s-y\" id=\"%s-%s\" class=\"pick-%s\"", id,
                 id, classes[i], classes[i]);
        if (i == 0) buf_str(out, " checked=\"checked\"");
        html_put(out, "/><label for=\"%s-%s\">%s</label>", id, classes[i], words[i]);
    }
}

static void put_both(struct buf *out, struct both *b, const char *id) {
    struct figure *f = &b->figure;
    if (!b->fits[0]) {
        html_put(out, "<p class=\"none\">%s: there is no step to show yet.</p>\n", f->title);
        return;
    }
    buf_str(out, "<div class=\"both\">\n");
    if (b->fits[1]) put_choice(out, id);
    for (int log = 0; log < 2; log++) {
        if (!b->fits[log]) continue;
        f->log_y = log;
        f->y0 = b->y0[log];
        f->y1 = b->y1[log];
        f->classes = log ? " log" : " lin";
        figure_draw(out, f);
    }
    figure_legend(out, f->curves, f->n_curves);
    buf_str(out, "</div>\n");
}

/* ---- a run's own losses ---- */

struct losses {
    struct loss_points points;
    struct figure_curve curves[FIGURE_CURVES];
    int n;
    struct figure_mark *marks;
    int n_marks;
    struct buf about;
};

static struct figure_curve *add(struct losses *l, const struct chart_series *s,
                                enum curve_kind kind, int colour) {
    struct figure_curve *c = &l->curves[l->n++];
    *c = (struct figure_curve){
        .x = s->x, .y = s->y, .n = s->n, .kind = kind, .colour = colour % FIGURE_COLOURS};
    return c;
}

/* In the order of loss_points_make(): the band, the bases, the smooth curve, evaluations. */
static void add_curves(struct losses *l, const struct history *h) {
    const struct chart_series *s = l->points.series;
    struct figure_curve *c = add(l, s++, CURVE_BAND, 0);
    NAME(c->name, "training loss, every step");
    for (int i = 0; i < h->n_sets; i++, s++) {
        if (s->n == 0) continue;
        c = add(l, s, CURVE_BASE, 1 + i);
        NAME(c->name, "the base on %s", h->sets[i].name);
    }
    c = add(l, s++, CURVE_LINE, 0);
    NAME(c->name, "training loss, smoothed");
    for (int i = 0; i < h->n_sets; i++, s++) {
        c = add(l, s, CURVE_POINTS, 1 + i);
        NAME(c->name, "%s", h->sets[i].name);
        c->ends = true;
    }
}

static void add_marks(struct losses *l, const struct history *h, double x0) {
    l->marks = calloc(h->journal.n_marks + HISTORY_STAGES, sizeof *l->marks);
    for (size_t i = 0, stage = 0; l->marks && i <= h->journal.n_marks; i++) {
        const struct journal_mark *m = i < h->journal.n_marks ? &h->journal.marks[i] : NULL;
        double x = m ? m->x[unit] : HUGE_VAL;
        for (; stage < (size_t)h->n_stages && (double)h->stages[stage].first <= x; stage++)
            if (h->stages[stage].first >= 0 && (double)h->stages[stage].first >= x0)
                l->marks[l->n_marks++] = (struct figure_mark){(double)h->stages[stage].first,
                                                              ':', h->stages[stage].name};
        if (m && m->letter != ':' && x >= x0)
            l->marks[l->n_marks++] = (struct figure_mark){x, m->letter, m->text};
    }
}

static void tell(struct losses *l, const struct history *h) {
    char loss[FORMAT_MAX], base[FORMAT_MAX];
    format_loss(loss, history_smooth(h, SMOOTHING_USUAL));
    buf_printf(&l->about, "Loss over steps. Training loss, smoothed, at step %.0f: %s.",
               (double)h->step, loss);
    for (int i = 0; i < h->n_sets; i++) {
        format_loss(loss, h->sets[i].last.loss);
        format_loss(base, h->sets[i].last_base.loss);
        buf_printf(&l->about, " %s: %s", h->sets[i].name, loss);
        if (isfinite(h->sets[i].last_base.loss)) buf_printf(&l->about, ", the base %s", base);
        buf_str(&l->about, ".");
    }
}

void curves_loss(struct buf *out, const struct fold *f, const char *id, int stage) {
    const struct history *h = &f->history;
    const struct loss_view view = {.unit = unit, .smoothing = SMOOTHING_USUAL};
    struct losses l = {.n = 0};
    struct both b = {.figure = {.title = stage < 0 ? "Loss" : "The last stage alone",
                                .unit = nats,
                                .x0 = stage < 0 ? 0 : (double)h->stages[stage].first,
                                .x1 = fold_last_step(f)}};
    if (!(b.figure.x1 > b.figure.x0)) b.figure.x1 = b.figure.x0 + 1;
    if (loss_points_make(&l.points, &view, h, b.figure.x0, b.figure.x1, FIGURE_COLUMNS)) {
        add_curves(&l, h);
        add_marks(&l, h, b.figure.x0);
        tell(&l, h);
        fit(&b, &l.points);
        b.figure.about = buf_text(&l.about);
        b.figure.curves = l.curves;
        b.figure.n_curves = l.n;
        b.figure.marks = l.marks;
        b.figure.n_marks = l.n_marks;
        put_both(out, &b, id);
    } else out->failed = true;
    out->failed |= l.about.failed || (l.points.memory && !l.marks);
    free(l.marks);
    buf_deinit(&l.about);
    loss_points_free(&l.points);
}

/* ---- what else a step measures ---- */

/* The smallest and the largest of every column; NaN where a column has none. */
static size_t thin(const struct history *h, const struct series *s, double x1, double *x,
                   double *y) {
    size_t n = 0, at = 0;
    for (int k = 1; k <= FIGURE_COLUMNS && at < s->n; k++) {
        size_t next =
            k == FIGURE_COLUMNS ? s->n : series_find(&h->train, unit, k * x1 / FIGURE_COLUMNS);
        if (next <= at) continue;
        struct span span = series_span(s, at, next);
        bool any = span.lo <= span.hi, rises = s->y[next - 1] >= s->y[at];
        x[n] = h->train.x[unit][at];
        y[n++] = !any ? (double)NAN : (double)(rises ? span.lo : span.hi);
        x[n] = h->train.x[unit][next - 1];
        y[n++] = !any ? (double)NAN : (double)(rises ? span.hi : span.lo);
        at = next;
    }
    return n;
}

static void put_small(struct buf *out, const struct fold *f, const struct series *s,
                      const char *title, const char *of) {
    double x[2 * FIGURE_COLUMNS], y[2 * FIGURE_COLUMNS], x1 = fold_last_step(f);
    size_t n = thin(&f->history, s, x1, x, y);
    const struct figure_curve curve = {.x = x, .y = y, .n = n, .kind = CURVE_LINE};
    const struct chart_series points = {.x = x, .y = y, .n = n};
    struct figure figure = {.title = title,
                            .unit = of,
                            .about = title,
                            .x1 = x1,
                            .small = true,
                            .classes = "",
                            .curves = &curve,
                            .n_curves = 1};
    if (chart_fit(&points, 1, 0, x1, false, &figure.y0, &figure.y1)) {
        figure.y0 = 0;
        figure_draw(out, &figure);
    }
}

void curves_small(struct buf *out, const struct fold *f) {
    buf_str(out, "<div class=\"smalls\">\n");
    put_small(out, f, &f->history.rate, "Learning rate", "");
    put_small(out, f, &f->history.norm, "Gradient norm", "before clipping");
    put_small(out, f, &f->history.speed, "Speed", "tokens a second");
    buf_str(out, "</div>\n");
}

/* ---- several runs ---- */

/* The set of a run that has this name; -1: none. */
static int find_set(const struct history *h, const char *name) {
    for (int i = 0; i < h->n_sets; i++)
        if (strcmp(h->sets[i].name, name) == 0) return i;
    return -1;
}

/* The curves of run `run` in the figure of a set; of the training loss where set is NULL. */
static void add_run(struct losses *l, const struct loss_points *p, const struct fold *f,
                    int run, const char *set) {
    const struct history *h = &f->history;
    int n = h->n_sets, at = set ? find_set(h, set) : 0;
    if (at < 0) return;
    if (set && p->series[1 + at].n > 0) add(l, &p->series[1 + at], CURVE_BASE, run);
    struct figure_curve *c = set ? add(l, &p->series[2 + n + at], CURVE_POINTS, run)
                                 : add(l, &p->series[1 + n], CURVE_LINE, run);
    NAME(c->name, "%.79s", f->name);
    c->ends = true;
}

/* Only what is in the figure counts for its ranges. */
static void fit_curves(struct both *b, const struct losses *l) {
    struct loss_points shown = {.n = 0};
    for (int i = 0; i < l->n; i++)
        shown.series[shown.n++] = (struct chart_series){
            .x = l->curves[i].x, .y = l->curves[i].y, .n = l->curves[i].n};
    fit(b, &shown);
}

static void put_compared(struct buf *out, const struct fold *runs, int n,
                         const struct loss_points *p, double x1, const char *set, int number) {
    struct losses l = {.n = 0};
    char id[16], title[FIGURE_NAME + 16] = "Training loss, smoothed";
    if (set) NAME(title, "Loss on %s", set);
    snprintf(id, sizeof id, "all-%d", number);
    struct both b = {.figure = {.title = title, .unit = nats, .x1 = x1, .about = title}};
    for (int i = 0; i < n; i++) add_run(&l, &p[i], &runs[i], i, set);
    fit_curves(&b, &l);
    b.figure.curves = l.curves;
    b.figure.n_curves = l.n;
    put_both(out, &b, id);
    if (set) buf_str(out, "<p class=\"note\">Dashed: what each run's base has on it.</p>\n");
}

/* Whether an earlier run has a set of this name: it has been shown. */
static bool was_shown(const struct fold *runs, int run, const char *set) {
    for (int i = 0; i < run; i++)
        if (find_set(&runs[i].history, set) >= 0) return true;
    return false;
}

void curves_compared(struct buf *out, const struct fold *runs, int n) {
    const struct loss_view view = {.unit = unit, .smoothing = SMOOTHING_USUAL};
    struct loss_points *p = calloc((size_t)n, sizeof *p);
    double x1 = 1;
    int made = 0, number = 0;
    for (int i = 0; i < n; i++) x1 = fmax(x1, fold_last_step(&runs[i]));
    while (p && made < n &&
           loss_points_make(&p[made], &view, &runs[made].history, 0, x1, FIGURE_COLUMNS))
        made++;
    if (made == n) {
        put_compared(out, runs, n, p, x1, NULL, number++);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < runs[i].history.n_sets; k++)
                if (!was_shown(runs, i, runs[i].history.sets[k].name))
                    put_compared(out, runs, n, p, x1, runs[i].history.sets[k].name, number++);
    } else out->failed = true;
    for (int i = 0; i < made; i++) loss_points_free(&p[i]);
    free(p);
}
