#include "engine/data/html.h"

#include <string.h>
#include <strings.h>

#include "engine/core/text.h"
#include "engine/data/source_files.h"

enum { TAG_MAX = 12, ENTITY_MAX = 10 }; /* bytes of a name that is known */

static const char *const inline_tags[] = {
    "a",      "abbr", "acronym", "b",    "big", "cite", "code", "dfn",   "em",
    "font",   "i",    "kbd",     "mark", "q",   "s",    "samp", "small", "span",
    "strong", "sub",  "sup",     "tt",   "u",   "var",  "ins",  "del",   NULL};
static const char *const hidden_tags[] = {"head",  "script", "style",    "pre", "nav",
                                          "title", "svg",    "textarea", NULL};

static const struct {
    const char *name, *text;
} entities[] = {{"amp", "&"},        {"lt", "<"},         {"gt", ">"},
                {"quot", "\""},      {"apos", "'"},       {"nbsp", " "},
                {"mdash", "\u2014"}, {"ndash", "\u2013"}, {"hellip", "\u2026"},
                {"lsquo", "\u2018"}, {"rsquo", "\u2019"}, {"ldquo", "\u201c"},
                {"rdquo", "\u201d"}, {"copy", "\u00a9"},  {"reg", "\u00ae"}};
enum { N_ENTITIES = sizeof entities / sizeof entities[0] };

struct page {
    const char *at, *end;
    struct buf text; /* the paragraph so far */
    bool gap;        /* blanks stand behind it */
    struct source_text *out;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static bool end_paragraph(struct page *p, struct err *err) {
    if (p->text.failed) return err_set(err, ERR_NOMEM, "no memory for a paragraph");
    bool done = source_add(p->out, p->text.data, p->text.len, p->text.data, p->text.len, err);
    buf_clear(&p->text);
    p->gap = false;
    return done;
}

static void put(struct page *p, const char *s, size_t n) {
    if (p->gap && p->text.len > 0) buf_add(&p->text, " ", 1);
    p->gap = false;
    buf_add(&p->text, s, n);
}

/* ---- characters ---- */

/* The character of "#8212" or "#x2014"; 0: it is none. */
static uint32_t number_of(const char *s, size_t n) {
    bool hex = n > 1 && (s[1] | 32) == 'x';
    uint32_t base = hex ? 16 : 10, cp = 0;
    for (size_t i = hex ? 2 : 1; i < n; i++) {
        const char *digits = "0123456789abcdef",
                   *at = memchr(digits, s[i] >= 'A' ? s[i] | 32 : s[i], base);
        if (!at || cp > 0x10ffff) return 0;
        cp = cp * base + (uint32_t)(at - digits);
    }
    return cp >= ' ' && cp != 0x7f && cp <= 0x10ffff ? cp : 0;
}

/* "&name;" at p->at; what is unknown stays as it is. */
static void put_entity(struct page *p) {
    size_t left = (size_t)(p->end - p->at - 1);
    const char *name = p->at + 1,
               *stop = memchr(name, ';', left < ENTITY_MAX ? left : ENTITY_MAX);
    size_t n = stop ? (size_t)(stop - name) : 0;
    char character[4];
    uint32_t cp = n > 1 && *name == '#' ? number_of(name, n) : 0;
    for (int i = 0; n > 0 && i < N_ENTITIES; i++) {
        if (strlen(entities[i].name) != n || memcmp(entities[i].name, name, n) != 0) continue;
        if (*entities[i].text == ' ') p->gap = true;
        else put(p, entities[i].text, strlen(entities[i].text));
        p->at = stop + 1;
        return;
    }
    if (cp == 0xa0 || cp == ' ') p->gap = true;
    else if (cp) put(p, character, text_encode(cp, character));
    else put(p, "&", 1);
    p->at = cp ? stop + 1 : p->at + 1;
}

/* ---- tags ---- */

static bool is_among(const char *const *list, const char *name) {
    for (; *list; list++)
        if (strcmp(*list, name) == 0) return true;
    return false;
}

/* Move behind the next `what`, or to the end. */
static void skip_past(struct page *p, const char *what) {
    const char *at = memmem(p->at, (size_t)(p->end - p->at), what, strlen(what));
    p->at = at ? at + strlen(what) : p->end;
}

/* Move to the closing tag of what is hidden, or to the end. */
static void skip_hidden(struct page *p, const char *name) {
    size_t n = strlen(name);
    while (p->at < p->end) {
        skip_past(p, "</");
        if ((size_t)(p->end - p->at) >= n && strncasecmp(p->at, name, n) == 0) break;
    }
    skip_past(p, ">");
}

/* The tag at p->at, which is a '<'. */
static bool take_tag(struct page *p, struct err *err) {
    char name[TAG_MAX] = "";
    size_t n = 0;
    const char *at = p->at + 1;
    if (p->end - p->at >= 4 && memcmp(p->at, "<!--", 4) == 0) {
        skip_past(p, "-->");
        return true;
    }
    bool closing = at < p->end && *at == '/';
    at += closing;
    if (at == p->end || (*at != '!' && *at != '?' && ((*at | 32) < 'a' || (*at | 32) > 'z'))) {
        put(p, "<", 1); /* "1 < 2" */
        p->at++;
        return true;
    }
    for (; at < p->end && n + 1 < TAG_MAX && !is_blank(*at) && *at != '>' && *at != '/'; at++)
        name[n++] = *at >= 'A' && *at <= 'Z' ? (char)(*at | 32) : *at;
    skip_past(p, ">");
    if (!closing && is_among(hidden_tags, name) && p->at[-2] != '/') skip_hidden(p, name);
    return is_among(inline_tags, name) || end_paragraph(p, err);
}

bool html_add(const char *page, size_t n, struct source_text *out, struct err *err) {
    struct page p = {.at = page, .end = page + n, .out = out};
    bool done = true;
    while (done && p.at < p.end) {
        if (*p.at == '<') done = take_tag(&p, err);
        else if (*p.at == '&') put_entity(&p);
        else if (is_blank(*p.at)) p.gap = true, p.at++;
        else put(&p, p.at++, 1);
    }
    done = done && end_paragraph(&p, err);
    buf_deinit(&p.text);
    return done;
}

static bool read_file(const char *path, struct source_text *out, struct err *err) {
    return text_file_add_valid(path, html_add, out, err);
}

bool html_read(const char *rest, struct source_text *out, struct err *err) {
    static const char *const endings[] = {".html", ".htm", ".xhtml", NULL};
    return source_files_read(rest, endings, read_file, out, err);
}
