/* app_draw.c - a frame: bars, panes, overlay; pure but for the time that messages stay. */
#include <stdio.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/app_parts.h"
#include "ui/tour.h"
#include "ui/wrap.h"

static const double message_s = 10, alarm_s = 30; /* how long a message stays */

/* What the clock changes: silence begins, messages end. */
static void keep_time(struct app *a, double now) {
    if (a->seen != a->seen_at_draw || a->heard_at == 0) a->heard_at = now;
    a->seen_at_draw = a->seen;
    if (a->message_new) {
        a->message_until = now + (style_is_alarm(a->message_style) ? alarm_s : message_s);
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
    panel_guide_about(a->panels[PANE_GUIDE], (enum pane)a->focus);
    for (int i = 0; i < PANE_COUNT; i++) {
        struct panel *p = a->panels[i];
        p->area = a->layout.panes[i];
        p->focus = i == a->focus;
        p->pointed = app_lesson_points_at(a, i);
        bool over = a->history.state == RUN_ENDED && !(a->answers && i == PANE_COMPARE);
        p->watching = app_looks_only(a) || over;
        if (!layout_shows(&a->layout, i)) continue;
        struct rect old = canvas_clip(c, p->area);
        p->ops->draw(p, c);
        canvas_clip(c, old);
    }
}

/* ---- the rows at the bottom */

/* What is to be said and typed there. */
struct bottom {
    const struct line_edit *edit; /* NULL: nothing is being typed */
    const char *prompt;           /* in front of it */
    const char *text;             /* of any length; NULL: nothing */
    enum style style;
    const char *hint; /* NULL: the keys, which make room for a text that is long */
};

static void draw_keys(const struct app *a, struct canvas *c, struct rect r, enum life life) {
    struct replay_state replay = {.paused = false};
    if (a->replay) replay_state(a->replay, &replay);
    struct bars_hints hints = {life, app_looks_only(a), a->focus, &a->layout, &replay};
    bars_hint(c, r, &hints);
}

static int bottom_rows(const struct layout *l) { return l->learned.w > 0 ? 3 : 2; }

/* The message row and what it needs beside it: first the row of the keys below, then the row
 * above. What is still too long ends in ".."; the log has all of it. */
static void draw_bottom(const struct app *a, struct canvas *c, const struct bottom *b,
                        enum life life) {
    const struct layout *l = &a->layout;
    int most = bottom_rows(l), w = l->w;
    int rows = b->text && b->text[0] ? wrap_rows(b->text, strlen(b->text), w) : 0;
    int need = (b->edit != NULL) + rows + (b->hint != NULL);
    int height = need < 2 ? 2 : need > most ? most : need, y = l->h - height;
    struct rect old = canvas_clip(c, (struct rect){0, y, w, height});
    int below = b->hint || need < 2 ? 1 : 0, at = b->edit ? 1 : 0;
    if (height > 2) /* the row above makes room */
        canvas_fill(c, (struct rect){0, 0, w, height}, ' ', STYLE_NORMAL);
    if (rows > 0)
        wrap_draw(c, (struct rect){0, at, w, height - at - below}, b->style, b->text,
                  strlen(b->text));
    if (b->hint) canvas_field(c, 0, height - 1, w, false, STYLE_DIM, b->hint, strlen(b->hint));
    canvas_clip(c, old);
    if (b->edit) line_edit_draw(b->edit, c, (struct rect){0, y, w, 1}, b->prompt);
    if (!b->hint && need < 2) draw_keys(a, c, l->hint, life);
}

/* What the panes say: the newest message, else the wish that waits longest. */
static void message_of(const struct app *a, struct bottom *b, char *waiting, size_t size) {
    if (a->message[0]) {
        b->text = a->message;
        b->style = a->message_style;
    } else if (a->wishes.n_pending > 0) {
        snprintf(waiting, size, "%s is queued",
                 command_infos[a->wishes.pending[0].command.kind].word);
        b->text = waiting;
        b->style = STYLE_DIM;
    }
}

static void draw_messages(const struct app *a, struct canvas *c, enum life life) {
    struct bottom b = {.text = NULL};
    char waiting[64], row[64];
    switch (a->input) {
    case INPUT_CONFIRM:
        b = (struct bottom){
            .text = a->question, .style = STYLE_WARNING, .hint = "y yes   n no"};
        break;
    case INPUT_COMMAND:
        b = (struct bottom){.edit = &a->line.edit, .prompt = ":"};
        if (a->line.refused && a->message[0]) b.text = a->message, b.style = STYLE_ERROR;
        else if (a->line.hint[0]) b.text = a->line.hint, b.style = STYLE_DIM;
        else b.hint = "Enter: send   Tab: complete   Up: earlier ones   Esc: back";
        break;
    case INPUT_PROMPT:
        b = (struct bottom){.edit = &a->prompt,
                            .prompt = "prompt: ",
                            .hint = "Enter: both models answer it   Esc: back"};
        break;
    case INPUT_FIND:
        b = (struct bottom){.edit = &a->find,
                            .prompt = "/",
                            .hint = a->found[0]
                                        ? "Enter: find in the log, the same again when empty"
                                        : "Enter: find in the log   Esc: back"};
        break;
    case INPUT_HELP_FIND:
        b = (struct bottom){.edit = &a->find,
                            .prompt = "/",
                            .hint = a->help.text[0]
                                        ? "Enter: find in the help, the same again when empty"
                                        : "Enter: find in the help   Esc: back"};
        break;
    case INPUT_PANES:
        if (a->tour > 0 && !a->message[0]) {
            app_tour_row(a, row, sizeof row);
            b = (struct bottom){
                .text = tour_text(a->tour - 1, a->layout.w, bottom_rows(&a->layout) - 1),
                .style = STYLE_STRONG,
                .hint = row};
        } else message_of(a, &b, waiting, sizeof waiting);
        break;
    case INPUT_HELP:
        message_of(a, &b, waiting, sizeof waiting);
        break;
    }
    draw_bottom(a, c, &b, life);
}

void app_draw(struct app *a, struct canvas *c, double now) {
    double silent_s;
    struct replay_state replay, *back = a->replay ? &replay : NULL;
    if (back) replay_state(a->replay, back);
    keep_time(a, now);
    enum life life = app_life(a, now, &silent_s);
    a->layout = layout_make_lesson(c->w, c->h, a->zoomed, a->focus, a->lesson_shown);
    const struct layout *l = &a->layout;
    canvas_erase(c);
    if (l->kind == LAYOUT_TOO_SMALL) {
        draw_too_small(l, c);
        return;
    }
    struct bars_life told = {life, silent_s, back};
    bars_lifecycle(c, l->lifecycle, &a->history, app_name(a), &told);
    bars_status(c, l->status, &a->history, &told);
    if (l->tabs.w > 0) bars_tabs(c, l->tabs, app_titles, PANE_COUNT, a->focus);
    if (l->sparkline.h > 0) bars_sparkline(c, l->sparkline, &a->history, &told);
    if (l->learned.w > 0) bars_learned(c, l->learned, &a->history);
    draw_panes(a, c);
    app_lesson_draw(a, c);
    draw_messages(a, c, life);
    if (a->input == INPUT_HELP || a->input == INPUT_HELP_FIND)
        help_draw(c, app_help_rect(a), &a->help, app_looks_only(a));
}
