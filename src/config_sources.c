#include "src/config_sources.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/data/source.h"

typedef bool check_fn(const char *spec, struct err *err);

static bool matches_any(const char *pattern) {
    glob_t found;
    bool any = glob(pattern, 0, NULL, &found) == 0;
    if (any) globfree(&found);
    return any;
}

static bool file_there(const char *spec, struct err *err) {
    const char *colon = strchr(spec, ':');
    bool text = strncmp(spec, "text:", 5) == 0, jsonl = strncmp(spec, "jsonl:", 6) == 0;
    char file[PATH_MAX];
    if (!text && !jsonl) return true;
    int n = jsonl ? (int)strcspn(colon + 1, "#") : (int)strlen(colon + 1);
    snprintf(file, sizeof file, "%.*s", n, colon + 1);
    if (access(file, R_OK) == 0) return true;
    if (text && strpbrk(file, "*?[") && matches_any(file)) return true;
    return err_errno(err, "cannot read %s", file);
}

static bool whole_source(const char *spec, struct err *err) {
    struct source_text text = {.units = NULL};
    bool ok = source_read(spec, &text, err);
    source_deinit(&text);
    return ok;
}

static bool check_list(const struct text_list *list, check_fn *check, struct err *err) {
    for (int i = 0; i < list->n; i++)
        if (!check(list->text[i], err)) return false;
    return true;
}

/* The key at fault for the caller; always false. */
static bool at(char *path, int stage, const char *key) {
    snprintf(path, TEXT_MAX_BYTES, "stages.%d.%s", stage, key);
    return false;
}

static bool check_all(const struct settings *s, check_fn *check, char *path, struct err *err) {
    for (int i = 0; i < s->n_stages; i++) {
        if (!check_list(&s->stages[i].data, check, err)) return at(path, i, "data");
        if (!check_list(&s->stages[i].replay.data, check, err))
            return at(path, i, "replay.data");
    }
    snprintf(path, TEXT_MAX_BYTES, "eval.sets");
    for (int i = 0; i < s->eval.n_sets; i++)
        if (!check(s->eval.sets[i].source, err)) return false;
    return true;
}

bool config_sources_there(const struct settings *s, char *path, struct err *err) {
    return check_all(s, file_there, path, err);
}

bool config_sources_read(const struct settings *s, char *path, struct err *err) {
    return check_all(s, whole_source, path, err);
}
