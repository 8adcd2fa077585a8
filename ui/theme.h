/* theme.h - how each style looks: pure tables for a dark or light background and for as many
 * colours as the terminal has. With 256 colours all themes are told apart with any kind of
 * colour blindness (after Okabe and Ito's palette, "Color Universal Design", 2008); better is
 * blue, worse is orange, never green and red. The colour-blind ones take curves still farther
 * apart, also where there are only 8 or 16 colours, and less care for calm. */
#ifndef THAW_UI_THEME_H
#define THAW_UI_THEME_H
#include <stdbool.h>
#include <stdint.h>

#include "ui/style.h"

enum theme {
    THEME_DARK,
    THEME_LIGHT,
    THEME_MONO, /* attributes only */
    THEME_COLOUR_BLIND,
    THEME_COLOUR_BLIND_LIGHT,
    THEME_COUNT
};

enum { THEME_DEFAULT = -1 }; /* the terminal's own foreground or background */

struct look {
    int16_t fg, bg; /* index into the 256-colour palette, or THEME_DEFAULT */
    bool bold, dim, reverse, underline;
};

/* colours: how many the terminal has; below 8 means attributes only. Indexes stay below
 * `colours`. */
struct look theme_look(enum style style, int colours, enum theme theme);
bool theme_is_light(enum theme theme); /* it is made for a light background */

/* The theme for the background that COLORFGBG tells ("15;0": white on black), which rxvt,
 * Konsole and their kin set; dark where it tells none. colorfgbg may be NULL. */
enum theme theme_of_background(const char *colorfgbg);

/* 0xRRGGBB of an index of the 256-colour palette (xterm's default one). */
uint32_t theme_rgb(int index);
#endif
