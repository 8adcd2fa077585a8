#include "engine/data/dict.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/core/text.h"

enum { WORD_MAX = 60, MEANING_MAX = 400, LABEL_MAX = 48, GROUP_MAX = 512 }; /* bytes */

/* ---- labels ---- */

enum {
    MEDICINE = 1,
    LAW = 2,
    SPORT = 4,
    ASKED = 8
}; /* ASKED: the label that is the domain itself */

static const struct {
    const char *label;
    unsigned domain;
} labels[] = {
    {"med", MEDICINE},    {"anat", MEDICINE},  {"surg", MEDICINE}, {"physiol", MEDICINE},
    {"pathol", MEDICINE}, {"pharm", MEDICINE}, {"law", LAW},       {"sport", SPORT},
    {"sports", SPORT},    {"sporting", SPORT}, {"cricket", SPORT}, {"baseball", SPORT},
    {"football", SPORT},  {"golf", SPORT},     {"tennis", SPORT},  {"billiards", SPORT},
    {"fencing", SPORT},   {"croquet", SPORT},  {"curling", SPORT}, {"boxing", SPORT},
    {"rowing", SPORT},    {"racing", SPORT},
};
enum { N_LABELS = sizeof labels / sizeof labels[0] };

static const struct {
    const char *name;
    unsigned domain; /* 0: none of the others */
} domains[] = {{"general", 0}, {"medicine", MEDICINE}, {"law", LAW}, {"sport", SPORT}};
enum { N_DOMAINS = sizeof domains / sizeof domains[0] };

static bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

static bool same_word(const char *s, size_t n, const char *word) {
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* The domains that the words of s[0..n) stand for, ASKED among them. */
static unsigned classify(const char *s, size_t n, const char *asked) {
    unsigned found = 0;
    for (size_t i = 0; i < n;) {
        size_t start = i;
        while (i < n && is_letter(s[i])) i++;
        for (int k = 0; k < N_LABELS && i > start; k++)
            if (same_word(s + start, i - start, labels[k].label)) found |= labels[k].domain;
        if (asked && same_word(s + start, i - start, asked)) found |= ASKED;
        i += i == start;
    }
    return found;
}

static bool is_wanted(unsigned found, const char *domain) {
    if (!domain || (found & ASKED)) return true;
    for (int d = 0; d < N_DOMAINS; d++) {
        if (strcmp(domain, domains[d].name) != 0) continue;
        return domains[d].domain ? (found & domains[d].domain) != 0 : found == 0;
    }
    return false;
}

/* ---- a meaning's text ---- */

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

struct span {
    const char *at, *end;
};

static void skip_blanks(struct span *s) {
    while (s->at < s->end && is_blank(*s->at)) s->at++;
}

/* What stands at s->at in brackets of a kind, without them; s->at moves behind. */
static bool take_group(struct span *s, char open, char close, struct span *inside) {
    if (s->at == s->end || *s->at != open) return false;
    size_t n = s->end - s->at < GROUP_MAX ? (size_t)(s->end - s->at) : GROUP_MAX;
    const char *end = memchr(s->at, close, n);
    if (!end) return false;
    *inside = (struct span){s->at + 1, end};
    s->at = end + 1;
    return true;
}

/* Labels, and "1." or "(a)", in front of a meaning. */
static unsigned take_labels(struct span *s, const char *asked) {
    unsigned found = 0;
    for (struct span in;;) {
        skip_blanks(s);
        struct span before = *s;
        size_t digits = 0;
        while (s->at + digits < s->end && s->at[digits] >= '0' && s->at[digits] <= '9')
            digits++;
        if (digits && s->at + digits < s->end && s->at[digits] == '.') {
            s->at += digits + 1;
            continue;
        }
        if (!take_group(s, '(', ')', &in) && !take_group(s, '<', '>', &in)) return found;
        if (in.end - in.at > LABEL_MAX) {
            *s = before;
            return found;
        }
        found |= classify(in.at, (size_t)(in.end - in.at), asked);
        while (s->at < s->end && (*s->at == ',' || *s->at == ':')) s->at++;
    }
}

/* "[oe]" inside a word is a letter with an accent or a ligature; other brackets hold remarks.
 * True when letters came of it. */
static bool add_bracket(struct buf *out, struct span in, bool gap) {
    bool inside_word = !gap && out->len > 0 && is_letter(out->data[out->len - 1]);
    size_t n = (size_t)(in.end - in.at), before = out->len;
    if (n > 3 || memchr(in.at, '.', n) || (!inside_word && n < 2)) return false;
    if (gap) buf_add(out, " ", 1);
    for (; in.at < in.end; in.at++)
        if (is_letter(*in.at)) buf_add(out, in.at, 1);
    return out->len > before;
}

/* Append s in one line: braces and brackets go, and what follows a quotation mark or a dash. */
static void add_tidy(struct buf *out, struct span s) {
    bool gap = false;
    size_t start = out->len;
    for (struct span in; s.at < s.end;) {
        if (*s.at == '"' || (*s.at == '-' && s.at + 1 < s.end && s.at[1] == '-')) return;
        if (take_group(&s, '[', ']', &in)) {
            gap = !add_bracket(out, in, gap) && gap;
            continue;
        }
        if (is_blank(*s.at)) gap = out->len > start;
        else if ((unsigned char)*s.at >= ' ' && !strchr("{}[]\\_", *s.at)) {
            if (gap && !strchr(",;.:)", *s.at)) buf_add(out, " ", 1);
            gap = false;
            buf_add(out, s.at, 1);
        }
        s.at++;
    }
}

/* Cut the text behind `start` to a whole sentence, or at a blank, and take the end's
 * punctuation off. */
static void cut_meaning(struct buf *line, size_t start) {
    size_t n = line->len;
    if (n > start + MEANING_MAX) {
        size_t blank = n = start + MEANING_MAX;
        while (n > start && !(line->data[n - 1] == '.' && line->data[n] == ' ')) n--;
        while (blank > start && line->data[blank] != ' ') blank--;
        if (n < start + MEANING_MAX / 4) n = blank;
    }
    while (n > start && strchr(" ,;:.-", line->data[n - 1])) n--;
    line->len = n;
    if (line->data) line->data[n] = '\0';
}

/* ---- articles ---- */

struct article {
    struct span word;
    unsigned found; /* by the labels of its head */
    const char *domain, *asked;
    struct buf key, line;
    struct source_text *out;
};

static bool points_elsewhere(const char *meaning) {
    return strncmp(meaning, "See ", 4) == 0 || strncmp(meaning, "Same as ", 8) == 0;
}

static bool add_line(struct article *a, struct span word, struct span meaning,
                     struct err *err) {
    struct buf *line = &a->line;
    buf_clear(line);
    add_tidy(line, word);
    if (line->len == 0 || line->len > WORD_MAX) return true;
    buf_str(line, " : ");
    size_t start = line->len;
    add_tidy(line, meaning);
    if (line->failed || a->key.failed)
        return err_set(err, ERR_NOMEM, "no memory for an article");
    cut_meaning(line, start);
    if (line->len < start + 3 || points_elsewhere(line->data + start)) return true;
    return source_add(a->out, line->data, line->len, buf_text(&a->key), a->key.len, err);
}

/* "{Fever blister} (Med.), a blister or vesicle": a compound with a meaning of its own. */
static bool add_compound(struct article *a, struct span s, struct err *err) {
    struct span word, other;
    if (!take_group(&s, '{', '}', &word)) return true;
    for (bool more = true; more;) { /* ", or {Other name}" */
        struct span ahead = s;
        while (ahead.at < ahead.end && (is_blank(*ahead.at) || *ahead.at == ',')) ahead.at++;
        if (ahead.end - ahead.at > 3 && strncmp(ahead.at, "or ", 3) == 0) ahead.at += 3;
        more = take_group(&ahead, '{', '}', &other);
        if (more) s = ahead;
    }
    skip_blanks(&s);
    const char *behind = s.at;
    unsigned found = a->found | take_labels(&s, a->asked);
    if (s.at == behind && (s.at == s.end || *s.at != ','))
        return true; /* a remark follows, no meaning */
    while (s.at < s.end && (*s.at == ',' || is_blank(*s.at))) s.at++;
    return !is_wanted(found, a->domain) || add_line(a, word, s, err);
}

/* "(b)" of several meanings in one paragraph, or the end. */
static const char *next_letter(struct span s) {
    for (const char *at = s.at; at + 4 < s.end; at++)
        if (is_blank(at[0]) && at[1] == '(' && at[2] >= 'b' && at[2] <= 'h' && at[3] == ')')
            return at + 1;
    return s.end;
}

/* The meanings of a paragraph, lettered or not; each has its own labels. */
static bool add_meanings(struct article *a, struct span s, struct err *err) {
    unsigned shared = a->found | take_labels(&s, a->asked);
    while (s.at < s.end) {
        struct span one = {s.at, next_letter(s)};
        s.at = one.end;
        unsigned found = shared | take_labels(&one, a->asked);
        if (is_wanted(found, a->domain) && !add_line(a, a->word, one, err)) return false;
    }
    return true;
}

/* A paragraph, `first` when it stands right behind the head. */
static bool add_paragraph(struct article *a, struct span s, bool first, struct err *err) {
    skip_blanks(&s);
    if (s.at == s.end) return true;
    if (*s.at == '{' && !first) return add_compound(a, s, err);
    bool numbered = *s.at >= '0' && *s.at <= '9';
    bool lettered = s.end - s.at > 2 && s.at[0] == '(' && s.at[2] == ')';
    return (!first && !numbered && !lettered) || /* quotations, notes, synonyms */
           add_meanings(a, s, err);
}

/* Behind the head: the first line end outside brackets, or where another line is not indented
 * (names of the same thing) behind those lines. */
static const char *head_end(struct span s, bool pronounced) {
    int depth = 0;
    for (; s.at < s.end; s.at++) {
        depth += *s.at == '[' || *s.at == '(' || *s.at == '{';
        depth -= depth > 0 && (*s.at == ']' || *s.at == ')' || *s.at == '}');
        bool last = s.at + 1 == s.end, blank = last || s.at[1] == '\n';
        bool indented = last || is_blank(s.at[1]);
        if (*s.at == '\n' && (blank || (depth == 0 && (pronounced || indented))))
            return s.at + 1;
    }
    return s.end;
}

/* The word of an article and the labels of its head; `s` moves behind it. */
static void read_head(struct article *a, struct span *s) {
    skip_blanks(s);
    const char *end = s->at;
    while (end < s->end && *end != '\n' && *end != '\\') end++;
    bool pronounced = end < s->end && *end == '\\';
    a->word = (struct span){s->at, end};
    struct span head = {end, head_end((struct span){end, s->end}, pronounced)}, in;
    s->at = head.end;
    while (head.at < head.end) {
        if (take_group(&head, '(', ')', &in))
            a->found |= classify(in.at, (size_t)(in.end - in.at), a->asked);
        else head.at++;
    }
}

static void set_key(struct article *a) {
    add_tidy(&a->key, a->word);
    for (size_t i = 0; i < a->key.len; i++)
        if (is_letter(a->key.data[i])) a->key.data[i] |= 32;
}

static const char *paragraph_end(struct span s) {
    for (; s.at + 1 < s.end; s.at++)
        if (s.at[0] == '\n' && s.at[1] == '\n') return s.at;
    return s.end;
}

bool dict_add_article(const struct dictd_entry *e, const char *domain, struct source_text *out,
                      struct err *err) {
    struct article a = {.domain = domain, .asked = domain, .out = out};
    struct span s = {e->text, e->text + e->n};
    if (text_valid_prefix(e->text, e->n) < e->n) return true;
    for (int d = 0; domain && d < N_DOMAINS; d++)
        if (strcmp(domain, domains[d].name) == 0) a.asked = NULL;
    read_head(&a, &s);
    set_key(&a);
    bool done = true, first = true;
    while (done && s.at < s.end) {
        struct span p = {s.at, paragraph_end(s)};
        s.at = p.end;
        while (s.at < s.end && *s.at == '\n') s.at++;
        if (p.at == p.end) continue;
        done = add_paragraph(&a, p, first, err);
        first = false;
    }
    buf_deinit(&a.key);
    buf_deinit(&a.line);
    return done;
}

/* ---- specs ---- */

size_t dict_path(const char *rest) {
    const char *end = strstr(rest, ".index");
    bool path = end && (end[6] == '\0' || end[6] == ':');
    return path ? (size_t)(end + 6 - rest) : 0;
}

/* Cut "NAME:DOMAIN" or "PATH.index:DOMAIN"; *domain is NULL when none is named. */
static size_t name_length(const char *rest, const char **domain) {
    size_t n = dict_path(rest);
    if (n == 0) n = strcspn(rest, ":");
    *domain = rest[n] == ':' ? rest + n + 1 : NULL;
    return n;
}

bool dict_check(const char *rest, struct err *err) {
    const char *domain;
    size_t n = name_length(rest, &domain);
    bool plain = dict_path(rest) > 0 || !memchr(rest, '/', n);
    size_t letters = 0;
    while (domain && is_letter(domain[letters])) letters++;
    if (n > 0 && plain && (!domain || (letters > 0 && !domain[letters]))) return true;
    return err_set(err, ERR_USAGE,
                   "\"dict:%s\" is not a source; it must be dict:NAME, dict:PATH.index, or one "
                   "with :DOMAIN",
                   rest);
}

bool dict_read(const char *rest, struct source_text *out, struct err *err) {
    const char *domain;
    char path[4096];
    size_t n = name_length(rest, &domain), before = out->n_units;
    bool named = dict_path(rest) == 0;
    if (n > sizeof path - 64)
        return err_set(err, ERR_RANGE, "the path of dict:%.60s... is too long", rest);
    snprintf(path, sizeof path, "%s%.*s%s", named ? "/usr/share/dictd/" : "", (int)n, rest,
             named ? ".index" : "");
    struct dictd d;
    if (!dictd_open(path, &d, err)) return false;
    bool done = true;
    for (size_t i = 0; done && i < d.n; i++)
        done = dict_add_article(&d.entries[i], domain, out, err);
    dictd_close(&d);
    if (done && out->n_units == before)
        done = err_set(err, ERR_RANGE, "%s: no meaning in it is labelled \"%s\"", path,
                       domain ? domain : "anything");
    return done;
}
