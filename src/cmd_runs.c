/* cmd_runs.c - `thaw runs`: what there is, how it stands, what it measured, what can go. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/json.h"
#include "engine/run/prune.h"
#include "engine/run/tensorboard.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/run_csv.h"

static const char usage[] = "thaw runs [--json] [--runs-dir DIR]\n"
                            "       thaw runs --csv RUN\n"
                            "       thaw runs --tensorboard RUN DIR\n"
                            "       thaw runs --prune [--older-than AGE] [--yes]";
static const char about[] =
    "All runs, the newest first. --prune tells what interrupted work has left, which "
    "checkpoints\n"
    "are more than checkpoint.keep asks for, and with --older-than which runs finished long "
    "ago;\n"
    "nothing is removed without --yes, and never the newest sound checkpoint of a run.";

struct runs_options {
    bool json, prune, yes;
    const char *csv, *tensorboard, *older_than, *runs_dir;
};

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

/* ---- clearing away ---- */

/* What checkpoint.keep of the run's own config says. */
static bool keep_of(void *ctx, const struct run_paths *run, struct retention *out) {
    struct settings *s = ctx;
    if (!config_read(run->config, NULL, s, NULL)) return false;
    *out = s->checkpoint.keep;
    return true;
}

/* "30d" in seconds: hours, days or weeks. */
static bool read_age(const char *text, double *seconds, struct err *err) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end;
    long n = strtol(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end > text && n >= 0 && n <= 100000 && *end == units[i].unit && !end[1]) {
            *seconds = (double)n * units[i].seconds;
            return true;
        }
    return err_set(err, ERR_USAGE,
                   "--older-than needs hours, days or weeks, e.g. 12h, 30d, 4w, not \"%s\"",
                   text);
}

static void print_size(const char *before, uint64_t bytes, const char *after) {
    cli_print("%s%.1f MiB%s", before, (double)bytes / 1048576.0, after);
}

/* The list, or the deed; *bytes: of what goes. False: something could not be removed. */
static bool prune_all(const char *dir, const struct prune_list *l, bool yes, uint64_t *bytes) {
    bool ok = true;
    for (int i = 0; i < l->n; i++) {
        const struct prune_item *item = &l->at[i];
        struct err err = {0};
        bool gone = yes && prune_remove(dir, item, &err);
        if (!yes || gone) {
            cli_print("%s %s  (%.1f MiB: %s)", yes ? "removed" : "would remove", item->path,
                      (double)item->bytes / 1048576.0, item->why);
            *bytes += item->bytes;
        } else {
            cli_fail(&err);
            ok = false;
        }
    }
    return ok;
}

static bool prune(const char *dir, const struct runs_options *o, bool *all_gone,
                  struct err *err) {
    struct prune_list list = {.at = NULL};
    struct settings *s = malloc(sizeof *s);
    double older_s = -1;
    uint64_t bytes = 0;
    bool ok = (s || err_set(err, ERR_NOMEM, "not enough memory")) &&
              (!o->older_than || read_age(o->older_than, &older_s, err)) &&
              prune_find(dir, older_s, keep_of, s, &list, err);
    if (ok) *all_gone = prune_all(dir, &list, o->yes, &bytes);
    if (ok && list.n == 0) cli_print("there is nothing to clear away in %s", dir);
    else if (ok && o->yes) print_size("thaw: freed ", bytes, "");
    else if (ok) print_size("thaw: nothing was removed; the same with --yes frees ", bytes, "");
    prune_list_deinit(&list);
    free(s);
    return ok;
}

/* ---- all ---- */

static bool list(const char *dir, bool json, struct err *err) {
    struct run_info *runs = NULL;
    struct buf out = {0};
    int n = 0;
    bool ok = run_list(dir, &runs, &n, err);
    if (ok && json) put_json(&out, runs, n);
    if (ok && !json) print_table(runs, n, dir);
    ok = ok && cli_put(&out, err);
    buf_deinit(&out);
    free(runs);
    return ok;
}

static bool csv(const char *dir, const char *word, struct err *err) {
    struct run_paths run;
    struct buf out = {0};
    bool ok =
        run_dir_find(dir, word, &run, err) && run_csv(&run, &out, err) && cli_put(&out, err);
    buf_deinit(&out);
    return ok;
}

/* A log that was written without `tensorboard: true`, as such a run would have left it in
 * `folder`. */
static bool tensorboard(const char *dir, const char *word, const char *folder,
                        struct err *err) {
    struct run_paths run;
    if (!run_dir_find(dir, word, &run, err) || !tensorboard_convert(run.events, folder, err))
        return false;
    cli_print("thaw: %s can be looked at with: tensorboard --logdir %s", word, folder);
    return true;
}

static bool options_ok(const struct runs_options *o, int n_words, struct err *err) {
    if (n_words != (o->tensorboard != NULL))
        return err_set(err, ERR_USAGE, "%s",
                       n_words
                           ? "a folder belongs to --tensorboard RUN; see thaw runs --help"
                           : "--tensorboard needs a run and a folder: --tensorboard RUN DIR");
    if (!o->prune && (o->yes || o->older_than))
        return err_set(err, ERR_USAGE, "%s belongs to --prune",
                       o->yes ? "--yes" : "--older-than");
    return o->json + o->prune + (o->csv != NULL) + (o->tensorboard != NULL) <= 1 ||
           err_set(err, ERR_USAGE, "one of --json, --csv, --tensorboard and --prune at a time");
}

int cmd_runs(int argc, char **argv) {
    struct runs_options o = {.json = false};
    char dir[PATH_MAX];
    struct cli_texts words;
    struct err err = {0};
    bool all_gone = true;
    int status;
    const struct cli_option options[] = {
        {"--json", NULL, "one JSON array", CLI_FLAG, &o.json, 0, 0},
        {"--csv", "RUN", "what a run has measured: a line a step", CLI_TEXT, &o.csv, 0, 0},
        {"--tensorboard", "RUN", "the same as a file in DIR that TensorBoard reads", CLI_TEXT,
         &o.tensorboard, 0, 0},
        {"--prune", NULL, "list what can be cleared away", CLI_FLAG, &o.prune, 0, 0},
        {"--yes", NULL, "and do so", CLI_FLAG, &o.yes, 0, 0},
        {"--older-than", "AGE", "with it whole runs that finished so long ago: 12h, 30d, 4w",
         CLI_TEXT, &o.older_than, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &o.runs_dir, 0, 0}};
    const struct cli_spec spec = {.usage = usage,
                                  .about = about,
                                  .options = options,
                                  .n_options = sizeof options / sizeof options[0],
                                  .max_words = 1};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    bool ok = options_ok(&o, words.n, &err) && runs_dir(o.runs_dir, dir, &err);
    if (ok && o.prune) ok = prune(dir, &o, &all_gone, &err);
    else if (ok && o.csv) ok = csv(dir, o.csv, &err);
    else if (ok && o.tensorboard) ok = tensorboard(dir, o.tensorboard, words.at[0], &err);
    else if (ok) ok = list(dir, o.json, &err);
    if (!ok) return cli_fail(&err);
    return all_gone ? CLI_OK : CLI_FAILED;
}
