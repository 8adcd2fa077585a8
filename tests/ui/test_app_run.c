/* test_app_run.c - the loop in a terminal, with the test in the engine's place: it writes the
 * log and answers the socket. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/run/control.h"
#include "ui/app.h"
#include "ui/pty_screen.h"

enum { FAILED = 9 }; /* exit status of a child that has no screen */

struct fixture {
    char dir[64], prefs[96]; /* prefs: where settings are kept; "": nowhere */
    struct run_paths paths;
    struct event_log log;
    int lock;
    struct control *control;
    struct pty_screen screen;
    bool first_start;
    bool own_engine; /* the screen has a child that holds the lock, and no more */
};

/* A child of the screen, as `thaw run` has one: the test ends it. */
static pid_t start_engine(const struct fixture *f) {
    pid_t child = fork();
    if (child != 0) return child;
    int lock = files_lock(f->paths.lock, NULL, NULL);
    if (lock < 0) _exit(1);
    for (;;) pause();
}

/* What starts a fork's engine: here a process that ends at once, and a file that tells of it.
 */
static pid_t start_fork(const struct run_paths *run, struct err *err) {
    if (!files_write(run->config, "", 0, err)) return -1;
    pid_t child = fork();
    if (child == 0) _exit(0);
    return child;
}

static int run_app(int socket, void *context) {
    const struct fixture *f = context;
    struct prefs prefs;
    prefs_init(&prefs);
    prefs.at[PREF_TOUR] = PREF_TOUR_DONE;
    if (f->first_start) prefs.at[PREF_TOUR] = PREF_TOUR_NEW;
    if (f->prefs[0] && !prefs_read(&prefs, f->prefs, NULL)) return FAILED;
    struct app_options o = {.mode = APP_DRIVE,
                            .name = "test",
                            .drive_command = "thaw attach test",
                            .repeat_command = "thaw run test/config.yaml",
                            .start = start_fork,
                            .prefs = &prefs,
                            .prefs_path = f->prefs};
    if (f->own_engine) o.engine = start_engine(f);
    struct term_options t = {.glyphs = GLYPHS_WISH_ASCII};
    enum app_end how = APP_GOES_ON;
    (void)socket;
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    return app_run(&f->paths, &o, &t, &how, NULL) ? (int)how : FAILED;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    assert_non_null(f);
    strcpy(f->dir, "/tmp/thaw-app-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_true(run_paths_of(f->dir, &f->paths, &err));
    f->log.fd = -1;
    f->lock = -1;
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    pty_screen_close(&f->screen);
    control_stop(f->control);
    if (f->log.fd >= 0) event_log_close(&f->log);
    if (f->lock >= 0) close(f->lock);
    files_remove_tree(f->dir, NULL);
    free(f);
    return 0;
}

/* After the fork: a child must not inherit the socket's thread or the lock. */
static void start(struct fixture *f, bool engine) {
    struct err err = {0};
    pty_screen_start(&f->screen, 80, 24, run_app, f);
    if (!engine) return;
    f->lock = files_lock(f->paths.lock, NULL, &err);
    assert_true(f->lock >= 0);
    f->control = control_start(f->paths.socket, &err);
    assert_non_null(f->control);
}

static void open_log(struct fixture *f) {
    struct err err = {0};
    if (!event_log_open(&f->log, f->paths.events, &err)) fail_msg("%s", err.msg);
    struct event_group groups[] = {{"embed", 5}, {"block.0", 7}, {"norm", 1}};
    struct event_plan stages[] = {{"pretrain", 1000}};
    struct event e = {.type = EVENT_RUN,
                      .run = {.name = "test",
                              .version = "",
                              .blas = "",
                              .model = "{}",
                              .groups = groups,
                              .n_groups = 3,
                              .stages = stages,
                              .n_stages = 1}};
    assert_true(event_log_put(&f->log, &e, &err));
    e = (struct event){.type = EVENT_STAGE, .stage = {.name = "pretrain", .steps = 1000}};
    assert_true(event_log_put(&f->log, &e, &err));
}

static void put_step(struct fixture *f, int64_t step, double loss) {
    struct event e = {.type = EVENT_STEP,
                      .step = step,
                      .stp = {.loss = loss, .tokens = step * 10, .total = 0.1}};
    assert_true(event_log_put(&f->log, &e, NULL));
}

static void put_freeze(struct fixture *f, int64_t step) {
    struct event e = {.type = EVENT_FREEZE,
                      .step = step,
                      .freeze = {"embed", true, "screen", 0.5, (double)NAN}};
    assert_true(event_log_put(&f->log, &e, NULL));
}

static struct command serve(struct fixture *f, int64_t step) {
    struct command c;
    struct control_ticket ticket;
    double until = clock_now() + 60;
    while (!control_take(f->control, &c, &ticket)) {
        if (clock_now() > until) fail_msg("no command came");
        control_wait(f->control, 1);
    }
    struct answer a = {.id = c.id, .ok = true, .step = step};
    control_answer(f->control, ticket, &a);
    return c;
}

static void expect(struct fixture *f, const char *words) {
    if (!pty_screen_until_shown(&f->screen, words))
        fail_msg("the screen ended before \"%s\"", words);
}

static void leave(struct fixture *f, enum app_end how) {
    int status = pty_screen_wait(&f->screen);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), how);
}

/* From before there is a log to a freeze that has become a fact. */
static void test_live(void **state) {
    struct fixture *f = *state;
    start(f, true);
    expect(f, "waiting for the engine");
    open_log(f);
    expect(f, "the first step is on its way");
    put_step(f, 1, 4.5);
    expect(f, "train 4.500");
    expect(f, "LIVE");
    pty_screen_type(&f->screen, " ");
    struct command c = serve(f, 2);
    assert_int_equal(c.kind, COMMAND_FREEZE);
    assert_string_equal(c.text, "embed");
    assert_string_equal(c.by, "screen");
    expect(f, "freeze embed queued, holds from step 2");
    put_freeze(f, 2);
    expect(f, "embed frozen from step 2");
    pty_screen_resize(&f->screen, 40, 8);
    expect(f, "[1/2 PRETRAIN");
    pty_screen_resize(&f->screen, 80, 24);
    expect(f, "3 Compare");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

static void test_stop(void **state) {
    struct fixture *f = *state;
    start(f, true);
    open_log(f);
    put_step(f, 1, 4.5);
    expect(f, "train 4.500");
    pty_screen_type(&f->screen, "Q");
    expect(f, "Stop after a checkpoint?");
    pty_screen_type(&f->screen, "y");
    assert_int_equal(serve(f, 2).kind, COMMAND_STOP);
    struct event e = {.type = EVENT_END, .step = 1, .end = {"stopped"}};
    assert_true(event_log_put(&f->log, &e, NULL));
    leave(f, APP_STOP_ASKED); /* by itself */
}

/* Nobody trains: said with the way back, and again to whoever asks for something. */
static void test_no_engine(void **state) {
    struct fixture *f = *state;
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, false);
    expect(f, "train 4.500");
    expect(f, "the engine is dead: thaw run --resume test goes on");
    expect(f, "DEAD");
    pty_screen_type(&f->screen, "p");
    expect(f, "the run is not running: thaw run --resume");
    f->lock = files_lock(f->paths.lock, NULL, NULL);
    put_step(f, 2, 4.4); /* it was resumed */
    expect(f, "LIVE");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* The engine takes the command and dies: told, not waited for. */
static void test_engine_dies(void **state) {
    struct fixture *f = *state;
    start(f, true);
    open_log(f);
    put_step(f, 1, 4.5);
    expect(f, "train 4.500");
    pty_screen_type(&f->screen, "p");
    struct command c;
    struct control_ticket ticket;
    while (!control_take(f->control, &c, &ticket)) control_wait(f->control, 1);
    control_stop(f->control); /* what was taken gets no answer any more */
    f->control = NULL;
    expect(f, "the run closed the connection");
    pty_screen_type(&f->screen, "?");
    expect(f, "Help");
    pty_screen_type(&f->screen, "qq");
    leave(f, APP_DETACHED);
}

static bool is_zombie(pid_t pid) {
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    int got = fscanf(file, "%*d %*[^)]) %c", &state);
    fclose(file);
    return got == 1 && state == 'Z';
}

/* An engine that is the screen's child and is killed: told at once, and nothing is left of it.
 */
static void test_own_engine_killed(void **state) {
    struct fixture *f = *state;
    pid_t engine = 0;
    f->own_engine = true;
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, false);
    expect(f, "LIVE");
    for (double until = clock_now() + 60; engine <= 0 && clock_now() < until;)
        files_is_locked(f->paths.lock, &engine);
    assert_true(engine > 0);
    assert_int_equal(kill(engine, SIGKILL), 0);
    expect(f, "DEAD");
    expect(f, "the engine is dead: thaw run --resume test goes on");
    assert_false(is_zombie(engine));
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* The log falls silent, and the engine says why at its socket. */
static void test_notice(void **state) {
    struct fixture *f = *state;
    start(f, true);
    open_log(f);
    put_step(f, 1, 4.5);
    expect(f, "train 4.500");
    control_tell(f->control, "the disk is full: the log waits in memory");
    expect(f, "the disk is full: the log waits in memory");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* y: the terminal is asked to copy, and the command is said. */
static void test_copy(void **state) {
    struct fixture *f = *state;
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, true);
    expect(f, "train 4.500");
    pty_screen_type(&f->screen, "y");
    expect(f, "copied, if this terminal lets programs copy: thaw run test/config.yaml");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

static void keep_prefs(struct fixture *f) {
    snprintf(f->prefs, sizeof f->prefs, "%s/prefs/settings.json", f->dir);
}

/* How the curve is liked is kept, and the next screen begins with it; where it cannot be kept
 * the screen goes on. */
static void test_prefs(void **state) {
    struct fixture *f = *state;
    keep_prefs(f);
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, true);
    expect(f, "nats/token EMA.90 lin");
    assert_false(files_exists(f->prefs)); /* nothing was changed */
    pty_screen_type(&f->screen, "ls");
    expect(f, "nats/token EMA.99 log");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
    pty_screen_close(&f->screen);
    start(f, false);
    expect(f, "nats/token EMA.99 log");
    assert_int_equal(unlink(f->prefs), 0);
    assert_true(files_make_dirs(f->prefs, 0700, NULL)); /* a folder in the file's place */
    pty_screen_type(&f->screen, "s");
    expect(f, "settings are not kept: ");
    expect(f, "nats/token raw log");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* The tour comes by itself once: its first hint is enough. */
static void test_tour(void **state) {
    struct fixture *f = *state;
    keep_prefs(f);
    f->first_start = true;
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, false);
    expect(f, "1 of 5   Enter: next   Esc: end");
    assert_true(files_exists(f->prefs));
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
    pty_screen_close(&f->screen);
    start(f, false);
    expect(f, "the engine is dead"); /* long after it would have come */
    pty_screen_type(&f->screen, "\033");
    expect(f, "? help");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* A log of many steps is read in slices: keys are answered meanwhile, and all of it arrives. */
static void test_long_log(void **state) {
    struct fixture *f = *state;
    open_log(f);
    for (int i = 1; i <= 20000; i++) put_step(f, i % 1000 + 1, 3);
    put_step(f, 999, 1.25);
    start(f, false);
    pty_screen_type(&f->screen, "?");
    expect(f, "Help");
    pty_screen_type(&f->screen, "?");
    expect(f, "999/1000");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
}

/* Another run is followed while it grows, and the engine is asked nothing for it. */
static void test_overlay(void **state) {
    struct fixture *f = *state;
    struct fixture other = {.log.fd = -1};
    char typed[128];
    assert_true(files_join(other.dir, sizeof other.dir, f->dir, "other", NULL));
    assert_true(files_make_dirs(other.dir, 0700, NULL));
    assert_true(run_paths_of(other.dir, &other.paths, NULL));
    open_log(&other);
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, true);
    expect(f, "LIVE");
    snprintf(typed, sizeof typed, ":overlay %s\r", other.dir);
    pty_screen_type(&f->screen, typed);
    expect(f, "1 other -");
    put_step(&other, 1, 3.25);
    expect(f, "1 other 3.250");
    pty_screen_type(&f->screen, ":overlay\r");
    expect(f, "taken off the curve: other");
    pty_screen_type(&f->screen, "p");
    assert_int_equal(serve(f, 2).kind, COMMAND_PAUSE);
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
    event_log_close(&other.log);
}

/* The engine answers with a folder: the screen starts what trains there, and lays its curve
 * over this one. */
static void test_fork(void **state) {
    struct fixture *f = *state;
    struct fixture other = {.log.fd = -1};
    struct command c;
    struct control_ticket ticket;
    struct answer a = {.ok = true, .step = 2};
    assert_true(files_join(other.dir, sizeof other.dir, f->dir, "other", NULL));
    assert_true(files_make_dirs(other.dir, 0700, NULL));
    assert_true(run_paths_of(other.dir, &other.paths, NULL));
    open_log(&other);
    open_log(f);
    put_step(f, 1, 4.5);
    start(f, true);
    expect(f, "LIVE");
    pty_screen_type(&f->screen, "K--lr 1e-4\r");
    while (!control_take(f->control, &c, &ticket)) control_wait(f->control, 1);
    assert_int_equal(c.kind, COMMAND_FORK);
    assert_true(c.has_lr && c.number == 1e-4);
    a.id = c.id;
    snprintf(a.run, sizeof a.run, "%s", other.dir);
    control_answer(f->control, ticket, &a);
    expect(f, "other trains from step 2 on, curve 1 here");
    assert_true(files_exists(other.paths.config));
    put_step(&other, 1, 3.25);
    expect(f, "1 other 3.250");
    pty_screen_type(&f->screen, "q");
    leave(f, APP_DETACHED);
    event_log_close(&other.log);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_live),        TEST(test_stop),     TEST(test_no_engine),
        TEST(test_engine_dies), TEST(test_long_log), TEST(test_own_engine_killed),
        TEST(test_notice),      TEST(test_overlay),  TEST(test_copy),
        TEST(test_fork),        TEST(test_prefs),    TEST(test_tour),
    };
    return cmocka_run_group_tests_name("app_run", tests, NULL, NULL);
}
