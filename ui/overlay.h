/* overlay.h - other runs, laid over the loss curve of the one on the screen: each is a fold over its own
 * log, which is followed while it grows. The screen's alone: no run hears of it. */
#ifndef THAW_UI_OVERLAY_H
#define THAW_UI_OVERLAY_H
#include "engine/run/event_log.h"
#include "engine/run/run_dir.h"
#include "ui/history.h"

enum { OVERLAYS_MAX = 3, OVERLAY_NAME = 12 /* columns */ };

struct overlay {
    char dir[PATH_MAX];
    char name[OVERLAY_NAME + 1]; /* of the run, printable and shortened */
    struct event_reader *reader;
    struct history history; /* its plan, steps and evaluations; the rest of the log is left out */
};

struct overlays {
    struct overlay *at[OVERLAYS_MAX];
    int n;
};

/* Add the run that `run` names, as in run_dir_find(); what is not in `runs` is looked for where runs usually
 * live. False with err: there is none, its log can't be
 * read, it is there already, or there are OVERLAYS_MAX. */
bool overlays_add(struct overlays *o, const char *runs, const char *run, struct err *err);
void overlays_clear(struct overlays *o);

/* Take in what the logs tell, for about `slice_s` seconds at most. True when it was something;
 * *more: events wait already. A log that can't be read now is tried again the next time. */
bool overlays_read(struct overlays *o, double slice_s, bool *more);

/* Whether an evaluation set of an overlay is shown beside those of the run `h`: one of the same name;
 * where there is no such, the overlay's first. */
bool overlay_shows_set(const struct overlay *v, int set, const struct history *h);
#endif
