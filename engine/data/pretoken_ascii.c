#include "engine/data/pretoken_ascii.h"

#include <stdbool.h>
#include <string.h>

/* What the patterns tell apart: \p{L}, \p{N}, SPACE and the rest, as far as ASCII goes. */
enum class { OTHER, LETTER, DIGIT, SPACE, BEYOND, END };

#define O OTHER
#define L LETTER
#define D DIGIT
#define S SPACE
#define B BEYOND
#define EIGHT(c) c, c, c, c, c, c, c, c
static const unsigned char classes[256] = {
    EIGHT(O), O,        S,        S,        S,        S,        S,        O,
    O,        EIGHT(O), EIGHT(O), /* 0x00 */
    S,        O,        O,        O,        O,        O,        O,        O,
    EIGHT(O), EIGHT(D), D,        D,        O,        O,        O,        O,
    O,        O, /* 0x20 */
    O,        L,        L,        L,        L,        L,        L,        L,
    EIGHT(L), EIGHT(L), L,        L,        L,        O,        O,        O,
    O,        O, /* 0x40 */
    O,        L,        L,        L,        L,        L,        L,        L,
    EIGHT(L), EIGHT(L), L,        L,        L,        O,        O,        O,
    O,        O, /* 0x60 */
    EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B),
    EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B), EIGHT(B)};
#undef O
#undef L
#undef D
#undef S
#undef B

static enum class class_at(const char *s, size_t n, size_t i) {
    return i < n ? (enum class)classes[(unsigned char)s[i]] : END;
}

/* Where the run of one class that begins at i ends. 0: at a byte that may belong to it. */
static size_t run_end(const char *s, size_t n, size_t i, enum class c) {
    while (i < n && classes[(unsigned char)s[i]] == c) i++;
    return class_at(s, n, i) == BEYOND ? 0 : i;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }

/* 's, 't, 're, 've, 'm, 'll, 'd at the beginning: its length, or 0. */
static size_t suffix(const char *s, size_t n, bool any_case) {
    if (n < 2 || s[0] != '\'') return 0;
    char a = any_case ? lower(s[1]) : s[1];
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    if (n < 3) return 0;
    char b = any_case ? lower(s[2]) : s[2];
    return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* A run of spaces at the beginning: all of it at the end of the text, or before a digit that
 * stands for itself; else the last one belongs to what follows, unless it is the only one. */
static size_t spaces(size_t n, size_t end, bool all) {
    return end == n || all || end == 1 ? end : end - 1;
}

/* GPT-2's, and the same with each digit alone. */
static size_t cut_gpt2(const char *s, size_t n, bool digits) {
    size_t short_one = suffix(s, n, false), blank = s[0] == ' ';
    if (short_one) return short_one;
    enum class c = class_at(s, n, blank);
    if (c == BEYOND) return 0;
    if (digits && c == DIGIT) return 1; /* or the one space before it */
    if (c != SPACE && c != END) return run_end(s, n, blank, c);
    size_t end = run_end(s, n, 0, SPACE);
    return end == 0 ? 0 : spaces(n, end, digits && class_at(s, n, end) == DIGIT);
}

static bool is_newline(char c) { return c == '\n' || c == '\r'; }

static size_t newlines_end(const char *s, size_t n, size_t i) {
    while (i < n && is_newline(s[i])) i++;
    return i;
}

/* Digits at the beginning, `most` of them. */
static size_t digits_end(const char *s, size_t n, size_t most) {
    size_t i = 1;
    while (i < most && class_at(s, n, i) == DIGIT) i++;
    return i < most && class_at(s, n, i) == BEYOND ? 0 : i;
}

/* Those of Qwen2 and Llama 3: a letter may have any one byte in front, punctuation takes the
 * newlines behind. */
static size_t cut_newer(const char *s, size_t n, size_t most_digits) {
    enum class c = class_at(s, n, 0), next = class_at(s, n, 1);
    size_t short_one = suffix(s, n, true);
    if (short_one) return short_one;
    if (c == LETTER) return run_end(s, n, 0, LETTER);
    if (c == DIGIT) return digits_end(s, n, most_digits);
    if (next == BEYOND) return 0;
    if (next == LETTER && !is_newline(s[0])) return run_end(s, n, 1, LETTER);
    if (c == OTHER || (s[0] == ' ' && next == OTHER)) {
        size_t end = run_end(s, n, c != OTHER, OTHER);
        return end == 0 ? 0 : newlines_end(s, n, end);
    }
    size_t end = run_end(s, n, 0, SPACE);
    for (size_t i = end; i > 0; i--)
        if (is_newline(s[i - 1])) return i;
    return end == 0 ? 0 : spaces(n, end, false);
}

size_t pretoken_ascii(enum pretoken_kind kind, const char *text, size_t n) {
    if (classes[(unsigned char)text[0]] == BEYOND) return 0;
    switch (kind) {
    case PRETOKEN_GPT2:
        return cut_gpt2(text, n, false);
    case PRETOKEN_DIGITS:
        return cut_gpt2(text, n, true);
    case PRETOKEN_QWEN2:
        return cut_newer(text, n, 1);
    case PRETOKEN_LLAMA3:
        return cut_newer(text, n, 3);
    default:
        return 0;
    }
}
