/* chart.h - curves in a rectangle: braille (2x4 dots a cell), half blocks (1x2) or ASCII.
 * Pure: points in, cells out. One series' cell covers another's in the order of drawing. */
#ifndef THAW_UI_CHART_H
#define THAW_UI_CHART_H
#include "ui/canvas.h"

/* What part of the world is shown. */
struct chart_range {
    double x0, x1, y0, y1; /* x0 < x1, y0 < y1 */
    bool log_y;            /* y0 > 0 then */
    bool powers_x;         /* x is a decimal logarithm: the axis tells 1e-3 where x is -3 */
    bool bare;             /* no x axis, nor marks' letters: those of a chart below stand for it */
};

struct chart_series {
    const double *x, *y; /* [n], x ascending; NaN or infinite y: a gap, and an 'x' mark at the top */
    size_t n;
    enum style style;
    bool dashed;         /* every other dot (the base line) */
    bool points;         /* marks at the points as well (evaluations) */
    bool loose;          /* no line, the points alone */
    char letter;         /* in place of the points' marks, and of the line in ASCII; 0: by style */
    int spacing;         /* columns of cells from one mark to the next at least; 0: 3 */
    bool band;           /* min to max of the points of each column, instead of a line */
};

/* Something that happened at x: a letter in the row of the marks, above the numbers. Of marks in one column
 * the first is seen. */
struct chart_mark {
    double x;
    char letter;
    enum style style;
    bool line;        /* with a vertical dotted line */
    const char *word; /* stands among the numbers, from x on, where all of it has room; NULL: none */
};

/* Draw axes' labels, marks and series into `area`: the left columns are the y labels, the last rows are
 * those of the marks and of the x axis. Where it is low there is no row for letters. Number formats are
 * fixed-width. */
void chart_draw(struct canvas *c, struct rect area, const struct chart_range *range,
                const struct chart_series *series, int n_series, const struct chart_mark *marks,
                int n_marks);

/* The part of `area` that the curves have; the labels stand beside and below it. */
struct rect chart_plot(struct rect area);

/* A y range for the points within [x0, x1]: from the 0.5 to the 99.5 percentile, the first
 * few (warm-up) outliers not counted, widened by 5 %. False when there is no finite point. */
bool chart_fit(const struct chart_series *series, int n_series, double x0, double x1, bool log_y,
               double *y0, double *y1);

/* The first index of the ascending x[n] that is not below `at`; n when all are. */
size_t chart_find(const double *x, size_t n, double at);

/* One row of a sparkline of y[n] into w cells at (x, y). */
void chart_sparkline(struct canvas *c, int x, int row, int w, const double *y, size_t n,
                     enum style style);
/* Numbers with fixed width for labels: "4.20", "12.4k", "1e-4". out has at least 12 bytes. */
void chart_number(char *out, double v);
/* The same with as many digits as tell v from v + step, if that takes at most `most` columns. */
void chart_tick(char *out, double v, double step, int most);
#endif
