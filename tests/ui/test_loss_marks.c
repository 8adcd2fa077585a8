#include <math.h>
#include <string.h>

#include "check.h"
#include "ui/loss_marks.h"

enum { STEPS = 100, TOKENS = 10 }; /* a step takes 10 tokens and half a second */

struct fixture {
    struct history h;
    struct own_marks own;
};

static void feed(struct history *h, struct event e, int step) {
    e.step = step;
    e.t = 0.5 * step;
    history_observe(h, &e);
}

static void feed_steps(struct history *h, int from, int to) {
    for (int i = from; i <= to; i++)
        feed(h, (struct event){.type = EVENT_STEP, .stp = {.loss = 2, .tokens = i * TOKENS}},
             i);
}

/* Steps with a freeze of two groups at 30, a checkpoint at 60 and a problem at 90. */
static void open_run(struct fixture *f) {
    struct event freeze = {.type = EVENT_FREEZE,
                           .freeze = {"block.0", true, "screen", (double)NAN, (double)NAN}};
    *f = (struct fixture){.own = {.n = 0}};
    history_init(&f->h);
    feed(&f->h, (struct event){.type = EVENT_STAGE, .stage = {.name = "pretrain"}}, 0);
    feed_steps(&f->h, 1, 30);
    feed(&f->h, freeze, 30);
    freeze.freeze.group = "norm";
    feed(&f->h, freeze, 30);
    feed_steps(&f->h, 31, 60);
    feed(&f->h, (struct event){.type = EVENT_CHECKPOINT, .checkpoint = {.path = "x"}}, 60);
    feed_steps(&f->h, 61, 90);
    feed(&f->h, (struct event){.type = EVENT_PROBLEM, .problem = {.text = "a full disk"}}, 90);
    feed_steps(&f->h, 91, STEPS);
}

static void toggle(struct fixture *f, double x, double slack) {
    own_marks_toggle(&f->own, &f->h, UNIT_STEPS, x, slack);
}

static const char *read_at(struct fixture *f, enum series_unit unit, double x, double slack) {
    static char text[80];
    loss_marks_read(&f->own, &f->h, unit, x, slack, text, sizeof text);
    return text;
}

static void test_toggle(void **state) {
    struct fixture f;
    (void)state;
    open_run(&f);
    toggle(&f, 40.4, 0.2); /* of the step nearest to it */
    assert_int_equal(f.own.n, 1);
    assert_true(f.own.steps[0] == 40);
    toggle(&f, 42, 1); /* too far to mean that one */
    assert_int_equal(f.own.n, 2);
    toggle(&f, 41, 1); /* means both */
    assert_int_equal(f.own.n, 0);
    toggle(&f, 1e9, 0);
    assert_true(f.own.n == 1 && f.own.steps[0] == STEPS);
    toggle(&f, 1e9, 0); /* the same step, however far */
    assert_int_equal(f.own.n, 0);
    for (int i = 1; i <= OWN_MARKS_MAX + 3; i++) toggle(&f, i, 0);
    assert_int_equal(f.own.n, OWN_MARKS_MAX); /* the oldest made room */
    assert_true(f.own.steps[0] == 4 && f.own.steps[OWN_MARKS_MAX - 1] == OWN_MARKS_MAX + 3);
    history_deinit(&f.h);
    open_run(&f);
    history_deinit(&f.h);
    toggle(&f, 1, 0); /* no step yet: nothing to mark */
    assert_int_equal(f.own.n, 0);
}

/* In every unit the same marks in the same order, and round again. */
static void test_next(void **state) {
    static const double scale[UNIT_COUNT] = {1, TOKENS, 0.5};
    static const double order[] = {30, 40, 60, 90, 100, 30};
    struct fixture f;
    (void)state;
    open_run(&f);
    toggle(&f, 100, 0);
    toggle(&f, 40, 0);
    for (int unit = 0; unit < UNIT_COUNT; unit++) {
        double x = -INFINITY;
        for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
            assert_true(loss_marks_next(&f.own, &f.h, (enum series_unit)unit, x, &x));
            assert_true(x == order[i] * scale[unit]);
        }
    }
    history_deinit(&f.h);
    double x = 7;
    assert_false(loss_marks_next(&f.own, &f.h, UNIT_STEPS, x, &x)); /* an empty run has none */
    assert_true(x == 7);
}

static void test_read(void **state) {
    struct fixture f;
    (void)state;
    open_run(&f);
    toggle(&f, 58, 0);
    toggle(&f, 90, 0);
    assert_string_equal(read_at(&f, UNIT_STEPS, 60, 5), "checkpoint"); /* the nearest */
    assert_string_equal(read_at(&f, UNIT_STEPS, 57, 5), "own mark");
    assert_string_equal(read_at(&f, UNIT_TOKENS, 570, 50), "own mark");
    assert_string_equal(read_at(&f, UNIT_STEPS, 70, 5), "");
    assert_string_equal(read_at(&f, UNIT_STEPS, 31, 5), "norm frozen +1"); /* and one more */
    assert_string_equal(read_at(&f, UNIT_SECONDS, 45, 1), "a full disk +1");
    history_deinit(&f.h);
}

/* A run that takes steps back keeps the own mark for when it gets there again. */
static void test_rewind(void **state) {
    struct fixture f;
    double x;
    (void)state;
    open_run(&f);
    toggle(&f, 95, 0);
    feed(&f.h,
         (struct event){.type = EVENT_RUN, .run = {.name = "", .version = "", .blas = ""}}, 60);
    assert_true(loss_marks_next(&f.own, &f.h, UNIT_STEPS, 60, &x));
    assert_true(x == 30); /* nothing there */
    feed_steps(&f.h, 61, 96);
    assert_true(loss_marks_next(&f.own, &f.h, UNIT_STEPS, 60, &x));
    assert_true(x == 95);
    history_deinit(&f.h);
}

/* In one column an own mark comes before what happened there, and after a border. */
static void test_order(void **state) {
    struct fixture f;
    struct chart_mark marks[LOSS_MARKS_MAX];
    const struct sight whole = {UNIT_STEPS, 0, 100, 50, 2}, part = {UNIT_STEPS, 50, 70, 50, 2};
    char letters[16] = "";
    (void)state;
    open_run(&f);
    toggle(&f, 30, 0);
    int n = loss_marks_in(&f.own, &f.h, &whole, marks, LOSS_MARKS_MAX);
    for (int i = 0; i < n; i++) letters[i] = marks[i].letter;
    assert_string_equal(letters, "m!FFc");
    assert_int_equal(loss_marks_in(&f.own, &f.h, &part, marks, LOSS_MARKS_MAX), 1);
    assert_int_equal(marks[0].letter, 'c');
    assert_int_equal(loss_marks_in(&f.own, &f.h, &whole, marks, 2), 2);
    history_deinit(&f.h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toggle), cmocka_unit_test(test_next),
        cmocka_unit_test(test_read),   cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("loss_marks", tests, NULL, NULL);
}
