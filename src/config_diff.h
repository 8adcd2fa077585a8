/* config_diff.h - in what the settings of two runs differ: their config.yaml, read and compared
 * key by key of the one table, so that only what means something else is told. */
#ifndef THAW_SRC_CONFIG_DIFF_H
#define THAW_SRC_CONFIG_DIFF_H
#include "engine/run/settings.h"
#include "ui/launch_changes.h"

/* Append the keys whose values differ, but for the name. A stage that only one of them has is
 * one line. */
bool config_diff(const struct settings *a, const struct settings *b, struct launch_changes *out,
                 struct err *err);
/* Compare the runs that out->path tells; out->trouble says why it can't be done. */
void config_diff_runs(struct launch_changes *out);
#endif
