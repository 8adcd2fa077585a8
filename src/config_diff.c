#include "src/config_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/buf.h"
#include "engine/run/run_dir.h"
#include "src/config_file.h"

/* "a, b" of a list, "name: source, ..." of what has names, "-" of nothing. */
static void join(const struct settings *s, const struct setting_key *k, int stage,
                 struct buf *out) {
    struct buf words = {0};
    int n = setting_get(s, k, stage, &words);
    const char *word = buf_text(&words);
    for (int i = 0; i < n; i++, word += strlen(word) + 1) {
        bool named = k->type == SETTING_SETS || k->type == SETTING_GROUPS;
        buf_printf(out, "%s%s", i == 0 ? "" : named && i % 2 ? ": " : ", ", word);
    }
    if (out->len == 0) buf_str(out, "-");
    out->failed |= words.failed;
    buf_deinit(&words);
}

/* "stages.*.steps" of stage 1: "stages.1.steps". */
static void name_key(const struct setting_key *k, int stage, char out[CHANGE_KEY]) {
    const char *star = strchr(k->path, '*');
    if (!star) snprintf(out, CHANGE_KEY, "%s", k->path);
    else snprintf(out, CHANGE_KEY, "%.*s%d%s", (int)(star - k->path), k->path, stage, star + 1);
}

static bool compare_key(const struct settings *const s[2], const struct setting_key *k,
                        int stage, struct launch_changes *out) {
    struct buf value[2] = {{0}, {0}};
    struct launch_change change;
    for (int i = 0; i < 2; i++) join(s[i], k, stage, &value[i]);
    bool ok = !value[0].failed && !value[1].failed;
    if (ok && strcmp(buf_text(&value[0]), buf_text(&value[1])) != 0) {
        name_key(k, stage, change.key);
        for (int i = 0; i < 2; i++)
            snprintf(change.value[i], CHANGE_VALUE, "%s", buf_text(&value[i]));
        ok = launch_changes_add(out, &change);
    }
    for (int i = 0; i < 2; i++) buf_deinit(&value[i]);
    return ok;
}

/* A stage that one of them does not have. */
static bool add_stage(const struct settings *const s[2], int stage,
                      struct launch_changes *out) {
    struct launch_change change;
    snprintf(change.key, sizeof change.key, "stages.%d", stage);
    for (int i = 0; i < 2; i++)
        snprintf(change.value[i], CHANGE_VALUE, "%s",
                 stage < s[i]->n_stages ? s[i]->stages[stage].name : "-");
    return launch_changes_add(out, &change);
}

bool config_diff(const struct settings *a, const struct settings *b, struct launch_changes *out,
                 struct err *err) {
    const struct settings *const s[2] = {a, b};
    int common = a->n_stages < b->n_stages ? a->n_stages : b->n_stages;
    int all = a->n_stages + b->n_stages - common;
    bool ok = true;
    for (int i = 0; ok && i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        if (strcmp(k->path, "name") == 0) continue;
        int stages = strchr(k->path, '*') ? common : 1;
        for (int stage = 0; ok && stage < stages; stage++) ok = compare_key(s, k, stage, out);
    }
    for (int stage = common; ok && stage < all; stage++) ok = add_stage(s, stage, out);
    return ok || err_set(err, ERR_NOMEM, "not enough memory to compare the settings");
}

static bool read_config(const char *run_dir, struct settings *out, struct err *err) {
    struct run_paths paths;
    return run_paths_of(run_dir, &paths, err) && config_read(paths.config, NULL, out, err);
}

void config_diff_runs(struct launch_changes *out) {
    struct err err = {0};
    struct settings *s = calloc(2, sizeof *s);
    bool ok = s ? read_config(out->path[0], &s[0], &err) &&
                      read_config(out->path[1], &s[1], &err) &&
                      config_diff(&s[0], &s[1], out, &err)
                : err_set(&err, ERR_NOMEM, "not enough memory to compare the settings");
    if (!ok) snprintf(out->trouble, sizeof out->trouble, "%s", err.msg);
    free(s);
}
