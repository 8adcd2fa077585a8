#include "ui/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GUTTER = 6,
    GUTTER_FROM_W = 20,
    AXIS_FROM_H = 3,
    MARKS_FROM_H = 8,
    MARK_SPACING = 3,
    LABEL_BYTES = 12,
    MAX_TICKS = 64,
    NO_COLUMN = INT32_MIN,
    NO_ROW = INT32_MAX
};

/* Bits of a cell beside its dots. */
enum { CELL_POINT = 1 << 8, CELL_BAD = 1 << 9 };

/* The rectangle of the curves, and how values become dots. */
struct plot {
    struct canvas *c;
    struct rect area;         /* cells, relative to the clip */
    struct chart_range range; /* y0, y1 already logarithms when log_y */
    int dot_w, dot_h;         /* dots a cell */
    int w, h;                 /* dots */
    uint16_t *cells;          /* [area.h * area.w] dots and marks of the series being drawn */
};

/* ---- dots */

/* Clamped well outside, so that it fits an int. */
static double dot_y(const struct plot *p, double y) {
    double v = p->range.log_y ? log(y) : y;
    double d = (p->range.y1 - v) / (p->range.y1 - p->range.y0) * (p->h - 1);
    return fmin(fmax(d, -4.0 * p->h), 5.0 * p->h);
}

static double dot_x(const struct plot *p, double x) {
    return (x - p->range.x0) / (p->range.x1 - p->range.x0) * (p->w - 1);
}

/* The row of cells where y stands, -1 when out of range. */
static int tick_row(const struct plot *p, double y) {
    double v = p->range.log_y ? log(y) : y, slack = 1e-9 * (p->range.y1 - p->range.y0);
    if (!(v >= p->range.y0 - slack && v <= p->range.y1 + slack)) return -1;
    return (int)lround(dot_y(p, y)) / p->dot_h;
}

static uint16_t *plot_cell(const struct plot *p, int x, int y) {
    return &p->cells[(size_t)(y / p->dot_h) * (size_t)p->area.w + (size_t)(x / p->dot_w)];
}

static bool inside(const struct plot *p, int x, int y) {
    return x >= 0 && x < p->w && y >= 0 && y < p->h;
}

static void set_dot(const struct plot *p, int x, int y) {
    static const uint8_t braille[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    if (!inside(p, x, y)) return;
    unsigned bit = p->dot_w == 2 ? braille[y % 4][x % 2] : 1u << (y % p->dot_h);
    *plot_cell(p, x, y) |= (uint16_t)bit;
}

static void set_column(const struct plot *p, int x, double from, double to) {
    int a = (int)lround(fmin(from, to)), b = (int)lround(fmax(from, to));
    if (a < 0) a = 0;
    if (b > p->h - 1) b = p->h - 1;
    for (int y = a; y <= b; y++) set_dot(p, x, y);
}

/* A connected line of dots; dashed: those of every other column. */
static void set_line(const struct plot *p, double x0, double y0, double x1, double y1,
                     bool dashed) {
    double slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : 0.0;
    if (x0 < 0.0) y0 -= slope * x0, x0 = 0.0;
    if (x1 > p->w - 1) y1 -= slope * (x1 - (p->w - 1)), x1 = p->w - 1;
    if (x0 > x1) return;
    int steps = (int)ceil(fmax(x1 - x0, fabs(y1 - y0)));
    for (int k = 0; k <= steps; k++) {
        double share = steps > 0 ? (double)k / steps : 0.0;
        int x = (int)lround(x0 + share * (x1 - x0)), y = (int)lround(y0 + share * (y1 - y0));
        if (!dashed || p->dot_h == 1 || x % 2 == 0) set_dot(p, x, y);
    }
}

/* ---- series */

/* The points that fall into one column of dots. */
struct column {
    int x; /* dots; NO_COLUMN: none */
    double exact_x, low, high, first, last;
};

struct pen {
    struct column now, before; /* no `before`: the run's start or a gap */
    double end;                /* x where `now` ends, -HUGE_VAL without one */
    int last_mark;             /* cell column of the last point mark */
};

static int spacing_of(const struct chart_series *s) {
    return s->spacing > 0 ? s->spacing : MARK_SPACING;
}

static void mark_point(const struct plot *p, const struct chart_series *s, struct pen *pen,
                       const struct column *at) {
    int y = (int)lround(dot_y(p, at->last)), cell_x = at->x / p->dot_w;
    if (!inside(p, at->x, y) || cell_x - pen->last_mark < spacing_of(s)) return;
    *plot_cell(p, at->x, y) |= CELL_POINT;
    pen->last_mark = cell_x;
}

/* Draw the finished column and the way to it from the one before. */
static void finish_column(const struct plot *p, const struct chart_series *s, struct pen *pen) {
    struct column *now = &pen->now;
    if (now->x == NO_COLUMN) return;
    bool on_screen = now->x >= 0 && now->x < p->w;
    double low = dot_y(p, now->low), high = dot_y(p, now->high);
    if (s->band) {
        if (on_screen) set_column(p, now->x, low, high);
    } else if (!s->loose) {
        if (pen->before.x != NO_COLUMN)
            set_line(p, pen->before.exact_x, dot_y(p, pen->before.last), now->exact_x,
                     dot_y(p, now->first), s->dashed);
        if (on_screen && (!s->dashed || p->dot_h == 1 || now->x % 2 == 0))
            set_column(p, now->x, low, high);
    }
    if (s->points && on_screen) mark_point(p, s, pen, now);
    pen->before = *now;
    now->x = NO_COLUMN;
}

static void mark_bad(const struct plot *p, double x) {
    double dot = dot_x(p, x);
    if (dot > -0.5 && dot < p->w - 0.5) *plot_cell(p, (int)lround(dot), 0) |= CELL_BAD;
}

static void start_column(const struct plot *p, struct pen *pen, double x, double y) {
    double dots = p->w - 1, width = p->range.x1 - p->range.x0;
    double exact = fmin(fmax(dot_x(p, x), -1e9), 1e9);
    pen->now = (struct column){(int)lround(exact), exact, y, y, y, y};
    pen->end = p->range.x0 + (pen->now.x + 0.5) / dots * width;
}

/* One pass over the points in range and the neighbours outside, to which lines lead. A point
 * more of the same column, which is what most are in a long run, costs a few comparisons. */
static void trace(const struct plot *p, const struct chart_series *s) {
    struct pen pen = {.now.x = NO_COLUMN,
                      .before.x = NO_COLUMN,
                      .end = -HUGE_VAL,
                      .last_mark = -spacing_of(s)};
    size_t i = chart_find(s->x, s->n, p->range.x0);
    if (i > 0) i--;
    for (bool over = false; i < s->n && !over; i++) {
        double x = s->x[i], y = s->y[i];
        bool good = isfinite(y) && (!p->range.log_y || y > 0.0);
        if (good && x < pen.end) {
            if (y < pen.now.low) pen.now.low = y;
            if (y > pen.now.high) pen.now.high = y;
            pen.now.last = y;
            continue;
        }
        finish_column(p, s, &pen);
        pen.end = -HUGE_VAL;
        if (good) {
            start_column(p, &pen, x, y);
        } else {
            pen.before.x = NO_COLUMN;
            mark_bad(p, x);
        }
        over = x > p->range.x1;
    }
    finish_column(p, s, &pen);
}

/* ASCII and monochrome screens tell series apart by these. */
static char line_char(const struct chart_series *s) {
    if (s->band) return '.';
    if (s->letter) return s->letter;
    switch (s->style) {
    case STYLE_VAL:
        return '-';
    case STYLE_DOMAIN:
        return '~';
    case STYLE_BASE:
        return '=';
    default:
        return '*';
    }
}

static char point_char(const struct chart_series *s) {
    if (s->letter) return s->letter;
    return s->style == STYLE_DOMAIN ? '+' : 'o';
}

static uint32_t glyph(const struct plot *p, const struct chart_series *s, unsigned dots) {
    static const uint32_t halves[4] = {' ', 0x2580, 0x2584, 0x2588};
    if (p->dot_w == 2) return 0x2800 + dots;
    return p->dot_h == 2 ? halves[dots & 3] : (uint32_t)line_char(s);
}

/* The cells of a traced series onto the canvas; empties them for the next one. */
static void show_cells(const struct plot *p, const struct chart_series *s) {
    for (int y = 0; y < p->area.h; y++)
        for (int x = 0; x < p->area.w; x++) {
            uint16_t *cell = &p->cells[(size_t)y * (size_t)p->area.w + (size_t)x];
            if (*cell == 0) continue;
            if (*cell & CELL_BAD)
                canvas_put(p->c, p->area.x + x, p->area.y + y, 'x', STYLE_ERROR);
            else
                canvas_put(p->c, p->area.x + x, p->area.y + y,
                           *cell & CELL_POINT ? (uint32_t)point_char(s) : glyph(p, s, *cell),
                           s->style);
            *cell = 0;
        }
}

/* ---- labels and marks */

/* "1.00k" -> "1k", "1.50" -> "1.5": for the x axis. */
static void trim_zeros(char *s) {
    char *dot = strchr(s, '.');
    if (!dot) return;
    size_t digits = strspn(dot + 1, "0123456789"), keep = digits;
    while (keep > 0 && dot[keep] == '0') keep--;
    char *from = dot + 1 + digits;
    memmove(keep > 0 ? dot + 1 + keep : dot, from, strlen(from) + 1);
}

/* The largest of 1, 2, 5 times a power of ten that is not above `most`. */
static double nice_step(double most) {
    double power = pow(10.0, floor(log10(most)));
    double m = most / power;
    return power * (m < 2.0 ? 1.0 : m < 5.0 ? 2.0 : 5.0);
}

/* The label of v at its row; what the label before it says already is left out. */
static void y_label(const struct plot *p, double v, double step, char last[LABEL_BYTES]) {
    int row = tick_row(p, v);
    if (row < 0) return;
    char text[LABEL_BYTES];
    chart_tick(text, fabs(v) < step * 1e-6 ? 0.0 : v, step, GUTTER - 1);
    if (strcmp(text, last) == 0) return;
    snprintf(last, LABEL_BYTES, "%s", text);
    canvas_printf(p->c, p->area.x - GUTTER, p->area.y + row, STYLE_AXIS, "%*s", GUTTER - 1,
                  text);
}

/* Round numbers within the range, lowest first and two rows apart at least: powers of ten, and
 * 2 and 5 times those when n_digits is 3. */
static int log_ticks(const struct plot *p, const struct chart_range *range, int n_digits,
                     double out[MAX_TICKS]) {
    static const double digits[] = {1.0, 2.0, 5.0};
    int n = 0, last = NO_ROW;
    int from = (int)floor(log10(range->y0)), to = (int)ceil(log10(range->y1));
    for (int e = from; e <= to; e++)
        for (int d = 0; d < n_digits && n < MAX_TICKS; d++) {
            double v = digits[d] * pow(10.0, e);
            int row = tick_row(p, v);
            if (row < 0 || last - row < 2) continue;
            out[n++] = v;
            last = row;
        }
    return n;
}

static void y_labels(const struct plot *p, const struct chart_range *range) {
    double ticks[MAX_TICKS];
    char last[LABEL_BYTES] = "";
    int n = range->log_y ? log_ticks(p, range, 1, ticks) : 0;
    if (range->log_y && n < 2) n = log_ticks(p, range, 3, ticks);
    for (int i = 0; n >= 2 && i < n; i++) y_label(p, ticks[i], ticks[i], last);
    if (n >= 2) return;
    int least = p->area.h / 5 < 2 ? 2 : p->area.h / 5; /* and at most 2.5 times as many */
    double step = nice_step((range->y1 - range->y0) / least);
    for (double k = ceil(range->y0 / step); k * step <= range->y1; k++)
        y_label(p, k * step, step, last);
}

/* The cell column of x, or -1. */
static int cell_column(const struct plot *p, double x) {
    double d = dot_x(p, x);
    return d > -0.5 && d < p->w - 0.5 ? (int)lround(d) / p->dot_w : -1;
}

static void draw_line(const struct plot *p, const struct chart_mark *mark) {
    int column = cell_column(p, mark->x);
    if (column < 0 || !mark->line) return;
    bool right = p->dot_w == 2 && lround(dot_x(p, mark->x)) % 2;
    uint32_t dots = p->dot_w < 2 ? ':' : right ? 0x2828 : 0x2805;
    canvas_fill(p->c, (struct rect){p->area.x + column, p->area.y, 1, p->area.h}, dots,
                mark->style);
}

static void draw_letter(const struct plot *p, const struct chart_mark *mark) {
    int column = cell_column(p, mark->x);
    if (column >= 0 && mark->letter)
        canvas_put(p->c, p->area.x + column, p->area.y + p->area.h, (unsigned char)mark->letter,
                   mark->style);
}

/* The columns [*from, *to) of a mark's word on the axis. False: it has none, or no room. */
static bool word_place(const struct plot *p, const struct chart_mark *mark, int *from,
                       int *to) {
    *from = cell_column(p, mark->x);
    *to = *from + (mark->word ? (int)strlen(mark->word) : 0);
    return mark->word && *from >= 0 && *to <= p->area.w;
}

/* Whether a number in columns [from, to) would touch no word. */
static bool is_free(const struct plot *p, const struct chart_mark *marks, int n, int from,
                    int to) {
    for (int i = 0; i < n; i++) {
        int word_from, word_to;
        if (word_place(p, &marks[i], &word_from, &word_to) && from <= word_to &&
            to >= word_from)
            return false;
    }
    return true;
}

static void axis_text(const struct plot *p, double x, double step, char *out) {
    if (p->range.powers_x) chart_number(out, pow(10.0, x));
    else chart_tick(out, fabs(x) < step * 1e-6 ? 0.0 : x, step, LABEL_BYTES);
    trim_zeros(out);
}

/* Round numbers, and between them the words of marks. */
static void draw_axis(const struct plot *p, int y, const struct chart_mark *marks,
                      int n_marks) {
    int next = 0, least = p->area.w / 12 < 1 ? 1 : p->area.w / 12;
    double x0 = p->range.x0, x1 = p->range.x1, step = nice_step((x1 - x0) / least);
    if (p->range.powers_x) step = fmax(step, 1.0); /* a fraction is no round number */
    for (double k = ceil(x0 / step); k * step <= x1; k++) {
        char text[LABEL_BYTES];
        axis_text(p, k * step, step, text);
        int length = (int)strlen(text), column = cell_column(p, k * step) - length / 2;
        if (column < 0) column = 0;
        if (column + length > p->area.w) column = p->area.w - length;
        if (column < next || !is_free(p, marks, n_marks, column, column + length)) continue;
        canvas_text(p->c, p->area.x + column, y, STYLE_AXIS, text, (size_t)length);
        next = column + length + 1;
    }
    for (int i = n_marks - 1; i >= 0; i--) {
        int from, to;
        if (word_place(p, &marks[i], &from, &to))
            canvas_text(p->c, p->area.x + from, y, marks[i].style, marks[i].word,
                        strlen(marks[i].word));
    }
}

/* ---- the whole */

struct rect chart_plot(struct rect area) {
    if (area.h >= AXIS_FROM_H) area.h -= area.h >= MARKS_FROM_H ? 2 : 1;
    if (area.w >= GUTTER_FROM_W) area.x += GUTTER, area.w -= GUTTER;
    return area;
}

static struct plot make_plot(struct canvas *c, struct rect area,
                             const struct chart_range *range) {
    struct plot p = {.c = c, .area = chart_plot(area), .range = *range};
    if (range->bare) p.area.h = area.h;
    p.dot_w = c->glyphs == GLYPHS_BRAILLE ? 2 : 1;
    p.dot_h = c->glyphs == GLYPHS_BRAILLE ? 4 : c->glyphs == GLYPHS_BLOCKS ? 2 : 1;
    p.w = p.area.w * p.dot_w;
    p.h = p.area.h * p.dot_h;
    if (range->log_y) {
        p.range.y0 = log(range->y0);
        p.range.y1 = log(range->y1);
    }
    return p;
}

static bool is_range(const struct chart_range *r) {
    return isfinite(r->x0) && isfinite(r->x1) && r->x0 < r->x1 && isfinite(r->y0) &&
           isfinite(r->y1) && r->y0 < r->y1 && (!r->log_y || r->y0 > 0.0);
}

void chart_draw(struct canvas *c, struct rect area, const struct chart_range *range,
                const struct chart_series *series, int n_series, const struct chart_mark *marks,
                int n_marks) {
    if (area.w < 2 || area.h < 1 || !is_range(range)) return;
    struct plot p = make_plot(c, area, range);
    p.cells = calloc((size_t)p.area.w * (size_t)p.area.h, sizeof *p.cells);
    if (!p.cells) return; /* a frame without curves; the next one may have them */
    if (p.area.w < area.w) y_labels(&p, range);
    for (int i = n_marks - 1; i >= 0; i--) draw_line(&p, &marks[i]);
    for (int i = 0; i < n_series; i++) {
        trace(&p, &series[i]);
        show_cells(&p, &series[i]);
    }
    for (int i = n_marks - 1; i >= 0 && p.area.h + 2 == area.h; i--) draw_letter(&p, &marks[i]);
    if (p.area.h < area.h) draw_axis(&p, area.y + area.h - 1, marks, n_marks);
    free(p.cells);
}
