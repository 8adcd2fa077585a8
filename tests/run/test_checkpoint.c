/* test_checkpoint.c - checkpoints come back as they were, and whatever fails while one is saved
 * (each call to the system in turn), those that were there can still be loaded. The linker puts
 * the __wrap functions between the engine and the C library. */
#include "run/run_model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/formats/hf_model.h"
#include "engine/nn/blas.h"
#include "engine/run/checkpoint.h"
#include "engine/run/checkpoint_check.h"
#include "engine/run/retention.h"
#include "engine/run/run_dir.h"

/* ---- calls that fail ---- */

enum { KILL = -1 }; /* in the place of an errno: the process ends there */

static struct {
    int calls, fail_at, error; /* calls so far; the call that fails, 0: none */
} fault;
static uint64_t room = UINT64_MAX; /* bytes that the disk says are free */

static bool fails(void) {
    if (fault.fail_at == 0 || ++fault.calls != fault.fail_at) return false;
    if (fault.error == KILL) _exit(9);
    errno = fault.error;
    return true;
}

/* A call that no signal interrupts. */
static bool fails_for_good(void) { return fault.error != EINTR && fails(); }

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    return fails() ? -1 : __real_open(path, flags, 0600);
}

int __real_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags) {
    return fails_for_good() ? -1 : __real_mkostemp(path, flags);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode) {
    return fails_for_good() ? -1 : __real_mkdir(path, mode);
}

/* What fails has written half, unless it was only interrupted. */
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n) {
    if (!fails()) return __real_write(fd, bytes, n);
    int error = errno;
    if (error != EINTR) assert_int_equal(__real_write(fd, bytes, n / 2), n / 2);
    errno = error;
    return -1;
}

/* Nothing here asks the disk itself: that would only take time. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
    (void)fd;
    return fails() ? -1 : 0;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
    int closed = __real_close(fd); /* also where it reports an error, as Linux does */
    return fails() ? -1 : closed;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
    return fails_for_good() ? -1 : __real_rename(from, to);
}

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    return fails_for_good() ? -1 : __real_renameat2(a, from, b, to, flags);
}

uint64_t __real_files_free_bytes(const char *path);
uint64_t __wrap_files_free_bytes(const char *path);
uint64_t __wrap_files_free_bytes(const char *path) {
    return room < UINT64_MAX ? room : __real_files_free_bytes(path);
}

/* ---- what is saved ---- */

enum { GROUPS = 5, FEW = 2 };

struct saved {
    struct trainer_state state;
    bool learn[GROUPS];
    struct weights weights;
    struct optim optim;
};

static struct tiny_model model;
static struct saved first, second; /* two states of one run */

static void make_state(struct saved *s, uint64_t seed) {
    struct err err = {0};
    struct optim_settings settings = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
    struct rng r = rng_make(seed, 0, 0);
    *s = (struct saved){.state = {.stage = (int)rng_below(&r, 8),
                                  .begun = rng_below(&r, 2),
                                  .step = (int64_t)rng_below(&r, 1000),
                                  .stage_step = (int64_t)rng_below(&r, 1000),
                                  .tokens = (int64_t)rng_below(&r, 1ull << 50),
                                  .lr_scale = rng_uniform(&r) + 0.1,
                                  .stopwatch = 1000 * rng_uniform(&r)}};
    tiny_other(&model, &s->weights, seed);
    assert_ok(optim_create(&model.ex, &model.table, settings, &s->optim, &err), err);
    tiny_fill(&s->optim.m, seed + 1000, 0.1);
    tiny_fill(&s->optim.v, seed + 2000, 0.1);
    for (int g = 0; g < GROUPS; g++) {
        s->learn[g] = rng_below(&r, 2);
        s->optim.steps[g] = (int64_t)rng_below(&r, 500);
    }
}

static void free_state(struct saved *s) {
    weights_destroy(&s->weights);
    optim_destroy(&s->optim);
}

static bool same_weights(const struct weights *a, const struct weights *b) {
    bool same = true;
    for (int g = 0; g < GROUPS; g++)
        same &= memcmp(a->group[g], b->group[g], a->table->groups[g].reals * sizeof(real)) == 0;
    return same;
}

/* All but the step, which is the folder's name. */
static bool same_state(const struct saved *a, const struct saved *b) {
    const struct trainer_state *x = &a->state, *y = &b->state;
    return x->stage == y->stage && x->begun == y->begun && x->stage_step == y->stage_step &&
           x->tokens == y->tokens && x->lr_scale == y->lr_scale &&
           x->stopwatch == y->stopwatch && memcmp(a->learn, b->learn, sizeof a->learn) == 0 &&
           memcmp(a->optim.steps, b->optim.steps, GROUPS * sizeof *a->optim.steps) == 0 &&
           same_weights(&a->weights, &b->weights) && same_weights(&a->optim.m, &b->optim.m) &&
           same_weights(&a->optim.v, &b->optim.v);
}

static int setup(void **state) {
    if (folder_setup(state) != 0) return -1;
    tiny_init(&model, 1, 8);
    assert_int_equal(model.table.n_groups, GROUPS);
    make_state(&first, 1);
    make_state(&second, 2);
    return 0;
}

static int teardown(void **state) {
    free_state(&first);
    free_state(&second);
    tiny_deinit(&model);
    return folder_teardown(state);
}

static bool save(const char *dir, struct saved *s, int64_t step, struct err *err) {
    char path[PATH_MAX];
    uint64_t bytes = 0;
    s->state.step = step;
    return checkpoint_save(dir, &s->state, s->learn, &s->weights, &s->optim, model.tokenizer,
                           path, &bytes, err);
}

static void save_as(const char *dir, struct saved *s, int64_t step) {
    struct err err = {0};
    assert_ok(save(dir, s, step, &err), err);
}

/* dir/step-N */
static const char *step_folder(const char *dir, int64_t step) {
    char name[32];
    snprintf(name, sizeof name, "step-%lld", (long long)step);
    return below(dir, name);
}

/* Whether dir/step-N can be loaded and is `s` as it was saved. */
static bool loads_as(const char *dir, int64_t step, const struct saved *s) {
    const char *path = step_folder(dir, step);
    struct err err = {0};
    struct saved read;
    make_state(&read, 99);
    bool same =
        checkpoint_load(path, &read.state, read.learn, &read.weights, &read.optim, &err) &&
        read.state.step == step && same_state(&read, s);
    free_state(&read);
    return same;
}

/* Entries of a folder. */
static int entries(const char *dir) {
    int n = -2; /* . and .. */
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* An empty folder for checkpoints; its path is good until the next call. */
static const char *fresh(void **state) {
    static char dir[PATH_MAX];
    static int n;
    char name[32];
    snprintf(name, sizeof name, "checkpoints-%d", n++);
    snprintf(dir, sizeof dir, "%s", in_folder(state, name));
    return dir;
}

/* ---- as it should be ---- */

static void test_round_trip(void **state) {
    const char *dir = fresh(state);
    char path[PATH_MAX];
    uint64_t bytes = 0, sum = 0;
    bool summed = false;
    struct err err = {0};
    struct stat st;
    static const char *const names[] = {"config.json",    "model.safetensors",
                                        "tokenizer.json", "optimizer.safetensors",
                                        "trainer.json",   "SHA256SUMS"};
    for (uint64_t seed = 10; seed < 14; seed++) {
        struct saved s;
        make_state(&s, seed);
        assert_ok(checkpoint_save(dir, &s.state, s.learn, &s.weights, &s.optim, model.tokenizer,
                                  path, &bytes, &err),
                  err);
        assert_true(loads_as(dir, s.state.step, &s));
        assert_false(loads_as(dir, s.state.step, &first));
        assert_true(checkpoint_is_whole(path));
        assert_ok(checkpoint_check(path, &summed, &err), err);
        assert_true(summed);
        free_state(&s);
    }
    assert_int_equal(entries(path), COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(stat(below(path, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        sum += (uint64_t)st.st_size;
    }
    assert_int_equal(bytes, sum);
}

static void test_same_step_is_replaced(void **state) {
    const char *dir = fresh(state);
    save_as(dir, &first, 7);
    save_as(dir, &second, 7);
    assert_true(loads_as(dir, 7, &second));
    assert_int_equal(entries(dir), 1);
}

static void make_broken(const char *dir, int step) {
    assert_int_equal(mkdir(step_folder(dir, step), 0700), 0);
}

/* What is not whole counts for nothing: the newest whole ones stay, with newer broken ones. */
static void test_prune(void **state) {
    const char *dir = fresh(state);
    struct err err = {0};
    char newest[PATH_MAX];
    static const int64_t steps[] = {5, 10, 20, 100};
    const struct retention few = {.last = FEW}, one = {.last = 1};
    assert_ok(checkpoint_prune(dir, &few, &err), err); /* no folder yet */
    for (size_t i = 0; i < COUNT(steps); i++) save_as(dir, &first, steps[i]);
    make_broken(dir, 7);
    make_broken(dir, 50);
    make_broken(dir, 200);
    assert_ok(checkpoint_prune(dir, &few, &err), err);
    assert_int_equal(entries(dir), 4); /* 200 and 50 broken, 100 and 20 */
    assert_int_equal(checkpoint_newest(dir, newest, NULL, 0), 100);
    assert_int_equal(checkpoint_below(dir, 100, newest), 50);
    assert_int_equal(checkpoint_below(dir, 50, newest), 20);
    assert_true(checkpoint_is_whole(newest));
    assert_int_equal(checkpoint_below(dir, 20, newest), -1);
    assert_ok(checkpoint_prune(dir, &one, &err), err);
    assert_int_equal(entries(dir), 2);
}

/* What is saved with a checkpoint tells the best, and the kernels that made it. */
static void test_validation(void **state) {
    const char *dir = fresh(state);
    struct err err = {0};
    char path[PATH_MAX];
    static const double losses[] = {3, 1.25, (double)NAN, 2};
    const struct retention best = {.last = 1, .best = true};
    struct saved read;
    for (int i = 0; i < 4; i++) {
        first.state.validation = losses[i];
        save_as(dir, &first, 10 * (i + 1));
    }
    assert_ok(checkpoint_prune(dir, &best, &err), err);
    assert_int_equal(entries(dir), 2);
    assert_int_equal(checkpoint_below(dir, 40, path), 20);
    make_state(&read, 99);
    assert_ok(checkpoint_load(path, &read.state, read.learn, &read.weights, &read.optim, &err),
              err);
    assert_true(read.state.validation == 1.25);
    assert_string_equal(read.state.kernels, blas_describe());
    free_state(&read);
}

/* A kill while an old one is removed, file by file in any order, leaves none that counts. */
static void test_half_removed_is_not_whole(void **state) {
    static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json",
                                        "optimizer.safetensors", "trainer.json"};
    const char *dir = fresh(state);
    char newest[PATH_MAX];
    for (size_t i = 0; i < COUNT(names); i++) {
        save_as(dir, &first, 3);
        save_as(dir, &first, 4);
        assert_int_equal(unlink(below(step_folder(dir, 4), names[i])), 0);
        assert_int_equal(checkpoint_newest(dir, newest, NULL, 0), 3);
    }
}

/* A killed save's remains are swept away before room is looked for. */
static void test_sweep(void **state) {
    const char *dir = fresh(state);
    struct err err = {0};
    save_as(dir, &first, 3);
    assert_int_equal(mkdir(below(dir, ".step-9.new"), 0700), 0);
    append_text(below(dir, "notes"), "not ours\n");
    room = 1000;
    assert_false(save(dir, &second, 4, &err));
    room = UINT64_MAX;
    assert_says(&err, "make room on this disk");
    assert_int_equal(entries(dir), 2);
    assert_true(loads_as(dir, 3, &first));
}

/* ---- refused ---- */

static void test_broken_ones_are_refused(void **state) {
    static const struct {
        const char *file, *text; /* NULL: cut to 100 bytes */
        const char *words;
    } cases[] = {
        {"trainer.json", NULL, "trainer.json"},
        {"trainer.json", "", "trainer.json"},
        {"trainer.json", "[1]", "trainer.json"},
        {"trainer.json", "{\"step\":1}", "stage is missing or wrong"},
        {"trainer.json",
         "{\"step\":1,\"stage\":4294967296,\"stage_step\":1,\"tokens\":1,\"lr_scale\":1,"
         "\"seconds\":1}",
         "stage is missing or wrong"},
        {"trainer.json",
         "{\"step\":1,\"stage\":0,\"stage_step\":1,\"tokens\":1,\"lr_scale\":0,\"seconds\":1}",
         "stage is missing or wrong"},
        {"trainer.json",
         "{\"step\":1,\"stage\":0,\"stage_step\":1,\"tokens\":1,\"lr_scale\":1,\"seconds\":1,"
         "\"learn\":\"all\"}",
         "optimizer_steps is missing or wrong"},
        {"trainer.json",
         "{\"step\":1,\"stage\":0,\"stage_step\":1,\"tokens\":1,\"lr_scale\":1,\"seconds\":1,"
         "\"learn\":\"7\",\"optimizer_steps\":{\"embed\":1,\"block.0.attn\":1,\"block.0.mlp\":"
         "1,"
         "\"block.0.norm\":1,\"norm\":1}}",
         "no group \"7\""},
        {"model.safetensors", NULL, "model.safetensors"},
        {"model.safetensors", "", "model.safetensors"},
        {"optimizer.safetensors", NULL, "optimizer.safetensors"},
        {"optimizer.safetensors", "12345678{}", "optimizer.safetensors"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *dir = fresh(state);
        struct err err = {0};
        save_as(dir, &first, 1);
        const char *path = step_folder(dir, 1), *file = below(path, cases[i].file);
        assert_int_equal(truncate(file, cases[i].text ? 0 : 100), 0);
        if (cases[i].text) append_text(file, cases[i].text);
        struct saved read;
        make_state(&read, 98);
        assert_false(
            checkpoint_load(path, &read.state, read.learn, &read.weights, &read.optim, &err));
        assert_says(&err, cases[i].words);
        assert_says(&err, cases[i].file);
        free_state(&read);
    }
}

static void test_other_shape_is_refused(void **state) {
    const char *dir = fresh(state);
    struct tiny_model taller;
    struct err err = {0};
    struct trainer_state s = {.by_hand = NULL};
    struct optim o;
    bool learn[2 * GROUPS];
    save_as(dir, &first, 1);
    const char *path = step_folder(dir, 1);
    tiny_init(&taller, 2, 8);
    assert_ok(optim_create(&taller.ex, &taller.table, first.optim.settings, &o, &err), err);
    assert_false(checkpoint_load(path, &s, learn, &taller.weights, &o, &err));
    assert_says(&err, path);
    optim_destroy(&o);
    tiny_deinit(&taller);
}

/* ---- a full disk ---- */

/* However much of a checkpoint fits, what was there stays and nothing new is left. */
static void test_file_size_limit(void **state) {
    const char *dir = fresh(state);
    struct rlimit before, tight;
    struct err err = {0};
    save_as(dir, &first, 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    bool saved = false;
    for (rlim_t bytes = 0; !saved; bytes = 2 * bytes + 1) {
        tight.rlim_cur = bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        saved = save(dir, &second, 2, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(loads_as(dir, 1, &first));
        assert_int_equal(entries(dir), saved ? 2 : 1);
    }
    assert_says(&err, "step-2");
    assert_true(loads_as(dir, 2, &second));
    signal(SIGXFSZ, SIG_DFL);
}

/* ---- every call in turn ---- */

/* Save `second` at `step` with the fault, in a process of its own: 0: saved, 1: refused, 9:
 * killed. *met: the call that fails was made. */
static int save_with_fault(const char *dir, int64_t step, int fail_at, int error, bool *met) {
    enum { MET = 64 };
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fault.fail_at = fail_at;
        fault.error = error;
        bool ok = save(dir, &second, step, NULL);
        _exit(!ok + (fault.calls >= fail_at ? MET : 0));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    *met = WEXITSTATUS(status) >= MET || WEXITSTATUS(status) == 9;
    return WEXITSTATUS(status) % MET;
}

/* Fail call number 1, 2, 3 ... of a save of `second` as `step`, beside or in the place of
 * `first`, which stands as step 1. */
static void fail_each_call(void **state, int64_t step, int error) {
    bool met = true;
    int refused = 0;
    for (int fail_at = 1; met; fail_at++) {
        const char *dir = fresh(state);
        char newest[PATH_MAX];
        save_as(dir, &first, 1);
        int status = save_with_fault(dir, step, fail_at, error, &met);
        bool old = loads_as(dir, 1, &first), new = loads_as(dir, step, &second);
        assert_true(step == 1 ? old != new : old);
        assert_true(new || status != 0);
        assert_int_equal(checkpoint_newest(dir, newest, NULL, 0), new ? step : 1);
        if (error != KILL) assert_int_equal(entries(dir), old + new); /* nothing half-made */
        if (error == EINTR) assert_int_equal(status, 0);
        save_as(dir, &second, step + 1); /* the next one is saved as ever, and sweeps */
        assert_true(loads_as(dir, step + 1, &second));
        assert_int_equal(entries(dir), old + new + 1);
        assert_true(files_remove_tree(dir, NULL));
        refused += status != 0;
    }
    assert_true(error == EINTR || refused > 20); /* the faults were real */
}

static void test_calls_that_fail(void **state) {
    static const int errors[] = {ENOSPC, EIO, EMFILE, EINTR};
    for (size_t i = 0; i < COUNT(errors); i++) {
        fail_each_call(state, 2, errors[i]);
        fail_each_call(state, 1, errors[i]);
    }
}

static void test_killed_at_each_call(void **state) {
    fail_each_call(state, 2, KILL);
    fail_each_call(state, 1, KILL);
}

/* ---- a model's folder alone ---- */

static void test_model_folder(void **state) {
    const char *path = in_folder(state, "base"), *aside = in_folder(state, "base.new");
    struct err err = {0};
    assert_int_equal(mkdir(aside, 0700), 0); /* a killed save's */
    const struct saved *const states[] = {&first, &second};
    for (int i = 0; i < 2; i++) {
        struct hf_model m;
        assert_ok(model_folder_save(path, &states[i]->weights, model.tokenizer, &err), err);
        assert_false(files_exists(aside));
        assert_ok(hf_model_load(path, &m, &err), err);
        assert_true(same_weights(&m.weights, &states[i]->weights));
        hf_model_destroy(&m);
    }
    assert_int_equal(entries(path), 4); /* SHA256SUMS too */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_step_is_replaced),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_half_removed_is_not_whole),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_broken_ones_are_refused),
        cmocka_unit_test(test_other_shape_is_refused),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_calls_that_fail),
        cmocka_unit_test(test_killed_at_each_call),
        cmocka_unit_test(test_model_folder),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, setup, teardown);
}
