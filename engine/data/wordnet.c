#include "engine/data/wordnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/data/bytes_map.h"
#include "engine/data/wordnet_files.h"

enum domain { MEDICINE = 1, LAW = 2, SPORT = 4 };

static const struct {
    const char *name;
    unsigned domain; /* 0: none of them */
} domains[] = {{"general", 0}, {"medicine", MEDICINE}, {"law", LAW}, {"sport", SPORT}};
enum { N_DOMAINS = sizeof domains / sizeof domains[0] };

/* Where the domains begin: a noun, known by a word and the beginning of its gloss. */
static const struct root {
    unsigned domain;
    bool tree, topic; /* what is below it, what has it for a topic */
    const char *word, *gloss;
} roots[] = {
    {MEDICINE, true, false, "ill_health",
     "a state in which you are unable to function normally"},
    {MEDICINE, true, false, "drug", "a substance that is used as a medicine or narcotic"},
    {MEDICINE, true, true, "medicine", "the branches of medical science that deal with"},
    {LAW, true, true, "law", "the collection of rules imposed by authority"},
    {SPORT, true, true, "sport", "an active diversion requiring physical exertion"},
    {SPORT, true, true, "athletic_game", "a game involving athletic activity"},
};
enum { N_ROOTS = sizeof roots / sizeof roots[0] };

/* What is known of a synset: the domains it is in, and those whose topic it is. */
struct marks {
    unsigned char in, topic;
};

/* ---- domains ---- */

static bool has_word(const struct synset *s, const char *word) {
    size_t n;
    const char *at = s->words, *w;
    for (int i = 0; i < s->n_words; i++) {
        w = wordnet_word(&at, &n);
        if (strlen(word) == n && memcmp(w, word, n) == 0) return true;
    }
    return false;
}

static bool is_root(const struct synset *s, const struct root *r) {
    size_t n = strlen(r->gloss);
    return s->gloss_length >= n && memcmp(s->gloss, r->gloss, n) == 0 && has_word(s, r->word);
}

static bool mark_roots(const struct wordnet *w, struct marks *marks, struct err *err) {
    unsigned found = 0;
    for (size_t i = 0; i < w->end[0]; i++)
        for (int r = 0; r < N_ROOTS; r++) {
            if (!is_root(&w->synsets[i], &roots[r])) continue;
            if (roots[r].tree) marks[i].in |= (unsigned char)roots[r].domain;
            if (roots[r].topic) marks[i].topic |= (unsigned char)roots[r].domain;
            found |= 1u << r;
        }
    for (int r = 0; r < N_ROOTS; r++)
        if (!(found & 1u << r))
            return err_set(err, ERR_PARSE,
                           "data.noun has no \"%s : %s...\": is it WordNet 3.0?", roots[r].word,
                           roots[r].gloss);
    return true;
}

/* Hand the marks of nouns down to their hyponyms, until nothing changes (a round a level, or
 * fewer). */
static void spread(const struct wordnet *w, struct marks *marks) {
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < w->end[0]; i++) {
            const struct synset *s = &w->synsets[i];
            struct marks before = marks[i];
            for (size_t p = s->pointer; p < s->pointer + s->n_pointers; p++) {
                if (w->pointers[p].topic) continue;
                marks[i].in |= marks[w->pointers[p].target].in;
                marks[i].topic |= marks[w->pointers[p].target].topic;
            }
            changed = changed || before.in != marks[i].in || before.topic != marks[i].topic;
        }
    }
}

/* [w->n] marks; NULL after a complaint. Owner: the caller. */
static struct marks *mark_domains(const struct wordnet *w, struct err *err) {
    struct marks *marks = calloc(w->n + 1, sizeof *marks);
    if (!marks) {
        err_set(err, ERR_NOMEM, "no memory for %zu synsets", w->n);
        return NULL;
    }
    if (!mark_roots(w, marks, err)) {
        free(marks);
        return NULL;
    }
    spread(w, marks);
    for (size_t i = 0; i < w->n; i++)
        for (size_t p = w->synsets[i].pointer, k = 0; k < w->synsets[i].n_pointers; k++, p++)
            if (w->pointers[p].topic) marks[i].in |= marks[w->pointers[p].target].topic;
    spread(w, marks);
    return marks;
}

/* ---- lines ---- */

static bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

static void trim(const char **s, size_t *n, const char *also) {
    while (*n && (**s == ' ' || strchr(also, **s))) (*s)++, (*n)--;
    while (*n && ((*s)[*n - 1] == ' ' || strchr(also, (*s)[*n - 1]))) (*n)--;
}

/* A synset's meaning: its gloss up to the first quotation. It is the key of all its lines, so
 * synsets of one meaning go together even where their examples differ. */
struct meaning {
    const char *text;
    size_t n;
};

static struct meaning meaning_of(const struct synset *s) {
    const char *quote = memchr(s->gloss, '"', s->gloss_length);
    struct meaning m = {s->gloss, quote ? (size_t)(quote - s->gloss) : s->gloss_length};
    trim(&m.text, &m.n, ";:,");
    return m;
}

/* The next "quoted" piece of a gloss, at or after *at; false when there is none. */
static bool next_quotation(const struct synset *s, size_t *at, const char **text, size_t *n) {
    const char *end = s->gloss + s->gloss_length;
    const char *open = memchr(s->gloss + *at, '"', s->gloss_length - *at);
    if (!open) return false;
    const char *close = memchr(open + 1, '"', (size_t)(end - open - 1));
    *text = open + 1;
    *n = (size_t)((close ? close : end) - open - 1); /* some have no closing mark */
    *at = (size_t)((close ? close + 1 : end) - s->gloss);
    return true;
}

static bool add_examples(const struct synset *s, struct bytes_map *seen,
                         struct source_text *out, struct err *err) {
    struct meaning m = meaning_of(s);
    const char *text;
    size_t at = 0, n;
    while (next_quotation(s, &at, &text, &n)) {
        bool letters = false;
        uint32_t number, known = seen->n;
        trim(&text, &n, ";");
        for (size_t i = 0; i < n; i++) letters = letters || is_letter(text[i]);
        if (!letters) continue;
        if (!bytes_map_add(seen, text, n, &number, err)) return false;
        if (number == known && !source_add(out, text, n, m.text, m.n, err)) return false;
    }
    return true;
}

/* "take_a_breath(p)" as "take a breath". */
static void add_word(struct buf *line, const char *word, size_t n) {
    const char *marker = memchr(word, '(', n);
    if (marker && marker > word) n = (size_t)(marker - word);
    for (size_t i = 0; i < n; i++) buf_add(line, word[i] == '_' ? " " : &word[i], 1);
}

static bool add_definitions(const struct synset *s, struct buf *line, struct source_text *out,
                            struct err *err) {
    struct meaning m = meaning_of(s);
    const char *at = s->words;
    size_t n;
    for (int i = 0; m.n && i < s->n_words; i++) {
        const char *word = wordnet_word(&at, &n);
        buf_clear(line);
        add_word(line, word, n);
        buf_str(line, " : ");
        if (!buf_add(line, m.text, m.n)) return err_set(err, ERR_NOMEM, "no memory for a line");
        if (!source_add(out, line->data, line->len, m.text, m.n, err)) return false;
    }
    return true;
}

static bool add_lines(const struct wordnet *w, const struct marks *marks, unsigned domain,
                      struct source_text *out, struct err *err) {
    struct buf line = {0};
    struct bytes_map seen = {0};
    bool done = true;
    for (size_t i = 0; done && i < w->n; i++) {
        const struct synset *s = &w->synsets[i];
        if (domain ? !(marks[i].in & domain) : marks[i].in != 0) continue;
        done =
            add_definitions(s, &line, out, err) && (domain || add_examples(s, &seen, out, err));
    }
    buf_deinit(&line);
    bytes_map_deinit(&seen);
    return done;
}

static bool unknown_domain(const char *domain, struct err *err) {
    char known[128] = "";
    for (int d = 0; d < N_DOMAINS; d++) {
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", d ? ", " : "", domains[d].name);
    }
    return err_set(err, ERR_USAGE, "wordnet has no domain \"%s\"; it has %s", domain, known);
}

bool wordnet_read(const char *domain, struct source_text *out, struct err *err) {
    int d = 0;
    while (d < N_DOMAINS && strcmp(domains[d].name, domain) != 0) d++;
    if (d == N_DOMAINS) return unknown_domain(domain, err);
    struct wordnet w;
    if (!wordnet_open(&w, err)) return false;
    struct marks *marks = mark_domains(&w, err);
    bool done = marks && add_lines(&w, marks, domains[d].domain, out, err);
    free(marks);
    wordnet_close(&w);
    return done;
}
