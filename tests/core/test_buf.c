#include <string.h>

#include "check.h"
#include "engine/core/buf.h"

static void test_empty(void **state) {
    (void)state;
    struct buf b = {0};
    assert_string_equal(buf_text(&b), "");
    buf_clear(&b);
    assert_true(buf_add(&b, NULL, 0));
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
    buf_deinit(&b); /* an empty one may be released again */
}

static void test_grows_and_keeps_bytes(void **state) {
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 5000; i++) {
        char byte = (char)(i * 7); /* NULs among them */
        assert_true(buf_add(&b, &byte, 1));
        assert_int_equal(b.data[b.len], '\0');
    }
    assert_int_equal(b.len, 5000);
    for (int i = 0; i < 5000; i++) assert_int_equal(b.data[i], (char)(i * 7));
    buf_deinit(&b);
    assert_null(b.data);
}

static void test_clear_keeps_memory(void **state) {
    (void)state;
    struct buf b = {0};
    buf_str(&b, "some text");
    const char *data = b.data;
    buf_clear(&b);
    assert_string_equal(buf_text(&b), "");
    assert_true(buf_str(&b, "other"));
    assert_ptr_equal(b.data, data);
    assert_string_equal(buf_text(&b), "other");
    buf_deinit(&b);
}

/* Lengths on both sides of each doubling: the NUL must still fit. */
static void test_printf_at_every_length(void **state) {
    (void)state;
    for (int n = 0; n < 600; n++) {
        struct buf b = {0};
        assert_true(buf_printf(&b, "%*s", n, ""));
        assert_true(buf_printf(&b, "<%d>", n));
        assert_int_equal(strlen(buf_text(&b)), b.len);
        assert_int_equal(b.data[n], '<');
        buf_deinit(&b);
    }
}

static void test_too_much_fails_for_good(void **state) {
    (void)state;
    struct buf b = {0};
    assert_true(buf_str(&b, "kept"));
    assert_false(buf_add(&b, "x", SIZE_MAX / 2)); /* refused before a byte is read */
    assert_true(b.failed);
    assert_false(buf_str(&b, "later"));
    assert_false(buf_printf(&b, "%d", 1));
    assert_string_equal(buf_text(&b), "kept");
    buf_clear(&b);
    assert_true(b.failed);
    buf_deinit(&b);
    assert_false(b.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_grows_and_keeps_bytes),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_printf_at_every_length),
        cmocka_unit_test(test_too_much_fails_for_good),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
