/* The learning rate range test: on curves made here, and on a small model. */
#include "engine/run/lr_find.h"

#include <dirent.h>
#include <math.h>

#include "run/trainer_test.h"

/* ---- what a curve says ---- */

/* 120 rates from 1e-6 to 1: level at 5 until 1e-4, falling to `floor` at 1e-2, and from 1e-1
 * on rising, with a jitter of +-`noise`. */
static struct lr_found curve(struct lr_point points[120], double floor, double noise) {
    struct lr_found f = {.points = points, .n = 120};
    for (int i = 0; i < f.n; i++) {
        double x = -6 + 6.0 * i / (f.n - 1);
        double way = fmin(fmax((x + 4) / 2, 0), 1), up = fmax(x + 1, 0);
        double y = 5 - (5 - floor) * way * way * (3 - 2 * way) + 6 * up * up;
        points[i] = (struct lr_point){pow(10, x), y + (i % 2 ? noise : -noise), y};
    }
    return f;
}

static void test_finds_the_fall(void **state) {
    (void)state;
    struct lr_point points[120];
    struct lr_found f = curve(points, 3, 0.05);
    lr_find_judge(&f);
    assert_true(f.steepest > 0.6e-3 && f.steepest < 1.6e-3);
    assert_true(f.settled > 0.5e-2 && f.settled < 1e-2);
    assert_true(f.minimum >= 1e-2 && f.minimum <= 1e-1); /* anywhere in the valley */
    assert_true(fabs(f.suggested / f.settled - 1.0 / 3) < 1e-9);
}

static void test_sees_no_fall_in_noise(void **state) {
    (void)state;
    struct lr_point points[120];
    struct lr_found f = curve(points, 4.99, 0.1);
    lr_find_judge(&f);
    assert_true(isnan(f.steepest) && isnan(f.minimum) && isnan(f.settled) &&
                isnan(f.suggested));
    f = curve(points, 4.5, 0.1);
    lr_find_judge(&f);
    assert_true(isfinite(f.suggested));
}

/* From a single point to a few: an answer or none, but no reading beyond. */
static void test_few_points(void **state) {
    (void)state;
    for (int n = 1; n < 12; n++) {
        struct lr_point *points = calloc((size_t)n, sizeof *points);
        assert_non_null(points);
        for (int i = 0; i < n; i++) points[i] = (struct lr_point){i + 1.0, 9.0 - i, 9.0 - i};
        struct lr_found f = {.points = points, .n = n};
        lr_find_judge(&f);
        if (n >= 5) assert_true(f.minimum == n);
        lr_found_deinit(&f);
    }
}

/* ---- on a model ---- */

static struct lr_find_plan plan_of(const struct settings *s) {
    return (struct lr_find_plan){.settings = s, .steps = 60, .from = 1e-5, .to = 1};
}

static void find(const struct lr_find_plan *plan, struct lr_found *out) {
    struct err err = {0};
    must(lr_find(plan, out, &err), &err);
}

struct told {
    int points, prepared;
    double left;
};

static void count(void *ctx, const struct lr_find_progress *p) {
    struct told *t = ctx;
    t->prepared += p->point == NULL;
    if (!p->point) return;
    assert_int_equal(p->done, ++t->points);
    assert_true(p->total == 60 && p->left_s >= 0 && isfinite(p->point->smooth));
    t->left = p->left_s;
}

static void test_finds_a_rate(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct told told = {0};
    struct lr_found f;
    struct lr_find_plan plan = plan_of(s);
    plan.progress = count;
    plan.ctx = &told;
    find(&plan, &f);
    assert_int_equal(told.points, f.n);
    assert_true(told.prepared > 0);
    assert_true(f.points[0].lr == 1e-5 && f.points[0].smooth == f.points[0].loss);
    assert_true(f.n == 60 || isfinite(f.diverged_at));
    if (f.n == 60) assert_true(told.left == 0 && fabs(f.points[59].lr - 1) < 1e-9);
    for (int i = 1; i < f.n; i++) {
        assert_true(f.points[i].lr > f.points[i - 1].lr);
        assert_true(isfinite(f.points[i].loss));
    }
    assert_true(f.suggested >= 1e-4 && f.suggested <= 0.1);
    assert_true(f.steepest <= f.minimum && !f.stopped);
    lr_found_deinit(&f);
    free(s);
}

static void test_threads_give_the_same_points(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found one, two;
    struct lr_find_plan plan = plan_of(s);
    find(&plan, &one);
    s->threads = 2;
    find(&plan, &two);
    assert_int_equal(one.n, two.n);
    assert_memory_equal(one.points, two.points, (size_t)one.n * sizeof *one.points);
    assert_true(one.suggested == two.suggested);
    lr_found_deinit(&one);
    lr_found_deinit(&two);
    free(s);
}

static void test_stops_where_it_diverges(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found f;
    struct lr_find_plan plan = plan_of(s);
    plan.to = 1e6;
    find(&plan, &f);
    assert_true(f.n < 60);
    assert_true(f.diverged_at > f.minimum && f.diverged_at < 1e6);
    assert_true(isfinite(f.suggested) && f.suggested < 0.5);
    lr_found_deinit(&f);
    free(s);
}

/* A later stage starts from a model, and only its own groups learn: here none of the body, so
 * that the curve differs from the one with all. */
static void test_later_stage(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found all, some;
    struct err err = {0};
    struct lr_find_plan plan = plan_of(s);
    plan.stage = 1;
    assert_false(lr_find(&plan, &all, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.msg, "second begins with what stage first has made"));
    lr_found_deinit(&all);
    put(s, "stages.0.optimizer.lr", "0.02");
    put(s, "stages.0.schedule.warmup", "2");
    struct run_paths p = train(s, "base-of-later");
    plan.model = p.base;
    find(&plan, &some);
    s->stages[1].freeze.n = 0;
    find(&plan, &all);
    assert_true(some.points[0].loss == all.points[0].loss);
    assert_true(some.points[0].loss < log(300) - 0.1); /* it has learned something */
    assert_true(some.points[40].loss != all.points[40].loss);
    lr_found_deinit(&some);
    lr_found_deinit(&all);
    free(s);
}

static volatile sig_atomic_t stop;

static void stop_at_ten(void *ctx, const struct lr_find_progress *p) {
    (void)ctx;
    if (p->point && p->done == 10) stop = SIGINT;
}

static void test_stopping(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found f;
    struct err err = {0};
    struct lr_find_plan plan = plan_of(s);
    plan.stop_signal = &stop;
    plan.progress = stop_at_ten;
    stop = 0;
    find(&plan, &f);
    assert_true(f.stopped && f.n == 10 && isnan(f.diverged_at));
    lr_found_deinit(&f);
    assert_false(lr_find(&plan, &f, &err)); /* before anything was begun */
    assert_int_equal(err.code, ERR_STOPPED);
    lr_found_deinit(&f);
    free(s);
}

static void test_wrong_plans(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found f;
    struct err err = {0};
    struct lr_find_plan plan = plan_of(s);
    plan.steps = LR_FIND_STEPS_MIN - 1;
    assert_false(lr_find(&plan, &f, &err));
    assert_int_equal(err.code, ERR_USAGE);
    plan = plan_of(s);
    plan.to = plan.from;
    assert_false(lr_find(&plan, &f, &err));
    assert_int_equal(err.code, ERR_USAGE);
    free(s);
}

/* The texts are all there is, and the one run that was made on purpose. */
static int files_in(const char *path) {
    DIR *d = opendir(path);
    int n = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_leaves_nothing(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct lr_found f;
    struct lr_find_plan plan = plan_of(s);
    char here[PATH_MAX];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    int before = files_in(folder);
    plan.to = 1e6;
    find(&plan, &f);
    assert_int_equal(files_in(folder), before);
    assert_int_equal(chdir(here), 0);
    lr_found_deinit(&f);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_fall),
        cmocka_unit_test(test_sees_no_fall_in_noise),
        cmocka_unit_test(test_few_points),
        cmocka_unit_test(test_finds_a_rate),
        cmocka_unit_test(test_threads_give_the_same_points),
        cmocka_unit_test(test_stops_where_it_diverges),
        cmocka_unit_test(test_later_stage),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_wrong_plans),
        cmocka_unit_test(test_leaves_nothing),
    };
    return cmocka_run_group_tests_name("lr_find", tests, make_folder, remove_folder);
}
