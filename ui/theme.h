/* theme.h - how each style looks: pure tables for a dark or light background and for as many
 * colours as the terminal has. The colours are told apart with any kind of colour blindness
 * (after Okabe and Ito's palette, "Color Universal Design", 2008); better is blue, worse is
 * orange, never green and red. */
#ifndef THAW_UI_THEME_H
#define THAW_UI_THEME_H
#include <stdbool.h>
#include <stdint.h>

#include "ui/style.h"

enum { THEME_DEFAULT = -1 }; /* the terminal's own foreground or background */

struct look {
    int16_t fg, bg; /* index into the 256-colour palette, or THEME_DEFAULT */
    bool bold, dim, reverse, underline;
};

/* colours: how many the terminal has; below 8 means attributes only. Indexes stay below
 * `colours`. */
struct look theme_look(enum style style, int colours, bool light);

/* 0xRRGGBB of an index of the 256-colour palette (xterm's default one). */
uint32_t theme_rgb(int index);
#endif
