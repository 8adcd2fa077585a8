#include "src/report/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/report/html.h"
#include "ui/chart.h"

/* TICKS: at most, in either direction. Marks nearer than a letter's share of the width are one;
 * names nearer than a line's share of the height move apart. */
enum { TICKS = 12, TITLED_POINTS = 150, NUMBER_BYTES = 12 };
static const double size = 1000, letter_share = 2.2, line_share = 6;

/* ---- places: shares of the width and height, in percent ---- */

static double across(const struct figure *f, double x) {
    return 100 * (x - f->x0) / (f->x1 - f->x0);
}

/* From the top. NaN where the axis has no such place. */
static double down(const struct figure *f, double y) {
    double share =
        f->log_y ? log(y / f->y0) / log(f->y1 / f->y0) : (y - f->y0) / (f->y1 - f->y0);
    if (!isfinite(share)) return NAN;
    return 100 * (1 - fmin(fmax(share, -1), 2)); /* what is out of sight is cut off there */
}

/* ---- ticks ---- */

/* 1, 2 or 5 times a power of ten, not below `least`. */
static double round_step(double least) {
    double power = pow(10, floor(log10(least))), digits = least / power;
    return power * (digits <= 1.0000001 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
}

static int even_ticks(double lo, double hi, int most, double *at, double *step) {
    int n = 0;
    *step = round_step((hi - lo) / most);
    for (double i = ceil(lo / *step - 1e-9); n < most && i * *step <= hi + 1e-9 * *step; i++)
        at[n++] = i * *step + 0.0; /* no -0 */
    return n;
}

/* The powers of ten, and 2 and 5 times them where there is room. */
static int power_ticks(double lo, double hi, int most, double *at) {
    static const double digits[] = {1, 2, 5};
    int n = 0, decades = (int)(log10(hi) - log10(lo)) + 1;
    int every = 1 + (decades - 1) / most, per_decade = 3 * decades <= most ? 3 : 1;
    for (int e = (int)floor(log10(lo)); e <= (int)ceil(log10(hi)); e += every)
        for (int k = 0; k < per_decade && n < most; k++) {
            double v = digits[k] * pow(10, e);
            if (v >= lo * 0.999999 && v <= hi * 1.000001) at[n++] = v;
        }
    return n;
}

int figure_ticks(double lo, double hi, bool log, int most, double *at, double *step) {
    *step = 0;
    return log && hi / lo > 10 ? power_ticks(lo, hi, most, at)
                               : even_ticks(lo, hi, most, at, step);
}

static void put_grid(struct buf *out, const struct figure *f, const double *at, int n) {
    buf_str(out, "<path class=\"grid\" d=\"");
    for (int i = 0; i < n; i++)
        buf_printf(out, "M0 %.1fH%.0f", down(f, at[i]) / 100 * size, size);
    buf_str(out, "\"/>\n");
}

/* A tick in few letters. */
static void put_tick(char out[NUMBER_BYTES], double v, double step) {
    enum { MOST = 7 }; /* columns */
    if (v == 0) snprintf(out, NUMBER_BYTES, "0");
    else chart_tick(out, v, step, MOST);
}

static void put_numbers(struct buf *out, const struct figure *f, const double *y, int n_y,
                        double step) {
    char number[NUMBER_BYTES];
    double x[TICKS], x_step;
    for (int i = 0; i < n_y; i++) {
        put_tick(number, y[i], step);
        html_put(out, "<span class=\"ty\" style=\"top:%.2f%%\">%s</span>", down(f, y[i]),
                 number);
    }
    int n_x = figure_ticks(f->x0, f->x1, false, f->small ? 4 : 6, x, &x_step);
    for (int i = 0; i < n_x; i++) {
        put_tick(number, x[i], x_step);
        html_put(out, "<span class=\"tx\" style=\"left:%.2f%%\">%s</span>", across(f, x[i]),
                 number);
    }
    buf_str(out, "\n");
}

/* ---- curves ---- */

static const char *const kind_classes[CURVE_KINDS] = {"line", "band", "base", "line"};

static void put_line(struct buf *out, const struct figure *f, const struct figure_curve *c) {
    bool pen = false;
    html_put(out, "<path class=\"%s k%d\" d=\"", kind_classes[c->kind], c->colour);
    for (size_t i = 0; i < c->n; i++) {
        double y = down(f, c->y[i]);
        if (isfinite(y))
            buf_printf(out, "%c%.1f %.1f", pen ? 'L' : 'M', across(f, c->x[i]) / 100 * size,
                       y / 100 * size);
        pen = isfinite(y);
    }
    buf_str(out, "\"/>\n");
}

/* A line of no length with a round end is a round mark, however the picture is stretched. */
static void put_points(struct buf *out, const struct figure *f, const struct figure_curve *c) {
    bool titled = c->n <= TITLED_POINTS;
    if (!titled) html_put(out, "<path class=\"dot k%d\" d=\"", c->colour);
    for (size_t i = 0; i < c->n; i++) {
        double x = across(f, c->x[i]) / 100 * size, y = down(f, c->y[i]) / 100 * size;
        if (!isfinite(y)) continue;
        if (!titled) buf_printf(out, "M%.1f %.1fh0", x, y);
        else
            html_put(out,
                     "<path class=\"dot k%d\" d=\"M%.1f %.1fh0\"><title>%s: %.4g at step "
                     "%.0f</title></path>\n",
                     c->colour, x, y, c->name, c->y[i], c->x[i]);
    }
    if (!titled) buf_str(out, "\"/>\n");
}

static void put_borders(struct buf *out, const struct figure *f) {
    buf_str(out, "<path class=\"border\" d=\"");
    for (int i = 0; i < f->n_marks; i++)
        if (f->marks[i].letter == ':')
            buf_printf(out, "M%.1f 0V%.0f", across(f, f->marks[i].x) / 100 * size, size);
    buf_str(out, "\"/>\n");
}

/* ---- marks ---- */

/* Whether a mark says more than another of the same place. */
static int weight(char letter) {
    return letter == ':' ? 3 : letter == '!' ? 2 : letter == 'C' ? 0 : 1;
}

/* Marks that share a place become one: the weightiest letter, all the texts. */
static void put_marks(struct buf *out, const struct figure *f) {
    for (int i = 0, end; i < f->n_marks; i = end) {
        double at = across(f, f->marks[i].x);
        const struct figure_mark *most = &f->marks[i];
        for (end = i + 1; end < f->n_marks && across(f, f->marks[end].x) < at + letter_share;
             end++)
            if (weight(f->marks[end].letter) > weight(most->letter)) most = &f->marks[end];
        if (at < -0.01 || at > 100.01) continue;
        bool border = most->letter == ':';
        html_put(out, "<span class=\"mk%s\" style=\"left:%.2f%%\" title=\"",
                 border                ? " stage"
                 : most->letter == '!' ? " bad"
                                       : "",
                 across(f, most->x));
        html_put(out, "step %.0f: %s", most->x, most->text);
        if (end - i > 1) html_put(out, " (and %d more near it)", end - i - 1);
        if (border) html_put(out, "\">%s</span>", most->text);
        else buf_printf(out, "\">%c</span>", most->letter);
    }
    buf_str(out, "\n");
}

/* ---- names at the curves' ends ---- */

struct end_name {
    double top; /* percent */
    const struct figure_curve *curve;
};

static int by_top(const void *a, const void *b) {
    double x = ((const struct end_name *)a)->top, y = ((const struct end_name *)b)->top;
    return (x > y) - (x < y);
}

/* The last finite y that is in sight. */
static double end_of(const struct figure *f, const struct figure_curve *c) {
    for (size_t i = c->n; i > 0; i--)
        if (isfinite(c->y[i - 1])) return down(f, c->y[i - 1]);
    return NAN;
}

static void put_ends(struct buf *out, const struct figure *f) {
    struct end_name names[FIGURE_CURVES];
    int n = 0;
    for (int i = 0; i < f->n_curves; i++) {
        double top = f->curves[i].ends ? end_of(f, &f->curves[i]) : (double)NAN;
        if (top >= 0 && top <= 100) names[n++] = (struct end_name){top, &f->curves[i]};
    }
    qsort(names, (size_t)n, sizeof names[0], by_top);
    for (int i = 1; i < n; i++)
        names[i].top = fmax(names[i].top, names[i - 1].top + line_share);
    for (int i = n - 1; i >= 0; i--) { /* those pushed out below move up again */
        double most = i == n - 1 ? 100 : names[i + 1].top - line_share;
        names[i].top = fmin(names[i].top, most);
    }
    for (int i = 0; i < n; i++)
        html_put(out, "<span class=\"end t%d\" style=\"top:%.2f%%\">%s</span>",
                 names[i].curve->colour, names[i].top, names[i].curve->name);
    buf_str(out, "\n");
}

/* ---- all of it ---- */

void figure_draw(struct buf *out, const struct figure *f) {
    double y[TICKS], step;
    int n_y = figure_ticks(f->y0, f->y1, f->log_y, f->small ? 4 : 7, y, &step);
    html_put(out,
             "<figure class=\"fig%s%s\">\n<figcaption>%s <span class=\"unit\">%s</span>"
             "</figcaption>\n<div class=\"area\">\n"
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
             "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">\n",
             f->small ? " small" : "", f->classes, f->title, f->unit, size, size, f->about);
    put_grid(out, f, y, n_y);
    put_borders(out, f);
    for (int i = 0; i < f->n_curves; i++) put_line(out, f, &f->curves[i]);
    for (int i = 0; i < f->n_curves; i++)
        if (f->curves[i].kind == CURVE_POINTS) put_points(out, f, &f->curves[i]);
    buf_str(out, "</svg>\n<div class=\"axes\" aria-hidden=\"true\">\n");
    put_numbers(out, f, y, n_y, step);
    put_marks(out, f);
    put_ends(out, f);
    buf_str(out, "</div>\n</div>\n</figure>\n");
}

static void put_entry(struct buf *out, const struct figure_curve *c) {
    html_put(out,
             "<li><svg xmlns=\"http://www.w3.org/2000/svg\" class=\"key\" viewBox=\"0 0 28 "
             "10\" aria-hidden=\"true\"><path class=\"%s k%d\" d=\"M1 5H27\"/>",
             kind_classes[c->kind], c->colour);
    if (c->kind == CURVE_POINTS)
        html_put(out, "<path class=\"dot k%d\" d=\"M14 5h0\"/>", c->colour);
    html_put(out, "</svg>%s</li>\n", c->name);
}

/* In another order than that of drawing, in which what matters most comes last. */
void figure_legend(struct buf *out, const struct figure_curve *curves, int n) {
    static const enum curve_kind order[] = {CURVE_LINE, CURVE_POINTS, CURVE_BASE, CURVE_BAND};
    buf_str(out, "<ul class=\"legend\">\n");
    for (int k = 0; k < CURVE_KINDS; k++)
        for (int i = 0; i < n; i++)
            if (curves[i].kind == order[k] && curves[i].name[0]) put_entry(out, &curves[i]);
    buf_str(out, "</ul>\n");
}
