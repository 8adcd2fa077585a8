/* launcher_keys.h - every key of the launcher and what it does: one table, from which its hint line
 * and its help are made, and the inside that launcher.c and launcher_draw.c share. */
#ifndef THAW_UI_LAUNCHER_KEYS_H
#define THAW_UI_LAUNCHER_KEYS_H
#include "ui/launcher.h"

enum launch_action {
    LAUNCH_DO_NOTHING, LAUNCH_DO_HELP, LAUNCH_DO_BACK, LAUNCH_DO_UP, LAUNCH_DO_DOWN, LAUNCH_DO_PAGE_UP,
    LAUNCH_DO_PAGE_DOWN, LAUNCH_DO_GROUP, LAUNCH_DO_TOP, LAUNCH_DO_BOTTOM, LAUNCH_DO_OPEN, LAUNCH_DO_WATCH, LAUNCH_DO_DELETE,
    LAUNCH_DO_REPLAY, LAUNCH_DO_MARK, LAUNCH_DO_COMPARE,
    LAUNCH_DO_FILTER, LAUNCH_DO_REDRAW, LAUNCH_DO_SUSPEND, LAUNCH_DO_LEAVE, LAUNCH_DO_COUNT
};

struct launch_binding {
    int keys[4]; /* ended by 0 when fewer */
    enum launch_action action;
    const char *label; /* up to the blank for the hint line */
    const char *help;
    const char *hint; /* in the hint line; NULL: not there */
    int rank;         /* there: 1 is left out last */
    bool runs_only;   /* works on a run, not on a config */
};
extern const struct launch_binding launch_bindings[];
extern const int n_launch_bindings;

enum launch_action launch_action_of(int key);
/* What the hint line says for it while `selected` is (NULL: nothing); NULL: nothing. */
const char *launch_hint(const struct launch_binding *b, const struct launch_entry *selected);

/* Lines that are no entry. */
enum { LINE_CONFIGS = -1, LINE_RUNS = -2, LINE_NO_CONFIGS = -3, LINE_NO_RUNS = -4, LINE_NO_MATCH = -5,
       LINE_LESSONS = -6, LINE_MECHANISM = -7 };

/* The largest scroll of the help that still shows something new, in so many rows. */
int launch_help_scroll_max(int rows);
/* The help's lines, which explain the states below the keys. */
void launch_help_draw(struct canvas *c, struct rect r, int scroll);
#endif
