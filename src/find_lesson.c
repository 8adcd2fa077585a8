#include "src/find_lesson.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/shipped.h"
#include "engine/core/spelling.h"
#include "src/lesson_file.h"

static const char ending[] = ".yaml", folder_name[] = "assets/lessons";
enum { ENDING = sizeof ending - 1, NAMES_MAX = 128 };

bool lesson_folder(int i, char out[PATH_MAX]) {
    if (i == 0) return files_join(out, PATH_MAX, "", folder_name, NULL);
    return i == 1 && shipped_path(out, PATH_MAX, folder_name, NULL);
}

/* ---- all there are ---- */

struct items {
    struct lesson_item *at;
    int n;
};

/* Append FOLDER/FILE when it is a lesson's and its name is not there yet. False: no memory. */
static bool add(const char *folder, const char *file, struct items *list) {
    struct lesson_item item = {.minutes = 0};
    size_t n = strlen(file);
    if (n <= ENDING || strcmp(file + n - ENDING, ending) != 0 || *file == '.') return true;
    snprintf(item.name, sizeof item.name, "%.*s", (int)(n - ENDING), file);
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->at[i].name, item.name) == 0) return true;
    if (!files_join(item.path, sizeof item.path, folder, file, NULL)) return true;
    struct lesson_item *grown = realloc(list->at, (size_t)(list->n + 1) * sizeof *grown);
    if (!grown) return false;
    list->at = grown;
    list->at[list->n++] = item;
    return true;
}

static bool list_names(struct items *list) {
    char path[PATH_MAX];
    bool ok = true;
    for (int i = 0; lesson_folder(i, path); i++) {
        DIR *folder = opendir(path);
        for (struct dirent *d; ok && folder && (d = readdir(folder));)
            ok = add(path, d->d_name, list);
        if (folder) closedir(folder);
    }
    return ok;
}

static void read_item(struct lesson_item *item, struct lesson *room) {
    struct err err = {0};
    bool ok = lesson_read(item->path, room, &err);
    snprintf(item->title, sizeof item->title, "%s", ok ? room->title : err.msg);
    item->minutes = ok ? room->minutes : 0;
    item->mechanism = ok ? room->mechanism : 0;
}

enum { MINUTES_BELOW = 1000 };

/* By minutes, then by place; those that are not sound come last. */
static int rank(const struct lesson_item *i) {
    if (i->minutes == 0) return INT_MAX;
    return i->mechanism > 0 ? MINUTES_BELOW + i->mechanism : i->minutes;
}

static int in_order(const void *a, const void *b) {
    const struct lesson_item *x = a, *y = b;
    return rank(x) != rank(y) ? (rank(x) > rank(y)) - (rank(x) < rank(y))
                              : strcmp(x->name, y->name);
}

bool lesson_list(struct lesson_item **out, int *n, struct err *err) {
    struct items list = {NULL, 0};
    struct lesson *room = malloc(sizeof *room);
    bool ok = room && list_names(&list);
    for (int i = 0; ok && i < list.n; i++) read_item(&list.at[i], room);
    free(room);
    if (ok && list.n > 1) qsort(list.at, (size_t)list.n, sizeof *list.at, in_order);
    if (!ok) free(list.at);
    *out = ok ? list.at : NULL;
    *n = ok ? list.n : 0;
    return ok || err_set(err, ERR_NOMEM, "not enough memory to list the lessons");
}

/* ---- one ---- */

static bool fail(const char *name, struct err *err) {
    struct items list = {NULL, 0};
    const char *known[NAMES_MAX];
    int n = 0;
    if (list_names(&list))
        for (; n < list.n && n < NAMES_MAX; n++) known[n] = list.at[n].name;
    const char *nearest = spelling_nearest(name, known, n);
    err_set(err, ERR_USAGE, "there is no lesson \"%.64s\"%s%s%s; `thaw lesson` lists them",
            name, nearest ? "; the nearest is \"" : "", nearest ? nearest : "",
            nearest ? "\"" : "");
    free(list.at);
    return false;
}

bool lesson_find(const char *name, char out[PATH_MAX], struct err *err) {
    if (!*name) return err_set(err, ERR_USAGE, "which lesson? `thaw lesson` lists them");
    if (strchr(name, '/')) return files_join(out, PATH_MAX, "", name, err);
    char folder[PATH_MAX];
    for (int i = 0; lesson_folder(i, folder); i++) {
        int n = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, ending);
        if (n < PATH_MAX && files_exists(out) && !files_is_dir(out)) return true;
    }
    return fail(name, err);
}
