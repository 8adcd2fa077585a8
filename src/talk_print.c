#include "src/talk_print.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/core/json.h"
#include "ui/canvas.h"
#include "ui/wrap.h"

int talk_columns(void) {
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

/* ---- beside each other ---- */

enum { GAP = 3, ROWS_MAX = 10000 }; /* between the texts; of one */

/* The next line of s[0..n) from *at on. */
static bool next_line(const struct buf *text, size_t *at, const char **line, size_t *n) {
    if (*at >= text->len) return false;
    const char *begin = text->data + *at, *end = memchr(begin, '\n', text->len - *at);
    *line = begin;
    *n = end ? (size_t)(end - begin) : text->len - *at;
    *at += *n + 1;
    return true;
}

static int rows_of(const struct buf *text, int columns) {
    const char *line;
    size_t n;
    int rows = 0;
    for (size_t at = 0; rows < ROWS_MAX && next_line(text, &at, &line, &n);)
        rows += wrap_rows(line, n, columns);
    return rows < ROWS_MAX ? rows : ROWS_MAX;
}

static void draw(struct canvas *c, int x, int columns, const char *name,
                 const struct buf *text) {
    const char *line;
    size_t n;
    int y = 1;
    canvas_field(c, x, 0, columns, false, STYLE_TITLE, name, strlen(name));
    for (size_t at = 0; y < c->h && next_line(text, &at, &line, &n);) {
        int rows = wrap_rows(line, n, columns);
        for (int row = 0; row < rows && y < c->h; row++)
            wrap_put(c, x, y++, columns, STYLE_NORMAL, line, n, row);
    }
}

bool talk_print_beside(const char *left_name, const struct buf *left, const char *right_name,
                       const struct buf *right, int columns, struct err *err) {
    struct canvas c = {.cells = NULL};
    struct buf out = {0};
    int half = (columns - GAP) / 2, a = rows_of(left, half), b = rows_of(right, half);
    if (!canvas_init(&c, columns, 1 + (a > b ? a : b), GLYPHS_ASCII, err)) return false;
    draw(&c, 0, half, left_name, left);
    draw(&c, half + GAP, half, right_name, right);
    for (int y = 0; y < c.h; y++) canvas_put(&c, half + 1, y, '|', STYLE_FRAME);
    canvas_dump(&c, false, &out);
    bool ok = cli_put(&out, err);
    buf_deinit(&out);
    canvas_deinit(&c);
    return ok;
}

/* ---- for scripts ---- */

static void put_answer(struct json_writer *w, const struct talk_answer *a) {
    size_t n = a->stream.ids.n - a->stream.n_prompt;
    json_add_bytes(w, "text", buf_text(&a->stream.text), a->stream.text.len);
    json_add_integer(w, "tokens", (int64_t)n);
    json_add_number(w, "tokens_per_s", a->seconds > 0 ? (double)n / a->seconds : 0, 6);
    json_add_integer(w, "dropped", (int64_t)a->dropped);
}

/* Close the object and print it. */
static bool put_line(struct json_writer *w, struct err *err) {
    json_close(w, '}');
    buf_str(w->out, "\n");
    bool ok = cli_put(w->out, err);
    buf_deinit(w->out);
    return ok;
}

bool talk_print_json(const char *line, const struct talk_answer *answer,
                     const struct talk_answer *base, struct err *err) {
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    json_open(&w, '{');
    json_add_string(&w, "prompt", line);
    put_answer(&w, answer);
    if (base) {
        json_add_open(&w, "base", '{');
        put_answer(&w, base);
        json_close(&w, '}');
    }
    return put_line(&w, err);
}

bool talk_print_refusal(const char *line, const char *why, struct err *err) {
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    json_open(&w, '{');
    json_add_string(&w, "prompt", line);
    json_add_string(&w, "error", why);
    return put_line(&w, err);
}
