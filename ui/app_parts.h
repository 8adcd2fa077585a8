/* app_parts.h - the inside of the app, shared by app.c (state, facts, answers), app_draw.c
 * (frames), app_keys.c (keys), app_help.c, app_prefs.c (settings), app_tour.c, app_lesson.c, app_replay.c (the
 * log played back) and app_run.c (the loop). */
#ifndef THAW_UI_APP_PARTS_H
#define THAW_UI_APP_PARTS_H
#include "ui/app.h"
#include "ui/bars.h"
#include "ui/command_line.h"
#include "ui/help.h"
#include "ui/layout.h"
#include "ui/lesson_state.h"
#include "ui/osc52.h"
#include "ui/overlay.h"
#include "ui/panel.h"
#include "ui/replay.h"

/* Who gets the keys. */
enum input_mode {
    INPUT_PANES,
    INPUT_HELP,
    INPUT_CONFIRM,
    INPUT_COMMAND,
    INPUT_PROMPT,
    INPUT_FIND,
    INPUT_HELP_FIND /* the line of INPUT_FIND, below the help */
};

struct app {
    enum app_mode mode;
    char name[128], drive_command[256];
    char repeat_command[OSC52_TEXT_MAX + 64];

    /* what is known, and what is asked for */
    struct history history;
    struct wishes wishes;
    bool dead;       /* no engine holds the run's lock, and the log does not tell an end */
    bool outdone;    /* another screen steers alone: this one watches until that one leaves */
    bool answers;    /* the run has ended, but an engine answers prompts */
    bool stop_asked; /* by this screen: it leaves when the run has ended */
    bool copies;     /* the command is to be copied: app_copied() tells what became of it */
    bool asks_many;  /* while a key is handled: more was asked than can wait */
    enum app_end end;

    /* a replay: `history` is the fold up to its place */
    struct replay *replay; /* NULL: the run itself is on the screen */
    struct history live;   /* of the run meanwhile, to come back to */
    char log[PATH_MAX];    /* "": none to be replayed */
    double speed;          /* to begin with */
    bool unreadable;       /* said already */

    struct overlays overlays;
    char runs[PATH_MAX]; /* where they are looked for */
    char fork[PATH_MAX]; /* folder of a run that waits for its engine; "": none */
    int64_t fork_step;   /* that it begins with */

    /* the view */
    struct panel *panels[PANE_COUNT];
    struct layout layout; /* of the last frame */
    int focus, zoomed;    /* zoomed: -1: none */
    int home; /* the last pane in focus that has a place at any size: what one opens leads back */
    enum input_mode input;
    struct help_view help;
    int tour;               /* the hint that is shown, from 1; 0: none (app_tour.c) */
    int tour_from;          /* the focus before */
    const struct lesson *lesson; /* NULL: none */
    struct lesson_progress lesson_at;
    struct lesson_state lesson_state; /* what the run was started with */
    enum layout_lesson lesson_shown;  /* as the viewer wants it */
    char lesson_path[PATH_MAX];       /* where the viewer's step is kept; "": nowhere */
    char run_dir[PATH_MAX];           /* and what under */
    int lesson_kept;                  /* the step that is kept there */
    struct command confirm; /* sent on yes */
    char question[256];
    struct command_line line;
    char save[LINE_EDIT_MAX]; /* where to :save-screen, until that is done (save_screen.h) */
    bool reports;             /* a report is asked for, until it is written (app_report.c) */
    char report[LINE_EDIT_MAX]; /* into this FILE; "": one of the run's name */
    struct line_edit prompt;
    struct line_edit find;     /* being typed */
    char found[LINE_EDIT_MAX]; /* what was looked for last */

    struct prefs prefs, kept;  /* as they are by now; as they began, or were kept last */
    char prefs_path[PATH_MAX]; /* "": they are not kept */
    char own_note[sizeof((struct err *)NULL)->msg]; /* for the log, once it has been read */

    /* the message row */
    char message[640];
    enum style message_style;
    bool message_new;     /* its time begins with the next frame */
    bool message_is_news; /* out of the log */
    double message_until; /* clock_wall() */

    /* silence */
    int64_t seen, seen_at_draw; /* events */
    double heard_at; /* clock_wall() of the first frame after the newest event; 0: none */
};

void app_say(struct app *a, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *app_name(const struct app *a);
/* A command as it is typed. */
void app_command_words(const struct command *c, char *out, size_t size);
/* Seconds without an event at `now`, and what follows from it. */
enum life app_life(const struct app *a, double now, double *silent_s);
/* All that was in the log when it was opened has been observed: what it said is over. */
void app_caught_up(struct app *a);
/* The engine holds the run's lock, or does not any more. */
void app_set_dead(struct app *a, bool dead);
/* Another screen steers alone from now on (-1), or does so no longer (1); 0: nothing was told. */
void app_set_role(struct app *a, int role);
/* The connection was lost, or never made: what waits for an answer gets none, and why is said.
 */
void app_unanswered(struct app *a, const char *why);
/* Lay the run that `run` names over the curve; "": take all away, or tell how it goes. */
void app_overlay(struct app *a, const char *run);
/* The engine of the fork in a->fork is started (why NULL), or is not: its curve comes over this
 * one's, and it is said how to get there. */
void app_forked(struct app *a, const char *why);
/* When a key or `:report` has asked for it: have the run's page written, and say where it is or why not.
 * It shows what the log holds by now, also while a replay is on the screen. `write` NULL: this program
 * has no pages. */
void app_report_if_asked(struct app *a, const struct run_paths *run, app_report_fn *write);
/* The command that repeats the run was (not) sent to the clipboard: it is said. */
void app_copied(struct app *a, bool sent);
/* The help (app_help.c): where it lies, the row being typed below it left out; its keys. */
void app_help_open(struct app *a);
struct rect app_help_rect(const struct app *a);
void app_help_key(struct app *a, int key);
/* Take over the settings; what app_set() and the panes' keys change is kept by
 * app_prefs_keep(), which the loop calls when a frame is out, as writing may wait for a disk.
 */
void app_prefs_begin(struct app *a, const struct app_options *o);
void app_prefs_keep(struct app *a);
/* `:set`: "KEY VALUE", or "KEY", or "", which tell what there is. */
void app_set(struct app *a, const char *words);
/* The tour: begin it; begin it if this viewer has never seen it and that can be kept; take a
 * key (false: it is for others); the keys that it takes. */
void app_tour_begin(struct app *a);
void app_tour_welcome(struct app *a);
bool app_tour_key(struct app *a, int key);
void app_tour_row(const struct app *a, char *out, size_t size);
/* The lesson: begin it, where there is one; take a key (false: it is for others); draw what is seen of it in
 * a->layout, and say which pane it is about; `:lesson`; keep the viewer's step. */
void app_lesson_begin(struct app *a, const struct app_options *o);
bool app_lesson_key(struct app *a, int key);
void app_lesson_draw(const struct app *a, struct canvas *c);
bool app_lesson_points_at(const struct app *a, int point);
void app_lesson_command(struct app *a, const char *words);
void app_lesson_keep(struct app *a);
/* Nothing can be asked of the run. */
bool app_looks_only(const struct app *a);
/* Play the log back from its start. False: why not is said, or in *err where that is wanted. */
bool app_replay_begin(struct app *a, struct err *err);
/* Whether the action was the replay's own: it has been done, or it is said why not. */
bool app_replay_action(struct app *a, enum action action);
/* Let the replay go on at clock_now() `now`, for a slice of time. Whether there is anything new
 * to be seen; *more: there is more to do already. */
bool app_replay_play(struct app *a, double now, bool *more);
extern const char *const app_titles[PANE_COUNT];
#endif
