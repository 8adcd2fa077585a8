/* test_prune.c - what is found to clear away, what is not, and that only this goes. */
#include <math.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "engine/run/prune.h"
#include "engine/run/socket.h"
#include "run/run_test.h"

static char runs[PATH_MAX];

static void fresh(void **state, const char *name) {
    struct err err = {0};
    snprintf(runs, sizeof runs, "%s", in_folder(state, name));
    assert_ok(files_make_dirs(runs, 0700, &err), err);
}

static void put(const char *path, const char *text) {
    struct err err = {0};
    assert_ok(files_write(path, text, strlen(text), &err), err);
}

/* An empty but sound safetensors file: eight bytes of length, "{}". */
static void put_tensors(const char *path) {
    static const char bytes[] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    struct err err = {0};
    assert_ok(files_write(path, bytes, sizeof bytes, &err), err);
}

static void put_checkpoint(const struct run_paths *run, int step, bool sound) {
    char name[32], folder[PATH_MAX];
    struct err err = {0};
    snprintf(name, sizeof name, "step-%d", step);
    snprintf(folder, sizeof folder, "%s", below(run->checkpoints, name));
    assert_ok(files_make_dirs(folder, 0700, &err), err);
    put(below(folder, "trainer.json"), "{\"step\":1}");
    put_tensors(below(folder, "model.safetensors"));
    if (sound) put_tensors(below(folder, "optimizer.safetensors"));
}

static void make_run(const char *name, const char *end, struct run_paths *run) {
    struct err err = {0};
    assert_ok(run_dir_create(runs, name, run, &err), err);
    put(run->config, "name: x\n");
    put(run->events, end);
}

static const char finished[] =
    "{\"seq\":1,\"t\":1,\"step\":9,\"type\":\"end\",\"reason\":\"finished\"}\n";

/* All runs keep one checkpoint, but those whose name says that their config cannot be read. */
static bool keep_one(void *ctx, const struct run_paths *run, struct retention *out) {
    (void)ctx;
    *out = (struct retention){.last = 1};
    return !strstr(run->dir, "unread");
}

static struct prune_list find(double older_s) {
    struct prune_list l = {.at = NULL};
    struct err err = {0};
    assert_ok(prune_find(runs, older_s, keep_one, NULL, &l, &err), err);
    return l;
}

/* Whether the list names runs/name; with its bytes. */
static bool names(const struct prune_list *l, const char *name, uint64_t bytes) {
    const char *path = below(runs, name);
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->at[i].path, path) == 0) return l->at[i].bytes == bytes;
    return false;
}

static void remove_all(const struct prune_list *l) {
    struct err err = {0};
    for (int i = 0; i < l->n; i++) assert_ok(prune_remove(runs, &l->at[i], &err), err);
}

static void test_nothing(void **state) {
    struct run_paths run;
    fresh(state, "nothing");
    struct prune_list l = find(0);
    assert_int_equal(l.n, 0);
    make_run("a", finished, &run);
    put_checkpoint(&run, 5, true);
    put(run.lock, "1\n"); /* of an engine that ended by itself: it may stay */
    l = find(-1);
    assert_int_equal(l.n, 0);
    snprintf(runs, sizeof runs, "%s", in_folder(state, "no-such-folder"));
    l = find(-1);
    assert_int_equal(l.n, 0);
}

static void make_leftovers(struct run_paths *run) {
    struct err err = {0};
    make_run("a", "", run);
    assert_ok(files_make_dirs(below(runs, ".gone.deleted"), 0700, &err), err);
    put(below(runs, ".gone.deleted/x"), "12345");
    assert_ok(files_make_dirs(below(run->dir, "base.new"), 0700, &err), err);
    assert_ok(files_make_dirs(below(run->checkpoints, ".step-7.new"), 0700, &err), err);
    put(below(run->checkpoints, ".step-7.new/model.safetensors"), "123");
    put(below(run->dir, "config.yaml.aB3xY9"), "1");
    int fd = socket_listen(run->socket, &err);
    assert_true(fd >= 0);
    close(fd); /* nobody answers any more */
    put(run->lock, "77\n");
    put(below(run->dir, "notes.txt"), "mine");
    put(below(run->dir, "config.yaml.orig"), "mine too");
}

static void test_leftovers(void **state) {
    struct run_paths run;
    fresh(state, "leftovers");
    make_leftovers(&run);
    struct prune_list l = find(-1);
    assert_int_equal(l.n, 6);
    assert_true(names(&l, ".gone.deleted", 5));
    assert_true(names(&l, "a/base.new", 0));
    assert_true(names(&l, "a/checkpoints/.step-7.new", 3));
    assert_true(names(&l, "a/config.yaml.aB3xY9", 1));
    assert_true(names(&l, "a/control.sock", 0));
    assert_true(names(&l, "a/engine.lock", 3));
    remove_all(&l);
    for (int i = 0; i < l.n; i++) assert_int_equal(access(l.at[i].path, F_OK), -1);
    assert_true(files_exists(below(run.dir, "notes.txt")));
    assert_true(files_exists(below(run.dir, "config.yaml.orig")));
    assert_true(files_exists(run.events) && files_exists(run.config));
    prune_list_deinit(&l);
    l = find(-1);
    assert_int_equal(l.n, 0);
}

/* A broken newest one goes only when a sound one behind it stays; without a config none goes.
 */
static void test_checkpoints(void **state) {
    struct run_paths run, unread;
    fresh(state, "checkpoints");
    make_run("a", finished, &run);
    put_checkpoint(&run, 10, true);
    put_checkpoint(&run, 20, true);
    put_checkpoint(&run, 30, false);
    make_run("unread", finished, &unread);
    put_checkpoint(&unread, 10, true);
    put_checkpoint(&unread, 20, true);
    struct prune_list l = find(-1);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.at[0].kind, PRUNE_CHECKPOINT);
    assert_true(names(&l, "a/checkpoints/step-10", 30));
    remove_all(&l);
    assert_true(files_exists(below(run.checkpoints, "step-20")));
    assert_true(files_exists(below(unread.checkpoints, "step-10")));
    prune_list_deinit(&l);
}

static void test_living(void **state) {
    struct run_paths run;
    struct err err = {0};
    fresh(state, "living");
    make_leftovers(&run);
    struct prune_list before = find(-1);
    int lock = files_lock(run.lock, NULL, &err);
    assert_true(lock >= 0);
    struct prune_list l = find(0);
    assert_int_equal(l.n, 1);            /* beside the runs */
    for (int i = 0; i < before.n; i++) { /* an engine has begun since the list was made */
        bool outside = !before.at[i].run[0];
        assert_int_equal(prune_remove(runs, &before.at[i], &err), outside);
        if (!outside) assert_says(&err, "the run goes on");
    }
    assert_true(files_exists(below(run.dir, "base.new")));
    close(lock);
    prune_list_deinit(&before);
    prune_list_deinit(&l);
}

static void test_old_runs(void **state) {
    struct run_paths old, young, dead;
    fresh(state, "old");
    make_run("old", finished, &old);
    make_run("young", finished, &young);
    make_run("dead", "", &dead);
    const struct utimbuf then = {.actime = time(NULL) - 7200, .modtime = time(NULL) - 7200};
    assert_int_equal(utime(old.events, &then), 0);
    assert_int_equal(utime(dead.events, &then), 0);
    struct prune_list l = find(3600);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.at[0].kind, PRUNE_RUN);
    assert_true(names(&l, "old", sizeof finished - 1 + 8));
    remove_all(&l);
    assert_false(files_exists(old.dir));
    assert_true(files_exists(young.dir) && files_exists(dead.dir));
    prune_list_deinit(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),     cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_living),
        cmocka_unit_test(test_old_runs),
    };
    return cmocka_run_group_tests_name("prune", tests, folder_setup, folder_teardown);
}
