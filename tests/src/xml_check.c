#include "src/xml_check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"

enum { DEPTH = 64, NAME = 32, IDS = 4096, ATTRIBUTES = 24 };

struct reader {
    const char *at, *end, *begin;
    char open[DEPTH][NAME];
    int depth, n_elements;
    const char *ids[IDS];
    size_t id_bytes[IDS];
    int n_ids;
};

static char trouble[160];

static const char *wrong(const struct reader *r, const char *what) {
    snprintf(trouble, sizeof trouble, "%s at byte %zd: %.60s", what, r->at - r->begin, r->at);
    return trouble;
}

static bool starts(const struct reader *r, const char *word) {
    size_t n = strlen(word);
    return (size_t)(r->end - r->at) >= n && memcmp(r->at, word, n) == 0;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == ':' || c == '_';
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

static size_t name_length(const struct reader *r) {
    size_t n = 0;
    while (r->at + n < r->end && is_name(r->at[n])) n++;
    return n;
}

/* "&lt;" and its like, or "&#39;". */
static bool entity(struct reader *r) {
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (starts(r, known[i])) {
            r->at += strlen(known[i]);
            return true;
        }
    return false;
}

/* Characters up to a `stop`. */
static const char *characters(struct reader *r, char stop) {
    while (r->at < r->end && *r->at != stop) {
        uint32_t ch;
        bool plain = *r->at >= ' ' && *r->at < 0x7F && *r->at != '&' && *r->at != '<';
        if (plain) {
            r->at++;
            continue;
        }
        if (*r->at == '&') {
            if (!entity(r)) return wrong(r, "no entity");
            continue;
        }
        if (*r->at == '<') return wrong(r, "a bare <");
        size_t used = text_decode(r->at, (size_t)(r->end - r->at), &ch);
        if (text_valid_prefix(r->at, used) < used) return wrong(r, "no UTF-8");
        if ((ch < 0x20 && ch != '\n' && ch != '\t') || (ch >= 0x7F && ch < 0xA0) ||
            ch == 0xFFFE || ch == 0xFFFF || (ch >= 0x202A && ch <= 0x202E) ||
            (ch >= 0x2066 && ch <= 0x2069))
            return wrong(r, "a character that may not stand in a page");
        r->at += used;
    }
    return NULL;
}

static const char *keep_id(struct reader *r, const char *id, size_t n) {
    for (int i = 0; i < r->n_ids; i++)
        if (r->id_bytes[i] == n && memcmp(r->ids[i], id, n) == 0)
            return wrong(r, "an id twice");
    if (r->n_ids == IDS) return wrong(r, "too many ids");
    r->ids[r->n_ids] = id;
    r->id_bytes[r->n_ids++] = n;
    return NULL;
}

static const char *attributes(struct reader *r) {
    const char *names[ATTRIBUTES], *bad = NULL;
    size_t lengths[ATTRIBUTES];
    for (int n = 0; !bad; n++) {
        const char *before = r->at;
        while (r->at < r->end && is_blank(*r->at)) r->at++;
        if (r->at == r->end) return wrong(r, "the end within a tag");
        if (*r->at == '>' || *r->at == '/') return NULL;
        if (r->at == before || n == ATTRIBUTES) return wrong(r, "no blank before an attribute");
        names[n] = r->at;
        lengths[n] = name_length(r);
        for (int i = 0; i < n; i++)
            if (lengths[i] == lengths[n] && memcmp(names[i], names[n], lengths[n]) == 0)
                return wrong(r, "an attribute twice");
        r->at += lengths[n];
        if (lengths[n] == 0 || !starts(r, "=\""))
            return wrong(r, "an attribute without quotes");
        r->at += 2;
        const char *value = r->at;
        bad = characters(r, '"');
        if (!bad && r->at == r->end) return wrong(r, "an attribute that does not end");
        if (!bad && lengths[n] == 2 && memcmp(names[n], "id", 2) == 0)
            bad = keep_id(r, value, (size_t)(r->at - value));
        r->at++;
    }
    return bad;
}

static const char *tag(struct reader *r) {
    bool closes = starts(r, "</");
    r->at += closes ? 2 : 1;
    size_t n = name_length(r);
    if (n == 0 || n >= NAME) return wrong(r, "a bare <");
    const char *name = r->at;
    r->at += n;
    const char *bad = attributes(r);
    if (bad) return bad;
    bool empty = starts(r, "/>");
    if (!empty && !starts(r, ">")) return wrong(r, "a tag that does not end");
    r->at += empty ? 2 : 1;
    if (closes) {
        if (r->depth == 0 || strlen(r->open[r->depth - 1]) != n ||
            memcmp(r->open[r->depth - 1], name, n) != 0)
            return wrong(r, "another element is open");
        r->depth--;
        return NULL;
    }
    r->n_elements++;
    if (empty) return NULL;
    if (r->depth == DEPTH) return wrong(r, "too deep");
    snprintf(r->open[r->depth++], NAME, "%.*s", (int)n, name);
    return NULL;
}

const char *xml_check(const char *text, size_t n, int *n_elements) {
    static const char doctype[] = "<!DOCTYPE html>\n";
    struct reader *r = calloc(1, sizeof *r);
    const char *bad = NULL;
    if (!r) return "no memory";
    r->at = r->begin = text;
    r->end = text + n;
    if (!starts(r, doctype)) bad = wrong(r, "no doctype");
    r->at += sizeof doctype - 1;
    while (!bad && r->at < r->end) {
        if (r->depth == 0 && r->n_elements > 0 && !is_blank(*r->at))
            bad = wrong(r, "something behind the end");
        else bad = *r->at == '<' ? tag(r) : characters(r, '<');
    }
    if (!bad && (r->depth > 0 || r->n_elements == 0))
        bad = wrong(r, "an element is not closed");
    if (n_elements) *n_elements = r->n_elements;
    free(r);
    return bad;
}
