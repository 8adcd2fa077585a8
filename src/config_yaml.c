#include "src/config_yaml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "engine/core/files.h"
#include "engine/core/text.h"

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
    yaml_parser_t parser;
    int depth;
    struct err *err;
};

/* ---- errors ---- */

static bool fail(struct reader *r, yaml_mark_t at, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put the place in front of what is in r->err. */
static bool locate(struct reader *r, yaml_mark_t at) {
    if (r->change >= 0) {
        if (r->err) r->err->code = ERR_USAGE;
        return err_prefix(r->err, "--set %s", r->key);
    }
    return err_prefix(r->err, "%s:%zu:%zu", r->name, at.line + 1, at.column + 1);
}

static bool fail(struct reader *r, yaml_mark_t at, enum err_code code, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(r->err, code, "%s", text);
    return locate(r, at);
}

/* libyaml's own refusals: broken YAML, bytes that are no text, no memory. */
static bool fail_parser(struct reader *r) {
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t at = p->problem_mark;
    if (p->error == YAML_MEMORY_ERROR) return fail(r, at, ERR_NOMEM, "not enough memory");
    if (p->error == YAML_READER_ERROR) at = p->mark;
    return fail(r, at, ERR_PARSE, "this is not YAML: %s%s%s",
                p->problem ? p->problem : "it cannot be read", p->context ? " " : "",
                p->context ? p->context : "");
}

/* ---- events ---- */

static const char *anchor_of(const yaml_event_t *e) {
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)e->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)e->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)e->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static const char *tag_of(const yaml_event_t *e) {
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return (const char *)e->data.mapping_start.tag;
    default:
        return NULL;
    }
}

static bool opens(const yaml_event_t *e) {
    return e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
}

static bool closes(const yaml_event_t *e) {
    return e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
}

/* The next event, refused when it is one that a config has no use for. On success the caller
 * deletes it. */
static bool next(struct reader *r, yaml_event_t *e) {
    if (!yaml_parser_parse(&r->parser, e)) return fail_parser(r);
    r->depth += opens(e) - closes(e);
    bool ok = true;
    if (e->type == YAML_ALIAS_EVENT || anchor_of(e))
        ok = fail(r, e->start_mark, ERR_PARSE,
                  "anchors and aliases (& and *) are not supported: write the value out");
    else if (tag_of(e))
        ok = fail(r, e->start_mark, ERR_PARSE, "tags (!) are not supported: leave it out");
    else if (r->depth > CONFIG_DEPTH_MAX)
        ok = fail(r, e->start_mark, ERR_PARSE, "more than %d levels inside one another",
                  CONFIG_DEPTH_MAX);
    if (!ok) yaml_event_delete(e);
    return ok;
}

/* ---- words ---- */

/* The scalars of one value, copied. */
struct words {
    char *text[WORDS_MAX];
    int n;
    bool quoted; /* the last one stood in quotes */
};

static void words_deinit(struct words *w) {
    for (int i = 0; i < w->n; i++) free(w->text[i]);
    w->n = 0;
}

static bool is_null(const yaml_event_t *e) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
        if (strcmp((const char *)e->data.scalar.value, nulls[i]) == 0) return true;
    return false;
}

/* Copy a scalar; `path` is its key. */
static bool push_word(struct reader *r, struct words *w, const yaml_event_t *e,
                      const char *path) {
    const char *text = (const char *)e->data.scalar.value;
    if (is_null(e))
        return fail(r, e->start_mark, ERR_PARSE,
                    "%s has no value: give it one, or leave it out", path);
    if (strlen(text) != e->data.scalar.length)
        return fail(r, e->start_mark, ERR_PARSE, "%s holds a NUL character: leave it out",
                    path);
    if (w->n == WORDS_MAX)
        return fail(r, e->start_mark, ERR_RANGE, "%s has more than %d items", path, WORDS_MAX);
    w->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    w->text[w->n] = strdup(text);
    if (!w->text[w->n]) return fail(r, e->start_mark, ERR_NOMEM, "not enough memory");
    w->n++;
    return true;
}

static const char *last_part(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* The scalars up to the end of a list (or of a mapping of names to sources). */
static bool read_items(struct reader *r, const char *path, bool mapping, struct words *w) {
    for (;;) {
        yaml_event_t e;
        if (!next(r, &e)) return false;
        bool end = closes(&e), ok = true;
        if (!end && e.type != YAML_SCALAR_EVENT)
            ok = fail(r, e.start_mark, ERR_PARSE,
                      mapping ? "%s must be names with one source each"
                              : "%s must be a list of texts, not of lists or mappings",
                      last_part(path));
        else if (!end) ok = push_word(r, w, &e, last_part(path));
        yaml_event_delete(&e);
        if (end || !ok) return ok;
    }
}

/* ---- keys ---- */

static bool of_text(const struct setting_key *k) {
    return k->type == SETTING_TEXT || k->type == SETTING_TEXTS || k->type == SETTING_SETS ||
           k->type == SETTING_WORD;
}

/* What a value of the wrong form should have been. */
static const char *form_of(const struct setting_key *k) {
    switch (k->type) {
    case SETTING_TEXTS:
        return "a list of texts, [a, b]";
    case SETTING_SETS:
        return "names with their sources, {name: source}";
    case SETTING_TEXT:
    case SETTING_WORD:
        return "one text";
    case SETTING_BOOL:
        return "true or false";
    default:
        return "one number";
    }
}

/* The value of key `k`, which begins with event `e`. */
static bool read_setting(struct reader *r, const struct setting_key *k, int stage,
                         const char *path, const yaml_event_t *e) {
    struct words w = {.n = 0};
    bool mapping = e->type == YAML_MAPPING_START_EVENT, ok;
    bool list = k->type == SETTING_TEXTS && !mapping;
    if (e->type == YAML_SCALAR_EVENT && k->type != SETTING_SETS)
        ok = push_word(r, &w, e, last_part(path));
    else if (mapping ? k->type == SETTING_SETS : list && e->type == YAML_SEQUENCE_START_EVENT)
        ok = read_items(r, path, mapping, &w);
    else ok = fail(r, e->start_mark, ERR_PARSE, "%s must be %s", last_part(path), form_of(k));
    if (ok && w.n > 0 && w.quoted && !of_text(k))
        ok = fail(r, e->start_mark, ERR_PARSE, "%s must be %s: leave out the quotes",
                  last_part(path), form_of(k));
    const char *texts[WORDS_MAX];
    for (int i = 0; i < w.n; i++) texts[i] = w.text[i];
    if (ok && !setting_put(r->settings, k, stage, texts, w.n, r->err))
        ok = locate(r, e->start_mark);
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
static bool fail_unknown(struct reader *r, yaml_mark_t at, const char *path,
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

static const struct place *find_place(const struct reader *r, const char *path) {
    for (int i = r->n_places - 1; i >= 0; i--)
        if (strcmp(r->places[i].path, path) == 0) return &r->places[i];
    return NULL;
}

/* Remember where `path` was given; twice in one document is refused. */
static bool note_place(struct reader *r, const char *path, yaml_mark_t at) {
    const struct place *before = find_place(r, path);
    if (before && before->change == r->change)
        return fail(r, at, ERR_PARSE,
                    "the key \"%s\" stands here a second time (first: line %zu)",
                    last_part(path), before->line);
    if (r->n_places == PLACES_MAX) return fail(r, at, ERR_RANGE, "there are too many keys");
    struct place *p = &r->places[r->n_places++];
    *p = (struct place){.change = r->change, .line = at.line + 1, .column = at.column + 1};
    snprintf(p->path, sizeof p->path, "%s", path);
    return true;
}

static bool read_value(struct reader *r, const char *path, const yaml_event_t *e);

/* out = path.part; part comes from outside and may be longer than any key. */
static bool child_path(struct reader *r, const char *path, const char *part, yaml_mark_t at,
                       char out[PATH_BYTES]) {
    int n = snprintf(out, PATH_BYTES, "%s%s%s", path, *path ? "." : "", part);
    if (n < PATH_BYTES && *part && !strchr(part, '.') && !strchr(part, '*')) return true;
    return fail(r, at, ERR_PARSE, "there is no key \"%.60s\"", part);
}

/* The keys and values of a section, up to its end. */
static bool read_section(struct reader *r, const char *path) {
    for (;;) {
        yaml_event_t key, value;
        char child[PATH_BYTES];
        if (!next(r, &key)) return false;
        bool end = closes(&key), ok = true;
        if (!end && key.type != YAML_SCALAR_EVENT)
            ok = fail(r, key.start_mark, ERR_PARSE, "a key must be a word");
        ok = ok && (end || (child_path(r, path, (const char *)key.data.scalar.value,
                                       key.start_mark, child) &&
                            note_place(r, child, key.start_mark)));
        if (ok && !end) {
            const char *nearest = NULL;
            int stage;
            if (!setting_find(child, &stage, &nearest) && !is_section(child))
                ok = fail_unknown(r, key.start_mark, child, nearest);
        }
        yaml_event_delete(&key);
        if (end || !ok) return ok;
        if (!next(r, &value)) return false;
        ok = read_value(r, child, &value);
        yaml_event_delete(&value);
        if (!ok) return false;
    }
}

/* The stages: a list of sections. */
static bool read_stages(struct reader *r) {
    r->settings->n_stages = 0;
    for (int i = 0;; i++) {
        yaml_event_t e;
        char path[PATH_BYTES];
        if (!next(r, &e)) return false;
        bool end = closes(&e), ok = true;
        snprintf(path, sizeof path, "stages.%d", i);
        if (!end && e.type != YAML_MAPPING_START_EVENT)
            ok = fail(r, e.start_mark, ERR_PARSE,
                      "a stage must be keys with values: - {name: ..., data: [...]}");
        else if (!end && !settings_add_stage(r->settings))
            ok = fail(r, e.start_mark, ERR_RANGE, "a run has at most %d stages", STAGES_MAX);
        else if (!end) ok = note_place(r, path, e.start_mark) && read_section(r, path);
        yaml_event_delete(&e);
        if (end || !ok) return ok;
    }
}

/* The value of `path`, a known key or section, which begins with event `e`. */
static bool read_value(struct reader *r, const char *path, const yaml_event_t *e) {
    int stage;
    const struct setting_key *k = setting_find(path, &stage, NULL);
    if (k) return read_setting(r, k, stage, path, e);
    if (strcmp(path, "stages") == 0 && e->type == YAML_SEQUENCE_START_EVENT)
        return read_stages(r);
    if (strcmp(path, "stages") == 0)
        return fail(r, e->start_mark, ERR_PARSE,
                    "stages must be a list: - {name: ..., data: ...}");
    if (e->type == YAML_MAPPING_START_EVENT) return read_section(r, path);
    return fail(r, e->start_mark, ERR_PARSE, "%s must be keys with values", last_part(path));
}

/* ---- documents ---- */

/* Where byte `offset` of a text stands. */
static yaml_mark_t mark_at(const char *text, size_t offset) {
    yaml_mark_t at = {.index = offset};
    for (size_t i = 0; i < offset; i++) {
        bool newline = text[i] == '\n', follows = ((unsigned char)text[i] & 0xC0) == 0x80;
        at.line += newline;
        at.column = newline ? 0 : at.column + !follows;
    }
    return at;
}

/* Between the document's start and the stream's end. `path` "": the whole file. */
static bool read_document(struct reader *r, const char *path) {
    yaml_event_t e;
    if (!next(r, &e)) return false;
    yaml_event_delete(&e); /* the stream begins */
    if (!next(r, &e)) return false;
    bool empty = e.type == YAML_STREAM_END_EVENT;
    yaml_mark_t at = e.start_mark;
    yaml_event_delete(&e);
    if (empty)
        return fail(r, at, ERR_PARSE,
                    *path ? "has no value: write KEY=VALUE" : "there is nothing in this file");
    if (!next(r, &e)) return false;
    bool ok = true;
    if (*path) ok = read_value(r, path, &e);
    else if (e.type == YAML_MAPPING_START_EVENT) ok = read_section(r, "");
    else
        ok = fail(r, e.start_mark, ERR_PARSE,
                  "a config must be keys with values: name: medical");
    yaml_event_delete(&e);
    for (int i = 0; ok && i < 2; i++) { /* the document ends, the stream ends */
        if (!next(r, &e)) return false;
        if (e.type == YAML_DOCUMENT_START_EVENT)
            ok = fail(r, e.start_mark, ERR_PARSE,
                      "a second document (---) begins here: only one "
                      "is read");
        yaml_event_delete(&e);
    }
    return ok;
}

static bool read_text(struct reader *r, const char *path, const char *text, size_t n) {
    size_t valid = text_valid_prefix(text, n);
    yaml_mark_t start = {0};
    if (n > CONFIG_BYTES_MAX)
        return fail(r, start, ERR_RANGE, "%zu bytes are too much for a config: at most %d", n,
                    CONFIG_BYTES_MAX);
    if (valid < n)
        return fail(r, mark_at(text, valid), ERR_PARSE, "this is not UTF-8 text: byte 0x%02x",
                    (unsigned)(unsigned char)text[valid]);
    if (!yaml_parser_initialize(&r->parser))
        return fail(r, start, ERR_NOMEM, "not enough memory");
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, n);
    r->depth = 0;
    bool ok = read_document(r, path);
    yaml_parser_delete(&r->parser);
    return ok;
}

static bool apply_change(struct reader *r, int change, const char *text) {
    const char *equals = strchr(text, '='), *nearest = NULL;
    char path[PATH_BYTES];
    yaml_mark_t nowhere = {0};
    int stage;
    r->change = change;
    r->key = text;
    if (!equals || equals == text || equals - text >= PATH_BYTES)
        return fail(r, nowhere, ERR_USAGE, "write KEY=VALUE, e.g. stages.0.steps=100");
    snprintf(path, sizeof path, "%.*s", (int)(equals - text), text);
    r->key = path;
    bool ok = true;
    if (!setting_find(path, &stage, &nearest) && !is_section(path))
        ok = fail_unknown(r, nowhere, path, nearest);
    else if (sscanf(path, "stages.%4d", &stage) == 1 && stage >= r->settings->n_stages)
        ok = fail(r, nowhere, ERR_USAGE, "there is no stage %d; the run has %d, counted from 0",
                  stage, r->settings->n_stages);
    ok = ok && note_place(r, path, nowhere) &&
         read_text(r, path, equals + 1, strlen(equals + 1));
    r->key = NULL;
    return ok;
}

/* Name the line (or the --set) of the key at fault, or of the nearest section around it. */
static bool blame(struct reader *r, char *path) {
    for (;;) {
        const struct place *p = find_place(r, path);
        if (p && p->change >= 0) {
            if (r->err) r->err->code = ERR_USAGE;
            return err_prefix(r->err, "--set %s", p->path);
        }
        if (p) return err_prefix(r->err, "%s:%zu:%zu", r->name, p->line, p->column);
        char *dot = strrchr(path, '.');
        if (!dot) return err_prefix(r->err, "%s", r->name);
        *dot = '\0';
    }
}

bool config_parse(const char *text, size_t n, const char *name, struct config_changes changes,
                  struct settings *out, struct err *err) {
    struct err scratch;
    char fault[TEXT_MAX_BYTES];
    struct reader r = {
        .settings = out, .name = name, .change = -1, .err = err ? err : &scratch};
    r.places = calloc(PLACES_MAX, sizeof *r.places);
    if (!r.places) return err_set(err, ERR_NOMEM, "not enough memory to read %s", name);
    settings_init(out);
    bool ok = read_text(&r, "", text, n);
    for (int i = 0; ok && i < changes.n; i++) ok = apply_change(&r, i, changes.texts[i]);
    if (ok && !settings_check(out, fault, r.err)) ok = blame(&r, fault);
    free(r.places);
    return ok;
}

bool config_read(const char *path, struct config_changes changes, struct settings *out,
                 struct err *err) {
    struct buf text = {0};
    bool ok = files_read(path, CONFIG_BYTES_MAX, &text, err) &&
              config_parse(buf_text(&text), text.len, path, changes, out, err);
    buf_deinit(&text);
    return ok;
}

/* ---- writing ---- */

struct writer {
    yaml_emitter_t emitter;
    const struct settings *settings;
    bool ok;
};

static void emit(struct writer *w, yaml_event_t *e, int made) {
    if (made && w->ok) w->ok = yaml_emitter_emit(&w->emitter, e);
    else if (made) yaml_event_delete(e);
    else w->ok = false;
}

/* Whether other YAML readers, too, see a text when it stands there bare. */
static bool plain_text(const char *s) {
    static const char *const other[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    if (!isalpha((unsigned char)*s)) return false;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (strcasecmp(s, other[i]) == 0) return false;
    return true;
}

static void emit_scalar(struct writer *w, const char *text, bool is_text) {
    yaml_event_t e;
    yaml_scalar_style_t style = !is_text || plain_text(text) ? YAML_PLAIN_SCALAR_STYLE
                                                             : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    emit(w, &e,
         yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)text,
                                      (int)strlen(text), 1, 1, style));
}

static void emit_open(struct writer *w, bool mapping, bool flow) {
    yaml_event_t e;
    emit(w, &e,
         mapping
             ? yaml_mapping_start_event_initialize(
                   &e, NULL, NULL, 1, flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE)
             : yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
                                                    flow ? YAML_FLOW_SEQUENCE_STYLE
                                                         : YAML_BLOCK_SEQUENCE_STYLE));
}

static void emit_close(struct writer *w, bool mapping) {
    yaml_event_t e;
    emit(w, &e,
         mapping ? yaml_mapping_end_event_initialize(&e)
                 : yaml_sequence_end_event_initialize(&e));
}

static void emit_setting(struct writer *w, const struct setting_key *k, int stage) {
    struct buf words = {0};
    int n = setting_get(w->settings, k, stage, &words);
    bool list = k->type == SETTING_TEXTS, sets = k->type == SETTING_SETS;
    w->ok = w->ok && !words.failed;
    emit_scalar(w, last_part(k->path), true);
    if (list || sets) emit_open(w, sets, true);
    const char *word = buf_text(&words);
    for (int i = 0; w->ok && i < n; i++, word += strlen(word) + 1)
        emit_scalar(w, word, of_text(k));
    if (list || sets) emit_close(w, sets);
    buf_deinit(&words);
}

/* The keys from setting_keys[i] on whose paths begin with the first `depth` bytes of its path:
 * one level of the file. Returns the first key behind them. */
static int emit_level(struct writer *w, int i, size_t depth, int stage) {
    const char *prefix = setting_keys[i].path;
    while (i < n_setting_keys && strncmp(setting_keys[i].path, prefix, depth) == 0) {
        const char *rest = setting_keys[i].path + depth, *dot = strchr(rest, '.');
        if (!dot) {
            emit_setting(w, &setting_keys[i++], stage);
            continue;
        }
        char name[PATH_BYTES];
        size_t inner = depth + (size_t)(dot - rest) + 1;
        bool stages = dot[1] == '*';
        int first = i;
        snprintf(name, sizeof name, "%.*s", (int)(dot - rest), rest);
        emit_scalar(w, name, true);
        if (stages) emit_open(w, false, w->settings->n_stages == 0);
        for (int s = 0; s < (stages ? w->settings->n_stages : 1); s++) {
            emit_open(w, true, false);
            i = emit_level(w, first, stages ? inner + 2 : inner, stages ? s : stage);
            emit_close(w, true);
        }
        if (stages) emit_close(w, false);
        while (i < n_setting_keys &&
               strncmp(setting_keys[i].path, setting_keys[first].path, inner) == 0)
            i++; /* without a stage nothing was passed over yet */
    }
    return i;
}

static int append(void *ctx, unsigned char *bytes, size_t n) { return buf_add(ctx, bytes, n); }

bool config_write(const struct settings *s, struct buf *out, struct err *err) {
    struct writer w = {.settings = s, .ok = true};
    yaml_event_t e;
    if (!yaml_emitter_initialize(&w.emitter))
        return err_set(err, ERR_NOMEM, "not enough memory to write the config");
    yaml_emitter_set_output(&w.emitter, append, out);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, 100);
    emit(&w, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    emit(&w, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    emit_open(&w, true, false);
    emit_level(&w, 0, 0, -1);
    emit_close(&w, true);
    emit(&w, &e, yaml_document_end_event_initialize(&e, 1));
    emit(&w, &e, yaml_stream_end_event_initialize(&e));
    yaml_emitter_delete(&w.emitter);
    return w.ok || err_set(err, ERR_NOMEM, "not enough memory to write the config");
}
