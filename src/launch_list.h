/* launch_list.h - the launcher's entries: the lessons, the configs, and the runs folder as it changes. Which runs
 * there are is known at once; their states and curves are read later, in slices of time. */
#ifndef THAW_SRC_LAUNCH_LIST_H
#define THAW_SRC_LAUNCH_LIST_H
#include "engine/run/event_log.h"
#include "ui/launcher.h"

/* How far an entry's log has been read. */
struct launch_source {
    struct event_reader *reader; /* NULL: not open */
    bool info_waits, curve_waits; /* there may be more than is known */
};

struct launch_list {
    char runs[PATH_MAX];
    struct launch_entry *entries; /* lessons, configs by name, then runs, the newest first */
    struct launch_source *sources; /* one for each */
    int n, n_configs; /* n_configs: entries before the runs */
};

/* The lessons, the configs, and the folder where runs live; no run yet. The caller closes it also when it fails. */
bool launch_list_open(struct launch_list *l, struct err *err);
void launch_list_close(struct launch_list *l); /* leaves it empty */

/* Look which runs there are now. What is known of a run stays until there is more. On failure
 * nothing changes. */
bool launch_list_refresh(struct launch_list *l, struct err *err);
/* Read the entry's state anew. */
void launch_list_read_info(struct launch_list *l, int entry);
/* Read what waits, first states and curves in sight, then other states, until clock_now() is `until` or nothing
 * waits: *more tells. Returns whether an entry has changed. */
bool launch_list_work(struct launch_list *l, const struct launcher *view, double until, bool *more);
#endif
