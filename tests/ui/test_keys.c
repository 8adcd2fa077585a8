#include <string.h>

#include "check.h"
#include "engine/core/buf.h"
#include "ui/keys.h"

static void test_every_action_once(void **state) {
    (void)state;
    int seen[ACTION_COUNT] = {0};
    for (int i = 0; i < n_key_bindings; i++) seen[key_bindings[i].action]++;
    assert_int_equal(seen[ACTION_NONE], 0);
    for (int action = 1; action < ACTION_COUNT; action++)
        if (seen[action] != 1) fail_msg("action %d is bound %d times", action, seen[action]);
}

static void test_every_key_once(void **state) {
    (void)state;
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        assert_true(b->keys[0] != 0);
        for (int k = 0; k < 4 && b->keys[k]; k++) {
            if (keys_action(b->keys[k]) != b->action)
                fail_msg("key %d of %s is bound twice", b->keys[k], b->label);
            for (int other = k + 1; other < 4; other++)
                assert_int_not_equal(b->keys[k], b->keys[other]);
        }
    }
}

static void test_words(void **state) {
    (void)state;
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        assert_true(b->label && b->label[0] && strlen(b->label) <= 8);
        assert_true(b->help && b->help[0] && strlen(b->help) <= 48);
    }
}

/* A key that is one character and its label say the same. */
static void test_labels(void **state) {
    (void)state;
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        bool printable = b->keys[0] > ' ' && b->keys[0] < 0x7F;
        if (printable) assert_int_equal(b->label[0], b->keys[0]);
        else assert_true(strlen(b->label) > 1);
    }
}

/* All that may be in the hint line, in its order; what has room is chosen in bars.c. */
static void test_hint_line(void **state) {
    (void)state;
    struct buf line = {0};
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        if (!b->hint) continue;
        buf_add(&line, b->label, strcspn(b->label, " "));
        buf_printf(&line, " %s  ", b->hint);
    }
    assert_string_equal(buf_text(&line),
                        "? help  Tab pane  Space freeze  p pause  c compare  "
                        "] prompt  l log axis  + zoom  ' mark  r replay  . faster  ) step  "
                        ": command  q detach  ");
    buf_deinit(&line);
}

static void test_lookup(void **state) {
    (void)state;
    static const struct {
        int key;
        enum action action;
    } cases[] = {{'q', ACTION_DETACH},       {3, ACTION_DETACH},        {'Q', ACTION_STOP},
                 {KEYS_F1, ACTION_HELP},     {' ', ACTION_TOGGLE},      {KEYS_UP, ACTION_UP},
                 {KEYS_ENTER, ACTION_ENTER}, {'\n', ACTION_ENTER},      {26, ACTION_SUSPEND},
                 {KEYS_NONE, ACTION_NONE},   {KEYS_MOUSE, ACTION_NONE}, {'z', ACTION_NONE},
                 {0x65E5, ACTION_NONE},      {-1, ACTION_NONE}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(keys_action(cases[i].key), cases[i].action);
}

/* What asks the engine for something is dimmed for watchers, the rest is not. */
static void test_changes_run(void **state) {
    (void)state;
    static const enum action wishes[] = {
        ACTION_STOP,        ACTION_TOGGLE,     ACTION_UNDO,         ACTION_REDO,
        ACTION_FREEZE_ALL,  ACTION_THAW_ALL,   ACTION_FREEZE_BELOW, ACTION_PAUSE,
        ACTION_SINGLE_STEP, ACTION_NEXT_STAGE, ACTION_PROMPT_EDIT,  ACTION_RANGE,
        ACTION_FORK};
    int found = 0;
    for (int i = 0; i < n_key_bindings; i++) {
        bool wish = false;
        for (size_t k = 0; k < COUNT(wishes); k++) wish |= key_bindings[i].action == wishes[k];
        assert_int_equal(key_bindings[i].changes_run, wish);
        found += wish;
    }
    assert_int_equal(found, COUNT(wishes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_action_once),
        cmocka_unit_test(test_every_key_once),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_hint_line),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_changes_run),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
