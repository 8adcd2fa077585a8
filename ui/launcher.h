/* launcher.h - what `thaw` alone shows: lessons and configs to begin with, and the runs to come back to.
 * State and drawing are pure functions of a list of entries, the view state and the size, so that
 * frames are tested without a terminal; who owns the loop does what a key asks for. */
#ifndef THAW_UI_LAUNCHER_H
#define THAW_UI_LAUNCHER_H
#include "engine/run/run_dir.h"
#include "ui/launch_changes.h"
#include "ui/launch_curve.h"
#include "ui/line_edit.h"
#include "ui/term.h"

enum launch_kind { LAUNCH_LESSON, LAUNCH_MECHANISM /* a lesson, too */, LAUNCH_CONFIG, LAUNCH_RUN };

struct launch_entry {
    enum launch_kind kind;
    struct run_info info; /* of a config or a lesson: name and path only */
    bool known;           /* all of `info` has been read; else name, path and modified */
    char about[128];      /* of a config: what its first line says; of a lesson its title */
    int minutes;          /* of a lesson; 0: it is not sound, and `about` says why */
    struct launch_curve curve; /* of a run, as far as it has been read */
};

/* What is asked of the loop. */
enum launch_wish {
    LAUNCH_NOTHING, LAUNCH_START, LAUNCH_START_LESSON, LAUNCH_ATTACH, LAUNCH_WATCH, LAUNCH_REPLAY,
    LAUNCH_COMPARE, /* with the marked run: launcher_compare() shows in what they differ */
    LAUNCH_CURVES,  /* both of them on one screen */
    LAUNCH_MEASURE, /* what a deletion would take: launcher_ask() puts the question */
    LAUNCH_DELETE, LAUNCH_LEAVE, LAUNCH_REDRAW, LAUNCH_SUSPEND
};

enum launch_input { LAUNCH_LIST, LAUNCH_HELP, LAUNCH_FILTER, LAUNCH_CONFIRM, LAUNCH_CHANGES };

struct launcher {
    const struct launch_entry *entries; /* borrowed: lessons, configs, then runs */
    int n;
    /* one row each: the index of an entry, or what else stands there (below 0) */
    int *lines;
    int n_lines;
    int selected;          /* a line with an entry; -1: there is none */
    char chosen[PATH_MAX]; /* path of its entry, which it is found by when the list changes */
    char marked[PATH_MAX]; /* path of the run to compare others with; "": none */
    int top;               /* first line in sight */
    struct rect list, help; /* of the last frame: where they stand, or would */
    enum launch_input input;
    int help_scroll; /* also of the changes */
    const struct launch_changes *changes; /* of LAUNCH_CHANGES; borrowed */
    struct line_edit filter;
    char question[320];
    char message[320]; /* until the next key */
    enum style message_style;
};

void launcher_deinit(struct launcher *l); /* {0} is an empty launcher */
/* Show these entries from now on; they stay the caller's, who may change what they tell. The selection stays
 * with its entry, or with its place when that is gone; a question about what is gone is taken back.
 * On failure nothing is shown. */
bool launcher_set(struct launcher *l, const struct launch_entry *entries, int n, struct err *err);
/* The entry that a wish is about; NULL when nothing is selected. Valid as long as the entries. */
const struct launch_entry *launcher_selected(const struct launcher *l);
/* Select the entry of that path, where there is one; what filters the list is dropped. */
void launcher_choose(struct launcher *l, const char *path);
/* Whether the entry was in sight in the last frame. */
bool launcher_shows(const struct launcher *l, int entry);

/* Handle a key; what it asks for. A message ends with the next key. */
enum launch_wish launcher_key(struct launcher *l, int key, const struct term_mouse *mouse);
/* Ask whether the selected run, with so much in it, shall be deleted; a living one is not. */
void launcher_ask(struct launcher *l, const struct run_contents *contents);
/* The run that is marked; NULL when none is, or it is gone. Valid as long as the entries. */
const struct launch_entry *launcher_marked(const struct launcher *l);
/* Show in what two runs differ, until a key closes it; the changes stay the caller's as long. */
void launcher_compare(struct launcher *l, const struct launch_changes *changes);
void launcher_say(struct launcher *l, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Draw the whole frame for time `now` (clock_wall(); fixed in tests). */
void launcher_draw(struct launcher *l, struct canvas *c, double now);
#endif
