/* test_run_share.c - what a group may read of a run, and what stays the owner's. */
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/checkpoint.h"
#include "engine/run/event_log.h"
#include "engine/run/run_dir.h"
#include "engine/run/socket.h"
#include "run/run_model.h"

/* The name of a group that we are in; <grp.h> has a struct of the same name as the model's. */
static const char *own_group(void) {
    static char name[64];
    FILE *id = popen("id -gn", "r");
    bool read = id && fgets(name, sizeof name, id);
    if (id) pclose(id);
    name[strcspn(name, "\n")] = '\0';
    return read && *name ? name : NULL;
}

static void assert_mode(const char *path, mode_t mode) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    if ((st.st_mode & 07777) != mode)
        fail_msg("%s has mode %o, not %o", path, (unsigned)(st.st_mode & 07777),
                 (unsigned)mode);
    assert_int_equal(st.st_gid, getegid());
}

/* A run with what an engine makes: config, log, lock, socket, base, checkpoint; with any umask.
 */
static void make_run(void **state, const char *name, bool shared, struct run_paths *run) {
    struct err err = {0};
    struct event_log log;
    struct tiny_model model;
    struct optim optim;
    struct trainer_state s = {.step = 5, .lr_scale = 1};
    bool learn[16] = {true};
    char path[PATH_MAX], closed[PATH_MAX];
    uint64_t bytes;
    tiny_init(&model, 1, 8);
    assert_ok(run_dir_create(in_folder(state, "runs"), name, run, &err), err);
    if (shared) assert_ok(run_share(run->dir, own_group(), closed, &err), err);
    assert_ok(files_write(run->config, "name: x\n", 8, &err), err);
    assert_ok(event_log_open(&log, run->events, &err), err);
    event_log_close(&log);
    int lock = files_lock(run->lock, NULL, &err), socket = socket_listen(run->socket, &err);
    assert_true(lock >= 0 && socket >= 0);
    assert_ok(optim_create(&model.ex, &model.table,
                           (struct optim_settings){.beta1 = 0.9, .beta2 = 0.9, .eps = 1e-8},
                           &optim, &err),
              err);
    assert_ok(model_folder_save(run->base, &model.weights, model.tokenizer, &err), err);
    assert_ok(checkpoint_save(run->checkpoints, &s, learn, &model.weights, &optim,
                              model.tokenizer, path, &bytes, &err),
              err);
    close(lock);
    close(socket);
    optim_destroy(&optim);
    tiny_deinit(&model);
}

static void test_modes(void **state) {
    static const char *const in_models[] = {"config.json", "model.safetensors",
                                            "tokenizer.json", "SHA256SUMS"};
    for (int shared = 0; shared < 2; shared++) {
        struct run_paths run;
        mode_t before = umask(shared ? 0077 : 0), file = shared ? 0640 : 0600,
               dir = shared ? 02750 : 0700;
        if (!own_group()) skip();
        make_run(state, shared ? "shared" : "private", shared, &run);
        umask(before);
        assert_mode(run.dir, dir);
        assert_mode(run.config, file);
        assert_mode(run.events, file);
        assert_mode(run.lock, 0600);
        assert_mode(run.socket, 0600);
        assert_mode(run.base, dir);
        assert_mode(run.checkpoints, dir);
        const char *checkpoint = below(run.checkpoints, "step-5");
        assert_mode(checkpoint, dir);
        for (size_t i = 0; i < COUNT(in_models); i++) {
            assert_mode(below(run.base, in_models[i]), file);
            assert_mode(below(below(run.checkpoints, "step-5"), in_models[i]), file);
        }
        assert_mode(below(below(run.checkpoints, "step-5"), "trainer.json"), file);
        assert_mode(below(below(run.checkpoints, "step-5"), "optimizer.safetensors"), file);
    }
}

static void test_groups_and_ways(void **state) {
    struct run_paths run;
    struct err err = {0};
    char closed[PATH_MAX];
    if (!own_group()) skip();
    const char *runs = in_folder(state, "ways");
    assert_ok(run_dir_create(runs, "a", &run, &err), err);
    assert_false(run_share(run.dir, "no-such-group-here", closed, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_says(&err, "no group \"no-such-group-here\"");
    assert_ok(run_share(run.dir, own_group(), closed, &err), err);
    assert_non_null(strstr(run.dir, closed)); /* the test's own folder lets nobody in */
    assert_true(*closed && strlen(closed) < strlen(run.dir));
}

/* Of a lock that may not be opened the kernel's list tells; as root, who may open all, it is
 * not needed. */
static void test_lock_of_others(void **state) {
    struct err err = {0};
    const char *path = in_folder(state, "lock");
    int lock = files_lock(path, NULL, &err);
    pid_t holder = 0;
    assert_true(lock >= 0);
    assert_int_equal(chmod(path, 0), 0);
    assert_true(files_is_locked(path, &holder));
    close(lock);
    assert_false(files_is_locked(path, &holder));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_groups_and_ways),
        cmocka_unit_test(test_lock_of_others),
    };
    return cmocka_run_group_tests_name("run_share", tests, folder_setup, folder_teardown);
}
