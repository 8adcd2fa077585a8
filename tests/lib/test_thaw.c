/* test_thaw.c - libthaw as another program uses it: only its header is included. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/lib/thaw.h"

enum { LINES = 400 };
static const struct thaw_shape tiny = {
    .layers = 2, .heads = 2, .width = 32, .context = 32, .vocab = 300};

/* Sentences of three words, each of which may follow the others. */
static char *make_text(unsigned seed) {
    static const char *const words[] = {"red",  "cat", "sees", "dog",
                                        "runs", "old", "tree", "sun"};
    char *text = calloc(LINES, 32);
    for (int i = 0; i < LINES; i++) {
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            strcat(text, words[seed >> 29]);
            strcat(text, k < 2 ? " " : ".\n");
        }
    }
    return text;
}

struct fixture {
    struct thaw_error error;
    struct thaw_model *model;
    char *text;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->text = make_text(7);
    f->model = thaw_model_new(&tiny, f->text, strlen(f->text), 1, 2, &f->error);
    *state = f;
    return f->model ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    thaw_model_free(f->model);
    free(f->text);
    free(f);
    return 0;
}

/* The loss of the last of some steps. */
static double train(struct fixture *f, struct thaw_model *m, const char *frozen, int steps) {
    struct thaw_recipe recipe = {.steps = steps, .lr = 0.01, .batch = 4, .seed = 3};
    struct thaw_training *t =
        thaw_training_new(m, f->text, strlen(f->text), &recipe, &f->error);
    double loss = NAN;
    assert_non_null(t);
    assert_true(thaw_training_freeze(t, frozen, &f->error));
    for (int i = 0; i < steps; i++) assert_true(thaw_training_step(t, &loss, &f->error));
    thaw_training_free(t);
    return loss;
}

static void test_learns(void **state) {
    struct fixture *f = *state;
    size_t n = strlen(f->text);
    assert_true(thaw_model_parameters(f->model) > 10000);
    assert_int_equal(thaw_model_context(f->model), 32);
    double before = thaw_score(f->model, f->text, n, &f->error);
    double last = train(f, f->model, "", 40),
           after = thaw_score(f->model, f->text, n, &f->error);
    assert_true(before > 3 && last < before && after < 0.7 * before);
    char *text = thaw_generate(f->model, "red cat", 12, 0, 1, &f->error);
    assert_non_null(text);
    assert_true(strlen(text) > 0);
    free(text);
}

/* The whole of a model as bytes, by way of its file. */
static char *bytes_of(struct fixture *f, struct thaw_model *m, size_t *n) {
    char folder[] = "/tmp/thaw-lib.XXXXXX", path[64], rest[64];
    static const char *const files[] = {"config.json", "tokenizer.json", "model.safetensors"};
    assert_non_null(mkdtemp(folder));
    assert_true(thaw_model_save(m, folder, &f->error));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    assert_false(thaw_model_save(m, folder, &f->error)); /* one is there already */
    struct thaw_model *again = thaw_model_load(folder, 1, &f->error);
    assert_non_null(again);
    assert_int_equal(thaw_model_parameters(again), thaw_model_parameters(m));
    double a = thaw_score(m, f->text, 200, &f->error),
           b = thaw_score(again, f->text, 200, &f->error);
    assert_true(a == b);
    thaw_model_free(again);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(rest, sizeof rest, "%s/%s", folder, files[i]);
        assert_int_equal(unlink(rest), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    return bytes;
}

static void test_same_bits(void **state) {
    struct fixture *f = *state;
    char *bytes[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        struct thaw_model *m =
            thaw_model_new(&tiny, f->text, strlen(f->text), 5, i ? 4 : 1, &f->error);
        assert_non_null(m);
        train(f, m, "", 10);
        bytes[i] = bytes_of(f, m, &n[i]);
        thaw_model_free(m);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void test_freezes(void **state) {
    struct fixture *f = *state;
    size_t n, n_after;
    char *before = bytes_of(f, f->model, &n);
    train(f, f->model, "all", 3);
    char *frozen = bytes_of(f, f->model, &n_after);
    assert_int_equal(n, n_after);
    assert_memory_equal(before, frozen, n);
    train(f, f->model, "embed", 3);
    char *learnt = bytes_of(f, f->model, &n_after);
    assert_true(memcmp(before, learnt, n) != 0);
    free(before);
    free(frozen);
    free(learnt);
}

static void test_refuses(void **state) {
    struct fixture *f = *state;
    struct thaw_shape odd = tiny;
    struct thaw_recipe recipe = {.optimizer = "sgd"};
    size_t n = strlen(f->text);
    odd.heads = 3;
    assert_null(thaw_model_new(&odd, f->text, n, 1, 1, &f->error));
    assert_non_null(strstr(f->error.text, "heads"));
    odd = tiny;
    odd.family = "rnn";
    assert_null(thaw_model_new(&odd, f->text, n, 1, 1, &f->error));
    assert_non_null(strstr(f->error.text, "rnn"));
    assert_null(thaw_model_new(&tiny, "", 0, 1, 1, NULL));
    assert_null(thaw_model_load("/nonexistent", 1, &f->error));
    assert_non_null(strstr(f->error.text, "/nonexistent"));
    assert_null(thaw_training_new(f->model, f->text, n, &recipe, &f->error));
    assert_non_null(strstr(f->error.text, "sgd"));
    assert_null(thaw_training_new(f->model, "too short", 9, NULL, &f->error));
    assert_true(isnan(thaw_score(f->model, "", 0, &f->error)));
    recipe = (struct thaw_recipe){.batch = 2};
    struct thaw_training *t = thaw_training_new(f->model, f->text, n, &recipe, &f->error);
    assert_non_null(t);
    assert_false(thaw_training_freeze(t, "block.99", &f->error));
    assert_non_null(strstr(f->error.text, "block.99"));
    thaw_training_free(t);
    thaw_training_free(NULL);
    thaw_model_free(NULL);
}

/* A learning rate that breaks it: told, and the weights as they were before that step. */
static void test_goes_bad(void **state) {
    struct fixture *f = *state;
    struct thaw_recipe recipe = {
        .lr = 1e30, .batch = 2, .steps = 100, .warmup = 1, .clip = 1e30};
    struct thaw_training *t =
        thaw_training_new(f->model, f->text, strlen(f->text), &recipe, &f->error);
    bool ok = true;
    assert_non_null(t);
    for (int i = 0; ok && i < 20; i++) ok = thaw_training_step(t, NULL, &f->error);
    assert_false(ok);
    assert_non_null(strstr(f->error.text, "learning rate"));
    thaw_training_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_learns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_freezes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_bad, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("thaw", tests, NULL, NULL);
}
