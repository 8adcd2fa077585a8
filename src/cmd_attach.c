/* cmd_attach.c - `thaw attach` and `thaw watch`: the screen on a run that is there already. */
#include "src/cli.h"
#include "src/commands.h"
#include "src/screen.h"

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
    };
    struct cli_spec spec = *form;
    spec.options = options;
    spec.n_options = sizeof options / sizeof options[0];
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!screen_options_ok(&screen, &err)) return cli_fail(&err);
    if (!runs_dir(runs_given, runs, &err) || !run_dir_find(runs, words.at[0], &run, &err))
        return cli_fail(&err);
    if (screen.snapshot)
        return screen_snapshot(&run, mode, &screen, &err) ? CLI_OK : cli_fail(&err);
    return screen_show(&run, mode, &screen, 0, &status, &err) ? status : cli_fail(&err);
}

int cmd_attach(int argc, char **argv) {
    static const struct cli_spec spec = {"thaw attach RUN [OPTIONS]",
                                         "Come back to a run: its whole history, live while it "
                                         "trains. Everything can be steered.",
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
