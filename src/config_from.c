#include "src/config_from.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/model_arg.h"

static const char key[] = "model.from";

bool config_from_find(struct settings *s, const char *runs_dir, struct err *err) {
    char folder[PATH_MAX];
    if (!s->model.from[0]) return true;
    if (!model_find_folder(key, s->model.from, runs_dir, folder, err)) return false;
    if (strlen(folder) >= sizeof s->model.from)
        return err_set(err, ERR_RANGE, "%s: the path %s is too long", key, folder);
    memcpy(s->model.from, folder, strlen(folder) + 1);
    return true;
}

bool config_from_there(const struct settings *s, char *path, struct err *err) {
    char folder[PATH_MAX];
    snprintf(path, TEXT_MAX_BYTES, "%s", key);
    return !s->model.from[0] || model_find_folder(key, s->model.from, NULL, folder, err);
}
