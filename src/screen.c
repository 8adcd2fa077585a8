#include "src/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "src/cli.h"
#include "src/headless.h"
#include "src/report/page.h"
#include "src/run_lesson.h"
#include "src/screen_prefs.h"
#include "src/spawn.h"
#include "ui/snapshot.h"

const char *screen_run_name(const struct run_paths *run) {
    const char *slash = strrchr(run->dir, '/');
    return slash && slash[1] ? slash + 1 : run->dir;
}

/* The command that comes back to the run. */
static void way_back(const struct run_paths *run, enum app_mode mode, char *out, size_t size) {
    char word[PATH_MAX];
    run_dir_word(run, word);
    snprintf(out, size, "thaw %s %s", mode == APP_DRIVE ? "attach" : "watch", word);
}

/* The command that repeats the run: its own config means the same from any folder. Without one
 * the text is empty. */
static void repeat(const struct run_paths *run, char *out, size_t size) {
    char path[PATH_MAX], word[PATH_MAX + 64];
    out[0] = '\0';
    if (realpath(run->config, path) && cli_quote(path, word, sizeof word))
        snprintf(out, size, "thaw run %s", word);
}

void screen_say_detached(const struct run_paths *run, enum app_mode mode) {
    char command[PATH_MAX + 32], word[PATH_MAX];
    struct run_info info;
    const char *name = screen_run_name(run);
    way_back(run, mode, command, sizeof command);
    run_dir_word(run, word);
    if (run_info_read(run->dir, &info, NULL) && strcmp(info.state, "paused") == 0)
        cli_print("thaw: %s is paused at step %" PRId64
                  "; it goes on with: thaw send %s resume; come back with: %s",
                  name, info.step, word, command);
    else cli_print("thaw: %s goes on training; come back with: %s", name, command);
}

/* The run's end as its log tells it. */
static int say_goodbye(const struct run_paths *run) {
    struct err err = {0};
    struct headless *h = headless_create(run, &err);
    int status = h ? headless_summary(h) : cli_fail(&err);
    headless_destroy(h);
    return status;
}

/* The folder that the run's is in. */
static void neighbours(const struct run_paths *run, char out[PATH_MAX]) {
    int parent = (int)(screen_run_name(run) - run->dir);
    snprintf(out, PATH_MAX, "%.*s", parent > 1 ? parent - 1 : parent, run->dir);
}

/* Not one that has ended and only answered prompts. */
static bool still_trains(const struct run_paths *run) {
    struct run_info info;
    return files_is_locked(run->lock, NULL) &&
           !(run_info_read(run->dir, &info, NULL) && run_has_ended(&info));
}

/* The lesson beside the run, if there is one; one that is not sound is told in the log. Owner:
 * the caller. */
static struct run_lesson *take_lesson(const struct run_paths *run, struct app_options *app,
                                      struct err *bad) {
    struct run_lesson *l = run_lesson_get(run, bad);
    app->run_dir = run->dir;
    if (l) app->lesson = &l->lesson, app->lesson_state = &l->state;
    else if (bad->code && !app->prefs_bad) app->prefs_bad = bad->msg;
    return l;
}

static pid_t start_fork(const struct run_paths *fork, struct err *err) {
    return spawn_engine(fork, true, err);
}

static bool write_report(const struct run_paths *run, const char *file, struct err *err) {
    return report_write(run, 1, file, err);
}

bool screen_show(const struct run_paths *run, enum app_mode mode,
                 const struct screen_options *o, pid_t engine, int *status, struct err *err) {
    char command[PATH_MAX + 32], runs[PATH_MAX], again[PATH_MAX + 96];
    struct screen_prefs prefs;
    enum app_end how = APP_DETACHED;
    screen_prefs_read(o, &prefs);
    way_back(run, APP_DRIVE, command, sizeof command);
    repeat(run, again, sizeof again);
    neighbours(run, runs);
    struct app_options app = {.mode = mode,
                              .name = screen_run_name(run),
                              .drive_command = command,
                              .runs = runs,
                              .repeat_command = again[0] ? again : NULL,
                              .start = start_fork,
                              .report = write_report,
                              .prefs = &prefs.prefs,
                              .prefs_path = prefs.path,
                              .prefs_bad = prefs.bad.code ? prefs.bad.msg : NULL,
                              .steals = o->steals,
                              .answers = o->answers,
                              .engine = engine,
                              .overlay = o->overlay,
                              .log = run->events,
                              .speed = o->speed,
                              .at = o->at};
    struct term_options term = prefs_term_options(&prefs.prefs);
    struct err bad = {0};
    struct run_lesson *beside = take_lesson(run, &app, &bad);
    *status = CLI_OK;
    bool shown = app_run(run, &app, &term, &how, err);
    free(beside);
    if (!shown) return false;
    if (mode == APP_REPLAY) return true; /* nothing has happened */
    if (how == APP_DETACHED && still_trains(run)) screen_say_detached(run, mode);
    else *status = say_goodbye(run);
    return true;
}

/* ---- a frame on stdout */

bool screen_options_ok(const struct screen_options *o, struct err *err) {
    struct prefs prefs;
    int w, h;
    prefs_init(&prefs);
    if (o->theme && !prefs_set(&prefs, PREF_THEME, o->theme, err))
        return err_set(err, ERR_USAGE, "--theme NAME: %s", err->msg);
    if (o->theme && (o->mono || o->light))
        return err_set(err, ERR_USAGE, "--theme says it all: no --mono or --light beside it");
    if (!o->snapshot && o->color)
        return err_set(err, ERR_USAGE,
                       "--color belongs to --snapshot WxH; the screen has its colours anyway");
    return !o->snapshot || snapshot_size(o->snapshot, &w, &h, err);
}

/* --color stands above NO_COLOR, as what is asked for at one command does (no-color.org). */
bool screen_snapshot(const struct run_paths *run, enum app_mode mode,
                     const struct screen_options *o, struct err *err) {
    char command[PATH_MAX + 32], runs[PATH_MAX];
    struct prefs prefs;
    struct buf out = {0};
    screen_prefs_options(o, &prefs);
    const struct term_options look = prefs_term_options(&prefs);
    way_back(run, APP_DRIVE, command, sizeof command);
    neighbours(run, runs);
    struct app_options app = {.mode = mode,
                              .name = screen_run_name(run),
                              .drive_command = command,
                              .runs = runs,
                              .overlay = o->overlay,
                              .log = run->events,
                              .at = o->at};
    struct snapshot s = {.glyphs = term_stdout_glyphs(look.glyphs),
                         .form = o->color ? DUMP_ANSI : DUMP_TEXT,
                         .look = {.colours = 256, .theme = look.theme}};
    struct err bad = {0};
    struct run_lesson *beside = take_lesson(run, &app, &bad);
    bool ok = snapshot_size(o->snapshot, &s.w, &s.h, err) &&
              snapshot_take(run, &app, &s, &out, err) && cli_put(&out, err);
    free(beside);
    buf_deinit(&out);
    return ok;
}
