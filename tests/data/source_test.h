/* source_test.h - what the tests of sources of text share. */
#ifndef THAW_TESTS_DATA_SOURCE_TEST_H
#define THAW_TESTS_DATA_SOURCE_TEST_H
#include "check.h"
#include "engine/data/source_files.h"
#include "tests/data/data_test.h"

/* The units of a source, a newline after each. */
static inline void assert_lines(const char *spec, const char *want) {
    struct source_text s = {0};
    struct err err = {0};
    struct buf got = {0};
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    for (size_t i = 0; i < s.n_units; i++) {
        buf_add(&got, s.bytes.data + s.units[i].offset, s.units[i].length);
        buf_str(&got, "\n");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

/* The units that `add` makes of a text, a bar after each. */
static inline void assert_units_of(text_reader *add, const char *text, const char *want) {
    struct source_text s = {0};
    struct buf got = {0};
    assert_true(add(text, strlen(text), &s, NULL));
    for (size_t i = 0; i < s.n_units; i++) {
        buf_add(&got, s.bytes.data + s.units[i].offset, s.units[i].length);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

/* It is refused, in words that hold `says`. */
static inline void assert_error(const char *spec, enum err_code code, const char *says) {
    struct source_text s = {0};
    struct err err = {0};
    assert_false(source_read(spec, &s, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    assert_int_equal(err.code, code);
    source_deinit(&s);
}

#endif
