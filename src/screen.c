#include "src/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "src/cli.h"
#include "src/headless.h"

const char *screen_run_name(const struct run_paths *run) {
    const char *slash = strrchr(run->dir, '/');
    return slash && slash[1] ? slash + 1 : run->dir;
}

/* The run's end, or that it goes on, as its log tells. */
static int say_goodbye(const struct run_paths *run) {
    struct err err = {0};
    struct headless *h = headless_create(run, &err);
    if (!h) return cli_fail(&err);
    headless_summary(h);
    headless_destroy(h);
    return CLI_OK;
}

int screen_show(const struct run_paths *run, enum app_mode mode,
                const struct screen_options *o) {
    const char *no_color = getenv("NO_COLOR"), *name = screen_run_name(run);
    char way_back[NAME_MAX + 32];
    struct err err = {0};
    enum app_end how = APP_DETACHED;
    snprintf(way_back, sizeof way_back, "thaw %s %.*s", mode == APP_DRIVE ? "attach" : "watch",
             NAME_MAX, name);
    struct app_options app = {.mode = mode, .name = name, .return_command = way_back};
    struct term_options term = {.ascii = o->ascii,
                                .mono = o->mono || (no_color && *no_color),
                                .no_mouse = o->no_mouse,
                                .light = o->light};
    if (!app_run(run, &app, &term, &how, &err)) return cli_fail(&err);
    if (how == APP_DETACHED && files_is_locked(run->lock, NULL)) {
        cli_print("thaw: %s goes on training; come back with: %s", name, way_back);
        return CLI_OK;
    }
    return say_goodbye(run);
}
