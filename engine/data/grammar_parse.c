/* grammar_parse.c - a grammar's file to its tables. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/grammar_file.h"

enum section { NO_SECTION, LEVELS, CHOOSE, DECIDE };
enum { WEIGHT_MAX = 1000000, RULES_MAX = 1000 };

struct parser {
    struct grammar *g;
    struct grammar_reader file;
    enum section section;
    struct err *err;
};

/* ---- errors and names ---- */

static bool fail(struct parser *p, int line, const char *what, struct grammar_span s) {
    return err_set(p->err, ERR_PARSE, "line %d: %s \"%.*s\"", line, what,
                   (int)(s.n < 60 ? s.n : 60), s.at);
}

static bool is_name(struct grammar_span s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '_') return false;
    }
    return s.n > 0;
}

static bool take_name(struct parser *p, struct grammar_span s, uint32_t *out) {
    if (!is_name(s))
        return fail(p, p->file.line, "this is no name of letters, digits and _:", s);
    return bytes_map_add(&p->g->names, s.at, s.n, out, p->err);
}

static struct grammar_span name_of(const struct grammar *g, uint32_t name) {
    struct grammar_span s;
    s.at = bytes_map_key(&g->names, name, &s.n);
    return s;
}

int grammar_find_rule(const struct grammar *g, uint32_t name) {
    for (int i = 0; i < g->n_rules; i++)
        if (g->rules[i].name == name) return i;
    return -1;
}

/* What stands before `mark`, with *rest behind it; false when it is not there. */
static bool cut(struct grammar_span s, char mark, struct grammar_span *before,
                struct grammar_span *rest) {
    const char *at = memchr(s.at, mark, s.n);
    if (!at) return false;
    *before = (struct grammar_span){s.at, (size_t)(at - s.at)};
    *rest = (struct grammar_span){at + 1, s.n - before->n - 1};
    return true;
}

static struct grammar_span trim(struct grammar_span s) {
    while (s.n && *s.at == ' ') s.at++, s.n--;
    while (s.n && s.at[s.n - 1] == ' ') s.n--;
    return s;
}

/* The next word of `s`, which moves behind it; empty at the end. */
static struct grammar_span next_word(struct grammar_span *s) {
    *s = trim(*s);
    struct grammar_span word = {s->at, 0};
    while (word.n < s->n && s->at[word.n] != ' ') word.n++;
    *s = (struct grammar_span){s->at + word.n, s->n - word.n};
    return word;
}

/* ---- texts ---- */

/* What stands inside <>. Rules are looked up when all are known. */
static bool add_reference(struct parser *p, struct grammar_span s) {
    struct grammar_piece piece = {.kind = PIECE_RULE, .rule = -1};
    struct grammar_span whole = s, left, right;
    if (s.n == 1 && *s.at == '?') piece.kind = PIECE_ANSWER;
    while (s.n && (*s.at == '!' || *s.at == '^')) {
        piece.silent |= *s.at == '!';
        piece.capital |= *s.at == '^';
        s.at++, s.n--;
    }
    uint32_t rule = 0;
    if (piece.kind == PIECE_ANSWER) {
        ;
    } else if (cut(s, '=', &left, &right)) {
        piece.keeps = true;
        if (!take_name(p, right, &rule) ||
            !take_name(p, left.n ? left : right, &piece.variable))
            return false;
        piece.rule = (int)rule;
    } else if (cut(s, '.', &left, &right)) {
        piece.kind = PIECE_FEATURE;
        if (!take_name(p, left, &piece.variable) || !take_name(p, right, &piece.feature))
            return false;
    } else {
        if (!take_name(p, s, &piece.variable)) return false;
        piece.rule = (int)piece.variable;
    }
    if (piece.silent && !piece.keeps)
        return fail(p, p->file.line, "! is for what is kept (<!x=rule>), not for", whole);
    p->g->pieces[p->g->n_pieces++] = piece;
    return true;
}

static bool add_pieces(struct parser *p, struct grammar_span s) {
    while (s.n > 0) {
        struct grammar_span inside, rest;
        const char *open = memchr(s.at, '<', s.n);
        size_t plain = open ? (size_t)(open - s.at) : s.n;
        if (plain > 0)
            p->g->pieces[p->g->n_pieces++] =
                (struct grammar_piece){.kind = PIECE_TEXT, .text = {s.at, plain}};
        s = (struct grammar_span){s.at + plain, s.n - plain};
        if (!open) return true;
        s.at++, s.n--;
        if (!cut(s, '>', &inside, &rest)) return fail(p, p->file.line, "no > closes the", s);
        if (!add_reference(p, inside)) return false;
        s = rest;
    }
    return true;
}

/* ---- notes: weight, features, conditions ---- */

static bool read_count(struct grammar_span s, uint64_t most, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || *out > most) return false;
        *out = *out * 10 + (uint64_t)(s.at[i] - '0');
    }
    return s.n > 0 && *out > 0 && *out <= most;
}

static bool add_note(struct parser *p, struct grammar_alternative *a,
                     struct grammar_span word) {
    struct grammar_feature f;
    struct grammar_span name;
    uint64_t weight;
    if (!cut(word, '=', &name, &f.value) || f.value.n == 0)
        return fail(p, p->file.line, "behind | stand feature=value, weight=N and `when`, not",
                    word);
    if (name.n == 6 && memcmp(name.at, "weight", 6) == 0) {
        if (!read_count(f.value, WEIGHT_MAX, &weight))
            return fail(p, p->file.line, "a weight is a whole number above 0, not", f.value);
        a->weight = (int)weight;
        return true;
    }
    if (!take_name(p, name, &f.name)) return false;
    p->g->features[p->g->n_features++] = f;
    a->features.n++;
    return true;
}

static bool add_condition(struct parser *p, struct grammar_alternative *a,
                          struct grammar_span word) {
    struct grammar_condition c = {.feature = BYTES_MAP_NONE};
    struct grammar_span left, variable, feature;
    if (!cut(word, '=', &left, &c.values) || c.values.n == 0 || left.n == 0)
        return fail(p, p->file.line, "a condition is x=value or x.feature=value, not", word);
    c.differs = left.at[left.n - 1] == '!';
    left.n -= c.differs;
    bool dotted = cut(left, '.', &variable, &feature);
    if (!take_name(p, dotted ? variable : left, &c.variable)) return false;
    if (dotted && !take_name(p, feature, &c.feature)) return false;
    p->g->conditions[p->g->n_conditions++] = c;
    a->conditions.n++;
    return true;
}

static bool add_notes(struct parser *p, struct grammar_alternative *a,
                      struct grammar_span notes) {
    bool conditions = false;
    for (struct grammar_span word; (word = next_word(&notes)).n > 0;) {
        bool when = word.n == 4 && memcmp(word.at, "when", 4) == 0;
        if (!when && !(conditions ? add_condition(p, a, word) : add_note(p, a, word)))
            return false;
        conditions |= when;
    }
    return true;
}

static bool add_alternative(struct parser *p, struct grammar_span s) {
    struct grammar *g = p->g;
    struct grammar_span text = s, notes = {"", 0};
    struct grammar_alternative a = {.weight = 1,
                                    .line = p->file.line,
                                    .pieces = {g->n_pieces, 0},
                                    .features = {g->n_features, 0},
                                    .conditions = {g->n_conditions, 0}};
    if (p->section != CHOOSE && p->section != DECIDE)
        return fail(p, p->file.line, "only rules of choose: and decide: have texts, not", s);
    if (g->n_rules == 0 || g->rules[g->n_rules - 1].decides != (p->section == DECIDE))
        return fail(p, p->file.line, "a rule's name must stand before", s);
    cut(s, '|', &text, &notes);
    if (!add_pieces(p, trim(text)) || !add_notes(p, &a, notes)) return false;
    a.pieces.n = g->n_pieces - a.pieces.first;
    g->alternatives[g->n_alternatives++] = a;
    g->rules[g->n_rules - 1].alternatives.n++;
    return true;
}

/* ---- sections ---- */

static bool begin_section(struct parser *p, struct grammar_span word,
                          struct grammar_span value) {
    static const char *const names[] = {
        [LEVELS] = "levels", [CHOOSE] = "choose", [DECIDE] = "decide"};
    if (value.n > 0)
        return fail(p, p->file.line, "the section's lines stand below it, not", value);
    for (int i = LEVELS; i <= DECIDE; i++) {
        if (strlen(names[i]) != word.n || memcmp(names[i], word.at, word.n) != 0) continue;
        p->section = (enum section)i;
        return true;
    }
    return fail(p, p->file.line, "sections are levels, choose and decide, not", word);
}

static bool begin_level(struct parser *p, struct grammar_span word, struct grammar_span value) {
    struct grammar_level level = {.name = word, .rule = -1, .line = p->file.line};
    if (!read_count(value, GRAMMAR_LINES_MAX, &level.lines))
        return fail(p, p->file.line, "a level has a number of lines, not", value);
    p->g->levels[p->g->n_levels++] = level;
    return true;
}

static bool begin_rule(struct parser *p, struct grammar_span word, struct grammar_span value) {
    struct grammar *g = p->g;
    struct grammar_rule rule = {.decides = p->section == DECIDE,
                                .line = p->file.line,
                                .alternatives = {g->n_alternatives, 0}};
    if (p->section == NO_SECTION)
        return fail(p, p->file.line, "a section must stand before", word);
    if (value.n > 0)
        return fail(p, p->file.line, "a rule's texts stand below it, each behind a -, not",
                    value);
    if (!take_name(p, word, &rule.name)) return false;
    if (grammar_find_rule(g, rule.name) >= 0)
        return fail(p, p->file.line, "there already is a rule", word);
    if (g->n_rules == RULES_MAX)
        return fail(p, p->file.line, "there are too many rules before", word);
    g->rules[g->n_rules++] = rule;
    return true;
}

static bool parse_items(struct parser *p) {
    enum grammar_item kind;
    struct grammar_span word, value;
    for (;;) {
        if (!grammar_next(&p->file, &kind, &word, &value, p->err)) return false;
        bool done = kind == ITEM_END       ? true
                    : kind == ITEM_SECTION ? begin_section(p, word, value)
                    : kind == ITEM_TEXT    ? add_alternative(p, value)
                    : p->section == LEVELS ? begin_level(p, word, value)
                                           : begin_rule(p, word, value);
        if (!done || kind == ITEM_END) return done;
    }
}

/* ---- what names stand for ---- */

/* [names.n] which names some piece keeps as a variable. */
static bool *find_kept(const struct grammar *g) {
    bool *kept = calloc((size_t)g->names.n + 1, sizeof *kept);
    for (int i = 0; kept && i < g->n_pieces; i++)
        if (g->pieces[i].keeps) kept[g->pieces[i].variable] = true;
    return kept;
}

static bool resolve_piece(struct parser *p, struct grammar_piece *piece, const bool *kept,
                          int line) {
    if (piece->kind == PIECE_TEXT || piece->kind == PIECE_ANSWER) return true;
    uint32_t name = piece->kind == PIECE_RULE ? (uint32_t)piece->rule : piece->variable;
    if (piece->kind == PIECE_RULE) piece->rule = grammar_find_rule(p->g, name);
    if (piece->kind == PIECE_RULE && piece->rule >= 0) return true;
    if (piece->kind == PIECE_RULE && piece->keeps)
        return fail(p, line, "there is no rule", name_of(p->g, name));
    if (!kept[name])
        return fail(p, line, "there is neither a rule nor a variable", name_of(p->g, name));
    if (piece->kind == PIECE_RULE) piece->kind = PIECE_VALUE;
    return true;
}

static bool resolve_alternative(struct parser *p, const struct grammar_alternative *a,
                                const bool *kept) {
    struct grammar *g = p->g;
    for (int i = 0; i < a->pieces.n; i++)
        if (!resolve_piece(p, &g->pieces[a->pieces.first + i], kept, a->line)) return false;
    for (int i = 0; i < a->conditions.n; i++) {
        uint32_t name = g->conditions[a->conditions.first + i].variable;
        if (!kept[name]) return fail(p, a->line, "nothing is ever kept as", name_of(g, name));
    }
    return true;
}

static bool resolve_levels(struct parser *p) {
    struct grammar *g = p->g;
    for (int i = 0; i < g->n_levels; i++) {
        struct grammar_span s = g->levels[i].name;
        uint32_t name = bytes_map_find(&g->names, s.at, s.n);
        g->levels[i].rule = name == BYTES_MAP_NONE ? -1 : grammar_find_rule(g, name);
        if (g->levels[i].rule < 0)
            return fail(p, g->levels[i].line, "there is no rule for the level", s);
    }
    return g->n_levels > 0 ||
           err_set(p->err, ERR_PARSE, "there is no level: name one below levels:");
}

static bool resolve(struct parser *p) {
    bool *kept = find_kept(p->g), done = kept != NULL;
    if (!kept) err_set(p->err, ERR_NOMEM, "no memory for a grammar");
    for (int i = 0; done && i < p->g->n_rules; i++)
        if (p->g->rules[i].alternatives.n == 0)
            done = fail(p, p->g->rules[i].line, "there is no text below the rule",
                        name_of(p->g, p->g->rules[i].name));
    for (int i = 0; done && i < p->g->n_alternatives; i++)
        done = resolve_alternative(p, &p->g->alternatives[i], kept);
    free(kept);
    return done && resolve_levels(p);
}

/* ---- memory ---- */

static size_t count(const char *s, size_t n, char c) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += s[i] == c;
    return found;
}

/* Every table is as long as the file's bytes can make it. */
static bool take_tables(struct grammar *g, const char *text, size_t n) {
    size_t lines = count(text, n, '\n') + 1, open = count(text, n, '<'),
           equals = count(text, n, '=') + 1;
    g->text = malloc(n + 1);
    g->levels = calloc(lines, sizeof *g->levels);
    g->rules = calloc(lines, sizeof *g->rules);
    g->alternatives = calloc(lines, sizeof *g->alternatives);
    g->pieces = calloc(lines + 2 * open, sizeof *g->pieces);
    g->features = calloc(equals, sizeof *g->features);
    g->conditions = calloc(equals, sizeof *g->conditions);
    if (g->text) memcpy(g->text, text, n);
    return g->text && g->levels && g->rules && g->alternatives && g->pieces && g->features &&
           g->conditions;
}

struct grammar *grammar_parse(const char *text, size_t n, struct err *err) {
    size_t valid = text_valid_prefix(text, n);
    if (n > GRAMMAR_BYTES_MAX || valid < n) {
        err_set(err, ERR_PARSE,
                n > GRAMMAR_BYTES_MAX ? "%zu bytes are too much for a grammar"
                                      : "byte %zu is not valid UTF-8",
                n > GRAMMAR_BYTES_MAX ? n : valid);
        return NULL;
    }
    struct grammar *g = calloc(1, sizeof *g);
    struct err scratch;
    struct parser p = {.g = g, .err = err ? err : &scratch};
    if (!g || !take_tables(g, text, n)) {
        err_set(err, ERR_NOMEM, "no memory for a grammar");
        grammar_destroy(g);
        return NULL;
    }
    p.file = (struct grammar_reader){g->text, g->text + n, 0};
    if (parse_items(&p) && resolve(&p)) return g;
    grammar_destroy(g);
    return NULL;
}

void grammar_destroy(struct grammar *g) {
    if (!g) return;
    free(g->text);
    free(g->levels);
    free(g->rules);
    free(g->alternatives);
    free(g->pieces);
    free(g->features);
    free(g->conditions);
    bytes_map_deinit(&g->names);
    free(g);
}
