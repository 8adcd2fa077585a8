/* tables.h - a run's facts and figures as tables of a report. */
#ifndef THAW_SRC_REPORT_TABLES_H
#define THAW_SRC_REPORT_TABLES_H
#include "src/report/fold.h"

enum { TABLES_LINES_MAX = 200 }; /* sentences of the log that a page shows */

/* The run in a few large numbers: steps, tokens, time, and what became of each evaluation set.
 */
void tables_summary(struct buf *out, const struct fold *f);
/* What was trained on what: a row a stage, with sources and their sizes. */
void tables_stages(struct buf *out, const struct fold *f);
/* Model, seed, threads, memory, version ... as a list. */
void tables_facts(struct buf *out, const struct fold *f);
/* A row a layer: its plan over time, its distance from the base. */
void tables_layers(struct buf *out, const struct fold *f);
/* A row an evaluation set: base beside tuned. */
void tables_scores(struct buf *out, const struct fold *f);
/* Warnings and errors of the log; whether there are any. */
bool tables_problems(struct buf *out, const struct fold *f);
/* What happened beside the steps, without evaluations and checkpoints. */
void tables_log(struct buf *out, const struct fold *f);
#endif
