#include "ui/theme.h"

#include <stddef.h>
#include <string.h>

/* What a style looks like on each kind of terminal. Attributes hold for all of them: with
 * colours `colour` may say otherwise. */
struct entry {
    int16_t dark256, light256;
    int16_t dark16, light16; /* of 8 colours: 9-15 become bold, 8 the dim default */
    uint8_t colour;          /* attributes beside a colour */
    uint8_t mono;            /* attributes without colours */
};

enum { PLAIN = 0, BOLD = 1, DIM = 2, REVERSE = 4, UNDERLINE = 8, BACK = 16 };

/* Series: sky blue, orange, purple, grey; they differ in lightness too. Other runs take what is
 * farthest from these for every kind of eye: green, vermilion, violet. BACK: a quiet
 * background instead of reverse video, on terminals with 256 colours. */
static const struct entry entries[STYLE_COUNT] = {
    [STYLE_NORMAL] = {-1, -1, -1, -1, PLAIN, PLAIN},
    [STYLE_DIM] = {246, 242, 7, 8, PLAIN, DIM},
    [STYLE_STRONG] = {-1, -1, -1, -1, BOLD, BOLD},
    [STYLE_FRAME] = {240, 247, 8, 8, PLAIN, DIM},
    [STYLE_FRAME_FOCUS] = {81, 25, 14, 4, BOLD, BOLD},
    [STYLE_TITLE] = {252, 238, -1, -1, PLAIN, PLAIN},
    [STYLE_DONE] = {79, 23, 6, 6, PLAIN, PLAIN},
    [STYLE_ACTIVE] = {220, 94, 11, 5, BOLD, BOLD | REVERSE},
    [STYLE_WAITING] = {246, 242, 7, 8, PLAIN, DIM},
    [STYLE_TRAIN] = {75, 27, 14, 4, PLAIN, PLAIN},
    [STYLE_BAND] = {24, 152, 4, 6, PLAIN, DIM},
    [STYLE_VAL] = {220, 94, 11, 1, BOLD, BOLD},
    [STYLE_DOMAIN] = {175, 162, 13, 5, BOLD, BOLD},
    [STYLE_BASE] = {255, 233, 15, 0, PLAIN, PLAIN},
    [STYLE_OVERLAY_1] = {48, 127, 10, 2, PLAIN, PLAIN},
    [STYLE_OVERLAY_2] = {166, 19, 9, 3, PLAIN, PLAIN},
    [STYLE_OVERLAY_3] = {99, 53, 12, 8, PLAIN, PLAIN},
    [STYLE_MARK] = {246, 242, 7, 8, PLAIN, DIM},
    [STYLE_AXIS] = {246, 242, 7, 8, PLAIN, PLAIN},
    [STYLE_LEARN] = {220, 94, 11, 1, PLAIN, PLAIN},
    [STYLE_FROZEN] = {75, 25, 14, 4, PLAIN, DIM},
    [STYLE_BAR] = {172, 130, 3, 1, PLAIN, PLAIN},
    [STYLE_GAIN] = {75, 25, 14, 4, BOLD, BOLD},
    [STYLE_LOSS] = {214, 130, 11, 1, PLAIN, UNDERLINE},
    [STYLE_CHANGED] = {231, 16, 15, 0, BOLD | UNDERLINE, BOLD | UNDERLINE},
    [STYLE_SELECTED] = {231, 16, -1, -1, BOLD | BACK, REVERSE},
    [STYLE_CURSOR] = {-1, -1, -1, -1, REVERSE, REVERSE},
    [STYLE_KEY] = {81, 25, 14, 4, BOLD, BOLD},
    [STYLE_WARNING] = {220, 94, 11, 5, BOLD, BOLD},
    [STYLE_ERROR] = {209, 124, 9, 1, BOLD, BOLD | REVERSE},
};

/* What the colour-blind themes have otherwise. Seven curves of 256 colours are 27 apart in
 * L*a*b* or more, for every kind of eye (20 in the usual themes), and the four of a plain run
 * are 23 apart with 8 colours, where the usual ones come as near as 8. Found by search over the
 * palette. */
static const struct {
    enum style style;
    struct entry entry;
} colour_blind[] = {
    {STYLE_TRAIN, {75, 25, 12, 4, PLAIN, PLAIN}},
    {STYLE_VAL, {216, 131, 10, 1, BOLD, BOLD}},
    {STYLE_DOMAIN, {198, 93, 9, 5, BOLD, BOLD}},
    {STYLE_BASE, {255, 16, 15, 0, PLAIN, PLAIN}},
    {STYLE_OVERLAY_1, {46, 96, 11, 2, PLAIN, PLAIN}},
    {STYLE_OVERLAY_2, {100, 160, 14, 3, PLAIN, PLAIN}},
    {STYLE_OVERLAY_3, {99, 18, 13, 8, PLAIN, PLAIN}},
    {STYLE_ERROR, {209, 124, 9, 1, BOLD | REVERSE, BOLD | REVERSE}},
};

static const struct entry *find_entry(enum style style, enum theme theme) {
    bool blind = theme == THEME_COLOUR_BLIND || theme == THEME_COLOUR_BLIND_LIGHT;
    for (size_t i = 0; blind && i < sizeof colour_blind / sizeof colour_blind[0]; i++)
        if (colour_blind[i].style == style) return &colour_blind[i].entry;
    return &entries[style < STYLE_COUNT ? style : STYLE_NORMAL];
}

static void add_attributes(struct look *look, unsigned bits) {
    look->bold = bits & BOLD;
    look->dim = bits & DIM;
    look->reverse = bits & REVERSE;
    look->underline = bits & UNDERLINE;
}

bool theme_is_light(enum theme theme) {
    return theme == THEME_LIGHT || theme == THEME_COLOUR_BLIND_LIGHT;
}

enum theme theme_of_background(const char *colorfgbg) {
    const char *last = colorfgbg ? strrchr(colorfgbg, ';') : NULL;
    bool light = last && (strcmp(last, ";7") == 0 || strcmp(last, ";15") == 0);
    return light ? THEME_LIGHT : THEME_DARK;
}

struct look theme_look(enum style style, int colours, enum theme theme) {
    const struct entry *e = find_entry(style, theme);
    struct look look = {.fg = THEME_DEFAULT, .bg = THEME_DEFAULT};
    bool light = theme_is_light(theme), coloured = colours >= 8 && theme != THEME_MONO;
    add_attributes(&look, coloured ? e->colour : e->mono);
    if (!coloured) return look;
    bool back = e->colour & BACK;
    if (colours >= 256) {
        look.fg = light ? e->light256 : e->dark256;
        if (back) look.bg = light ? 153 : 24;
        return look;
    }
    look.fg = light ? e->light16 : e->dark16;
    look.reverse = look.reverse || back;
    if (colours < 16 && look.fg == 8) { /* grey: bold black is black on many terminals */
        look.fg = THEME_DEFAULT;
        look.dim = true;
    } else if (colours < 16 && look.fg > 8) {
        look.fg -= 8;
        look.bold = true;
    }
    return look;
}

uint32_t theme_rgb(int index) {
    static const uint32_t basic[16] = {
        0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
        0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF};
    static const uint32_t level[6] = {0, 95, 135, 175, 215, 255};
    if (index < 0 || index > 255) return 0;
    if (index < 16) return basic[index];
    if (index >= 232) return 0x010101u * (uint32_t)(8 + 10 * (index - 232));
    int i = index - 16;
    return level[i / 36] << 16 | level[i / 6 % 6] << 8 | level[i % 6];
}
