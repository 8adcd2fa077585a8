#include "ui/term.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termcap.h>
#include <unistd.h>
#include <wchar.h>

#include "engine/core/clock.h"
#include "engine/core/text.h"
#include "ui/input.h"
#include "ui/osc52.h"
#include "ui/term_signals.h"
#include "ui/theme.h"

enum { ESCAPE_WAIT_MS = 25, INPUT_BYTES = 256, REPLACEMENT = 0xFFFD };

static const char mouse_on[] = "\033[?1000h\033[?1006h", mouse_off[] = "\033[?1006l\033[?1000l";

struct term {
    SCREEN *screen;
    enum glyphs glyphs;
    bool utf8;  /* what the terminal is sent */
    bool mouse; /* reports were asked for */
    bool mice;  /* they can be asked for */
    bool plain; /* a console: ASCII, and no clipboard */
    char name[64];
    bool ended;
    int w, h;
    attr_t attributes[STYLE_COUNT]; /* colour pair of a style: style + 1, 0 without colours */
    bool colours;
    struct cell *shown; /* [h * w] what the terminal shows; .style STYLE_COUNT: not known */
    cchar_t *row;       /* [w + 1] */
    char input[INPUT_BYTES];
    size_t input_n;
    double input_at; /* clock_now() of the last read */
};

/* ---- opening */

/* A locale from the environment. Where none is named at all (a bare container), terminals of
 * today speak UTF-8; tmux and screen then do not, as they look at the same environment. */
static bool take_locale(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY"};
    bool named = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        named = named || (value && value[0]);
    }
    setlocale(LC_CTYPE, "");
    if (!named) setlocale(LC_CTYPE, "C.UTF-8");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool has_prefix(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Consoles and the terminals of old. */
static bool is_plain(const char *name) {
    static const char *const plain[] = {"linux", "dumb", "vt1", "vt2",
                                        "vt5",   "ansi", "sun", "cons25"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (has_prefix(name, plain[i])) return true;
    return false;
}

/* The best glyphs of a terminal: its font is not known, its kind is, and the viewer sees both.
 */
static enum glyphs choose_glyphs(enum glyphs_wish wish, bool utf8, const char *name) {
    static const char *const blocks[] = {"cygwin", "Eterm", "fbterm", "wsvt25"};
    if (!utf8) return GLYPHS_ASCII;
    if (wish != GLYPHS_WISH_AUTO) return (enum glyphs)(wish - GLYPHS_WISH_ASCII);
    if (is_plain(name)) return GLYPHS_ASCII;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (has_prefix(name, blocks[i])) return GLYPHS_BLOCKS;
    return GLYPHS_BRAILLE;
}

/* A terminfo string, or NULL. */
static const char *capability(const char *name) {
    const char *s = tigetstr(name);
    return s && (intptr_t)s != -1 && s[0] ? s : NULL; /* -1: no string of that name */
}

/* Append a terminfo string without its padding, $<5>. */
static void add_capability(struct buf *b, const char *s) {
    while (s && *s) {
        const char *pad = strstr(s, "$<"), *end = pad ? strchr(pad, '>') : NULL;
        if (!end) {
            buf_str(b, s);
            return;
        }
        buf_add(b, s, (size_t)(pad - s));
        s = end + 1;
    }
}

/* What a signal handler writes to give the screen back, whatever is switched on until then. */
static void make_reset(const struct term *t, struct buf *b) {
    if (t->mice) buf_str(b, mouse_off);
    add_capability(b, capability("sgr0"));
    add_capability(b, capability("op"));
    add_capability(b, tparm(capability("cup"), t->h - 1, 0, 0, 0, 0, 0, 0, 0, 0));
    add_capability(b, capability("cnorm"));
    add_capability(b, capability("rmcup"));
    buf_str(b, "\r\n");
}

static void open_colours(struct term *t, const struct term_options *o) {
    int colours = 0;
    if (o->theme != THEME_MONO && has_colors() && start_color() != ERR) {
        use_default_colors();
        colours = COLORS;
    }
    t->colours = colours >= 8 && COLOR_PAIRS > STYLE_COUNT;
    if (!t->colours) colours = 0;
    bool direct = tigetflag("RGB") == 1; /* a colour is 0xRRGGBB there */
    for (int style = 0; style < STYLE_COUNT; style++) {
        struct look look = theme_look((enum style)style, colours, o->theme);
        t->attributes[style] = (look.bold ? A_BOLD : 0) | (look.dim ? A_DIM : 0) |
                               (look.reverse ? A_REVERSE : 0) |
                               (look.underline ? A_UNDERLINE : 0);
        if (!t->colours) continue;
        int fg = direct && look.fg > 7 ? (int)theme_rgb(look.fg) : look.fg;
        int bg = direct && look.bg > 7 ? (int)theme_rgb(look.bg) : look.bg;
        init_extended_pair(style + 1, fg, bg);
    }
}

static void forget_shown(struct term *t) {
    for (size_t i = 0; i < (size_t)t->w * (size_t)t->h; i++) t->shown[i].style = STYLE_COUNT;
}

/* Ask for the size and make room for it. Without memory the old size stays. */
static bool take_size(struct term *t) {
    struct winsize size = {0};
    int w = COLS, h = LINES;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
        w = size.ws_col, h = size.ws_row;
    struct cell *shown = calloc((size_t)w * (size_t)h, sizeof *shown);
    cchar_t *row = calloc((size_t)w + 1, sizeof *row);
    bool same = w == t->w && h == t->h;
    if (!shown || !row || (!same && resizeterm(h, w) == ERR)) {
        free(shown);
        free(row);
        return false;
    }
    free(t->shown);
    free(t->row);
    t->shown = shown;
    t->row = row;
    t->w = w;
    t->h = h;
    forget_shown(t);
    return true;
}

static void write_all(const char *s, size_t n) {
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, s, n);
        if (done <= 0) return; /* the terminal is gone: reading will tell */
        s += done;
        n -= (size_t)done;
    }
}

/* What a terminal does to its lines then, none agree on, and the size may have been another for
 * a moment only: all is drawn anew. Some (libvterm, in editors) keep limits of scrolling from
 * the size before and delete no characters outside of them. Written at once: putp() would leave
 * it in the buffer of stdout, which ncurses does not use. */
static void resized(struct term *t) {
    const char *limits = capability("csr");
    struct buf sequence = {0};
    take_size(t);
    if (limits) add_capability(&sequence, tparm(limits, 0, t->h - 1, 0, 0, 0, 0, 0, 0, 0));
    if (sequence.len > 0) write_all(sequence.data, sequence.len);
    buf_deinit(&sequence);
    clearok(curscr, TRUE); /* which goes to the first cell; so do limits */
}

static void ask_for_mouse(const struct term *t, bool on) {
    if (t->mouse) write_all(on ? mouse_on : mouse_off, strlen(on ? mouse_on : mouse_off));
}

/* Whether the terminal can have a screen; looked up before ncurses touches it. */
static bool check_terminal(const char *name, struct err *err) {
    if (tgetent(NULL, name) <= 0)
        return err_set(err, ERR_IO,
                       "the terminal %s is not known here: try TERM=xterm-256color", name);
    if (tgetstr("cm", NULL)) return true;
    return err_set(err, ERR_IO,
                   "the terminal %s cannot place its cursor: try TERM=xterm-256color", name);
}

/* The entry for a terminal called `name`: its own, or for the many that call themselves some
 * kind of xterm without being in Debian's ncurses-base (xterm-direct, xterm-kitty), the usual
 * one's. */
static const char *find_entry(const char *name) {
    bool known = tgetent(NULL, name) > 0;
    return known || !has_prefix(name, "xterm") ? name : "xterm-256color";
}

/* Take the screen with ncurses. */
static bool open_screen(struct term *t, const char *name, struct err *err) {
    const char *entry = find_entry(name);
    if (!check_terminal(entry, err)) return false;
    t->screen = newterm(entry, stdout, stdin);
    if (!t->screen) return err_set(err, ERR_IO, "cannot take the terminal %s", name);
    raw();
    noecho();
    nonl();
    curs_set(0);
    leaveok(stdscr, TRUE);
    return true;
}

/* What term_open() does once the standard streams are known to be a terminal called `name`. */
static bool take_over(struct term *t, const struct term_options *o, const char *name,
                      struct err *err) {
    struct termios cooked;
    if (tcgetattr(STDIN_FILENO, &cooked) != 0)
        return err_errno(err, "cannot read the terminal's settings");
    t->utf8 = take_locale();
    t->plain = is_plain(name);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->glyphs = choose_glyphs(o->glyphs, t->utf8, name);
    if (!open_screen(t, name, err)) return false;
    if (!take_size(t)) {
        endwin();
        return err_set(err, ERR_NOMEM, "no memory for the screen");
    }
    open_colours(t, o);
    t->mice = capability("kmous") || !t->plain; /* terminfo says it of few that can */
    t->mouse = t->mice && !o->no_mouse;
    struct buf reset = {0};
    make_reset(t, &reset);
    bool ok = signals_install(buf_text(&reset), reset.len, &cooked, err);
    buf_deinit(&reset);
    if (!ok) {
        endwin();
        return false;
    }
    ask_for_mouse(t, true);
    return true;
}

static void free_term(struct term *t) {
    if (t->screen) delscreen(t->screen);
    free(t->shown);
    free(t->row);
    free(t);
}

struct term *term_open(const struct term_options *o, struct err *err) {
    const char *name = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        err_set(err, ERR_IO, "the screen needs a terminal for input and output");
        return NULL;
    }
    if (!name || !name[0]) {
        err_set(err, ERR_IO, "TERM is not set: try TERM=xterm-256color");
        return NULL;
    }
    struct term *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(err, ERR_NOMEM, "no memory for the screen");
        return NULL;
    }
    if (take_over(t, o, name, err)) return t;
    free_term(t);
    return NULL;
}

/* A terminal without a second screen keeps the picture: its last row is made free for what is
 * printed next. */
static void leave_screen(struct term *t) {
    ask_for_mouse(t, false);
    if (!capability("rmcup") && t->h > 0) {
        wmove(stdscr, t->h - 1, 0);
        wclrtoeol(stdscr);
        wnoutrefresh(stdscr);
        doupdate();
    }
    endwin();
}

void term_close(struct term *t) {
    if (!t) return;
    leave_screen(t);
    signals_remove();
    free_term(t);
}

void term_change(struct term *t, const struct term_options *o) {
    ask_for_mouse(t, false);
    t->mouse = t->mice && !o->no_mouse;
    ask_for_mouse(t, true);
    t->glyphs = choose_glyphs(o->glyphs, t->utf8, t->name);
    open_colours(t, o);
    forget_shown(t);
}

void term_size(const struct term *t, int *w, int *h) {
    *w = t->w;
    *h = t->h;
}

enum glyphs term_glyphs(const struct term *t) { return t->glyphs; }

enum glyphs term_stdout_glyphs(enum glyphs_wish wish) {
    const char *name = isatty(STDOUT_FILENO) ? getenv("TERM") : NULL;
    return choose_glyphs(wish, take_locale(), name ? name : "");
}

bool term_ended(const struct term *t) { return t->ended; }

/* ---- showing */

/* What is sent for a cell of `width` columns: ncurses counts columns with wcwidth(), and where
 * its table and ours differ everything to the right would shift. */
static wchar_t sendable(const struct term *t, uint32_t ch, int width) {
    if (ch < 0x7F) return (wchar_t)ch;
    if (!t->utf8) return L'?';
    return wcwidth((wchar_t)ch) == width ? (wchar_t)ch : (wchar_t)REPLACEMENT;
}

static void add_marks(const struct term *t, const struct cell *cell, wchar_t text[4]) {
    int n = 1;
    for (int i = 0; i < 2 && cell->mark[i]; i++)
        if (t->utf8 && wcwidth((wchar_t)cell->mark[i]) == 0) text[n++] = (wchar_t)cell->mark[i];
}

/* Row y of the canvas to ncurses, which sends what differs. */
static void put_row(struct term *t, const struct cell *cells, int w, int y) {
    int n = 0;
    for (int x = 0; x < w; x++) {
        int width = x + 1 < w && cells[x + 1].ch == 0 ? 2 : 1;
        uint32_t ch = cells[x].ch ? cells[x].ch : ' ';
        wchar_t text[4] = {sendable(t, ch, width)};
        attr_t attributes = t->attributes[cells[x].style];
        short pair = t->colours ? (short)(cells[x].style + 1) : 0;
        bool whole = width == 2 && wcwidth(text[0]) == 2;
        if (text[0] == (wchar_t)ch) add_marks(t, &cells[x], text);
        setcchar(&t->row[n++], text, attributes, pair, NULL);
        if (width == 2 && !whole) setcchar(&t->row[n++], L" ", attributes, pair, NULL);
        x += width - 1;
    }
    mvadd_wchnstr(y, 0, t->row, n);
}

/* Not memcmp(): padding has any value. */
static bool same_cells(const struct cell *a, const struct cell *b, int n) {
    for (int i = 0; i < n; i++)
        if (a[i].ch != b[i].ch || a[i].style != b[i].style || a[i].mark[0] != b[i].mark[0] ||
            a[i].mark[1] != b[i].mark[1])
            return false;
    return true;
}

void term_blit(struct term *t, const struct canvas *c, bool redraw) {
    int w = c->w < t->w ? c->w : t->w, h = c->h < t->h ? c->h : t->h;
    bool changed = redraw;
    if (redraw) {
        forget_shown(t);
        clearok(curscr, TRUE);
    }
    for (int y = 0; y < h; y++) {
        const struct cell *cells = c->cells + (size_t)y * (size_t)c->w;
        struct cell *shown = t->shown + (size_t)y * (size_t)t->w;
        if (same_cells(cells, shown, w)) continue;
        memcpy(shown, cells, (size_t)w * sizeof *cells);
        put_row(t, cells, w, y);
        changed = true;
    }
    if (!changed) return;
    wnoutrefresh(stdscr);
    doupdate();
}

bool term_copy(const struct term *t, const char *text) {
    struct buf sequence = {0};
    bool ok = !t->plain && osc52_add(&sequence, text, strlen(text)) && !sequence.failed;
    if (ok) write_all(sequence.data, sequence.len);
    buf_deinit(&sequence);
    return ok;
}

/* ---- keys and signals */

/* The screen again after something else had the terminal. */
static void come_back(struct term *t) {
    take_size(t);
    reset_prog_mode();
    erase();
    clearok(curscr, TRUE);
    wnoutrefresh(stdscr);
    doupdate();
    ask_for_mouse(t, true);
}

void term_suspend(struct term *t) {
    leave_screen(t);
    signals_stop_group();
    if (signals_take() & SIGNALS_END) t->ended = true;
    come_back(t);
}

/* Act on the signals that have come; true when the caller has to draw again. */
static bool obey_signals(struct term *t) {
    unsigned bits = signals_take();
    if (bits & SIGNALS_END) t->ended = true;
    if (bits & SIGNALS_SUSPEND) term_suspend(t);
    else if (bits & SIGNALS_CONTINUE) come_back(t);
    else if (bits & SIGNALS_RESIZE) resized(t);
    return bits & ~(unsigned)SIGNALS_END;
}

/* The next key of the bytes that have been read, KEYS_NONE when there is none. */
static int next_key(struct term *t, bool final, struct term_mouse *mouse) {
    int key = KEYS_NONE;
    size_t used = 0, n;
    struct term_mouse ignored;
    while (key == KEYS_NONE && (n = input_decode(t->input + used, t->input_n - used, final,
                                                 &key, mouse ? mouse : &ignored)) > 0)
        used += n;
    t->input_n -= used;
    memmove(t->input, t->input + used, t->input_n);
    return key;
}

static void read_input(struct term *t) {
    ssize_t n = read(STDIN_FILENO, t->input + t->input_n, INPUT_BYTES - t->input_n);
    t->input_at = clock_now();
    if (n > 0) t->input_n += (size_t)n;
    else t->ended = true; /* the terminal is gone */
}

/* Milliseconds until `deadline` (clock_now()), at least 0; -1 for no deadline. */
static int left_ms(double deadline) {
    if (deadline < 0.0) return -1;
    double left = (deadline - clock_now()) * 1000.0;
    return left > 0.0 ? (int)left + 1 : 0;
}

/* Whether the input holds the beginning of a sequence (or the Esc key) and nothing came after
 * it for as long as a terminal would take to send the rest. */
static bool input_is_final(const struct term *t) {
    return t->input_n > 0 && left_ms(t->input_at + ESCAPE_WAIT_MS / 1000.0) == 0;
}

/* Sleep until something happens or it is time for something; true when other_fd is readable. */
static bool wait_for_input(struct term *t, int wait_ms, int other_fd) {
    if (t->input_n > 0) {
        int final_ms = left_ms(t->input_at + ESCAPE_WAIT_MS / 1000.0);
        if (wait_ms < 0 || final_ms < wait_ms) wait_ms = final_ms;
    }
    struct pollfd fds[] = {
        {STDIN_FILENO, POLLIN, 0}, {signals_fd(), POLLIN, 0}, {other_fd, POLLIN, 0}};
    if (poll(fds, 3, wait_ms) <= 0) return false;
    if (fds[0].revents) read_input(t);
    return fds[2].revents && !fds[0].revents && !fds[1].revents;
}

int term_key(struct term *t, int timeout_ms, int other_fd, struct term_mouse *mouse) {
    double deadline = timeout_ms < 0 ? -1.0 : clock_now() + timeout_ms / 1000.0;
    bool polled = false;
    for (;;) {
        if (obey_signals(t)) return KEYS_RESIZE;
        int key = next_key(t, input_is_final(t), mouse);
        if (key != KEYS_NONE || t->ended) return key;
        int wait_ms = left_ms(deadline);
        if (polled && wait_ms == 0) return KEYS_NONE;
        if (wait_for_input(t, wait_ms, other_fd)) return KEYS_NONE;
        polled = true;
    }
}
