#include <stdio.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

/* --- decoding. The ill-formed rows are tables 3-8 to 3-11 of the Unicode standard, version 15.
 */

static const struct decode_case {
    const char *name, *bytes;
    uint32_t expected[12];
    size_t n;
} decode_cases[] = {
    {"ascii", "aZ", {'a', 'Z'}, 2},
    {"one to four bytes",
     "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
     {0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF},
     7},
    {"around the surrogates", "\xed\x9f\xbf\xee\x80\x80", {0xD7FF, 0xE000}, 2},
    {"overlong forms",
     "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
     "A",
     {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 'A'},
     9},
    {"surrogates",
     "\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
     "A",
     {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 'A'},
     9},
    {"other ill-formed",
     "\xf4\x91\x92\x93\xff"
     "A\x80\xbf"
     "B",
     {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 'A', 0xFFFD, 0xFFFD, 'B'},
     9},
    {"truncated",
     "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
     "A",
     {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 'A'},
     5},
    {"ends early", "\xe2\x82", {0xFFFD}, 1},
};

static void test_decode(void **state) {
    const struct decode_case *c = *state;
    size_t at = 0, n = strlen(c->bytes), i = 0;
    for (; at < n; i++) {
        uint32_t cp;
        size_t used = text_decode(c->bytes + at, n - at, &cp);
        assert_true(used >= 1 && used <= n - at);
        assert_true(i < c->n);
        assert_int_equal(cp, c->expected[i]);
        at += used;
    }
    assert_int_equal(i, c->n);
}

/* Every code point there is, there and back. */
static void test_encode_decode_all(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        char bytes[4];
        uint32_t back;
        size_t n = text_encode(cp, bytes);
        bool none = cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF);
        assert_int_equal(text_decode(bytes, n, &back), n);
        assert_int_equal(back, none ? 0xFFFD : cp);
        assert_int_equal(text_valid_prefix(bytes, n), n);
        for (size_t cut = 1; cut < n; cut++) {
            assert_int_equal(text_valid_prefix(bytes, cut), 0);
            assert_int_equal(text_incomplete_tail(bytes, cut), cut);
        }
    }
}

static const struct tail_case {
    const char *bytes;
    size_t valid, tail;
} tail_cases[] = {
    {"", 0, 0},         {"abc", 3, 0},           {"a\xc3", 1, 1},    {"a\xc3\xa9", 3, 0},
    {"\xe2\x82", 0, 2}, {"x\xf0\x9f\x98", 1, 3}, {"\x80\x80", 0, 0}, {"\x80\x80\x80\x80", 0, 0},
    {"\xe0\x80", 0, 0}, /* overlong: no byte can complete it */
    {"\xff", 0, 0},     {"\xc3\xa9\x80", 2, 0},  {"\xed\xa0", 0, 0}, {"\xf4\x90", 0, 0},
    {"\xf4\x8f", 0, 2}, {"ok\xff\xe2", 2, 1},
};

static void test_tails(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(tail_cases); i++) {
        const struct tail_case *c = &tail_cases[i];
        assert_int_equal(text_valid_prefix(c->bytes, strlen(c->bytes)), c->valid);
        assert_int_equal(text_incomplete_tail(c->bytes, strlen(c->bytes)), c->tail);
    }
}

/* --- widths */

static const struct width_case {
    const char *name;
    uint32_t cp;
    int columns;
} width_cases[] = {
    {"letter", 'a', 1},
    {"space", ' ', 1},
    {"e with acute", 0xE9, 1},
    {"ambiguous: section sign", 0xA7, 1},
    {"ambiguous: box drawing", 0x2500, 1},
    {"ambiguous: greek", 0x3B1, 1},
    {"braille", 0x28FF, 1},
    {"block element", 0x2588, 1},
    {"combining acute", 0x301, 0},
    {"zero-width joiner", 0x200D, 0},
    {"control", 0x07, 0},
    {"spacing vowel sign", 0x93E, 1},
    {"vowel sign above", 0x945, 0},
    {"hangul vowel part", 0x1161, 0},
    {"CJK", 0x4E2D, 2},
    {"kana", 0x3042, 2},
    {"hangul syllable", 0xAC00, 2},
    {"fullwidth A", 0xFF21, 2},
    {"emoji", 0x1F600, 2},
    {"replacement character", 0xFFFD, 1},
};

static void test_widths(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(width_cases); i++)
        if (text_width(width_cases[i].cp) != width_cases[i].columns)
            fail_msg("%s: %d columns", width_cases[i].name, text_width(width_cases[i].cp));
}

/* --- sanitising */

static const struct sanitise_case {
    const char *name, *in, *out;
    int columns;
} sanitise_cases[] = {
    {"plain", "plain text, 100%", "plain text, 100%", 16},
    {"accents and CJK stay", "na\xc3\xafve \xe4\xb8\xad", "na\xc3\xafve \xe4\xb8\xad", 8},
    {"newline, tab, escape", "a\nb\tc\x1b[0m", "a\\nb\\tc\\e[0m", 12},
    {"other controls", "\x01\r\x07\x7f", "\\x01\\x0d\\x07\\x7f", 16},
    {"C1",
     "\xc2\x80\xc2\x9b"
     "2J\xc2\x9f",
     "\\x80\\x9b2J\\x9f", 14},
    {"bidi override",
     "a\xe2\x80\xae"
     "b",
     "a\\u202eb", 8},
    {"bidi isolates", "\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069", 12},
    {"zero-width space and joiners", "\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d",
     "\\u200b\\u200c\\u200d", 18},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a",
     "\\ufeffa", 7},
    {"line and paragraph separator", "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029", 12},
    {"soft hyphen",
     "co\xc2\xad"
     "op",
     "co\\xadop", 8},
    {"tag beyond the BMP", "\xf3\xa0\x80\x81", "\\U000e0001", 10},
    {"no such character", "\xf4\x8f\xbf\xbf", "\\U0010ffff", 10},
    {"four marks stay", "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84",
     "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84", 1},
    {"the fifth mark goes", "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81z",
     "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81z", 2},
    {"hangul from its parts", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
     "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2},
    {"devanagari", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80",
     "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80", 5},
    {"invalid bytes", "a\xff\xc3(\xe2\x82", "a" BAD BAD "(" BAD, 5},
    {"emoji", "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!", 3},
};

static void test_sanitise(void **state) {
    const struct sanitise_case *c = *state;
    struct buf out = {0};
    text_sanitise(&out, c->in, strlen(c->in), false);
    assert_string_equal(buf_text(&out), c->out);
    assert_int_equal(text_columns(c->in, strlen(c->in)), c->columns);
    assert_int_equal(text_columns(buf_text(&out), out.len), c->columns);
    buf_deinit(&out);
}

static void test_newlines_and_nul(void **state) {
    (void)state;
    struct buf out = {0};
    text_sanitise(&out, "a\n\0b\r\n", 6, true);
    assert_string_equal(buf_text(&out), "a\n\\x00b\\x0d\n");
    buf_clear(&out);
    text_sanitise(&out, "", 0, true);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

/* What must hold for any bytes at all; fit to be called by a fuzzer. */
static void check_sanitised(const char *s, size_t n, bool keep_newlines) {
    struct buf once = {0}, twice = {0};
    text_sanitise(&once, s, n, keep_newlines);
    assert_false(once.failed);
    const char *clean = buf_text(&once);
    assert_int_equal(text_valid_prefix(clean, once.len), once.len);
    int columns = 0, newlines = 0, marks = 0;
    for (size_t at = 0; at < once.len;) {
        uint32_t cp;
        at += text_decode(clean + at, once.len - at, &cp);
        newlines += cp == '\n';
        if (cp == '\n' && keep_newlines) continue;
        assert_true(cp >= 0x20 && cp != 0x7F && !(cp >= 0x80 && cp <= 0x9F));
        assert_false(cp == 0xAD || cp == 0x61C || cp == 0xFEFF);
        assert_false((cp >= 0x200B && cp <= 0x200F) || (cp >= 0x2028 && cp <= 0x202E));
        assert_false((cp >= 0x2060 && cp <= 0x206F) || (cp >= 0xE0000 && cp <= 0xE0FFF));
        columns += text_width(cp);
        marks = text_width(cp) == 0 ? marks + 1 : 0;
        assert_true(marks <= 4);
    }
    if (newlines == 0) assert_int_equal(text_columns(s, n), columns);
    text_sanitise(&twice, clean, once.len, keep_newlines);
    assert_int_equal(twice.len, once.len);
    assert_memory_equal(buf_text(&twice), clean, once.len);
    buf_deinit(&once);
    buf_deinit(&twice);
}

static size_t random_character(struct rng *r, char out[4]) {
    static const uint32_t nasty[] = {0x0,    0x1B,   0x7F,   0x85,   0x9B,    0xA0,    0xAD,
                                     0x301,  0x489,  0x61C,  0x93E,  0x1161,  0x11A8,  0x180E,
                                     0x200B, 0x200D, 0x2028, 0x202E, 0x2066,  0x20DD,  0x3164,
                                     0xFE0F, 0xFEFF, 0xFFF9, 0xFFFE, 0x1F3FB, 0xE0001, 0xE0100};
    switch (rng_below(r, 5)) {
    case 0:
        out[0] = (char)rng_below(r, 256);
        return 1;
    case 1:
        out[0] = (char)rng_below(r, 128);
        return 1;
    case 2:
        return text_encode((uint32_t)rng_below(r, 0x110000), out);
    case 3:
        return text_encode((uint32_t)rng_below(r, 0x3000), out);
    default:
        return text_encode(nasty[rng_below(r, COUNT(nasty))], out);
    }
}

static void test_random_bytes(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct rng r = rng_make(seed, 0, 0);
        char s[256];
        size_t n = 0, wanted = rng_below(&r, 200);
        bool bytes_only = seed % 2;
        while (n < wanted) {
            if (bytes_only) s[n++] = (char)rng_next(&r);
            else n += random_character(&r, s + n);
        }
        check_sanitised(s, n, false);
        check_sanitised(s, n, true);
    }
}

/* Every single character, between two letters. */
static void test_every_character(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char s[6] = "a";
        size_t n = 1 + text_encode(cp, s + 1);
        s[n++] = 'z';
        check_sanitised(s, n, false);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(decode_cases) + COUNT(sanitise_cases) + 6];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(decode_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = decode_cases[i].name,
                                         .test_func = test_decode,
                                         .initial_state = (void *)&decode_cases[i]};
    for (size_t i = 0; i < COUNT(sanitise_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = sanitise_cases[i].name,
                                         .test_func = test_sanitise,
                                         .initial_state = (void *)&sanitise_cases[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_encode_decode_all),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_newlines_and_nul),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_every_character),
    };
    for (size_t i = 0; i < COUNT(others); i++) tests[n++] = others[i];
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
