#include "ui/line_edit.h"

#include <string.h>

#include "engine/core/text.h"
#include "ui/keys.h"

#define CTRL(letter) ((letter)&0x1F)
enum { DELETE_BYTE = 127 };

static bool continues(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* Start of the character before / after a place. */
static int before(const struct line_edit *e, int at) {
    if (at > 0) at--;
    while (at > 0 && continues(e->text[at])) at--;
    return at;
}

static int after(const struct line_edit *e, int at) {
    if (at < e->n) at++;
    while (at < e->n && continues(e->text[at])) at++;
    return at;
}

static void cut(struct line_edit *e, int from, int to) {
    memmove(e->text + from, e->text + to, (size_t)(e->n - to) + 1);
    e->n -= to - from;
    e->cursor = from;
}

void line_edit_insert(struct line_edit *e, const char *bytes, int n) {
    if (n <= 0 || e->n + n >= LINE_EDIT_MAX) return;
    memmove(e->text + e->cursor + n, e->text + e->cursor, (size_t)(e->n - e->cursor) + 1);
    memcpy(e->text + e->cursor, bytes, (size_t)n);
    e->n += n;
    e->cursor += n;
}

void line_edit_set(struct line_edit *e, const char *text) {
    size_t n = strlen(text);
    while (n >= LINE_EDIT_MAX || (n > 0 && continues(text[n]))) n--;
    *e = (struct line_edit){0};
    line_edit_insert(e, text, (int)n);
}

static int word_start(const struct line_edit *e) {
    int at = e->cursor;
    while (at > 0 && e->text[at - 1] == ' ') at--;
    while (at > 0 && e->text[at - 1] != ' ') at--;
    return at;
}

bool line_edit_key(struct line_edit *e, int key) {
    switch (key) {
    case KEYS_LEFT:
        e->cursor = before(e, e->cursor);
        return true;
    case KEYS_RIGHT:
        e->cursor = after(e, e->cursor);
        return true;
    case KEYS_HOME:
    case CTRL('A'):
        e->cursor = 0;
        return true;
    case KEYS_END:
    case CTRL('E'):
        e->cursor = e->n;
        return true;
    case KEYS_BACKSPACE:
    case DELETE_BYTE:
    case CTRL('H'):
        cut(e, before(e, e->cursor), e->cursor);
        return true;
    case KEYS_DELETE:
    case CTRL('D'): {
        int at = e->cursor;
        cut(e, at, after(e, at));
        return true;
    }
    case CTRL('U'):
        cut(e, 0, e->cursor);
        return true;
    case CTRL('K'):
        cut(e, e->cursor, e->n);
        return true;
    case CTRL('W'):
        cut(e, word_start(e), e->cursor);
        return true;
    default:
        break;
    }
    if (key < ' ' || key >= KEYS_SPECIAL) return false;
    char bytes[4];
    line_edit_insert(e, bytes, (int)text_encode((uint32_t)key, bytes));
    return true;
}

void line_edit_draw(const struct line_edit *e, struct canvas *c, struct rect r,
                    const char *prompt) {
    struct rect old = canvas_clip(c, r);
    int x = canvas_text(c, 0, 0, STYLE_KEY, prompt, strlen(prompt));
    int first = 0; /* leave room for the cursor at the end */
    while (first < e->cursor &&
           text_columns(e->text + first, (size_t)(e->cursor - first)) > r.w - x - 2)
        first = after(e, first);
    int left = canvas_text(c, x, 0, STYLE_NORMAL, e->text + first, (size_t)(e->cursor - first));
    canvas_text(c, x + left, 0, STYLE_NORMAL, e->text + e->cursor, (size_t)(e->n - e->cursor));
    int end = after(e, e->cursor),
        w = text_columns(e->text + e->cursor, (size_t)(end - e->cursor));
    canvas_restyle(c, (struct rect){x + left, 0, w > 0 ? w : 1, 1}, STYLE_CURSOR);
    canvas_clip(c, old);
}
