/* lr_report.h - what a learning rate range test found, for people and for programs. */
#ifndef THAW_SRC_LR_REPORT_H
#define THAW_SRC_LR_REPORT_H
#include "engine/run/lr_find.h"
#include "ui/style.h"

/* What was tested; all borrowed. */
struct lr_report {
    const char *config; /* as given on the command line */
    const struct settings *settings;
    const struct lr_find_plan *plan;
    const struct lr_found *found;
};

/* Append a chart of the smoothed loss over the rate, `columns` wide, and below it what follows: the rate
 * to take, the line of YAML to write, where it went wrong. */
bool lr_report_text(const struct lr_report *r, int columns, enum glyphs glyphs, struct buf *out,
                    struct err *err);
/* Append one JSON object. */
void lr_report_json(const struct lr_report *r, struct buf *out);
#endif
