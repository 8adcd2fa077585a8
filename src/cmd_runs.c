/* cmd_runs.c - `thaw runs`: what there is, and how it stands. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/json.h"
#include "engine/run/run_dir.h"
#include "src/cli.h"
#include "src/commands.h"

static void put_json(struct buf *out, const struct run_info *runs, int n) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '[');
    for (int i = 0; i < n; i++) {
        const struct run_info *r = &runs[i];
        json_open(&w, '{');
        json_add_string(&w, "name", r->name);
        json_add_string(&w, "path", r->path);
        json_add_string(&w, "state", r->state);
        json_add_string(&w, "stage", r->stage);
        json_add_integer(&w, "step", r->step);
        json_add_number(&w, "loss", r->loss, 9);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    buf_str(out, "\n");
}

static void print_table(const struct run_info *runs, int n, const char *dir) {
    if (n == 0) cli_print("no runs yet in %s; begin with: thaw run medical", dir);
    if (n > 0) cli_print("%-24s %-9s %-14s %9s %8s", "run", "state", "stage", "step", "loss");
    for (int i = 0; i < n; i++) {
        char loss[32] = "-";
        if (isfinite(runs[i].loss)) snprintf(loss, sizeof loss, "%.3f", runs[i].loss);
        cli_print("%-24s %-9s %-14s %9" PRId64 " %8s", runs[i].name, runs[i].state,
                  runs[i].stage, runs[i].step, loss);
    }
}

int cmd_runs(int argc, char **argv) {
    const char *runs_given = NULL;
    char dir[PATH_MAX];
    bool json = false;
    struct run_info *runs = NULL;
    struct buf out = {0};
    struct cli_texts words;
    struct err err = {0};
    int status, n = 0;
    const struct cli_option options[] = {
        {"--json", NULL, "one JSON array", CLI_FLAG, &json, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0}};
    const struct cli_spec spec = {.usage = "thaw runs [--json] [--runs-dir DIR]",
                                  .about = "All runs, the newest first.",
                                  .options = options,
                                  .n_options = 2};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    bool ok = runs_dir(runs_given, dir, &err) && run_list(dir, &runs, &n, &err);
    if (ok && json) put_json(&out, runs, n);
    if (ok && !json) print_table(runs, n, dir);
    ok = ok && cli_put(&out, &err);
    buf_deinit(&out);
    free(runs);
    return ok ? CLI_OK : cli_fail(&err);
}
