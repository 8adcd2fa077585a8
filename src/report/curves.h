/* curves.h - which curves a report shows: a run's own, and those of several runs over each
 * other. Each is thinned to FIGURE_COLUMNS columns, smallest and largest of each kept, so a
 * page's size does not depend on how long a run is. Memory that runs out shows in out->failed.
 */
#ifndef THAW_SRC_REPORT_CURVES_H
#define THAW_SRC_REPORT_CURVES_H
#include "src/report/figure.h"
#include "src/report/fold.h"

/* Training loss (every step and smoothed), evaluation sets and what the base has on them,
 * marks: of the whole run or, with stage >= 0, from where that stage begins. Linear and
 * logarithmic, one of which is seen at a time. `id` is the page's own word for it, unique in
 * it. */
void curves_loss(struct buf *out, const struct fold *f, const char *id, int stage);
/* Learning rate, gradient norm, tokens a second. */
void curves_small(struct buf *out, const struct fold *f);
/* The smoothed training losses of n runs, then each evaluation set that any of them has. */
void curves_compared(struct buf *out, const struct fold *runs, int n);
#endif
