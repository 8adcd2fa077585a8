/* test_hostile.c - whatever a log says, on every pane, at every size: the terminal is sent
 * nothing but text and the sequences that its terminfo entry has for drawing, and shows the
 * canvas. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/hostile_log.h"
#include "ui/stream_check.h"
#include "ui/term_child.h"

enum { SCREENS_MAX = 32 };

/* ---- screens of them */

/* Through the log's format, as any event. */
static void observe(void *context, struct event *e) {
    struct app_fixture *f = context;
    struct buf line = {0};
    struct err err = {0};
    struct event read;
    e->seq = ++f->seq;
    e->t = f->t += 1;
    event_write(e, &line);
    if (!event_parse(buf_text(&line), line.len, &read, &err)) fail_msg("%s", err.msg);
    app_observe(f->app, &read);
    event_deinit(&read);
    buf_deinit(&line);
}

static const struct view {
    const char *name;
    int w, h;
    int keys[6];
    bool ended;
} views[] = {
    {"80x24", 80, 24, {0}, false},
    {"80x24, an end", 80, 24, {0}, true},
    {"80x24, loss", 80, 24, {'1', '\r', KEYS_LEFT}, false},
    {"80x24, layers", 80, 24, {'2', '\r'}, false},
    {"80x24, compare", 80, 24, {'3', '\r'}, false},
    {"80x24, score", 80, 24, {'3', '\r', 'c', ']'}, false},
    {"80x24, blind", 80, 24, {'3', 'b'}, false},
    {"80x24, log", 80, 24, {'4', '\r'}, false},
    {"120x40, top-k", 120, 40, {'3', 'c', 'c', ']'}, false},
    {"120x40, a wish", 120, 40, {'2', 'j', ' '}, false},
    {"200x60", 200, 60, {'4'}, false},
    {"60x16", 60, 16, {'3'}, false},
    {"40x8", 40, 8, {0}, false},
    {"30x5", 30, 5, {0}, false},
    {"50x46", 50, 46, {0}, false},
};

static const struct setting terminals[] = {
    {.name = "xterm",
     .term = "xterm-256color",
     .locale = "C.UTF-8",
     .colours = 256,
     .utf8 = true},
    {.name = "console", .term = "linux", .locale = "C.UTF-8", .colours = 8, .utf8 = true},
    {.name = "vt100", .term = "vt100", .locale = "C"},
};

/* A log of hostile texts as it looks in this view; the frame is the caller's. */
static struct canvas draw_screen(const struct view *v, enum glyphs glyphs,
                                 struct hostile_log *l) {
    struct app_fixture f;
    fixture_open(&f, APP_DRIVE, v->w, v->h, glyphs);
    l->context = &f;
    hostile_log_plan(l);
    hostile_log_facts(l, 1);
    if (v->ended) observe(&f, &(struct event){.type = EVENT_END, .end = {hostile_log_text(l)}});
    fixture_draw(&f);
    for (int i = 0; i < 6 && v->keys[i]; i++) fixture_key(&f, v->keys[i]);
    if (f.n_sent > 0) fixture_answer(&f, false, 0, hostile_log_text(l));
    fixture_draw(&f);
    struct canvas frame = f.canvas;
    f.canvas = (struct canvas){.cells = NULL};
    fixture_close(&f);
    return frame;
}

/* As many as it takes until all texts have had their turn. */
static int draw_screens(const struct view *v, enum glyphs glyphs, struct canvas *frames) {
    struct hostile_log l;
    int n = 0;
    hostile_log_begin(&l, observe, NULL);
    while (l.next < l.texts.n) {
        assert_true(n < SCREENS_MAX);
        frames[n++] = draw_screen(v, glyphs, &l);
    }
    hostile_log_deinit(&l);
    return n;
}

static void check_bytes(const struct stream_rules *r, const struct fixture *f) {
    stream_check(r, buf_text(&f->p.bytes), f->p.bytes.len);
}

static void show_on(const struct setting *terminal, const struct canvas *frames, int n) {
    static const char *const mouse[] = {"\033[?1000h", "\033[?1006h", "\033[?1006l",
                                        "\033[?1000l"};
    struct setting s = *terminal;
    struct stream_rules rules;
    struct fixture f;
    s.frames = frames;
    s.glyphs = frames[0].glyphs;
    stream_rules_make(&rules, s.term, s.utf8);
    for (size_t i = 0; i < COUNT(mouse); i++) stream_rules_allow(&rules, mouse[i]);
    term_child_start(&f, &s, frames[0].w, frames[0].h);
    assert_true(f.last.opened);
    check_bytes(&rules, &f);
    for (int i = 0; i < n; i++) {
        term_child_frame(&f, i, ORDER_FRAME);
        check_bytes(&rules, &f);
        term_child_compare(&f, i);
    }
    buf_clear(&f.p.bytes);
    term_child_give(&f, ORDER_CLOSE, 0);
    assert_int_equal(pty_screen_wait(&f.p), 0);
    check_bytes(&rules, &f);
    pty_screen_close(&f.p);
    stream_rules_deinit(&rules);
}

static void test_view(void **state) {
    const struct view *v = *state;
    struct canvas frames[SCREENS_MAX];
    for (size_t t = 0; t < COUNT(terminals); t++) {
        bool utf8 = terminals[t].colours == 256;
        int n = draw_screens(v, utf8 ? GLYPHS_BRAILLE : GLYPHS_ASCII, frames);
        show_on(&terminals[t], frames, n);
        for (int i = 0; i < n; i++) canvas_deinit(&frames[i]);
    }
}

/* ---- the checker itself */

static const char *const ours[] = {"plain",        "na\303\257ve",
                                   "\033[1;5H",    "\033[38;5;12mx\033[39;49m",
                                   "\033[?25l",    "\033[?1049h\033[22;0;0t",
                                   "\r\n",         "\342\240\277",
                                   "e\314\201",    "\033(B\033[m",
                                   "----\033[12b", "\033[2;20r\033[5X\033[3P"};
static const char *const theirs[] = {"\033[6n",
                                     "\033[5i",
                                     "\033[8;1;1t",
                                     "\033[?1004h",
                                     "\033[!p",
                                     "\033]0;owned\007",
                                     "\033]2;owned\033\\",
                                     "\033P+q\033\\",
                                     "\033c",
                                     "\033#8",
                                     "\033[1;",
                                     "\033",
                                     "\007",
                                     "\013",
                                     "\177",
                                     "\302\2332J",
                                     "\2332J",
                                     "\300\257",
                                     "\342\200\256",
                                     "\342\200\213",
                                     "\342\200\250",
                                     "e\314\201\314\201\314\201"};

static void test_checker(void **state) {
    (void)state;
    struct stream_rules r;
    char why[STREAM_WHY];
    stream_rules_make(&r, "xterm-256color", true);
    for (size_t i = 0; i < COUNT(ours); i++) stream_check(&r, ours[i], strlen(ours[i]));
    for (size_t i = 0; i < COUNT(theirs); i++)
        if (stream_follows(&r, theirs[i], strlen(theirs[i]), why))
            fail_msg("number %zu was let through", i);
    stream_rules_deinit(&r);
    stream_rules_make(&r, "vt100", false);
    assert_false(stream_follows(&r, "\033[38;5;12m\033[5X", 15, why)); /* it erases otherwise */
    assert_false(stream_follows(&r, "\303\251", 2, why));
    stream_rules_deinit(&r);
}

int main(void) {
    struct CMUnitTest tests[COUNT(views) + 1] = {cmocka_unit_test(test_checker)};
    for (size_t i = 0; i < COUNT(views); i++)
        tests[i + 1] = (struct CMUnitTest){
            .name = views[i].name, .test_func = test_view, .initial_state = (void *)&views[i]};
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
