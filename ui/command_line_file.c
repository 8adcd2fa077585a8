/* command_line_file.c - the lines that were typed, from one screen to the next. */
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "ui/command_line.h"

enum { FILE_MAX_BYTES = 4 * COMMAND_LINE_HISTORY * LINE_EDIT_MAX };

/* Where the last COMMAND_LINE_HISTORY lines of a text begin; each ends in a newline. */
static const char *last_lines(const char *text, size_t n) {
    const char *at = text + n;
    for (int lines = -1; at > text; at--)
        if (at[-1] == '\n' && ++lines == COMMAND_LINE_HISTORY) break;
    return at;
}

/* What the file holds, whole lines only; nothing where there is none, or it is far too long. A
 * NUL, in a file that is none of ours, is an end of a line like any other. */
static void read_lines(const char *path, struct buf *out) {
    if (!files_read(path, FILE_MAX_BYTES, out, NULL)) buf_clear(out);
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] == '\0') out->data[i] = '\n';
    if (out->len > 0 && out->data[out->len - 1] != '\n') buf_str(out, "\n");
}

void command_line_read(struct command_line *l, const char *path) {
    struct buf text = {0};
    read_lines(path, &text);
    const char *at = last_lines(buf_text(&text), text.len), *end = buf_text(&text) + text.len;
    for (l->n_past = 0; at < end && l->n_past < COMMAND_LINE_HISTORY;) {
        size_t n = strcspn(at, "\n");
        if (n > 0)
            snprintf(l->past[l->n_past++], LINE_EDIT_MAX, "%.*s",
                     (int)(n < LINE_EDIT_MAX ? n : LINE_EDIT_MAX - 1), at);
        at += n + 1;
    }
    l->at = l->n_past;
    l->n_new = 0;
    buf_deinit(&text);
}

bool command_line_keep(struct command_line *l, const char *path, struct err *err) {
    struct buf text = {0};
    read_lines(path, &text);
    for (int i = l->n_past - l->n_new; i < l->n_past; i++)
        buf_printf(&text, "%s\n", l->past[i]);
    l->n_new = 0;
    const char *from = last_lines(buf_text(&text), text.len);
    size_t n = text.len - (size_t)(from - buf_text(&text));
    bool ok = text.failed ? err_set(err, ERR_NOMEM, "no memory for the lines that were typed")
                          : files_write(path, from, n, err);
    buf_deinit(&text);
    return ok;
}
