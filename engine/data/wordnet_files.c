#include "engine/data/wordnet_files.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 10 }; /* of a list that doubles */

static const char *const names[WORDNET_FILES] = {"data.noun", "data.verb", "data.adj",
                                                 "data.adv"};

/* What is left of a line. */
struct cursor {
    const char *at, *end;
};

static bool next_field(struct cursor *c, const char **field, size_t *n) {
    while (c->at < c->end && *c->at == ' ') c->at++;
    *field = c->at;
    while (c->at < c->end && *c->at != ' ') c->at++;
    *n = (size_t)(c->at - *field);
    return *n > 0;
}

/* A field that is a number of at most 8 digits. */
static bool next_number(struct cursor *c, int base, uint32_t *x) {
    const char *field;
    size_t n;
    if (!next_field(c, &field, &n) || n > 8) return false;
    *x = 0;
    for (size_t i = 0; i < n; i++) {
        char ch = field[i], lower = (char)(ch | 32);
        int digit = ch >= '0' && ch <= '9'         ? ch - '0'
                    : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                   : 99;
        if (digit >= base) return false;
        *x = *x * (uint32_t)base + (uint32_t)digit;
    }
    return true;
}

/* The file that a part of speech is in; -1: none. */
static int file_of(char pos) {
    const char *letters = "nvar", *at = strchr(letters, pos);
    return pos && at ? (int)(at - letters) : -1;
}

/* Cannot run out: parse_line() has seen two fields for each word, and a bar after them. */
const char *wordnet_word(const char **at, size_t *n) {
    const char *word = *at + strspn(*at, " ");
    *n = strcspn(word, " ");
    *at = word + *n;
    *at += strspn(*at, " ");
    *at += strcspn(*at, " "); /* the word's lexical id */
    return word;
}

/* Until all files are read a pointer's target is the offset, with the file in its low bits. */
static bool push_pointer(struct wordnet *w, int file, uint32_t offset, bool topic,
                         struct err *err) {
    if (w->n_pointers == w->pointers_capacity) {
        size_t capacity = w->pointers_capacity ? w->pointers_capacity * 2 : FIRST_ROOM;
        struct wordnet_pointer *pointers = realloc(w->pointers, capacity * sizeof *pointers);
        if (!pointers) return err_set(err, ERR_NOMEM, "no memory for %zu pointers", capacity);
        w->pointers = pointers;
        w->pointers_capacity = capacity;
    }
    size_t target = (size_t)offset * WORDNET_FILES + (size_t)file;
    w->pointers[w->n_pointers++] = (struct wordnet_pointer){target, topic};
    return true;
}

static bool malformed(struct err *err) {
    return err_set(err, ERR_PARSE, "this is not a line of WordNet 3.0");
}

static bool parse_pointers(struct wordnet *w, struct cursor *c, struct err *err) {
    uint32_t n, offset;
    const char *symbol, *pos, *ids;
    size_t symbol_n, pos_n, ids_n;
    if (!next_number(c, 10, &n)) return malformed(err);
    for (uint32_t i = 0; i < n; i++) {
        if (!next_field(c, &symbol, &symbol_n) || !next_number(c, 10, &offset) ||
            !next_field(c, &pos, &pos_n) || !next_field(c, &ids, &ids_n) || file_of(*pos) < 0)
            return malformed(err);
        bool topic = symbol_n == 2 && memcmp(symbol, ";c", 2) == 0;
        bool hypernym =
            symbol[0] == '@' && (symbol_n == 1 || (symbol_n == 2 && symbol[1] == 'i'));
        if ((topic || hypernym) && !push_pointer(w, file_of(*pos), offset, topic, err))
            return false;
    }
    return true;
}

static bool parse_line(struct wordnet *w, const char *line, size_t n, struct err *err) {
    const char *bar = memchr(line, '|', n), *field;
    struct cursor c = {line, bar ? bar : line + n};
    struct synset s = {.pointer = w->n_pointers};
    uint32_t file_number, n_words;
    size_t field_n;
    if (!bar || !next_number(&c, 10, &s.offset) || !next_number(&c, 10, &file_number) ||
        !next_field(&c, &field, &field_n) || !next_number(&c, 16, &n_words) || n_words > 0xff)
        return malformed(err);
    s.words = c.at;
    s.n_words = (int)n_words;
    for (uint32_t i = 0; i < 2 * n_words; i++)
        if (!next_field(&c, &field, &field_n)) return malformed(err);
    if (!parse_pointers(w, &c, err)) return false;
    s.n_pointers = w->n_pointers - s.pointer;
    s.gloss = bar + 1;
    s.gloss_length = (size_t)(line + n - s.gloss);
    while (s.gloss_length && *s.gloss == ' ') s.gloss++, s.gloss_length--;
    while (s.gloss_length && s.gloss[s.gloss_length - 1] == ' ') s.gloss_length--;
    if (w->n == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : FIRST_ROOM;
        struct synset *synsets = realloc(w->synsets, capacity * sizeof *synsets);
        if (!synsets) return err_set(err, ERR_NOMEM, "no memory for %zu synsets", capacity);
        w->synsets = synsets;
        w->capacity = capacity;
    }
    w->synsets[w->n++] = s;
    return true;
}

/* Lines that begin with two spaces are the licence. */
static bool parse_file(struct wordnet *w, int file, const char *path, struct err *err) {
    const char *s = (const char *)w->maps[file].data;
    size_t size = w->maps[file].size;
    int number = 1;
    for (size_t at = 0; at < size; number++) {
        const char *end = memchr(s + at, '\n', size - at);
        size_t n = end ? (size_t)(end - s) - at : size - at;
        bool licence = n >= 2 && s[at] == ' ' && s[at + 1] == ' ';
        if (n && !licence && !parse_line(w, s + at, n, err))
            return err_prefix(err, "%s:%d", path, number);
        at += n + 1;
    }
    w->end[file] = w->n;
    return true;
}

/* The synset of a file that stands at `offset`: lines are in the order of their offsets. */
static bool find_synset(const struct wordnet *w, int file, uint32_t offset, size_t *index) {
    size_t low = file ? w->end[file - 1] : 0, high = w->end[file];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->synsets[middle].offset < offset) low = middle + 1;
        else high = middle;
    }
    *index = low;
    return low < w->end[file] && w->synsets[low].offset == offset;
}

static bool resolve_pointers(struct wordnet *w, struct err *err) {
    for (size_t i = 0; i < w->n_pointers; i++) {
        int file = (int)(w->pointers[i].target % WORDNET_FILES);
        uint32_t offset = (uint32_t)(w->pointers[i].target / WORDNET_FILES);
        if (!find_synset(w, file, offset, &w->pointers[i].target))
            return err_set(
                err, ERR_PARSE,
                "%s has no synset %08u, which another points to: are the four files of "
                "one version?",
                names[file], offset);
    }
    return true;
}

bool wordnet_open(struct wordnet *w, struct err *err) {
    const char *dir = getenv("WNSEARCHDIR");
    char path[4096];
    *w = (struct wordnet){0};
    if (!dir || !*dir) dir = "/usr/share/wordnet";
    for (int f = 0; f < WORDNET_FILES; f++) {
        bool done = files_join(path, sizeof path, dir, names[f], err);
        if (done && !files_exists(path))
            done =
                err_set(err, ERR_IO, "%s is missing: install wordnet-base (./run does)", path);
        if (!done || !files_map(path, &w->maps[f], err) || !parse_file(w, f, path, err)) {
            wordnet_close(w);
            return false;
        }
    }
    if (resolve_pointers(w, err)) return true;
    wordnet_close(w);
    return false;
}

void wordnet_close(struct wordnet *w) {
    for (int f = 0; f < WORDNET_FILES; f++) files_unmap(&w->maps[f]);
    free(w->synsets);
    free(w->pointers);
    *w = (struct wordnet){0};
}
