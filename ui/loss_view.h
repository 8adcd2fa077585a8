/* loss_view.h - which part of the run the loss chart shows, and its points thinned to what
 * fits. Thinning keeps the smallest and the largest of every column of dots, so spikes survive,
 * and costs O(columns log n) however long the run is. */
#ifndef THAW_UI_LOSS_VIEW_H
#define THAW_UI_LOSS_VIEW_H
#include "ui/chart.h"
#include "ui/history.h"
#include "ui/overlay.h"

struct loss_view {
    enum series_unit unit;
    int smoothing; /* index into smoothing_factors */
    bool log_y;
    bool zoomed; /* x0, x1 are the user's */
    bool follow; /* they move with the newest step; not zoomed: they begin at the stage */
    double x0, x1;
    bool held; /* y0, y1 stay as they are */
    double y0, y1;
    bool cursor_on;
    double cursor;                   /* x */
    const struct overlays *overlays; /* borrowed; NULL: none */
};

enum { LOSS_SERIES = 2 + 2 * HISTORY_SETS + OVERLAYS_MAX * (1 + HISTORY_SETS) };

/* Series ready for chart_draw(), with the memory of their points. */
struct loss_points {
    struct chart_series series[LOSS_SERIES];
    int n;
    double *memory;
};

/* The x range that is shown. */
void loss_view_x(const struct loss_view *v, const struct history *h, double *x0, double *x1);
/* Thin everything to `columns` dots, in the order of drawing: raw band, other runs, bases, the
 * smooth curve, evaluations. False when memory is out. */
bool loss_points_make(struct loss_points *p, const struct loss_view *v, const struct history *h,
                      double x0, double x1, int columns);
void loss_points_free(struct loss_points *p);
/* The y range for these points, snapped outward to round numbers so that it seldom moves.
 * False: no finite point. */
bool loss_view_y(const struct loss_view *v, const struct loss_points *p, double x0, double x1,
                 double *y0, double *y1);

/* Zoom by `factor` (below 1: in) around x; pan by a share of the width; back to the whole run.
 */
void loss_view_zoom(struct loss_view *v, const struct history *h, double factor, double around);
void loss_view_pan(struct loss_view *v, const struct history *h, double share);
void loss_view_reset(struct loss_view *v);
void loss_view_follow(struct loss_view *v, const struct history *h);
/* Bring x into sight, in the middle where the window is the user's. False: it was in sight. */
bool loss_view_show(struct loss_view *v, const struct history *h, double x);
/* Another unit: window and cursor keep their place in the run. */
void loss_view_unit(struct loss_view *v, const struct history *h);
#endif
