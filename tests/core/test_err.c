#include <errno.h>
#include <string.h>

#include "check.h"
#include "engine/core/err.h"
#include "engine/core/text.h"

static void test_set(void **state) {
    (void)state;
    struct err err = {0};
    assert_false(err_set(&err, ERR_RANGE, "lr is %d, must be above %d", -1, 0));
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.msg, "lr is -1, must be above 0");
    assert_false(err_set(NULL, ERR_IO, "nobody listens"));
}

static void test_prefix_keeps_the_code(void **state) {
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_PARSE, "lr must be above 0");
    assert_false(err_prefix(&err, "%s:%d", "demo.yaml", 12));
    assert_int_equal(err.code, ERR_PARSE);
    assert_string_equal(err.msg, "demo.yaml:12: lr must be above 0");
    assert_false(err_prefix(NULL, "nobody listens"));
}

static void test_errno(void **state) {
    (void)state;
    struct err err = {0};
    errno = ENOSPC;
    assert_false(err_errno(&err, "cannot write %s", "model"));
    assert_int_equal(err.code, ERR_FULL);
    assert_string_equal(err.msg, "cannot write model: No space left on device");
    errno = EIO;
    assert_false(err_errno(&err, "cannot write %s", "model"));
    assert_int_equal(err.code, ERR_IO);
    assert_false(err_errno(NULL, "nobody listens"));
}

static void test_own_message_as_argument(void **state) {
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "inner");
    err_set(&err, ERR_RANGE, "outer (%s)", err.msg);
    assert_string_equal(err.msg, "outer (inner)");
}

static void test_names_cannot_reach_the_terminal(void **state) {
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "cannot open %s",
            "a\x1b[2J\nb\xff\xc2\x9b"
            "31m");
    assert_string_equal(err.msg, "cannot open a\\e[2J\\nb\xef\xbf\xbd\\x9b31m");
    char before[sizeof err.msg];
    strcpy(before, err.msg);
    err_prefix(&err, "x");
    assert_string_equal(err.msg + 3, before); /* sanitising again changes nothing */
}

/* Messages of every length around the end of the storage, made of 3-byte characters. */
static void test_cut_between_characters(void **state) {
    (void)state;
    char name[3 * 1000 + 1];
    for (size_t n = 150; n <= 1000; n += 1) {
        for (size_t i = 0; i < n; i++) memcpy(name + 3 * i, "\xe2\x82\xac", 3);
        name[3 * n] = '\0';
        struct err err = {0};
        err_set(&err, ERR_IO, "%.*s%s", (int)(n % 3), "ab", name);
        size_t len = strlen(err.msg);
        assert_true(len < sizeof err.msg);
        assert_int_equal(text_valid_prefix(err.msg, len), len);
        if (n > 200) assert_true(len > sizeof err.msg - 5);
        err_prefix(&err, "in front");
        len = strlen(err.msg);
        assert_int_equal(text_valid_prefix(err.msg, len), len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_prefix_keeps_the_code),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_own_message_as_argument),
        cmocka_unit_test(test_names_cannot_reach_the_terminal),
        cmocka_unit_test(test_cut_between_characters),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
