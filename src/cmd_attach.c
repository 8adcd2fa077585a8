/* cmd_attach.c - `thaw attach` and `thaw watch`: the screen on a run that is there already. */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/run/control.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/screen.h"
#include "src/spawn.h"

static void rest(void) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

/* Wait until the engine listens, or has given up: 5 s at most. */
static bool is_up(const struct run_paths *run, pid_t engine) {
    enum { TRIES = 500 };
    for (int i = 0; i < TRIES; i++) {
        if (files_is_locked(run->lock, NULL) && files_exists(run->socket)) return true;
        if (waitpid(engine, NULL, WNOHANG) != 0) return false;
        rest();
    }
    return false;
}

/* It goes with the last screen, so that the run can be gone on with, or deleted, at once: 1 s
 * at most, since another screen may look on. */
static void see_off(pid_t engine) {
    enum { TRIES = 100 };
    for (int i = 0; engine > 0 && i < TRIES && waitpid(engine, NULL, WNOHANG) == 0; i++) rest();
}

/* Whether the engine of a run that has ended is there to stay. One that has just trained it
 * lets go in a moment, and hangs up before it does; one may not listen yet: 5 s at most. */
static bool stays(const struct run_paths *run) {
    enum { TRIES = 500, HANGS_UP_MS = 250 };
    for (int i = 0; i < TRIES && files_is_locked(run->lock, NULL); i++) {
        struct pollfd line = {.fd = control_connect(run->socket, NULL), .events = POLLRDHUP};
        bool silent = line.fd >= 0 && poll(&line, 1, HANGS_UP_MS) == 0;
        if (line.fd >= 0) close(line.fd);
        if (silent) return true;
        rest();
    }
    return files_is_locked(run->lock, NULL);
}

/* A run that has ended gets an engine that answers prompts, unless another screen has brought
 * one. Where none can be had, its history is shown all the same. Returns our child; 0: none. */
static pid_t open_ended(const struct run_paths *run, bool *answers) {
    struct run_info info;
    if (!run_info_read(run->dir, &info, NULL) || !run_has_ended(&info)) return 0;
    *answers = stays(run);
    if (*answers) return 0;
    pid_t engine = spawn_idle(run, NULL);
    *answers = engine > 0 && is_up(run, engine);
    return *answers ? engine : 0;
}

static int show(const struct cli_spec *form, enum app_mode mode, int argc, char **argv) {
    struct screen_options screen = {.ascii = false};
    const char *runs_given = NULL;
    char runs[PATH_MAX];
    struct run_paths run;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0},
        SCREEN_OPTIONS(screen),
        {"--steal", NULL, "steer alone: other screens become watchers, and are told", CLI_FLAG,
         &screen.steals, 0, 0}, /* the last: watchers steer nothing */
    };
    struct cli_spec spec = *form;
    spec.options = options;
    spec.n_options = (int)(sizeof options / sizeof options[0]) - (mode == APP_WATCH);
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!screen_options_ok(&screen, &err)) return cli_fail(&err);
    if (!runs_dir(runs_given, runs, &err) || !run_dir_find(runs, words.at[0], &run, &err))
        return cli_fail(&err);
    if (screen.snapshot)
        return screen_snapshot(&run, mode, &screen, &err) ? CLI_OK : cli_fail(&err);
    pid_t engine = mode == APP_DRIVE ? open_ended(&run, &screen.answers) : 0;
    bool shown = screen_show(&run, mode, &screen, engine, &status, &err);
    if (!shown && engine > 0) kill(engine, SIGTERM); /* nobody came to look */
    see_off(engine);
    return shown ? status : cli_fail(&err);
}

int cmd_attach(int argc, char **argv) {
    static const struct cli_spec spec = {
        "thaw attach RUN [--steal] [OPTIONS]",
        "Come back to a run: its whole history, live while it "
        "trains. Everything can be steered.\nA run that has ended "
        "answers prompts of your own (e) from its last checkpoint.",
        NULL,
        0,
        1,
        1,
        0};
    return show(&spec, APP_DRIVE, argc, argv);
}

int cmd_watch(int argc, char **argv) {
    static const struct cli_spec spec = {
        "thaw watch RUN [OPTIONS]",
        "Look at a run without being able to change it; any number may watch.",
        NULL,
        0,
        1,
        1,
        0};
    return show(&spec, APP_WATCH, argc, argv);
}
