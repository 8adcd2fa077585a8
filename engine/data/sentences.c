#include "engine/data/sentences.h"

#include <string.h>

#include "engine/data/bytes_map.h"

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static bool is_letter(char c) {
    return (unsigned char)c >= 0x80 || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Quotation marks and brackets that close behind a full stop. */
static bool is_closing(char c) { return c == '"' || c == '\'' || c == ')' || c == ']'; }

/* Whether a sentence ends with the mark at `i`; *next is where the following one may begin. */
static bool ends_at(const char *s, size_t n, size_t i, size_t *next) {
    if (s[i] != '.' && s[i] != '!' && s[i] != '?') return false;
    size_t end = i + 1;
    while (end < n && is_closing(s[end])) end++;
    *next = end;
    if (end == n) return true;
    if (!is_blank(s[end])) return false;
    while (end < n && is_blank(s[end])) end++;
    return end == n || s[end] < 'a' || s[end] > 'z';
}

/* s[0..n) with single spaces; returns its words. */
static int tidy(const char *s, size_t n, struct buf *out) {
    int words = 0;
    bool letters = false, gap = false;
    buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        if (is_blank(s[i])) {
            gap = out->len > 0;
            letters = false;
            continue;
        }
        if (gap) buf_add(out, " ", 1);
        gap = false;
        words += is_letter(s[i]) && !letters;
        letters = letters || is_letter(s[i]);
        buf_add(out, s + i, 1);
    }
    return words;
}

struct filter {
    struct bytes_map seen;
    struct buf line; /* the sentence in hand */
    struct source_text *out;
};

static bool add_sentence(struct filter *f, const char *s, size_t n, struct err *err) {
    uint32_t number, known = f->seen.n;
    if (tidy(s, n, &f->line) < SENTENCE_WORDS_MIN) return true;
    if (f->line.failed) return err_set(err, ERR_NOMEM, "no memory for a sentence");
    if (f->line.len > SENTENCE_BYTES_MAX) return true;
    if (!bytes_map_add(&f->seen, f->line.data, f->line.len, &number, err)) return false;
    return number < known ||
           source_add(f->out, f->line.data, f->line.len, f->line.data, f->line.len, err);
}

static bool add_sentences(struct filter *f, const char *s, size_t n, struct err *err) {
    size_t start = 0, next;
    for (size_t i = 0; i < n; i++) {
        if (!ends_at(s, n, i, &next)) continue;
        if (!add_sentence(f, s + start, next - start, err)) return false;
        start = next;
    }
    return add_sentence(f, s + start, n - start, err);
}

static bool note_units(struct filter *f, const struct source_text *s, struct err *err) {
    uint32_t number;
    for (size_t i = 0; i < s->n_units; i++)
        if (!bytes_map_add(&f->seen, s->bytes.data + s->units[i].offset, s->units[i].length,
                           &number, err))
            return false;
    return true;
}

bool sentences_read(const char *rest, struct source_text *out, struct err *err) {
    struct source_text other = {.units = NULL};
    struct filter f = {.out = out};
    bool done = source_read(rest, &other, err) && note_units(&f, out, err);
    for (size_t i = 0; done && i < other.n_units; i++)
        done = add_sentences(&f, other.bytes.data + other.units[i].offset,
                             other.units[i].length, err);
    source_deinit(&other);
    bytes_map_deinit(&f.seen);
    buf_deinit(&f.line);
    return done;
}
