#include "engine/data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"
#include "engine/data/dict.h"
#include "engine/data/fortunes.h"
#include "engine/data/grammar.h"
#include "engine/data/html.h"
#include "engine/data/jsonl.h"
#include "engine/data/packages.h"
#include "engine/data/pairs.h"
#include "engine/data/permute.h"
#include "engine/data/pod.h"
#include "engine/data/sentences.h"
#include "engine/data/source_kinds.h"
#include "engine/data/take.h"
#include "engine/data/tokens_file.h"
#include "engine/data/wordnet.h"

const struct source_kind source_kinds[] = {
    {"text", "PATH", "a text file, a folder of them or a glob; a unit is a paragraph",
     source_text_read, NULL, strlen},
    {"jsonl", "PATH#key",
     "a JSON Lines file; a unit is an object's \"text\", its \"prompt\" and \"completion\" "
     "(only the completion is learned), its \"messages\" (only what the assistant says is "
     "learned), or what stands under the key",
     jsonl_read, NULL, jsonl_path},
    {"html", "PATH",
     "web pages, a folder of them or a glob; a unit is a paragraph without its tags", html_read,
     NULL, strlen},
    {"packages", "PATH",
     "descriptions of Debian's packages: files that apt keeps (Translation-en, Packages) or "
     "that `apt-cache dumpavail` prints",
     packages_read, NULL, strlen},
    {"wordnet", "general|medicine|law|sport",
     "WordNet's words with their meanings; general has example sentences too", wordnet_read,
     NULL, NULL},
    {"dict", "NAME[:DOMAIN]",
     "a dictd dictionary's words with their meanings: /usr/share/dictd/NAME.index, or a path "
     "that ends in .index; DOMAIN is general, medicine, law, sport or one of its own labels",
     dict_read, dict_check, dict_path},
    {"pairs", "PATH[:DOMAIN]",
     "parallel texts as `left => right`: a file with a tab in each line, or de-en, the "
     "German-English word list of trans-de-en; DOMAIN is general, medical or legal",
     pairs_read, pairs_check, pairs_path},
    {"grammar", "NAME:LEVEL[:LINES[:SEED]]",
     "lines that a grammar of assets/grammars makes, or one of your own (a path that ends in "
     ".yaml), as many as you like",
     grammar_read, grammar_check, grammar_path},
    {"pod", "PATH",
     "Perl's documentation, a folder of it or a glob; a unit is a paragraph without its codes",
     pod_read, NULL, strlen},
    {"fortunes", "PATH",
     "sayings with a line % between them, as the fortune program keeps them", fortunes_read,
     NULL, strlen},
    {"sentences", "SOURCE", "the sentences of another source, each once, of four words or more",
     sentences_read, source_check, NULL},
    {"permute", "SEED:SOURCE",
     "another source with its letters exchanged, by an alphabet that follows from SEED",
     permute_read, permute_check, NULL},
    {"take", "KB:SOURCE",
     "so many kilobytes of another source to learn from, drawn from all of it; what is held "
     "out "
     "stays whole",
     take_read, take_check, NULL},
    {"tokens", "PATH",
     "what `thaw data SOURCE --tokenize PATH` wrote: mapped, so that it may be larger than "
     "memory; for training it stands alone",
     tokens_source_read, NULL, strlen},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

/* ---- specs ---- */

/* Whether `rest` is one of the words of "a|b|c"; an argument without '|' takes anything. */
static bool argument_allows(const char *argument, const char *rest) {
    size_t n = strlen(rest);
    if (!strchr(argument, '|')) return n > 0;
    for (const char *word = argument; word; word = strchr(word, '|')) {
        word += *word == '|';
        if (n && strncmp(word, rest, n) == 0 && (word[n] == '|' || word[n] == '\0'))
            return true;
    }
    return false;
}

static const struct source_kind *kind_of(const char *spec) {
    const char *colon = strchr(spec, ':');
    for (const struct source_kind *k = source_kinds; colon && k->word; k++)
        if (strlen(k->word) == (size_t)(colon - spec) &&
            strncmp(spec, k->word, (size_t)(colon - spec)) == 0)
            return k;
    return NULL;
}

static bool unknown_kind(const char *spec, struct err *err) {
    struct buf known = {0};
    for (const struct source_kind *k = source_kinds; k->word; k++)
        buf_printf(&known, "%s%s:%s", known.len ? ", " : "", k->word, k->argument);
    err_set(err, ERR_USAGE, "\"%s\" is not a source; sources are %s", spec, buf_text(&known));
    buf_deinit(&known);
    return false;
}

bool source_check(const char *spec, struct err *err) {
    const struct source_kind *k = kind_of(spec);
    if (!k) return unknown_kind(spec, err);
    const char *rest = spec + strlen(k->word) + 1;
    if (*rest && k->check) return k->check(rest, err);
    return argument_allows(k->argument, rest) ||
           err_set(err, ERR_USAGE, "\"%s\" is not a source; it must be %s:%s", spec, k->word,
                   k->argument);
}

/* The source within one that works on another's text; NULL: it is none of these. */
static const char *inner(const struct source_kind *k, const char *rest) {
    if (k->read == sentences_read) return rest;
    if (k->read == take_read) return take_inner(rest);
    return k->read == permute_read ? permute_inner(rest) : NULL;
}

/* Behind the colon of the source that reads the files: that in "sentences:text:a" is "text:a".
 * NULL: `spec` is no source. */
static const char *innermost(const char *spec, const struct source_kind **kind) {
    while ((*kind = kind_of(spec))) {
        const char *rest = spec + strlen((*kind)->word) + 1, *within = inner(*kind, rest);
        if (!within) return rest;
        spec = within;
    }
    return NULL;
}

static size_t path_length(const struct source_kind *k, const char *rest) {
    return k->path ? k->path(rest) : 0;
}

bool source_absolute(const char *spec, char *out, size_t size, struct err *err) {
    if (!source_check(spec, err)) return false;
    const struct source_kind *k;
    const char *rest = innermost(spec, &k);
    char here[4096], path[4096];
    bool is_path = path_length(k, rest) > 0;
    if (is_path && !getcwd(here, sizeof here)) return err_errno(err, "the working folder");
    if (is_path && !files_join(path, sizeof path, here, rest, err)) return false;
    int n = snprintf(out, size, "%.*s%s", (int)(rest - spec), spec, is_path ? path : rest);
    return (n >= 0 && (size_t)n < size) ||
           err_set(err, ERR_RANGE, "the path of %s is too long", spec);
}

void source_path(const char *spec, char *out, size_t size) {
    const struct source_kind *k;
    const char *rest = innermost(spec, &k);
    size_t n = rest ? path_length(k, rest) : 0;
    if (n >= size) n = 0;
    memcpy(out, rest ? rest : "", n);
    out[n] = '\0';
}

/* ---- reading ---- */

bool source_read(const char *spec, struct source_text *out, struct err *err) {
    if (!source_check(spec, err)) return false;
    const struct source_kind *k = kind_of(spec);
    size_t before = out->n_units;
    if (!k->read(spec + strlen(k->word) + 1, out, err)) return false;
    return out->n_units > before ||
           err_set(err, ERR_RANGE, "%s: there is no text in it: give a source that has some",
                   spec);
}

void source_deinit(struct source_text *s) {
    buf_deinit(&s->bytes);
    free(s->units);
    free(s->parts);
    *s = (struct source_text){0};
}

bool unit_is_validation(const char *key, size_t n) { return rng_hash(key, n) % 20 == 0; }

bool source_add(struct source_text *s, const char *text, size_t n, const char *key,
                size_t key_n, struct err *err) {
    return source_add_question(s, text, n, 0, key, key_n, err);
}

bool source_add_question(struct source_text *s, const char *text, size_t n, size_t answer,
                         const char *key, size_t key_n, struct err *err) {
    if (n == 0) return true;
    if (n > UINT32_MAX) return err_set(err, ERR_RANGE, "a piece of text of over 4 GiB");
    if (s->n_units == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 1024;
        struct unit *units = realloc(s->units, capacity * sizeof *units);
        if (!units)
            return err_set(err, ERR_NOMEM, "no memory for %zu pieces of text", capacity);
        s->units = units;
        s->capacity = capacity;
    }
    size_t offset = s->bytes.len;
    if (!buf_add(&s->bytes, text, n))
        return err_set(err, ERR_NOMEM, "no memory for %zu bytes of text", offset + n);
    s->units[s->n_units++] = (struct unit){.offset = offset,
                                           .length = (uint32_t)n,
                                           .answer = (uint32_t)answer,
                                           .validation = unit_is_validation(key, key_n)};
    return true;
}

/* Room for n more parts. */
static bool reserve_parts(struct source_text *s, size_t n, struct err *err) {
    if (s->n_parts + n <= s->parts_capacity) return true;
    size_t capacity = 2 * (s->n_parts + n);
    struct part *parts = realloc(s->parts, capacity * sizeof *parts);
    if (!parts) return err_set(err, ERR_NOMEM, "no memory for %zu parts of text", capacity);
    s->parts = parts;
    s->parts_capacity = capacity;
    return true;
}

/* The parts' bytes, one behind the other, into `joined`; where each begins into at[n]. */
static void join_parts(const struct part_text *parts, size_t n, struct part *at,
                       struct buf *joined) {
    for (size_t i = 0; i < n; i++) {
        bool turn = parts[i].role != PART_PROMPT && parts[i].role != PART_COMPLETION;
        if (turn && i > 0) buf_str(joined, "\n");
        at[i] = (struct part){joined->len, (uint32_t)parts[i].n, parts[i].role};
        buf_add(joined, parts[i].text, parts[i].n);
    }
}

bool source_add_parts(struct source_text *s, const struct part_text *parts, size_t n,
                      struct err *err) {
    struct buf joined = {0};
    size_t start = s->bytes.len, first = s->n_parts, bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += parts[i].n;
    if (bytes == 0) return true;
    if (!reserve_parts(s, n, err)) return false;
    join_parts(parts, n, s->parts + first, &joined);
    bool ok = !joined.failed || err_set(err, ERR_NOMEM, "no memory for %zu bytes", bytes);
    ok = ok && source_add(s, joined.data, joined.len, joined.data, joined.len, err);
    buf_deinit(&joined);
    if (!ok) return false;
    for (size_t i = 0; i < n; i++) s->parts[first + i].offset += start;
    s->n_parts += n;
    struct unit *u = &s->units[s->n_units - 1];
    u->first_part = first;
    u->n_parts = (uint32_t)n;
    return true;
}

bool source_has_turns(const struct source_text *s) {
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].role >= PART_SYSTEM) return true;
    return false;
}

/* ---- counting ---- */

/* Letters (whatever is not ASCII counts as one), digits and apostrophes. */
static bool is_word_byte(unsigned char c) {
    return c >= 0x80 || c == '\'' || (c >= '0' && c <= '9') ||
           ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool ends_sentence(char c) { return c == '.' || c == '!' || c == '?'; }

static void count_unit(const char *s, size_t n, struct source_counts *c) {
    bool open = false; /* words since the last full stop */
    c->units++;
    c->lines++;
    c->bytes += n;
    for (size_t i = 0; i < n; i++) {
        bool word = is_word_byte((unsigned char)s[i]);
        c->lines += s[i] == '\n' && i + 1 < n;
        c->words += word && (i == 0 || !is_word_byte((unsigned char)s[i - 1]));
        open = open || word;
        bool stop = ends_sentence(s[i]) && (i + 1 == n || s[i + 1] == ' ' || s[i + 1] == '\n');
        c->sentences += stop && open;
        open = open && !stop;
    }
    c->sentences += open;
}

struct source_counts source_count(const struct source_text *s, enum split split) {
    struct source_counts c = {0};
    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit *u = &s->units[i];
        if (split == SPLIT_ALL || u->validation == (split == SPLIT_VAL))
            count_unit(s->bytes.data + u->offset, u->length, &c);
    }
    return c;
}
