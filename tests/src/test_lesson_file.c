/* test_lesson_file.c - a lesson's file: what is read, and what is refused where; and every
 * lesson that is shipped: its panes, keys, stages and sets exist, its config takes its
 * settings, its texts fit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/buf.h"
#include "engine/core/text.h"
#include "src/config_file.h"
#include "src/find_lesson.h"
#include "src/lesson_file.h"
#include "ui/lesson_view.h"

#define HEAD "name: a\ntitle: A lesson\nminutes: 5\nconfig: cricket\nsummary: What it is.\n"
#define STEP "steps:\n- title: One\n  text: Text.\n"

static bool parse(const char *text, struct lesson *out, struct err *err) {
    return lesson_parse(text, strlen(text), "a.yaml", out, err);
}

static void test_all_of_it(void **state) {
    static const char text[] = HEAD
        "mechanism: 3\nset: {seed: 7, \"stages.0.freeze\": \"[embed]\"}\nnotes: >\n  One.\n\n  "
        "Two.\n"
        "steps:\n"
        "- title: One\n  text: >\n    First\n    line.\n\n    Second paragraph.\n"
        "- {title: Two, text: T, point: layers, try: Space, wait: {stage: match, step: 5},\n"
        "   question: {ask: Why?, answer: So.}, keys: {only: [Space, u]},\n"
        "   expect: [{set: s, measure: accuracy, at_least: 0.5}, {group: embed, measure: "
        "from_base, at_most: 0},\n"
        "            {measure: steps, at_least: 1, at_most: 9}]}\n"
        "- {title: Three, text: T, point: learned, wait: {key: Left}, keys: {off: [p, "
        "Ctrl-R]}}\n"
        "- {title: Four, text: T, wait: {event: fork}, expect: {set: s, measure: loss, "
        "at_most: 2}}\n"
        "- {title: Five, text: T, wait: {step: 9}}\n"
        "- {title: Six, text: T, wait: {stage: match}}\n";
    struct lesson *l = malloc(sizeof *l);
    struct err err = {0};
    (void)state;
    if (!parse(text, l, &err)) fail_msg("%s", err.msg);
    assert_string_equal(l->name, "a");
    assert_int_equal(l->minutes, 5);
    assert_int_equal(l->mechanism, 3);
    assert_int_equal(l->n_sets, 2);
    assert_string_equal(l->sets[0], "seed=7");
    assert_string_equal(l->sets[1], "stages.0.freeze=[embed]");
    assert_string_equal(l->notes, "One.\nTwo.");
    assert_int_equal(l->n_steps, 6);
    assert_string_equal(l->steps[0].text, "First line.\nSecond paragraph.");
    assert_int_equal(l->steps[0].point, LESSON_POINT_NONE);
    const struct lesson_step *s = &l->steps[1];
    assert_int_equal(s->point, PANE_LAYERS);
    assert_int_equal(s->wait.kind, LESSON_WAIT_STEP);
    assert_string_equal(s->wait.stage, "match");
    assert_string_equal(s->answer, "So.");
    assert_true(s->off[ACTION_PAUSE] && s->off[ACTION_FREEZE_ALL] && s->off[ACTION_STOP]);
    assert_false(s->off[ACTION_TOGGLE] || s->off[ACTION_UNDO] || s->off[ACTION_ZOOM_IN]);
    assert_false(s->off[ACTION_SINGLE_STEP] || s->off[ACTION_NEXT_STAGE]);
    assert_int_equal(s->n_expects, 3);
    assert_string_equal(s->expects[1].of, "embed");
    assert_true(s->expects[1].at_most == 0 && isinf(s->expects[1].at_least));
    assert_string_equal(s->expects[2].of, "");
    s = &l->steps[2];
    assert_int_equal(s->point, LESSON_POINT_LEARNED);
    assert_int_equal(s->wait.key, ACTION_LEFT);
    assert_true(s->off[ACTION_PAUSE] && s->off[ACTION_REDO] && !s->off[ACTION_TOGGLE]);
    assert_int_equal(l->steps[3].wait.event, LESSON_FACT_FORK);
    assert_int_equal(l->steps[4].wait.step, 9);
    assert_int_equal(l->steps[5].wait.kind, LESSON_WAIT_STAGE);
    free(l);
}

static const struct {
    const char *text, *message;
} refused[] = {
    {"", "a.yaml:1:1: there is nothing in this file"},
    {"- a\n", "a.yaml:1:1: a lesson must be keys with values"},
    {HEAD, "a.yaml:1:1: a lesson needs the key \"steps\""},
    {HEAD "titel: B\n" STEP,
     "a.yaml:6:1: there is no key \"titel\"; the nearest known one is \"title\""},
    {HEAD "title: B\n" STEP, "a.yaml:6:1: the key \"title\" stands here a second time"},
    {HEAD "steps: []\n", "there is no step"},
    {HEAD "steps: 3\n", "a.yaml:6:8: steps must be a list"},
    {HEAD "steps: [{title: A}]\n", "a.yaml:6:9: a step needs the key \"text\""},
    {HEAD "steps: [{title: '', text: T}]\n", "title is empty"},
    {HEAD "steps: [{title: A title that is longer than the forty bytes, text: T}]\n",
     "title has 43 bytes: at most 39 find room"},
    {HEAD STEP "  point: los\n",
     "a.yaml:9:10: there is no point \"los\"; the nearest known one is \"loss\""},
    {HEAD STEP "  wait: {}\n", "a.yaml:9:9: wait is {stage: NAME}"},
    {HEAD STEP "  wait: {stage: a, key: p}\n", "a.yaml:9:9: wait is {stage: NAME}"},
    {HEAD STEP "  wait: {step: -1}\n", "step must be a whole number, 0 to"},
    {HEAD STEP "  wait: {key: Spce}\n", "there is no key \"Spce\""},
    {HEAD STEP "  wait: {event: freze}\n",
     "there is no event \"freze\"; the nearest known one is \"freeze\""},
    {HEAD STEP "  wait: step\n", "a.yaml:9:9: wait must be keys with values"},
    {HEAD STEP "  question: {ask: Why?}\n", "question needs the key \"answer\""},
    {HEAD STEP "  keys: {only: [c]}\n", "the key c changes nothing in the run"},
    {HEAD STEP "  keys: {off: [q]}\n", "the key q works in every step"},
    {HEAD STEP "  keys: {off: [n]}\n", "the key n works in every step"},
    {HEAD STEP "  keys: {off: p}\n", "keys are a list"},
    {HEAD STEP "  keys: {off: [ü]}\n", "there is no key \"ü\""},
    {HEAD STEP "  expect: {set: s, measure: acuracy, at_least: 1}\n",
     "the nearest known one is \"accuracy\""},
    {HEAD STEP "  expect: {measure: accuracy, at_least: 1}\n", "accuracy is measured of a set"},
    {HEAD STEP "  expect: {set: s, group: g, measure: loss, at_least: 1}\n",
     "loss is measured of a set"},
    {HEAD STEP "  expect: {set: s, measure: from_base, at_least: 1}\n",
     "from_base is measured of a group"},
    {HEAD STEP "  expect: {set: s, measure: steps, at_least: 1}\n",
     "steps is measured of the run"},
    {HEAD STEP "  expect: {set: s, measure: loss}\n", "expect needs at_least, at_most"},
    {HEAD STEP "  expect: {set: s, measure: loss, at_least: 2, at_most: 1}\n",
     "expect needs at_least, at_most"},
    {HEAD STEP "  expect: {set: s, measure: loss, at_least: inf}\n",
     "at_least must be a number"},
    {HEAD "set: {seed: [1]}\n" STEP, "seed must be one text; a list as text"},
    {HEAD "set: 3\n" STEP, "set must be keys of the config"},
    {HEAD STEP "...\n---\na: b\n", "a second document"},
    {HEAD STEP "  try: &a b\n", "anchors and aliases"},
    {HEAD STEP "  try: \"a\\0b\"\n", "NUL character"},
    {"name: a\nmechanism: 0\n", "a.yaml:2:12: mechanism must be a whole number, 1 to 99"},
    {"name: a\nminutes: 0\n", "a.yaml:2:10: minutes must be a whole number, 1 to 600"},
    {"name: \"\n", "this is not YAML"},
};

static void test_refused(void **state) {
    struct lesson *l = malloc(sizeof *l);
    (void)state;
    for (int i = 0; i < (int)COUNT(refused); i++) {
        struct err err = {0};
        if (parse(refused[i].text, l, &err))
            fail_msg("case %d is taken: %s", i, refused[i].text);
        if (!strstr(err.msg, refused[i].message))
            fail_msg("%s: says \"%s\", not \"%s\"", refused[i].text, err.msg,
                     refused[i].message);
    }
    free(l);
}

static void test_too_many(void **state) {
    struct lesson *l = malloc(sizeof *l);
    struct buf text = {0};
    struct err err = {0};
    (void)state;
    buf_str(&text, HEAD "steps:\n");
    for (int i = 0; i <= LESSON_STEPS; i++) buf_str(&text, "- {title: A, text: B}\n");
    assert_false(parse(buf_text(&text), l, &err));
    assert_non_null(strstr(err.msg, "a.yaml:23:3: a lesson has at most 16 steps"));
    while (text.len <= LESSON_BYTES_MAX) buf_str(&text, "# and so on, and so on\n");
    assert_false(parse(buf_text(&text), l, &err));
    assert_int_equal(err.code, ERR_RANGE);
    buf_deinit(&text);
    free(l);
}

/* ---- those that are shipped */

static bool has_stage(const struct settings *s, const char *name) {
    for (int i = 0; i < s->n_stages; i++)
        if (strcmp(s->stages[i].name, name) == 0) return true;
    return false;
}

static bool has_set(const struct settings *s, const char *name) {
    for (int i = 0; i < s->eval.n_sets; i++)
        if (strcmp(s->eval.sets[i].name, name) == 0) return true;
    return false;
}

static bool has_group(const struct settings *s, const char *name) {
    int block = 0;
    return strcmp(name, "embed") == 0 || strcmp(name, "norm") == 0 ||
           (sscanf(name, "block.%d", &block) == 1 && block < s->model.layers);
}

/* What a step names is there in the config that it runs. */
static void check_step(const char *path, const struct lesson_step *s,
                       const struct settings *c) {
    if (s->wait.stage[0] && !has_stage(c, s->wait.stage))
        fail_msg("%s, %s: no stage %s", path, s->title, s->wait.stage);
    for (int i = 0; i < s->n_expects; i++) {
        const struct lesson_expect *x = &s->expects[i];
        bool known = x->measure == LESSON_MEASURE_STEPS       ? true
                     : x->measure == LESSON_MEASURE_FROM_BASE ? has_group(c, x->of)
                                                              : has_set(c, x->of);
        if (!known) fail_msg("%s, %s: the config has no %s", path, s->title, x->of);
    }
}

/* With its answer it fits into the column at 120x40, into two pages without; into three at
 * 80x24; its title stands in a row of 40 columns with the keys. */
static void check_room(const char *path, const struct lesson *l, int step) {
    struct history h;
    struct lesson_progress at;
    history_init(&h);
    lesson_begin(&at, l, step);
    struct lesson_view v = {l, &at, &h, false};
    struct layout wide = layout_make_lesson(120, 40, -1, 0, LAYOUT_LESSON);
    struct layout small = layout_make_lesson(80, 24, -1, 0, LAYOUT_LESSON);
    const char *title = l->steps[step].title;
    if (text_columns(title, strlen(title)) > 28)
        fail_msg("%s: \"%s\" is too long", path, title);
    if (lesson_view_over(&v, wide.lesson) > 0)
        fail_msg("%s, %s: %d rows too many at 120x40", path, title,
                 lesson_view_over(&v, wide.lesson));
    if (lesson_view_over(&v, small.lesson) > 2 * lesson_view_page(small.lesson))
        fail_msg("%s, %s: more than three pages at 80x24", path, title);
    at.revealed = true;
    if (lesson_view_over(&v, wide.lesson) > 4)
        fail_msg("%s, %s: the answer is %d rows too long at 120x40", path, title,
                 lesson_view_over(&v, wide.lesson));
    history_deinit(&h);
}

static void check_lesson(const struct lesson_item *item) {
    char config[PATH_MAX];
    struct lesson *l = malloc(sizeof *l);
    struct settings *s = malloc(sizeof *s);
    struct err err = {0};
    const char *changes[LESSON_SETS];
    int questions = 0, expects = 0;
    if (!lesson_read(item->path, l, &err)) fail_msg("%s", err.msg);
    assert_string_equal(l->name, item->name);
    snprintf(config, sizeof config, "%s/configs/%s.yaml", THAW_SOURCE_DIR, l->config);
    for (int i = 0; i < l->n_sets; i++) changes[i] = l->sets[i];
    const struct config_options o = {changes, l->n_sets, NULL};
    if (!config_read(config, &o, s, &err)) fail_msg("%s: %s", item->path, err.msg);
    for (int i = 0; i < l->n_steps; i++) {
        check_step(item->path, &l->steps[i], s);
        check_room(item->path, l, i);
        questions += l->steps[i].ask[0] != '\0';
        expects += l->steps[i].n_expects;
    }
    assert_true(l->notes[0] && l->n_steps >= (l->mechanism ? 4 : 6) && questions >= 2 &&
                expects >= 1);
    free(l);
    free(s);
}

static void test_shipped(void **state) {
    static const char *const names[] = {"screen",  "cricket", "medical",
                                        "stories", "traffic", "translate"};
    struct lesson_item *items = NULL;
    struct err err = {0};
    int n = 0;
    (void)state;
    assert_true(lesson_list(&items, &n, &err));
    for (int i = 0; i < n; i++) check_lesson(&items[i]);
    for (int k = 0; k < (int)COUNT(names); k++) {
        bool found = false;
        for (int i = 0; i < n; i++) found |= strcmp(items[i].name, names[k]) == 0;
        if (!found) fail_msg("no lesson %s", names[k]);
    }
    assert_string_equal(items[0].name, "screen"); /* the shortest comes first */
    free(items);
}

static void test_find(void **state) {
    char path[PATH_MAX];
    struct err err = {0};
    (void)state;
    assert_true(lesson_find("cricket", path, &err));
    assert_true(lesson_find("./own.yaml", path, &err)); /* a file is what it is */
    assert_false(lesson_find("criket", path, &err));
    assert_non_null(
        strstr(err.msg, "there is no lesson \"criket\"; the nearest is \"cricket\""));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(lesson_find("", path, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_find)};
    return cmocka_run_group_tests_name("lesson_file", tests, NULL, NULL);
}
