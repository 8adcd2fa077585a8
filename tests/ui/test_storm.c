/* test_storm.c - the screen of a run on a real terminal while the window is dragged through all
 * sizes, keys come at random, and the log grows, full of hostile texts. It must go on
 * answering, show in the end what it drew, and send nothing but its own sequences all the
 * while. THAW_STORM_SEED=N repeats a storm that failed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"
#include "engine/run/control.h"
#include "ui/app.h"
#include "ui/hostile_log.h"
#include "ui/osc52.h"
#include "ui/pty_screen.h"
#include "ui/stream_check.h"

#define REPEAT "thaw run storm/config.yaml"
enum {
    FAILED = 9,
    BELOW = 3 /* rows that a message may take */,
    QUIET_MS = 400,
    PATIENCE_S = 120
};

static const struct storm {
    const char *name, *term, *locale;
    int resizes;
    uint64_t seed;
} storms[] = {
    {"500 resizes", "xterm-256color", "C.UTF-8", 500, 1},
    {"100 on a console", "linux", "C.UTF-8", 100, 2},
    {"100 in ASCII", "vt100", "C", 100, 3},
    {"100 in screen", "screen", "C.UTF-8", 100, 4},
};

struct fixture {
    const struct storm *storm;
    struct rng rng;
    char dir[64];
    struct run_paths paths;
    struct event_log log;
    struct hostile_log events;
    int lock;
    struct control *control;
    struct pty_screen screen;
    struct buf sent; /* all that the terminal was sent */
    int64_t step;
};

static int run_app(int socket, void *context) {
    const struct fixture *f = context;
    struct app_options o = {.mode = APP_DRIVE,
                            .name = "storm",
                            .drive_command = "thaw attach storm",
                            .repeat_command = REPEAT,
                            .runs = f->dir};
    struct term_options t = {0};
    enum app_end how = APP_GOES_ON;
    (void)socket;
    setenv("TERM", f->storm->term, 1);
    setenv("LC_ALL", f->storm->locale, 1);
    if (chdir(f->dir) != 0) return FAILED; /* where a screen may be saved */
    return app_run(&f->paths, &o, &t, &how, NULL) ? (int)how : FAILED;
}

/* ---- the run */

static void put_event(void *context, struct event *e) {
    struct fixture *f = context;
    assert_true(event_log_put(&f->log, e, NULL));
}

static void put_step(struct fixture *f) {
    double loss = 1 + 4.0 / (1 + (double)f->step / 100) + rng_uniform(&f->rng);
    struct event e = {.type = EVENT_STEP,
                      .step = ++f->step,
                      .stp = {.loss = rng_below(&f->rng, 50) ? loss : (double)NAN,
                              .tokens = f->step * 10,
                              .total = 0.1}};
    put_event(f, &e);
}

static void grow(struct fixture *f) {
    for (int n = (int)rng_below(&f->rng, 20); n > 0; n--) put_step(f);
    if (rng_below(&f->rng, 8) == 0) {
        hostile_log_facts(&f->events, f->step);
        f->step += 3;
    }
    if (rng_below(&f->rng, 60) == 0) hostile_log_plan(&f->events); /* resumed */
}

/* The engine's side of the socket: it grants what is asked for, or not. */
static void answer(struct fixture *f) {
    struct command c;
    struct control_ticket ticket;
    while (control_take(f->control, &c, &ticket)) {
        struct answer a = {.id = c.id, .ok = rng_below(&f->rng, 2), .step = f->step + 1};
        a.ok = a.ok && c.kind != COMMAND_STOP; /* after which the screen ends with the run */
        snprintf(a.error, sizeof a.error, "%s", hostile_log_text(&f->events));
        control_answer(f->control, ticket, &a);
    }
}

/* ---- the user */

/* q, Ctrl-C and Ctrl-Z would end or stop the screen, wherever they stand. */
static bool is_way_out(char c) { return c == 'q' || c == 3 || c == 26; }

static void type_safely(struct fixture *f, const char *bytes, size_t n) {
    struct buf typed = {0};
    for (size_t i = 0; i < n; i++)
        if (!is_way_out(bytes[i])) buf_add(&typed, &bytes[i], 1);
    if (typed.len > 0) pty_screen_type(&f->screen, buf_text(&typed));
    buf_deinit(&typed);
}

static void press_any(struct fixture *f) {
    static const char *const special[] = {"\033",
                                          "\033[A",
                                          "\033OB",
                                          "\033[C",
                                          "\033[D",
                                          "\033[5~",
                                          "\033[6~",
                                          "\033[H",
                                          "\033OF",
                                          "\033[Z",
                                          "\033[3~",
                                          "\033OP",
                                          "\033[200~",
                                          "\033[",
                                          "\033[1;5A",
                                          "\033[M !!",
                                          "\t",
                                          "\r",
                                          "\177",
                                          "\303\251",
                                          "\360\237\230\200",
                                          ":lr 1e-4\r",
                                          ":freeze 0-3\r",
                                          ":overlay storm\r",
                                          ":save-screen any.svg\r",
                                          "Qy",
                                          "e fever\r",
                                          "/step\r",
                                          ":\t\t"};
    char bytes[64];
    int n, kind = (int)rng_below(&f->rng, 10);
    if (kind < 6) { /* a key of the table */
        const struct key_binding *b =
            &key_bindings[rng_below(&f->rng, (uint64_t)n_key_bindings)];
        if (b->keys[0] >= 0x80) return;
        bytes[0] = (char)b->keys[0];
        type_safely(f, bytes, 1);
    } else if (kind < 8) {
        const char *s = special[rng_below(&f->rng, COUNT(special))];
        type_safely(f, s, strlen(s));
    } else if (kind == 8) { /* the mouse, also where nothing is */
        n = snprintf(bytes, sizeof bytes, "\033[<%d;%d;%dM",
                     (int)rng_below(&f->rng, 4) * 32 % 66, (int)rng_below(&f->rng, 320),
                     (int)rng_below(&f->rng, 120));
        type_safely(f, bytes, (size_t)n);
    } else { /* what was pasted, or comes from a broken line */
        const char *s = hostile_log_text(&f->events);
        type_safely(f, s, strlen(s) < 64 ? strlen(s) : 64);
    }
}

static void resize(struct fixture *f) {
    bool small = rng_below(&f->rng, 6) == 0;
    int w = 1 + (int)rng_below(&f->rng, small ? 12 : 300);
    int h = 1 + (int)rng_below(&f->rng, small ? 6 : 100);
    pty_screen_resize(&f->screen, w, h);
}

static void expect(struct fixture *f, const char *words) {
    if (!pty_screen_until_shown(&f->screen, words))
        fail_msg("the screen ended before \"%s\"", words);
}

/* ---- the storm, and what is left after it */

static void storm(struct fixture *f) {
    for (int i = 1; i <= f->storm->resizes; i++) {
        resize(f);
        grow(f);
        for (int n = (int)rng_below(&f->rng, 8); n > 0; n--) press_any(f);
        answer(f);
        if (!pty_screen_settle(&f->screen, i % 10 ? 0 : 20)) fail_msg("it ended at %d", i);
        if (i % 50 != 0) continue;
        pty_screen_resize(&f->screen, 30, 5); /* it still answers */
        expect(f, "have 30x5, need 40x8");
    }
}

/* The picture that the screen saves of itself. Once it is there, all that was typed before was
 * heard and all that was drawn was sent, however busy the machine is. A question that is still
 * open swallows the line: then again. */
static void save_picture(struct fixture *f, const char *name, struct buf *saved) {
    enum { LOOKS = 150, LOOK_MS = 20 };
    char path[128];
    struct buf line = {0};
    double until = clock_now() + PATIENCE_S;
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    buf_str(&line, ":save-screen ");
    buf_str(&line, name);
    buf_str(&line, "\r");
    for (int i = 0; !files_read(path, 1 << 20, saved, NULL) || saved->len == 0; i++) {
        if (clock_now() > until) fail_msg("no picture of the screen");
        if (i % LOOKS == 0) {
            pty_screen_type(&f->screen, "\033");
            pty_screen_settle(&f->screen, 60); /* Esc alone, no sequence */
            pty_screen_type(&f->screen, buf_text(&line));
        }
        pty_screen_settle(&f->screen, LOOK_MS);
    }
    pty_screen_settle(&f->screen, QUIET_MS);
    buf_deinit(&line);
}

/* Out of every question, overlay and line; Esc is told from a sequence by the time after it. */
static void calm_down(struct fixture *f) {
    pty_screen_resize(&f->screen, 120, 40);
    for (int i = 0; i < 6; i++) {
        pty_screen_type(&f->screen, "\033");
        pty_screen_settle(&f->screen, 60);
        answer(f);
    }
    struct buf calm = {0};
    save_picture(f, "calm.txt", &calm);
    buf_deinit(&calm);
    answer(f); /* the last wish: none is open when the run ends */
    pty_screen_settle(&f->screen, QUIET_MS);
    /* The engine is gone: one that stays and answers is noticed some time after the end, and
     * more keys are offered from then on. */
    struct event e = {.type = EVENT_END, .step = f->step, .end = {"finished"}};
    close(f->lock);
    put_event(f, &e);
    expect(f, "ENDED");
    pty_screen_settle(&f->screen, QUIET_MS);
}

static void rows_of(const struct fixture *f, struct buf *out) {
    for (int y = 0; y < f->screen.h - BELOW; y++) {
        pty_screen_row(&f->screen, y, out);
        buf_str(out, "\n");
    }
}

/* The first row that differs is told. */
static void same_rows(const char *is, const char *should, const char *what) {
    for (int row = 0; *is; row++) {
        size_t n = strcspn(is, "\n"), m = strcspn(should, "\n");
        if (n != m || memcmp(is, should, n) != 0)
            fail_msg("%s: row %d is\n%.*s\nand should be\n%.*s", what, row, (int)n, is, (int)m,
                     should);
        is += n + 1;
        should += m + (should[m] != '\0');
    }
}

/* What a terminal for ASCII shows of a text: ? for any other character, in as many columns. */
static void to_ascii(struct buf *text) {
    struct buf out = {0};
    uint32_t c;
    for (size_t at = 0; at < text->len;) {
        size_t n = text_decode(text->data + at, text->len - at, &c);
        if (c < 0x80) buf_add(&out, text->data + at, 1);
        else if (text_width(c) > 0) buf_str(&out, text_width(c) == 2 ? "? " : "?");
        at += n;
    }
    buf_deinit(text);
    *text = out;
}

static void check_end(struct fixture *f) {
    struct buf shown = {0}, again = {0}, saved = {0}, anew = {0};
    save_picture(f, "end.txt", &saved);
    rows_of(f, &shown);
    if (strcmp(f->storm->locale, "C") == 0) to_ascii(&saved);
    same_rows(buf_text(&shown), buf_text(&saved), "the terminal");
    pty_screen_type(&f->screen, "\014");
    save_picture(f, "anew.txt", &anew);
    rows_of(f, &again);
    same_rows(buf_text(&again), buf_text(&shown), "drawn anew");
    buf_deinit(&shown);
    buf_deinit(&again);
    buf_deinit(&saved);
    buf_deinit(&anew);
}

static void check_sent(const struct fixture *f) {
    static const char *const own[] = {"\033[?1000h", "\033[?1006h", "\033[?1006l",
                                      "\033[?1000l"};
    struct stream_rules rules;
    stream_rules_make(&rules, f->storm->term, strcmp(f->storm->locale, "C") != 0);
    for (size_t i = 0; i < COUNT(own); i++) stream_rules_allow(&rules, own[i]);
    struct buf copied = {0}; /* what `y` sends to the clipboard */
    osc52_add(&copied, REPEAT, strlen(REPEAT));
    stream_rules_allow(&rules, buf_text(&copied));
    buf_deinit(&copied);
    stream_check(&rules, buf_text(&f->sent), f->sent.len);
    stream_rules_deinit(&rules);
}

static void open_run(struct fixture *f) {
    struct err err = {0};
    strcpy(f->dir, "/tmp/thaw-storm-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_true(run_paths_of(f->dir, &f->paths, &err));
    if (!event_log_open(&f->log, f->paths.events, &err)) fail_msg("%s", err.msg);
    hostile_log_begin(&f->events, put_event, f);
    hostile_log_plan(&f->events);
    hostile_log_facts(&f->events, 0);
    f->step = 3;
    pty_screen_start(&f->screen, 80, 24, run_app, f);
    f->screen.record = &f->sent;
    f->lock = files_lock(f->paths.lock, NULL, &err); /* not the child's: after the fork */
    assert_true(f->lock >= 0);
    f->control = control_start(f->paths.socket, &err);
    assert_non_null(f->control);
}

static void close_run(struct fixture *f) {
    pty_screen_close(&f->screen);
    control_stop(f->control);
    event_log_close(&f->log);
    hostile_log_deinit(&f->events);
    buf_deinit(&f->sent);
    files_remove_tree(f->dir, NULL);
}

static void test_storm(void **state) {
    const char *chosen = getenv("THAW_STORM_SEED");
    struct fixture f = {.storm = *state};
    uint64_t seed = chosen ? strtoull(chosen, NULL, 10) : f.storm->seed;
    print_message("THAW_STORM_SEED=%llu\n", (unsigned long long)seed);
    f.rng = rng_make(seed, 0, 0);
    open_run(&f);
    expect(&f, "1 Loss");
    storm(&f);
    calm_down(&f);
    check_end(&f);
    pty_screen_type(&f.screen, "q");
    int status = pty_screen_wait(&f.screen);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), APP_DETACHED);
    check_sent(&f);
    close_run(&f);
}

int main(void) {
    struct CMUnitTest tests[COUNT(storms)];
    for (size_t i = 0; i < COUNT(storms); i++)
        tests[i] = (struct CMUnitTest){.name = storms[i].name,
                                       .test_func = test_storm,
                                       .initial_state = (void *)(uintptr_t)&storms[i]};
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
