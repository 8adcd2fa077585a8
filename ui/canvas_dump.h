/* canvas_dump.h - a canvas as bytes for a file or a pipe: plain text, text with SGR colours, or an SVG
 * picture. What stands in the cells has passed the sanitiser; whatever else is written is our own. */
#ifndef THAW_UI_CANVAS_DUMP_H
#define THAW_UI_CANVAS_DUMP_H
#include "ui/canvas.h"
#include "ui/theme.h"

enum dump_form { DUMP_TEXT, DUMP_ANSI, DUMP_SVG };

/* How the styles look there, as theme_look() takes it. Text has no look. */
struct dump_look {
    int colours;      /* 256, or 0: bold, dim, underlined and reversed only */
    enum theme theme; /* the page of a picture is white for one that is light */
};

/* DUMP_TEXT: lines of UTF-8, blanks at line ends dropped. DUMP_ANSI: the same with SGR sequences, reset at
 * each line's end. DUMP_SVG: a whole file, its page black (or white); a character stands where its cell is
 * whatever font shows it. Out of memory: out->failed. */
void canvas_dump_as(const struct canvas *c, enum dump_form form, struct dump_look look, struct buf *out);

/* The form that a file's ending asks for: .txt, .ans, .svg. ERR_USAGE for another one. */
bool dump_form_of(const char *path, enum dump_form *form, struct err *err);

/* DUMP_SVG, in a file of its own (canvas_svg.c). */
void canvas_dump_svg(const struct canvas *c, struct dump_look look, struct buf *out);
#endif
