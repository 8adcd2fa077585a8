#include "ui/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/run_dir.h"
#include "ui/canvas_dump.h"
#include "ui/keys.h"
#include "ui/prefs.h"

enum { WORDS_MOST = 64 };

const struct own_word command_line_own[COMMAND_LINE_OWN] = {
    {"help", "show the keys and commands"},
    {"quit", "leave the screen, as q does: training goes on"},
    {"overlay", "lay RUN's loss over this one; alone: take all such away"},
    {"set", "change a setting, as in :set smoothing 0.99; alone: list them"},
    {"theme", "other colours: dark, light, mono, colour-blind"},
    {"tour", "the hints of the first start again"},
    {"report", "write the run's page into FILE.html; alone: one of the run's name"},
    {"lesson", "go to a STEP of the lesson; lesson state: a word to pass on"},
    {"save-screen", "write this screen into FILE: .txt, .ans (with colours) or .svg"},
};
static const char save_word[] = "save-screen", report_word[] = "report";

void command_line_open(struct command_line *l) {
    line_edit_set(&l->edit, "");
    l->at = l->n_past;
    l->hint[0] = '\0';
    l->refused = false;
}

/* ---- the past */

static void remember(struct command_line *l) {
    if (l->n_past > 0 && strcmp(l->past[l->n_past - 1], l->edit.text) == 0) return;
    if (l->n_past == COMMAND_LINE_HISTORY)
        memmove(l->past[0], l->past[1], (size_t)--l->n_past * sizeof l->past[0]);
    memcpy(l->past[l->n_past++], l->edit.text, LINE_EDIT_MAX);
    if (l->n_new < COMMAND_LINE_HISTORY) l->n_new++;
}

static void look_back(struct command_line *l, int by) {
    int to = l->at + by;
    if (to < 0 || to > l->n_past) return;
    if (l->at == l->n_past) snprintf(l->typed, sizeof l->typed, "%s", l->edit.text);
    l->at = to;
    line_edit_set(&l->edit, to == l->n_past ? l->typed : l->past[to]);
}

/* ---- completion */

/* What may stand where the cursor is, collected as candidates for the piece before it. */
struct candidates {
    const char *piece;
    size_t piece_n;
    char common[LINE_EDIT_MAX];
    int n;
    char *hint;
};

static void offer(struct candidates *k, const char *word) {
    if (strncmp(word, k->piece, k->piece_n) != 0) return;
    if (k->n++ == 0) snprintf(k->common, sizeof k->common, "%s", word);
    size_t same = 0;
    while (k->common[same] && k->common[same] == word[same]) same++;
    k->common[same] = '\0';
    size_t used = strlen(k->hint);
    snprintf(k->hint + used, COMMAND_LINE_HINT - used, "%s%s", used ? " " : "", word);
}

static void offer_verbs(struct candidates *k) {
    for (int i = 0; i < COMMAND_COUNT; i++) offer(k, command_infos[i].word);
    for (int i = 0; i < COMMAND_LINE_OWN; i++) offer(k, command_line_own[i].word);
}

static void offer_runs_in(struct candidates *k, const char *runs) {
    struct run_info *infos = NULL;
    int n = 0;
    if (!run_list_quick(runs, &infos, &n, NULL)) return;
    for (int i = 0; i < n; i++) offer(k, infos[i].name);
    free(infos);
}

static void offer_values(struct candidates *k, enum pref which) {
    for (int i = 0; which != PREF_COUNT && i < PREF_WORDS_MAX; i++)
        if (pref_infos[which].words[i]) offer(k, pref_infos[which].words[i]);
}

/* What stands behind "set": a key, then one of its values. */
static void offer_settings(struct candidates *k, const char *behind) {
    char key[32];
    behind += strspn(behind, " ");
    size_t n = strcspn(behind, " ");
    snprintf(key, sizeof key, "%.*s", (int)n, behind);
    if (behind[n]) offer_values(k, prefs_find(key));
    for (int i = 0; !behind[n] && i < PREF_COUNT; i++) offer(k, pref_infos[i].key);
}

/* Beside the run on the screen, and where runs usually live. */
static void offer_runs(struct candidates *k, const char *runs) {
    char usual[PATH_MAX], here[PATH_MAX];
    if (!runs) return;
    offer_runs_in(k, runs);
    if (!runs_dir(NULL, usual, NULL)) return;
    if (realpath(runs, here) && strcmp(here, usual) == 0) return;
    offer_runs_in(k, usual);
}

static void offer_groups(struct candidates *k, const struct history *h) {
    offer(k, "all");
    for (int g = 0; g < h->n_groups; g++)
        if (h->groups[g].parent < 0 || strchr(k->piece, '.')) offer(k, h->groups[g].name);
}

static void offer_options(struct candidates *k, enum command_kind kind) {
    const char *word, *value;
    for (int i = 0; command_option(kind, i, &word, &value); i++) offer(k, word);
}

static const struct command_info *info_of(const char *word, size_t n) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strlen(command_infos[i].word) == n && strncmp(command_infos[i].word, word, n) == 0)
            return &command_infos[i];
    return NULL;
}

static bool is_word(const char *text, size_t n, const char *word) {
    return strlen(word) == n && strncmp(text, word, n) == 0;
}

/* What a word is for; "" when it is no command. */
static const char *help_of(const char *word, size_t n) {
    const struct command_info *info = info_of(word, n);
    for (int i = 0; !info && i < COMMAND_LINE_OWN; i++)
        if (is_word(word, n, command_line_own[i].word)) return command_line_own[i].help;
    return info ? info->help : "";
}

/* Whether the word in front of the one that ends the line is `word`. */
static bool follows(const char *line, const char *word) {
    const char *end = strrchr(line, ' ');
    size_t n = end ? (size_t)(end - line) : 0;
    while (n > 0 && line[n - 1] == ' ') n--;
    size_t from = n;
    while (from > 0 && line[from - 1] != ' ') from--;
    return is_word(line + from, n - from, word);
}

/* What may stand behind the verb. */
static void offer_arguments(struct candidates *k, const struct history *h,
                            const struct command_info *info, const char *line) {
    bool option = k->piece[0] == '-' || (!k->piece[0] && info->type == ARGUMENT_NONE);
    if (info->type == ARGUMENT_GROUPS || follows(line, "--freeze")) offer_groups(k, h);
    else if (option) offer_options(k, (enum command_kind)(info - command_infos));
}

static void complete(struct command_line *l, const struct history *h) {
    struct line_edit *e = &l->edit;
    char line[LINE_EDIT_MAX];
    snprintf(line, sizeof line, "%.*s", e->cursor, e->text);
    size_t start = strspn(line, " "), verb = strcspn(line + start, " ");
    struct candidates k = {.piece = line + start, .hint = l->hint};
    const struct command_info *info = info_of(line + start, verb);
    bool at_verb = line[start + verb] == '\0';
    l->hint[0] = '\0';
    if (!at_verb) {
        const char *comma = strrchr(line, ','), *blank = strrchr(line, ' ');
        k.piece = comma && comma > blank ? comma + 1 : blank + 1;
    }
    k.piece_n = strlen(k.piece);
    if (at_verb) offer_verbs(&k);
    else if (info) offer_arguments(&k, h, info, line);
    else if (is_word(line + start, verb, "overlay")) offer_runs(&k, l->runs);
    else if (is_word(line + start, verb, "set")) offer_settings(&k, line + start + verb);
    else if (is_word(line + start, verb, "theme")) offer_values(&k, PREF_THEME);
    else if (is_word(line + start, verb, "lesson")) offer(&k, "state");
    size_t more = strlen(k.common);
    if (k.n > 0 && more > k.piece_n)
        line_edit_insert(e, k.common + k.piece_n, (int)(more - k.piece_n));
    if (k.n == 1) {
        snprintf(l->hint, sizeof l->hint, "%s",
                 at_verb ? help_of(k.common, more) : help_of(line + start, verb));
        if (at_verb) line_edit_insert(e, " ", 1);
    }
}

/* ---- the line as a command */

/* Whether the line is `word`, and then where its FILE begins; blanks may be in that. */
static const char *file_of(const char *line, const char *word) {
    size_t start = strspn(line, " "), n = strlen(word);
    if (strncmp(line + start, word, n) != 0) return NULL;
    const char *file = line + start + n;
    return *file == '\0' || *file == ' ' ? file + strspn(file, " ") : NULL;
}

/* FILE as it will be written; blanks at its end are no part of it. */
static void take_file(struct command_line *l, const char *file) {
    snprintf(l->file, sizeof l->file, "%s", file);
    for (size_t n = strlen(l->file); n > 0 && l->file[n - 1] == ' ';) l->file[--n] = '\0';
}

static bool take_picture(struct command_line *l, const char *file, struct err *err) {
    enum dump_form form;
    take_file(l, file);
    if (!l->file[0])
        return err_set(err, ERR_USAGE, "save-screen needs a FILE, such as screen.svg");
    return dump_form_of(l->file, &form, err);
}

/* All behind the first word, for names with blanks in them. */
static void take_rest(const char *line, struct command *out) {
    const char *rest = line + strspn(line, " ");
    rest += strcspn(rest, " ");
    rest += strspn(rest, " ");
    size_t n = strlen(rest);
    while (n > 0 && rest[n - 1] == ' ') n--;
    snprintf(out->text, sizeof out->text, "%.*s", (int)n, rest);
}

static enum command_line_result obey(struct command_line *l, struct command *out,
                                     struct err *err) {
    char line[LINE_EDIT_MAX], *save = NULL;
    const char *words[WORDS_MOST];
    int n = 0;
    snprintf(line, sizeof line, "%s", l->edit.text);
    for (char *w = strtok_r(line, " ", &save); w && n < WORDS_MOST;
         w = strtok_r(NULL, " ", &save))
        words[n++] = w;
    if (n == 0) return COMMAND_LINE_LEFT;
    remember(l);
    const char *file = file_of(l->edit.text, save_word);
    if (file) {
        l->refused = !take_picture(l, file, err);
        return l->refused ? COMMAND_LINE_WRONG : COMMAND_LINE_SAVE;
    }
    file = file_of(l->edit.text, report_word);
    if (file) {
        take_file(l, file);
        return COMMAND_LINE_REPORT;
    }
    if (n == 1 && (strcmp(words[0], "q") == 0 || strcmp(words[0], "quit") == 0))
        return COMMAND_LINE_QUIT;
    if (n == 1 && strcmp(words[0], "help") == 0) return COMMAND_LINE_HELP;
    if (n == 1 && strcmp(words[0], "tour") == 0) return COMMAND_LINE_TOUR;
    if (strcmp(words[0], "overlay") == 0) {
        take_rest(l->edit.text, out);
        return COMMAND_LINE_OVERLAY;
    }
    if (strcmp(words[0], "lesson") == 0) {
        take_rest(l->edit.text, out);
        return COMMAND_LINE_LESSON;
    }
    if (strcmp(words[0], "set") == 0) {
        take_rest(l->edit.text, out);
        return COMMAND_LINE_SET;
    }
    if (strcmp(words[0], "theme") == 0) { /* short for "set theme" */
        snprintf(out->text, sizeof out->text, "theme %s", n > 1 ? words[1] : "");
        return COMMAND_LINE_SET;
    }
    if (n == 2 && strcmp(words[0], "stage") == 0 && strcmp(words[1], "next") == 0) {
        words[0] = command_infos[COMMAND_NEXT_STAGE].word;
        n = 1;
    }
    l->refused = !command_from_words(words, n, out, err);
    return l->refused ? COMMAND_LINE_WRONG : COMMAND_LINE_SEND;
}

enum command_line_result command_line_key(struct command_line *l, const struct history *h,
                                          int key, struct command *out, struct err *err) {
    bool refused = l->refused;
    l->refused = false;
    if (refused && key == ':') {
        command_line_open(l);
        return COMMAND_LINE_OPEN;
    }
    switch (key) {
    case KEYS_ESCAPE:
    case 3: /* Ctrl-C */
        return COMMAND_LINE_LEFT;
    case KEYS_ENTER:
    case '\n':
        return obey(l, out, err);
    case KEYS_TAB:
        complete(l, h);
        return COMMAND_LINE_OPEN;
    case KEYS_UP:
        look_back(l, -1);
        return COMMAND_LINE_OPEN;
    case KEYS_DOWN:
        look_back(l, 1);
        return COMMAND_LINE_OPEN;
    default:
        break;
    }
    if ((key == KEYS_BACKSPACE || key == 127 || key == 8) && l->edit.n == 0)
        return COMMAND_LINE_LEFT;
    line_edit_key(&l->edit, key);
    l->hint[0] = '\0';
    return COMMAND_LINE_OPEN;
}
