/* fixtures.h - what the tests of formats/ share: a folder of their own, files, reference
 * numbers. */
#ifndef THAW_TESTS_FORMATS_FIXTURES_H
#define THAW_TESTS_FORMATS_FIXTURES_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/json.h"
#include "engine/core/rng.h"
#include "engine/formats/hf_model.h"

/* Setup and teardown: *state is the path of an empty folder. */
static inline int make_folder(void **state) {
    static const char template[] = "/tmp/thaw-formats-XXXXXX";
    char *dir = malloc(sizeof template);
    if (!dir) return -1;
    memcpy(dir, template, sizeof template);
    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static inline int remove_folder(void **state) {
    bool good = files_remove_tree(*state, NULL);
    free(*state);
    return good ? 0 : -1;
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

/* A path inside a folder; four of them can be in use. */
static inline const char *inside(const char *dir, const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* Fail with the message where something should have worked. */
static inline void require(bool good, const struct err *err) {
    if (!good) fail_msg("%s", err->msg);
}

static inline void assert_says(const struct err *err, const char *text) {
    if (!strstr(err->msg, text)) fail_msg("'%s' is not in: %s", text, err->msg);
}

static inline void write_text(const char *dir, const char *name, const char *text) {
    struct err err = {0};
    require(files_write(inside(dir, name), text, strlen(text), &err), &err);
}

static inline struct buf read_bytes(const char *path) {
    struct buf b = {0};
    struct err err = {0};
    require(files_read(path, 64 << 20, &b, &err), &err);
    return b;
}

static inline void assert_same_file(const char *a, const char *b) {
    struct buf left = read_bytes(a), right = read_bytes(b);
    assert_int_equal(left.len, right.len);
    assert_memory_equal(left.data, right.data, left.len);
    buf_deinit(&left);
    buf_deinit(&right);
}

static inline void skip_without(const char *path) {
    if (files_exists(path)) return;
    print_message("skipped: %s is not there\n", path);
    skip();
}

static inline struct json *read_json(const char *path) {
    struct buf b = read_bytes(path);
    struct err err = {0};
    struct json *root = json_parse(b.data, b.len, &err);
    require(root != NULL, &err);
    buf_deinit(&b);
    return root;
}

static inline void assert_near(double x, double want, double tolerance) {
    if (!(x >= want - tolerance && x <= want + tolerance)) fail_msg("%.9g, not %.9g", x, want);
}

static inline int param_index(const struct param_table *t, const char *name) {
    int i = 0;
    while (i < t->n_params && strcmp(t->params[i].name, name) != 0) i++;
    if (i == t->n_params) fail_msg("no parameter %s", name);
    return i;
}
#endif
