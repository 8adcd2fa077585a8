/* launch_changes.h - in what the settings of two runs differ, as a table over the launcher's
 * list. */
#ifndef THAW_UI_LAUNCH_CHANGES_H
#define THAW_UI_LAUNCH_CHANGES_H
#include <limits.h>

#include "ui/canvas.h"

enum { CHANGE_KEY = 64, CHANGE_VALUE = 160 };

struct launch_change {
    char key[CHANGE_KEY];        /* "stages.1.optimizer.lr" */
    char value[2][CHANGE_VALUE]; /* of either run; cut where it is longer; "-": it has none */
};

struct launch_changes {
    char name[2][256], path[2][PATH_MAX]; /* of the runs: the marked one, and another */
    struct launch_change *at;
    int n, capacity;
    char trouble[480]; /* why there is nothing to compare; "": there is */
};

void launch_changes_deinit(struct launch_changes *c); /* {0} is empty */
/* One more line. False when memory is out. */
bool launch_changes_add(struct launch_changes *c, const struct launch_change *change);

/* The largest scroll that still shows something new, in so many rows. */
int launch_changes_scroll_max(const struct launch_changes *c, int rows);
void launch_changes_draw(const struct launch_changes *c, struct canvas *canvas, struct rect r,
                         int scroll);
#endif
