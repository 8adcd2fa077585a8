/* help.h - the help overlay: every key from the table of keys.h, and what the marks mean. */
#ifndef THAW_UI_HELP_H
#define THAW_UI_HELP_H
#include "ui/canvas.h"

/* Draw into r (absolute) from line `scroll` on; keys that change the run are dimmed for
 * watchers. */
void help_draw(struct canvas *c, struct rect r, int scroll, bool watching);
/* The largest scroll that still shows something new in r. */
int help_scroll_max(struct rect r);
#endif
