/* test_memory.c - settings that trade memory for time: what they save, and what they leave as
 * it is. */
#include "run/trainer_test.h"

#include <math.h>

#include "engine/nn/op_loss.h"

/* ---- micro batches ---- */

struct curve {
    int n;
    double loss[32], grad_norm[32];
};

static void add_point(void *ctx, const struct event *e) {
    struct curve *c = ctx;
    if (e->type != EVENT_STEP) return;
    assert_in_range(c->n, 0, 31);
    c->loss[c->n] = e->stp.loss;
    c->grad_norm[c->n++] = e->stp.grad_norm;
}

static struct curve curve_of(const struct run_paths *p) {
    struct curve c = {0};
    each_event(p, add_point, &c);
    return c;
}

static struct settings *in_parts(const char *micro_batch) {
    struct settings *s = small_settings();
    put(s, "stages.0.batch", "8");
    put(s, "stages.1.batch", "8");
    put(s, "stages.0.micro_batch", micro_batch);
    put(s, "stages.1.micro_batch", micro_batch);
    return s;
}

/* The same means over the whole batch, but for the order in which they are summed. */
static void test_parts_give_the_same_curve(void **state) {
    (void)state;
    struct settings *whole = in_parts("0"), *all = in_parts("8"), *parts = in_parts("2");
    struct run_paths p = train(whole, "one-part"), q = train(all, "one-part-too");
    struct curve a = curve_of(&p), b;
    assert_same_state(&p, &q, 24);
    p = train(parts, "four-parts");
    b = curve_of(&p);
    assert_int_equal(a.n, 24);
    assert_int_equal(b.n, 24);
    for (int i = 0; i < a.n; i++) {
        assert_true(fabs(a.loss[i] - b.loss[i]) <= 1e-5 * a.loss[i]);
        assert_true(fabs(a.grad_norm[i] - b.grad_norm[i]) <= 1e-3 * a.grad_norm[i]);
    }
    free(whole);
    free(all);
    free(parts);
}

/* Forget what was saved after `step`, and go on from there. */
static void train_again_from(struct settings *s, const struct run_paths *p, int64_t step) {
    struct err err = {0};
    char path[PATH_MAX + 32];
    for (int64_t later = 24; later > step; later--) {
        snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, later);
        if (files_exists(path)) must(files_remove_tree(path, &err), &err);
    }
    must(engine_main(s, p, true, &err), &err);
}

static void test_parts_keep_their_promises(void **state) {
    (void)state;
    struct settings *s = in_parts("2");
    struct run_paths one = train(s, "parts-one-thread"), again = train(s, "parts-again");
    train_again_from(s, &again, 17);
    assert_same_state(&one, &again, 24);
    train_again_from(s, &again, 5);
    assert_same_state(&one, &again, 24);
    put(s, "threads", "2");
    struct run_paths two = train(s, "parts-two-threads");
    assert_same_state(&one, &two, 24);
    free(s);
}

/* A batch larger than memory is a matter of time alone. */
static void test_memory_follows_the_parts(void **state) {
    (void)state;
    struct settings *whole = in_parts("0"), *parts = in_parts("2");
    struct memory_plan a = planned_memory(whole, "plan-whole"),
                       b = planned_memory(parts, "plan-parts");
    assert_true(a.weights == b.weights);
    assert_true(2 * b.activations < a.activations);
    put(parts, "stages.0.batch", "64");
    put(parts, "stages.1.batch", "64");
    struct memory_plan c = planned_memory(parts, "plan-many-parts");
    assert_true(c.activations == b.activations);
    free(whole);
    free(parts);
}

/* ---- recomputation ---- */

static void test_recompute_leaves_the_weights(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths kept = train(s, "kept");
    struct memory_plan before = planned_memory(s, "plan-kept");
    put(s, "recompute", "blocks");
    put(s, "threads", "2");
    struct run_paths made_again = train(s, "made-again");
    assert_same_state(&kept, &made_again, 24);
    assert_true(planned_memory(s, "plan-made-again").activations < before.activations);
    free(s);
}

/* Targets that do not count: a part weighs what it counts, and one that counts nothing,
 * nothing. */
static void test_parts_weigh_what_counts(void **state) {
    (void)state;
    const int32_t targets[] = {3, LOSS_IGNORE, LOSS_IGNORE, 0, 7, LOSS_IGNORE};
    assert_int_equal(targets_counted(targets, 6), 3);
    assert_int_equal(targets_counted(targets, 2), 1);
    assert_int_equal(targets_counted(targets + 1, 2), 0);
    assert_int_equal(targets_counted(targets, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_give_the_same_curve),
        cmocka_unit_test(test_parts_keep_their_promises),
        cmocka_unit_test(test_memory_follows_the_parts),
        cmocka_unit_test(test_parts_weigh_what_counts),
        cmocka_unit_test(test_recompute_leaves_the_weights),
    };
    return cmocka_run_group_tests_name("memory", tests, make_folder, remove_folder);
}
