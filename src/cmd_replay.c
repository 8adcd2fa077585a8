/* cmd_replay.c - `thaw replay`: a run's log played back on the screen that showed it live. */
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/run/number.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/screen.h"
#include "ui/replay.h"

static bool read_speed(const char *text, double *speed, struct err *err) {
    if (strcmp(text, "max") == 0) *speed = INFINITY;
    else if (!number_parse(text, speed) || !(*speed >= REPLAY_SLOWEST) ||
             !(*speed <= REPLAY_FASTEST))
        return err_set(err, ERR_USAGE, "--speed is %g to %g, or max, not \"%s\"",
                       REPLAY_SLOWEST, REPLAY_FASTEST, text);
    return true;
}

/* A run, or a log by itself, which may lie anywhere. */
static bool find_log(const char *runs_given, const char *word, struct run_paths *out,
                     struct err *err) {
    char runs[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    if (stat(word, &st) != 0 || !S_ISREG(st.st_mode))
        return runs_dir(runs_given, runs, err) && run_dir_find(runs, word, out, err);
    if ((size_t)snprintf(folder, sizeof folder, "%s", word) >= sizeof folder)
        return err_set(err, ERR_USAGE, "the path is too long: %s", word);
    if (!run_paths_of(dirname(folder), out, err)) return false;
    snprintf(out->events, sizeof out->events, "%s", word);
    return true;
}

int cmd_replay(int argc, char **argv) {
    struct screen_options screen = {.at = -1};
    const char *runs_given = NULL, *speed = "1";
    struct run_paths run;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--speed", "X", "times the run's own pace, 0.25 to 64, or max (default: 1)", CLI_TEXT,
         &speed, 0, 0},
        {"--at", "STEP", "stand at this step, paused", CLI_WHOLE, &screen.at, 0, 0x1p50},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0},
        SCREEN_OPTIONS(screen),
    };
    const struct cli_spec spec = {
        "thaw replay RUN [OPTIONS]",
        "Play a run back from its log, which may be a copy: what the screen showed while it "
        "trained. p pauses, . and , are faster and slower, ( and ) a step back and on, ' and "
        "\" the next mark and the one before.",
        options,
        sizeof options / sizeof options[0],
        1,
        1,
        0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!read_speed(speed, &screen.speed, &err) || !screen_options_ok(&screen, &err) ||
        !find_log(runs_given, words.at[0], &run, &err))
        return cli_fail(&err);
    if (screen.snapshot)
        return screen_snapshot(&run, APP_REPLAY, &screen, &err) ? CLI_OK : cli_fail(&err);
    return screen_show(&run, APP_REPLAY, &screen, 0, &status, &err) ? status : cli_fail(&err);
}
