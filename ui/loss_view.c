#include "ui/loss_view.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_POINTS = 4 }; /* that a zoomed window holds */

/* ---- x */

/* 1, 2 or 5 times a power of ten, not below `least`. */
static double round_step(double least) {
    double power = pow(10, floor(log10(least))), digits = least / power;
    return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
}

/* The end of an axis that reaches `last`: a little further, so that it seldom moves, but not
 * beyond the end of what is planned. */
static double axis_end(const struct loss_view *v, const struct history *h, double last) {
    double end = last, planned = 0;
    if (last > 0) end = ceil(last / round_step(last / 16)) * round_step(last / 16);
    for (int i = 0; i < h->n_stages; i++) planned += (double)h->stages[i].steps;
    if (v->unit == UNIT_STEPS && planned >= last && end > planned) end = planned;
    return end;
}

/* x of the newest point of the run or, further on, of one that lies over it. */
static double last_of_all(const struct loss_view *v, double last) {
    double now[UNIT_COUNT];
    for (int i = 0; v->overlays && i < v->overlays->n; i++) {
        history_now(&v->overlays->at[i]->history, now);
        last = fmax(last, now[v->unit]);
    }
    return last;
}

void loss_view_x(const struct loss_view *v, const struct history *h, double *x0, double *x1) {
    double now[UNIT_COUNT];
    history_now(h, now);
    double last = now[v->unit];
    *x0 = v->x0;
    *x1 = v->x1;
    if (v->zoomed && v->follow) {
        *x0 = last - (v->x1 - v->x0);
        *x1 = last;
    } else if (!v->zoomed) {
        bool from_stage = v->follow && h->stage_start < h->train.n;
        *x0 = from_stage ? h->train.x[v->unit][h->stage_start] : 0;
        *x1 = axis_end(v, h, last_of_all(v, last));
    }
    if (!(*x1 > *x0)) *x1 = *x0 + 1;
}

void loss_view_reset(struct loss_view *v) { v->zoomed = v->follow = v->held = false; }

/* The window becomes the user's, within the run; the y range holds still from now on. */
static void set_window(struct loss_view *v, const struct history *h, double x0, double x1) {
    double now[UNIT_COUNT];
    history_now(h, now);
    double end = axis_end(v, h, last_of_all(v, now[v->unit])), width = x1 - x0;
    double least = h->train.n > 0 ? end * LEAST_POINTS / (double)h->train.n : 1;
    if (width < least) {
        x0 -= (least - width) / 2;
        width = least;
    }
    if (width >= end) {
        loss_view_reset(v);
        return;
    }
    if (x0 + width > end) x0 = end - width;
    if (x0 < 0) x0 = 0;
    v->zoomed = true;
    v->x0 = x0;
    v->x1 = x0 + width;
    v->held = false; /* fitted to the new window by whoever draws next, then held */
}

void loss_view_zoom(struct loss_view *v, const struct history *h, double factor,
                    double around) {
    double x0, x1;
    loss_view_x(v, h, &x0, &x1);
    set_window(v, h, around - (around - x0) * factor, around + (x1 - around) * factor);
}

void loss_view_pan(struct loss_view *v, const struct history *h, double share) {
    double x0, x1;
    if (!v->zoomed && !v->follow) return; /* everything is in sight */
    loss_view_x(v, h, &x0, &x1);
    v->follow = false;
    set_window(v, h, x0 + share * (x1 - x0), x1 + share * (x1 - x0));
}

void loss_view_follow(struct loss_view *v, const struct history *h) {
    loss_view_x(v, h, &v->x0, &v->x1);
    v->follow = !v->follow;
    v->held = false;
}

bool loss_view_show(struct loss_view *v, const struct history *h, double x) {
    double x0, x1;
    loss_view_x(v, h, &x0, &x1);
    if (x >= x0 && x <= x1) return false;
    v->follow = false;
    if (v->zoomed) set_window(v, h, x - (x1 - x0) / 2, x + (x1 - x0) / 2);
    return true;
}

/* x in another unit, by the point of the run that stands there. */
static double translate(const struct history *h, double x, enum series_unit from,
                        enum series_unit to) {
    size_t i = series_find(&h->train, from, x);
    if (h->train.n == 0 || x <= 0) return 0;
    return h->train.x[to][i < h->train.n ? i : h->train.n - 1];
}

void loss_view_unit(struct loss_view *v, const struct history *h) {
    enum series_unit unit = (enum series_unit)((v->unit + 1) % UNIT_COUNT);
    v->x0 = translate(h, v->x0, v->unit, unit);
    v->x1 = translate(h, v->x1, v->unit, unit);
    v->cursor = translate(h, v->cursor, v->unit, unit);
    v->unit = unit;
    if (v->zoomed && !(v->x1 > v->x0)) loss_view_reset(v);
}

/* ---- points */

struct thinning {
    const struct series *s;
    const float *y; /* [s->n] */
    enum series_unit unit;
    size_t from, to; /* points in sight and a neighbour on either side */
    double x0, x1;
    int columns;
    double *x_out, *y_out;
    size_t n;
};

static void put(struct thinning *t, double x, double y) {
    t->x_out[t->n] = x;
    t->y_out[t->n++] = y;
}

/* The largest number of points that thinning gives. */
static size_t most_points(int columns) { return 3 * (size_t)columns + 4; }

/* Where the band is thick the extremes of a column matter, on a line its last point. */
static void thin_column(struct thinning *t, size_t from, size_t to, bool band) {
    if (from >= to) return;
    const double *x = t->s->x[t->unit];
    if (!band) {
        put(t, x[to - 1], (double)t->y[to - 1]);
        return;
    }
    struct span span = series_span(t->s, from, to);
    if (span.lo <= span.hi) {
        put(t, x[from], (double)span.lo);
        put(t, x[to - 1], (double)span.hi);
    }
    if (span.bad) put(t, x[to - 1], (double)NAN);
}

static void thin(struct thinning *t, bool band) {
    const double *x = t->s->x[t->unit];
    t->from = series_find(t->s, t->unit, t->x0);
    t->to = series_find(t->s, t->unit, t->x1);
    while (t->to < t->s->n && x[t->to] <= t->x1) t->to++; /* those on the border itself */
    if (t->from > 0) t->from--;
    if (t->to < t->s->n) t->to++;
    if (t->to - t->from <= (size_t)t->columns) {
        for (size_t i = t->from; i < t->to; i++) put(t, x[i], (double)t->y[i]);
        return;
    }
    size_t at = t->from;
    for (int k = 0; k < t->columns && at < t->to; k++) {
        double edge = t->x0 + (k + 1) * (t->x1 - t->x0) / t->columns;
        size_t next = k + 1 < t->columns ? series_find(t->s, t->unit, edge) : t->to;
        if (next < at) next = at;
        if (next > t->to) next = t->to;
        thin_column(t, at, next, band);
        at = next;
    }
}

/* Add one series; its points go to the next free place. */
static void add(struct loss_points *p, struct thinning *t, const struct series *s,
                const float *y, struct chart_series look) {
    t->s = s;
    t->y = y;
    t->n = 0;
    if (s->n > 0) thin(t, look.band);
    look.x = t->x_out;
    look.y = t->y_out;
    look.n = t->n;
    p->series[p->n++] = look;
    t->x_out += t->n;
    t->y_out += t->n;
}

static enum style set_style(int set) { return set == 0 ? STYLE_VAL : STYLE_DOMAIN; }

/* A smooth curve and evaluations, told from the run's own by style and letter. */
static void add_overlay(struct loss_points *p, struct thinning *t, const struct loss_view *v,
                        int at, const struct history *h) {
    enum { LETTERS_APART = 8 }; /* columns, along the curve */
    const struct overlay *o = v->overlays->at[at];
    enum style style = (enum style)(STYLE_OVERLAY_1 + at);
    add(p, t, &o->history.train, o->history.smooth[v->smoothing],
        (struct chart_series){.style = style,
                              .points = true,
                              .letter = (char)('1' + at),
                              .spacing = LETTERS_APART});
    for (int i = 0; i < o->history.n_sets; i++)
        if (overlay_shows_set(o, i, h))
            add(p, t, &o->history.sets[i].tuned, o->history.sets[i].tuned.y,
                (struct chart_series){
                    .style = style, .points = true, .loose = true, .letter = (char)('a' + at)});
}

bool loss_points_make(struct loss_points *p, const struct loss_view *v, const struct history *h,
                      double x0, double x1, int columns) {
    int n_overlays = v->overlays ? v->overlays->n : 0, n = 2 + 2 * h->n_sets;
    for (int i = 0; i < n_overlays; i++) n += 1 + v->overlays->at[i]->history.n_sets;
    size_t room = most_points(columns) * (size_t)n;
    *p = (struct loss_points){.memory = malloc(2 * room * sizeof(double))};
    if (!p->memory) return false;
    struct thinning t = {.unit = v->unit,
                         .x0 = x0,
                         .x1 = x1,
                         .columns = columns,
                         .x_out = p->memory,
                         .y_out = p->memory + room};
    add(p, &t, &h->train, h->train.y, (struct chart_series){.style = STYLE_BAND, .band = true});
    for (int i = 0; i < n_overlays; i++) add_overlay(p, &t, v, i, h);
    for (int i = 0; i < h->n_sets; i++)
        add(p, &t, &h->sets[i].base, h->sets[i].base.y,
            (struct chart_series){.style = STYLE_BASE, .dashed = true});
    if (v->smoothing > 0)
        add(p, &t, &h->train, h->smooth[v->smoothing],
            (struct chart_series){.style = STYLE_TRAIN});
    else p->series[0].style = STYLE_TRAIN;
    for (int i = 0; i < h->n_sets; i++)
        add(p, &t, &h->sets[i].tuned, h->sets[i].tuned.y,
            (struct chart_series){.style = set_style(i), .points = true});
    return true;
}

void loss_points_free(struct loss_points *p) {
    free(p->memory);
    p->memory = NULL;
}

/* ---- y */

bool loss_view_y(const struct loss_view *v, const struct loss_points *p, double x0, double x1,
                 double *y0, double *y1) {
    if (v->held) {
        *y0 = v->y0;
        *y1 = v->y1;
        return true;
    }
    if (!chart_fit(p->series, p->n, x0, x1, v->log_y, y0, y1)) return false;
    if (v->log_y) { /* to tenths of a decade */
        *y0 = pow(10, floor(log10(*y0) * 10) / 10);
        *y1 = pow(10, ceil(log10(*y1) * 10) / 10);
        return *y0 > 0 && *y1 > *y0;
    }
    double step = round_step((*y1 - *y0) / 10);
    *y0 = floor(*y0 / step) * step;
    *y1 = ceil(*y1 / step) * step;
    return *y1 > *y0;
}
