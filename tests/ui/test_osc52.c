#include <string.h>

#include "check.h"
#include "ui/osc52.h"

/* RFC 4648, section 10, and bytes that are no characters. */
static void test_vectors(void **state) {
    static const struct {
        const char *text, *base64;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\xFF\xFE\xFD\033]0;", "//79G10wOw=="}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0}, expected = {0};
        buf_printf(&expected, "\033]52;c;%s\007", cases[i].base64);
        assert_true(osc52_add(&out, cases[i].text, strlen(cases[i].text)));
        assert_string_equal(buf_text(&out), buf_text(&expected));
        buf_deinit(&out);
        buf_deinit(&expected);
    }
}

static void test_bounded(void **state) {
    static char text[OSC52_TEXT_MAX + 1];
    struct buf out = {0};
    (void)state;
    assert_false(osc52_add(&out, text, sizeof text));
    assert_int_equal(out.len, 0);
    assert_true(osc52_add(&out, text, OSC52_TEXT_MAX));
    assert_int_equal(out.len, 7 + (OSC52_TEXT_MAX + 2) / 3 * 4 + 1);
    buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors),
                                       cmocka_unit_test(test_bounded)};
    return cmocka_run_group_tests_name("osc52", tests, NULL, NULL);
}
