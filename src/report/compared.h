/* compared.h - several runs side by side, as tables of a report: a column a run. */
#ifndef THAW_SRC_REPORT_COMPARED_H
#define THAW_SRC_REPORT_COMPARED_H
#include "src/report/fold.h"

enum { COMPARED_RUNS_MAX = 8 };

/* How each went: state, steps, tokens, time, speed. */
void compared_overview(struct buf *out, const struct fold *runs, int n);
/* The tuned scores of every evaluation set that any of them has. */
void compared_scores(struct buf *out, const struct fold *runs, int n);
/* The settings in which not all are alike, but for the name. */
void compared_settings(struct buf *out, const struct fold *runs, int n);
#endif
