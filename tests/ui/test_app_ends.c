/* test_app_ends.c - how a screen is left, on each kind of terminal: by its key, by signals,
 * stopped and gone on with, its terminal closed. The terminal must be as it was, and no screen
 * may outlive it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/app.h"
#include "ui/pty_screen.h"
#include "ui/stream_check.h"

#define SHELL_SAYS "the shell again"
enum {
    FAILED = 9,
    CPU_S_MAX = 5 /* of a screen that lived for a moment, sanitisers included */
};

/* What ncurses-base does not have: 24-bit colours by number. */
static const char direct_source[] = "xterm-direct|24-bit colours for tests,\n"
                                    "\tRGB, colors#0x1000000, pairs#0x10000,\n"
                                    "\tsetab=\\E[%?%p1%{8}%<%t4%p1%d%e48\\:2\\:\\:%p1%{65536}%/"
                                    "%d\\:%p1%{256}%/%{255}%&%d\\:%p1%{255}%&%d%;m,\n"
                                    "\tsetaf=\\E[%?%p1%{8}%<%t3%p1%d%e38\\:2\\:\\:%p1%{65536}%/"
                                    "%d\\:%p1%{256}%/%{255}%&%d\\:%p1%{255}%&%d%;m,\n"
                                    "\tinitc@, ccc@, use=xterm-256color,\n";

struct fixture {
    const char *term;
    bool deaf; /* SIGHUP is blocked */
    char dir[64];
    struct run_paths paths;
    struct event_log log;
    int lock;
    struct pty_screen screen;
    struct buf sent;
};

/* ncurses keeps the names of the folders in TERMINFO_DIRS for ever. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:_nc_first_db"; }

/* ---- the screen */

static int run_app(int socket, void *context) {
    const struct fixture *f = context;
    struct app_options o = {
        .mode = APP_DRIVE, .name = "test", .drive_command = "thaw attach test"};
    struct term_options t = {0};
    struct err err = {0};
    enum app_end how = APP_GOES_ON;
    (void)socket;
    setenv("TERM", f->term, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    if (f->deaf) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
    if (app_run(&f->paths, &o, &t, &how, &err)) return (int)how;
    printf("%s\n", err.msg);
    fflush(stdout);
    return FAILED;
}

static bool is_cooked(int fd) {
    struct termios t;
    if (tcgetattr(fd, &t) != 0) return false;
    return (t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG) &&
           (t.c_oflag & OPOST) && (t.c_iflag & ICRNL);
}

/* A shell whose only job is the screen: says on the terminal when it has that again, and on the
 * socket whether it works as before ('c') or not ('r'); goes on with the job when told to. */
static int run_shell(int socket, void *context) {
    int status;
    char state;
    signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        exit(run_app(socket, context));
    }
    setpgid(job, job);
    if (write(socket, &job, sizeof job) != sizeof job) return FAILED;
    do {
        if (waitpid(job, &status, WUNTRACED) != job) return FAILED;
        tcsetpgrp(STDIN_FILENO, getpgrp());
        state = is_cooked(STDIN_FILENO) ? 'c' : 'r';
        printf("$ ls\r\nREADME " SHELL_SAYS "\r\n");
        fflush(stdout);
        if (write(socket, &state, 1) != 1 || read(socket, &state, 1) != 1) return FAILED;
        if (!WIFSTOPPED(status)) break;
        tcsetpgrp(STDIN_FILENO, job);
        kill(-job, SIGCONT);
    } while (true);
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

/* ---- setting up */

static void put_step(struct fixture *f, int64_t step) {
    struct event e = {.type = EVENT_STEP, .step = step, .stp = {.loss = 4.5, .total = 0.1}};
    assert_true(event_log_put(&f->log, &e, NULL));
}

static void open_run(struct fixture *f, const char *term) {
    struct err err = {0};
    *f = (struct fixture){.term = term};
    strcpy(f->dir, "/tmp/thaw-ends-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_true(run_paths_of(f->dir, &f->paths, &err));
    if (!event_log_open(&f->log, f->paths.events, &err)) fail_msg("%s", err.msg);
    put_step(f, 1);
}

static void start(struct fixture *f, int (*child)(int socket, void *context)) {
    pty_screen_start(&f->screen, 80, 24, child, f);
    f->screen.record = &f->sent;
    f->lock = files_lock(f->paths.lock, NULL, NULL);
    assert_true(f->lock >= 0);
}

static void close_run(struct fixture *f) {
    pty_screen_close(&f->screen);
    close(f->lock);
    event_log_close(&f->log);
    buf_deinit(&f->sent);
    files_remove_tree(f->dir, NULL);
}

static void expect(struct fixture *f, const char *words) {
    if (!pty_screen_until_shown(&f->screen, words))
        fail_msg("%s: the screen ended before \"%s\"", f->term, words);
}

/* ---- what was sent */

static void assert_sent(const struct fixture *f, const char *capability) {
    char bytes[STREAM_CAPABILITY];
    if (!stream_capability(f->term, capability, bytes)) return; /* no second screen */
    if (!strstr(buf_text(&f->sent), bytes)) fail_msg("%s: no %s", f->term, capability);
}

/* All that the terminal got since the last time follows its rules, and gave it back. */
static void check_given_back(struct fixture *f) {
    static const char *const mouse[] = {"\033[?1000h", "\033[?1006h", "\033[?1006l",
                                        "\033[?1000l"};
    struct stream_rules rules;
    stream_rules_make(&rules, f->term, true);
    for (size_t i = 0; i < COUNT(mouse); i++) stream_rules_allow(&rules, mouse[i]);
    stream_check(&rules, buf_text(&f->sent), f->sent.len);
    stream_rules_deinit(&rules);
    assert_sent(f, "rmcup");
    assert_sent(f, "cnorm");
    buf_clear(&f->sent);
}

/* The shell has the terminal again, as it was. */
static void check_shell(struct fixture *f) {
    char state = 0;
    expect(f, SHELL_SAYS);
    assert_true(pty_screen_answer(&f->screen, &state, 1));
    pty_screen_settle(&f->screen, 0); /* all that was written before the answer */
    if (state != 'c') fail_msg("%s: the terminal is not as it was", f->term);
    check_given_back(f);
}

static void go_on(struct fixture *f) { assert_int_equal(write(f->screen.socket, "g", 1), 1); }

/* ---- the tests, for a terminal each */

/* Ctrl-Z, another size meanwhile, fg, q. */
static void test_stopped(void **state) {
    struct fixture f;
    pid_t job;
    open_run(&f, *state);
    start(&f, run_shell);
    assert_true(pty_screen_answer(&f.screen, &job, sizeof job));
    expect(&f, "train 4.500");
    for (int i = 0; i < 2; i++) {
        pty_screen_type(&f.screen, "\032");
        check_shell(&f);
        pty_screen_resize(&f.screen, 30 + i, 5);
        go_on(&f);
        expect(&f, i == 0 ? "have 30x5" : "have 31x5");
    }
    pty_screen_resize(&f.screen, 80, 24);
    expect(&f, "1 Loss");
    pty_screen_type(&f.screen, "q");
    check_shell(&f);
    go_on(&f);
    int status = pty_screen_wait(&f.screen);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == APP_DETACHED);
    close_run(&f);
}

static void test_signals(void **state) {
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    for (size_t i = 0; i < COUNT(signals); i++) {
        struct fixture f;
        pid_t job;
        open_run(&f, *state);
        start(&f, run_shell);
        assert_true(pty_screen_answer(&f.screen, &job, sizeof job));
        expect(&f, "train 4.500");
        assert_int_equal(kill(job, signals[i]), 0);
        check_shell(&f);
        go_on(&f);
        pty_screen_wait(&f.screen);
        close_run(&f);
    }
}

/* The terminal is closed while the run goes on, with SIGHUP and where that never comes: the
 * screen ends, and has not been busy. */
static void test_closed(void **state) {
    for (int deaf = 0; deaf < 2; deaf++) {
        struct fixture f;
        struct rusage used;
        int status;
        open_run(&f, *state);
        f.deaf = deaf;
        start(&f, run_app);
        expect(&f, "train 4.500");
        close(f.screen.master);
        f.screen.master = -1;
        put_step(&f, 2);
        assert_int_equal(wait4(f.screen.pid, &status, 0, &used), f.screen.pid);
        f.screen.pid = 0;
        assert_true(WIFEXITED(status));
        assert_true(used.ru_utime.tv_sec + used.ru_stime.tv_sec < CPU_S_MAX);
        close_run(&f);
    }
}

/* A terminal that cannot place its cursor is refused in words, and left as it is. */
static void test_dumb(void **state) {
    struct fixture f;
    (void)state;
    open_run(&f, "dumb");
    start(&f, run_app);
    int status = pty_screen_wait(&f.screen);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == FAILED);
    assert_string_equal(buf_text(&f.sent), "the terminal dumb cannot place its cursor: try "
                                           "TERM=xterm-256color\r\n");
    close_run(&f);
}

/* ---- the terminals */

static const char *const terminals[] = {"xterm-256color", "screen", "tmux",
                                        "linux",          "vt100",  "xterm-direct"};

static char folder[64] = "/tmp/thaw-terminfo-XXXXXX";

/* An entry for xterm-direct, where the system has none, and what it has beside it. */
static int make_entries(void **state) {
    (void)state;
    char source[96], command[256];
    if (!mkdtemp(folder)) return -1;
    snprintf(source, sizeof source, "%s/source", folder);
    snprintf(command, sizeof command, "tic -x -o %s %s", folder, source);
    if (!files_write(source, direct_source, strlen(direct_source), NULL)) return -1;
    if (system(command) != 0) return -1;
    setenv("TERMINFO_DIRS", strcat(strcpy(command, folder), ":"),
           1); /* the system's behind it */
    return 0;
}

static int remove_entries(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

int main(void) {
    static const struct {
        const char *what;
        CMUnitTestFunction test;
    } ways[] = {{"stopped", test_stopped}, {"signals", test_signals}, {"closed", test_closed}};
    char names[COUNT(terminals) * COUNT(ways)][64];
    struct CMUnitTest tests[COUNT(names) + 1] = {cmocka_unit_test(test_dumb)};
    size_t n = 1;
    for (size_t t = 0; t < COUNT(terminals); t++)
        for (size_t w = 0; w < COUNT(ways); w++, n++) {
            snprintf(names[n - 1], sizeof names[0], "%s, %s", terminals[t], ways[w].what);
            tests[n] = (struct CMUnitTest){.name = names[n - 1],
                                           .test_func = ways[w].test,
                                           .initial_state = (void *)(uintptr_t)terminals[t]};
        }
    return cmocka_run_group_tests_name("app_ends", tests, make_entries, remove_entries);
}
