#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

struct rect panel_frame(const struct panel *p, struct canvas *c, int number,
                        const char *right) {
    char title[48];
    struct rect old = c->clip;
    snprintf(title, sizeof title, "%d %s", number, p->ops->title);
    canvas_frame(c, (struct rect){0, 0, p->area.w, p->area.h}, p->focus, title,
                 right && right[0] ? right : NULL);
    canvas_clip(c, (struct rect){p->area.x + 1, p->area.y + 1, p->area.w - 2, p->area.h - 2});
    return old;
}

int panel_footer(const struct panel *p, struct canvas *c, int x, enum style style,
                 const char *text) {
    int room = p->area.w - 2 - x;
    return room > 0 ? canvas_field(c, x, p->area.h - 1, room, false, style, text, strlen(text))
                    : 0;
}
