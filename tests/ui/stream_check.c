#include "ui/stream_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>
#include <term.h>

#include "check.h"
#include "engine/core/text.h"

enum { ESC = 033, MARKS_MAX = 2 /* of a cell, canvas.h */ };

/* What ncurses may use to draw: movement, erasing, scrolling, looks, the second screen. No
 * reports, resets, keys, printers, titles, tab stops. */
static const char *const capabilities[] = {
    "bold", "cbt",  "civis", "clear", "cnorm", "cr",    "csr",   "cub",   "cub1", "cud",
    "cud1", "cuf",  "cuf1",  "cup",   "cuu",   "cuu1",  "cvvis", "dch",   "dch1", "dim",
    "dl",   "dl1",  "ech",   "ed",    "el",    "el1",   "enacs", "home",  "hpa",  "ht",
    "ich",  "ich1", "il",    "il1",   "ind",   "indn",  "ll",    "nel",   "oc",   "op",
    "rc",   "rep",  "rev",   "ri",    "rin",   "rmacs", "rmam",  "rmcup", "rmir", "rmkx",
    "rmso", "rmul", "sc",    "setab", "setaf", "sgr",   "sgr0",  "smacs", "smam", "smcup",
    "smir", "smso", "smul",  "vpa",   "setf",  "setb",
};

/* Bytes of the control sequence at s[0..n), 0: none, or not a whole one. Source: ECMA-48, 5.4
 * to 5.6. */
static size_t sequence_length(const char *s, size_t n) {
    size_t at = 1;
    if (n < 2 || s[0] != ESC) return 0;
    if (strchr("]PX^_", s[1])) { /* a string, up to BEL or ST */
        for (at = 2; at < n; at++) {
            if (s[at] == 7) return at + 1;
            if (s[at] == ESC && at + 1 < n && s[at + 1] == '\\') return at + 2;
        }
        return 0;
    }
    if (s[1] == '[')
        for (at = 2; at < n && s[at] >= 0x30 && s[at] <= 0x3F;) at++;
    while (at < n && s[at] >= 0x20 && s[at] <= 0x2F) at++;
    return at < n && s[at] >= 0x30 && s[at] <= 0x7E ? at + 1 : 0;
}

/* Whether a CSI sequence of n bytes moves, erases, scrolls or colours, as its end says, by as
 * much as plain numbers say: where one is allowed, others of its kind are. */
static bool is_plain_csi(const char *s, size_t n, char kind[4]) {
    size_t at = 2;
    if (n < 3 || s[1] != '[') return false;
    while (at < n && ((s[at] >= '0' && s[at] <= '9') || s[at] == ';' || s[at] == ':')) at++;
    if (at + 1 != n || !strchr("@ABCDEFGHIJKLMPSTXZ`abdfmr", s[at])) return false;
    memset(kind, 0, 4);
    memcpy(kind, s + at, n - at);
    return true;
}

static bool is_literal(const struct stream_rules *r, const char *s, size_t n) {
    for (int i = 0; i < r->n_literals; i++)
        if (strlen(r->literals[i]) == n && memcmp(r->literals[i], s, n) == 0) return true;
    return false;
}

static bool is_final(const struct stream_rules *r, const char kind[4]) {
    for (int i = 0; i < r->n_finals; i++)
        if (strcmp(r->finals[i], kind) == 0) return true;
    return false;
}

static void allow(struct stream_rules *r, const char *s, size_t n) {
    char kind[4];
    if (is_plain_csi(s, n, kind)) {
        if (is_final(r, kind)) return;
        assert_true(r->n_finals < 128);
        memcpy(r->finals[r->n_finals++], kind, 4);
        return;
    }
    if (is_literal(r, s, n)) return;
    assert_true(r->n_literals < STREAM_RULES_MAX);
    r->literals[r->n_literals] = strndup(s, n);
    assert_non_null(r->literals[r->n_literals++]);
}

/* Padding, "$<5>", is not sent. */
static size_t padding_length(const char *s) {
    const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;
    return end ? (size_t)(end - s) + 1 : 0;
}

/* Allow every sequence and control character in the string that a capability gives. */
static void allow_pieces(struct stream_rules *r, const char *s) {
    while (s && *s) {
        size_t n = sequence_length(s, strlen(s)), pad = padding_length(s);
        if (n == 0 && *s == ESC) n = strlen(s); /* a console's own string without an end */
        if (n > 0) allow(r, s, n);
        else if ((unsigned char)*s < 0x20) allow(r, s, 1);
        s += n > 0 ? n : pad > 0 ? pad : 1;
    }
}

static void allow_capability(struct stream_rules *r, const char *name) {
    const char *s = tigetstr(name);
    if (!s || (intptr_t)s == -1) return;
    if (strcmp(name, "sgr") == 0) {
        for (int bits = 0; bits < 512; bits++)
            allow_pieces(r, tparm(s, bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1,
                                  bits >> 4 & 1, bits >> 5 & 1, bits >> 6 & 1, bits >> 7 & 1,
                                  bits >> 8));
        return;
    }
    if (strcmp(name, "rep") == 0) { /* what it repeats comes first */
        allow_pieces(r, tparm(s, 'x', 5, 0, 0, 0, 0, 0, 0, 0));
        return;
    }
    static const int values[] = {0, 1, 7, 8, 9, 15, 16, 200, 0xABCDEF}; /* of a colour, too */
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        allow_pieces(r, tparm(s, values[i], values[i], 0, 0, 0, 0, 0, 0, 0));
}

static void open_entry(const char *term) {
    int status;
    if (setupterm(term, 1, &status) != OK) fail_msg("terminfo does not know %s", term);
}

bool stream_capability(const char *term, const char *name, char bytes[STREAM_CAPABILITY]) {
    open_entry(term);
    const char *s = tigetstr(name);
    bool there = s && (intptr_t)s != -1;
    if (there) /* padding, which stands at the end, is not sent */
        snprintf(bytes, STREAM_CAPABILITY, "%.*s", (int)strcspn(s, "$"), s);
    del_curterm(cur_term);
    return there;
}

void stream_rules_make(struct stream_rules *r, const char *term, bool utf8) {
    *r = (struct stream_rules){.utf8 = utf8};
    open_entry(term);
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++)
        allow_capability(r, capabilities[i]);
    del_curterm(cur_term);
}

void stream_rules_allow(struct stream_rules *r, const char *literal) {
    allow(r, literal, strlen(literal));
}

void stream_rules_deinit(struct stream_rules *r) {
    for (int i = 0; i < r->n_literals; i++) free(r->literals[i]);
    *r = (struct stream_rules){.utf8 = false};
}

/* ---- checking */

static void tell(char why[STREAM_WHY], const char *what, const char *s, size_t n, size_t at) {
    size_t from = at < 24 ? 0 : at - 24, to = at + 40 < n ? at + 40 : n;
    size_t k = (size_t)snprintf(why, STREAM_WHY, "byte %zu of %zu is %s: ", at, n, what);
    for (size_t i = from; i < to; i++)
        k += (size_t)snprintf(why + k, STREAM_WHY - k,
                              s[i] >= 0x20 && s[i] < 0x7F ? "%c" : "\\%03o",
                              (unsigned char)s[i]);
}

/* What turns, hides or joins text, or ends a line: must not come out as it went in. */
static bool is_tricky(uint32_t c) {
    return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

/* The character at s[0..n) and its bytes; *marks counts those in a row that stand on the one
 * before. NULL when it may be there, else what it is. */
static const char *refuse_text(const struct stream_rules *r, const char *s, size_t n,
                               size_t *used, int *marks) {
    uint32_t c;
    *used = text_decode(s, n, &c);
    bool invalid = c == 0xFFFD && !(*used == 3 && memcmp(s, "\357\277\275", 3) == 0);
    if (invalid) return "not UTF-8";
    if (c == 0x7F || (c >= 0x80 && c < 0xA0)) return "a control character";
    if (c >= 0x80 && !r->utf8) return "not ASCII";
    if (is_tricky(c)) return "a character that turns or hides text";
    *marks = text_width(c) == 0 ? *marks + 1 : 0;
    return *marks > MARKS_MAX ? "one combining mark too many" : NULL;
}

/* Bytes of the literal that stands at s[0..n); 0: none does. */
static size_t literal_length(const struct stream_rules *r, const char *s, size_t n) {
    size_t best = 0;
    for (int i = 0; i < r->n_literals; i++) {
        size_t k = strlen(r->literals[i]);
        if (k > best && k <= n && memcmp(r->literals[i], s, k) == 0) best = k;
    }
    return best;
}

/* The same for a control character or sequence. */
static const char *refuse_control(const struct stream_rules *r, const char *s, size_t n,
                                  size_t *used) {
    char kind[4];
    *used = literal_length(r, s, n);
    if (*used > 0) return NULL;
    *used = sequence_length(s, n);
    if (*used == 0) return s[0] == ESC ? "no whole sequence" : "a control character";
    return is_plain_csi(s, *used, kind) && is_final(r, kind) ? NULL
                                                             : "a sequence that is not ours";
}

bool stream_follows(const struct stream_rules *r, const char *s, size_t n,
                    char why[STREAM_WHY]) {
    int marks = 0;
    for (size_t at = 0, used = 0; at < n; at += used) {
        const char *what;
        if ((unsigned char)s[at] >= 0x20) {
            what = refuse_text(r, s + at, n - at, &used, &marks);
        } else {
            what = refuse_control(r, s + at, n - at, &used);
            marks = 0;
        }
        if (!what) continue;
        tell(why, what, s, n, at);
        return false;
    }
    return true;
}

void stream_check(const struct stream_rules *r, const char *s, size_t n) {
    char why[STREAM_WHY];
    if (!stream_follows(r, s, n, why)) fail_msg("%s", why);
}
