/* app_report.c - `w` and `:report`: the run on the screen as a web page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/app_parts.h"
#include "ui/save_screen.h"

/* "medical.html" in the folder that the screen was started from. */
static void own_name(const struct run_paths *run, char out[PATH_MAX]) {
    const char *slash = strrchr(run->dir, '/');
    snprintf(out, PATH_MAX, "%.200s.html", slash && slash[1] ? slash + 1 : run->dir);
}

void app_report_if_asked(struct app *a, const struct run_paths *run, app_report_fn *write) {
    char path[PATH_MAX], whole[PATH_MAX];
    struct err err = {0};
    if (!a->reports) return;
    a->reports = false;
    if (!write) {
        app_say(a, STYLE_NORMAL, "there are no reports here: thaw report writes one");
        return;
    }
    bool ok = true;
    if (a->report[0]) ok = save_screen_path(a->report, path, &err);
    else own_name(run, path);
    if (ok && write(run, path, &err))
        app_say(a, STYLE_NORMAL, "the report is in %s", realpath(path, whole) ? whole : path);
    else app_say(a, STYLE_ERROR, "%s", err.msg);
}
