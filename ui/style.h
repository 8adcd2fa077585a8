/* style.h - what a cell means; the theme decides how that looks.
 * Colour only adds: whatever a style says is also said by a word or a mark. */
#ifndef THAW_UI_STYLE_H
#define THAW_UI_STYLE_H
#include <stdbool.h>

enum style {
    STYLE_NORMAL, STYLE_DIM, STYLE_STRONG,
    STYLE_FRAME, STYLE_FRAME_FOCUS, STYLE_TITLE,
    STYLE_DONE, STYLE_ACTIVE, STYLE_WAITING,        /* stages of the lifecycle bar */
    STYLE_TRAIN, STYLE_BAND, STYLE_VAL, STYLE_DOMAIN, STYLE_BASE, STYLE_MARK, STYLE_AXIS, /* chart */
    STYLE_OVERLAY_1, STYLE_OVERLAY_2, STYLE_OVERLAY_3, /* other runs on it */
    STYLE_LEARN, STYLE_FROZEN, STYLE_BAR,           /* layers */
    STYLE_GAIN, STYLE_LOSS, STYLE_CHANGED,          /* compare: better, worse, changed word */
    STYLE_SELECTED, STYLE_CURSOR, STYLE_KEY, STYLE_WARNING, STYLE_ERROR,
    STYLE_COUNT
};

/* Stays longer, and news does not take its place. */
static inline bool style_is_alarm(enum style s) { return s == STYLE_WARNING || s == STYLE_ERROR; }

/* What the terminal can show: decides frame lines and the curve's glyphs. */
enum glyphs { GLYPHS_ASCII, GLYPHS_BLOCKS, GLYPHS_BRAILLE };
/* What the viewer wants of it: the value is that of enum glyphs and 1. */
enum glyphs_wish { GLYPHS_WISH_AUTO, GLYPHS_WISH_ASCII, GLYPHS_WISH_BLOCKS, GLYPHS_WISH_BRAILLE };
#endif
