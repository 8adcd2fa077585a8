#include "engine/core/text.h"

#include <stdio.h>
#include <utf8proc.h>

enum { REPLACEMENT = 0xFFFD, MAX_MARKS = 4 };

/* What a lead byte says: how many bytes follow, and the range of the first of them, which keeps
 * out overlong forms, surrogates and what is above U+10FFFF (Unicode 15, table 3-7). */
struct lead {
    int follow; /* 0: not a lead byte */
    unsigned char low, high;
};

static struct lead lead_of(unsigned char c) {
    if (c < 0xC2 || c > 0xF4) return (struct lead){0, 0, 0};
    if (c < 0xE0) return (struct lead){1, 0x80, 0xBF};
    if (c < 0xF0) return (struct lead){2, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF};
    return (struct lead){3, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF};
}

/* How many bytes of s[0..n) can begin a character with that lead, the lead included. */
static size_t fitting(struct lead lead, const unsigned char *s, size_t n) {
    size_t used = 1, whole = (size_t)lead.follow + 1;
    while (used < whole && used < n) {
        unsigned char low = used == 1 ? lead.low : 0x80, high = used == 1 ? lead.high : 0xBF;
        if (s[used] < low || s[used] > high) break;
        used++;
    }
    return used;
}

/* text_decode(), which also says whether the character was whole and valid. */
static size_t decode(const char *text, size_t n, uint32_t *cp, bool *valid) {
    const unsigned char *s = (const unsigned char *)text;
    *cp = REPLACEMENT;
    *valid = false;
    if (n == 0) return 0;
    if (s[0] < 0x80) {
        *cp = s[0];
        *valid = true;
        return 1;
    }
    struct lead lead = lead_of(s[0]);
    if (lead.follow == 0) return 1;
    size_t used = fitting(lead, s, n);
    if (used <= (size_t)lead.follow) return used;
    uint32_t bits = s[0] & (0x3Fu >> lead.follow);
    for (size_t i = 1; i < used; i++) bits = bits << 6 | (s[i] & 0x3Fu);
    *cp = bits;
    *valid = true;
    return used;
}

size_t text_decode(const char *s, size_t n, uint32_t *cp) {
    bool valid;
    return decode(s, n, cp, &valid);
}

size_t text_encode(uint32_t cp, char out[4]) {
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) cp = REPLACEMENT;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t follow = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const unsigned char marks[] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(marks[follow] | cp >> (6 * follow));
    for (size_t i = 1; i <= follow; i++)
        out[i] = (char)(0x80 | (cp >> (6 * (follow - i)) & 0x3F));
    return follow + 1;
}

size_t text_valid_prefix(const char *s, size_t n) {
    size_t at = 0;
    while (at < n) {
        uint32_t cp;
        bool valid;
        size_t used = decode(s + at, n - at, &cp, &valid);
        if (!valid) break;
        at += used;
    }
    return at;
}

size_t text_incomplete_tail(const char *s, size_t n) {
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        const unsigned char *tail = (const unsigned char *)s + (n - k);
        if (tail[0] < 0x80) return 0;
        if (tail[0] < 0xC0) continue; /* inside a character: look further left */
        struct lead lead = lead_of(tail[0]);
        return lead.follow >= (int)k && fitting(lead, tail, k) == k ? k : 0;
    }
    return 0;
}

/* Hangul vowels and final consonants are letters that join the syllable before them. */
static bool is_joining_jamo(uint32_t cp) {
    return (cp >= 0x1161 && cp <= 0x11FF) || (cp >= 0xD7B0 && cp <= 0xD7FF);
}

static bool is_mark(uint32_t cp) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           is_joining_jamo(cp);
}

/* Terminals and wcwidth() draw a spacing mark (most Indic vowel signs) in a column of its own
 * and a joining jamo in none; utf8proc counts them the other way round. */
/* Of a stretch that is valid UTF-8 and not empty. */
static bool compose_valid(struct buf *out, const char *s, size_t n) {
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t length = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n,
                                           &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (length < 0) return false;
    bool good = buf_add(out, composed, (size_t)length);
    free(composed);
    return good;
}

bool text_compose(struct buf *out, const char *s, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t valid = text_valid_prefix(s + at, n - at);
        if (valid && !compose_valid(out, s + at, valid)) return false;
        at += valid;
        if (at < n && !buf_add(out, s + at++, 1)) return false;
    }
    return !out->failed;
}

int text_width(uint32_t cp) {
    if (cp >= 0x20 && cp < 0x7F) return 1;
    if (cp > 0x10FFFF) return 1; /* is drawn as U+FFFD */
    if (is_joining_jamo(cp)) return 0;
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    return utf8proc_category(c) == UTF8PROC_CATEGORY_MC ? 1 : utf8proc_charwidth(c);
}

/* What a terminal would obey or not show: controls, separators, bidi and other
 * default-ignorable characters, unassigned ones, and whatever else has no width and joins
 * nothing. */
static bool is_unsafe(uint32_t cp) {
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        break;
    }
    if (utf8proc_get_property(c)->ignorable) return true;
    return text_width(cp) == 0 && !is_mark(cp);
}

/* One character as it is shown. */
struct shown {
    char bytes[12];
    size_t len;
    int columns;
};

static struct shown escape(uint32_t cp) {
    struct shown out;
    char letter = cp == '\n' ? 'n' : cp == '\t' ? 't' : cp == 0x1B ? 'e' : '\0';
    char kind = cp <= 0xFF ? 'x' : cp <= 0xFFFF ? 'u' : 'U';
    int digits = cp <= 0xFF ? 2 : cp <= 0xFFFF ? 4 : 8;
    int n = letter
                ? snprintf(out.bytes, sizeof out.bytes, "\\%c", letter)
                : snprintf(out.bytes, sizeof out.bytes, "\\%c%0*x", kind, digits, (unsigned)cp);
    out.len = (size_t)n;
    out.columns = n;
    return out;
}

/* *marks counts the combining marks in a row: a tall stack of them would cover other lines. */
static struct shown show(uint32_t cp, int *marks) {
    if (is_unsafe(cp)) {
        *marks = 0;
        return escape(cp);
    }
    if (!is_mark(cp)) *marks = 0;
    else if (++*marks > MAX_MARKS) return (struct shown){.len = 0};
    struct shown out = {.columns = text_width(cp)};
    out.len = text_encode(cp, out.bytes);
    return out;
}

/* The length of the run of plain ASCII at the front, which is most of most text. */
static size_t plain_run(const char *s, size_t n) {
    size_t at = 0;
    while (at < n && s[at] >= 0x20 && s[at] < 0x7F) at++;
    return at;
}

int text_columns(const char *s, size_t n) {
    int columns = 0, marks = 0;
    for (size_t at = 0; at < n;) {
        size_t used = plain_run(s + at, n - at);
        if (used > 0) {
            columns += (int)used;
            marks = 0;
        } else {
            uint32_t cp;
            used = text_decode(s + at, n - at, &cp);
            columns += show(cp, &marks).columns;
        }
        at += used;
    }
    return columns;
}

void text_sanitise(struct buf *out, const char *s, size_t n, bool keep_newlines) {
    int marks = 0;
    for (size_t at = 0; at < n;) {
        size_t used = plain_run(s + at, n - at);
        if (used > 0) {
            buf_add(out, s + at, used);
            marks = 0;
        } else if (keep_newlines && s[at] == '\n') {
            used = 1;
            buf_add(out, "\n", 1);
            marks = 0;
        } else {
            uint32_t cp;
            used = text_decode(s + at, n - at, &cp);
            struct shown shown = show(cp, &marks);
            buf_add(out, shown.bytes, shown.len);
        }
        at += used;
    }
}
