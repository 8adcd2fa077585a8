/* config_file.c - the walk over a config's items: each key is found in the table and set. */
#include "src/config_file.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/text.h"
#include "src/config_yaml.h"

enum { PATH_BYTES = 96, PLACES_MAX = 512, WORDS_MAX = 64 };

/* Where a key was given: a line of the file, or a --set. */
struct place {
    char path[PATH_BYTES]; /* "stages.1.steps" */
    int change;            /* number of the --set; -1: in the file */
    size_t line, column;   /* from 1 */
};

/* The file, and after it each --set, are read by the same walk over libyaml's events. */
struct reader {
    struct settings *settings;
    const char *name;     /* of the file */
    int change;           /* the --set that is read now; -1: the file */
    const char *key;      /* of that --set; borrowed */
    struct place *places; /* [PLACES_MAX] */
    int n_places;
    struct yaml_source *source;
    struct err *err;
};

/* ---- errors and places ---- */

static bool fail(struct reader *r, const struct yaml_item *at, enum err_code code,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Put the place in front of what is in r->err. */
static bool locate(struct reader *r, const struct yaml_item *at) {
    if (r->change < 0) return err_prefix(r->err, "%s:%zu:%zu", r->name, at->line, at->column);
    r->err->code = ERR_USAGE;
    return err_prefix(r->err, "--set %s", r->key);
}

static bool fail(struct reader *r, const struct yaml_item *at, enum err_code code,
                 const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(r->err, code, "%s", text);
    return locate(r, at);
}

static bool next(struct reader *r, struct yaml_item *out) {
    return yaml_source_next(r->source, out, r->err) || locate(r, out);
}

static const char *last_part(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

static const struct place *find_place(const struct reader *r, const char *path) {
    for (int i = r->n_places - 1; i >= 0; i--)
        if (strcmp(r->places[i].path, path) == 0) return &r->places[i];
    return NULL;
}

/* Remember where `path` was given; twice in one document is refused. */
static bool note_place(struct reader *r, const char *path, const struct yaml_item *at) {
    const struct place *before = find_place(r, path);
    if (before && before->change == r->change)
        return fail(r, at, ERR_PARSE,
                    "the key \"%s\" stands here a second time (first: line %zu)",
                    last_part(path), before->line);
    if (r->n_places == PLACES_MAX) return fail(r, at, ERR_RANGE, "there are too many keys");
    struct place *p = &r->places[r->n_places++];
    *p = (struct place){.change = r->change, .line = at->line, .column = at->column};
    snprintf(p->path, sizeof p->path, "%s", path);
    return true;
}

/* The last --set of `path` or of a key below it. */
static const struct place *find_change(const struct reader *r, const char *path) {
    size_t n = strlen(path);
    for (int i = r->n_places - 1; i >= 0; i--) {
        const struct place *p = &r->places[i];
        bool inside =
            strncmp(p->path, path, n) == 0 && (p->path[n] == '\0' || p->path[n] == '.');
        if (inside && p->change >= 0) return p;
    }
    return NULL;
}

/* Name the --set or the line of the key at fault, or of the nearest section around it. */
static bool blame(struct reader *r, char *path) {
    const struct place *change = find_change(r, path);
    if (change) {
        r->err->code = ERR_USAGE;
        return err_prefix(r->err, "--set %s", change->path);
    }
    if (r->err->code == ERR_USAGE)
        r->err->code = ERR_PARSE; /* the file is wrong, not the use */
    for (;;) {
        const struct place *p = find_place(r, path);
        if (p) return err_prefix(r->err, "%s:%zu:%zu", r->name, p->line, p->column);
        char *dot = strrchr(path, '.');
        if (!dot) return err_prefix(r->err, "%s", r->name);
        *dot = '\0';
    }
}

/* ---- words ---- */

/* The words of one value, copied. */
struct words {
    char *text[WORDS_MAX];
    int n;
    bool quoted; /* the last one stood in quotes */
};

static void words_deinit(struct words *w) {
    for (int i = 0; i < w->n; i++) free(w->text[i]);
    w->n = 0;
}

static bool is_null(const struct yaml_item *e) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; e->plain && i < sizeof nulls / sizeof nulls[0]; i++)
        if (strcmp(e->text, nulls[i]) == 0) return true;
    return false;
}

/* Copy a word; `key` is whose it is. */
static bool push_word(struct reader *r, struct words *w, const struct yaml_item *e,
                      const char *key) {
    assert(w->n >= 0);
    if (is_null(e))
        return fail(r, e, ERR_PARSE, "%s has no value: give it one, or leave it out", key);
    if (strlen(e->text) != e->n)
        return fail(r, e, ERR_PARSE, "%s holds a NUL character: leave it out", key);
    if (w->n == WORDS_MAX)
        return fail(r, e, ERR_RANGE, "%s has more than %d items", key, WORDS_MAX);
    w->quoted = !e->plain;
    w->text[w->n] = strdup(e->text);
    if (!w->text[w->n]) return fail(r, e, ERR_NOMEM, "not enough memory");
    w->n++;
    return true;
}

/* The words up to the end of a list (or of a mapping); `form` says what they must be. */
static bool read_items(struct reader *r, const char *key, const char *form, struct words *w) {
    struct yaml_item e;
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE) return true;
        if (e.kind != YAML_WORD) return fail(r, &e, ERR_PARSE, "%s must be %s", key, form);
        if (!push_word(r, w, &e, key)) return false;
    }
    return false;
}

/* ---- keys ---- */

static bool of_text(const struct setting_key *k) {
    return k->type == SETTING_TEXT || k->type == SETTING_TEXTS || k->type == SETTING_SETS ||
           k->type == SETTING_WORD || k->type == SETTING_GROUPS;
}

/* What a value of the wrong form should have been. */
static const char *form_of(const struct setting_key *k) {
    switch (k->type) {
    case SETTING_TEXTS:
        return "a list of texts, [a, b]";
    case SETTING_SETS:
        return "names with their sources, {name: source}";
    case SETTING_GROUPS:
        return strcmp(k->words[0], "groups") == 0
                   ? "groups with a number each, {\"0-2\": 0.1}"
                   : "a list of steps with groups, [{at: 100, groups: \"0-2\"}]";
    case SETTING_TEXT:
    case SETTING_WORD:
        return "one text";
    case SETTING_BOOL:
        return "true or false";
    default:
        return "one number";
    }
}

/* Which half of an item of `k` is called that; -1: none. */
static int find_half(const struct setting_key *k, const struct yaml_item *e) {
    for (int i = 0; i < k->n_words; i++)
        if (e->kind == YAML_WORD && strcmp(e->text, k->words[i]) == 0) return i;
    return -1;
}

/* The two halves of one mapping, in the table's order, whatever their order here. */
static bool read_halves(struct reader *r, const struct setting_key *k, const char *key,
                        struct words half[2]) {
    struct yaml_item e;
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE && half[0].n + half[1].n == 2) return true;
        int i = find_half(k, &e);
        if (i < 0 || half[i].n > 0)
            return fail(r, &e, ERR_PARSE, "each item of %s has the keys %s and %s, once", key,
                        k->words[0], k->words[1]);
        if (!next(r, &e)) return false;
        if (e.kind != YAML_WORD)
            return fail(r, &e, ERR_PARSE, "%s must be one value", k->words[i]);
        if (!push_word(r, &half[i], &e, k->words[i])) return false;
    }
    return false;
}

/* A list of such mappings: [{at: 100, groups: "4"}]. */
static bool read_pairs(struct reader *r, const struct setting_key *k, const char *key,
                       struct words *w) {
    struct yaml_item e;
    while (next(r, &e)) {
        struct words half[2] = {{.n = 0}, {.n = 0}};
        if (e.kind == YAML_CLOSE) return true;
        bool ok =
            e.kind == YAML_MAPPING || fail(r, &e, ERR_PARSE, "%s must be %s", key, form_of(k));
        ok = ok && (w->n + 2 <= WORDS_MAX ||
                    fail(r, &e, ERR_RANGE, "%s has more than %d items", key, WORDS_MAX / 2));
        ok = ok && read_halves(r, k, key, half);
        for (int i = 0; i < 2; i++) {
            if (ok) w->text[w->n++] = half[i].text[0]; /* it is w's now */
            else words_deinit(&half[i]);
        }
        if (!ok) return false;
    }
    return false;
}

/* The value of key `k`, which begins with item `e`. */
static bool read_setting(struct reader *r, const struct setting_key *k, int stage,
                         const char *key, const struct yaml_item *e) {
    struct words w = {.n = 0};
    const char *texts[WORDS_MAX];
    bool ok, list = e->kind == YAML_LIST && k->type == SETTING_TEXTS;
    bool named = k->type == SETTING_SETS || k->type == SETTING_GROUPS;
    bool mapping = e->kind == YAML_MAPPING && named;
    bool pairs = e->kind == YAML_LIST && k->type == SETTING_GROUPS;
    if (list) ok = read_items(r, key, "a list of texts, not of lists or mappings", &w);
    else if (mapping)
        ok = read_items(r, key,
                        k->type == SETTING_SETS ? "names with one source each"
                                                : "groups with one number each",
                        &w);
    else if (pairs) ok = read_pairs(r, k, key, &w);
    else if (e->kind == YAML_WORD && !named) ok = push_word(r, &w, e, key);
    else ok = fail(r, e, ERR_PARSE, "%s must be %s", key, form_of(k));
    if (ok && w.n > 0 && w.quoted && !of_text(k))
        ok = fail(r, e, ERR_PARSE, "%s must be %s: leave out the quotes", key, form_of(k));
    for (int i = 0; i < w.n; i++) texts[i] = w.text[i];
    if (ok && !setting_put(r->settings, k, stage, texts, w.n, r->err)) ok = locate(r, e);
    words_deinit(&w);
    return ok;
}

/* "stages.1.steps" as it stands in the table: "stages.*.steps". */
static void generic_path(const char *path, char out[PATH_BYTES]) {
    size_t n = 0;
    for (; *path && n + 1 < PATH_BYTES; path++) {
        bool number = n > 0 && isdigit((unsigned char)*path) && strchr(".*", out[n - 1]);
        if (!number) out[n++] = *path;
        else if (out[n - 1] == '.') out[n++] = '*';
    }
    out[n] = '\0';
}

/* Whether `path` ("stages.1.optimizer") stands in front of some key's dot. */
static bool is_section(const char *path) {
    char generic[PATH_BYTES];
    generic_path(path, generic);
    size_t n = strlen(generic);
    for (int i = 0; i < n_setting_keys; i++) {
        const char *known = setting_keys[i].path;
        if (strncmp(known, generic, n) == 0 && known[n] == '.') return true;
    }
    return false;
}

/* The nearest known key is named without its section where that is the same. */
static bool fail_unknown(struct reader *r, const struct yaml_item *at, const char *path,
                         const char *nearest) {
    const char *last = last_part(path);
    int section = last > path ? (int)(last - path) - 1 : 0;
    char generic[PATH_BYTES];
    generic_path(path, generic);
    size_t n = (size_t)(last_part(generic) - generic);
    bool same = nearest && strncmp(generic, nearest, n) == 0;
    return fail(r, at, ERR_PARSE, "there is no key \"%s\"%s%.*s%s%s%s", last,
                section ? " in " : "", section, path,
                nearest ? "; the nearest known key is \"" : "",
                nearest ? nearest + (same ? n : 0) : "", nearest ? "\"" : "");
}

static bool read_value(struct reader *r, const char *path, const struct yaml_item *e);

/* child = path.key, when there is such a key or section, and it was not given before. */
static bool enter_key(struct reader *r, const char *path, const struct yaml_item *key,
                      char child[PATH_BYTES]) {
    const char *nearest = NULL;
    int stage;
    if (key->kind != YAML_WORD) return fail(r, key, ERR_PARSE, "a key must be a word");
    int n = snprintf(child, PATH_BYTES, "%s%s%s", path, *path ? "." : "", key->text);
    if (n >= PATH_BYTES || strlen(key->text) != key->n || !*key->text ||
        strpbrk(key->text, ".*"))
        return fail(r, key, ERR_PARSE, "there is no key \"%.60s\"", key->text);
    if (!setting_find(child, &stage, &nearest) && !is_section(child))
        return fail_unknown(r, key, child, nearest);
    return note_place(r, child, key);
}

/* The keys and values of a section, up to its end. */
static bool read_section(struct reader *r, const char *path) {
    struct yaml_item key, value;
    while (next(r, &key)) {
        char child[PATH_BYTES];
        if (key.kind == YAML_CLOSE) return true;
        if (!enter_key(r, path, &key, child) || !next(r, &value) ||
            !read_value(r, child, &value))
            return false;
    }
    return false;
}

/* The stages: a list of sections. */
static bool read_stages(struct reader *r) {
    struct yaml_item e;
    r->settings->n_stages = 0;
    for (int i = 0; next(r, &e); i++) {
        char path[PATH_BYTES];
        if (e.kind == YAML_CLOSE) return true;
        if (e.kind != YAML_MAPPING)
            return fail(r, &e, ERR_PARSE,
                        "a stage must be keys with values: - {name: ..., data: [...]}");
        if (!settings_add_stage(r->settings))
            return fail(r, &e, ERR_RANGE, "a run has at most %d stages", STAGES_MAX);
        snprintf(path, sizeof path, "stages.%d", i);
        if (!note_place(r, path, &e) || !read_section(r, path)) return false;
    }
    return false;
}

/* The value of `path`, a known key or section, which begins with item `e`. */
static bool read_value(struct reader *r, const char *path, const struct yaml_item *e) {
    int stage;
    const struct setting_key *k = setting_find(path, &stage, NULL);
    bool section =
        e->kind == YAML_MAPPING && is_section(path); /* that one value may stand for */
    if (k && !section) return read_setting(r, k, stage, last_part(path), e);
    bool stages = strcmp(path, "stages") == 0;
    if (stages && e->kind == YAML_LIST) return read_stages(r);
    if (stages)
        return fail(r, e, ERR_PARSE, "stages must be a list: - {name: ..., data: [...]}");
    if (e->kind == YAML_MAPPING) return read_section(r, path);
    return fail(r, e, ERR_PARSE, "%s must be keys with values", last_part(path));
}

/* The key of named sources that `path` is one entry of ("eval.sets.domain"), or NULL; *name
 * gets the entry's name. */
static const struct setting_key *find_entry(const char *path, const char **name) {
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        size_t n = strlen(k->path);
        bool inside = strncmp(path, k->path, n) == 0 && path[n] == '.' && path[n + 1];
        *name = path + n + 1;
        if (k->type == SETTING_SETS && inside) return k;
    }
    return NULL;
}

/* Set one entry of key `k` to the source in item `e`, beside those that are there. */
static bool read_entry(struct reader *r, const struct setting_key *k, const char *name,
                       const struct yaml_item *e) {
    struct words w = {.n = 0};
    struct buf all = {0};
    const char *words[2 * SETS_MAX + 2];
    if (e->kind != YAML_WORD) return fail(r, e, ERR_PARSE, "%s must be one source", name);
    int n = setting_get(r->settings, k, -1, &all), at = 0;
    bool ok = push_word(r, &w, e, name) &&
              (!all.failed || fail(r, e, ERR_NOMEM, "not enough memory"));
    const char *word = buf_text(&all);
    for (int i = 0; ok && i < n; i++, word += strlen(word) + 1) words[i] = word;
    while (ok && at < n && strcmp(words[at], name) != 0) at += 2;
    if (ok) {
        words[at] = name;
        words[at + 1] = w.text[0];
        ok =
            setting_put(r->settings, k, -1, words, at == n ? n + 2 : n, r->err) || locate(r, e);
    }
    words_deinit(&w);
    buf_deinit(&all);
    return ok;
}

/* ---- documents ---- */

/* Where byte `offset` of a text stands. */
static struct yaml_item place_of(const char *text, size_t offset) {
    struct yaml_item at = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        bool newline = text[i] == '\n', follows = ((unsigned char)text[i] & 0xC0) == 0x80;
        at.line += newline;
        at.column = newline ? 1 : at.column + !follows;
    }
    return at;
}

/* The one document of r->source. `path` "": the whole file; else the value of that key. */
static bool read_document(struct reader *r, const char *path) {
    struct yaml_item e;
    if (!next(r, &e)) return false;
    if (e.kind == YAML_END && *path)
        return fail(r, &e, ERR_PARSE, "write KEY=VALUE, with a value");
    if (e.kind == YAML_END)
        return fail(r, &e, ERR_PARSE,
                    "there is nothing in this file; `thaw config --explain` tells "
                    "what may stand in it");
    if (!*path && e.kind != YAML_MAPPING)
        return fail(r, &e, ERR_PARSE, "a config must be keys with values, e.g. name: medical");
    const char *name;
    const struct setting_key *entry = find_entry(path, &name);
    bool ok = entry   ? read_entry(r, entry, name, &e)
              : *path ? read_value(r, path, &e)
                      : read_section(r, "");
    return ok && next(r, &e);
}

static bool read_text(struct reader *r, const char *path, const char *text, size_t n) {
    size_t valid = text_valid_prefix(text, n);
    struct yaml_item at = place_of(text, valid < n ? valid : 0);
    if (n > CONFIG_BYTES_MAX)
        return fail(r, &at, ERR_RANGE, "%zu bytes are too much for a config: at most %d", n,
                    CONFIG_BYTES_MAX);
    if (valid < n)
        return fail(r, &at, ERR_PARSE, "this is not UTF-8 text: byte 0x%02x",
                    (unsigned)(unsigned char)text[valid]);
    r->source = yaml_source_create(text, n, r->err);
    bool ok = r->source && read_document(r, path);
    yaml_source_destroy(r->source);
    return ok;
}

/* Cut `path` behind its first part for which there is neither key nor section. */
static void cut_unknown(char *path) {
    for (char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        int stage;
        *dot = '\0';
        if (!setting_find(path, &stage, NULL) && !is_section(path)) return;
        *dot = '.';
    }
}

static bool apply_change(struct reader *r, int change, const char *text) {
    const char *equals = strchr(text, '='), *nearest = NULL, *name;
    char path[PATH_BYTES];
    const struct yaml_item nowhere = {.line = 1};
    int stage;
    r->change = change;
    r->key = text;
    if (!equals || equals == text || equals - text >= PATH_BYTES)
        return fail(r, &nowhere, ERR_USAGE, "write KEY=VALUE, e.g. stages.0.steps=100");
    snprintf(path, sizeof path, "%.*s", (int)(equals - text), text);
    r->key = path;
    bool ok = true;
    if (!setting_find(path, &stage, NULL) && !is_section(path) && !find_entry(path, &name)) {
        char unknown[PATH_BYTES];
        memcpy(unknown, path, sizeof unknown);
        cut_unknown(unknown);
        setting_find(unknown, &stage, &nearest);
        ok = fail_unknown(r, &nowhere, unknown, nearest);
    } else if (sscanf(path, "stages.%4d", &stage) == 1 && stage >= r->settings->n_stages)
        ok =
            fail(r, &nowhere, ERR_USAGE, "there is no stage %d; the run has %d, counted from 0",
                 stage, r->settings->n_stages);
    ok = ok && note_place(r, path, &nowhere) &&
         read_text(r, path, equals + 1, strlen(equals + 1));
    r->key = NULL;
    return ok;
}

bool config_parse(const char *text, size_t n, const char *name, const struct config_options *o,
                  struct settings *out, struct err *err) {
    static const struct config_options none = {.n_changes = 0};
    struct err scratch;
    char fault[TEXT_MAX_BYTES];
    struct reader r = {
        .settings = out, .name = name, .change = -1, .err = err ? err : &scratch};
    if (!o) o = &none;
    r.places = calloc(PLACES_MAX, sizeof *r.places);
    if (!r.places) return err_set(err, ERR_NOMEM, "not enough memory to read %s", name);
    settings_init(out);
    bool ok = read_text(&r, "", text, n);
    for (int i = 0; ok && i < o->n_changes; i++) ok = apply_change(&r, i, o->changes[i]);
    if (ok && !settings_check(out, fault, r.err)) ok = blame(&r, fault);
    if (ok && o->check && !o->check(out, fault, r.err)) ok = blame(&r, fault);
    free(r.places);
    return ok;
}

bool config_read(const char *path, const struct config_options *o, struct settings *out,
                 struct err *err) {
    struct buf text = {0};
    bool ok = files_read(path, CONFIG_BYTES_MAX, &text, err) &&
              config_parse(buf_text(&text), text.len, path, o, out, err);
    buf_deinit(&text);
    return ok;
}
