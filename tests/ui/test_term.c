#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "engine/core/rng.h"
#include "ui/pty_screen.h"
#include "ui/term.h"
#include "ui/theme.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MARKER "\033]thaw\007" /* what the child writes after a frame */

/* ---- the child: obeys one order after another */

struct order {
    enum {
        ORDER_FRAME,
        ORDER_REDRAW,
        ORDER_KEY,
        ORDER_KEY_OR_FD,
        ORDER_CLOSE,
        ORDER_CRASH,
        ORDER_SUSPEND
    } what;
    int argument; /* number of the frame, milliseconds to wait, signal */
};

struct answer {
    bool opened, ended;
    int key, w, h;
    enum glyphs glyphs;
    struct term_mouse mouse;
    char message[480];
};

struct setting {
    const char *name;
    const char *term, *locale; /* NULL: not set */
    struct term_options options;
    int colours; /* that the terminal has; 0: monochrome */
    bool utf8;
    enum glyphs glyphs;
};

/* Frame `number`: what stands there depends on nothing else. Most cells stay from one frame to
 * the next, as on a real screen; number -1 is blank. */
static void draw_frame(struct canvas *c, int number) {
    static const char *const words[] = {"loss 1.812",
                                        "日本語",
                                        "na\xC3\xAFve",
                                        "e\xCC\x81t\xCC\x82\xCC\x83",
                                        "\033[31mred\033]0;title\007",
                                        "\xE2\xA0\x9F\xE2\xA3\xBF",
                                        "\xE2\x94\x80\xE2\x96\x88",
                                        "   ",
                                        "a\x9B"
                                        "2J\xC2\x9B"
                                        "3J\r\n\t\x0E",
                                        "\xF0\x9F\x98\x80"};
    canvas_erase(c);
    if (number < 0) return;
    for (int k = number < 40 ? 0 : number - 40; k <= number; k++) {
        struct rng rng = rng_make(17, (uint64_t)k, 0);
        int x = (int)rng_below(&rng, (uint64_t)c->w + 4) - 2,
            y = (int)rng_below(&rng, (uint64_t)c->h);
        enum style style = (enum style)rng_below(&rng, STYLE_COUNT);
        const char *word = words[rng_below(&rng, COUNT(words))];
        canvas_text(c, x, y, style, word, strlen(word));
        canvas_restyle(c, (struct rect){x, y, 3, 1}, (enum style)rng_below(&rng, STYLE_COUNT));
    }
    canvas_frame(c, (struct rect){0, 0, c->w, c->h}, number % 2, "1 Loss", "lin");
    canvas_printf(c, 2, c->h - 1, STYLE_DIM, " %d ", number); /* the last row, too */
}

static void show_frame(struct term *t, int number, bool redraw) {
    struct canvas c;
    int w, h;
    term_size(t, &w, &h);
    if (!canvas_init(&c, w, h, term_glyphs(t), NULL)) abort();
    draw_frame(&c, number);
    term_blit(t, &c, redraw);
    canvas_deinit(&c);
    if (write(STDOUT_FILENO, MARKER, strlen(MARKER)) < 0) abort();
}

static void send_answer(int socket, const struct term *t, int key, struct term_mouse mouse) {
    struct answer a = {.opened = true, .key = key, .mouse = mouse, .glyphs = term_glyphs(t)};
    term_size(t, &a.w, &a.h);
    a.ended = term_ended(t);
    if (write(socket, &a, sizeof a) != sizeof a) abort();
}

/* True as long as there is more to do. */
static bool obey(struct term *t, int socket, const struct order *order) {
    struct term_mouse mouse = {0};
    int key = KEYS_NONE, other[2] = {-1, -1};
    switch (order->what) {
    case ORDER_FRAME:
    case ORDER_REDRAW:
        show_frame(t, order->argument, order->what == ORDER_REDRAW);
        return true;
    case ORDER_KEY_OR_FD:
        if (pipe(other) != 0 || write(other[1], "x", 1) != 1) abort();
        /* fall through */
    case ORDER_KEY:
        key = term_key(t, order->argument, other[0], &mouse);
        send_answer(socket, t, key, mouse);
        return true;
    case ORDER_CRASH:
        raise(order->argument);
        return true;
    case ORDER_SUSPEND:
        term_suspend(t);
        send_answer(socket, t, KEYS_NONE, mouse);
        return true;
    default:
        return false;
    }
}

static void set_environment(const struct setting *s) {
    static const char *const names[] = {"LC_CTYPE", "LANG",    "TMUX",     "STY",
                                        "LINES",    "COLUMNS", "ESCDELAY", "TERMINFO"};
    for (size_t i = 0; i < COUNT(names); i++) unsetenv(names[i]);
    if (s->locale) setenv("LC_ALL", s->locale, 1);
    else unsetenv("LC_ALL");
    if (s->term) setenv("TERM", s->term, 1);
    else unsetenv("TERM");
}

static int run_child(int socket, void *context) {
    const struct setting *s = context;
    struct err err = {0};
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    set_environment(s);
    struct term *t = term_open(&s->options, &err);
    if (!t) {
        struct answer a = {.opened = false};
        snprintf(a.message, sizeof a.message, "%s", err.msg);
        if (write(socket, &a, sizeof a) != sizeof a) abort();
        return 3;
    }
    send_answer(socket, t, KEYS_NONE, (struct term_mouse){0});
    struct order order;
    while (read(socket, &order, sizeof order) == sizeof order && obey(t, socket, &order)) {
    }
    term_close(t);
    return 0;
}

/* ---- the parent */

struct fixture {
    struct pty_screen p;
    struct answer last;
    const struct setting *s;
};

static void start(struct fixture *f, const struct setting *s, int w, int h) {
    f->s = s;
    pty_screen_start(&f->p, w, h, run_child, (void *)s);
    vterm_set_utf8(f->p.vt, s->utf8);
    assert_true(pty_screen_answer(&f->p, &f->last, sizeof f->last));
}

static void give(struct fixture *f, int what, int argument) {
    struct order order = {.argument = argument};
    memcpy(&order.what, &what, sizeof what);
    assert_int_equal(write(f->p.socket, &order, sizeof order), sizeof order);
}

static void frame(struct fixture *f, int number, int what) {
    buf_clear(&f->p.bytes);
    give(f, what, number);
    assert_true(pty_screen_until(&f->p, MARKER));
}

static int wait_key(struct fixture *f, int timeout_ms) {
    give(f, ORDER_KEY, timeout_ms);
    assert_true(pty_screen_answer(&f->p, &f->last, sizeof f->last));
    return f->last.key;
}

/* The character that the terminal should show for a cell of the canvas. */
static uint32_t expected_char(const struct fixture *f, const struct cell *cell) {
    if (cell->ch == ' ' || (cell->ch < 0x7F && cell->ch > 0)) return cell->ch;
    return f->s->utf8 ? cell->ch : '?';
}

static void compare_cell(const struct fixture *f, const struct cell *cell, int x, int y) {
    VTermScreenCell shown;
    bool wide = x + 1 < f->p.w && cell[1].ch == 0;
    assert_true(vterm_screen_get_cell(f->p.screen, (VTermPos){y, x}, &shown));
    uint32_t ch = shown.chars[0] ? shown.chars[0] : ' ';
    if (ch != expected_char(f, cell))
        fail_msg("%s: at %d,%d is U+%04X, not U+%04X", f->s->term, x, y, ch, cell->ch);
    assert_int_equal(shown.width, wide && f->s->utf8 ? 2 : 1);
    for (int i = 0; i < 2 && f->s->utf8 && shown.chars[i]; i++) /* up to the first 0 */
        assert_int_equal(shown.chars[1 + i], cell->mark[i]);
    struct look look = theme_look((enum style)cell->style, f->s->colours, f->s->options.light);
    assert_int_equal(shown.attrs.reverse, look.reverse);
    if (strncmp(f->s->term, "xterm", 5) != 0)
        return; /* others have reasons to leave some out */
    assert_int_equal(shown.attrs.bold, look.bold);
    assert_int_equal(shown.attrs.underline, look.underline);
    assert_int_equal(VTERM_COLOR_IS_DEFAULT_FG(&shown.fg) != 0, look.fg == THEME_DEFAULT);
    assert_int_equal(VTERM_COLOR_IS_DEFAULT_BG(&shown.bg) != 0, look.bg == THEME_DEFAULT);
    if (look.fg != THEME_DEFAULT) assert_int_equal(shown.fg.indexed.idx, look.fg);
    if (look.bg != THEME_DEFAULT) assert_int_equal(shown.bg.indexed.idx, look.bg);
}

/* What the terminal shows is the canvas. */
static void compare(const struct fixture *f, int number) {
    struct canvas c;
    assert_true(canvas_init(&c, f->p.w, f->p.h, f->s->glyphs, NULL));
    draw_frame(&c, number);
    for (int y = 0; y < c.h; y++)
        for (int x = 0; x < c.w; x++)
            if (c.cells[y * c.w + x].ch) compare_cell(f, &c.cells[y * c.w + x], x, y);
    canvas_deinit(&c);
}

static const struct setting settings[] = {
    {"xterm-256color", "xterm-256color", "C.UTF-8", {0}, 256, true, GLYPHS_BRAILLE},
    {"xterm-256color, light",
     "xterm-256color",
     "C.UTF-8",
     {.light = true},
     256,
     true,
     GLYPHS_BRAILLE},
    {"xterm-256color, mono",
     "xterm-256color",
     "C.UTF-8",
     {.mono = true},
     0,
     true,
     GLYPHS_BRAILLE},
    {"xterm-256color, --ascii",
     "xterm-256color",
     "C.UTF-8",
     {.ascii = true},
     256,
     true,
     GLYPHS_ASCII},
    {"xterm-256color, LC_ALL=C", "xterm-256color", "C", {0}, 256, false, GLYPHS_ASCII},
    {"xterm-256color, no locale", "xterm-256color", NULL, {0}, 256, true, GLYPHS_BRAILLE},
    {"xterm", "xterm", "C.UTF-8", {0}, 8, true, GLYPHS_BRAILLE},
    {"screen", "screen", "C.UTF-8", {0}, 8, true, GLYPHS_BRAILLE},
    {"tmux-256color", "tmux-256color", "C.UTF-8", {0}, 256, true, GLYPHS_BRAILLE},
    {"linux", "linux", "C.UTF-8", {0}, 8, true, GLYPHS_ASCII},
    {"vt100", "vt100", "C", {0}, 0, false, GLYPHS_ASCII},
};

/* Random frames: each is shown as drawn, and drawn again it costs no byte. */
static void test_frames(void **state) {
    struct fixture f;
    start(&f, *state, 80, 24);
    assert_true(f.last.opened);
    assert_int_equal(f.last.glyphs, f.s->glyphs);
    for (int number = 0; number < 120; number++) {
        frame(&f, number, ORDER_FRAME);
        compare(&f, number);
        frame(&f, number, ORDER_FRAME);
        assert_int_equal(f.p.bytes.len, 0);
    }
    frame(&f, 119, ORDER_REDRAW);
    assert_true(f.p.bytes.len > 1000);
    compare(&f, 119);
    give(&f, ORDER_CLOSE, 0);
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
    start(&f, &r->s, 80, 24);
    assert_false(f.last.opened);
    assert_non_null(strstr(f.last.message, r->says));
    assert_non_null(strstr(f.last.message, "--headless"));
    int status = pty_screen_wait(&f.p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    pty_screen_close(&f.p);
}

/* Standard input that is no terminal. */
static int run_without_terminal(int socket, void *context) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    return run_child(socket, context);
}

static void test_no_terminal(void **state) {
    (void)state;
    struct pty_screen p;
    struct answer a;
    pty_screen_start(&p, 80, 24, run_without_terminal, (void *)&settings[0]);
    assert_true(pty_screen_answer(&p, &a, sizeof a));
    assert_false(a.opened);
    assert_non_null(strstr(a.message, "--headless"));
    pty_screen_wait(&p);
    assert_int_equal(p.bytes.len, 0);
    pty_screen_close(&p);
}

static void test_resizes(void **state) {
    (void)state;
    struct fixture f;
    struct rng rng = rng_make(23, 0, 0);
    start(&f, &settings[0], 80, 24);
    for (int number = 0; number < 100; number++) {
        int w = 1 + (int)rng_below(&rng, 130), h = 1 + (int)rng_below(&rng, 50);
        if (w == f.p.w && h == f.p.h) continue;
        pty_screen_resize(&f.p, w, h);
        assert_int_equal(wait_key(&f, 60000), KEYS_RESIZE);
        assert_int_equal(f.last.w, w);
        assert_int_equal(f.last.h, h);
        frame(&f, number, ORDER_FRAME);
        compare(&f, number);
    }
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
    start(&f, &settings[7], 80, 24); /* screen: terminfo has no SGR mouse there */
    give(&f, ORDER_FRAME, 0);
    assert_true(pty_screen_until(&f.p, MARKER));
    assert_non_null(strstr(buf_text(&f.p.bytes), "\033[?1006h"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        pty_screen_type(&f.p, cases[i].bytes);
        assert_int_equal(wait_key(&f, 60000), cases[i].key);
    }
    pty_screen_type(&f.p, "\033[<0;12;7Mab");
    assert_int_equal(wait_key(&f, 60000), KEYS_MOUSE);
    assert_int_equal(f.last.mouse.x, 11);
    assert_int_equal(f.last.mouse.y, 6);
    assert_int_equal(f.last.mouse.button, 1);
    assert_int_equal(wait_key(&f, 60000), 'a');
    assert_int_equal(wait_key(&f, 0), 'b');
    assert_int_equal(wait_key(&f, 0), KEYS_NONE);
    assert_int_equal(wait_key(&f, 20), KEYS_NONE);
    give(&f, ORDER_KEY_OR_FD, 60000);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    assert_int_equal(f.last.key, KEYS_NONE);
    pty_screen_close(&f.p);
}

static bool is_cooked(int fd) {
    struct termios t;
    assert_int_equal(tcgetattr(fd, &t), 0);
    return (t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG);
}

static void assert_given_back(struct fixture *f) {
    assert_non_null(strstr(buf_text(&f->p.bytes), "\033[?1049l"));
    assert_non_null(strstr(buf_text(&f->p.bytes), "\033[?25h"));
    assert_non_null(strstr(buf_text(&f->p.bytes), "\033[?1000l"));
}

/* The slave stays open here, so that the settings it ended with can be read. */
static int open_slave(const struct fixture *f) {
    int fd = open(ptsname(f->p.master), O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    return fd;
}

static void test_close(void **state) {
    (void)state;
    struct fixture f;
    start(&f, &settings[0], 80, 24);
    int slave = open_slave(&f), status;
    assert_false(is_cooked(slave));
    frame(&f, 5, ORDER_FRAME);
    buf_clear(&f.p.bytes);
    give(&f, ORDER_CLOSE, 0);
    assert_int_equal(waitpid(f.p.pid, &status, 0), f.p.pid);
    f.p.pid = 0;
    assert_true(is_cooked(slave));
    close(slave);
    assert_int_equal(status, 0);
    while (pty_screen_until(&f.p, MARKER)) {
    }
    assert_given_back(&f);
    pty_screen_close(&f.p);
}

static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE};

static void test_crash(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(crashes); i++) {
        struct fixture f;
        int status;
        start(&f, &settings[0], 80, 24);
        int slave = open_slave(&f);
        frame(&f, 5, ORDER_FRAME);
        buf_clear(&f.p.bytes);
        give(&f, ORDER_CRASH, crashes[i]);
        assert_int_equal(waitpid(f.p.pid, &status, 0), f.p.pid);
        f.p.pid = 0;
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), crashes[i]);
        assert_true(is_cooked(slave));
        close(slave);
        while (pty_screen_until(&f.p, MARKER)) {
        }
        assert_given_back(&f);
        pty_screen_close(&f.p);
    }
}

static const int endings[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

static void test_asked_to_end(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(endings); i++) {
        struct fixture f;
        start(&f, &settings[0], 80, 24);
        give(&f, ORDER_KEY, 60000);
        kill(f.p.pid, endings[i]);
        assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
        assert_true(f.last.ended);
        assert_int_equal(f.last.key, KEYS_NONE);
        give(&f, ORDER_CLOSE, 0);
        assert_int_equal(pty_screen_wait(&f.p), 0);
        assert_given_back(&f);
        pty_screen_close(&f.p);
    }
}

/* The terminal goes away: the answer comes at once and says so. */
static void test_hang_up(void **state) {
    (void)state;
    struct fixture f;
    start(&f, &settings[0], 80, 24);
    give(&f, ORDER_KEY, 60000);
    close(f.p.master);
    assert_int_equal(read(f.p.socket, &f.last, sizeof f.last), sizeof f.last);
    assert_true(f.last.ended);
    give(&f, ORDER_CLOSE, 0);
    int status;
    assert_int_equal(waitpid(f.p.pid, &status, 0), f.p.pid);
    assert_int_equal(status, 0);
    f.p.pid = 0;
    f.p.master = -1;
    pty_screen_close(&f.p);
}

/* ---- suspending: a child that plays the shell, with the screen as its job */

static int run_shell(int socket, void *context) {
    int status;
    char stopped;
    signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        exit(run_child(socket, context));
    }
    setpgid(job, job);
    while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
        tcsetpgrp(STDIN_FILENO, getpgrp());
        stopped = is_cooked(STDIN_FILENO) ? 'c' : 'r';
        printf("$ ls\r\nREADME\r\n%s", MARKER); /* something else is on the screen */
        fflush(stdout);
        if (write(socket, &stopped, 1) != 1 || read(socket, &stopped, 1) != 1) return 4;
        tcsetpgrp(STDIN_FILENO, job);
        kill(-job, SIGCONT);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}

static void test_suspend(void **state) {
    (void)state;
    struct fixture f = {.s = &settings[0]};
    char stopped;
    pty_screen_start(&f.p, 80, 24, run_shell, (void *)&settings[0]);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    for (int number = 3; number < 6; number++) {
        frame(&f, number, ORDER_FRAME);
        buf_clear(&f.p.bytes);
        give(&f, ORDER_SUSPEND, 0);
        assert_true(pty_screen_until(&f.p, MARKER));
        assert_given_back(&f);
        assert_true(pty_screen_answer(&f.p, &stopped, 1));
        assert_int_equal(stopped, 'c');
        buf_clear(&f.p.bytes);
        assert_int_equal(write(f.p.socket, "g", 1), 1);
        assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
        give(&f, ORDER_FRAME, number);
        assert_true(pty_screen_until(&f.p, MARKER));
        assert_non_null(strstr(buf_text(&f.p.bytes), "\033[?1000h"));
        compare(&f, number);
    }
    give(&f, ORDER_CLOSE, 0);
    assert_int_equal(pty_screen_wait(&f.p), 0);
    pty_screen_close(&f.p);
}

int main(void) {
    struct CMUnitTest tests[COUNT(settings) + COUNT(refusals) + 8];
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
        cmocka_unit_test(test_keys),        cmocka_unit_test(test_close),
        cmocka_unit_test(test_crash),       cmocka_unit_test(test_asked_to_end),
        cmocka_unit_test(test_hang_up),     cmocka_unit_test(test_suspend),
    };
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
