/* cmd_engine.c - `thaw engine RUN`: what `thaw run` starts in the background. */
#include <stdlib.h>

#include "engine/run/engine_main.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"

static const char about[] =
    "The process that trains. `thaw run` starts it; there is no need to do so by hand.";

int cmd_engine(int argc, char **argv) {
    struct cli_texts words;
    struct err err = {0};
    struct run_paths paths;
    bool resume = false, idle = false, follow = false;
    int status;
    const struct cli_option options[] = {
        {"--resume", NULL, "go on from the newest whole checkpoint", CLI_FLAG, &resume, 0, 0},
        {"--idle", NULL, "train nothing: answer prompts from it while a screen looks on",
         CLI_FLAG, &idle, 0, 0},
        {"--follow", NULL, "one of several that mpirun started: train as rank 0 says", CLI_FLAG,
         &follow, 0, 0}};
    const struct cli_spec spec = {
        "thaw engine RUN [--resume|--idle]\n       thaw engine --follow",
        about,
        options,
        3,
        0,
        1,
        0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (follow) return engine_follow(&err) ? CLI_OK : cli_fail(&err);
    if (words.n == 0) return cli_usage("which run? e.g. thaw engine medical");
    struct settings *s = malloc(sizeof *s);
    bool ok = (s || err_set(&err, ERR_NOMEM, "not enough memory for the run's settings")) &&
              run_paths_of(words.at[0], &paths, &err) &&
              config_read(paths.config, NULL, s, &err) &&
              (idle ? engine_idle(s, &paths, &err) : engine_main(s, &paths, resume, &err));
    free(s);
    return ok ? CLI_OK : cli_fail(&err);
}
