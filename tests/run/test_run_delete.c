/* test_run_delete.c - what may be deleted, what may not, and what stands outside stays. */
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/run_dir.h"
#include "tests/run/run_test.h"

/* What in_folder() tells is good for three calls only. */
static void copy_path(char out[PATH_MAX], const char *path) {
    snprintf(out, PATH_MAX, "%s", path);
}

/* A run with a config, a log of ten bytes, and two checkpoints of 100 bytes. */
static void make_run(const char *runs, const char *name, struct run_paths *run) {
    struct err err = {0};
    assert_ok(run_dir_create(runs, name, run, &err), err);
    append_text(run->config, "name: x\n");
    append_text(run->events, "0123456789");
    for (int i = 1; i <= 2; i++) {
        char folder[32], hundred[101];
        snprintf(folder, sizeof folder, "checkpoints/step-%d", i * 20);
        snprintf(hundred, sizeof hundred, "%0100d", 0);
        const char *checkpoint = below(run->dir, folder);
        assert_ok(files_make_dirs(checkpoint, 0700, &err), err);
        append_text(below(checkpoint, "model.safetensors"), hundred);
    }
}

static void refuses(const char *runs, const char *dir, const char *words) {
    struct err err = {0};
    if (run_delete(runs, dir, &err)) fail_msg("%s was deleted", dir);
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, words);
}

static void test_contents(void **state) {
    struct run_paths run;
    struct run_contents c;
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "contents"));
    make_run(runs, "a", &run);
    append_text(in_folder(state, "large"), "this does not count");
    assert_int_equal(symlink(in_folder(state, "large"), below(run.dir, "link")), 0);
    run_contents_read(run.dir, &c);
    assert_int_equal(c.checkpoints, 2);
    assert_int_equal(c.bytes, 8 + 10 + 200);
    run_contents_read(in_folder(state, "nowhere"), &c);
    assert_int_equal(c.checkpoints, 0);
    assert_int_equal(c.bytes, 0);
}

static void test_delete(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "delete"));
    struct run_paths a, b;
    struct err err = {0};
    make_run(runs, "a", &a);
    make_run(runs, "b", &b);
    assert_ok(run_delete(runs, a.dir, &err), err);
    assert_false(files_exists(a.dir));
    assert_true(files_exists(b.events));
    assert_false(files_exists(below(runs, ".a.deleted")));
    refuses(runs, a.dir, "is left as it is"); /* it is gone */
}

/* An earlier try that was cut short is in nobody's way. */
static void test_remnant(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "remnant"));
    struct run_paths run;
    struct err err = {0};
    make_run(runs, "a", &run);
    assert_ok(files_make_dirs(below(runs, ".a.deleted/checkpoints"), 0700, &err), err);
    assert_ok(run_delete(runs, run.dir, &err), err);
    assert_false(files_exists(below(runs, ".a.deleted")));
}

static void test_living(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "living"));
    struct run_paths run;
    struct err err = {0};
    make_run(runs, "a", &run);
    int lock = files_lock(run.lock, NULL, &err);
    assert_true(lock >= 0);
    refuses(runs, run.dir, "a is running");
    assert_true(files_exists(run.events));
    assert_int_equal(close(lock), 0);
    assert_ok(run_delete(runs, run.dir, &err), err);
}

static void test_outside(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "inside"));
    struct run_paths out, in, moved;
    struct err err = {0};
    char path[PATH_MAX + 32];
    char elsewhere[PATH_MAX];
    copy_path(elsewhere, in_folder(state, "outside"));
    make_run(elsewhere, "a", &out);
    make_run(runs, "a", &in);
    refuses(runs, out.dir, "is left as it is");
    snprintf(path, sizeof path, "%s/../outside/a", runs);
    refuses(runs, path, "is left as it is");
    snprintf(path, sizeof path, "%s/.", in.dir);
    refuses(runs, path, "is left as it is");
    refuses(runs, runs, "is left as it is");
    refuses(runs, "a", "is left as it is");
    refuses(runs, "", "is left as it is");
    assert_int_equal(symlink(out.dir, below(runs, "link")), 0);
    refuses(runs, below(runs, "link"), "is left as it is");
    assert_ok(run_paths_of(below(runs, "link"), &moved, &err), err);
    refuses(runs, moved.dir, "is left as it is"); /* as run_list() tells its path */
    assert_true(files_exists(out.events) && files_exists(in.events));
}

/* A folder that is no run is none of our business. */
static void test_no_run(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "no-run"));
    struct err err = {0};
    assert_ok(files_make_dirs(below(runs, "photos"), 0700, &err), err);
    append_text(below(runs, "photos/cat.txt"), "meow");
    refuses(runs, below(runs, "photos"), "is no run");
    assert_true(files_exists(below(runs, "photos/cat.txt")));
    assert_false(files_exists(below(runs, "photos/engine.lock")));
}

static void test_links_inside(void **state) {
    char runs[PATH_MAX];
    copy_path(runs, in_folder(state, "links"));
    struct run_paths run;
    struct err err = {0};
    make_run(runs, "a", &run);
    assert_ok(files_make_dirs(in_folder(state, "precious"), 0700, &err), err);
    append_text(in_folder(state, "precious/file"), "x");
    assert_int_equal(symlink(in_folder(state, "precious"), below(run.dir, "base")), 0);
    assert_ok(run_delete(runs, run.dir, &err), err);
    assert_true(files_exists(in_folder(state, "precious/file")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),     cmocka_unit_test(test_delete),
        cmocka_unit_test(test_remnant),      cmocka_unit_test(test_living),
        cmocka_unit_test(test_outside),      cmocka_unit_test(test_no_run),
        cmocka_unit_test(test_links_inside),
    };
    return cmocka_run_group_tests_name("run_delete", tests, folder_setup, folder_teardown);
}
