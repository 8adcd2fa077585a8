#include "ui/on_terminals.h"
#include "check.h"

#include "ui/term_child.h"

/* Those of 8 colours and of none leave attributes out, each in its own way: reverse video at
 * least is compared there, and every character. */
static const struct setting kinds[] = {
    {.name = "256 colours", .term = "xterm-256color", .colours = 256, .utf8 = true},
    {.name = "mono", .term = "xterm-256color", .options = {.theme = THEME_MONO}, .utf8 = true},
    {.name = "light",
     .term = "xterm-256color",
     .options = {.theme = THEME_LIGHT},
     .colours = 256,
     .utf8 = true},
    {.name = "8 colours", .term = "xterm", .colours = 8, .utf8 = true},
    {.name = "screen", .term = "screen", .colours = 8, .utf8 = true},
    {.name = "tmux", .term = "tmux", .colours = 8, .utf8 = true},
    {.name = "tmux, 256 colours", .term = "tmux-256color", .colours = 256, .utf8 = true},
    {.name = "console", .term = "linux", .colours = 8, .utf8 = true},
    {.name = "LC_ALL=C", .term = "xterm-256color", .colours = 256},
    {.name = "mono, LC_ALL=C", .term = "xterm-256color", .options = {.theme = THEME_MONO}},
    {.name = "vt100", .term = "vt100"},
};
enum { KINDS_OF_UTF8 = 7 };

static void show_and_compare(struct fixture *f, int number, int what) {
    term_child_frame(f, number, what);
    term_child_compare(f, number);
}

static void check_on(const struct setting *kind, const struct canvas *frames, int n) {
    struct setting s = *kind;
    struct fixture f;
    s.frames = frames;
    s.glyphs = frames[0].glyphs;
    s.locale = s.utf8 ? "C.UTF-8" : "C";
    term_child_start(&f, &s, frames[0].w, frames[0].h);
    assert_true(f.last.opened);
    for (int i = 0; i < n; i++) show_and_compare(&f, i, ORDER_FRAME);
    for (int i = n - 2; i >= 0; i--) show_and_compare(&f, i, ORDER_FRAME);
    show_and_compare(&f, n - 1, ORDER_REDRAW);
    term_child_give(&f, ORDER_CLOSE, 0);
    assert_int_equal(pty_screen_wait(&f.p), 0);
    pty_screen_close(&f.p);
}

static int kinds_for(const struct canvas *frames) {
    return frames[0].glyphs == GLYPHS_ASCII ? (int)COUNT(kinds) : KINDS_OF_UTF8;
}

void check_on_terminals(const struct canvas *frames, int n) {
    for (int i = 0; i < kinds_for(frames); i++) check_on(&kinds[i], frames, n);
}

void check_on_one_terminal(const struct canvas *frames, int n, int number) {
    check_on(&kinds[number % kinds_for(frames)], frames, n);
}
