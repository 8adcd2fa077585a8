#include <math.h>

#include "engine/core/rng.h"
#include "engine/run/number.h"
#include "tests/run/run_test.h"

static const struct scan_case {
    const char *text;
    size_t used;
    double value;
} scan_cases[] = {
    {"0", 1, 0},
    {"12,", 2, 12},
    {"-3.5}", 4, -3.5},
    {"+1", 2, 1},
    {".5", 2, 0.5},
    {"5.", 2, 5},
    {"1e3", 3, 1000},
    {"1E-2x", 4, 0.01},
    {"1e", 1, 1},
    {"1e+", 1, 1},
    {"2e-4", 4, 2e-4},
    {"0.1", 3, 0.1},
    {"9007199254740993", 16, 9007199254740992.0},
    {"0.1000000000000000055511151231257827", 36, 0.1},
    {"1.7976931348623157e308", 22, 1.7976931348623157e308},
    {"5e-324", 6, 5e-324},
    {"1e-400", 6, 0},
    {"123456789012345678901234567890", 30, 123456789012345678901234567890.0},
    {"", 0, 0},
    {"-", 0, 0},
    {".", 0, 0},
    {"e5", 0, 0},
    {"nan", 0, 0},
    {"inf", 0, 0},
    {"1e400", 0, 0},
    {"0x10", 1, 0},
};

static void test_scan(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(scan_cases); i++) {
        const struct scan_case *c = &scan_cases[i];
        double x = -1;
        size_t used = number_scan(c->text, strlen(c->text), &x);
        if (used != c->used) fail_msg("\"%s\": %zu bytes used", c->text, used);
        if (used > 0 && x != c->value) fail_msg("\"%s\" was read as %.17g", c->text, x);
    }
}

/* Too long for a number, though every digit is one. */
static void test_scan_endless(void **state) {
    (void)state;
    char digits[200];
    double x;
    memset(digits, '7', sizeof digits);
    assert_int_equal(number_scan(digits, sizeof digits, &x), 0);
    assert_int_equal(number_scan(digits, 127, &x), 127);
}

static const struct whole_case {
    const char *text;
    bool good;
    int64_t value;
} whole_cases[] = {
    {"0", true, 0},
    {"-12", true, -12},
    {"+7", true, 7},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999999", false, 0},
    {"1.0", false, 0},
    {"1e3", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"", false, 0},
    {"-", false, 0},
};

static void test_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(whole_cases); i++) {
        const struct whole_case *c = &whole_cases[i];
        int64_t x = 0;
        if (number_parse_whole(c->text, &x) != c->good) fail_msg("\"%s\"", c->text);
        if (c->good && x != c->value)
            fail_msg("\"%s\" was read as %lld", c->text, (long long)x);
    }
}

/* Any double, by its bits: what is written reads back as the same. */
static void test_write_is_exact(void **state) {
    (void)state;
    struct rng r = rng_make(1, 2, 3);
    struct buf text = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_next(&r);
        double x, back;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) continue;
        buf_clear(&text);
        number_write(&text, x);
        assert_true(number_parse(buf_text(&text), &back));
        if (back != x) fail_msg("%s is not %.17g", buf_text(&text), x);
    }
    buf_deinit(&text);
}

/* The quick way must round as strtod does; its operands lie around its limits here. */
static void test_scan_as_strtod(void **state) {
    (void)state;
    struct rng r = rng_make(4, 5, 6);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        uint64_t mantissa = rng_next(&r) >> (1 + rng_below(&r, 60));
        int power = (int)rng_below(&r, 60) - 30;
        int n = snprintf(text, sizeof text, "%llue%d", (unsigned long long)mantissa, power);
        double x;
        assert_int_equal(number_scan(text, (size_t)n, &x), n);
        if (x != strtod(text, NULL)) fail_msg("%s was read as %.17g", text, x);
    }
}

static void test_write_is_short(void **state) {
    (void)state;
    static const struct {
        double x;
        const char *text;
    } cases[] = {{0.1, "0.1"},     {1e-8, "1e-08"}, {1000000000, "1000000000"},
                 {-2.5, "-2.5"},   {0.8, "0.8"},    {9007199254740991.0, "9007199254740991"},
                 {1e-12, "1e-12"}, {0, "0"},        {0.95, "0.95"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text = {0};
        number_write(&text, cases[i].x);
        assert_string_equal(buf_text(&text), cases[i].text);
        buf_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),           cmocka_unit_test(test_scan_endless),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_write_is_exact),
        cmocka_unit_test(test_scan_as_strtod), cmocka_unit_test(test_write_is_short),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
