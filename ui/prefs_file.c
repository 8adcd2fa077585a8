/* prefs_file.c - the settings in their file. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "ui/prefs.h"

enum { FILE_MAX_BYTES = 65536 };

bool prefs_path(char *out, size_t size, struct err *err) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config == '/')
        return files_join(out, size, config, "thaw/settings.json", err);
    if (!home || *home != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (!home || *home != '/')
        return err_set(err, ERR_IO, "no home folder is known: set HOME or XDG_CONFIG_HOME");
    return files_join(out, size, home, ".config/thaw/settings.json", err);
}

/* The file's object; NULL without an error where there is no file. Owner: the caller. */
static struct json *parse(const char *path, struct err *err) {
    struct buf text = {0};
    struct json *root = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return NULL;
    if (files_read(path, FILE_MAX_BYTES, &text, err)) {
        root = json_parse(text.data, text.len, err);
        if (!root) err_prefix(err, "%s", path);
    }
    buf_deinit(&text);
    if (root && json_kind(root) != JSON_KIND_OBJECT) {
        err_set(err, ERR_PARSE, "%s: it holds no object such as {\"theme\": \"light\"}", path);
        json_destroy(root);
        return NULL;
    }
    return root;
}

/* Every key that is ours; the others are another version's. */
static bool take(struct prefs *p, const struct json *root, const char *path, struct err *err) {
    for (const void *it = json_first(root); it; it = json_next(root, it)) {
        enum pref which = prefs_find(json_key(it));
        if (which == PREF_COUNT) continue;
        const char *word = json_str(json_value(it), NULL);
        if (!word)
            return err_set(err, ERR_PARSE, "%s: %s has to be a string", path, json_key(it));
        if (!prefs_set(p, which, word, err)) return err_prefix(err, "%s", path);
    }
    return true;
}

/* *root NULL and true: there is no file. */
static bool load(struct prefs *p, const char *path, struct json **root, struct err *err) {
    struct err why = {0};
    *root = parse(path, &why);
    if (*root && take(p, *root, path, &why)) return true;
    json_destroy(*root);
    *root = NULL;
    if (why.code == ERR_NONE) return true;
    if (err) *err = why;
    return false;
}

bool prefs_read(struct prefs *p, const char *path, struct err *err) {
    struct json *root;
    struct prefs read = *p;
    if (!load(&read, path, &root, err)) return false;
    json_destroy(root);
    *p = read;
    return true;
}

static bool changed(const struct prefs *now, const struct prefs *old, enum pref which) {
    return now->at[which] != old->at[which];
}

/* The whole text: what was there, in its order, with the new words; then what was not there. */
static void put_all(struct buf *out, const struct json *root, const struct prefs *now,
                    const struct prefs *old) {
    struct json_writer w = json_writer_make(out);
    w.indent = 2;
    json_open(&w, '{');
    for (const void *it = json_first(root); it; it = json_next(root, it)) {
        enum pref which = prefs_find(json_key(it));
        json_put_key(&w, json_key(it));
        if (which != PREF_COUNT && changed(now, old, which))
            json_put_string(&w, prefs_word(now, which));
        else json_put_value(&w, json_value(it));
    }
    for (int i = 0; i < PREF_COUNT; i++)
        if (changed(now, old, (enum pref)i) && !json_get(root, pref_infos[i].key))
            json_add_string(&w, pref_infos[i].key, prefs_word(now, (enum pref)i));
    json_close(&w, '}');
    buf_str(out, "\n");
}

static bool write_text(const char *path, const struct buf *text, struct err *err) {
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (text->failed) return err_set(err, ERR_NOMEM, "no memory for the settings");
    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (!files_make_dirs(folder, 0700, err)) return false;
    }
    /* A link stays one: some keep all such files in a place of their own. */
    return files_write(realpath(path, real) ? real : path, text->data, text->len, err);
}

bool prefs_keep(const struct prefs *now, const struct prefs *old, const char *path,
                struct err *err) {
    struct prefs there;
    struct json *root;
    struct buf text = {0};
    prefs_init(&there);
    if (!load(&there, path, &root, err)) return false;
    put_all(&text, root, now, old);
    bool ok = write_text(path, &text, err);
    buf_deinit(&text);
    json_destroy(root);
    return ok;
}
