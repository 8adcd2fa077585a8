/* launcher.c - the launcher's state: its lines, what is selected, and what a key makes of it.
 */
#include "ui/launcher.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/format.h"
#include "ui/launcher_keys.h"

enum { OTHER_LINES = 8, WHEEL_LINES = 3 };

/* ---- the lines */

void launcher_deinit(struct launcher *l) {
    free(l->lines);
    *l = (struct launcher){.selected = -1};
}

static bool matches(const struct launcher *l, const struct launch_entry *e) {
    const char *word = l->filter.text;
    return l->filter.n == 0 || strcasestr(e->info.name, word) ||
           strcasestr(e->info.state, word) || strcasestr(e->about, word);
}

static bool has_any(const struct launcher *l, enum launch_kind kind) {
    for (int i = 0; i < l->n; i++)
        if (l->entries[i].kind == kind) return true;
    return false;
}

/* A heading, the entries of the kind that are not filtered out, or what to say instead. */
static void put_group(struct launcher *l, enum launch_kind kind, int heading, int none) {
    bool any = false, shown = false;
    l->lines[l->n_lines++] = heading;
    for (int i = 0; i < l->n; i++) {
        if (l->entries[i].kind != kind) continue;
        any = true;
        if (!matches(l, &l->entries[i])) continue;
        shown = true;
        l->lines[l->n_lines++] = i;
    }
    if (!shown) l->lines[l->n_lines++] = any ? LINE_NO_MATCH : none;
}

/* Runs first, the newest on top: what one comes back to. */
static void put_lines(struct launcher *l) {
    l->n_lines = 0;
    put_group(l, LAUNCH_RUN, LINE_RUNS, LINE_NO_RUNS);
    if (has_any(l, LAUNCH_LESSON)) put_group(l, LAUNCH_LESSON, LINE_LESSONS, LINE_NO_MATCH);
    if (has_any(l, LAUNCH_MECHANISM))
        put_group(l, LAUNCH_MECHANISM, LINE_MECHANISM, LINE_NO_MATCH);
    put_group(l, LAUNCH_CONFIG, LINE_CONFIGS, LINE_NO_CONFIGS);
}

/* ---- the selection */

const struct launch_entry *launcher_selected(const struct launcher *l) {
    return l->selected >= 0 && l->n_lines > 0 ? &l->entries[l->lines[l->selected]] : NULL;
}

bool launcher_shows(const struct launcher *l, int entry) {
    for (int i = l->top; i < l->top + l->list.h && i < l->n_lines; i++)
        if (l->lines[i] == entry) return true;
    return false;
}

static void select_line(struct launcher *l, int line) {
    const struct launch_entry *e;
    l->selected = line;
    if ((e = launcher_selected(l))) snprintf(l->chosen, sizeof l->chosen, "%s", e->info.path);
}

/* The first line with an entry from `line` on in the direction of `step`; -1: none. */
static int entry_line(const struct launcher *l, int line, int step) {
    for (; line >= 0 && line < l->n_lines; line += step)
        if (l->lines[line] >= 0) return line;
    return -1;
}

/* Select the entry at a line, or the next one further on, or the nearest before it. */
static void select_near(struct launcher *l, int line, int step) {
    int last = l->n_lines - 1;
    line = line < 0 ? 0 : line > last ? last : line;
    int at = entry_line(l, line, step);
    if (at < 0) at = entry_line(l, line, -step);
    select_line(l, at);
}

/* At first the newest run, or the first lesson or config; later what was chosen, or its place.
 * False: what was chosen is gone. */
static bool find_selection(struct launcher *l) {
    int first_run = -1, chosen = -1;
    for (int i = 0; i < l->n_lines; i++) {
        if (l->lines[i] < 0) continue;
        const struct launch_entry *e = &l->entries[l->lines[i]];
        if (e->kind == LAUNCH_RUN && first_run < 0) first_run = i;
        if (l->chosen[0] && strcmp(l->chosen, e->info.path) == 0) chosen = i;
    }
    bool gone = l->chosen[0] && chosen < 0;
    if (chosen >= 0) select_line(l, chosen);
    else select_near(l, gone ? l->selected : first_run, 1);
    return !gone;
}

bool launcher_set(struct launcher *l, const struct launch_entry *entries, int n,
                  struct err *err) {
    int *lines = realloc(l->lines, (size_t)(n + OTHER_LINES) * sizeof *lines);
    l->entries = entries;
    l->n = l->n_lines = 0;
    if (!lines) return err_set(err, ERR_NOMEM, "not enough memory for the list");
    l->lines = lines;
    l->n = n;
    put_lines(l);
    if (!find_selection(l) && l->input == LAUNCH_CONFIRM) l->input = LAUNCH_LIST;
    return true;
}

/* ---- words */

void launcher_say(struct launcher *l, enum style style, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->message, sizeof l->message, fmt, args);
    va_end(args);
    l->message_style = style;
}

/* ---- two runs */

const struct launch_entry *launcher_marked(const struct launcher *l) {
    for (int i = 0; l->marked[0] && i < l->n; i++)
        if (strcmp(l->entries[i].info.path, l->marked) == 0) return &l->entries[i];
    return NULL;
}

static enum launch_wish mark_or_compare(struct launcher *l, enum launch_action action) {
    const struct launch_entry *e = launcher_selected(l), *marked = launcher_marked(l);
    bool same = marked == e;
    if (action == LAUNCH_DO_MARK) {
        snprintf(l->marked, sizeof l->marked, "%s", same ? "" : e->info.path);
        if (!same) launcher_say(l, STYLE_DIM, "marked: c on another run compares the two");
    } else if (!marked || same)
        launcher_say(l, STYLE_WARNING, "%s",
                     same ? "c compares another run with this one"
                          : "m marks a run first; c on another one compares the two");
    else return LAUNCH_COMPARE;
    return LAUNCH_NOTHING;
}

void launcher_compare(struct launcher *l, const struct launch_changes *changes) {
    l->changes = changes;
    l->input = LAUNCH_CHANGES;
    l->help_scroll = 0;
}

/* ---- deletion */

static bool is_living(const struct launch_entry *e) { return e->known && e->info.pid > 0; }

static void say_living(struct launcher *l, const struct launch_entry *e) {
    if (run_has_ended(&e->info)) /* an engine answers prompts for who looked at it last */
        launcher_say(l, STYLE_WARNING, "%s is still open: Enter, then Q, ends its engine",
                     e->info.name);
    else
        launcher_say(l, STYLE_WARNING, "%s is %s: stop it first (Enter, then Q)", e->info.name,
                     e->info.state);
}

void launcher_ask(struct launcher *l, const struct run_contents *contents) {
    const struct launch_entry *e = launcher_selected(l);
    char bytes[FORMAT_MAX];
    if (!e || e->kind != LAUNCH_RUN) return;
    if (is_living(e)) {
        say_living(l, e);
        return;
    }
    format_bytes(bytes, (double)contents->bytes);
    snprintf(l->question, sizeof l->question,
             "Delete the run %.63s for good? Its log, config and %d checkpoint%s go: %s",
             e->info.name, contents->checkpoints, contents->checkpoints == 1 ? "" : "s", bytes);
    l->input = LAUNCH_CONFIRM;
}

/* ---- keys */

static enum launch_wish on_run(struct launcher *l, enum launch_action action) {
    const struct launch_entry *e = launcher_selected(l);
    bool run = e && e->kind == LAUNCH_RUN;
    static const enum launch_wish opens[] = {[LAUNCH_LESSON] = LAUNCH_START_LESSON,
                                             [LAUNCH_MECHANISM] = LAUNCH_START_LESSON,
                                             [LAUNCH_CONFIG] = LAUNCH_START,
                                             [LAUNCH_RUN] = LAUNCH_ATTACH};
    if (action == LAUNCH_DO_OPEN) return e ? opens[e->kind] : LAUNCH_NOTHING;
    if (e && !run)
        launcher_say(l, STYLE_WARNING, "%s is a %s: %s", e->info.name,
                     e->kind == LAUNCH_CONFIG ? "config" : "lesson",
                     action == LAUNCH_DO_DELETE ? "only runs are deleted" : "Enter starts it");
    if (!run) return LAUNCH_NOTHING;
    if (action == LAUNCH_DO_WATCH) return LAUNCH_WATCH;
    if (action == LAUNCH_DO_REPLAY) return LAUNCH_REPLAY;
    if (action != LAUNCH_DO_DELETE) return mark_or_compare(l, action);
    if (!is_living(e)) return LAUNCH_MEASURE;
    say_living(l, e);
    return LAUNCH_NOTHING;
}

static void set_filter(struct launcher *l, const char *text) {
    line_edit_set(&l->filter, text);
    put_lines(l);
    find_selection(l);
}

void launcher_choose(struct launcher *l, const char *path) {
    snprintf(l->chosen, sizeof l->chosen, "%s", path);
    set_filter(l, "");
}

/* To the first entry of the next group that has any, behind the last one to the first; with its
 * heading in sight. */
static void move_to_group(struct launcher *l) {
    for (int i = 1, heading = -1; i <= l->n_lines; i++) {
        int line = (l->selected + i) % l->n_lines;
        if (l->lines[line] < 0) heading = line;
        else if (heading >= 0) {
            select_line(l, line);
            l->top = heading;
            return;
        }
    }
}

static void move(struct launcher *l, enum launch_action action) {
    int page = l->list.h > 1 ? l->list.h - 1 : 1, at = l->selected;
    if (action == LAUNCH_DO_UP) select_near(l, at - 1, -1);
    else if (action == LAUNCH_DO_DOWN) select_near(l, at + 1, 1);
    else if (action == LAUNCH_DO_PAGE_UP) select_near(l, at - page, 1);
    else if (action == LAUNCH_DO_PAGE_DOWN) select_near(l, at + page, -1);
    else if (action == LAUNCH_DO_GROUP) move_to_group(l);
    else if (action == LAUNCH_DO_TOP) select_near(l, 0, 1);
    else if (action == LAUNCH_DO_BOTTOM) select_near(l, l->n_lines - 1, -1);
}

static enum launch_wish list_key(struct launcher *l, enum launch_action action) {
    switch (action) {
    case LAUNCH_DO_HELP:
        l->input = LAUNCH_HELP;
        l->help_scroll = 0;
        return LAUNCH_NOTHING;
    case LAUNCH_DO_FILTER:
        l->input = LAUNCH_FILTER;
        return LAUNCH_NOTHING;
    case LAUNCH_DO_BACK:
        if (l->filter.n > 0) set_filter(l, "");
        return LAUNCH_NOTHING;
    case LAUNCH_DO_OPEN:
    case LAUNCH_DO_WATCH:
    case LAUNCH_DO_REPLAY:
    case LAUNCH_DO_MARK:
    case LAUNCH_DO_COMPARE:
    case LAUNCH_DO_DELETE:
        return on_run(l, action);
    case LAUNCH_DO_LEAVE:
        return LAUNCH_LEAVE;
    default:
        move(l, action);
        return LAUNCH_NOTHING;
    }
}

/* In the help or in the changes, which scroll `most` rows; other keys close them. */
static void reading_key(struct launcher *l, enum launch_action action, int most) {
    int page = l->help.h > 3 ? l->help.h - 3 : 1;
    int to = l->help_scroll;
    if (action == LAUNCH_DO_UP) to--;
    else if (action == LAUNCH_DO_DOWN) to++;
    else if (action == LAUNCH_DO_PAGE_UP) to -= page;
    else if (action == LAUNCH_DO_PAGE_DOWN) to += page;
    else if (action == LAUNCH_DO_TOP) to = 0;
    else if (action == LAUNCH_DO_BOTTOM) to = most;
    else if (action != LAUNCH_DO_NOTHING) l->input = LAUNCH_LIST;
    l->help_scroll = to < 0 ? 0 : to > most ? most : to;
}

static void help_key(struct launcher *l, enum launch_action action) {
    reading_key(l, action, launch_help_scroll_max(l->help.h));
}

static enum launch_wish changes_key(struct launcher *l, enum launch_action action) {
    reading_key(l, action, launch_changes_scroll_max(l->changes, l->help.h));
    return action == LAUNCH_DO_OPEN ? LAUNCH_CURVES : LAUNCH_NOTHING;
}

/* What is typed filters at once; Enter keeps the filter, Esc drops it. */
static void filter_key(struct launcher *l, int key) {
    enum launch_action action = launch_action_of(key);
    if (action == LAUNCH_DO_OPEN) l->input = LAUNCH_LIST;
    else if (action == LAUNCH_DO_BACK || (action == LAUNCH_DO_LEAVE && key < ' ')) {
        l->input = LAUNCH_LIST;
        set_filter(l, "");
    } else if (line_edit_key(&l->filter, key)) {
        put_lines(l);
        find_selection(l);
    } else if (key >= KEYS_SPECIAL) move(l, action); /* an arrow */
}

static enum launch_wish confirm_key(struct launcher *l, int key) {
    if (key != 'y' && key != 'Y' && key != 'n' && key != 'N' && key != 'q' &&
        key != KEYS_ESCAPE && launch_action_of(key) != LAUNCH_DO_LEAVE)
        return LAUNCH_NOTHING;
    l->input = LAUNCH_LIST;
    if (key == 'y' || key == 'Y') return LAUNCH_DELETE;
    launcher_say(l, STYLE_DIM, "nothing was deleted");
    return LAUNCH_NOTHING;
}

static enum launch_wish mouse_key(struct launcher *l, const struct term_mouse *m) {
    bool wheel = m->wheel_up || m->wheel_down;
    enum launch_action way = m->wheel_up ? LAUNCH_DO_UP : LAUNCH_DO_DOWN;
    if (l->input == LAUNCH_HELP) {
        help_key(l, wheel ? way : LAUNCH_DO_BACK);
        return LAUNCH_NOTHING;
    }
    if (l->input == LAUNCH_CHANGES) return changes_key(l, wheel ? way : LAUNCH_DO_BACK);
    if (l->input != LAUNCH_LIST) return LAUNCH_NOTHING;
    for (int i = 0; wheel && i < WHEEL_LINES; i++) move(l, way);
    int line = l->top + m->y - l->list.y;
    bool inside = m->y >= l->list.y && m->y < l->list.y + l->list.h && line < l->n_lines;
    if (wheel || m->button != 1 || !inside || l->lines[line] < 0) return LAUNCH_NOTHING;
    if (line == l->selected) return on_run(l, LAUNCH_DO_OPEN); /* the second click */
    select_line(l, line);
    return LAUNCH_NOTHING;
}

enum launch_wish launcher_key(struct launcher *l, int key, const struct term_mouse *mouse) {
    enum launch_action action = launch_action_of(key);
    if (key == KEYS_NONE || key == KEYS_RESIZE) return LAUNCH_NOTHING;
    if (action == LAUNCH_DO_REDRAW) return LAUNCH_REDRAW;
    if (action == LAUNCH_DO_SUSPEND) return LAUNCH_SUSPEND;
    l->message[0] = '\0';
    if (key == KEYS_MOUSE) return mouse ? mouse_key(l, mouse) : LAUNCH_NOTHING;
    switch (l->input) {
    case LAUNCH_HELP:
        help_key(l, action);
        return LAUNCH_NOTHING;
    case LAUNCH_FILTER:
        filter_key(l, key);
        return LAUNCH_NOTHING;
    case LAUNCH_CONFIRM:
        return confirm_key(l, key);
    case LAUNCH_CHANGES:
        return changes_key(l, action);
    case LAUNCH_LIST:
        break;
    }
    return list_key(l, action);
}
