/* app_help.c - the help overlay on the screen: its keys, and `/` in it. */
#include <stdio.h>
#include <string.h>

#include "ui/app_parts.h"

enum {
    TOP_FROM_H = 13,
    FIND_ROWS = 2
}; /* the screen's first row stays in sight from so many rows on */

void app_help_open(struct app *a) {
    a->input = INPUT_HELP;
    help_open(&a->help);
}

struct rect app_help_rect(const struct app *a) {
    int top = a->layout.h >= TOP_FROM_H ? 1 : 0;
    int below = a->input == INPUT_HELP_FIND ? FIND_ROWS : 0;
    return (struct rect){0, top, a->layout.w, a->layout.h - top - below};
}

/* An empty line means what was looked for last. */
static void find_key(struct app *a, int key) {
    if (key == KEYS_ESCAPE || key == 3) a->input = INPUT_HELP;
    else if (key != KEYS_ENTER && key != '\n') line_edit_key(&a->find, key);
    else {
        a->input = INPUT_HELP;
        if (a->find.n > 0) memcpy(a->help.text, a->find.text, sizeof a->help.text);
        if (a->help.text[0]) help_find(&a->help, app_help_rect(a), 1);
    }
}

static void scroll(struct app *a, int by) {
    int most = help_scroll_max(app_help_rect(a)), to = a->help.scroll + by;
    a->help.scroll = to < 0 ? 0 : to > most ? most : to;
}

static void act(struct app *a, enum action action) {
    struct rect r = app_help_rect(a);
    int page = r.h > 4 ? r.h - 3 : 1;
    switch (action) {
    case ACTION_DOWN:
        scroll(a, 1);
        break;
    case ACTION_UP:
        scroll(a, -1);
        break;
    case ACTION_PAGE_DOWN:
        scroll(a, page);
        break;
    case ACTION_PAGE_UP:
        scroll(a, -page);
        break;
    case ACTION_TOP:
        a->help.scroll = 0;
        break;
    case ACTION_BOTTOM:
        a->help.scroll = help_scroll_max(r);
        break;
    case ACTION_FIND:
        line_edit_set(&a->find, "");
        a->input = INPUT_HELP_FIND;
        break;
    case ACTION_HELP:
    case ACTION_BACK:
    case ACTION_ENTER:
    case ACTION_DETACH:
        a->input = INPUT_PANES;
        break;
    default:
        break;
    }
}

void app_help_key(struct app *a, int key) {
    bool again = a->help.text[0] && (key == 'n' || key == 'N'); /* as in less and vim */
    if (a->input == INPUT_HELP_FIND) find_key(a, key);
    else if (again) help_find(&a->help, app_help_rect(a), key == 'n' ? 1 : -1);
    else act(a, keys_action(key));
}
