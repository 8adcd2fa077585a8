/* test_checkpoint_check.c - every kind of damage to a checkpoint is found and named, and the
 * newest one without any is gone on from. */
#include "run/run_model.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "engine/core/sums.h"
#include "engine/run/checkpoint.h"
#include "engine/run/checkpoint_check.h"
#include "engine/run/run_dir.h"

static struct tiny_model model;
static struct optim optim;
static char folder[] = "/tmp/thaw-test-run-XXXXXX"; /* *state is the row of a table here */

static int setup(void **state) {
    struct err err = {0};
    struct optim_settings settings = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
    (void)state;
    if (!mkdtemp(folder)) return -1;
    tiny_init(&model, 1, 8);
    assert_ok(optim_create(&model.ex, &model.table, settings, &optim, &err), err);
    return 0;
}

static int teardown(void **state) {
    optim_destroy(&optim);
    tiny_deinit(&model);
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

static void save(const char *dir, int64_t step, char path[PATH_MAX]) {
    bool learn[16] = {true};
    uint64_t bytes;
    struct err err = {0};
    struct trainer_state s = {.step = step, .lr_scale = 1};
    assert_ok(checkpoint_save(dir, &s, learn, &model.weights, &optim, model.tokenizer, path,
                              &bytes, &err),
              err);
}

/* One bit of a file's last byte but `back`. */
static void flip(const char *path, off_t back) {
    unsigned char byte;
    int fd = open(path, O_RDWR);
    off_t at = lseek(fd, 0, SEEK_END) - 1 - back;
    assert_true(fd >= 0 && at >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void cut(const char *path) { assert_int_equal(truncate(path, 8), 0); }
static void flip_last(const char *path) { flip(path, 0); }
static void flip_inside(const char *path) { flip(path, 20); }
static void take_away(const char *path) { assert_int_equal(unlink(path), 0); }

static const struct damage {
    const char *name, *file;
    void (*harm)(const char *path);
    const char *words;
} damages[] = {
    {"a bit of a weight", "model.safetensors", flip_last, "model.safetensors has other bytes"},
    {"a bit of a moment", "optimizer.safetensors", flip_inside,
     "optimizer.safetensors has other"},
    {"a bit of the vocabulary", "tokenizer.json", flip_inside,
     "tokenizer.json has other bytes"},
    {"a cut file", "model.safetensors", cut, "model.safetensors has 8 bytes, not the "},
    {"a file that is gone", "optimizer.safetensors", take_away,
     "optimizer.safetensors is missing"},
    {"no config", "config.json", take_away, "config.json is missing"},
    {"no numbers", "trainer.json", take_away, "trainer.json is missing"},
    {"cut numbers", "trainer.json", cut, "trainer.json cannot be read"},
    {"cut sums", SUMS_NAME, cut, SUMS_NAME " is cut short"},
};

static void test_damage(void **state) {
    const struct damage *d = *state;
    char path[PATH_MAX];
    struct err err = {0};
    bool summed = false;
    save(folder, 5, path); /* in the place of the last one */
    assert_ok(checkpoint_check(path, &summed, &err), err);
    assert_true(summed);
    d->harm(below(path, d->file));
    assert_false(checkpoint_check(path, NULL, &err));
    assert_says(&err, d->words);
}

/* As older versions left it: what can be told without sums is told. */
static void test_without_sums(void **state) {
    char dir[PATH_MAX], path[PATH_MAX];
    struct err err = {0};
    bool summed = true;
    (void)state;
    snprintf(dir, sizeof dir, "%s", below(folder, "old"));
    save(dir, 5, path);
    take_away(below(path, SUMS_NAME));
    assert_ok(checkpoint_check(path, &summed, &err), err);
    assert_false(summed);
    flip_last(below(path, "model.safetensors")); /* only sums could tell */
    assert_ok(checkpoint_check(path, NULL, &err), err);
    cut(below(path, "model.safetensors"));
    assert_false(checkpoint_check(path, NULL, &err));
}

static void test_newest(void **state) {
    char dir[PATH_MAX], path[PATH_MAX], newest[PATH_MAX];
    struct buf skipped = {0};
    (void)state;
    snprintf(dir, sizeof dir, "%s", below(folder, "newest"));
    assert_int_equal(checkpoint_newest_sound(dir, newest, &skipped), -1);
    save(dir, 10, path);
    save(dir, 20, path);
    flip_last(below(path, "model.safetensors"));
    save(dir, 30, path);
    take_away(below(path, "config.json"));
    assert_int_equal(checkpoint_newest(dir, newest, NULL, 0), 20); /* its sizes are right */
    assert_int_equal(checkpoint_newest_sound(dir, newest, &skipped), 10);
    assert_string_equal(strrchr(newest, '/'), "/step-10");
    assert_string_equal(
        buf_text(&skipped),
        "step-30 (config.json is missing), step-20 (model.safetensors has other "
        "bytes than were saved (SHA256SUMS says so))");
    buf_deinit(&skipped);
}

int main(void) {
    struct CMUnitTest tests[COUNT(damages) + 2];
    for (size_t i = 0; i < COUNT(damages); i++)
        tests[i] = (struct CMUnitTest){.name = damages[i].name,
                                       .test_func = test_damage,
                                       .initial_state = (void *)&damages[i]};
    tests[COUNT(damages)] = (struct CMUnitTest)cmocka_unit_test(test_without_sums);
    tests[COUNT(damages) + 1] = (struct CMUnitTest)cmocka_unit_test(test_newest);
    return cmocka_run_group_tests_name("checkpoint_check", tests, setup, teardown);
}
