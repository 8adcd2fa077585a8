/* loss_marks.h - the marks on the loss curve: the journal's, and the viewer's own. An own mark
 * is kept as a step, so it has its place in every unit and stays there when the run takes steps
 * back; it lives as long as the screen. */
#ifndef THAW_UI_LOSS_MARKS_H
#define THAW_UI_LOSS_MARKS_H
#include "ui/chart.h"
#include "ui/history.h"

enum { OWN_MARKS_MAX = 64, LOSS_MARKS_MAX = 512 };

struct own_marks {
    double steps[OWN_MARKS_MAX]; /* in the order of setting */
    int n;
};

/* What the chart shows of the x axis. */
struct sight {
    enum series_unit unit;
    double x0, x1;
    int w, dots; /* columns of the curves, and columns of dots in each */
};

/* Mark the step nearest to x, or take its mark away: that of any step within `slack` of x. When
 * all are in use the oldest goes. Before the first step there is nothing to mark. */
void own_marks_toggle(struct own_marks *own, const struct history *h, enum series_unit unit,
                      double x, double slack);

/* *at: the first mark beyond x, or the first of all when none is. False: there are no marks. */
bool loss_marks_next(const struct own_marks *own, const struct history *h,
                     enum series_unit unit, double x, double *at);

/* What the mark nearest to x says, "" when none is within `slack`; how many more stand at its
 * place is told behind it. */
void loss_marks_read(const struct own_marks *own, const struct history *h,
                     enum series_unit unit, double x, double slack, char *out, size_t size);

/* The marks in sight, in the order in which the chart prefers them where they share a column: a
 * stage's border, an own mark, what happened, a checkpoint. Returns how many, `max` at most. */
int loss_marks_in(const struct own_marks *own, const struct history *h, const struct sight *s,
                  struct chart_mark *out, int max);
#endif
