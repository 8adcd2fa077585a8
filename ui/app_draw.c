/* app_draw.c - a frame: bars, panes, overlay; pure but for the time that messages stay. */
#include <stdio.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/app_parts.h"
#include "ui/help.h"

static const double message_s = 10, error_s = 30; /* how long a message stays */

/* What the clock changes: silence begins, messages end. */
static void keep_time(struct app *a, double now) {
    if (a->seen != a->seen_at_draw || a->heard_at == 0) a->heard_at = now;
    a->seen_at_draw = a->seen;
    if (a->message_new) {
        bool error = a->message_style == STYLE_ERROR || a->message_style == STYLE_WARNING;
        a->message_until = now + (error ? error_s : message_s);
        a->message_new = false;
    } else if (now >= a->message_until) a->message[0] = '\0';
}

static void draw_too_small(const struct layout *l, struct canvas *c) {
    char text[64];
    snprintf(text, sizeof text, "have %dx%d, need %dx%d", l->w, l->h, LAYOUT_MIN_W,
             LAYOUT_MIN_H);
    int n = (int)strlen(text), x = n < l->w ? (l->w - n) / 2 : 0;
    canvas_text(c, x, l->h / 2, STYLE_WARNING, text, (size_t)n);
}

static void draw_panes(struct app *a, struct canvas *c) {
    for (int i = 0; i < PANE_COUNT; i++) {
        struct panel *p = a->panels[i];
        p->area = a->layout.panes[i];
        p->focus = i == a->focus;
        p->watching = a->mode == APP_WATCH || a->history.state == RUN_ENDED;
        if (!layout_shows(&a->layout, i)) continue;
        struct rect old = canvas_clip(c, p->area);
        p->ops->draw(p, c);
        canvas_clip(c, old);
    }
}

/* The wish that waits longest, when nothing newer is to be said. */
static void draw_waiting(const struct app *a, struct canvas *c) {
    if (a->wishes.n_pending == 0) return;
    const struct pending *p = &a->wishes.pending[0];
    canvas_printf(c, 0, 0, STYLE_DIM, "%s is queued", command_infos[p->command.kind].word);
}

static void draw_message(const struct app *a, struct canvas *c) {
    struct rect r = a->layout.message, old = canvas_clip(c, r);
    switch (a->input) {
    case INPUT_CONFIRM:
        canvas_field(c, 0, 0, r.w, true, STYLE_WARNING, a->question, strlen(a->question));
        break;
    case INPUT_COMMAND:
        line_edit_draw(&a->line.edit, c, r, ":");
        break;
    case INPUT_PROMPT:
        line_edit_draw(&a->prompt, c, r, "prompt: ");
        break;
    case INPUT_PANES:
    case INPUT_HELP:
        if (a->message[0])
            canvas_field(c, 0, 0, r.w, false, a->message_style, a->message, strlen(a->message));
        else draw_waiting(a, c);
        break;
    }
    canvas_clip(c, old);
}

static void draw_hint(const struct app *a, struct canvas *c) {
    struct rect r = a->layout.hint;
    const char *text = NULL;
    if (a->input == INPUT_CONFIRM) text = "y yes   n no";
    if (a->input == INPUT_PROMPT) text = "Enter: both models answer it   Esc: back";
    if (a->input == INPUT_COMMAND)
        text = a->message_style == STYLE_ERROR && a->message[0] ? a->message
               : a->line.hint[0]                                ? a->line.hint
                                 : "Enter: send   Tab: complete   Up: earlier ones   Esc: back";
    if (!text) {
        bars_hint(c, r, &a->history, a->mode == APP_WATCH || a->history.state == RUN_ENDED);
        return;
    }
    struct rect old = canvas_clip(c, r);
    canvas_field(c, 0, 0, r.w, false, text == a->message ? STYLE_ERROR : STYLE_DIM, text,
                 strlen(text));
    canvas_clip(c, old);
}

void app_draw(struct app *a, struct canvas *c, double now) {
    double silent_s;
    keep_time(a, now);
    enum life life = app_life(a, now, &silent_s);
    a->layout = layout_make(c->w, c->h, a->zoomed, a->focus);
    const struct layout *l = &a->layout;
    canvas_erase(c);
    if (l->kind == LAYOUT_TOO_SMALL) {
        draw_too_small(l, c);
        return;
    }
    bars_lifecycle(c, l->lifecycle, &a->history, app_name(a), life, silent_s);
    bars_status(c, l->status, &a->history);
    if (l->tabs.w > 0) bars_tabs(c, l->tabs, app_titles, PANE_COUNT, a->focus);
    if (l->sparkline.h > 0) bars_sparkline(c, l->sparkline, &a->history);
    if (l->learned.w > 0) bars_learned(c, l->learned, &a->history);
    draw_panes(a, c);
    draw_message(a, c);
    draw_hint(a, c);
    if (a->input == INPUT_HELP) {
        int top = l->h > 12 ? 1 : 0;
        help_draw(c, (struct rect){0, top, l->w, l->h - top}, a->help_scroll,
                  a->mode == APP_WATCH);
    }
}
