/* test_history.c - the fold: events in, facts out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/clock.h"
#include "ui/history.h"

static void feed(struct history *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void feed(struct history *h, const char *fmt, ...) {
    char line[4096];
    struct event e;
    struct err err = {0};
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    assert_true(n > 0 && n < (int)sizeof line);
    if (!event_parse(line, (size_t)n, &e, &err)) fail_msg("%s: %s", line, err.msg);
    history_observe(h, &e);
    event_deinit(&e);
}

static void feed_run(struct history *h, int step) {
    feed(h,
         "{\"seq\":1,\"t\":0,\"step\":%d,\"type\":\"run\",\"name\":\"x\",\"groups\":["
         "{\"name\":\"embed\",\"parameters\":10},{\"name\":\"block.0\",\"parameters\":7},"
         "{\"name\":\"block.0.attn\",\"parameters\":4},{\"name\":\"block.0.mlp\","
         "\"parameters\":3},"
         "{\"name\":\"block.1\",\"parameters\":7},{\"name\":\"block.1.attn\",\"parameters\":4},"
         "{\"name\":\"block.1.mlp\",\"parameters\":3},{\"name\":\"norm\",\"parameters\":1}],"
         "\"stages\":[{\"name\":\"pretrain\",\"steps\":100},{\"name\":\"finetune\",\"steps\":"
         "50}],"
         "\"prompts\":[\"fever :\",\"bank :\"]}",
         step);
}

static void feed_stage(struct history *h, int index, int step, bool finished) {
    feed(h,
         "{\"seq\":2,\"t\":%d,\"step\":%d,\"type\":\"stage\",\"index\":%d,\"name\":\"%s\","
         "\"state\":"
         "\"%s\",\"steps\":%d}",
         step, step, index, index ? "finetune" : "pretrain", finished ? "finished" : "started",
         index ? 50 : 100);
}

static void feed_step(struct history *h, int step, double t, double loss) {
    struct event e = {.step = step,
                      .t = t,
                      .type = EVENT_STEP,
                      .stp = {.loss = loss, .tokens = step * 10, .total = 0.5}};
    history_observe(h, &e);
}

static void feed_eval(struct history *h, int step, double general, double domain) {
    feed(h,
         "{\"seq\":3,\"t\":%d,\"step\":%d,\"type\":\"eval\",\"sets\":{\"general\":{\"tuned\":{"
         "\"loss\":%g},\"base\":{\"loss\":2.5}},\"domain\":{\"tuned\":{\"loss\":%g},\"base\":{"
         "\"loss\":4}}}}",
         step, step, general, domain);
}

static int setup(void **state) {
    struct history *h = calloc(1, sizeof *h);
    assert_non_null(h);
    history_init(h);
    *state = h;
    return 0;
}

static int teardown(void **state) {
    history_deinit(*state);
    free(*state);
    return 0;
}

static void test_plan(void **state) {
    struct history *h = *state;
    int learning;
    assert_int_equal(h->stage, -1);
    feed_run(h, 0);
    assert_int_equal(h->n_groups, 8);
    assert_int_equal(h->parameters, 25); /* parts are within their block */
    assert_int_equal(h->groups[1].n_parts, 2);
    assert_int_equal(h->groups[3].parent, 1);
    assert_int_equal(history_roots(h, &learning), 4);
    assert_int_equal(learning, 0); /* nothing told yet */
    assert_int_equal(h->samples.n, 2);
    assert_int_equal(h->state, RUN_STARTING);
}

static void test_stages(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    for (int i = 1; i <= 100; i++) feed_step(h, i, i, 3);
    assert_int_equal(h->state, RUN_LIVE);
    assert_int_equal(history_stage_step(h), 100);
    assert_int_equal(history_left(h, true), 50);
    feed_stage(h, 0, 100, true);
    feed_stage(h, 1, 100, false);
    for (int i = 101; i <= 120; i++) feed_step(h, i, i, 2);
    assert_int_equal(h->stage, 1);
    assert_true(h->stages[0].finished);
    assert_int_equal(history_stage_step(h), 20);
    assert_int_equal(history_left(h, false), 30);
    assert_true(fabs(history_pace(h) - 1) < 1e-9);
    feed(h, "{\"seq\":9,\"t\":130,\"step\":120,\"type\":\"end\",\"reason\":\"stopped\"}");
    assert_int_equal(h->state, RUN_ENDED);
    assert_int_equal(history_left(h, true), 0);
}

/* mean_k = sum (1-b) b^(k-i) y_i / (1 - b^k), over the finite points of the stage. */
static double slow_mean(const double *y, int n, double b) {
    double sum = 0, weight = 0;
    for (int i = 0; i < n; i++) {
        double w = (1 - b) * pow(b, n - 1 - i);
        sum += w * y[i];
        weight += w;
    }
    return sum / weight;
}

static void test_smoothing(void **state) {
    struct history *h = *state;
    double y[60];
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    assert_true(isnan(history_smooth(h, SMOOTHING_USUAL)));
    for (int i = 0; i < 60; i++) {
        y[i] = 3 + sin(i);
        feed_step(h, i + 1, i, y[i]);
        for (int s = 0; s < SMOOTHINGS; s++)
            assert_true(fabs(history_smooth(h, s) - slow_mean(y, i + 1, smoothing_factors[s])) <
                        1e-5);
    }
    feed_stage(h, 1, 60, false); /* other data: the mean begins anew */
    feed_step(h, 61, 61, 9);
    assert_true(fabs(history_smooth(h, SMOOTHING_USUAL) - 9) < 1e-6);
    double before = history_smooth(h, SMOOTHING_USUAL);
    feed_step(h, 62, 62, NAN); /* a bad number is kept on the curve and out of the mean */
    assert_true(history_smooth(h, SMOOTHING_USUAL) == before);
    assert_true(isnan(h->train.y[h->train.n - 1]));
    feed_step(h, 63, 63, 9);
    assert_true(fabs(history_smooth(h, SMOOTHING_USUAL) - 9) < 1e-6);
}

/* A run taken up again from a checkpoint makes steps a second time. */
static void test_resume(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    for (int i = 1; i <= 100; i++) feed_step(h, i, i, 3);
    feed_stage(h, 1, 100, false);
    for (int i = 101; i <= 130; i++) feed_step(h, i, i, 2);
    feed_eval(h, 125, 2.6, 3);
    feed(h,
         "{\"seq\":9,\"t\":130,\"step\":128,\"type\":\"freeze\",\"group\":\"norm\",\"state\":"
         "\"frozen\",\"by\":\"screen\"}");
    size_t marks = h->journal.n_marks;
    feed_run(h, 110); /* goes on from step 110 */
    assert_int_equal(h->state, RUN_STARTING);
    assert_int_equal(h->train.n, 110);
    assert_int_equal(h->sets[0].tuned.n, 0);
    assert_int_equal(h->journal.n_marks, marks - 1);
    feed_stage(h, 1, 110, false);
    feed_step(h, 111, 200, 1.5);
    assert_int_equal(history_stage_step(h), 11); /* of the stage that began at 100 */
    assert_int_equal(h->state, RUN_LIVE);
    feed_run(h, 90); /* and once more, from within the first stage */
    feed_stage(h, 0, 90, false);
    feed_step(h, 91, 300, 2.5);
    assert_int_equal(h->stage, 0);
    assert_int_equal(history_stage_step(h), 91);
    assert_int_equal(h->stages[1].first, -1);
    for (size_t i = 1; i < h->train.n; i++)
        assert_true(h->train.x[UNIT_STEPS][i] > h->train.x[UNIT_STEPS][i - 1]);
}

static void feed_control(struct history *h, const char *verb) {
    feed(h,
         "{\"seq\":5,\"t\":1,\"step\":5,\"type\":\"control\",\"do\":\"%s\",\"argument\":\"\"}",
         verb);
}

static void test_pause(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    for (int i = 1; i <= 10; i++) feed_step(h, i, i, 3);
    feed_control(h, "pause");
    assert_int_equal(h->state, RUN_PAUSED);
    feed_step(h, 11, 500, 3); /* 490 seconds later: no part of the pace */
    assert_true(fabs(history_pace(h) - 1) < 1e-9);
    assert_int_equal(h->state, RUN_PAUSED);
    feed_control(h, "resume");
    assert_int_equal(h->state, RUN_LIVE);
    feed_control(h, "single-step");
    assert_int_equal(h->state, RUN_PAUSED);
    feed_control(h, "next-stage");
    assert_int_equal(h->state, RUN_LIVE);
}

static void feed_freeze(struct history *h, const char *groups, const char *to, int step) {
    feed(h,
         "{\"seq\":6,\"t\":1,\"step\":%d,\"type\":\"freeze\",\"group\":\"%s\",\"state\":\"%s\","
         "\"by\":"
         "\"screen\",\"predicted_s\":1.5}",
         step, groups, to);
}

static void feed_times(struct history *h, int step, double speed, double forward) {
    struct event e = {.step = step,
                      .t = step,
                      .type = EVENT_STEP,
                      .stp = {.loss = 2,
                              .lr = 1e-3 * step,
                              .grad_norm = step,
                              .tokens_per_s = speed,
                              .forward = forward,
                              .backward = 0.2,
                              .update = 0.1,
                              .total = forward + 0.4}};
    history_observe(h, &e);
}

/* What a step's time goes to follows the freeze plan; a stage's speed is its own. */
static void test_speed(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    assert_true(isnan(history_stage_speed(h, 0)) && isnan(history_spent(h, SPENT_FORWARD)));
    for (int i = 1; i <= 100; i++)
        feed_times(h, i, i % 10 ? 1000 : 5, 0.5); /* slow now and then */
    assert_float_equal(history_stage_speed(h, 0), 1000, 1e-6);
    assert_float_equal(history_spent(h, SPENT_FORWARD), 0.5, 1e-6);
    assert_float_equal(history_spent(h, SPENT_REST), 0.1, 1e-6);
    assert_int_equal(h->speed.n, 100);
    assert_float_equal(h->rate.y[49], 0.05, 1e-6);
    assert_float_equal(h->norm.y[49], 50, 1e-6);
    feed_stage(h, 1, 100, false);
    assert_true(isnan(history_stage_speed(h, 1)));
    for (int i = 101; i <= 110; i++) feed_times(h, i, 3000, 0.3);
    assert_float_equal(history_stage_speed(h, 1), 3000, 1e-6);
    assert_float_equal(history_stage_speed(h, 0), 1000, 1e-6);
    assert_float_equal(history_spent(h, SPENT_FORWARD), 0.3,
                       1e-6); /* none of the stage before */
    feed(h, "{\"seq\":9,\"t\":110,\"step\":111,\"type\":\"freeze\",\"group\":\"embed\","
            "\"state\":\"frozen\",\"by\":\"screen\"}");
    feed_times(h, 111, 4000, 0.1);
    assert_float_equal(history_spent(h, SPENT_FORWARD), 0.1, 1e-6);
    feed_run(h, 50); /* taken up again: all measures go back together */
    assert_int_equal(h->train.n, 50);
    assert_int_equal(h->speed.n, 50);
    assert_int_equal(h->norm.n, 50);
}

static void test_freeze(void **state) {
    struct history *h = *state;
    int learning;
    feed_run(h, 0);
    feed_freeze(h, "all", "learn", 1);
    assert_int_equal(history_roots(h, &learning), 4);
    assert_int_equal(learning, 4);
    feed_freeze(h, "block.0.attn", "frozen", 5);
    assert_int_equal(history_group_state(h, 1), GROUP_PARTLY);
    feed_freeze(h, "block.0.mlp", "frozen", 6);
    assert_int_equal(history_group_state(h, 1), GROUP_FROZEN);
    feed_freeze(h, "embed,0-1", "frozen", 7);
    assert_int_equal(history_group_state(h, 4), GROUP_FROZEN);
    assert_int_equal(history_group_state(h, 7), GROUP_LEARNS);
    feed_freeze(h, "block.1", "learn", 8);
    feed_freeze(h, "norm", "learn", 8);
    assert_int_equal(h->freeze.count, 2); /* told as one */
    assert_true(isnan(h->freeze.measured_s));
    feed(h, "{\"seq\":7,\"t\":2,\"step\":8,\"type\":\"freeze\",\"group\":\"norm\",\"state\":"
            "\"learn\",\"by\":\"screen\",\"predicted_s\":1.5,\"measured_s\":1.4}");
    assert_true(h->freeze.measured_s == 1.4);
    assert_int_equal(h->freeze.count, 2); /* no new change */
}

static void test_select(void **state) {
    static const struct {
        const char *text, *taken; /* one letter a group */
        bool ok;
    } cases[] = {
        {"", "........", true},
        {"embed", "x.......", true},
        {"block.0", "..xx....", true},
        {"0", "..xx....", true},
        {"0-1", "..xx.xx.", true},
        {"block.1.mlp,norm", "......xx", true},
        {"all", "x.xx.xxx", true},
        {"5", "........", false},
        {"block", "........", false},
        {"0-", "........", false},
        {"embed,oops", "x.......", false},
        {"1-0", "........", false},
    };
    struct history *h = *state;
    feed_run(h, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool take[8] = {false};
        char taken[9] = "........";
        assert_int_equal(history_select(h, cases[i].text, take), cases[i].ok);
        for (int g = 0; g < 8; g++)
            if (take[g]) taken[g] = 'x';
        assert_string_equal(taken, cases[i].taken);
    }
}

/* The set that the header is about follows from the stage alone, whatever the losses do. */
static void test_main_set(void **state) {
    struct history *h = *state;
    assert_int_equal(history_main_set(h), -1);
    feed_run(h, 0);
    feed_eval(h, 10, 2.7, 3.0);
    assert_int_equal(history_main_set(h), 0);
    feed_stage(h, 1, 300, false);
    feed_eval(h, 310, 2.7, 3.0);
    assert_int_equal(history_main_set(h), 1);
    feed_eval(h, 320, 1.4, 3.9); /* the other one fell more */
    assert_int_equal(history_main_set(h), 1);
}

static void feed_sample(struct history *h, const char *prompt, const char *side, int index,
                        int step) {
    feed(h,
         "{\"seq\":8,\"t\":1,\"step\":%d,\"type\":\"sample\",\"prompt\":\"%s\",\"side\":\"%s\","
         "\"weights\":\"0123456789abcdef\",\"seed\":3,\"temperature\":0.8,\"index\":%d,"
         "\"tokens\":["
         "{\"id\":1,\"text\":\" a\",\"logprob\":-1,\"top\":[{\"text\":\" b\",\"logprob\":-2}]},"
         "{\"id\":2,\"text\":\" \\u00e9\",\"logprob\":-3,\"gain\":0.5}]}",
         step, prompt, side, index);
}

static void test_samples(void **state) {
    struct history *h = *state;
    const struct samples *s = &h->samples;
    feed_run(h, 0);
    feed_sample(h, "bank :", "tuned", 1, 10);
    assert_int_equal(s->newest, 1);
    assert_string_equal(s->pairs[1].tuned.text, " a \xc3\xa9");
    assert_string_equal(s->pairs[1].tuned.tokens[0].top[0].text, " b");
    assert_false(s->pairs[1].base.made);
    feed_sample(h, "my own :", "base", -1, 11);
    feed_sample(h, "my own :", "tuned", -1, 12);
    assert_int_equal(s->n, 3);
    assert_true(s->pairs[2].own && s->pairs[2].base.made && s->pairs[2].tuned.made);
    feed_run(h, 12); /* told again by a resumed run: nothing is lost or doubled */
    assert_int_equal(s->n, 3);
    assert_true(s->pairs[1].tuned.made);
    for (int i = 0; i < SAMPLES_OWN_MAX + 10; i++) {
        char prompt[32];
        snprintf(prompt, sizeof prompt, "own %d", i);
        feed_sample(h, prompt, "tuned", -1, 20);
    }
    feed_sample(h, "bank :", "legal/step-6", 1, 21); /* neither base nor tuned */
    assert_true(s->pairs[1].third.made && s->pairs[1].tuned.step == 10 &&
                !s->pairs[1].base.made);
    assert_string_equal(s->pairs[1].third.side, "legal/step-6");
    feed_sample(h, "own 73", "tuned", -1, 22);
    assert_int_equal(s->n, 2 + SAMPLES_OWN_MAX);
    assert_int_equal(s->newest, s->n - 1);
    assert_int_equal(samples_find_own(s, "my own :"), -1); /* the oldest made room */
}

/* Whatever is in the log: wild numbers, unknown names, missing keys. */
static void test_wild(void **state) {
    static const char *const lines[] = {
        "{\"type\":\"stage\",\"index\":-5,\"state\":\"started\"}",
        "{\"type\":\"stage\",\"index\":2000000000,\"state\":\"started\"}",
        "{\"type\":\"stage\",\"index\":15,\"state\":\"started\"}",
        "{\"type\":\"step\"}",
        "{\"type\":\"step\",\"step\":-9000000000000000000,\"loss\":1e300}",
        "{\"type\":\"step\",\"step\":9000000000000000000,\"loss\":-1e300,\"tokens\":-5}",
        "{\"type\":\"layers\",\"groups\":{\"nobody\":{\"state\":\"frozen\"},\"embed\":{}}}",
        "{\"type\":\"eval\",\"sets\":{\"\":{}}}",
        "{\"type\":\"freeze\"}",
        "{\"type\":\"freeze\",\"group\":\"nobody,,,\",\"state\":\"frozen\"}",
        "{\"type\":\"sample\"}",
        "{\"type\":\"sample\",\"index\":99,\"tokens\":[{},{}]}",
        "{\"type\":\"control\"}",
        "{\"type\":\"checkpoint\"}",
        "{\"type\":\"problem\"}",
        "{\"type\":\"progress\",\"done\":5,\"total\":0}",
        "{\"type\":\"run\"}",
        "{\"type\":\"run\",\"step\":-4,\"groups\":[{},{},{\"name\":\".\"}],\"stages\":[{}]}",
        "{\"type\":\"run\",\"groups\":[{\"name\":\"a.\"}]}",
        "{\"type\":\"end\"}",
    };
    struct history *h = *state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) feed(h, "%s", lines[i]);
        int learning;
        history_roots(h, &learning);
        assert_true(history_left(h, true) >= 0);
        assert_true(history_stage_step(h) >= 0);
        feed_run(h, 0);
    }
}

/* 1e5 steps with all that goes with them fold in a small fraction of what reading them takes.
 */
static void test_many(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    feed_stage(h, 0, 0, false);
    double start = clock_now();
    for (int i = 1; i <= 100000; i++) feed_step(h, i, i * 0.1, 3 + sin(i));
    print_message("100000 steps folded in %.0f ms\n", (clock_now() - start) * 1e3);
    assert_int_equal(h->train.n, 100000);
    assert_false(h->failed);
}

/* Who computes longest, by how much, and what the others lose by it; until the run goes on
 * alone. */
static void test_ranks(void **state) {
    struct history *h = *state;
    feed_run(h, 0);
    assert_int_equal(h->ranks.n, 0);
    feed(h, "{\"seq\":7,\"t\":1,\"step\":3,\"type\":\"ranks\",\"ranks\":["
            "{\"compute\":1,\"waited\":0.5},{\"compute\":1.25,\"waited\":0.25}]}");
    assert_int_equal(h->ranks.n, 2);
    assert_int_equal(h->ranks.slowest, 1);
    assert_float_equal(h->ranks.more, 0.25, 1e-9);
    assert_float_equal(h->ranks.waited, 0.25, 1e-9);
    feed(h, "{\"seq\":8,\"t\":1,\"step\":3,\"type\":\"ranks\",\"ranks\":7}");
    assert_int_equal(h->ranks.n, 0);
    feed(h, "{\"seq\":9,\"t\":1,\"step\":3,\"type\":\"ranks\",\"ranks\":[{}]}");
    assert_int_equal(h->ranks.n, 1);
    feed_run(h, 3);
    assert_int_equal(h->ranks.n, 0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_plan),     TEST(test_stages),  TEST(test_smoothing), TEST(test_resume),
        TEST(test_pause),    TEST(test_speed),   TEST(test_freeze),    TEST(test_select),
        TEST(test_main_set), TEST(test_samples), TEST(test_wild),      TEST(test_many),
        TEST(test_ranks),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
