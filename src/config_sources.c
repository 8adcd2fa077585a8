#include "src/config_sources.h"

#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/data/tokens_file.h"

/* Where a config names text, and what for. */
struct place {
    const char (*specs)[TEXT_MAX_BYTES];
    int n;
    enum split split;
    int window; /* tokens that there must be at least; 0: any number */
};

typedef bool check_fn(const struct place *p, struct err *err);

static bool matches_any(const char *pattern) {
    glob_t found;
    bool any = glob(pattern, 0, NULL, &found) == 0;
    if (any) globfree(&found);
    return any;
}

static bool file_there(const char *spec, struct err *err) {
    char file[PATH_MAX];
    source_path(spec, file, sizeof file);
    if (!*file || access(file, R_OK) == 0) return true;
    if (strpbrk(file, "*?[") && matches_any(file)) return true;
    return err_errno(err, "cannot read %s", file);
}

static bool files_there(const struct place *p, struct err *err) {
    for (int i = 0; i < p->n; i++)
        if (!file_there(p->specs[i], err)) return false;
    return true;
}

/* Of a file of tokens its own counts tell. */
static bool enough_tokens(const struct place *p, const char *path, struct err *err) {
    struct tokens_about about;
    if (!tokens_about(path, &about, err)) return false;
    if (about.splits[p->split].units == 0)
        return err_set(err, ERR_RANGE,
                       "%s has nothing for %s (one piece of text in twenty is held out): make "
                       "it from more text",
                       path, p->split == SPLIT_VAL ? "validation" : "training");
    if (about.splits[p->split].tokens >= (uint64_t)p->window) return true;
    return err_set(err, ERR_RANGE,
                   "%s has %" PRIu64 " tokens to train on, but one window needs %d "
                   "(model.context and one more): make it from more text, or set "
                   "model.context lower",
                   path, about.splits[p->split].tokens, p->window);
}

/* A byte is a token at most, and each piece ends with one more: less than that fills no window,
 * whatever the vocabulary. */
static bool enough(const struct place *p, const struct source_text *text, struct err *err) {
    struct source_counts c = source_count(text, p->split);
    if (c.units == 0)
        return err_set(
            err, ERR_RANGE,
            "%s: none of the %zu pieces of text is for %s (one in twenty is held out): "
            "give more text",
            p->specs[0], text->n_units, p->split == SPLIT_VAL ? "validation" : "training");
    if (c.bytes + c.units >= (uint64_t)p->window) return true;
    return err_set(err, ERR_RANGE,
                   "%s has %" PRIu64 " bytes to train on, but one window needs %d tokens "
                   "(model.context and one more): give more text, or set model.context lower",
                   p->specs[0], c.bytes, p->window);
}

static bool whole_sources(const struct place *p, struct err *err) {
    struct source_text text = {.units = NULL};
    const char *tokens = tokens_path(p->specs[0]);
    bool ok = true;
    if (tokens) return enough_tokens(p, tokens, err);
    for (int i = 0; ok && i < p->n; i++) ok = source_read(p->specs[i], &text, err);
    ok = ok && enough(p, &text, err);
    source_deinit(&text);
    return ok;
}

/* The key at fault for the caller; always false. */
static bool at(char *path, int stage, const char *key) {
    snprintf(path, TEXT_MAX_BYTES, "stages.%d.%s", stage, key);
    return false;
}

static bool check_list(const struct text_list *list, int window, check_fn *check,
                       struct err *err) {
    const struct place p = {list->text, list->n, SPLIT_TRAIN, window};
    return list->n == 0 || check(&p, err);
}

static bool check_all(const struct settings *s, check_fn *check, char *path, struct err *err) {
    int window = s->model.from[0] ? 0 : s->model.context + 1; /* a folder has its own context */
    for (int i = 0; i < s->n_stages; i++) {
        const struct stage_settings *st = &s->stages[i];
        bool replays = st->replay.share > 0;
        if (!check_list(&st->data, window, check, err)) return at(path, i, "data");
        if (!check_list(&st->replay.data, replays ? window : 0, check, err))
            return at(path, i, "replay.data");
    }
    snprintf(path, TEXT_MAX_BYTES, "eval.sets");
    for (int i = 0; i < s->eval.n_sets; i++) {
        const struct place p = {&s->eval.sets[i].source, 1, SPLIT_VAL, 0};
        if (!check(&p, err)) return false;
    }
    return true;
}

bool config_sources_there(const struct settings *s, char *path, struct err *err) {
    return check_all(s, files_there, path, err);
}

bool config_sources_read(const struct settings *s, char *path, struct err *err) {
    return check_all(s, whole_sources, path, err);
}
