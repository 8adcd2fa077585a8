#include <stdlib.h>
#include <string.h>

#include <stdio.h>
#include <sys/stat.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"
#include "ui/command_line.h"
#include "ui/keys.h"

struct fixture {
    struct history history;
    struct command_line line;
    struct command command;
    struct err err;
};

static int setup(void **state) {
    static const char run[] =
        "{\"seq\":1,\"t\":0,\"step\":0,\"type\":\"run\",\"name\":\"x\",\"groups\":["
        "{\"name\":\"embed\"},{\"name\":\"block.0\"},{\"name\":\"block.0.attn\"},"
        "{\"name\":\"block.0.mlp\"},{\"name\":\"block.1\"},{\"name\":\"norm\"}]}";
    struct fixture *f = calloc(1, sizeof *f);
    struct event e;
    assert_non_null(f);
    history_init(&f->history);
    assert_true(event_parse(run, sizeof run - 1, &e, &f->err));
    history_observe(&f->history, &e);
    event_deinit(&e);
    command_line_open(&f->line);
    f->line.runs = THAW_SOURCE_DIR "/tests/golden";
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    history_deinit(&f->history);
    free(f);
    return 0;
}

static enum command_line_result press(struct fixture *f, int key) {
    return command_line_key(&f->line, &f->history, key, &f->command, &f->err);
}

static void type(struct fixture *f, const char *text) {
    for (size_t i = 0, n = strlen(text), used; i < n; i += used) {
        uint32_t cp;
        used = text_decode(text + i, n - i, &cp);
        assert_int_equal(press(f, (int)cp), COMMAND_LINE_OPEN);
    }
}

static void test_sends(void **state) {
    struct fixture *f = *state;
    type(f, "freeze 0-3");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SEND);
    assert_int_equal(f->command.kind, COMMAND_FREEZE);
    assert_string_equal(f->command.text, "0-3");
    command_line_open(&f->line);
    type(f, "lr 2e-4");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SEND);
    assert_true(f->command.number == 2e-4);
    command_line_open(&f->line);
    type(f, "stage next");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SEND);
    assert_int_equal(f->command.kind, COMMAND_NEXT_STAGE);
    command_line_open(&f->line);
    type(f, "sample g\xc3\xa9nie :");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SEND);
    assert_string_equal(f->command.text, "g\xc3\xa9nie :");
}

static void test_own_words(void **state) {
    struct fixture *f = *state;
    type(f, "  save-screen  my screen.svg  ");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SAVE);
    assert_string_equal(f->line.file, "my screen.svg");
    command_line_open(&f->line);
    type(f, "q");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_QUIT);
    command_line_open(&f->line);
    type(f, "help");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_HELP);
    command_line_open(&f->line);
    type(f, "tour");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_TOUR);
    command_line_open(&f->line);
    type(f, "   ");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_LEFT);
    command_line_open(&f->line);
    assert_int_equal(press(f, KEYS_BACKSPACE), COMMAND_LINE_LEFT);
    command_line_open(&f->line);
    type(f, "free");
    assert_int_equal(press(f, KEYS_ESCAPE), COMMAND_LINE_LEFT);
}

static void test_set(void **state) {
    static const char *const cases[][2] = {{"set smoothing 0.99", "smoothing 0.99"},
                                           {"  set   log-y  ", "log-y"},
                                           {"set", ""},
                                           {"theme light", "theme light"},
                                           {"theme", "theme "}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_line_open(&f->line);
        type(f, cases[i][0]);
        assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_SET);
        assert_string_equal(f->command.text, cases[i][1]);
    }
}

static void test_overlay(void **state) {
    struct fixture *f = *state;
    type(f, "  overlay  a run ");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_OVERLAY);
    assert_string_equal(f->command.text, "a run");
    command_line_open(&f->line);
    type(f, "overlay");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_OVERLAY);
    assert_string_equal(f->command.text, "");
}

/* The error says what to type, and the line is still there to be mended. */
static void test_wrong(void **state) {
    struct fixture *f = *state;
    type(f, "frz 1");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_WRONG);
    assert_non_null(strstr(f->err.msg, "freeze"));
    assert_string_equal(f->line.edit.text, "frz 1");
    command_line_open(&f->line);
    type(f, "lr fast");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_WRONG);
    assert_non_null(strstr(f->err.msg, "fast"));
    command_line_open(&f->line);
    type(f, "save-screen a.png");
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_WRONG);
    assert_non_null(strstr(f->err.msg, ".svg"));
    command_line_open(&f->line);
    type(f, "save-screens a.svg"); /* no word of ours */
    assert_int_equal(press(f, KEYS_ENTER), COMMAND_LINE_WRONG);
}

static const struct completion {
    const char *typed, *line, *hint;
} completions[] = {
    {"fr", "freeze ", "stop learning"}, /* the only one: with its help */
    {"s", "s", "single-step"},          /* several: offered */
    {"un", "unfreeze ", "learn again"},
    {"rep", "report ", "write the run's page into FILE.html"},
    {"sav", "save-screen ", ".txt, .ans (with colours) or .svg"}, /* the screen's own, too */
    {"h", "help ", "keys and commands"},
    {"zzz", "zzz", ""},
    {"freeze b", "freeze block.", "block.0 block.1"},
    {"freeze block.0.a", "freeze block.0.attn", "stop learning"},
    {"freeze embed,no", "freeze embed,norm", "stop learning"},
    {"lr 2", "lr 2", ""},
    {"fo", "fork ", "a second run"},
    {"fork ", "fork --", "--name --freeze --lr"},
    {"fork --name x --f", "fork --name x --freeze", "a second run"},
    {"fork --freeze  emb", "fork --freeze  embed", "a second run"},
    {"fork --freeze embed,no", "fork --freeze embed,norm", "a second run"},
    {"fork --name no", "fork --name no", ""},
    {"rollback 5 --", "rollback 5 --lr", "the checkpoint of STEP"},
    {"sample ", "sample ", ""},
    {"sample --t", "sample --temperature", "answer PROMPT"},
    {"nonsense b", "nonsense b", ""},
    {"ov", "overlay ", "over this one"},
    {"overlay o", "overlay other", "over this one"},
    {"overlay zzz", "overlay zzz", ""},
    {"q", "quit ", "training goes on"},
    {"se", "set ", "change a setting"},
    {"set sm", "set smoothing", "change a setting"},
    {"set smoothing 0.9", "set smoothing 0.9", "0.9 0.99"},
    {"set  x-unit to", "set  x-unit tokens", "change a setting"},
    {"set nonsense o", "set nonsense o", ""},
    {"theme col", "theme colour-blind", "colour-blind colour-blind-light"},
};

static void test_completion(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof completions / sizeof completions[0]; i++) {
        const struct completion *k = &completions[i];
        command_line_open(&f->line);
        type(f, k->typed);
        assert_int_equal(press(f, KEYS_TAB), COMMAND_LINE_OPEN);
        assert_string_equal(f->line.edit.text, k->line);
        if (!k->hint[0]) assert_string_equal(f->line.hint, "");
        else assert_non_null(strstr(f->line.hint, k->hint));
    }
}

/* ---- the past in a file */

static void enter(struct fixture *f, const char *line) {
    command_line_open(&f->line);
    type(f, line);
    press(f, KEYS_ENTER);
}

static void check_file(const char *path, const char *expected) {
    struct buf text = {0};
    assert_true(files_read(path, 1 << 20, &text, NULL));
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
}

/* Two screens side by side: both find what either has added, and only what is new is added. */
static void test_kept(void **state) {
    struct fixture *f = *state;
    static struct command_line other;
    char dir[] = "/tmp/thaw-past-XXXXXX", path[64];
    struct stat st;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/history", dir);
    command_line_read(&f->line, path); /* none there */
    assert_int_equal(f->line.n_past, 0);
    enter(f, "pause");
    enter(f, "resume");
    assert_true(command_line_keep(&f->line, path, NULL));
    check_file(path, "pause\nresume\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    command_line_read(&other, path);
    assert_int_equal(other.n_past, 2);
    assert_string_equal(other.past[1], "resume");
    enter(f, "eval");
    assert_true(command_line_keep(&f->line, path, NULL));
    memcpy(other.past[other.n_past++], "stop", 5);
    other.n_new = 1;
    assert_true(command_line_keep(&other, path, NULL));
    check_file(path, "pause\nresume\neval\nstop\n");
    assert_true(command_line_keep(&other, path, NULL)); /* nothing new */
    check_file(path, "pause\nresume\neval\nstop\n");
    assert_true(files_remove_tree(dir, NULL));
}

/* A long file, one that is torn, one that is none of ours: at most so many lines, none too
 * long. */
static void test_kept_bounds(void **state) {
    struct fixture *f = *state;
    char dir[] = "/tmp/thaw-past-XXXXXX", path[64];
    struct buf text = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/history", dir);
    for (int i = 0; i < 3 * COMMAND_LINE_HISTORY; i++) buf_printf(&text, "lr %d\n", i);
    assert_true(files_write(path, text.data, text.len, NULL));
    command_line_read(&f->line, path);
    assert_int_equal(f->line.n_past, COMMAND_LINE_HISTORY);
    assert_string_equal(f->line.past[0], "lr 100");
    enter(f, "pause");
    assert_true(command_line_keep(&f->line, path, NULL));
    command_line_read(&f->line, path);
    assert_int_equal(f->line.n_past, COMMAND_LINE_HISTORY);
    assert_string_equal(f->line.past[0], "lr 101");
    assert_string_equal(f->line.past[COMMAND_LINE_HISTORY - 1], "pause");
    buf_clear(&text);
    for (int i = 0; i < 2000; i++) buf_str(&text, "x");
    buf_add(&text, "\n\n\0z\xFF\ntorn", 9);
    assert_true(files_write(path, text.data, text.len, NULL));
    command_line_read(&f->line, path);
    assert_true(f->line.n_past > 0 && strlen(f->line.past[0]) == LINE_EDIT_MAX - 1);
    assert_true(files_remove_tree(path, NULL) && files_make_dirs(path, 0700, NULL));
    command_line_read(&f->line, path); /* a folder in its place */
    assert_int_equal(f->line.n_past, 0);
    enter(f, "pause");
    assert_false(command_line_keep(&f->line, path, NULL));
    buf_deinit(&text);
    assert_true(files_remove_tree(dir, NULL));
}

static void test_past(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < COMMAND_LINE_HISTORY + 5; i++) {
        command_line_open(&f->line);
        type(f, i % 2 ? "pause" : "resume");
        press(f, KEYS_ENTER);
    }
    assert_int_equal(f->line.n_past, COMMAND_LINE_HISTORY);
    command_line_open(&f->line);
    type(f, "ev");
    press(f, KEYS_UP);
    assert_string_equal(f->line.edit.text, "resume");
    press(f, KEYS_UP);
    assert_string_equal(f->line.edit.text, "pause");
    press(f, KEYS_DOWN);
    press(f, KEYS_DOWN);
    assert_string_equal(f->line.edit.text, "ev"); /* what was being typed is not lost */
    for (int i = 0; i < 2 * COMMAND_LINE_HISTORY; i++) press(f, KEYS_UP);
    assert_string_equal(f->line.edit.text, "pause");
}

/* ---- editing */

static void test_editing(void **state) {
    struct line_edit e;
    (void)state;
    line_edit_set(&e, "a\xc3\xa9z");
    assert_true(line_edit_key(&e, KEYS_LEFT) && line_edit_key(&e, KEYS_LEFT));
    assert_int_equal(e.cursor, 1); /* before the whole character */
    line_edit_key(&e, 0x1F600);
    assert_string_equal(e.text, "a\xf0\x9f\x98\x80\xc3\xa9z");
    line_edit_key(&e, KEYS_DELETE);
    assert_string_equal(e.text, "a\xf0\x9f\x98\x80z");
    line_edit_key(&e, KEYS_BACKSPACE);
    assert_string_equal(e.text, "az");
    line_edit_key(&e, KEYS_HOME);
    line_edit_key(&e, 11); /* Ctrl-K */
    assert_string_equal(e.text, "");
    line_edit_set(&e, "freeze embed norm");
    line_edit_key(&e, 23); /* Ctrl-W */
    assert_string_equal(e.text, "freeze embed ");
    line_edit_key(&e, 21); /* Ctrl-U */
    assert_string_equal(e.text, "");
    assert_false(line_edit_key(&e, KEYS_F1));
}

/* Any keys in any order leave valid text with the cursor at a character's start. */
static void test_editing_at_random(void **state) {
    static const int keys[] = {'a',         ' ',        0xE9,      0x1F600,  0x301,
                               KEYS_LEFT,   KEYS_RIGHT, KEYS_HOME, KEYS_END, KEYS_BACKSPACE,
                               KEYS_DELETE, 11,         21,        23,       0x4E2D};
    struct line_edit e;
    struct rng r = rng_make(5, 0, 0);
    (void)state;
    line_edit_set(&e, "");
    for (int i = 0; i < 200000; i++) {
        size_t most =
            i % 4000 < 2500 ? 9 : sizeof keys / sizeof keys[0]; /* at times it only grows */
        line_edit_key(&e, keys[rng_below(&r, most)]);
        assert_true(e.n >= 0 && e.n < LINE_EDIT_MAX && e.cursor >= 0 && e.cursor <= e.n);
        assert_int_equal(strlen(e.text), e.n);
        assert_int_equal(text_valid_prefix(e.text, (size_t)e.n), e.n);
        assert_int_equal(text_valid_prefix(e.text, (size_t)e.cursor), e.cursor);
    }
}

/* However long the line, the cursor's cell is on the screen. */
static void test_drawing(void **state) {
    struct line_edit e;
    struct canvas c;
    (void)state;
    assert_true(canvas_init(&c, 20, 1, GLYPHS_BRAILLE, NULL));
    line_edit_set(&e, "");
    for (int i = 0; i < 60; i++) {
        line_edit_key(&e, i % 3 ? 'x' : 0x4E2D);
        canvas_erase(&c);
        line_edit_draw(&e, &c, (struct rect){0, 0, 20, 1}, ":");
        int cursors = 0;
        for (int x = 0; x < 20; x++) cursors += c.cells[x].style == STYLE_CURSOR;
        assert_true(cursors >= 1);
        assert_int_equal(c.cells[0].ch, ':');
    }
    canvas_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_completion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_past, setup, teardown),
        cmocka_unit_test(test_editing),
        cmocka_unit_test(test_editing_at_random),
        cmocka_unit_test(test_drawing),
    };
    return cmocka_run_group_tests_name("command_line", tests, NULL, NULL);
}
