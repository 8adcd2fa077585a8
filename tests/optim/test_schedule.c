/* test_schedule.c - the learning rate at the corners of each schedule. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "engine/optim/optim.h"

/* 100 steps, 9 of warm-up: step 4 has half of it, step 9 all. */
static const struct schedule constant = {
    .kind = SCHEDULE_CONSTANT, .steps = 100, .warmup = 9, .lr = 2};
static const struct schedule cosine = {
    .kind = SCHEDULE_COSINE, .steps = 109, .warmup = 9, .lr = 2, .final_share = 0.1};
static const struct schedule wsd = {.kind = SCHEDULE_WSD,
                                    .steps = 100,
                                    .warmup = 9,
                                    .lr = 2,
                                    .final_share = 0.5,
                                    .decay_share = 0.2};
static const struct schedule bare = {.kind = SCHEDULE_COSINE, .steps = 1, .lr = 3};

static const struct lr_case {
    const char *name;
    const struct schedule *s;
    int64_t step;
    double lr;
} cases[] = {
    {"constant: first step moves", &constant, 0, 0.2},
    {"constant: warm-up is linear", &constant, 4, 1},
    {"constant: after the warm-up", &constant, 9, 2},
    {"constant: to the end", &constant, 99, 2},
    {"constant: beyond the end", &constant, 1000, 2},
    {"cosine: warm-up", &cosine, 4, 1},
    {"cosine: top", &cosine, 9, 2},
    {"cosine: half way down", &cosine, 59, 1.1},
    {"cosine: a quarter of the way", &cosine, 34,
     2 * (0.1 + 0.9 * (1 + 0.70710678118654752) / 2)},
    {"cosine: beyond the end as at the last step", &cosine, 109,
     2 * (0.1 + 0.9 * 2.4671981713420e-4)},
    {"cosine: a single step", &bare, 0, 3},
    {"wsd: stable", &wsd, 79, 2},
    {"wsd: the corner", &wsd, 80, 2},
    {"wsd: half way down", &wsd, 90, 1.5},
    {"wsd: last step", &wsd, 99, 1.05},
};

static void test_lr(void **state) {
    const struct lr_case *c = *state;
    double lr = schedule_lr(c->s, c->step);
    if (!(fabs(lr - c->lr) < 1e-9)) fail_msg("%.12g instead of %.12g", lr, c->lr);
}

/* Up through the warm-up, never up again, and above zero at every step. */
static void test_shape(void **state) {
    const struct schedule *const all[] = {&constant, &cosine, &wsd};
    enum { ALL = 3 };
    (void)state;
    for (int i = 0; i < ALL; i++)
        for (int64_t step = 1; step < all[i]->steps; step++) {
            double before = schedule_lr(all[i], step - 1), now = schedule_lr(all[i], step);
            assert_true(step <= all[i]->warmup ? now > before : now <= before);
            assert_true(now > 0 && before > 0);
        }
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_lr, .initial_state = (void *)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest){.name = "shape", .test_func = test_shape};
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
