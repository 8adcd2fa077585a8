/* app_prefs.c - the viewer's settings: where they hold, how they change, and that they are
 * kept. */
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "ui/app_parts.h"

static void take(struct app *a) {
    panel_loss_take(a->panels[PANE_LOSS], &a->prefs);
    panel_compare_take(a->panels[PANE_COMPARE], &a->prefs);
}

/* The lines that were typed are kept beside the settings; false: nowhere. */
static bool past_path(const struct app *a, char folder[PATH_MAX], char file[PATH_MAX]) {
    const char *slash = strrchr(a->prefs_path, '/');
    if (!slash) return false;
    snprintf(folder, PATH_MAX, "%.*s", (int)(slash - a->prefs_path), a->prefs_path);
    return files_join(file, PATH_MAX, folder, "history", NULL);
}

void app_prefs_begin(struct app *a, const struct app_options *o) {
    if (o->prefs) a->prefs = *o->prefs;
    else prefs_init(&a->prefs);
    a->kept = a->prefs;
    snprintf(a->prefs_path, sizeof a->prefs_path, "%s", o->prefs_path ? o->prefs_path : "");
    snprintf(a->own_note, sizeof a->own_note, "%s", o->prefs_bad ? o->prefs_bad : "");
    take(a);
    char folder[PATH_MAX], file[PATH_MAX];
    if (past_path(a, folder, file)) command_line_read(&a->line, file);
}

/* Said once, in the log as well; no more is tried on this screen. */
static void give_up(struct app *a, const char *why) {
    a->prefs_path[0] = '\0';
    journal_note(&a->history.journal, STYLE_WARNING, why);
    app_say(a, STYLE_WARNING, "settings are not kept: %s", why);
}

static void keep_past(struct app *a) {
    char folder[PATH_MAX], file[PATH_MAX];
    struct err err = {0};
    if (a->line.n_new == 0 || !past_path(a, folder, file)) return;
    if (!files_make_dirs(folder, 0700, &err) || !command_line_keep(&a->line, file, &err))
        give_up(a, err.msg);
}

void app_prefs_keep(struct app *a) {
    struct err err = {0};
    keep_past(a);
    app_lesson_keep(a);
    panel_loss_tell(a->panels[PANE_LOSS], &a->prefs);
    panel_compare_tell(a->panels[PANE_COMPARE], &a->prefs);
    if (prefs_same(&a->prefs, &a->kept)) return;
    if (a->prefs_path[0] && !prefs_keep(&a->prefs, &a->kept, a->prefs_path, &err))
        give_up(a, err.msg);
    a->kept = a->prefs;
}

/* ---- :set */

static void say_keys(struct app *a) {
    char keys[160] = "";
    size_t n = 0;
    for (int i = 0; i < PREF_COUNT; i++)
        n += (size_t)snprintf(keys + n, sizeof keys - n, " %s", pref_infos[i].key);
    app_say(a, STYLE_NORMAL, "set KEY VALUE, where KEY is one of%s", keys);
}

static void say_value(struct app *a, enum pref which) {
    const struct pref_info *info = &pref_infos[which];
    char words[96] = "";
    size_t n = 0;
    for (int i = 0; i < PREF_WORDS_MAX && info->words[i]; i++)
        n += (size_t)snprintf(words + n, sizeof words - n, " %s", info->words[i]);
    app_say(a, STYLE_NORMAL, "%s is %s, of%s: %s", info->key, prefs_word(&a->prefs, which),
            words, info->help);
}

void app_set(struct app *a, const char *words) {
    char key[32], value[32];
    struct err err = {0};
    int n = sscanf(words, "%31s %31s", key, value);
    enum pref which = n >= 1 ? prefs_find(key) : PREF_COUNT;
    if (n < 1) say_keys(a);
    else if (which == PREF_COUNT)
        app_say(a, STYLE_ERROR, "there is no setting \"%s\"; :set lists them", key);
    else if (n < 2) say_value(a, which);
    else if (!prefs_set(&a->prefs, which, value, &err)) app_say(a, STYLE_ERROR, "%s", err.msg);
    else {
        take(a);
        app_say(a, STYLE_NORMAL, "%s is %s now%s", key, value,
                a->prefs_path[0] ? "" : ", on this screen only");
    }
}
