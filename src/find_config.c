#include "src/find_config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/shipped.h"

enum { ABOUT_BYTES = 1 << 20 /* of a config, read for its first line */ };

bool config_folder(int i, char out[PATH_MAX]) {
    if (i == 0) return files_join(out, PATH_MAX, "", "configs", NULL);
    return i == 1 && shipped_path(out, PATH_MAX, "configs", NULL);
}

bool config_find(const char *config, char out[PATH_MAX], struct err *err) {
    static const char *const endings[] = {"", ".yaml"};
    bool is_path = strchr(config, '/') != NULL;
    if (!*config) return err_set(err, ERR_USAGE, "which config? e.g. medical");
    if (is_path || files_exists(config)) return files_join(out, PATH_MAX, "", config, err);
    char folder[PATH_MAX] = "";
    for (int i = 0; config_folder(i, folder); i++) {
        for (int k = 0; k < 2; k++) {
            int n = snprintf(out, PATH_MAX, "%s/%s%s", folder, config, endings[k]);
            if (n < PATH_MAX && files_exists(out) && !files_is_dir(out)) return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "there is no config \"%s\", neither here nor in %s; `thaw` lists them",
                   config, folder);
}

/* ---- all there are ---- */

/* What the first line says when it is a comment: "# medical: learn English" is "learn English".
 */
static void read_about(struct config_item *item) {
    struct buf text = {0};
    if (files_read(item->path, ABOUT_BYTES, &text, NULL) && *buf_text(&text) == '#') {
        const char *line = buf_text(&text) + 1;
        size_t named = strlen(item->name);
        line += strspn(line, " ");
        if (strncmp(line, item->name, named) == 0 && line[named] == ':') line += named + 1;
        line += strspn(line, " ");
        snprintf(item->about, sizeof item->about, "%.*s", (int)strcspn(line, "\r\n"), line);
    }
    buf_deinit(&text);
}

struct config_array {
    struct config_item *at;
    int n;
};

/* Append FOLDER/FILE when it is a config and its name is not there yet. False: no memory. */
static bool add_config(const char *folder, const char *file, struct config_array *list) {
    const char *dot = strrchr(file, '.');
    struct config_item item = {.name = ""};
    if (!dot || dot == file || strcmp(dot, ".yaml") != 0) return true;
    snprintf(item.name, sizeof item.name, "%.*s", (int)(dot - file), file);
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->at[i].name, item.name) == 0) return true;
    if (!files_join(item.path, sizeof item.path, folder, file, NULL)) return true;
    if (files_is_dir(item.path)) return true;
    struct config_item *grown = realloc(list->at, (size_t)(list->n + 1) * sizeof *grown);
    if (!grown) return false;
    list->at = grown;
    read_about(&item);
    list->at[list->n++] = item;
    return true;
}

static int by_name(const void *a, const void *b) {
    const struct config_item *x = a, *y = b;
    return strcmp(x->name, y->name);
}

bool config_list(struct config_item **out, int *n, struct err *err) {
    struct config_array list = {NULL, 0};
    bool ok = true;
    char path[PATH_MAX];
    for (int i = 0; config_folder(i, path); i++) {
        DIR *folder = opendir(path);
        for (struct dirent *d; ok && folder && (d = readdir(folder));)
            ok = add_config(path, d->d_name, &list);
        if (folder) closedir(folder);
    }
    *out = list.at;
    *n = list.n;
    if (list.n > 1) qsort(list.at, (size_t)list.n, sizeof *list.at, by_name);
    if (ok) return true;
    free(list.at);
    *out = NULL;
    *n = 0;
    return err_set(err, ERR_NOMEM, "not enough memory to list the configs");
}
