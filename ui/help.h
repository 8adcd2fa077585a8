/* help.h - the help overlay: every key from the table of keys.h, what the marks mean, every
 * command. */
#ifndef THAW_UI_HELP_H
#define THAW_UI_HELP_H
#include <stdint.h>

#include "ui/canvas.h"
#include "ui/line_edit.h"

/* What is seen of it. */
struct help_view {
    int scroll;               /* rows above the first in sight */
    char text[LINE_EDIT_MAX]; /* what was looked for last; "": nothing yet */
    int64_t found;            /* the entry that holds it; -1: none does */
};

void help_open(struct help_view *v); /* at its top */
/* Draw into r (absolute); keys that change the run are dimmed for watchers. */
void help_draw(struct canvas *c, struct rect r, const struct help_view *v, bool watching);
/* The largest scroll that still shows something new in r. */
int help_scroll_max(struct rect r);
/* Bring the next entry that holds v->text (by 1), or the one before (by -1), into sight and
 * mark it; the first time from the top row in sight on. */
void help_find(struct help_view *v, struct rect r, int by);
#endif
