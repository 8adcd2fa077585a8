/* test_lesson.c - the way through a lesson as a fold: what a step waits for, what counts when;
 * the figures that a run is to come to; the state as a word, and where a viewer is kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/lesson_state.h"

static const struct lesson waits = {
    .name = "waits",
    .n_steps = 7,
    .steps = {
        {.title = "no wait"},
        {.title = "stage", .wait = {.kind = LESSON_WAIT_STAGE, .stage = "finetune"}},
        {.title = "step", .wait = {.kind = LESSON_WAIT_STEP, .step = 12}},
        {.title = "of stage",
         .wait = {.kind = LESSON_WAIT_STEP, .stage = "finetune", .step = 5}},
        {.title = "key", .wait = {.kind = LESSON_WAIT_KEY, .key = ACTION_TOGGLE}},
        {.title = "by hand", .wait = {.kind = LESSON_WAIT_EVENT, .event = LESSON_FACT_FREEZE}},
        {.title = "by itself",
         .wait = {.kind = LESSON_WAIT_EVENT, .event = LESSON_FACT_EVAL}}}};

struct fold {
    struct history history;
    struct lesson_progress at;
    int64_t seq;
};

static void feed(struct fold *f, struct event e) {
    e.seq = ++f->seq;
    history_observe(&f->history, &e);
    lesson_observe(&f->at, &e);
}

static void begin(struct fold *f) {
    static struct event_plan plans[] = {{"pretrain", 10}, {"finetune", 20}};
    memset(f, 0, sizeof *f);
    history_init(&f->history);
    lesson_begin(&f->at, &waits, 0);
    feed(f, (struct event){.type = EVENT_RUN,
                           .run = {.name = "r",
                                   .version = "",
                                   .blas = "",
                                   .model = "{}",
                                   .beside = "",
                                   .seed = 7,
                                   .stages = plans,
                                   .n_stages = 2}});
}

static void stage(struct fold *f, int index, const char *name, int64_t step) {
    feed(f, (struct event){.type = EVENT_STAGE,
                           .step = step,
                           .stage = {.index = index, .name = name, .steps = 10 * (index + 1)}});
}

static void steps(struct fold *f, int from, int to) {
    for (int i = from; i <= to; i++)
        feed(f, (struct event){.type = EVENT_STEP, .step = i, .stp = {.loss = 2}});
}

static bool reached(struct fold *f, int step) {
    if (f->at.step != step) assert_true(lesson_go(&f->at, &waits, step, f->seq));
    return lesson_reached(&f->at, &waits, &f->history);
}

static void test_stages_and_steps(void **state) {
    struct fold f;
    (void)state;
    begin(&f);
    assert_true(reached(&f, 0));
    assert_false(reached(&f, 1));
    stage(&f, 0, "pretrain", 0);
    steps(&f, 1, 10);
    assert_false(reached(&f, 1));
    assert_false(reached(&f, 2));
    stage(&f, 1, "finetune", 10);
    assert_true(reached(&f, 1)); /* it has begun, with no step of it */
    assert_false(reached(&f, 3));
    steps(&f, 11, 12);
    assert_true(reached(&f, 2));
    steps(&f, 13, 14);
    assert_false(reached(&f, 3));
    steps(&f, 15, 15);
    assert_true(reached(&f, 3));
    history_deinit(&f.history);
}

static void test_keys(void **state) {
    struct fold f;
    (void)state;
    begin(&f);
    lesson_pressed(&f.at, &waits, ACTION_TOGGLE); /* before it is asked for */
    assert_false(reached(&f, 4));
    lesson_pressed(&f.at, &waits, ACTION_PAUSE);
    assert_false(reached(&f, 4));
    lesson_pressed(&f.at, &waits, ACTION_TOGGLE);
    assert_true(reached(&f, 4));
    assert_true(reached(&f, 0));
    assert_false(reached(&f, 4)); /* it is asked for anew */
    history_deinit(&f.history);
}

static void freeze(struct fold *f, const char *by, bool frozen) {
    feed(f, (struct event){.type = EVENT_FREEZE,
                           .step = 1,
                           .freeze = {.group = "block.0",
                                      .frozen = frozen,
                                      .by = by,
                                      .predicted_s = (double)NAN,
                                      .measured_s = (double)NAN}});
}

/* What someone does counts from when it is asked for, what the config does never. */
static void test_facts_by_hand(void **state) {
    struct fold f;
    (void)state;
    begin(&f);
    freeze(&f, "screen", true);
    assert_false(reached(&f, 5));
    freeze(&f, "config", true);
    freeze(&f, "screen", false);
    assert_false(reached(&f, 5));
    freeze(&f, "send", true);
    assert_true(reached(&f, 5));
    history_deinit(&f.history);
}

static void test_facts_by_themselves(void **state) {
    struct event_set set = {.name = "domain", .tuned = {.loss = 1, .perplexity = 2.7}};
    struct fold f;
    (void)state;
    begin(&f);
    assert_false(reached(&f, 6));
    feed(&f, (struct event){.type = EVENT_EVAL, .step = 1, .eval = {&set, 1}});
    assert_true(reached(&f, 6));
    assert_true(reached(&f, 0));
    assert_true(reached(&f, 6)); /* whenever it was */
    f.history.seq = 1;           /* a replay that stands before it */
    assert_false(lesson_reached(&f.at, &waits, &f.history));
    history_deinit(&f.history);
}

static void test_every_fact(void **state) {
    static const struct {
        struct event e;
        enum lesson_fact fact;
    } cases[] = {
        {{.type = EVENT_CONTROL, .control = {"pause", "", "screen"}}, LESSON_FACT_PAUSE},
        {{.type = EVENT_CONTROL, .control = {"resume", "", "screen"}}, LESSON_FACT_RESUME},
        {{.type = EVENT_CONTROL, .control = {"lr", "1e-4", "send"}}, LESSON_FACT_LR},
        {{.type = EVENT_CONTROL, .control = {"fork", "", "screen"}}, LESSON_FACT_FORK},
        {{.type = EVENT_CONTROL, .control = {"rollback", "", "screen"}}, LESSON_FACT_ROLLBACK},
        {{.type = EVENT_SAMPLE, .sample = {.index = -1}}, LESSON_FACT_SAMPLE},
        {{.type = EVENT_SAMPLE, .sample = {.index = 0}}, LESSON_FACTS},
        {{.type = EVENT_CONTROL, .control = {"eval", "", "screen"}}, LESSON_FACTS},
        {{.type = EVENT_CHECKPOINT}, LESSON_FACT_CHECKPOINT},
        {{.type = EVENT_END, .end = {"finished"}}, LESSON_FACT_END},
        {{.type = EVENT_STEP}, LESSON_FACTS}};
    (void)state;
    for (int i = 0; i < (int)COUNT(cases); i++) {
        struct lesson_progress p = {.step = 0};
        struct event e = cases[i].e;
        e.seq = 5;
        lesson_observe(&p, &e);
        for (int k = 0; k < LESSON_FACTS; k++) {
            assert_int_equal(p.last[k], k == (int)cases[i].fact ? 5 : 0);
            assert_int_equal(p.first[k], k == (int)cases[i].fact ? 5 : 0);
        }
    }
}

static void test_going(void **state) {
    struct lesson_progress p;
    (void)state;
    lesson_begin(&p, &waits, 2);
    assert_int_equal(p.step, 2);
    p.revealed = p.pressed = true;
    p.scroll = 3;
    assert_false(lesson_go(&p, &waits, 7, 1));
    assert_false(lesson_go(&p, &waits, -1, 1));
    assert_true(p.revealed);
    assert_true(lesson_go(&p, &waits, 3, 9));
    assert_false(p.revealed || p.pressed);
    assert_int_equal(p.scroll, 0);
    assert_int_equal(p.since, 9);
}

static void test_wait_words(void **state) {
    static const char *const words[] = {"",
                                        "FINE-TUNE begins",
                                        "step 12 is done",
                                        "FINE-TUNE, step 5 is done",
                                        "you press Space",
                                        "something is frozen by hand",
                                        "held-out text has been tried"};
    char out[128];
    (void)state;
    for (int i = 0; i < waits.n_steps; i++) {
        lesson_wait_words(&waits.steps[i].wait, out, sizeof out);
        assert_string_equal(out, words[i]);
    }
}

/* ---- figures */

static void test_measures(void **state) {
    static struct event_set set = {.name = "domain",
                                   .has_base = true,
                                   .tuned = {.loss = 1, .perplexity = 20, .accuracy = 0.75},
                                   .base = {.loss = 3, .perplexity = 80, .accuracy = 0.25}};
    static const double inf = INFINITY;
    const struct {
        struct lesson_expect x;
        double figure;
        bool met;
        const char *words;
    } cases[] = {{{LESSON_MEASURE_LOSS, "domain", 0.5, 1},
                  1,
                  true,
                  "loss of domain at least 0.5, at most 1"},
                 {{LESSON_MEASURE_PERPLEXITY, "domain", -inf, 19},
                  20,
                  false,
                  "perplexity of domain at most 19"},
                 {{LESSON_MEASURE_ACCURACY, "domain", 0.7, inf},
                  0.75,
                  true,
                  "accuracy of domain at least 0.7"},
                 {{LESSON_MEASURE_LOSS_DROP, "domain", 2, inf},
                  2,
                  true,
                  "loss_drop of domain at least 2"},
                 {{LESSON_MEASURE_PERPLEXITY_DROP, "domain", 0.8, inf},
                  0.75,
                  false,
                  "perplexity_drop of domain at least 0.8"},
                 {{LESSON_MEASURE_ACCURACY_GAIN, "domain", 0.5, inf},
                  0.5,
                  true,
                  "accuracy_gain of domain at least 0.5"},
                 {{LESSON_MEASURE_STEPS, "", 3, inf}, 3, true, "steps at least 3"},
                 {{LESSON_MEASURE_LOSS, "nowhere", 0, inf},
                  (double)NAN,
                  false,
                  "loss of nowhere at least 0"},
                 {{LESSON_MEASURE_FROM_BASE, "block.9", -inf, 0},
                  (double)NAN,
                  false,
                  "from_base of block.9 at most 0"}};
    struct fold f;
    char words[128];
    (void)state;
    begin(&f);
    stage(&f, 0, "pretrain", 0);
    steps(&f, 1, 3);
    feed(&f, (struct event){.type = EVENT_EVAL, .step = 3, .eval = {&set, 1}});
    for (int i = 0; i < (int)COUNT(cases); i++) {
        double figure = lesson_measure(&cases[i].x, &f.history);
        if (isnan(cases[i].figure)) assert_true(isnan(figure));
        else assert_true(fabs(figure - cases[i].figure) < 1e-12);
        assert_int_equal(lesson_met(&cases[i].x, &f.history), cases[i].met);
        lesson_expect_words(&cases[i].x, words, sizeof words);
        assert_string_equal(words, cases[i].words);
    }
    history_deinit(&f.history);
}

/* ---- the state as a word */

static void test_state_there_and_back(void **state) {
    struct lesson_state s = {
        .name = "cricket",
        .step = 2,
        .seeded = true,
        .seed = 1337,
        .n_sets = 2,
        .sets = {"stages.1.steps=50", "stages.1.data=[\"grammar:a b\", 100%]"}};
    struct lesson_state back;
    struct buf word = {0}, again = {0};
    struct err err = {0};
    (void)state;
    lesson_state_write(&s, &word);
    assert_string_equal(
        buf_text(&word),
        "cricket:3:seed1337:stages.1.steps=50:stages.1.data=%5B%22grammar%3Aa%20b%22,"
        "%20100%25%5D");
    assert_true(lesson_state_parse(buf_text(&word), &back, &err));
    assert_int_equal(back.step, 2);
    assert_string_equal(back.sets[1], s.sets[1]);
    lesson_state_write(&back, &again);
    assert_string_equal(buf_text(&again), buf_text(&word));
    buf_deinit(&word);
    buf_deinit(&again);
}

static void test_states_read(void **state) {
    static const struct {
        const char *word, *again; /* again NULL: refused with `message` in the sentence */
        const char *message;
    } cases[] = {{"cricket", "cricket:1", NULL},
                 {"cricket:2", "cricket:2", NULL},
                 {"cricket:seed5", "cricket:1:seed5", NULL},
                 {"cricket:2:seed0", "cricket:2:seed0", NULL},
                 {"cricket:2:a=b", "cricket:2:a=b", NULL},
                 {"100%25%20new%3A", "100%25%20new%3A:1", NULL},
                 {"cricket:a=b:c=d", "cricket:1:a=b:c=d", NULL},
                 {"", NULL, "empty"},
                 {"cricket:", NULL, "empty"},
                 {"cricket:0", NULL, "no step"},
                 {"cricket:17", NULL, "no step"},
                 {"cricket:x", NULL, "no step"},
                 {"cricket:-1", NULL, "no step"},
                 {"cricket:1:seed", NULL, "no seed"},
                 {"cricket:1:seed-3", NULL, "no seed"},
                 {"cricket:1:seed99999999999999999999", NULL, "no seed"},
                 {"cricket:1:seed1:nothing", NULL, "no part"},
                 {"cricket:1:a=%0", NULL, "no part"},
                 {"cricket:1:a=%00", NULL, "no part"},
                 {"cricket:1:a=%zz", NULL, "no part"}};
    (void)state;
    for (int i = 0; i < (int)COUNT(cases); i++) {
        struct lesson_state s;
        struct err err = {0};
        struct buf again = {0};
        bool ok = lesson_state_parse(cases[i].word, &s, &err);
        if (ok != (cases[i].again != NULL)) fail_msg("%s: %s", cases[i].word, err.msg);
        if (!ok && !strstr(err.msg, cases[i].message))
            fail_msg("%s says %s", cases[i].word, err.msg);
        if (!ok) assert_int_equal(err.code, ERR_USAGE);
        if (!ok) continue;
        lesson_state_write(&s, &again);
        assert_string_equal(buf_text(&again), cases[i].again);
        buf_deinit(&again);
    }
}

/* ---- where a viewer is */

static void test_kept(void **state) {
    char dir[] = "/tmp/thaw-lesson-XXXXXX", path[64], one[64], gone[64];
    struct buf text = {0};
    struct err err = {0};
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/thaw/lessons.json", dir);
    snprintf(one, sizeof one, "%s/one", dir);
    snprintf(gone, sizeof gone, "%s/gone", dir);
    assert_int_equal(mkdir(one, 0700), 0);
    assert_int_equal(mkdir(gone, 0700), 0);
    assert_int_equal(lesson_kept(path, one), -1); /* no file */
    assert_true(lesson_keep(path, one, 3, &err));
    assert_true(lesson_keep(path, gone, 5, &err));
    assert_true(lesson_keep(path, one, 4, &err));
    assert_int_equal(lesson_kept(path, one), 4);
    assert_int_equal(lesson_kept(path, gone), 5);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rmdir(gone), 0);
    assert_true(lesson_keep(path, one, 2, &err)); /* what is gone is forgotten */
    assert_int_equal(lesson_kept(path, gone), -1);
    assert_true(files_write(path, "{broken", 7, &err));
    assert_int_equal(lesson_kept(path, one), -1);
    assert_true(lesson_keep(path, one, 1, &err));
    assert_int_equal(lesson_kept(path, one), 1);
    assert_true(files_write(path, "{\"/x\": 99}", 10, &err));
    assert_int_equal(lesson_kept(path, "/x"), -1); /* no lesson has so many steps */
    buf_deinit(&text);
    assert_true(files_remove_tree(dir, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stages_and_steps),
                                       cmocka_unit_test(test_keys),
                                       cmocka_unit_test(test_facts_by_hand),
                                       cmocka_unit_test(test_facts_by_themselves),
                                       cmocka_unit_test(test_every_fact),
                                       cmocka_unit_test(test_going),
                                       cmocka_unit_test(test_wait_words),
                                       cmocka_unit_test(test_measures),
                                       cmocka_unit_test(test_state_there_and_back),
                                       cmocka_unit_test(test_states_read),
                                       cmocka_unit_test(test_kept)};
    return cmocka_run_group_tests_name("lesson", tests, NULL, NULL);
}
