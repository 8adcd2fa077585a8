#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"
#include "ui/term_child.h"
#include "ui/term_signals.h"

static const struct setting xterm = {.name = "xterm-256color",
                                     .term = "xterm-256color",
                                     .locale = "C.UTF-8",
                                     .colours = 256,
                                     .utf8 = true,
                                     .glyphs = GLYPHS_BRAILLE};

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
    term_child_start(&f, &xterm, 80, 24);
    int slave = open_slave(&f), status;
    assert_false(is_cooked(slave));
    term_child_frame(&f, 5, ORDER_FRAME);
    buf_clear(&f.p.bytes);
    term_child_give(&f, ORDER_CLOSE, 0);
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
        term_child_start(&f, &xterm, 80, 24);
        int slave = open_slave(&f);
        term_child_frame(&f, 5, ORDER_FRAME);
        buf_clear(&f.p.bytes);
        term_child_give(&f, ORDER_CRASH, crashes[i]);
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
        term_child_start(&f, &xterm, 80, 24);
        term_child_give(&f, ORDER_KEY, 60000);
        kill(f.p.pid, endings[i]);
        assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
        assert_true(f.last.ended);
        assert_int_equal(f.last.key, KEYS_NONE);
        term_child_give(&f, ORDER_CLOSE, 0);
        assert_int_equal(pty_screen_wait(&f.p), 0);
        assert_given_back(&f);
        pty_screen_close(&f.p);
    }
}

/* The terminal goes away: the answer comes at once and says so. */
static void test_hang_up(void **state) {
    (void)state;
    struct fixture f;
    term_child_start(&f, &xterm, 80, 24);
    term_child_give(&f, ORDER_KEY, 60000);
    close(f.p.master);
    assert_int_equal(read(f.p.socket, &f.last, sizeof f.last), sizeof f.last);
    assert_true(f.last.ended);
    term_child_give(&f, ORDER_CLOSE, 0);
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
        exit(term_child_run(socket, context));
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

/* The ways to be stopped: Ctrl-Z as the app takes it, a signal that is handled, one that cannot
 * be. */
static const struct stop_case {
    int what, argument;
    bool given_back;
} stops[] = {
    {ORDER_SUSPEND, 0, true}, {ORDER_CRASH, SIGTSTP, true}, {ORDER_CRASH, SIGSTOP, false}};

static void stop_and_go_on(struct fixture *f, const struct stop_case *c) {
    char stopped;
    bool noted = c->argument == SIGTSTP;
    buf_clear(&f->p.bytes);
    term_child_give(f, c->what, c->argument);
    if (noted) term_child_give(f, ORDER_KEY, 60000); /* obeyed there */
    assert_true(pty_screen_until(&f->p, MARKER));
    if (c->given_back) assert_given_back(f);
    assert_true(pty_screen_answer(&f->p, &stopped, 1));
    assert_int_equal(stopped, c->given_back ? 'c' : 'r');
    buf_clear(&f->p.bytes);
    assert_int_equal(write(f->p.socket, "g", 1), 1);
    if (c->argument == SIGSTOP) term_child_give(f, ORDER_KEY, 60000);
    assert_true(pty_screen_answer(&f->p, &f->last, sizeof f->last));
    assert_int_equal(f->last.key, c->what == ORDER_SUSPEND ? KEYS_NONE : KEYS_RESIZE);
    assert_false(f->last.ended);
}

static void test_stopped(void **state) {
    (void)state;
    struct fixture f = {.s = &xterm};
    pty_screen_start(&f.p, 80, 24, run_shell, (void *)&xterm);
    assert_true(pty_screen_answer(&f.p, &f.last, sizeof f.last));
    for (int number = 0; number < 6; number++) {
        term_child_frame(&f, number, ORDER_FRAME);
        stop_and_go_on(&f, &stops[number % 3]);
        term_child_give(&f, ORDER_FRAME, number);
        assert_true(pty_screen_until(&f.p, MARKER));
        assert_non_null(strstr(buf_text(&f.p.bytes), "\033[?1000h"));
        term_child_compare(&f, number);
    }
    term_child_give(&f, ORDER_CLOSE, 0);
    assert_int_equal(pty_screen_wait(&f.p), 0);
    pty_screen_close(&f.p);
}

/* Another thread's handler may run until it is removed and after: what it wakes is never
 * another file, and what comes too late is not told to the next screen. */
static void test_twice(void **state) {
    (void)state;
    struct termios cooked = {.c_iflag = 0};
    struct err err = {0};
    assert_true(signals_install("", 0, &cooked, &err));
    int fd = signals_fd();
    raise(SIGWINCH);
    signals_remove();
    assert_true(fcntl(fd, F_GETFL) >= 0);
    assert_true(signals_install("", 0, &cooked, &err));
    assert_int_equal(signals_fd(), fd);
    assert_int_equal(signals_take(), 0);
    raise(SIGWINCH);
    assert_int_equal(signals_take(), SIGNALS_RESIZE);
    signals_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close),        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_asked_to_end), cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_stopped),      cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests_name("term_signals", tests, NULL, NULL);
}
