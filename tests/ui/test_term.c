#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/term_child.h"

static const struct setting settings[] = {
    {.name = "xterm-256color",
     .term = "xterm-256color",
     .locale = "C.UTF-8",
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "xterm-256color, light",
     .term = "xterm-256color",
     .locale = "C.UTF-8",
     .options = {.theme = THEME_LIGHT},
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "xterm-256color, mono",
     .term = "xterm-256color",
     .locale = "C.UTF-8",
     .options = {.theme = THEME_MONO},
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "xterm-256color, --ascii",
     .term = "xterm-256color",
     .locale = "C.UTF-8",
     .options = {.glyphs = GLYPHS_WISH_ASCII},
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_ASCII},
    {.name = "xterm-256color, LC_ALL=C",
     .term = "xterm-256color",
     .locale = "C",
     .colours = 256,
     .glyphs = GLYPHS_ASCII},
    {.name = "xterm-256color, no locale",
     .term = "xterm-256color",
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "xterm",
     .term = "xterm",
     .locale = "C.UTF-8",
     .colours = 8,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "xterm without an entry",
     .term = "xterm-unheard-of",
     .locale = "C.UTF-8",
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "screen",
     .term = "screen",
     .locale = "C.UTF-8",
     .colours = 8,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "tmux-256color",
     .term = "tmux-256color",
     .locale = "C.UTF-8",
     .colours = 256,
     .utf8 = true,
     .glyphs = GLYPHS_BRAILLE},
    {.name = "linux",
     .term = "linux",
     .locale = "C.UTF-8",
     .colours = 8,
     .utf8 = true,
     .glyphs = GLYPHS_ASCII},
    {.name = "vt100", .term = "vt100", .locale = "C", .glyphs = GLYPHS_ASCII},
};

/* Random frames: each is shown as drawn, and drawn again it costs no byte. */
static void test_frames(void **state) {
    struct fixture f;
    term_child_start(&f, *state, 80, 24);
    assert_true(f.last.opened);
    assert_int_equal(f.last.glyphs, f.s->glyphs);
    for (int number = 0; number < 120; number++) {
        term_child_frame(&f, number, ORDER_FRAME);
        term_child_compare(&f, number);
        term_child_frame(&f, number, ORDER_FRAME);
        assert_int_equal(f.p.bytes.len, 0);
    }
    term_child_frame(&f, 119, ORDER_REDRAW);
    assert_true(f.p.bytes.len > 1000);
    term_child_compare(&f, 119);
    term_child_give(&f, ORDER_CLOSE, 0);
    assert_int_equal(pty_screen_wait(&f.p), 0);
    pty_screen_close(&f.p);
}

static const struct refusal {
    const char *name;
    struct setting s;
    const char *says;
} refusals[] = {
    {"refused: dumb", {.term = "dumb", .locale = "C"}, "cannot place its cursor"},
    {"refused: unknown",
     {.term = "no-such-terminal", .locale = "C"},
     "no-such-terminal is not known"},
    {"refused: TERM not set", {.term = NULL, .locale = "C"}, "TERM is not set"},
    {"refused: TERM empty", {.term = "", .locale = "C"}, "TERM is not set"},
};

static void test_refused(void **state) {
    const struct refusal *r = *state;
    struct fixture f;
    term_child_start(&f, &r->s, 80, 24);
    assert_false(f.last.opened);
    assert_non_null(strstr(f.last.message, r->says));
    assert_null(
        strstr(f.last.message, "thaw run")); /* it may be `thaw attach` that was typed */
    int status = pty_screen_wait(&f.p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    pty_screen_close(&f.p);
}

/* Standard input that is no terminal. */
static int run_without_terminal(int socket, void *context) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    return term_child_run(socket, context);
}

static void test_no_terminal(void **state) {
    (void)state;
    struct pty_screen p;
    struct child_answer a;
    pty_screen_start(&p, 80, 24, run_without_terminal, (void *)&settings[0]);
    assert_true(pty_screen_answer(&p, &a, sizeof a));
    assert_false(a.opened);
    assert_non_null(strstr(a.message, "needs a terminal"));
    pty_screen_wait(&p);
    assert_int_equal(p.bytes.len, 0);
    pty_screen_close(&p);
}

/* Lines scroll, and characters are deleted, on all of the screen: libvterm keeps limits of
 * another size, a single line's for instance. */
static void expect_limits(struct buf *written, int h) {
    char limits[32];
    snprintf(limits, sizeof limits, "\033[1;%dr", h);
    assert_non_null(strstr(buf_text(written), limits));
    buf_clear(written);
}

static void test_resizes(void **state) {
    (void)state;
    struct fixture f;
    struct buf written = {0};
    struct rng rng = rng_make(23, 0, 0);
    term_child_start(&f, &settings[0], 80, 24);
    f.p.record = &written;
    for (int number = 0; number < 100; number++) {
        int w = 1 + (int)rng_below(&rng, 130), h = 1 + (int)rng_below(&rng, 50);
        if (w == f.p.w && h == f.p.h) continue;
        pty_screen_resize(&f.p, w, h);
        assert_int_equal(term_child_key(&f, 60000), KEYS_RESIZE);
        assert_int_equal(f.last.w, w);
        assert_int_equal(f.last.h, h);
        term_child_frame(&f, number, ORDER_FRAME);
        term_child_compare(&f, number);
        expect_limits(&written, h);
    }
    buf_deinit(&written);
    pty_screen_close(&f.p);
}

static void test_keys(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        int key;
    } cases[] = {{"q", 'q'},
                 {"\003", 3},
                 {"\032", 26},
                 {"\r", KEYS_ENTER},
                 {"\033[A", KEYS_UP},
                 {"\033OB", KEYS_DOWN},
                 {"é", 0xE9},
                 {"日", 0x65E5},
                 {"\033", KEYS_ESCAPE},
                 {"\023", 19},
                 {"\034", 28},
                 {"\033[<0;12;7M", KEYS_MOUSE},
                 {"\033[<0;1;1mx", 'x'}};
    struct fixture f;
    term_child_start(&f, &settings[7], 80, 24); /* screen: terminfo has no SGR mouse there */
    term_child_give(&f, ORDER_FRAME, 0);
    assert_true(pty_screen_until(&f.p, MARKER));
    assert_non_null(strstr(buf_text(&f.p.bytes), "\033[?1006h"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        pty_screen_type(&f.p, cases[i].bytes);
        assert_int_equal(term_child_key(&f, 60000), cases[i].key);
    }
    pty_screen_type(&f.p, "\033[<0;12;7Mab");
    assert_int_equal(term_child_key(&f, 60000), KEYS_MOUSE);
    assert_int_equal(f.last.mouse.x, 11);
    assert_int_equal(f.last.mouse.y, 6);
    assert_int_equal(f.last.mouse.button, 1);
    assert_int_equal(term_child_key(&f, 60000), 'a');
    assert_int_equal(term_child_key(&f, 0), 'b');
    assert_int_equal(term_child_key(&f, 0), KEYS_NONE);
    assert_int_equal(term_child_key(&f, 20), KEYS_NONE);
    term_child_give(&f, ORDER_KEY_OR_FD, 60000);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    assert_int_equal(f.last.key, KEYS_NONE);
    pty_screen_close(&f.p);
}

static bool sent(const struct fixture *f, const char *bytes) {
    return strstr(buf_text(&f->p.bytes), bytes) != NULL;
}

/* Reports are asked for in the SGR form, also where terminfo knows no mouse (cygwin). */
static void test_mouse(void **state) {
    static const struct {
        const char *term;
        bool no_mouse, asks;
    } cases[] = {{"xterm-256color", false, true}, {"xterm-256color", true, false},
                 {"screen", false, true},         {"cygwin", false, true},
                 {"vt100", false, false},         {"vt220", false, false}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct setting s = {.name = cases[i].term,
                            .term = cases[i].term,
                            .locale = "C.UTF-8",
                            .options = {.no_mouse = cases[i].no_mouse},
                            .utf8 = true,
                            .glyphs = GLYPHS_ASCII};
        struct fixture f;
        term_child_start(&f, &s, 80, 24);
        assert_true(f.last.opened);
        term_child_give(&f, ORDER_CLOSE, 0);
        pty_screen_wait(&f.p);
        assert_int_equal(sent(&f, "\033[?1000h\033[?1006h"), cases[i].asks);
        assert_int_equal(sent(&f, "\033[?1006l\033[?1000l"), cases[i].asks);
        pty_screen_close(&f.p);
    }
}

/* Other colours, other glyphs, the mouse given back and taken again, all while it is open. */
static void test_change(void **state) {
    static const struct {
        int number; /* of the settings that it becomes */
        int argument;
    } steps[] = {{1, THEME_LIGHT},
                 {2, THEME_MONO},
                 {0, THEME_DARK},
                 {3, 16 * GLYPHS_WISH_ASCII},
                 {0, 16 * GLYPHS_WISH_BRAILLE}};
    struct fixture f;
    (void)state;
    term_child_start(&f, &settings[0], 80, 24);
    for (size_t i = 0; i < COUNT(steps); i++) {
        f.s = &settings[steps[i].number];
        term_child_give(&f, ORDER_CHANGE, steps[i].argument);
        assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
        assert_int_equal(f.last.glyphs, f.s->glyphs);
        term_child_frame(&f, (int)i, ORDER_REDRAW);
        term_child_compare(&f, (int)i);
        term_child_frame(&f, (int)i, ORDER_FRAME);
        assert_int_equal(f.p.bytes.len, 0);
    }
    term_child_give(&f, ORDER_CHANGE, 256);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    term_child_give(&f, ORDER_FRAME, 0);
    assert_true(pty_screen_until(&f.p, MARKER));
    assert_true(sent(&f, "\033[?1006l"));
    assert_false(sent(&f, "\033[?1006h"));
    buf_clear(&f.p.bytes);
    term_child_give(&f, ORDER_CHANGE, 0);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    term_child_give(&f, ORDER_FRAME, 0);
    assert_true(pty_screen_until(&f.p, MARKER));
    assert_true(sent(&f, "\033[?1006h"));
    pty_screen_close(&f.p);
}

/* A terminal is sent the text for its clipboard; a console, which has none, is sent nothing. */
static void test_copy(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct fixture f;
        bool console =
            strcmp(settings[i].term, "linux") == 0 || strcmp(settings[i].term, "vt100") == 0;
        term_child_start(&f, &settings[i], 80, 24);
        term_child_give(&f, ORDER_COPY, 0);
        assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
        assert_int_equal(f.last.key, !console);
        term_child_give(&f, ORDER_FRAME, 0);
        assert_true(pty_screen_until(&f.p, MARKER)); /* what was written before is there, too */
        const char *sent = strstr(buf_text(&f.p.bytes), "\033]52;");
        if (console) assert_null(sent);
        else assert_memory_equal(sent, "\033]52;c;dGhhdw==\007", 16);
        pty_screen_close(&f.p);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(settings) + COUNT(refusals) + 6];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(settings); i++)
        tests[n++] = (struct CMUnitTest){.name = settings[i].name,
                                         .test_func = test_frames,
                                         .initial_state = (void *)&settings[i]};
    for (size_t i = 0; i < COUNT(refusals); i++)
        tests[n++] = (struct CMUnitTest){.name = refusals[i].name,
                                         .test_func = test_refused,
                                         .initial_state = (void *)&refusals[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_no_terminal), cmocka_unit_test(test_resizes),
        cmocka_unit_test(test_keys),        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_mouse),       cmocka_unit_test(test_change),
    };
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
