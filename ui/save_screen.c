#include "ui/save_screen.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/core/files.h"
#include "ui/app_parts.h"

bool save_screen_path(const char *typed, char out[PATH_MAX], struct err *err) {
    const char *home = getenv("HOME");
    if (typed[0] == '~' && typed[1] == '/' && home && *home)
        return files_join(out, PATH_MAX, home, typed + 2, err);
    snprintf(out, PATH_MAX, "%s", typed);
    return true;
}

static bool write_frame(const char *path, const struct canvas *c, struct dump_look look,
                        struct err *err) {
    enum dump_form form;
    struct buf bytes = {0};
    if (!dump_form_of(path, &form, err)) return false;
    canvas_dump_as(c, form, look, &bytes);
    bool ok = bytes.failed ? err_set(err, ERR_NOMEM, "no memory for a picture of the screen")
                           : files_write(path, bytes.data, bytes.len, err);
    buf_deinit(&bytes);
    return ok;
}

void save_screen_if_asked(struct app *a, struct canvas *c, struct dump_look look, double now) {
    char path[PATH_MAX], whole[PATH_MAX];
    struct err err = {0};
    if (!a->save[0]) return;
    app_draw(a, c, now);
    if (save_screen_path(a->save, path, &err) && write_frame(path, c, look, &err))
        app_say(a, STYLE_NORMAL, "this screen is in %s", realpath(path, whole) ? whole : path);
    else app_say(a, STYLE_ERROR, "%s", err.msg);
    a->save[0] = '\0';
}
