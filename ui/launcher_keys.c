#include "ui/launcher_keys.h"

#include <string.h>

#define CTRL(letter) ((letter)&0x1F)
enum { LABEL_W = 10, FRAME = 2 };

/* In the order of the help; those with a hint make the hint line, left to right. */
const struct launch_binding launch_bindings[] = {
    {{'?', KEYS_F1}, LAUNCH_DO_HELP, "? F1", "help", "help", 3, false},
    {{KEYS_ESCAPE}, LAUNCH_DO_BACK, "Esc", "back, or drop the filter", NULL, 0, false},
    {{'k', KEYS_UP}, LAUNCH_DO_UP, "k Up", "up", NULL, 0, false},
    {{'j', KEYS_DOWN}, LAUNCH_DO_DOWN, "j Down", "down", NULL, 0, false},
    {{KEYS_PAGE_UP}, LAUNCH_DO_PAGE_UP, "PgUp", "a page up", NULL, 0, false},
    {{KEYS_PAGE_DOWN}, LAUNCH_DO_PAGE_DOWN, "PgDn", "a page down", NULL, 0, false},
    {{KEYS_TAB}, LAUNCH_DO_GROUP, "Tab", "to the next group", "group", 10, false},
    {{'g', KEYS_HOME}, LAUNCH_DO_TOP, "g Home", "to the top", NULL, 0, false},
    {{'G', KEYS_END}, LAUNCH_DO_BOTTOM, "G End", "to the end", NULL, 0, false},
    {{KEYS_ENTER, '\n'}, LAUNCH_DO_OPEN, "Enter", "start it, or come back", "attach", 2, false},
    {{'w'}, LAUNCH_DO_WATCH, "w", "look at a run only", "watch", 5, true},
    {{'r'}, LAUNCH_DO_REPLAY, "r", "play a run back", "replay", 7, true},
    {{'m'}, LAUNCH_DO_MARK, "m", "mark a run, or unmark it", "mark", 8, true},
    {{'c'}, LAUNCH_DO_COMPARE, "c", "compare it with the marked", "compare", 9, true},
    {{'d'}, LAUNCH_DO_DELETE, "d", "delete a run; asks first", "delete", 4, true},
    {{'/'}, LAUNCH_DO_FILTER, "/", "only what has a word", "filter", 6, false},
    {{CTRL('L')}, LAUNCH_DO_REDRAW, "Ctrl-L", "draw the screen again", NULL, 0, false},
    {{CTRL('Z')}, LAUNCH_DO_SUSPEND, "Ctrl-Z", "suspend", NULL, 0, false},
    {{'q', CTRL('C')},
     LAUNCH_DO_LEAVE,
     "q Ctrl-C",
     "leave; what trains goes on",
     "leave",
     1,
     false},
};
const int n_launch_bindings = (int)(sizeof launch_bindings / sizeof launch_bindings[0]);

/* What the words of the list mean. */
static const struct {
    const char *word, *meaning;
} states[] = {
    {"running", "an engine trains it"},     {"paused", "Enter, then p, goes on"},
    {"finished", "all its steps are done"}, {"stopped", "thaw run --resume goes on"},
    {"failed", "so too; its log says why"}, {"dead", "so too; its engine is gone"},
    {"new", "nothing is logged yet"},
};
enum { STATES = sizeof states / sizeof states[0] };

enum launch_action launch_action_of(int key) {
    for (int i = 0; key != KEYS_NONE && i < n_launch_bindings; i++)
        for (int k = 0; k < 4 && launch_bindings[i].keys[k]; k++)
            if (launch_bindings[i].keys[k] == key) return launch_bindings[i].action;
    return LAUNCH_DO_NOTHING;
}

const char *launch_hint(const struct launch_binding *b, const struct launch_entry *selected) {
    bool run = selected && selected->kind == LAUNCH_RUN;
    bool trains = run && selected->known && selected->info.pid > 0;
    if ((b->runs_only && !run) || (b->action == LAUNCH_DO_OPEN && !selected)) return NULL;
    if (b->action == LAUNCH_DO_DELETE && trains) return NULL;
    return b->action == LAUNCH_DO_OPEN && !run ? "start" : b->hint;
}

/* ---- the help */

int launch_help_scroll_max(int rows) {
    int lines = n_launch_bindings + 1 + STATES;
    return lines > rows - FRAME ? lines - (rows - FRAME) : 0;
}

static void help_line(struct canvas *c, int y, const char *word, const char *meaning) {
    canvas_field(c, 1, y, LABEL_W - 1, false, STYLE_KEY, word, strlen(word));
    canvas_field(c, 1 + LABEL_W, y, c->clip.w - LABEL_W - 2, false, STYLE_NORMAL, meaning,
                 strlen(meaning));
}

void launch_help_draw(struct canvas *c, struct rect r, int scroll) {
    struct rect old = canvas_clip(c, r);
    bool more = scroll < launch_help_scroll_max(r.h);
    canvas_fill(c, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    canvas_frame(c, (struct rect){0, 0, r.w, r.h}, false, "Help",
                 more ? "j k PgDn: more   Esc: back" : "Esc: back");
    canvas_clip(c, (struct rect){r.x + 1, r.y + 1, r.w - FRAME, r.h - FRAME});
    for (int i = 0; i < n_launch_bindings; i++)
        help_line(c, i - scroll, launch_bindings[i].label, launch_bindings[i].help);
    for (int i = 0; i < STATES; i++)
        help_line(c, n_launch_bindings + 1 + i - scroll, states[i].word, states[i].meaning);
    canvas_clip(c, old);
}
