/* test_shards.c - batches whose parts are added up as a tree: the same bits whatever threads,
 * micro batches' memory and resumes do, and the same gradient as that of the whole batch. */
#include "run/trainer_test.h"

#include <math.h>

static struct settings *sharded_settings(const char *shards) {
    struct settings *s = small_settings();
    put(s, "stages.0.batch", "8");
    put(s, "stages.1.batch", "8");
    put(s, "shards", shards);
    return s;
}

static void test_threads_and_resume_give_the_same_bits(void **state) {
    (void)state;
    struct settings *s = sharded_settings("4");
    struct err err = {0};
    struct run_paths one = train(s, "sharded"), three;
    put(s, "threads", "3");
    three = train(s, "sharded-threads");
    assert_same_state(&one, &three, 24);
    for (int64_t step = 18; step <= 24; step++) { /* from step 17, in the second stage, on */
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/step-%" PRId64, three.checkpoints, step);
        assert_true(files_remove_tree(path, NULL));
    }
    must(engine_main(s, &three, true, &err), &err);
    assert_same_state(&one, &three, 24);
    free(s);
}

/* Adapters with dropout, and two sequences at a time of the four of a shard. */
static void test_adapters_and_micro_batches(void **state) {
    (void)state;
    struct settings *s = sharded_settings("2");
    put(s, "stages.1.adapter.rank", "3");
    put(s, "stages.1.adapter.dropout", "0.2");
    put(s, "stages.1.micro_batch", "2");
    s->stages[1].freeze.n = 0;
    struct run_paths one = train(s, "sharded-lora"), two;
    put(s, "threads", "2");
    put(s, "recompute", "blocks");
    two = train(s, "sharded-lora-again");
    assert_same_state(&one, &two, 24);
    free(s);
}

/* ---- the gradient itself ---- */

struct sums {
    double loss;
    struct weights g;
    struct session n;
};

/* The gradient of the first batch. */
static void first_gradient(struct sums *out, const char *shards) {
    struct run_paths p;
    struct err err = {0};
    char name[32];
    struct settings *s = sharded_settings(shards);
    snprintf(name, sizeof name, "gradient-%s", shards);
    fresh_paths(name, &p);
    session_open(&out->n, s, &p);
    must(trainer_create(out->n.t, &out->n.plan, &err), &err);
    must(stage_begin(out->n.t, &err), &err);
    struct gradient got;
    must(trainer_gradient(out->n.t, &got, &err), &err);
    out->loss = got.loss;
    out->g = out->n.t->grads;
}

static void sums_deinit(struct sums *s) {
    struct settings *settings = s->n.settings;
    session_close(&s->n);
    free(settings);
}

/* Rounding apart, whatever the shards: and apart it is, or the tree was not used. */
static void test_is_the_batchs_gradient(void **state) {
    (void)state;
    static const char *const shards[] = {"2", "4", "8"};
    struct sums whole;
    first_gradient(&whole, "1");
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        struct sums tree;
        double apart = 0, size = 0;
        first_gradient(&tree, shards[i]);
        assert_true(fabs(tree.loss - whole.loss) <= 1e-6 * whole.loss);
        for (int g = 0; g < whole.g.table->n_groups; g++)
            for (size_t j = 0; j < whole.g.table->groups[g].reals; j++) {
                double x = (double)whole.g.group[g][j], y = (double)tree.g.group[g][j];
                apart += (x - y) * (x - y);
                size += x * x;
            }
        assert_true(apart > 0 && apart <= 1e-10 * size);
        sums_deinit(&tree);
    }
    sums_deinit(&whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_resume_give_the_same_bits),
        cmocka_unit_test(test_adapters_and_micro_batches),
        cmocka_unit_test(test_is_the_batchs_gradient),
    };
    return cmocka_run_group_tests_name("shards", tests, make_folder, remove_folder);
}
