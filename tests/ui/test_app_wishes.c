/* test_app_wishes.c - the way of a wish: said, granted or refused, and seen as a fact. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

enum { ALL = 1 << 30, CTRL_C = 3 };

static void test_freeze_becomes_fact(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "jjj ");
    assert_true(fixture_shows(&f, "freeze block.2 queued"));
    fixture_answer(&f, true, 373, NULL);
    assert_string_equal(fixture_row(&f, 22), "freeze block.2 queued, holds from step 373");
    assert_true(fixture_shows(&f, ">block.2  >frozen"));
    fixture_event(&f,
                  "\"step\":373,\"type\":\"freeze\",\"group\":\"block.2\",\"state\":\"frozen\","
                  "\"by\":\"screen\",\"predicted_s\":0.112");
    assert_true(fixture_shows(&f, ">block.2  frozen"));
    assert_string_equal(fixture_row(&f, 22),
                        "block.2 frozen from step 373, a step should take 112ms");
    assert_true(fixture_shows(&f, "step -> 112ms, measuring"));
    assert_true(fixture_shows(&f, "4/8 learn"));
    fixture_event(&f,
                  "\"step\":373,\"type\":\"freeze\",\"group\":\"block.2\",\"state\":\"frozen\","
                  "\"by\":\"screen\",\"predicted_s\":0.112,\"measured_s\":0.115");
    assert_true(fixture_shows(&f, "step 115ms, predicted 112ms"));
    fixture_close(&f);
}

/* The fact may be read before the answer: then the answer does not put "queued" over it. */
static void test_fact_before_answer(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "jjj ");
    fixture_event(&f,
                  "\"step\":373,\"type\":\"freeze\",\"group\":\"block.2\",\"state\":\"frozen\","
                  "\"by\":\"screen\"");
    fixture_answer(&f, true, 373, NULL);
    assert_string_equal(fixture_row(&f, 22), "block.2 frozen from step 373");
    fixture_close(&f);
}

static void test_refused(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "jjj ");
    fixture_answer(&f, false, 0, "not now");
    assert_string_equal(fixture_row(&f, 22), "freeze block.2: not now");
    assert_false(fixture_shows(&f, ">frozen"));
    fixture_close(&f);
}

static void test_pause_and_resume(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_key(&f, 'p');
    assert_true(fixture_shows(&f, "LIVE *")); /* a wish is no fact */
    fixture_event(&f, "\"step\":372,\"type\":\"control\",\"do\":\"pause\",\"by\":\"screen\"");
    assert_true(fixture_shows(&f, "PAUSED"));
    f.now += 100; /* a paused run is silent, not stalled */
    assert_true(fixture_shows(&f, "PAUSED"));
    fixture_key(&f, 'p');
    assert_int_equal(f.sent[1].kind, COMMAND_RESUME);
    fixture_close(&f);
}

static void test_own_prompt(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
    fixture_recorded(&f, ALL);
    fixture_key(&f, 'e');
    fixture_key(&f, 21); /* Ctrl-U */
    fixture_type(&f, "the sea :");
    fixture_key(&f, KEYS_ENTER);
    assert_int_equal(f.n_sent, 1);
    assert_int_equal(f.sent[0].kind, COMMAND_SAMPLE);
    assert_string_equal(f.sent[0].text, "the sea :");
    assert_true(fixture_shows(&f, "fever :")); /* until the answer comes */
    for (int side = 0; side < 2; side++)
        fixture_event(
            &f,
            "\"step\":372,\"type\":\"sample\",\"prompt\":\"the sea :\",\"side\":\"%s\","
            "\"weights\":\"abcd\",\"seed\":0,\"temperature\":0.8,\"index\":-1,\"tokens\":"
            "[{\"id\":1,\"text\":\" water\",\"logprob\":-1,\"gain\":0.5}]",
            side ? "tuned" : "base");
    assert_true(fixture_shows(&f, "the sea :"));
    assert_true(fixture_shows(&f, "own prompt 1/1"));
    fixture_close(&f);
}

static void test_stop(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "Qy");
    fixture_answer(&f, true, 373, NULL);
    assert_int_equal(app_ended(f.app), APP_GOES_ON); /* until the run has ended */
    fixture_event(&f, "\"step\":372,\"type\":\"end\",\"reason\":\"stopped\"");
    assert_int_equal(app_ended(f.app), APP_STOP_ASKED);
    assert_true(fixture_shows(&f, "STOPPED"));
    fixture_close(&f);
}

static void test_end_by_itself(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_event(&f, "\"step\":420,\"type\":\"end\",\"reason\":\"finished\"");
    assert_int_equal(app_ended(f.app), APP_GOES_ON); /* there is still something to compare */
    fixture_type(&f, " pFN");
    assert_int_equal(f.n_sent, 0);
    assert_true(fixture_shows(&f, "the run has ended"));
    fixture_key(&f, 'q');
    assert_int_equal(app_ended(f.app), APP_DETACHED);
    fixture_close(&f);
}

/* An engine that answers prompts of a run that has ended is asked for nothing else. */
static void test_answers(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_event(&f, "\"step\":420,\"type\":\"end\",\"reason\":\"finished\"");
    fixture_type(&f, "e");
    assert_int_equal(f.n_sent, 0);
    assert_true(fixture_shows(&f, "thaw attach medical answers prompts"));
    f.app->answers = true;
    fixture_type(&f, "p ");
    assert_int_equal(f.n_sent, 0);
    assert_true(fixture_shows(&f, "nothing can be changed any more"));
    fixture_type(&f, "e");
    fixture_key(&f, 21); /* Ctrl-U: the line is empty */
    fixture_type(&f, "a cut :\r");
    assert_int_equal(f.n_sent, 1);
    assert_int_equal(f.sent[0].kind, COMMAND_SAMPLE);
    assert_string_equal(f.sent[0].text, "a cut :");
    assert_true(fixture_shows(&f, "the models answer"));
    assert_true(fixture_shows(&f, "e own")); /* it is offered */
    fixture_answer(&f, true, 421, NULL);
    assert_true(fixture_shows(&f, "sample \"a cut :\": done"));
    assert_false(fixture_shows(&f, "before step"));
    fixture_close(&f);
}

/* Another screen steers alone: this one watches, says so, and comes back to itself. */
static void test_role(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    app_set_role(f.app, 0);
    app_set_role(f.app, 1); /* as it was */
    fixture_type(&f, "p");
    assert_int_equal(f.n_sent, 1);
    app_set_role(f.app, -1);
    fixture_draw(&f);
    assert_true(fixture_shows(&f, "thaw attach medical --steal takes it back"));
    fixture_type(&f, "p ");
    assert_int_equal(f.n_sent, 1);
    assert_true(fixture_shows(&f, "another screen steers alone"));
    struct event news = {
        .type = EVENT_FREEZE,
        .step = 500,
        .freeze = {.group = "block.1", .by = "config", .frozen = true, .measured_s = 0.001}};
    app_observe(f.app, &news); /* does not take that from the screen */
    app_caught_up(f.app);
    fixture_draw(&f);
    assert_true(fixture_shows(&f, "another screen steers alone"));
    app_set_role(f.app, 1);
    fixture_draw(&f);
    assert_true(fixture_shows(&f, "this screen steers again"));
    fixture_type(&f, "p");
    assert_int_equal(f.n_sent, 2);
    fixture_close(&f);
    fixture_open(&f, APP_WATCH, 80, 24, GLYPHS_ASCII); /* one that watches stays so */
    fixture_recorded(&f, ALL);
    app_set_role(f.app, -1);
    app_set_role(f.app, 1);
    fixture_type(&f, "p");
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

static void test_detach(void **state) {
    static const int keys[] = {'q', CTRL_C};
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct app_fixture f;
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
        fixture_key(&f, keys[i]);
        assert_int_equal(app_ended(f.app), APP_DETACHED);
        assert_int_equal(f.n_sent, 0);
        fixture_close(&f);
    }
}

static void test_stall(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_draw(&f);
    f.now += 4.9;
    assert_true(fixture_shows(&f, "LIVE *"));
    f.now += 1;
    assert_true(fixture_shows(&f, "STALLED"));
    fixture_event(&f, "\"step\":373,\"type\":\"step\",\"loss\":1.8,\"tokens\":5000000");
    assert_true(fixture_shows(&f, "LIVE *"));
    fixture_event(&f, "\"step\":373,\"type\":\"layers\",\"groups\":{},\"step_s\":20");
    fixture_draw(&f);
    f.now += 99; /* five steps of twenty seconds */
    assert_true(fixture_shows(&f, "LIVE *"));
    f.now += 2;
    assert_true(fixture_shows(&f, "STALLED"));
    fixture_close(&f);
}

static void test_messages_end(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_key(&f, 'u');
    assert_string_equal(fixture_row(&f, 22), "nothing to undo");
    f.now += 60;
    assert_string_equal(fixture_row(&f, 22), "");
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freeze_becomes_fact),
        cmocka_unit_test(test_fact_before_answer),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_own_prompt),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_end_by_itself),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_role),
        cmocka_unit_test(test_detach),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_messages_end),
    };
    return cmocka_run_group_tests_name("app wishes", tests, NULL, NULL);
}
