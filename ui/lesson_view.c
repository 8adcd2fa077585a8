#include "ui/lesson_view.h"

#include <stdio.h>
#include <string.h>

#include "ui/wrap.h"

/* Below so many rows there is no frame; from so many on a blank row stands between paragraphs;
 * no line is so long that the eye loses it. */
enum { FRAMED_H = 5, AIRY_H = 16, LINE_W = 88, FRAME = 2 };

static const struct lesson_step *step_of(const struct lesson_view *v) {
    return &v->lesson->steps[v->at->step];
}

/* Where text goes: the inside of the frame, or below the title where there is none. */
static struct rect inside(struct rect r) {
    if (r.h < FRAMED_H) return (struct rect){r.x, r.y + 1, r.w, r.h - 1};
    return (struct rect){r.x + 2, r.y + 1, r.w - 2 * FRAME, r.h - FRAME};
}

/* ---- the text, row by row */

/* A place that moves down the text: drawn where it is in sight, counted anyway. */
struct place {
    struct canvas *c; /* NULL: only counted */
    int w, h;
    int y; /* of the next row; negative above the first in sight */
    bool airy;
};

static void put(struct place *at, enum style style, const char *text, size_t n) {
    int w = at->w < LINE_W ? at->w : LINE_W, rows = wrap_rows(text, n, w);
    for (int row = 0; row < rows; row++, at->y++)
        if (at->c && at->y >= 0 && at->y < at->h)
            wrap_put(at->c, 0, at->y, w, style, text, n, row);
}

static void put_labelled(struct place *at, enum style style, const char *label,
                         const char *text) {
    char line[LESSON_ANSWER + 32];
    int n = snprintf(line, sizeof line, "%s%s", label, text);
    if (at->airy) at->y++;
    put(at, style, line, (size_t)n);
}

static void put_paragraphs(struct place *at, const char *text) {
    for (bool first = true; *text; first = false) {
        size_t n = strcspn(text, "\n");
        if (!first && at->airy) at->y++;
        put(at, STYLE_NORMAL, text, n);
        text += n + (text[n] == '\n');
    }
}

static void put_wait(struct place *at, const struct lesson_view *v) {
    char words[128];
    lesson_wait_words(&step_of(v)->wait, words, sizeof words);
    if (!words[0]) return;
    bool reached = lesson_reached(v->at, v->lesson, v->history);
    put_labelled(at, reached ? STYLE_DONE : STYLE_WAITING, reached ? "[x] " : "[ ] wait until ",
                 words);
}

/* All of it from row -scroll on; returns the rows that it takes. */
static int put_all(const struct lesson_view *v, struct canvas *c, struct rect r, int scroll) {
    const struct lesson_step *s = step_of(v);
    struct rect in = inside(r);
    struct place at = {c, in.w > 1 ? in.w : 1, in.h, -scroll, in.h >= AIRY_H};
    put_paragraphs(&at, s->text);
    if (s->point != LESSON_POINT_NONE)
        put_labelled(&at, STYLE_KEY, "Look at ", lesson_places[s->point].where);
    if (s->attempt[0]) put_labelled(&at, STYLE_KEY, "Try: ", s->attempt);
    put_wait(&at, v);
    if (s->ask[0]) put_labelled(&at, STYLE_ACTIVE, "Question: ", s->ask);
    if (s->ask[0] && v->at->revealed) put_labelled(&at, STYLE_GAIN, "Answer: ", s->answer);
    return at.y + scroll;
}

int lesson_view_over(const struct lesson_view *v, struct rect r) {
    if (r.h < 2) return 0; /* the title is all there is */
    int over = put_all(v, NULL, r, 0) - inside(r).h;
    return over > 0 ? over : 0;
}

int lesson_view_page(struct rect r) {
    int h = inside(r).h;
    return h > 1 ? h : 1;
}

/* ---- around it */

/* The last of its pages is in sight: what n does then. */
static const char *on_word(const struct lesson_view *v, bool more) {
    bool last = v->at->step + 1 == v->lesson->n_steps;
    return more ? "n more" : last ? "n end" : "n on";
}

/* One row: the title, and the keys by their letters. */
static void draw_row(const struct lesson_view *v, struct canvas *c, struct rect r) {
    const struct lesson_step *s = step_of(v);
    const char *keys = s->ask[0] ? "n N a L" : "n N L";
    char number[24];
    int x = snprintf(number, sizeof number, "%d/%d ", v->at->step + 1, v->lesson->n_steps);
    int at = r.w - (int)strlen(keys);
    canvas_text(c, 0, 0, STYLE_KEY, number, (size_t)x);
    canvas_field(c, x, 0, at - x - 1, false, STYLE_ACTIVE, s->title, strlen(s->title));
    canvas_text(c, at, 0, STYLE_KEY, keys, strlen(keys));
}

static void draw_frame(const struct lesson_view *v, struct canvas *c, struct rect r,
                       bool more) {
    const struct lesson_step *s = step_of(v);
    char title[LESSON_TITLE + 40], keys[64];
    const char *answer = !s->ask[0] ? "" : v->at->revealed ? "  a hide it" : "  a answer";
    bool large = v->whole || lesson_view_over(v, r) == 0;
    int n = snprintf(title, sizeof title, "Lesson %d/%d: %s", v->at->step + 1,
                     v->lesson->n_steps, s->title);
    const char *from =
        n > r.w - 6 ? title + strlen("Lesson ") : title; /* the word makes room */
    canvas_frame(c, (struct rect){0, 0, r.w, r.h}, false, from, NULL);
    canvas_restyle(c, (struct rect){0, 0, r.w, 1}, STYLE_ACTIVE);
    snprintf(keys, sizeof keys, " %s  N back%s  L %s ", on_word(v, more), answer,
             large ? "hide" : "larger");
    canvas_field(c, 2, r.h - 1, r.w - 4, false, STYLE_KEY, keys, strlen(keys));
}

void lesson_view_draw(const struct lesson_view *v, struct canvas *c, struct rect r) {
    if (r.w < 1 || r.h < 1) return;
    int over = lesson_view_over(v, r), scroll = v->at->scroll < over ? v->at->scroll : over;
    struct rect old = canvas_clip(c, r);
    canvas_fill(c, (struct rect){0, 0, r.w, r.h}, ' ', STYLE_NORMAL);
    if (r.h < FRAMED_H) draw_row(v, c, r);
    else draw_frame(v, c, r, scroll < over);
    if (r.h > 1) {
        canvas_clip(c, inside(r));
        put_all(v, c, r, scroll);
    }
    canvas_clip(c, old);
}
