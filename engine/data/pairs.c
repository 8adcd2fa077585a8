#include "engine/data/pairs.h"

#include <stdio.h>
#include <string.h>

#include "engine/core/gzip.h"
#include "engine/core/text.h"
#include "engine/data/bytes_map.h"

enum { MEDICAL = 1, LEGAL = 2, ENTRY_MAX = 1 << 16 /* bytes of a word list's line */ };

static const struct {
    const char *tag;
    unsigned domain;
} tags[] = {
    {"[med.]", MEDICAL}, {"[anat.]", MEDICAL}, {"[pharm.]", MEDICAL}, {"[jur.]", LEGAL}};
enum { N_TAGS = sizeof tags / sizeof tags[0] };

static const struct {
    const char *name;
    unsigned domain; /* 0: none of the others */
} domains[] = {{"general", 0}, {"medical", MEDICAL}, {"legal", LEGAL}};
enum { N_DOMAINS = sizeof domains / sizeof domains[0] };

static const char arrow[] = " => ";

struct span {
    const char *at, *end;
};

static size_t size_of(struct span s) { return (size_t)(s.end - s.at); }

static const char *find(struct span s, const char *what) {
    if (!what[1])
        return memchr(s.at, *what, size_of(s)); /* TSan looks at all that memmem() could */
    return memmem(s.at, size_of(s), what, strlen(what));
}

/* What stands before `mark`, or all; `s` moves behind the mark, or to its end. */
static struct span next_part(struct span *s, const char *mark) {
    const char *at = find(*s, mark);
    struct span part = {s->at, at ? at : s->end};
    s->at = at ? at + strlen(mark) : s->end;
    return part;
}

/* ---- one side of a pair ---- */

/* The end of the remark that begins with *at; `at` itself when none does. */
static const char *skip_remark(const char *at, const char *end) {
    static const char open[] = "{[(<", close[] = "}])>";
    const char *kind = memchr(open, *at, sizeof open - 1);
    if (kind) {
        const char *stop = memchr(at, close[kind - open], (size_t)(end - at));
        return stop ? stop + 1 : at;
    }
    if (*at != '/') return at;
    const char *stop = memchr(at + 1, '/', (size_t)(end - at - 1));
    return stop ? stop + 1 : at;
}

/* Append the words of s without remarks, single-spaced. False: it is nothing to learn from. */
static bool add_side(struct buf *out, struct span s) {
    size_t start = out->len;
    bool gap = false;
    while (s.at < s.end) {
        const char *behind = skip_remark(s.at, s.end);
        bool word_before = out->len > start && !gap;
        if (behind > s.at &&
            !(*s.at == '/' && word_before)) { /* "sheer/pure/": no abbreviation */
            s.at = behind;
            continue;
        }
        bool blank = *s.at == ' ' || (unsigned char)*s.at < ' ';
        if (!blank && gap && out->len > start) buf_add(out, " ", 1);
        if (!blank) buf_add(out, s.at, 1);
        gap = blank;
        s.at++;
    }
    size_t n = out->len - start;
    const char *side = n ? out->data + start : "";
    struct span made = {side, side + n};
    return n > 0 && n <= PAIR_SIDE_MAX && !memchr(side, '/', n) && !find(made, "...") &&
           !find(made, "\xe2\x80\xa6") && !find(made, "=>");
}

/* ---- word lists ---- */

struct list {
    unsigned domain;
    bool filtered;         /* by that domain */
    struct bytes_map seen; /* left sides */
    struct buf line;
    struct source_text *out;
};

static bool is_wanted(const struct list *l, struct span line) {
    unsigned found = 0;
    for (int i = 0; i < N_TAGS; i++)
        if (find(line, tags[i].tag)) found |= tags[i].domain;
    return !l->filtered || (l->domain ? (found & l->domain) != 0 : found == 0);
}

/* Both sides of one pair; `key` decides on which side of the split it is. */
static bool add_pair(struct list *l, struct span left, struct span right, struct span key,
                     struct err *err) {
    uint32_t number, known = l->seen.n;
    buf_clear(&l->line);
    if (!add_side(&l->line, left)) return true;
    size_t n = l->line.len;
    buf_str(&l->line, arrow);
    size_t answer = l->line.len - 1; /* with the blank, as tokens have it */
    if (!add_side(&l->line, right)) return true;
    if (l->line.failed) return err_set(err, ERR_NOMEM, "no memory for a pair");
    if (!bytes_map_add(&l->seen, l->line.data, n, &number, err)) return false;
    return number < known || source_add_question(l->out, l->line.data, l->line.len, answer,
                                                 key.at, size_of(key), err);
}

static bool add_synonyms(struct list *l, struct span lefts, struct span right, struct span key,
                         struct err *err) {
    right = next_part(&right, ";");
    while (lefts.at < lefts.end)
        if (!add_pair(l, next_part(&lefts, ";"), right, key, err)) return false;
    return true;
}

static bool add_entry(struct list *l, struct span line, struct err *err) {
    struct span left = next_part(&line, " :: "), right = line, key = left;
    while (left.at < left.end && right.at < right.end)
        if (!add_synonyms(l, next_part(&left, " | "), next_part(&right, " | "), key, err))
            return false;
    return true;
}

/* ---- files ---- */

static bool add_columns(struct list *l, struct span line, struct err *err) {
    struct span left = next_part(&line, "\t"), right = next_part(&line, "\t");
    if (right.at == right.end || left.at == left.end)
        return err_set(err, ERR_PARSE, "a line must have two texts with a tab between them");
    buf_clear(&l->line);
    buf_add(&l->line, left.at, size_of(left));
    buf_str(&l->line, arrow);
    size_t answer = l->line.len - 1; /* with the blank, as tokens have it */
    if (!buf_add(&l->line, right.at, size_of(right)))
        return err_set(err, ERR_NOMEM, "no memory for a pair");
    return source_add_question(l->out, l->line.data, l->line.len, answer, left.at,
                               size_of(left), err);
}

static bool add_line(struct list *l, struct span line, bool is_list, struct err *err) {
    if (line.at < line.end && line.end[-1] == '\r') line.end--;
    if (line.at == line.end || *line.at == '#') return true;
    if (text_valid_prefix(line.at, size_of(line)) < size_of(line))
        return err_set(err, ERR_PARSE,
                       "this is not UTF-8: convert the file first (iconv -t UTF-8)");
    if (!is_list) return add_columns(l, line, err);
    if (size_of(line) > ENTRY_MAX)
        return err_set(err, ERR_PARSE, "a line of %zu bytes is no entry of a word list",
                       size_of(line));
    return !is_wanted(l, line) || !find(line, " :: ") || add_entry(l, line, err);
}

/* A file is a word list when the first line that is no remark is one of those. */
static bool is_word_list(struct span s) {
    while (s.at < s.end) {
        struct span line = next_part(&s, "\n");
        if (line.at < line.end && *line.at != '#')
            return find(line, " :: ") && !find(line, "\t");
    }
    return false;
}

static bool add_lines(struct list *l, struct span s, const char *path, struct err *err) {
    bool is_list = is_word_list(s);
    if (l->filtered && !is_list)
        return err_set(err, ERR_USAGE,
                       "%s has no tags, so no domain can be taken of it: leave it out", path);
    for (int number = 1; s.at < s.end; number++)
        if (!add_line(l, next_part(&s, "\n"), is_list, err))
            return err_prefix(err, "%s:%d", path, number);
    return true;
}

/* ---- specs ---- */

/* The domain at the end of `rest`, or -1; *n gets the bytes before it. */
static int domain_of(const char *rest, size_t *n) {
    const char *colon = strrchr(rest, ':');
    for (int d = 0; colon && d < N_DOMAINS; d++) {
        if (strcmp(colon + 1, domains[d].name) != 0) continue;
        *n = (size_t)(colon - rest);
        return d;
    }
    *n = strlen(rest);
    return -1;
}

static bool is_package(const char *rest, size_t n) {
    return n == 5 && memcmp(rest, "de-en", 5) == 0;
}

size_t pairs_path(const char *rest) {
    size_t n;
    domain_of(rest, &n);
    return is_package(rest, n) ? 0 : n;
}

bool pairs_check(const char *rest, struct err *err) {
    size_t n;
    domain_of(rest, &n);
    bool known = n > 0 && (!is_package(rest, strcspn(rest, ":")) || is_package(rest, n));
    return known || err_set(err, ERR_USAGE,
                            "\"pairs:%s\" is not a source; it must be pairs:PATH or "
                            "pairs:de-en, or one with :general, :medical or :legal",
                            rest);
}

bool pairs_read(const char *rest, struct source_text *out, struct err *err) {
    size_t n, before = out->n_units;
    int d = domain_of(rest, &n);
    struct list l = {.filtered = d >= 0, .domain = d >= 0 ? domains[d].domain : 0, .out = out};
    char path[4096];
    struct content file;
    bool package = is_package(rest, n);
    if (n >= sizeof path)
        return err_set(err, ERR_RANGE, "the path of pairs:%.60s... is too long", rest);
    snprintf(path, sizeof path, "%s%.*s", package ? "/usr/share/trans/" : "", (int)n, rest);
    if (package && !files_exists(path))
        return err_set(err, ERR_IO,
                       "%s is missing: install trans-de-en (apt-get install trans-de-en)",
                       path);
    if (!content_open(path, SOURCE_BYTES_MAX, &file, err)) return false;
    bool done = add_lines(&l, (struct span){file.data, file.data + file.size}, path, err);
    content_close(&file);
    bytes_map_deinit(&l.seen);
    buf_deinit(&l.line);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: there is no pair in it%s", path,
                       d > 0 ? " of that domain" : "");
    return done;
}
