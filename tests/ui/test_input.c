#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/input.h"
#include "ui/term.h"

static const struct input_case {
    const char *name, *bytes;
    int keys[4]; /* in turn, KEYS_NONE for what is swallowed; ended by -1 */
} cases[] = {
    {"a letter", "q", {'q', -1}},
    {"control", "\003\032", {3, 26, -1}},
    {"enter and tab", "\r\t", {KEYS_ENTER, KEYS_TAB, -1}},
    {"both backspaces", "\177\b", {KEYS_BACKSPACE, KEYS_BACKSPACE, -1}},
    {"UTF-8", "é日", {0xE9, 0x65E5, -1}},
    {"UTF-8, broken", "\xC3z", {0xFFFD, 'z', -1}},
    {"arrows", "\033[A\033[B\033[C", {KEYS_UP, KEYS_DOWN, KEYS_RIGHT, -1}},
    {"arrows in application mode", "\033OA\033OD", {KEYS_UP, KEYS_LEFT, -1}},
    {"arrow with a modifier", "\033[1;5A", {KEYS_UP, -1}},
    {"home and end of xterm", "\033[H\033OF", {KEYS_HOME, KEYS_END, -1}},
    {"home and end of linux, screen", "\033[1~\033[4~", {KEYS_HOME, KEYS_END, -1}},
    {"home and end of rxvt", "\033[7~\033[8~", {KEYS_HOME, KEYS_END, -1}},
    {"pages", "\033[5~\033[6~", {KEYS_PAGE_UP, KEYS_PAGE_DOWN, -1}},
    {"delete", "\033[3~", {KEYS_DELETE, -1}},
    {"back tab", "\033[Z\033\t", {KEYS_BACKTAB, KEYS_BACKTAB, -1}},
    {"F1 of xterm, rxvt, linux", "\033OP\033[11~\033[[A", {KEYS_F1, KEYS_F1, KEYS_F1, -1}},
    {"keypad enter", "\033OM", {KEYS_ENTER, -1}},
    {"escape twice", "\033\033", {KEYS_ESCAPE, KEYS_ESCAPE, -1}},
    {"escape and a letter", "\033q", {KEYS_ESCAPE, 'q', -1}},
    {"escape and an arrow", "\033\033[A", {KEYS_ESCAPE, KEYS_UP, -1}},
    {"unknown sequences are swallowed whole", "\033[15~\033[?1;2cx", {0, 0, 'x', -1}},
    {"a broken sequence", "\033[1\003", {0, 3, -1}},
    {"a torn sequence", "\033[1;", {0, -1}},
    {"focus and paste reports", "\033[I\033[200~", {0, 0, -1}},
};

static void test_keys(void **state) {
    const struct input_case *c = *state;
    struct term_mouse mouse;
    size_t n = strlen(c->bytes), at = 0;
    int k = 0;
    for (; at < n; k++) {
        int key = -2;
        size_t used = input_decode(c->bytes + at, n - at, true, &key, &mouse);
        assert_true(used > 0);
        assert_true(c->keys[k] != -1);
        assert_int_equal(key, c->keys[k]);
        at += used;
    }
    assert_int_equal(c->keys[k], -1);
}

/* Each proper beginning of a sequence waits for more, and changes nothing. */
static void test_beginnings(void **state) {
    (void)state;
    static const char *const whole[] = {"\033[A",  "\033OA",    "\033[11~",
                                        "\033[[A", "\033[M !!", "\033[<0;10;20M",
                                        "é",       "日",        "\xF0\x9F\x91\xA9"};
    struct term_mouse mouse;
    for (size_t i = 0; i < COUNT(whole); i++) {
        int key;
        for (size_t n = 0; n < strlen(whole[i]); n++)
            assert_int_equal(input_decode(whole[i], n, false, &key, &mouse), 0);
        assert_int_equal(input_decode(whole[i], strlen(whole[i]), false, &key, &mouse),
                         strlen(whole[i]));
        assert_int_not_equal(key, KEYS_NONE);
    }
}

static const struct mouse_case {
    const char *bytes;
    bool is_key;
    struct term_mouse mouse;
} mouse_cases[] = {
    {"\033[<0;1;1M", true, {0, 0, 1, false, false}},
    {"\033[<0;200;100M", true, {199, 99, 1, false, false}},
    {"\033[<2;5;6M", true, {4, 5, 3, false, false}},
    {"\033[<64;5;6M", true, {4, 5, 0, true, false}},
    {"\033[<65;5;6M", true, {4, 5, 0, false, true}},
    {"\033[<4;5;6M", true, {4, 5, 1, false, false}},   /* with shift */
    {"\033[<0;5;6m", false, {0, 0, 0, false, false}},  /* released */
    {"\033[<32;5;6M", false, {0, 0, 0, false, false}}, /* moved */
    {"\033[<66;5;6M", false, {0, 0, 0, false, false}}, /* wheel sideways */
    {"\033[<;;M", false, {0, 0, 0, false, false}},     /* no cell */
    {"\033[<0;0;3M", false, {0, 0, 0, false, false}},
    {"\033[M !\037", false, {0, 0, 0, false, false}},
    {"\033[M\001!!", false, {0, 0, 0, false, false}},
    {"\033[M !\"", true, {0, 1, 1, false, false}}, /* X10 */
    {"\033[M`%&", true, {4, 5, 0, true, false}},
    {"\033[M#%&", false, {0, 0, 0, false, false}},
    {"\033[<99999999999;99999999999;9M", false, {0, 0, 0, false, false}},
};

static void test_mouse(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(mouse_cases); i++) {
        const struct mouse_case *c = &mouse_cases[i];
        struct term_mouse mouse = {0};
        int key;
        assert_int_equal(input_decode(c->bytes, strlen(c->bytes), false, &key, &mouse),
                         strlen(c->bytes));
        assert_int_equal(key, c->is_key ? KEYS_MOUSE : KEYS_NONE);
        if (!c->is_key) continue;
        assert_int_equal(mouse.x, c->mouse.x);
        assert_int_equal(mouse.y, c->mouse.y);
        assert_int_equal(mouse.button, c->mouse.button);
        assert_int_equal(mouse.wheel_up, c->mouse.wheel_up);
        assert_int_equal(mouse.wheel_down, c->mouse.wheel_down);
    }
}

/* No bytes stop the decoder or carry it past their end. */
static void test_random_bytes(void **state) {
    (void)state;
    struct rng rng = rng_make(11, 0, 0);
    static const char likely[] = "\033\033[[<;;0159MmO~AZ\xC3\xE6\x97";
    for (int round = 0; round < 200000; round++) {
        char bytes[24];
        size_t n = rng_below(&rng, sizeof bytes) + 1, at = 0;
        for (size_t i = 0; i < n; i++)
            bytes[i] = rng_below(&rng, 4) ? likely[rng_below(&rng, sizeof likely - 1)]
                                          : (char)rng_below(&rng, 256);
        while (at < n) {
            int key;
            struct term_mouse mouse;
            size_t used = input_decode(bytes + at, n - at, true, &key, &mouse);
            assert_true(used > 0 && used <= n - at);
            assert_true(key >= 0 && key <= KEYS_RESIZE);
            at += used;
        }
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 3];
    size_t n = 0;
    for (; n < COUNT(cases); n++)
        tests[n] = (struct CMUnitTest){
            .name = cases[n].name, .test_func = test_keys, .initial_state = (void *)&cases[n]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_beginnings);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_mouse);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_random_bytes);
    return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
