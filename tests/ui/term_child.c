#include "ui/term_child.h"

#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/theme.h"

/* ---- the child: obeys one order after another */

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

/* A canvas of its size that holds a frame of the setting; to be released. */
static bool frame_of(const struct setting *s, int number, int w, int h, enum glyphs glyphs,
                     struct canvas *c) {
    if (!canvas_init(c, w, h, glyphs, NULL)) return false;
    if (!s->frames || number < 0) {
        draw_frame(c, number);
        return true;
    }
    const struct canvas *from = &s->frames[number];
    if (from->w != w || from->h != h) return false;
    memcpy(c->cells, from->cells, (size_t)w * (size_t)h * sizeof *c->cells);
    return true;
}

static void show_frame(struct term *t, const struct setting *s, int number, bool redraw) {
    struct canvas c;
    int w, h;
    term_size(t, &w, &h);
    if (!frame_of(s, number, w, h, term_glyphs(t), &c)) abort();
    term_blit(t, &c, redraw);
    canvas_deinit(&c);
    if (write(STDOUT_FILENO, MARKER, strlen(MARKER)) < 0) abort();
}

static void send_answer(int socket, const struct term *t, int key, struct term_mouse mouse) {
    struct child_answer a = {
        .opened = true, .key = key, .mouse = mouse, .glyphs = term_glyphs(t)};
    term_size(t, &a.w, &a.h);
    a.ended = term_ended(t);
    if (write(socket, &a, sizeof a) != sizeof a) abort();
}

/* True as long as there is more to do. */
static bool obey(struct term *t, const struct setting *s, int socket,
                 const struct order *order) {
    struct term_mouse mouse = {0};
    struct term_options o;
    int key = KEYS_NONE, other[2] = {-1, -1};
    switch (order->what) {
    case ORDER_FRAME:
    case ORDER_REDRAW:
        show_frame(t, s, order->argument, order->what == ORDER_REDRAW);
        return true;
    case ORDER_KEY_OR_FD:
        if (pipe(other) != 0 || write(other[1], "x", 1) != 1) abort();
        /* fall through */
    case ORDER_KEY:
        key = term_key(t, order->argument, other[0], &mouse);
        send_answer(socket, t, key, mouse);
        return true;
    case ORDER_CHANGE:
        o = (struct term_options){.theme = (enum theme)(order->argument % 16),
                                  .glyphs = (enum glyphs_wish)(order->argument / 16 % 16),
                                  .no_mouse = order->argument >= 256};
        term_change(t, &o);
        send_answer(socket, t, KEYS_NONE, mouse);
        return true;
    case ORDER_COPY:
        send_answer(socket, t, term_copy(t, "thaw"), mouse);
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

void term_child_environment(const struct setting *s) {
    static const char *const names[] = {"LC_CTYPE", "LANG",    "TMUX",     "STY",
                                        "LINES",    "COLUMNS", "ESCDELAY", "TERMINFO"};
    for (size_t i = 0; i < COUNT(names); i++) unsetenv(names[i]);
    if (s->locale) setenv("LC_ALL", s->locale, 1);
    else unsetenv("LC_ALL");
    if (s->term) setenv("TERM", s->term, 1);
    else unsetenv("TERM");
    if (s->terminfo) setenv("TERMINFO", s->terminfo, 1);
}

int term_child_run(int socket, void *context) {
    const struct setting *s = context;
    struct err err = {0};
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    term_child_environment(s);
    struct term *t = term_open(&s->options, &err);
    if (!t) {
        struct child_answer a = {.opened = false};
        snprintf(a.message, sizeof a.message, "%s", err.msg);
        if (write(socket, &a, sizeof a) != sizeof a) abort();
        return 3;
    }
    send_answer(socket, t, KEYS_NONE, (struct term_mouse){0});
    struct order order;
    while (read(socket, &order, sizeof order) == sizeof order && obey(t, s, socket, &order)) {
    }
    term_close(t);
    return 0;
}

/* ---- the parent */

void term_child_start(struct fixture *f, const struct setting *s, int w, int h) {
    f->s = s;
    pty_screen_start(&f->p, w, h, term_child_run, (void *)s);
    vterm_set_utf8(f->p.vt, s->utf8);
    assert_true(pty_screen_answer(&f->p, &f->last, sizeof f->last));
}

void term_child_give(struct fixture *f, int what, int argument) {
    struct order order = {.argument = argument};
    memcpy(&order.what, &what, sizeof what);
    assert_int_equal(write(f->p.socket, &order, sizeof order), sizeof order);
}

void term_child_frame(struct fixture *f, int number, int what) {
    buf_clear(&f->p.bytes);
    term_child_give(f, what, number);
    assert_true(pty_screen_until(&f->p, MARKER));
}

int term_child_key(struct fixture *f, int timeout_ms) {
    term_child_give(f, ORDER_KEY, timeout_ms);
    assert_true(pty_screen_answer(&f->p, &f->last, sizeof f->last));
    return f->last.key;
}

/* Whether a colour of the terminal is `colour` of the 256, or the terminal's own. */
static bool is_colour(VTermColor shown, bool own, int colour) {
    if (colour == THEME_DEFAULT) return own;
    if (own) return false;
    if (VTERM_COLOR_IS_INDEXED(&shown)) return shown.indexed.idx == colour;
    return (uint32_t)(shown.rgb.red << 16 | shown.rgb.green << 8 | shown.rgb.blue) ==
           theme_rgb(colour);
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
    struct look look = theme_look((enum style)cell->style, f->s->colours, f->s->options.theme);
    assert_int_equal(shown.attrs.reverse, look.reverse);
    if (strncmp(f->s->term, "xterm", 5) != 0)
        return; /* others have reasons to leave some out */
    assert_int_equal(shown.attrs.bold, look.bold);
    assert_int_equal(shown.attrs.underline, look.underline);
    assert_true(is_colour(shown.fg, VTERM_COLOR_IS_DEFAULT_FG(&shown.fg), look.fg));
    assert_true(is_colour(shown.bg, VTERM_COLOR_IS_DEFAULT_BG(&shown.bg), look.bg));
}

/* What the terminal shows is the canvas. */
void term_child_compare(const struct fixture *f, int number) {
    struct canvas c;
    assert_true(frame_of(f->s, number, f->p.w, f->p.h, f->s->glyphs, &c));
    for (int y = 0; y < c.h; y++)
        for (int x = 0; x < c.w; x++)
            if (c.cells[y * c.w + x].ch) compare_cell(f, &c.cells[y * c.w + x], x, y);
    canvas_deinit(&c);
}
