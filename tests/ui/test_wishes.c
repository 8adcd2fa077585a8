/* test_wishes.c - what was asked for, until it is a fact; undo and redo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/wishes.h"

enum { BLOCKS = 4, OUT_MAX = 64 };

struct fixture {
    struct history history;
    struct wishes wishes;
    struct command sent[OUT_MAX];
    struct outbox out;
};

static void feed(struct history *h, const char *line) {
    struct event e;
    struct err err = {0};
    if (!event_parse(line, strlen(line), &e, &err)) fail_msg("%s: %s", line, err.msg);
    history_observe(h, &e);
    event_deinit(&e);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct buf run = {0};
    assert_non_null(f);
    history_init(&f->history);
    wishes_init(&f->wishes);
    f->out = (struct outbox){.commands = f->sent, .max = OUT_MAX};
    buf_str(&run, "{\"type\":\"run\",\"groups\":[{\"name\":\"embed\"}");
    for (int i = 0; i < BLOCKS; i++)
        buf_printf(
            &run,
            ",{\"name\":\"block.%d\"},{\"name\":\"block.%d.attn\"},{\"name\":\"block.%d.mlp\"}",
            i, i, i);
    buf_str(&run, ",{\"name\":\"norm\"}]}");
    feed(&f->history, buf_text(&run));
    feed(&f->history, "{\"type\":\"freeze\",\"group\":\"all\",\"state\":\"learn\",\"step\":1}");
    buf_deinit(&run);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    history_deinit(&f->history);
    free(f);
    return 0;
}

static struct group_set set_of(const struct history *h, const char *text) {
    struct group_set s = {{0}};
    bool take[HISTORY_GROUPS] = {false};
    assert_true(history_select(h, text, take));
    for (int g = 0; g < h->n_groups; g++)
        if (take[g]) group_set_add(&s, h, g);
    return s;
}

static const struct command *last(const struct fixture *f) { return &f->sent[f->out.n - 1]; }

static bool freeze(struct fixture *f, const char *text, bool frozen) {
    struct group_set s = set_of(&f->history, text);
    return wishes_freeze(&f->wishes, &f->history, &f->out, &s, frozen);
}

/* The engine obeys the newest command: answer, fact, settled. */
static void obey(struct fixture *f, int64_t step) {
    char line[640];
    struct pending p;
    const struct command *c = last(f);
    struct answer a = {.id = c->id, .ok = true, .step = step};
    assert_true(wishes_answer(&f->wishes, &a, &p));
    snprintf(line, sizeof line,
             "{\"type\":\"freeze\",\"group\":\"%s\",\"state\":\"%s\",\"step\":%lld}", c->text,
             c->kind == COMMAND_FREEZE ? "frozen" : "learn", (long long)step);
    feed(&f->history, line);
    wishes_settle(&f->wishes, &f->history);
}

static void test_text(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"embed", "embed"},
        {"block.2", "block.2"},
        {"0-3", "0-3"},
        {"embed,0-1,block.3.mlp,norm", "embed,0-1,block.3.mlp,norm"},
        {"all", "embed,0-3,norm"},
        {"0,2", "block.0,block.2"},
        {"block.0.attn,block.0.mlp,1", "0-1"},
        {"", ""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct group_set s = set_of(&f->history, cases[i].in);
        char text[480];
        int from = 0;
        group_set_text(&s, &f->history, &from, text, sizeof text);
        assert_string_equal(text, cases[i].out);
        assert_int_equal(from, f->history.n_groups);
    }
}

/* What does not fit into one command goes on in the next; together they name the same groups.
 */
static void test_text_in_pieces(void **state) {
    struct fixture *f = *state;
    struct group_set all = set_of(&f->history, "embed,block.0.mlp,block.2.attn,3,norm");
    bool take[HISTORY_GROUPS] = {false};
    int pieces = 0;
    for (int from = 0; from < f->history.n_groups; pieces++) {
        char text[20];
        int before = from;
        group_set_text(&all, &f->history, &from, text, sizeof text);
        assert_true(from > before && strlen(text) < sizeof text);
        assert_true(history_select(&f->history, text, take));
    }
    assert_true(pieces > 1);
    struct group_set again = {{0}};
    for (int g = 0; g < f->history.n_groups; g++)
        if (take[g]) group_set_add(&again, &f->history, g);
    assert_memory_equal(&again, &all, sizeof all);
}

static void test_queued_until_fact(void **state) {
    struct fixture *f = *state;
    int block = history_find_group(&f->history, "block.2");
    enum group_state then;
    assert_true(freeze(f, "2", true));
    assert_string_equal(last(f)->text, "block.2");
    assert_string_equal(last(f)->by, "screen");
    assert_true(wishes_queued(&f->wishes, &f->history, block, &then));
    assert_int_equal(then, GROUP_FROZEN);
    assert_int_equal(history_group_state(&f->history, block),
                     GROUP_LEARNS); /* not a fact yet */
    struct pending p;
    struct answer a = {.id = last(f)->id, .ok = true, .step = 7};
    assert_true(wishes_answer(&f->wishes, &a, &p));
    wishes_settle(&f->wishes, &f->history);
    assert_true(
        wishes_queued(&f->wishes, &f->history, block, &then)); /* nor by the answer alone */
    feed(&f->history,
         "{\"type\":\"freeze\",\"group\":\"block.2\",\"state\":\"frozen\",\"step\":7}");
    wishes_settle(&f->wishes, &f->history);
    assert_false(wishes_queued(&f->wishes, &f->history, block, &then));
    assert_int_equal(f->wishes.n_pending, 0);
    assert_false(freeze(f, "2", true)); /* it is so already */
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    enum group_state then;
    struct pending p;
    assert_true(freeze(f, "1", true));
    struct answer a = {.id = last(f)->id, .ok = false, .error = "no"};
    assert_true(wishes_answer(&f->wishes, &a, &p));
    assert_false(wishes_queued(&f->wishes, &f->history,
                               history_find_group(&f->history, "block.1"), &then));
    assert_false(wishes_undo(&f->wishes, &f->history, &f->out)); /* nothing was done */
    assert_false(wishes_answer(&f->wishes, &a, &p));             /* and the answer is used up */
}

/* Undo puts back exactly what was changed, not what had been so before. */
static void test_undo(void **state) {
    struct fixture *f = *state;
    assert_true(freeze(f, "embed,0", true));
    obey(f, 2);
    assert_true(freeze(f, "all", true));
    assert_string_equal(last(f)->text, "1-3,norm"); /* embed and block.0 are frozen */
    obey(f, 3);
    assert_true(wishes_undo(&f->wishes, &f->history, &f->out));
    assert_int_equal(last(f)->kind, COMMAND_UNFREEZE);
    assert_string_equal(last(f)->text, "1-3,norm");
    obey(f, 4);
    assert_true(wishes_undo(&f->wishes, &f->history, &f->out));
    assert_string_equal(last(f)->text, "embed,block.0");
    obey(f, 5);
    assert_false(wishes_undo(&f->wishes, &f->history, &f->out));
    assert_true(wishes_redo(&f->wishes, &f->history, &f->out));
    assert_int_equal(last(f)->kind, COMMAND_FREEZE);
    assert_string_equal(last(f)->text, "embed,block.0");
    obey(f, 6);
    assert_true(freeze(f, "norm", true)); /* another deed: what was undone is gone */
    obey(f, 7);
    assert_false(wishes_redo(&f->wishes, &f->history, &f->out));
}

/* Two quick presses of Space: the second one sees the first one's wish. */
static void test_twice(void **state) {
    struct fixture *f = *state;
    enum group_state then;
    assert_true(freeze(f, "3", true));
    assert_true(freeze(f, "3", false));
    assert_int_equal(last(f)->kind, COMMAND_UNFREEZE);
    assert_false(wishes_queued(&f->wishes, &f->history,
                               history_find_group(&f->history, "block.3"), &then));
    assert_true(freeze(f, "block.3.mlp", true));
    assert_true(wishes_queued(&f->wishes, &f->history,
                              history_find_group(&f->history, "block.3"), &then));
    assert_int_equal(then, GROUP_PARTLY);
}

static void test_full(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < WISHES_PENDING; i++)
        assert_true(wishes_ask(&f->wishes, &f->history, &f->out, COMMAND_EVAL, NULL));
    assert_false(wishes_ask(&f->wishes, &f->history, &f->out, COMMAND_EVAL, NULL));
    assert_false(freeze(f, "1", true));
    assert_int_equal(f->out.n, WISHES_PENDING);
    for (int i = 0; i < WISHES_PENDING; i++) {
        struct pending p;
        struct answer a = {.id = f->sent[i].id, .ok = true, .step = 1};
        assert_true(wishes_answer(&f->wishes, &a, &p));
    }
    assert_int_equal(f->wishes.n_pending, 0);
}

static void test_many_undos(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3 * WISHES_UNDO; i++) {
        f->out.n = 0;
        assert_true(freeze(f, "1", i % 2 == 0));
        obey(f, i + 2);
    }
    for (int i = 0; i < WISHES_UNDO; i++) {
        f->out.n = 0;
        assert_true(wishes_undo(&f->wishes, &f->history, &f->out));
        obey(f, 1000 + i);
    }
    assert_false(wishes_undo(&f->wishes, &f->history, &f->out));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_text),    TEST(test_text_in_pieces), TEST(test_queued_until_fact),
        TEST(test_refused), TEST(test_undo),           TEST(test_twice),
        TEST(test_full),    TEST(test_many_undos),
    };
    return cmocka_run_group_tests_name("wishes", tests, NULL, NULL);
}
