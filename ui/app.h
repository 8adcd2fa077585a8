/* app.h - the frame loop: events and keys in, frames and commands out.
 * The app owns the history, the panels and the view state; drawing is a pure function of these and the
 * size, so frames are tested without a terminal. */
#ifndef THAW_UI_APP_H
#define THAW_UI_APP_H
#include <sys/types.h>

#include "engine/run/event_log.h"
#include "engine/run/run_dir.h"
#include "engine/run/command.h"
#include "ui/prefs.h"
#include "ui/term.h"

enum app_mode { APP_DRIVE, APP_WATCH, APP_REPLAY };

struct app; /* opaque */

/* Write a page about the run into `file`, atomically. */
typedef bool app_report_fn(const struct run_paths *run, const char *file, struct err *err);
struct lesson;
struct lesson_state;

struct app_options {
    enum app_mode mode;
    const char *name;   /* of the run, for the top line before its first event */
    const char *drive_command; /* "thaw attach medical": told to those who only watch */
    const char *runs;   /* folder in which `:overlay` looks for other runs; NULL: the working folder */
    const char *repeat_command; /* "thaw run runs/medical/config.yaml"; NULL: only to go on is known */
    /* Start the engine of a fork, whose folder is whole: a child of ours. NULL: only how to do so is told. */
    pid_t (*start)(const struct run_paths *fork, struct err *err);
    app_report_fn *report;     /* NULL: there are no reports */
    const struct prefs *prefs; /* how the screen begins; NULL: the usual way. Copied, like the next two */
    const char *prefs_path;    /* where changes of them are kept; NULL: nowhere */
    const char *prefs_bad;     /* why the settings that were kept are not used: a sentence for the log; NULL: they are */
    bool steals;               /* it asks to steer alone: other screens become watchers */
    bool answers;              /* the run has ended, and an engine answers prompts (engine_idle()) */
    pid_t engine;              /* our child, to be waited for when it ends; 0: it is not ours */
    const char *overlay;       /* a run whose curve lies over this one's; NULL: none */
    const char *log;           /* events.jsonl, for a replay; NULL: there is none to be had */
    double speed;              /* of APP_REPLAY (replay.h) */
    const struct lesson *lesson; /* beside the run; NULL: none. Borrowed */
    const struct lesson_state *lesson_state; /* where it begins, and what the run was started with; copied */
    const char *run_dir;       /* what the viewer's place in it is kept under, an absolute path; NULL: it is not kept */
    int64_t at;                /* of APP_REPLAY: the step to stand at, paused, as in app_replay_at(); on a
                                  terminal negative: play from the start */
};

struct app *app_create(const struct app_options *o, struct err *err);
void app_destroy(struct app *a); /* NULL is fine */

/* Fold one event into the state. */
void app_observe(struct app *a, const struct event *e);
/* Draw the whole frame for time `now` (clock_wall(); fixed in tests). */
void app_draw(struct app *a, struct canvas *c, double now);
/* Handle a key; what it asks of the engine is put into commands (up to `max`), returns how many. */
int app_key(struct app *a, int key, const struct term_mouse *mouse, struct command *commands, int max);
/* An answer to command `id` has come. */
void app_answer(struct app *a, const struct answer *answer);
/* Why the loop should end: 0 not yet, else how. */
enum app_end { APP_GOES_ON, APP_DETACHED, APP_STOP_ASKED };
enum app_end app_ended(const struct app *a);

/* APP_REPLAY: read the whole log ahead and stand, paused, where all about `step` has been told; negative: at
 * its end. False when the log can't be read. */
bool app_replay_at(struct app *a, int64_t step, struct err *err);

/* The loop over a run's folder until detach: follows paths->events, sends to paths->socket. Returns
 * true and *how. The terminal is restored before it returns. The engine may not have started yet. */
bool app_run(const struct run_paths *paths, const struct app_options *o, const struct term_options *t,
             enum app_end *how, struct err *err);
#endif
