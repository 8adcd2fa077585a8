/* lesson_file.c - the walk over a lesson's items: a table of keys for each kind of mapping. */
#include "src/lesson_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/spelling.h"
#include "engine/run/number.h"
#include "src/config_yaml.h"

enum { KEYS_MAX = 16, WORD_BYTES = 64 };

struct reader {
    struct lesson *lesson;
    struct lesson_step *step;     /* the one that is read */
    struct lesson_expect *expect; /* and its figure */
    const char *file;
    struct yaml_source *source;
    struct err *err;
};

/* A key of a mapping: a text of at most `bytes` (with its NUL) at `offset` of what is read, or
 * whatever `read` makes of its value, which begins with item *e. */
struct entry {
    const char *word;
    size_t offset, bytes;
    bool (*read)(struct reader *r, const struct yaml_item *e);
    bool needed;
};
#define TEXT(type, member)                                                                     \
    offsetof(struct type, member), sizeof((struct type *)NULL)->member, NULL

/* ---- errors */

static bool fail(struct reader *r, const struct yaml_item *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *r, const struct yaml_item *at, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(r->err, ERR_PARSE, "%s", text);
    return err_prefix(r->err, "%s:%zu:%zu", r->file, at->line, at->column);
}

static bool next(struct reader *r, struct yaml_item *out) {
    return yaml_source_next(r->source, out, r->err) ||
           err_prefix(r->err, "%s:%zu:%zu", r->file, out->line, out->column);
}

/* "there is no WHAT "WORD"; the nearest is ..." */
static bool fail_unknown(struct reader *r, const struct yaml_item *at, const char *what,
                         const char *word, const char *const *known, int n) {
    const char *nearest = spelling_nearest(word, known, n);
    return fail(r, at, "there is no %s \"%.40s\"%s%s%s", what, word,
                nearest ? "; the nearest known one is \"" : "", nearest ? nearest : "",
                nearest ? "\"" : "");
}

/* ---- words */

/* Copy a text without the blanks and newlines at its end. */
static bool take_text(struct reader *r, const struct yaml_item *e, const char *key, char *out,
                      size_t size) {
    if (e->kind != YAML_WORD) return fail(r, e, "%s must be one text", key);
    size_t n = e->n;
    while (n > 0 && strchr(" \n", e->text[n - 1])) n--;
    if (n == 0) return fail(r, e, "%s is empty: give it a text, or leave it out", key);
    if (memchr(e->text, '\0', n)) return fail(r, e, "%s holds a NUL character", key);
    if (n >= size)
        return fail(r, e, "%s has %zu bytes: at most %zu find room", key, n, size - 1);
    memcpy(out, e->text, n);
    out[n] = '\0';
    return true;
}

/* One of `known`; -1: it is none, which is said. */
static int take_word(struct reader *r, const struct yaml_item *e, const char *what,
                     const char *const *known, int n) {
    char word[WORD_BYTES];
    if (!take_text(r, e, what, word, sizeof word)) return -1;
    for (int i = 0; i < n; i++)
        if (strcmp(known[i], word) == 0) return i;
    fail_unknown(r, e, what, word, known, n);
    return -1;
}

static bool take_whole(struct reader *r, const struct yaml_item *e, const char *key,
                       int64_t least, int64_t most, int64_t *out) {
    char word[WORD_BYTES];
    if (!take_text(r, e, key, word, sizeof word)) return false;
    if (number_parse_whole(word, out) && *out >= least && *out <= most) return true;
    return fail(r, e, "%s must be a whole number, %lld to %lld", key, (long long)least,
                (long long)most);
}

static bool take_real(struct reader *r, const struct yaml_item *e, const char *key,
                      double *out) {
    char word[WORD_BYTES];
    if (!take_text(r, e, key, word, sizeof word)) return false;
    return (number_parse(word, out) && isfinite(*out)) ||
           fail(r, e, "%s must be a number", key);
}

/* ---- mappings */

static const struct entry *find_key(struct reader *r, const struct yaml_item *e,
                                    const struct entry *keys, int n) {
    const char *known[KEYS_MAX];
    for (int i = 0; i < n; i++) {
        if (e->kind == YAML_WORD && strcmp(keys[i].word, e->text) == 0) return &keys[i];
        known[i] = keys[i].word;
    }
    if (e->kind == YAML_WORD) fail_unknown(r, e, "key", e->text, known, n);
    else fail(r, e, "a key must be a word");
    return NULL;
}

/* The keys and values of the mapping that *open begins, of what stands at `into`. `what`: in
 * messages. */
static bool read_mapping(struct reader *r, const struct yaml_item *open, const char *what,
                         const struct entry *keys, int n, void *into) {
    unsigned seen = 0;
    struct yaml_item e, value;
    size_t line = open->line, column = open->column;
    if (open->kind != YAML_MAPPING) return fail(r, open, "%s must be keys with values", what);
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE) {
            const struct yaml_item at = {.line = line, .column = column};
            for (int i = 0; i < n; i++)
                if (keys[i].needed && !(seen & 1u << i))
                    return fail(r, &at, "%s needs the key \"%s\"", what, keys[i].word);
            return true;
        }
        const struct entry *k = find_key(r, &e, keys, n);
        if (!k) return false;
        if (seen & 1u << (k - keys))
            return fail(r, &e, "the key \"%s\" stands here a second time", k->word);
        seen |= 1u << (k - keys);
        if (!next(r, &value)) return false;
        if (!(k->read ? k->read(r, &value)
                      : take_text(r, &value, k->word, (char *)into + k->offset, k->bytes)))
            return false;
    }
    return false;
}

/* ---- a step: what it waits for */

static bool read_wait_step(struct reader *r, const struct yaml_item *e) {
    r->step->wait.kind = LESSON_WAIT_STEP;
    return take_whole(r, e, "step", 0, (int64_t)1 << 50, &r->step->wait.step);
}

static bool read_wait_key(struct reader *r, const struct yaml_item *e) {
    char word[WORD_BYTES];
    if (!take_text(r, e, "key", word, sizeof word)) return false;
    r->step->wait.key = keys_action_of_word(word);
    if (r->step->wait.key != ACTION_NONE) return true;
    return fail(r, e, "there is no key \"%s\": write it as the help does (?)", word);
}

static bool read_wait_event(struct reader *r, const struct yaml_item *e) {
    const char *known[LESSON_FACTS];
    for (int i = 0; i < LESSON_FACTS; i++) known[i] = lesson_facts[i].word;
    int at = take_word(r, e, "event", known, LESSON_FACTS);
    r->step->wait.event = at < 0 ? LESSON_FACTS : (enum lesson_fact)at;
    return at >= 0;
}

static bool read_wait(struct reader *r, const struct yaml_item *e) {
    static const struct entry keys[] = {{"stage", TEXT(lesson_wait, stage), false},
                                        {"step", 0, 0, read_wait_step, false},
                                        {"key", 0, 0, read_wait_key, false},
                                        {"event", 0, 0, read_wait_event, false}};
    struct lesson_wait *w = &r->step->wait;
    const struct yaml_item at = *e;
    w->event = LESSON_FACTS;
    if (!read_mapping(r, e, "wait", keys, 4, w)) return false;
    bool of_stage = w->stage[0] || w->kind == LESSON_WAIT_STEP;
    bool of_key = w->key != ACTION_NONE, of_event = w->event != LESSON_FACTS;
    if (of_stage + of_key + of_event != 1)
        return fail(r, &at,
                    "wait is {stage: NAME}, {step: N}, {stage: NAME, step: N}, {key: KEY} or "
                    "{event: EVENT}");
    if (w->kind == LESSON_WAIT_NONE)
        w->kind = of_stage ? LESSON_WAIT_STAGE : of_key ? LESSON_WAIT_KEY : LESSON_WAIT_EVENT;
    return true;
}

/* ---- a step: the keys that work in it */

/* What always works: the ways out, the help, the lesson's own. */
static bool is_always(enum action action) {
    switch (action) {
    case ACTION_HELP:
    case ACTION_BACK:
    case ACTION_DETACH:
    case ACTION_REDRAW:
    case ACTION_SUSPEND:
    case ACTION_LESSON:
    case ACTION_ANSWER:
    case ACTION_SINGLE_STEP:
    case ACTION_NEXT_STAGE:
        return true;
    default:
        return false;
    }
}

static bool changes_run(enum action action) {
    for (int i = 0; i < n_key_bindings; i++)
        if (key_bindings[i].action == action) return key_bindings[i].changes_run;
    return false;
}

/* `off` becomes what the keys of a list are to be: off, or on. */
static bool read_keys_of(struct reader *r, const struct yaml_item *open, bool off) {
    struct yaml_item e;
    char word[WORD_BYTES];
    if (open->kind != YAML_LIST) return fail(r, open, "keys are a list, [Space, p]");
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE) return true;
        if (!take_text(r, &e, "a key", word, sizeof word)) return false;
        enum action action = keys_action_of_word(word);
        if (action == ACTION_NONE)
            return fail(r, &e, "there is no key \"%s\": write it as the help does (?)", word);
        if (is_always(action)) return fail(r, &e, "the key %s works in every step", word);
        if (!off && !changes_run(action))
            return fail(r, &e, "the key %s changes nothing in the run: it works anyway", word);
        r->step->off[action] = off;
    }
    return false;
}

static bool read_off(struct reader *r, const struct yaml_item *e) {
    return read_keys_of(r, e, true);
}

static bool read_only(struct reader *r, const struct yaml_item *e) {
    for (int action = 1; action < ACTION_COUNT; action++)
        r->step->off[action] |=
            changes_run((enum action)action) && !is_always((enum action)action);
    return read_keys_of(r, e, false);
}

static bool read_keys(struct reader *r, const struct yaml_item *e) {
    static const struct entry keys[] = {{"only", 0, 0, read_only, false},
                                        {"off", 0, 0, read_off, false}};
    return read_mapping(r, e, "keys", keys, 2, NULL);
}

/* ---- a step: the figures that it leads to */

static bool read_measure(struct reader *r, const struct yaml_item *e) {
    int at = take_word(r, e, "measure", lesson_measure_words, LESSON_MEASURES);
    if (at >= 0) r->expect->measure = (enum lesson_measure)at;
    return at >= 0;
}

static bool read_at_least(struct reader *r, const struct yaml_item *e) {
    return take_real(r, e, "at_least", &r->expect->at_least);
}

static bool read_at_most(struct reader *r, const struct yaml_item *e) {
    return take_real(r, e, "at_most", &r->expect->at_most);
}

/* What is read of one figure before it is known whether it goes together. */
struct figure {
    char set[LESSON_NAME], group[LESSON_NAME];
};

static bool read_figure(struct reader *r, const struct yaml_item *e) {
    static const struct entry keys[] = {{"set", TEXT(figure, set), false},
                                        {"group", TEXT(figure, group), false},
                                        {"measure", 0, 0, read_measure, true},
                                        {"at_least", 0, 0, read_at_least, false},
                                        {"at_most", 0, 0, read_at_most, false}};
    const struct yaml_item at = *e;
    struct figure f = {.set = ""};
    if (r->step->n_expects == LESSON_EXPECTS)
        return fail(r, e, "a step expects at most %d figures", LESSON_EXPECTS);
    r->expect = &r->step->expects[r->step->n_expects++];
    *r->expect =
        (struct lesson_expect){.at_least = -(double)INFINITY, .at_most = (double)INFINITY};
    if (!read_mapping(r, e, "expect", keys, 5, &f)) return false;
    bool group = r->expect->measure == LESSON_MEASURE_FROM_BASE;
    bool set = !group && r->expect->measure != LESSON_MEASURE_STEPS;
    if (set != (f.set[0] != '\0') || group != (f.group[0] != '\0'))
        return fail(r, &at, "%s is measured of %s", lesson_measure_words[r->expect->measure],
                    set     ? "a set: {set: NAME, ...}"
                    : group ? "a group: {group: NAME, ...}"
                            : "the run: without a set or group");
    if (!(r->expect->at_least <= r->expect->at_most) ||
        (isinf(r->expect->at_least) && isinf(r->expect->at_most)))
        return fail(r, &at, "expect needs at_least, at_most, or both in this order");
    memcpy(r->expect->of, set ? f.set : f.group, sizeof r->expect->of);
    return true;
}

static bool read_expect(struct reader *r, const struct yaml_item *e) {
    struct yaml_item item;
    if (e->kind != YAML_LIST) return read_figure(r, e);
    while (next(r, &item)) {
        if (item.kind == YAML_CLOSE) return true;
        if (!read_figure(r, &item)) return false;
    }
    return false;
}

/* ---- a step */

static bool read_point(struct reader *r, const struct yaml_item *e) {
    const char *known[LESSON_POINTS];
    for (int i = 0; i < LESSON_POINTS; i++) known[i] = lesson_places[i].word;
    r->step->point = take_word(r, e, "point", known, LESSON_POINTS);
    return r->step->point >= 0;
}

static bool read_question(struct reader *r, const struct yaml_item *e) {
    static const struct entry keys[] = {{"ask", TEXT(lesson_step, ask), true},
                                        {"answer", TEXT(lesson_step, answer), true}};
    return read_mapping(r, e, "question", keys, 2, r->step);
}

static bool read_step(struct reader *r, const struct yaml_item *e) {
    static const struct entry keys[] = {
        {"title", TEXT(lesson_step, title), true}, {"text", TEXT(lesson_step, text), true},
        {"point", 0, 0, read_point, false},        {"wait", 0, 0, read_wait, false},
        {"question", 0, 0, read_question, false},  {"try", TEXT(lesson_step, attempt), false},
        {"keys", 0, 0, read_keys, false},          {"expect", 0, 0, read_expect, false}};
    if (r->lesson->n_steps == LESSON_STEPS)
        return fail(r, e, "a lesson has at most %d steps", LESSON_STEPS);
    r->step = &r->lesson->steps[r->lesson->n_steps++];
    r->step->point = LESSON_POINT_NONE;
    return read_mapping(r, e, "a step", keys, 8, r->step);
}

/* ---- the lesson */

static bool read_steps(struct reader *r, const struct yaml_item *open) {
    struct yaml_item e;
    if (open->kind != YAML_LIST)
        return fail(r, open, "steps must be a list: - {title: ..., text: ...}");
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE)
            return r->lesson->n_steps > 0 || fail(r, &e, "there is no step");
        if (!read_step(r, &e)) return false;
    }
    return false;
}

static bool read_minutes(struct reader *r, const struct yaml_item *e) {
    int64_t minutes;
    if (!take_whole(r, e, "minutes", 1, 600, &minutes)) return false;
    r->lesson->minutes = (int)minutes;
    return true;
}

static bool read_mechanism(struct reader *r, const struct yaml_item *e) {
    int64_t place;
    if (!take_whole(r, e, "mechanism", 1, 99, &place)) return false;
    r->lesson->mechanism = (int)place;
    return true;
}

/* Keys of the config with their values: checked when the config is read with them. */
static bool read_set(struct reader *r, const struct yaml_item *open) {
    struct yaml_item e;
    char key[LESSON_NAME];
    if (open->kind != YAML_MAPPING)
        return fail(r, open, "set must be keys of the config with values, {seed: 7}");
    while (next(r, &e)) {
        if (e.kind == YAML_CLOSE) return true;
        if (r->lesson->n_sets == LESSON_SETS)
            return fail(r, &e, "a lesson sets at most %d keys", LESSON_SETS);
        if (!take_text(r, &e, "a key", key, sizeof key) || !next(r, &e)) return false;
        if (e.kind != YAML_WORD)
            return fail(r, &e, "%s must be one text; a list as text: \"[embed]\"", key);
        char *set = r->lesson->sets[r->lesson->n_sets++];
        int n = snprintf(set, LESSON_SET, "%s=", key);
        if (!take_text(r, &e, key, set + n, (size_t)(LESSON_SET - n))) return false;
    }
    return false;
}

static bool read_lesson(struct reader *r) {
    static const struct entry keys[] = {{"name", TEXT(lesson, name), true},
                                        {"title", TEXT(lesson, title), true},
                                        {"minutes", 0, 0, read_minutes, true},
                                        {"config", TEXT(lesson, config), true},
                                        {"set", 0, 0, read_set, false},
                                        {"summary", TEXT(lesson, summary), true},
                                        {"notes", TEXT(lesson, notes), false},
                                        {"steps", 0, 0, read_steps, true},
                                        {"mechanism", 0, 0, read_mechanism, false}};
    struct yaml_item e;
    if (!next(r, &e)) return false;
    if (e.kind == YAML_END) return fail(r, &e, "there is nothing in this file");
    if (!read_mapping(r, &e, "a lesson", keys, 9, r->lesson)) return false;
    return next(r, &e); /* the end, or what may not follow */
}

bool lesson_parse(const char *text, size_t n, const char *file, struct lesson *out,
                  struct err *err) {
    struct err scratch;
    struct reader r = {.lesson = out, .file = file, .err = err ? err : &scratch};
    memset(out, 0, sizeof *out);
    if (n > LESSON_BYTES_MAX)
        return err_set(err, ERR_RANGE, "%s: %zu bytes are too much for a lesson: at most %d",
                       file, n, LESSON_BYTES_MAX);
    r.source = yaml_source_create(text, n, r.err);
    bool ok = r.source && read_lesson(&r);
    yaml_source_destroy(r.source);
    return ok;
}

bool lesson_read(const char *path, struct lesson *out, struct err *err) {
    struct buf text = {0};
    bool ok = files_read(path, LESSON_BYTES_MAX, &text, err) &&
              lesson_parse(buf_text(&text), text.len, path, out, err);
    buf_deinit(&text);
    return ok;
}
