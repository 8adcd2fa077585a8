/* run_test.h - what the tests of run/ share: a folder of their own, and text in files. */
#ifndef THAW_TESTS_RUN_RUN_TEST_H
#define THAW_TESTS_RUN_RUN_TEST_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"

struct test_folder {
    char path[64];
};

/* cmocka's group set-up and tear-down: *state is the folder. */
static inline int folder_setup(void **state) {
    static struct test_folder folder;
    strcpy(folder.path, "/tmp/thaw-test-run-XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) ? 0 : -1;
}

static inline int folder_teardown(void **state) {
    const struct test_folder *folder = *state;
    return files_remove_tree(folder->path, NULL) ? 0 : -1;
}

/* A path below a folder; good for three more calls. */
static inline const char *below(const char *folder, const char *name) {
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    assert_true(files_join(path, sizeof paths[0], folder, name, NULL));
    return path;
}

/* The same in the test's folder. */
static inline const char *in_folder(void **state, const char *name) {
    const struct test_folder *folder = *state;
    return below(folder->path, name);
}

/* Put text at the end of a file, created when there is none. */
static inline void append_text(const char *path, const char *text) {
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void assert_says(const struct err *err, const char *words) {
    if (!strstr(err->msg, words)) fail_msg("\"%s\" does not say: %s", err->msg, words);
}

#define assert_ok(call, err)                                                                   \
    do {                                                                                       \
        if (!(call)) fail_msg("%s", (err).msg);                                                \
    } while (0)
#endif
