#include <float.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/json.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"

static struct json *parse(const char *text) {
    struct err err = {0};
    struct json *root = json_parse(text, strlen(text), &err);
    if (!root) fail_msg("%s: %s", text, err.msg);
    return root;
}

static void test_values(void **state) {
    (void)state;
    struct json *root =
        parse("{\"s\":\"caf\\u00e9\",\"i\":-7,\"r\":2.5,\"w\":3.0,\"t\":true,\"f\":false,"
              "\"n\":null,\"a\":[1,[2]],\"big\":9223372036854775807,\"e\":1e300}");
    assert_int_equal(json_kind(root), JSON_KIND_OBJECT);
    assert_int_equal(json_size(root), 10);
    assert_string_equal(json_str(json_get(root, "s"), ""), "caf\xc3\xa9");
    assert_int_equal(json_str_length(json_get(root, "s")), 5);
    assert_int_equal(json_int(json_get(root, "i"), 0), -7);
    assert_true(json_number(json_get(root, "i"), 0.0) == -7.0);
    assert_true(json_number(json_get(root, "r"), 0.0) == 2.5);
    assert_int_equal(json_int(json_get(root, "r"), 99), 99);
    assert_int_equal(json_int(json_get(root, "w"), 99), 3);
    assert_int_equal(json_int(json_get(root, "e"), 99), 99);
    assert_true(json_int(json_get(root, "big"), 0) == INT64_MAX);
    assert_true(json_bool(json_get(root, "t"), false));
    assert_false(json_bool(json_get(root, "f"), true));
    assert_int_equal(json_kind(json_get(root, "n")), JSON_KIND_NULL);
    assert_int_equal(json_kind(json_get(root, "t")), JSON_KIND_BOOL);
    assert_int_equal(json_kind(json_get(root, "r")), JSON_KIND_NUMBER);
    assert_int_equal(json_kind(json_get(root, "s")), JSON_KIND_STRING);
    const struct json *a = json_get(root, "a");
    assert_int_equal(json_kind(a), JSON_KIND_ARRAY);
    assert_int_equal(json_size(a), 2);
    assert_int_equal(json_int(json_at(json_at(a, 1), 0), 0), 2);
    assert_null(json_at(a, 2));
    json_destroy(root);
    json_destroy(NULL);
}

static void test_absent_and_other_types(void **state) {
    (void)state;
    struct json *root = parse("[\"1\"]");
    assert_null(json_get(root, "key"));
    assert_null(json_get(NULL, "key"));
    assert_null(json_at(NULL, 0));
    assert_null(json_at(json_at(root, 0), 0));
    assert_int_equal(json_kind(NULL), JSON_KIND_NULL);
    assert_int_equal(json_size(NULL), 0);
    assert_int_equal(json_size(json_at(root, 0)), 0);
    assert_true(json_number(json_at(root, 0), 1.5) == 1.5);
    assert_int_equal(json_int(NULL, 4), 4);
    assert_true(json_bool(root, true));
    assert_null(json_str(root, NULL));
    assert_int_equal(json_str_length(root), 0);
    assert_null(json_first(root));
    json_destroy(root);
}

static void test_walk_keeps_the_order(void **state) {
    (void)state;
    struct json *root = parse("{\"z\":1,\"a\":2,\"m\":3,\"b\":4}");
    char keys[8] = "";
    int64_t next = 1;
    for (const void *it = json_first(root); it; it = json_next(root, it)) {
        strcat(keys, json_key(it));
        assert_int_equal(json_int(json_value(it), 0), next++);
    }
    assert_string_equal(keys, "zamb");
    json_destroy(root);
}

static void test_nul_in_a_string(void **state) {
    (void)state;
    struct json *root = parse("\"a\\u0000b\"");
    assert_int_equal(json_str_length(root), 3);
    assert_memory_equal(json_str(root, ""), "a\0b", 4);
    json_destroy(root);
}

/* Hugging Face writes 1e30 as an integer for "no limit". */
static void test_huge_integers_are_numbers(void **state) {
    (void)state;
    struct json *root = parse("{\"model_max_length\":1000000000000000019884624838656,\"n\":5}");
    assert_true(json_number(json_get(root, "model_max_length"), 0.0) ==
                1000000000000000019884624838656.0);
    assert_int_equal(json_int(json_get(root, "model_max_length"), -1), -1);
    assert_int_equal(json_int(json_get(root, "n"), -1), 5);
    json_destroy(root);
}

static const struct refused_case {
    const char *name, *text, *says;
} refused_cases[] = {
    {"nothing", "", "line 1"},
    {"spaces", " \n ", "line 2"},
    {"torn object", "{\"a\":1", "line 1, column"},
    {"trailing bytes", "{} x", "end of file"},
    {"two values", "1 2", "end of file"},
    {"duplicate key", "{\"a\":1,\n\"a\":2}", "duplicate"},
    {"trailing comma", "[1,]", "line 1"},
    {"single quotes", "{'a':1}", "line 1"},
    {"NaN", "NaN", "invalid token"},
    {"bare word", "[nope]", "invalid token"},
    {"leading zero", "[01]", "line 1"},
    {"real overflow", "[1e999]", "overflow"},
    {"raw newline in a string", "\"a\nb\"", "unexpected newline"},
    {"raw control in a string", "\"a\x01\"", "control character"},
    {"bad UTF-8", "\"\xff\"", "decode byte 0xff"},
    {"overlong UTF-8", "\"\xc0\xaf\"", "decode byte 0xc0"},
    {"lone surrogate", "\"\\ud800\"", "invalid Unicode"},
    {"unclosed string", "\"abc", "line 1"},
    {"wrong bracket", "[1}", "line 1"},
};

static void test_refused(void **state) {
    const struct refused_case *c = *state;
    struct err err = {0};
    assert_null(json_parse(c->text, strlen(c->text), &err));
    assert_int_equal(err.code, ERR_PARSE);
    if (!strstr(err.msg, c->says)) fail_msg("%s does not say: %s", err.msg, c->says);
    assert_null(json_parse(c->text, strlen(c->text), NULL));
}

static void test_null_of_no_bytes(void **state) {
    (void)state;
    struct err err = {0};
    assert_null(json_parse(NULL, 0, &err));
    assert_int_equal(err.code, ERR_PARSE);
}

static void test_message_is_fit_for_a_terminal(void **state) {
    (void)state;
    struct err err = {0};
    const char *text = "[\x1b[2J]";
    assert_null(json_parse(text, strlen(text), &err));
    assert_null(strchr(err.msg, '\x1b'));
}

/* ---- no memory ---- */

static struct {
    long left; /* allocations until one is refused */
    bool on;   /* and all after it */
} memory;

static void *sparing_malloc(size_t n) {
    memory.left--;
    return memory.left == 0 || (memory.on && memory.left < 0) ? NULL : malloc(n);
}

/* Tokens longer than the 16 bytes that Jansson's buffer starts with, at its edges, and more
 * members than its first table has room for. */
static const char hungry[] =
    "{\"loss\": 0.123456789012345678901234567890, \"name\": \"fifteen letters\", \"steps\": 12345678901234567,"
    " \"text\": \"a text of more than sixty-four bytes, for which the buffer has to grow again\","
    " \"many\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],"
    " \"a\": 1, \"b\": 2, \"c\": 3, \"d\": 4, \"e\": 5, \"f\": 6, \"g\": {\"h\": 7, \"i\": {\"j\": []}}}";

/* True when the text asks for fewer than `at` allocations. */
static bool parse_without(long at, bool on) {
    struct err err = {0};
    memory.left = at;
    memory.on = on;
    struct json *root = json_parse(hungry, strlen(hungry), &err);
    bool all = memory.left > 0;
    memory.left = 0; /* the rest of the test has memory */
    memory.on = false;
    if (!all) {
        assert_null(root);
        assert_int_equal(err.code, ERR_NOMEM);
        return false;
    }
    assert_non_null(root);
    assert_int_equal(json_int(json_get(root, "steps"), 0), 12345678901234567);
    assert_int_equal(json_str_length(json_get(root, "name")), 15);
    assert_int_equal(json_size(json_get(root, "many")), 20);
    json_destroy(root);
    return true;
}

static void test_no_memory(void **state) {
    (void)state;
    for (int on = 0; on < 2; on++) {
        long at = 1;
        while (!parse_without(at, on)) at++;
        assert_in_range(at, 30, 1000); /* allocations there were to refuse */
    }
}

static void nested(struct buf *out, int depth) {
    buf_clear(out);
    for (int i = 0; i < depth; i++) buf_str(out, i % 2 ? "{\"k\":" : "[");
    buf_str(out, "\"[[[[{{{{\\\"[[\"");
    for (int i = depth; i-- > 0;) buf_str(out, i % 2 ? "}" : "]");
}

static void test_depth(void **state) {
    (void)state;
    struct buf text = {0};
    struct err err = {0};
    nested(&text, 64);
    struct json *root = json_parse(text.data, text.len, &err);
    assert_non_null(root);
    json_destroy(root);
    nested(&text, 65);
    assert_null(json_parse(text.data, text.len, &err));
    assert_int_equal(err.code, ERR_PARSE);
    assert_non_null(strstr(err.msg, "64"));
    buf_clear(&text);
    for (int i = 0; i < 1000000; i++) buf_add(&text, "[", 1);
    assert_null(json_parse(text.data, text.len, &err));
    buf_clear(&text);
    buf_str(&text, "[");
    for (int i = 0; i < 1000; i++) buf_str(&text, i ? ",[[1],{}]" : "[[1],{}]");
    buf_str(&text, "]"); /* many brackets, none deep */
    root = json_parse(text.data, text.len, &err);
    assert_int_equal(json_size(root), 1000);
    json_destroy(root);
    buf_deinit(&text);
}

/* --- writing */

static void write_example(struct json_writer *w) {
    json_open(w, '{');
    json_put_key(w, "name");
    json_put_string(w, "a \"b\" \\ \n\t\r\x01\x7f caf\xc3\xa9\xe2\x80\xae\xef\xbb\xbf");
    json_put_key(w, "list");
    json_open(w, '[');
    json_put_integer(w, -9);
    json_put_bool(w, true);
    json_put_bool(w, false);
    json_put_null(w);
    json_open(w, '{');
    json_close(w, '}');
    json_open(w, '[');
    json_close(w, ']');
    json_close(w, ']');
    json_put_key(w, "x");
    json_put_number(w, 0.5, 6);
    json_close(w, '}');
}

static void test_written_on_one_line(void **state) {
    (void)state;
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    write_example(&w);
    assert_string_equal(
        buf_text(&out),
        "{\"name\":\"a \\\"b\\\" \\\\ \\n\\t\\r\\u0001\\u007f caf\xc3\xa9\\u202e\\ufeff\","
        "\"list\":[-9,true,false,null,{},[]],\"x\":0.5}");
    buf_deinit(&out);
}

static void test_written_indented(void **state) {
    (void)state;
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    w.indent = 2;
    write_example(&w);
    assert_string_equal(
        buf_text(&out),
        "{\n  \"name\": \"a \\\"b\\\" \\\\ \\n\\t\\r\\u0001\\u007f "
        "caf\xc3\xa9\\u202e\\ufeff\",\n"
        "  \"list\": [\n    -9,\n    true,\n    false,\n    null,\n    {},\n    []\n"
        "  ],\n  \"x\": 0.5\n}");
    struct json *root = json_parse(out.data, out.len, NULL);
    assert_int_equal(json_size(json_get(root, "list")), 6);
    json_destroy(root);
    buf_deinit(&out);
}

static const struct number_case {
    double x;
    int digits;
    const char *text;
} number_cases[] = {
    {0.0, 6, "0"},
    {-0.0, 6, "-0"},
    {1.0, 17, "1"},
    {1234567.0, 3, "1234567"},
    {1e15, 6, "1000000000000000"},
    {-9007199254740992.0, 17, "-9007199254740992"},
    {0.1, 17, "0.10000000000000001"},
    {0.1, 6, "0.1"},
    {2.0 / 3.0, 3, "0.667"},
    {1e-7, 6, "1e-07"},
    {1e300, 6, "1e+300"},
    {0.5, 0, "0.5"},
    {0.1, 99, "0.10000000000000001"},
    {(double)INFINITY, 6, "null"},
    {-(double)INFINITY, 6, "null"},
    {(double)NAN, 6, "null"},
    {1234.5678, 6, "1234.57"},
};

/* What was read is written as it was. */
static void test_copied(void **state) {
    static const char *const texts[] = {"null",
                                        "true",
                                        "-12",
                                        "9007199254740993",
                                        "0.5",
                                        "-2.5",
                                        "\"a\\u0000\\u001b\"",
                                        "[]",
                                        "{\"b\":1,\"a\":[{},[false,2.5],{\"c\":null}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = {0};
        struct json_writer w = json_writer_make(&out);
        struct json *v = json_parse(texts[i], strlen(texts[i]), NULL);
        json_put_value(&w, v);
        assert_string_equal(buf_text(&out), texts[i]);
        json_destroy(v);
        buf_deinit(&out);
    }
}

static void test_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(number_cases); i++) {
        struct buf out = {0};
        struct json_writer w = json_writer_make(&out);
        json_put_number(&w, number_cases[i].x, number_cases[i].digits);
        assert_string_equal(buf_text(&out), number_cases[i].text);
        buf_deinit(&out);
    }
}

static double random_double(struct rng *r) {
    uint64_t bits = rng_next(r);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Any finite number, with any count of digits, is JSON that reads back; with 17 exactly. */
static void check_random_numbers(void) {
    struct rng r = rng_make(21, 0, 0);
    for (int i = 0; i < 20000; i++) {
        double x = i % 3 ? random_double(&r)
                         : ldexp((double)rng_below(&r, 2000), (int)rng_below(&r, 80) - 20);
        int digits = 1 + i % 17;
        if (!isfinite(x) || (digits < 17 && fabs(x) > 1e308))
            continue; /* may round to infinity */
        struct buf out = {0};
        struct json_writer w = json_writer_make(&out);
        json_put_number(&w, x, digits);
        struct json *root = parse(buf_text(&out));
        assert_int_equal(json_kind(root), JSON_KIND_NUMBER);
        double back = json_number(root, -1.5);
        if (digits == 17) assert_true(back == x);
        else
            assert_true(fabs(back - x) <=
                        fabs(x) * (5.0 * pow(10.0, -digits) + DBL_EPSILON) + DBL_TRUE_MIN);
        json_destroy(root);
        buf_deinit(&out);
    }
}

static void test_random_numbers(void **state) {
    (void)state;
    check_random_numbers();
}

static void test_a_locale_with_a_comma(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE",
                                        "it_IT.UTF-8", "es_ES.UTF-8", "ru_RU.UTF-8"};
    const char *found = NULL;
    for (size_t i = 0; i < COUNT(names) && !found; i++) found = setlocale(LC_NUMERIC, names[i]);
    if (!found) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    json_put_number(&w, 1234.5, 6);
    assert_string_equal(buf_text(&out), "1234.5");
    buf_deinit(&out);
    check_random_numbers();
    setlocale(LC_NUMERIC, "C");
}

/* Any bytes become a string that reads back as those bytes, the invalid ones as U+FFFD, and
 * holds nothing that a terminal would obey. */
static void test_random_strings(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct rng r = rng_make(seed, 1, 0);
        char s[64];
        size_t n = rng_below(&r, sizeof s);
        for (size_t i = 0; i < n; i++) s[i] = (char)rng_below(&r, seed % 2 ? 256 : 128);
        struct buf expected = {0}, out = {0};
        for (size_t at = 0; at < n;) {
            uint32_t cp;
            char utf8[4];
            at += text_decode(s + at, n - at, &cp);
            buf_add(&expected, utf8, text_encode(cp, utf8));
        }
        struct json_writer w = json_writer_make(&out);
        json_put_bytes(&w, s, n);
        for (size_t at = 0; at < out.len;) {
            uint32_t cp;
            at += text_decode(out.data + at, out.len - at, &cp);
            assert_true(cp >= 0x20 && !(cp >= 0x7F && cp <= 0x9F));
        }
        struct json *root = json_parse(out.data, out.len, NULL);
        assert_non_null(root);
        assert_int_equal(json_str_length(root), expected.len);
        assert_memory_equal(json_str(root, ""), buf_text(&expected), expected.len);
        json_destroy(root);
        buf_deinit(&out);
        buf_deinit(&expected);
    }
}

int main(void) {
    json_set_alloc_funcs(sparing_malloc, free); /* before the first text is read */
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_absent_and_other_types),
        cmocka_unit_test(test_walk_keeps_the_order),
        cmocka_unit_test(test_nul_in_a_string),
        cmocka_unit_test(test_huge_integers_are_numbers),
        cmocka_unit_test(test_null_of_no_bytes),
        cmocka_unit_test(test_message_is_fit_for_a_terminal),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_written_on_one_line),
        cmocka_unit_test(test_written_indented),
        cmocka_unit_test(test_copied),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_a_locale_with_a_comma),
        cmocka_unit_test(test_random_strings),
    };
    struct CMUnitTest tests[COUNT(others) + COUNT(refused_cases)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(others); i++) tests[n++] = others[i];
    for (size_t i = 0; i < COUNT(refused_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = refused_cases[i].name,
                                         .test_func = test_refused,
                                         .initial_state = (void *)&refused_cases[i]};
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
