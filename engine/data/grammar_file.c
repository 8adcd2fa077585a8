#include "engine/data/grammar_file.h"

#include <string.h>

enum { NAME_INDENT = 2, TEXT_INDENT = 4 };

static bool fail(const struct grammar_reader *r, const char *what, struct err *err) {
    return err_set(err, ERR_PARSE, "line %d: %s", r->line, what);
}

static bool is_name_byte(char c) {
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static size_t indent_of(struct grammar_span s) {
    size_t n = 0;
    while (n < s.n && s.at[n] == ' ') n++;
    return n;
}

/* Behind the quotes of an item that is in quotes; else 0. */
static size_t quotes_end(struct grammar_span s) {
    size_t at = indent_of(s);
    if (s.n - at < 3 || memcmp(s.at + at, "- \"", 3) != 0) return 0;
    const char *close = memchr(s.at + at + 3, '"', s.n - at - 3);
    return close ? (size_t)(close + 1 - s.at) : 0;
}

/* Take the comment and the blanks at the end off a line. */
static struct grammar_span trim(struct grammar_span s) {
    for (size_t i = quotes_end(s); i < s.n; i++)
        if (s.at[i] == '#' && (i == 0 || s.at[i - 1] == ' ')) s.n = i;
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\r')) s.n--;
    return s;
}

static struct grammar_span behind(struct grammar_span s, size_t n) {
    return (struct grammar_span){s.at + n, s.n - n};
}

/* "word:" or "word: value". */
static bool read_name(const struct grammar_reader *r, struct grammar_span s,
                      struct grammar_span *word, struct grammar_span *value, struct err *err) {
    size_t n = 0;
    while (n < s.n && is_name_byte(s.at[n])) n++;
    if (n == 0 || n == s.n || s.at[n] != ':' || (n + 1 < s.n && s.at[n + 1] != ' '))
        return fail(r, "a name of letters, digits and _ with a colon must stand here", err);
    *word = (struct grammar_span){s.at, n};
    *value = behind(s, n + 1);
    *value = behind(*value, indent_of(*value));
    return true;
}

/* What YAML would take for something else than a text. */
static bool read_text(const struct grammar_reader *r, struct grammar_span s,
                      struct grammar_span *value, struct err *err) {
    static const char signs[] = "[]{}&*!|>'%@`,?:-#";
    s = behind(s, indent_of(s));
    if (s.n == 0) return fail(r, "a text must stand behind the -", err);
    bool quoted = s.at[0] == '"';
    if (quoted && (s.n < 2 || s.at[s.n - 1] != '"'))
        return fail(r, "the quotes do not close", err);
    *value = quoted ? (struct grammar_span){s.at + 1, s.n - 2} : s;
    if (quoted && (memchr(value->at, '"', value->n) || memchr(value->at, '\\', value->n)))
        return fail(r, "no quotes and no backslash may stand between quotes", err);
    if (quoted) return true;
    if (memchr(signs, s.at[0], sizeof signs - 1))
        return fail(r, "a text that begins with a sign must stand in \"quotes\"", err);
    if (memmem(s.at, s.n, ": ", 2) || s.at[s.n - 1] == ':')
        return fail(r, "a text with a colon before a blank must stand in \"quotes\"", err);
    return true;
}

bool grammar_next(struct grammar_reader *r, enum grammar_item *kind, struct grammar_span *word,
                  struct grammar_span *value, struct err *err) {
    struct grammar_span s = {.n = 0};
    *word = *value = (struct grammar_span){"", 0};
    while (s.n == 0) {
        if (r->at == r->end) {
            *kind = ITEM_END;
            return true;
        }
        const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
        if (!stop) stop = r->end;
        s = trim((struct grammar_span){r->at, (size_t)(stop - r->at)});
        r->at = stop < r->end ? stop + 1 : stop;
        r->line++;
    }
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] < ' ')
            return fail(r, "only blanks may indent, not tabs", err);
    size_t indent = indent_of(s);
    s = behind(s, indent);
    *kind = indent == 0 ? ITEM_SECTION : indent == NAME_INDENT ? ITEM_NAME : ITEM_TEXT;
    if (*kind != ITEM_TEXT) return read_name(r, s, word, value, err);
    if (indent != TEXT_INDENT || s.n < 2 || s.at[0] != '-' || s.at[1] != ' ')
        return fail(r,
                    "a line is a section, a name indented by two blanks, or \"- text\" by four",
                    err);
    return read_text(r, behind(s, 1), value, err);
}
