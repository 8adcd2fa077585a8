/* grammar.c - lines from a grammar, and the source that reads them. */
#include "engine/data/grammar.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "engine/core/shipped.h"
#include "engine/data/grammar_parts.h"

enum {
    VARIABLES_MAX = 64,
    FEATURES_MAX = 256,
    DEPTH_MAX = 48,
    EXPANSIONS_MAX = 2000
}; /* of one line */

/* ---- one line ---- */

struct variable {
    uint32_t name;
    size_t offset, n; /* its text, in writer.values */
};

struct writer {
    const struct grammar *g;
    struct rng rng;
    struct buf *out, values;
    size_t answer;
    struct variable variables[VARIABLES_MAX];
    struct {
        uint32_t variable, name; /* variable BYTES_MAP_NONE: of what is being kept just now */
        struct grammar_span value;
    } features[FEATURES_MAX];
    int n_variables, n_features, expansions;
    struct err *err;
};

static struct grammar_span name_of(const struct grammar *g, uint32_t name) {
    struct grammar_span s;
    s.at = bytes_map_key(&g->names, name, &s.n);
    return s;
}

static bool fail(struct writer *w, const struct grammar_rule *r, const char *what) {
    struct grammar_span name = name_of(w->g, r->name);
    return err_set(w->err, ERR_RANGE, "line %d: the rule \"%.*s\" %s", r->line, (int)name.n,
                   name.at, what);
}

static const struct variable *find_variable(const struct writer *w, uint32_t name) {
    for (int i = w->n_variables - 1; i >= 0; i--)
        if (w->variables[i].name == name) return &w->variables[i];
    return NULL;
}

static struct grammar_span value_of(const struct writer *w, uint32_t variable) {
    const struct variable *v = find_variable(w, variable);
    if (!v) return (struct grammar_span){"", 0};
    return (struct grammar_span){buf_text(&w->values) + v->offset, v->n};
}

static struct grammar_span feature_of(const struct writer *w, uint32_t variable,
                                      uint32_t feature) {
    for (int i = w->n_features - 1; i >= 0; i--)
        if (w->features[i].variable == variable && w->features[i].name == feature)
            return w->features[i].value;
    return (struct grammar_span){"", 0};
}

/* ---- which alternative ---- */

static bool among(struct grammar_span s, struct grammar_span values) {
    while (values.n > 0) {
        const char *comma = memchr(values.at, ',', values.n);
        size_t n = comma ? (size_t)(comma - values.at) : values.n;
        if (n == s.n && memcmp(values.at, s.at, n) == 0) return true;
        values.at += comma ? n + 1 : n;
        values.n -= comma ? n + 1 : n;
    }
    return false;
}

static bool fits(const struct writer *w, const struct grammar_alternative *a) {
    for (int i = 0; i < a->conditions.n; i++) {
        const struct grammar_condition *c = &w->g->conditions[a->conditions.first + i];
        struct grammar_span is = c->feature == BYTES_MAP_NONE
                                     ? value_of(w, c->variable)
                                     : feature_of(w, c->variable, c->feature);
        if (among(is, c->values) == c->differs) return false;
    }
    return true;
}

/* NULL: none fits. */
static const struct grammar_alternative *pick(struct writer *w, const struct grammar_rule *r) {
    const struct grammar_alternative *first = &w->g->alternatives[r->alternatives.first], *a;
    const struct grammar_alternative *end = first + r->alternatives.n;
    uint64_t total = 0, drawn;
    for (a = first; a < end; a++) {
        if (!fits(w, a)) continue;
        if (r->decides) return a;
        total += (uint64_t)a->weight;
    }
    if (total == 0) return NULL;
    drawn = rng_below(&w->rng, total);
    for (a = first;; a++) {
        if (!fits(w, a)) continue;
        if (drawn < (uint64_t)a->weight) return a;
        drawn -= (uint64_t)a->weight;
    }
}

/* ---- writing ---- */

/* A blank behind a blank is not written: what stands between may be empty. */
static void put(struct writer *w, struct grammar_span s) {
    bool doubled =
        s.n > 0 && *s.at == ' ' && w->out->len > 0 && w->out->data[w->out->len - 1] == ' ';
    if (s.n > 0) buf_add(w->out, s.at + doubled, s.n - doubled);
}

static void make_capital(struct buf *out, size_t at) {
    if (at < out->len && out->data[at] >= 'a' && out->data[at] <= 'z')
        out->data[at] -= 'a' - 'A';
}

/* Keep what was written from `start` on as `variable`, with the features noted since. */
static bool keep(struct writer *w, const struct grammar_rule *r, uint32_t variable,
                 size_t start, int features) {
    size_t n = w->out->len - start;
    if (w->n_variables == VARIABLES_MAX)
        return fail(w, r, "keeps more variables than a line may have");
    w->variables[w->n_variables++] = (struct variable){variable, w->values.len, n};
    if (n > 0) buf_add(&w->values, w->out->data + start, n);
    for (int i = features; i < w->n_features; i++)
        if (w->features[i].variable == BYTES_MAP_NONE) w->features[i].variable = variable;
    return true;
}

static bool note_features(struct writer *w, const struct grammar_rule *r,
                          const struct grammar_alternative *a) {
    for (int i = 0; i < a->features.n; i++) {
        const struct grammar_feature *f = &w->g->features[a->features.first + i];
        if (w->n_features == FEATURES_MAX)
            return fail(w, r, "has more features than a line may have");
        w->features[w->n_features].variable = BYTES_MAP_NONE;
        w->features[w->n_features].name = f->name;
        w->features[w->n_features++].value = f->value;
    }
    return true;
}

static bool write_rule(struct writer *w, const struct grammar_rule *r, int depth);

static bool write_reference(struct writer *w, const struct grammar_piece *p, int depth) {
    const struct grammar_rule *r = &w->g->rules[p->rule];
    size_t start = w->out->len, answer = w->answer;
    int features = w->n_features;
    if (!p->keeps && find_variable(w, p->variable)) {
        put(w, value_of(w, p->variable));
    } else if (!write_rule(w, r, depth)) {
        return false;
    }
    if (p->keeps && !keep(w, r, p->variable, start, features)) return false;
    if (!p->silent) return true;
    w->out->len = start;
    w->answer = answer;
    return true;
}

static bool write_piece(struct writer *w, const struct grammar_piece *p, int depth) {
    size_t start = w->out->len;
    struct grammar_span s = p->text;
    if (p->kind == PIECE_ANSWER) w->answer = start;
    else if (p->kind == PIECE_RULE && !write_reference(w, p, depth)) return false;
    else if (p->kind == PIECE_VALUE) s = value_of(w, p->variable);
    else if (p->kind == PIECE_FEATURE) s = feature_of(w, p->variable, p->feature);
    if (p->kind != PIECE_RULE && p->kind != PIECE_ANSWER) put(w, s);
    if (p->capital) make_capital(w->out, start);
    return !w->out->failed || err_set(w->err, ERR_NOMEM, "no memory for a line");
}

static bool write_rule(struct writer *w, const struct grammar_rule *r, int depth) {
    if (depth > DEPTH_MAX || ++w->expansions > EXPANSIONS_MAX)
        return fail(w, r, "comes to no end");
    const struct grammar_alternative *a = pick(w, r);
    if (!a) return fail(w, r, "has no alternative that fits");
    if (!note_features(w, r, a)) return false;
    for (int i = 0; i < a->pieces.n; i++) {
        if (!write_piece(w, &w->g->pieces[a->pieces.first + i], depth + 1)) return false;
        if (w->out->len > GRAMMAR_LINE_MAX) /* a variable may hold itself twice, and so on */
            return fail(w, r, "makes a longer line than a grammar may");
    }
    return true;
}

/* Of a line that asks its variables, the same for every order in which they were kept; else its
 * text. */
static uint64_t key_of(const struct writer *w) {
    uint64_t key = 0;
    for (int i = 0; i < w->n_variables; i++) {
        struct grammar_span name = name_of(w->g, w->variables[i].name),
                            value = value_of(w, w->variables[i].name);
        key += rng_hash(name.at, name.n) ^ (rng_hash(value.at, value.n) * 3);
    }
    return w->answer > 0 && w->n_variables > 0 ? key : rng_hash(w->out->data, w->out->len);
}

int grammar_level(const struct grammar *g, const char *name) {
    for (int i = 0; i < g->n_levels; i++)
        if (strlen(name) == g->levels[i].name.n &&
            memcmp(name, g->levels[i].name.at, g->levels[i].name.n) == 0)
            return i;
    return -1;
}

uint64_t grammar_lines(const struct grammar *g, int level) { return g->levels[level].lines; }

bool grammar_make(const struct grammar *g, int level, uint64_t seed, uint64_t number,
                  struct grammar_line *out, struct err *err) {
    struct grammar_span name = g->levels[level].name;
    struct writer w = {.g = g,
                       .rng = rng_make(seed, rng_hash(name.at, name.n), number),
                       .out = &out->text,
                       .err = err};
    buf_clear(&out->text);
    bool done = write_rule(&w, &g->rules[g->levels[level].rule], 0);
    if (done && w.values.failed) done = err_set(err, ERR_NOMEM, "no memory for a line");
    out->answer = w.answer;
    out->key = done ? key_of(&w) : 0;
    buf_deinit(&w.values);
    return done;
}

/* ---- the source ---- */

static const char ending[] = ".yaml";

size_t grammar_path(const char *rest) {
    const char *end = strstr(rest, ending);
    bool path = end && end[sizeof ending - 1] == ':';
    return path ? (size_t)(end + sizeof ending - 1 - rest) : 0;
}

struct request {
    size_t name; /* bytes of NAME or PATH */
    char level[64];
    uint64_t lines, seed; /* lines 0: as many as the level has */
};

static bool read_number(const char *s, size_t n, uint64_t most, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || *out > most) return false;
        *out = *out * 10 + (uint64_t)(s[i] - '0');
    }
    return n > 0 && *out <= most;
}

static bool read_request(const char *rest, struct request *r) {
    const uint64_t seed_max = UINT32_MAX;
    r->name = grammar_path(rest) ? grammar_path(rest) : strcspn(rest, ":/");
    r->lines = 0;
    r->seed = 1;
    const char *at = rest + r->name;
    size_t n = *at == ':' ? strcspn(++at, ":") : 0;
    if (r->name == 0 || n == 0 || n >= sizeof r->level) return false;
    snprintf(r->level, sizeof r->level, "%.*s", (int)n, at);
    at += n;
    if (*at == ':') {
        n = strcspn(++at, ":");
        if (!read_number(at, n, GRAMMAR_LINES_MAX, &r->lines) || r->lines == 0) return false;
        at += n;
    }
    return !*at || (*at == ':' && read_number(at + 1, strlen(at + 1), seed_max, &r->seed));
}

bool grammar_check(const char *rest, struct err *err) {
    struct request r;
    return read_request(rest, &r) || err_set(err, ERR_USAGE,
                                             "\"grammar:%s\" is not a source; it must be "
                                             "grammar:NAME:LEVEL, e.g. grammar:cricket:match, "
                                             "or with :LINES (at most %d) and :SEED",
                                             rest, GRAMMAR_LINES_MAX);
}

static bool add_lines(const struct grammar *g, int level, const struct request *r,
                      struct source_text *out, struct err *err) {
    struct grammar_line line = {.answer = 0};
    uint64_t lines = r->lines ? r->lines : grammar_lines(g, level);
    bool done = true;
    for (uint64_t i = 0; done && i < lines; i++)
        done = grammar_make(g, level, r->seed, i, &line, err) &&
               source_add_question(out, line.text.data, line.text.len, line.answer,
                                   (const char *)&line.key, sizeof line.key, err);
    buf_deinit(&line.text);
    return done;
}

static bool no_level(const struct grammar *g, const char *name, struct err *err) {
    struct buf known = {0};
    for (int i = 0; i < g->n_levels; i++)
        buf_printf(&known, "%s%.*s", i ? ", " : "", (int)g->levels[i].name.n,
                   g->levels[i].name.at);
    err_set(err, ERR_USAGE, "there is no level \"%s\"; the levels are %s", name,
            buf_text(&known));
    buf_deinit(&known);
    return false;
}

bool grammar_read(const char *rest, struct source_text *out, struct err *err) {
    struct request r;
    char name[PATH_MAX], path[PATH_MAX];
    struct buf file = {0};
    if (!grammar_check(rest, err) || !read_request(rest, &r)) return false;
    bool named = grammar_path(rest) == 0;
    int n = snprintf(name, sizeof name, "%s%.*s%s", named ? "assets/grammars/" : "",
                     (int)r.name, rest, named ? ending : "");
    if (n >= (int)sizeof name)
        return err_set(err, ERR_RANGE, "the path of grammar:%.60s... is too long", rest);
    if (named && !shipped_path(path, sizeof path, name, err)) return false;
    if (!named) memcpy(path, name, (size_t)n + 1);
    bool done = files_read(path, GRAMMAR_BYTES_MAX, &file, err);
    struct grammar *g = done ? grammar_parse(buf_text(&file), file.len, err) : NULL;
    int level = g ? grammar_level(g, r.level) : -1;
    if (g) done = level < 0 ? no_level(g, r.level, err) : add_lines(g, level, &r, out, err);
    if (done && !g) done = false;
    if (!done && file.len > 0) err_prefix(err, "%s", path);
    grammar_destroy(g);
    buf_deinit(&file);
    return done;
}
