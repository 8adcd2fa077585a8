#include "ui/launch_changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/wrap.h"

enum { FRAME = 2, HEADER = 1, GAP = 2, KEY_LEAST = 12 };

void launch_changes_deinit(struct launch_changes *c) {
    free(c->at);
    *c = (struct launch_changes){.n = 0};
}

bool launch_changes_add(struct launch_changes *c, const struct launch_change *change) {
    if (c->n == c->capacity) {
        int more = c->capacity ? 2 * c->capacity : 32;
        struct launch_change *at = realloc(c->at, (size_t)more * sizeof *at);
        if (!at) return false;
        c->at = at;
        c->capacity = more;
    }
    c->at[c->n++] = *change;
    return true;
}

int launch_changes_scroll_max(const struct launch_changes *c, int rows) {
    int room = rows - FRAME - HEADER;
    return c->n > room ? c->n - room : 0;
}

/* As wide as the longest key, but the values keep half of the width. */
static int key_columns(const struct launch_changes *c, int w) {
    int columns = KEY_LEAST;
    for (int i = 0; i < c->n; i++) {
        int n = (int)strlen(c->at[i].key);
        if (n > columns) columns = n;
    }
    return columns < w / 2 ? columns : w / 2;
}

static void put_row(struct canvas *canvas, int y, int key_w, const char *key,
                    const char *const value[2], enum style style) {
    int x = 1 + key_w + GAP, w = (canvas->clip.w - x - 1 - GAP) / 2;
    canvas_field(canvas, 1, y, key_w, false, STYLE_KEY, key, strlen(key));
    for (int i = 0; i < 2; i++)
        canvas_field(canvas, x + i * (w + GAP), y, w, false, style, value[i], strlen(value[i]));
}

static void put_words(struct canvas *canvas, const char *text, enum style style) {
    struct rect inside = {1, 0, canvas->clip.w - 2, canvas->clip.h};
    wrap_draw(canvas, inside, style, text, strlen(text));
}

static void put_table(const struct launch_changes *c, struct canvas *canvas, int scroll) {
    int key_w = key_columns(c, canvas->clip.w);
    const char *names[2] = {c->name[0], c->name[1]};
    put_row(canvas, 0, key_w, "setting", names, STYLE_STRONG);
    for (int i = scroll; i < c->n && i - scroll + HEADER < canvas->clip.h; i++) {
        const char *values[2] = {c->at[i].value[0], c->at[i].value[1]};
        put_row(canvas, i - scroll + HEADER, key_w, c->at[i].key, values, STYLE_NORMAL);
    }
}

void launch_changes_draw(const struct launch_changes *c, struct canvas *canvas, struct rect r,
                         int scroll) {
    struct rect old = canvas_clip(canvas, r);
    char same[600];
    canvas_fill(canvas, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    canvas_frame(canvas, (struct rect){0, 0, r.w, r.h}, false, "What differs",
                 "Enter: their curves   Esc: back");
    canvas_clip(canvas, (struct rect){r.x + 1, r.y + 1, r.w - FRAME, r.h - FRAME});
    snprintf(same, sizeof same, "%s and %s have the same settings, but for their names.",
             c->name[0], c->name[1]);
    if (c->trouble[0]) put_words(canvas, c->trouble, STYLE_WARNING);
    else if (c->n == 0) put_words(canvas, same, STYLE_NORMAL);
    else put_table(c, canvas, scroll);
    canvas_clip(canvas, old);
}
