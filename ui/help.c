#include "ui/help.h"

#include <stdio.h>
#include <string.h>

#include "engine/run/command.h"
#include "ui/keys.h"

enum { LABEL_W = 12, TWO_COLUMNS_W = 100, FRAME = 2 };

static const char *const legend[] = {
    "",
    "On the curve: : stage, F frozen, T thawed, L learning rate, c checkpoint, ! problem.",
    "The dashed line is the base model's loss on the same text.",
    "Layers: > asked for, not yet a fact; == bytes compared with the base's, identical.",
    "Compare: [word] is not in the base's text. A token's gain over the base:",
    ". none, : * # @ (or a block) better and better, - worse, = much worse.",
    "",
    "Commands, behind : or thaw send:",
};
enum { LEGEND_LINES = sizeof legend / sizeof legend[0] };

static int key_lines(int columns) { return (n_key_bindings + columns - 1) / columns; }

static int columns_in(struct rect r) { return r.w >= TWO_COLUMNS_W ? 2 : 1; }

int help_scroll_max(struct rect r) {
    int lines = key_lines(columns_in(r)) + LEGEND_LINES + COMMAND_COUNT, rows = r.h - FRAME;
    return lines > rows ? lines - rows : 0;
}

static void draw_key(struct canvas *c, int x, int y, int w, const struct key_binding *b,
                     bool watching) {
    bool dim = watching && b->changes_run;
    canvas_field(c, x, y, LABEL_W - 1, false, dim ? STYLE_DIM : STYLE_KEY, b->label,
                 strlen(b->label));
    canvas_field(c, x + LABEL_W, y, w - LABEL_W, false, dim ? STYLE_DIM : STYLE_NORMAL, b->help,
                 strlen(b->help));
}

static void draw_line(struct canvas *c, int line, int y, int columns, bool watching) {
    int rows = key_lines(columns), w = (c->clip.w - 2) / columns;
    if (line < rows) {
        for (int k = 0; k < columns; k++) {
            int i = line + k * rows;
            if (i < n_key_bindings)
                draw_key(c, 1 + k * w, y, w - 1, &key_bindings[i], watching);
        }
        return;
    }
    line -= rows;
    if (line < LEGEND_LINES) {
        canvas_field(c, 1, y, c->clip.w - 2, false, STYLE_DIM, legend[line],
                     strlen(legend[line]));
        return;
    }
    line -= LEGEND_LINES;
    if (line >= COMMAND_COUNT) return;
    const struct command_info *info = &command_infos[line];
    canvas_printf(c, 1, y, watching ? STYLE_DIM : STYLE_KEY, "%s", info->word);
    canvas_field(c, 1 + LABEL_W + 2, y, c->clip.w - LABEL_W - 4, false, STYLE_NORMAL,
                 info->help, strlen(info->help));
}

void help_draw(struct canvas *c, struct rect r, int scroll, bool watching) {
    int most = help_scroll_max(r);
    if (scroll > most) scroll = most;
    struct rect old = canvas_clip(c, r);
    canvas_fill(c, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    canvas_frame(c, (struct rect){0, 0, r.w, r.h}, false, "Help",
                 scroll < most ? "j k PgDn: more   Esc: back" : "Esc: back");
    canvas_clip(c, (struct rect){r.x + 1, r.y + 1, r.w - FRAME, r.h - FRAME});
    for (int y = 0; y < r.h - FRAME; y++) draw_line(c, scroll + y, y, columns_in(r), watching);
    canvas_clip(c, old);
}
