#include "engine/data/dictd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 6 /* of a number: 36 bits */ };

/* ---- the index ---- */

/* The value of a digit of base 64; -1: it is none. */
static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool read_number(const char *s, size_t n, size_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = digit_of(s[i]);
        if (digit < 0) return false;
        *out = *out << 6 | (size_t)digit;
    }
    return n > 0 && n <= DIGITS_MAX;
}

/* One line of the index; a fourth field, the word as it was typed, may follow. */
static bool read_line(const char *line, size_t n, struct dictd *d, struct dictd_entry *out) {
    const char *end = line + n, *tab[3];
    const char *at = line;
    for (int i = 0; i < 3; i++) {
        tab[i] = memchr(at, '\t', (size_t)(end - at));
        if (!tab[i] && i < 2) return false;
        if (!tab[i]) tab[i] = end;
        at = tab[i] < end ? tab[i] + 1 : end;
    }
    size_t offset, length;
    if (!read_number(tab[0] + 1, (size_t)(tab[1] - tab[0] - 1), &offset) ||
        !read_number(tab[1] + 1, (size_t)(tab[2] - tab[1] - 1), &length))
        return false;
    if (offset > d->body.size || length > d->body.size - offset) return false;
    *out = (struct dictd_entry){line, (size_t)(tab[0] - line), d->body.data + offset, length};
    return true;
}

static bool is_about_itself(const struct dictd_entry *e) {
    return (e->word_n >= 11 && memcmp(e->word, "00-database", 11) == 0) ||
           (e->word_n >= 10 && memcmp(e->word, "00database", 10) == 0);
}

static size_t count_lines(const char *s, size_t n) {
    size_t lines = 1;
    for (const char *at = s; at && (at = memchr(at, '\n', n - (size_t)(at - s))); at++) lines++;
    return lines;
}

/* By where the text begins; of one text the longest first; then as the index has them. */
static int by_text(const void *a, const void *b) {
    const struct dictd_entry *x = a, *y = b;
    if (x->text != y->text) return x->text < y->text ? -1 : 1;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->word < y->word ? -1 : x->word > y->word;
}

/* Keep each text once. Texts that share bytes would let a small file stand for a huge one. */
static bool keep_distinct(struct dictd *d, struct err *err) {
    size_t kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct dictd_entry *e = &d->entries[i],
                                 *last = kept ? &d->entries[kept - 1] : NULL;
        if (last && last->text == e->text && last->n == e->n) continue;
        if (last && last->text + last->n > e->text)
            return err_set(
                err, ERR_PARSE,
                "the articles of \"%.*s\" and \"%.*s\" overlap: is this the index of that "
                "dictionary?",
                (int)(last->word_n < 40 ? last->word_n : 40), last->word,
                (int)(e->word_n < 40 ? e->word_n : 40), e->word);
        d->entries[kept++] = *e;
    }
    d->n = kept;
    return true;
}

bool dictd_find_entries(struct dictd *d, struct err *err) {
    const char *s = d->index.data;
    size_t n = d->index.size, lines = count_lines(s, n), number = 0;
    d->n = 0;
    d->entries = malloc(lines * sizeof *d->entries);
    if (!d->entries) return err_set(err, ERR_NOMEM, "no memory for %zu entries", lines);
    for (size_t at = 0; at < n;) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t length = end ? (size_t)(end - s) - at : n - at;
        struct dictd_entry *e = &d->entries[d->n];
        number++;
        if (length > 0 && !read_line(s + at, length, d, e))
            return err_set(err, ERR_PARSE,
                           "line %zu is not \"word, offset, length\" within the %zu bytes of "
                           "the dictionary",
                           number, d->body.size);
        d->n += length > 0 && e->n > 0 && !is_about_itself(e);
        at += length + 1;
    }
    if (d->n > 1) qsort(d->entries, d->n, sizeof *d->entries, by_text);
    return keep_distinct(d, err);
}

/* ---- files ---- */

/* What to do about a missing file, when it is a package's: /usr/share/dictd/NAME.index is of
 * dict-NAME. */
static bool missing(const char *path, struct err *err) {
    static const char folder[] = "/usr/share/dictd/";
    const char *name = path + sizeof folder - 1;
    if (strncmp(path, folder, sizeof folder - 1) != 0)
        return err_set(
            err, ERR_IO,
            "%s is missing: a dictionary is NAME.index and NAME.dict or NAME.dict.dz", path);
    int n = (int)strcspn(name, ".");
    return err_set(err, ERR_IO, "%s is missing: install dict-%.*s (apt-get install dict-%.*s)",
                   path, n, name, n, name);
}

/* PATH.dict.dz, or else PATH.dict, for PATH.index. */
static bool open_body(const char *path, struct content *out, struct err *err) {
    static const char *const endings[] = {"dict.dz", "dict"};
    char body[4096];
    int stem = (int)(strlen(path) - strlen("index"));
    for (int i = 0; i < 2; i++) {
        int n = snprintf(body, sizeof body, "%.*s%s", stem, path, endings[i]);
        if (n < (int)sizeof body && files_exists(body))
            return content_open(body, DICTD_BYTES_MAX, out, err);
    }
    return missing(body, err);
}

bool dictd_open(const char *path, struct dictd *out, struct err *err) {
    *out = (struct dictd){.n = 0};
    if (!files_exists(path)) return missing(path, err);
    bool done = content_open(path, DICTD_BYTES_MAX, &out->index, err) &&
                open_body(path, &out->body, err) &&
                (dictd_find_entries(out, err) || err_prefix(err, "%s", path));
    if (!done) dictd_close(out);
    return done;
}

void dictd_close(struct dictd *d) {
    content_close(&d->index);
    content_close(&d->body);
    free(d->entries);
    *d = (struct dictd){.n = 0};
}
