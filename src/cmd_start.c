/* cmd_start.c - `thaw` alone: the launcher; where there is no screen, what there is to begin
 * with, and what to type. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/run/run_dir.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/find_config.h"
#include "src/launch.h"

enum { RUNS_SHOWN = 8 };

static int is_config(const struct dirent *e) {
    const char *dot = strrchr(e->d_name, '.');
    return dot && dot != e->d_name && strcmp(dot, ".yaml") == 0;
}

static void list_configs(const char *folder) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_config, alphasort);
    for (int i = 0; i < n; i++) {
        int stem = (int)(strrchr(entries[i]->d_name, '.') - entries[i]->d_name);
        cli_print("  thaw run %.*s", stem, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* Look at what lives or has ended well; go on with what has not. */
static void list_run(const struct run_info *r) {
    bool unfinished = strcmp(r->state, "stopped") == 0 || strcmp(r->state, "dead") == 0 ||
                      strcmp(r->state, "failed") == 0;
    cli_print("  thaw %s %s   (%s, step %" PRId64 ")", unfinished ? "run --resume" : "attach",
              r->name, r->state, r->step);
}

static int print_start(void) {
    char dir[PATH_MAX];
    struct run_info *runs = NULL;
    struct err err = {0};
    int n = 0;
    puts("thaw: train a small language model, and see it learn.\n\nBegin:");
    puts("  thaw lesson screen   (`thaw lesson` lists all lessons)");
    bool there = config_folder(0, dir) && files_is_dir(dir);
    if (there || config_folder(1, dir)) list_configs(dir);
    if (!runs_dir(NULL, dir, &err) || !run_list(dir, &runs, &n, &err)) return cli_fail(&err);
    if (n > 0) puts("\nCome back to a run:");
    for (int i = 0; i < n && i < RUNS_SHOWN; i++) list_run(&runs[i]);
    if (n > RUNS_SHOWN) puts("  thaw runs   (lists all)");
    free(runs);
    puts("\nAll commands: thaw --help");
    return cli_flush(&err) ? CLI_OK : cli_fail(&err);
}

int cmd_start(void) {
    int status;
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    return terminal && launch_show(&status) ? status : print_start();
}
