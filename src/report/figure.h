/* figure.h - curves as a picture in a page: an inline SVG that stretches with the page, and its
 * words beside it as HTML, so that they keep their size on a phone and on paper.
 * Nothing is fetched and nothing runs. */
#ifndef THAW_SRC_REPORT_FIGURE_H
#define THAW_SRC_REPORT_FIGURE_H
#include <stdbool.h>
#include <stddef.h>

#include "engine/core/buf.h"

enum { FIGURE_COLOURS = 8, FIGURE_CURVES = 32, FIGURE_COLUMNS = 480, FIGURE_NAME = 80 };

enum curve_kind {
    CURVE_LINE,
    CURVE_BAND,   /* what a smooth curve is made from: pale, behind the others */
    CURVE_BASE,   /* dashed */
    CURVE_POINTS, /* a line, with a mark at each point */
    CURVE_KINDS
};

struct figure_curve {
    const double *x, *y; /* [n], borrowed; x ascending; y not finite: a gap */
    size_t n;
    enum curve_kind kind;
    int colour;             /* 0 to FIGURE_COLOURS - 1 */
    char name[FIGURE_NAME]; /* from outside, perhaps */
    bool ends;              /* its name stands at its end as well */
};

struct figure_mark {
    double x;
    char letter; /* ':': a border between stages, with a line; else as on the screen */
    const char *text;
};

struct figure {
    const char *title, *unit; /* our own words; unit: of y */
    const char *about;     /* what it shows, for who does not see it; from outside, perhaps */
    double x0, x1, y0, y1; /* x0 < x1, y0 < y1; log_y: y0 > 0 */
    bool log_y, small;
    const char *classes; /* further ones of the element, "" or " lin" */
    const struct figure_curve *curves;
    int n_curves;
    const struct figure_mark *marks; /* x ascending */
    int n_marks;
};

void figure_draw(struct buf *out, const struct figure *f);
/* What the curves' looks mean: those with a name. */
void figure_legend(struct buf *out, const struct figure_curve *curves, int n);

/* Round places in [lo, hi], at most `most`; *step: their distance, 0 where they are powers.
 * Returns how many. */
int figure_ticks(double lo, double hi, bool log, int most, double *at, double *step);
#endif
