/* test_config_diff.c - in what two runs' settings differ: what means the same is not told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"
#include "run/run_test.h"
#include "src/config_diff.h"
#include "src/config_file.h"

static const char first[] =
    "name: a\nmodel: {layers: 4, heads: 4, width: 128}\nstages:\n"
    "  - {name: one, data: [wordnet:general], steps: 100}\n"
    "  - {name: two, data: [wordnet:law], steps: 50, freeze: [embed, \"0-1\"]}\n";
/* The same keys in another order and form, and three that differ. */
static const char second[] =
    "stages:\n  - {steps: 100, name: one, data: wordnet:general}\n"
    "  - {name: two, data: [wordnet:law, wordnet:medicine], steps: 50,\n"
    "     optimizer: {lr: 0.002}}\n"
    "model:\n  width: 128\n  heads: 4\n  layers: 4\nname: b\n";
static const char third[] =
    "name: a\nmodel: {layers: 4, heads: 4, width: 128}\nseed: 7\nstages:\n"
    "  - {name: one, data: [wordnet:general], steps: 100}\n"
    "eval: {sets: {general: wordnet:general, law: wordnet:law}}\n";

static void read_text(const char *text, struct settings *out) {
    struct err err = {0};
    if (!config_parse(text, strlen(text), "test", NULL, out, &err)) fail_msg("%s", err.msg);
}

static void diff(const char *a, const char *b, struct launch_changes *out) {
    struct settings *s = calloc(2, sizeof *s);
    struct err err = {0};
    assert_non_null(s);
    *out = (struct launch_changes){.n = 0};
    read_text(a, &s[0]);
    read_text(b, &s[1]);
    assert_true(config_diff(&s[0], &s[1], out, &err));
    free(s);
}

static void expect(const struct launch_changes *c, int i, const char *key, const char *a,
                   const char *b) {
    assert_true(i < c->n);
    assert_string_equal(c->at[i].key, key);
    assert_string_equal(c->at[i].value[0], a);
    assert_string_equal(c->at[i].value[1], b);
}

static void test_same(void **state) {
    struct launch_changes c;
    (void)state;
    diff(first, first, &c);
    assert_int_equal(c.n, 0);
    launch_changes_deinit(&c);
}

static void test_changed_keys(void **state) {
    struct launch_changes c;
    (void)state;
    diff(first, second, &c);
    assert_int_equal(c.n, 3);
    expect(&c, 0, "stages.1.data", "wordnet:law", "wordnet:law, wordnet:medicine");
    assert_string_equal(c.at[1].key, "stages.1.optimizer.lr");
    assert_string_equal(c.at[1].value[1], "0.002");
    expect(&c, 2, "stages.1.freeze", "embed, 0-1", "-");
    launch_changes_deinit(&c);
}

/* A stage that one run does not have is one line, behind the keys of both. */
static void test_stages(void **state) {
    struct launch_changes c;
    (void)state;
    diff(third, first, &c);
    assert_int_equal(c.n, 3);
    expect(&c, 0, "seed", "7", "1337");
    expect(&c, 1, "eval.sets", "general: wordnet:general, law: wordnet:law", "-");
    expect(&c, 2, "stages.1", "-", "two");
    launch_changes_deinit(&c);
}

static void put_config(const char *run, const char *text) {
    char path[PATH_MAX];
    assert_true(files_make_dirs(run, 0700, NULL));
    snprintf(path, sizeof path, "%s/config.yaml", run);
    assert_true(files_write(path, text, strlen(text), NULL));
}

/* From the runs' folders; a run without a config, or with a broken one, says so. */
static void test_runs(void **state) {
    static struct launch_changes c;
    snprintf(c.path[0], PATH_MAX, "%s", in_folder(state, "a"));
    snprintf(c.path[1], PATH_MAX, "%s", in_folder(state, "b"));
    put_config(c.path[0], first);
    config_diff_runs(&c);
    assert_non_null(strstr(c.trouble, "b/config.yaml"));
    put_config(c.path[1], "frieze: 1\n");
    config_diff_runs(&c);
    assert_non_null(strstr(c.trouble, "b/config.yaml:1:"));
    put_config(c.path[1], second);
    c.trouble[0] = '\0';
    config_diff_runs(&c);
    assert_string_equal(c.trouble, "");
    assert_int_equal(c.n, 3);
    launch_changes_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_changed_keys),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests_name("config_diff", tests, folder_setup, folder_teardown);
}
