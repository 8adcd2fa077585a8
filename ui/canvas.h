/* canvas.h - the screen as cells in memory. Panels draw here, term.c blits what changed, tests read it.
 * All text that is put passes the sanitiser, so no outside byte reaches the terminal. */
#ifndef THAW_UI_CANVAS_H
#define THAW_UI_CANVAS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"
#include "ui/style.h"

struct rect { int x, y, w, h; };

struct cell {
    uint32_t ch;      /* a printable character; ' ' when empty; 0: right half of a wide one */
    uint32_t mark[2]; /* combining marks that stand on it, 0: none */
    uint8_t style;    /* enum style */
};

struct canvas {
    int w, h;
    struct cell *cells; /* [h * w] */
    struct rect clip;   /* coordinates of all drawing calls are relative to it, and cut at it */
    enum glyphs glyphs;
};

bool canvas_init(struct canvas *c, int w, int h, enum glyphs glyphs, struct err *err);
bool canvas_resize(struct canvas *c, int w, int h, struct err *err); /* and erased */
void canvas_deinit(struct canvas *c);
void canvas_erase(struct canvas *c);                       /* all blank, clip = everything */
/* Clip to `r` (absolute, cut to the canvas) and return the old clip, to be put back. */
struct rect canvas_clip(struct canvas *c, struct rect r);

void canvas_put(struct canvas *c, int x, int y, uint32_t ch, enum style style);
/* Text of one line, cut at the clip's right edge; returns the columns used. Bytes are outside text:
 * sanitised here. */
int canvas_text(struct canvas *c, int x, int y, enum style style, const char *s, size_t n);
int canvas_printf(struct canvas *c, int x, int y, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same, at most `columns` wide, with ".." at its end when cut; padded with blanks when pad. */
int canvas_field(struct canvas *c, int x, int y, int columns, bool pad, enum style style,
                 const char *s, size_t n);
void canvas_fill(struct canvas *c, struct rect r, uint32_t ch, enum style style);
/* Give the cells of a row another style, keeping their characters (selection). */
void canvas_restyle(struct canvas *c, struct rect r, enum style style);
/* A frame around the clip with a title at left and one at right (NULL: none); the key number in front
 * of the title as in "1 Loss". */
void canvas_frame(struct canvas *c, struct rect r, bool focus, const char *title,
                  const char *right);
void canvas_hline(struct canvas *c, int x, int y, int w, enum style style);
void canvas_vline(struct canvas *c, int x, int y, int h, enum style style);

/* The canvas as lines of UTF-8 text, blanks at line ends dropped: golden screens. ansi: with SGR colours
 * (256-colour palette of the dark theme). Other forms and looks: canvas_dump.h. */
void canvas_dump(const struct canvas *c, bool ansi, struct buf *out);
#endif
