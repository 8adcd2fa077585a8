/* cmd_report.c - `thaw report`: a run, or several, as one HTML page. */
#include <stdio.h>
#include <string.h>

#include "src/cli.h"
#include "src/commands.h"
#include "src/report/page.h"

static const char about[] =
    "One page with all that a run's log tells: what was trained on what, the curves, base and\n"
    "tuned scores and texts, what each layer did, and how to repeat it. It needs no network "
    "and\n"
    "no script, and may be taken while the run trains. Several runs are laid over each other.";

static bool write_page(const struct run_paths *runs, int n, const char *file, struct err *err) {
    struct buf page = {0};
    if (strcmp(file, "-") == 0) {
        bool ok = report_make(runs, n, &page, err) && cli_put(&page, err);
        buf_deinit(&page);
        return ok;
    }
    if (!report_write(runs, n, file, err)) return false;
    cli_print("thaw: the report is in %s", file);
    return true;
}

int cmd_report(int argc, char **argv) {
    struct run_paths runs[COMPARED_RUNS_MAX];
    char dir[PATH_MAX];
    const char *out = NULL, *runs_given = NULL;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"-o", "FILE", "where to write it, - for stdout", CLI_TEXT, &out, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0}};
    const struct cli_spec spec = {"thaw report RUN [RUN2 ...] -o FILE.html",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  COMPARED_RUNS_MAX,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!out || !*out)
        return cli_usage("where shall the report go? e.g. thaw report %s -o report.html",
                         words.at[0]);
    bool ok = runs_dir(runs_given, dir, &err);
    for (int i = 0; ok && i < words.n; i++) ok = run_dir_find(dir, words.at[i], &runs[i], &err);
    return ok && write_page(runs, words.n, out, &err) ? CLI_OK : cli_fail(&err);
}
