#include "src/report/html.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"

/* The sanitiser has left no character that XML 1.0 (2.2) forbids. */
static void add_char(struct buf *out, const char *bytes, size_t n, uint32_t ch) {
    switch (ch) {
    case '&':
        buf_str(out, "&amp;");
        break;
    case '<':
        buf_str(out, "&lt;");
        break;
    case '>':
        buf_str(out, "&gt;");
        break;
    case '"':
        buf_str(out, "&quot;");
        break;
    case '\'':
        buf_str(out, "&#39;");
        break;
    default:
        buf_add(out, bytes, n);
    }
}

void html_bytes(struct buf *out, const char *s, size_t n, bool keep_newlines) {
    struct buf clean = {0};
    text_sanitise(&clean, s, n, keep_newlines);
    for (size_t at = 0, used; at < clean.len; at += used) {
        uint32_t ch;
        used = text_decode(clean.data + at, clean.len - at, &ch);
        add_char(out, clean.data + at, used, ch);
    }
    out->failed |= clean.failed;
    buf_deinit(&clean);
}

void html_text(struct buf *out, const char *s) { html_bytes(out, s, strlen(s), false); }

/* One conversion behind its "%"; returns what follows it. A letter that is not known here is a
 * mistake of ours, which the compiler's own check of formats cannot see. */
static const char *put_one(struct buf *out, const char *spec, va_list *args) {
    int precision = 6;
    if (*spec == '.') precision = (int)strtol(spec + 1, (char **)&spec, 10);
    if (strncmp(spec, PRId64, sizeof PRId64 - 1) == 0) {
        buf_printf(out, "%" PRId64, va_arg(*args, int64_t));
        return spec + sizeof PRId64 - 1;
    }
    if (*spec == 's') html_text(out, va_arg(*args, const char *));
    else if (*spec == 'd') buf_printf(out, "%d", va_arg(*args, int));
    else if (*spec == 'f') buf_printf(out, "%.*f", precision, va_arg(*args, double));
    else if (*spec == 'g') buf_printf(out, "%.*g", precision, va_arg(*args, double));
    else {
        assert(*spec == '%');
        buf_str(out, "%");
    }
    return spec + 1;
}

void html_put(struct buf *out, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    while (*fmt) {
        size_t plain = strcspn(fmt, "%");
        buf_add(out, fmt, plain);
        fmt += plain;
        if (*fmt) fmt = put_one(out, fmt + 1, &args);
    }
    va_end(args);
}

void html_row_head(struct buf *out, const char *text) {
    html_put(out, "<th scope=\"row\">%s</th>", text);
}

void html_number(struct buf *out, const char *formatted) {
    html_put(out, "<td class=\"n\">%s</td>", formatted + strspn(formatted, " "));
}

void html_section(struct buf *out, const char *id, const char *title) {
    html_put(out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

void html_section_end(struct buf *out) { buf_str(out, "</section>\n"); }
