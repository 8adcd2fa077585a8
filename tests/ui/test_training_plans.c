/* test_training_plans.c - what the screen tells of training plans: rates of groups, planned
 * thaws, a stage that ends early. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

static void open_run(struct app_fixture *f, int w, int h) {
    fixture_open(f, APP_DRIVE, w, h, GLYPHS_ASCII);
    fixture_event(f, "\"step\":0,\"type\":\"run\",\"groups\":[{\"name\":\"embed\"},{\"name\":"
                     "\"block.0\"},{\"name\":\"block.0.attn\"},{\"name\":\"block.0.mlp\"},"
                     "{\"name\":\"norm\"}],\"stages\":[{\"name\":\"pretrain\",\"steps\":500},"
                     "{\"name\":\"finetune\",\"steps\":100}]");
    fixture_event(f, "\"step\":0,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\","
                     "\"state\":\"started\",\"steps\":500");
}

static void feed_layers(struct app_fixture *f, const char *embed, const char *block) {
    fixture_event(
        f,
        "\"step\":1,\"type\":\"layers\",\"groups\":{\"embed\":{\"state\":\"frozen\"%s},"
        "\"block.0\":{\"state\":\"learn\",\"grad_norm\":0.3%s},\"block.0.attn\":{"
        "\"state\":\"learn\",\"grad_norm\":0.2},\"norm\":{\"state\":\"learn\","
        "\"grad_norm\":0.1}}",
        embed, block);
}

/* The factors have a column where there is room, and only where there are any. */
static void test_rates(void **state) {
    (void)state;
    static const struct {
        int w, h;
        bool column;
    } sizes[] = {{80, 24, false}, {120, 40, true}, {180, 50, true}, {300, 100, true}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct app_fixture f;
        open_run(&f, sizes[i].w, sizes[i].h);
        feed_layers(&f, "", "");
        assert_false(fixture_shows(&f, "frozen  x") || fixture_shows(&f, "state  lr"));
        feed_layers(&f, ",\"lr_scale\":0.00691", ",\"lr_scale\":null");
        assert_int_equal(fixture_shows(&f, "x7e-3"), sizes[i].column);
        assert_int_equal(fixture_shows(&f, "parts"), sizes[i].column);
        feed_layers(&f, ",\"lr_scale\":0.328", ",\"lr_scale\":12");
        assert_int_equal(fixture_shows(&f, "x0.33"), sizes[i].column);
        assert_int_equal(fixture_shows(&f, "x12"), sizes[i].column);
        fixture_close(&f);
    }
}

/* A frozen group says from when on it will learn; one that learns does not. */
static void test_planned_thaw(void **state) {
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {180, 50}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct app_fixture f;
        open_run(&f, sizes[i][0], sizes[i][1]);
        if (sizes[i][0] == 60) fixture_key(&f, '2');
        feed_layers(&f, ",\"thaws_at\":251", ",\"thaws_at\":9");
        assert_true(fixture_shows(&f, "@251"));
        assert_false(fixture_shows(&f, "@9"));
        feed_layers(&f, "", "");
        assert_false(fixture_shows(&f, "@"));
        fixture_close(&f);
    }
}

static void test_thawed_as_planned(void **state) {
    struct app_fixture f;
    (void)state;
    open_run(&f, 120, 40);
    fixture_event(&f, "\"step\":1,\"type\":\"step\",\"loss\":3");
    fixture_event(&f,
                  "\"step\":2,\"type\":\"freeze\",\"group\":\"block.0\",\"state\":\"learn\","
                  "\"by\":\"plan\",\"predicted_s\":0.5");
    assert_true(fixture_shows(&f, "block.0 thawed from step 2 by plan"));
    const struct journal *j = &f.app->history.journal;
    assert_int_equal(j->marks[j->n_marks - 1].letter, 'T');
    assert_string_equal(j->marks[j->n_marks - 1].text, "block.0 thawed as planned");
    fixture_close(&f);
}

/* Why the stage ends, as a mark, a sentence and a word of the lifecycle; a stage that is begun
 * again is not over. */
static void test_early_stop(void **state) {
    struct app_fixture f;
    (void)state;
    open_run(&f, 180, 50);
    fixture_event(&f, "\"step\":260,\"type\":\"step\",\"loss\":3");
    fixture_event(&f, "\"step\":260,\"type\":\"control\",\"do\":\"early-stop\",\"argument\":"
                      "\"domain has not fallen below 1.826\",\"by\":\"engine\"");
    fixture_event(&f, "\"step\":260,\"type\":\"control\",\"do\":\"restore\",\"argument\":"
                      "\"the weights of step 200\",\"by\":\"engine\"");
    const struct journal *j = &f.app->history.journal;
    assert_int_equal(j->marks[j->n_marks - 1].letter, 'E');
    assert_true(fixture_shows(&f, "the stage ends early: domain has not fallen"));
    assert_true(fixture_shows(&f, "the stage's best weights are back"));
    fixture_event(&f, "\"step\":260,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\","
                      "\"state\":\"finished\"");
    assert_true(fixture_shows(&f, "[1 PRETRAIN early]"));
    fixture_event(&f, "\"step\":200,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\","
                      "\"state\":\"started\",\"steps\":500");
    fixture_event(&f, "\"step\":500,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\","
                      "\"state\":\"finished\"");
    assert_true(fixture_shows(&f, "[1 PRETRAIN ok]"));
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates), cmocka_unit_test(test_planned_thaw),
        cmocka_unit_test(test_thawed_as_planned), cmocka_unit_test(test_early_stop)};
    return cmocka_run_group_tests_name("training_plans", tests, NULL, NULL);
}
