#include "ui/panel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct rect panel_frame(const struct panel *p, struct canvas *c, int number,
                        const char *right) {
    char title[48];
    struct rect old = c->clip;
    snprintf(title, sizeof title, "%d %s%s", number, p->ops->title,
             p->pointed ? " <- lesson" : "");
    canvas_frame(c, (struct rect){0, 0, p->area.w, p->area.h}, p->focus, title,
                 right && right[0] ? right : NULL);
    if (p->pointed) canvas_restyle(c, (struct rect){0, 0, p->area.w, 1}, STYLE_ACTIVE);
    canvas_clip(c, (struct rect){p->area.x + 1, p->area.y + 1, p->area.w - 2, p->area.h - 2});
    return old;
}

int panel_footer(const struct panel *p, struct canvas *c, int x, enum style style,
                 const char *text) {
    int room = p->area.w - 2 - x;
    return room > 0 ? canvas_field(c, x, p->area.h - 1, room, false, style, text, strlen(text))
                    : 0;
}

void panel_bar(struct canvas *c, int x, int y, int w, double share) {
    if (!(share > 0) || w <= 0) return;
    int eighths = (int)lround(fmin(share, 1) * w * 8);
    if (eighths < 1) eighths = 1;
    if (c->glyphs != GLYPHS_BRAILLE) eighths = (eighths + 7) / 8 * 8;
    uint32_t full = c->glyphs == GLYPHS_ASCII ? '#' : 0x2588;
    for (int i = 0; i < eighths / 8; i++) canvas_put(c, x + i, y, full, STYLE_BAR);
    if (eighths % 8)
        canvas_put(c, x + eighths / 8, y, (uint32_t)(0x2590 - eighths % 8), STYLE_BAR);
}
