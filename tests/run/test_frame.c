#include <math.h>

#include "engine/run/frame.h"
#include "tests/run/run_test.h"

static void expect(struct frame *f, const char *want) {
    const char *line;
    size_t n;
    if (!frame_next(f, &line, &n)) fail_msg("no frame; \"%s\" was expected", want);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(line, want, n);
}

static void expect_none(struct frame *f) {
    const char *line;
    size_t n;
    assert_false(frame_next(f, &line, &n));
}

static void add(struct frame *f, const char *text, double now) {
    assert_true(frame_add(f, text, strlen(text), now));
}

static void test_pieces(void **state) {
    (void)state;
    struct frame f = {0};
    expect_none(&f);
    add(&f, "a", 0);
    expect_none(&f);
    add(&f, "b\ncd\n\nef", 1);
    expect(&f, "ab");
    expect(&f, "cd");
    expect(&f, "");
    expect_none(&f);
    add(&f, "g\n", 2);
    expect(&f, "efg");
    expect_none(&f);
    frame_deinit(&f);
}

static void test_silence(void **state) {
    (void)state;
    struct frame f = {0};
    assert_true(isinf(frame_patience(&f, 1e9)));
    add(&f, "begun", 100);
    assert_true(frame_patience(&f, 104) == 6);
    assert_true(frame_patience(&f, 110) == 0);
    assert_true(frame_patience(&f, 500) == 0);
    add(&f, " on", 105);
    assert_true(frame_patience(&f, 110) == 5);
    add(&f, "\n", 106);
    expect(&f, "begun on");
    assert_true(
        isinf(frame_patience(&f, 500))); /* silent between frames: for as long as it likes */
    frame_deinit(&f);
}

static void test_length(void **state) {
    (void)state;
    struct frame f = {0};
    for (int i = 0; i < FRAME_BYTES_MAX; i++) add(&f, "x", 0);
    assert_false(frame_too_long(&f));
    add(&f, "\n", 0);
    const char *line;
    size_t n;
    assert_true(frame_next(&f, &line, &n));
    assert_int_equal(n, FRAME_BYTES_MAX);
    for (int i = 0; i <= FRAME_BYTES_MAX; i++) add(&f, "x", 0);
    expect_none(&f);
    assert_true(frame_too_long(&f));
    add(&f, "\n", 0);
    expect_none(&f); /* a newline does not make it good */
    assert_true(frame_too_long(&f));
    frame_deinit(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
