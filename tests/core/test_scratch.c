#include <stdio.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/scratch.h"

static int entries(const char *path) {
    int n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

/* What was added comes back, from any place, and the folder shows nothing of it. */
static void test_aside(void **state) {
    (void)state;
    char folder[] = "/tmp/thaw-scratch-XXXXXX", beside[64], got[4] = "";
    struct scratch s;
    assert_non_null(mkdtemp(folder));
    snprintf(beside, sizeof beside, "%s/file", folder);
    assert_true(scratch_open(&s, beside, NULL));
    assert_int_equal(entries(folder), 2);
    assert_true(scratch_add(&s, "abc", 3, NULL) && scratch_add(&s, "defg", 4, NULL));
    assert_int_equal(s.bytes, 7);
    assert_true(scratch_read(&s, 2, got, 3, NULL));
    assert_string_equal(got, "cde");
    struct err err = {0};
    assert_false(scratch_read(&s, 5, got, 3, &err));
    assert_non_null(strstr(err.msg, "cut short"));
    scratch_close(&s);
    scratch_close(&s);
    assert_int_equal(rmdir(folder), 0);
}

static void test_nowhere(void **state) {
    (void)state;
    struct scratch s;
    struct err err = {0};
    assert_false(scratch_open(&s, "/nowhere/file", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.msg, "/nowhere/file"));
    scratch_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_aside),
                                       cmocka_unit_test(test_nowhere)};
    return cmocka_run_group_tests_name("scratch", tests, NULL, NULL);
}
