#include "ui/compare_texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/comparison.h"
#include "ui/compare_view.h"

enum { TALL_H = 10, TALLEST_H = 20, WIDE_W = 108 };

/* ---- whose text stands below: a row */

/* "9f3a", or "9f3a..c1" where there is room. */
static void fingerprint(const struct sample *s, bool wide, char out[16]) {
    size_t n = strlen(s->weights);
    if (!wide || n < 8) snprintf(out, 16, "%.4s", s->weights);
    else snprintf(out, 16, "%.4s..%s", s->weights, s->weights + n - 2);
}

bool compare_is_live(const struct history *h, const struct sample *s) {
    return s->step >= h->step && h->state != RUN_ENDED;
}

static void head_base(const struct history *h, struct canvas *c, int x, const struct sample *s,
                      bool wide) {
    char print[16];
    int64_t at = h->n_stages > 0 ? h->stages[h->n_stages - 1].first : -1;
    canvas_printf(c, x, 1, STYLE_BASE, "BASE");
    if (!s->made) return;
    fingerprint(s, wide, print);
    if (wide && at >= 0)
        canvas_printf(c, x + 5, 1, STYLE_DIM, "  base/ @%" PRId64 "  %s", at, print);
    else canvas_printf(c, x + 5, 1, STYLE_DIM, "%s", print);
}

/* "live @372" says that there are no newer weights. Returns the column behind it. */
static int head_tuned(const struct history *h, struct canvas *c, int x, const char *name,
                      const struct sample *s, bool wide) {
    char print[16], age[48] = "";
    x += canvas_printf(c, x, 1, STYLE_STRONG, "%s", name) + 1;
    if (!s->made) return x;
    fingerprint(s, wide, print);
    if (!wide) return x + canvas_printf(c, x, 1, STYLE_DIM, "%s @%" PRId64, print, s->step);
    if (!compare_is_live(h, s) && h->step > s->step)
        snprintf(age, sizeof age, ", %" PRId64 " steps ago", h->step - s->step);
    return x + canvas_printf(c, x, 1, STYLE_DIM, " %s@%" PRId64 "%s  %s",
                             compare_is_live(h, s) ? "live " : "", s->step, age, print);
}

static void head_third(struct canvas *c, int x, int w, const struct sample *s) {
    char print[16], mean[32] = "";
    fingerprint(s, false, print);
    if (isfinite(s->mean_gain)) snprintf(mean, sizeof mean, "mean %+.2f nat", s->mean_gain);
    int beside = 1 + (int)strlen(print), room = w - beside;
    if (mean[0] && room - (int)strlen(mean) - 2 >= 8) room -= (int)strlen(mean) + 2;
    else mean[0] = '\0';
    x += canvas_field(c, x, 1, room, false, STYLE_OVERLAY_1, s->side, strlen(s->side)) + 1;
    x += canvas_printf(c, x, 1, STYLE_DIM, "%s", print) + 2;
    canvas_printf(c, x, 1, compare_gain_style(s->mean_gain), "%s", mean);
}

void compare_draw_heads(const struct history *h, struct canvas *c,
                        const struct sample_pair *pair) {
    bool wide = c->clip.w >= WIDE_W;
    head_base(h, c, 1, &pair->base, wide);
    head_tuned(h, c, c->clip.w / 2 + 2, "TUNED", &pair->tuned, wide);
}

/* ---- base, tuned, third */

bool compare_has_gains(const struct sample *s) {
    for (int i = 0; i < s->n_tokens; i++)
        if (isfinite(s->tokens[i].gain)) return true;
    return false;
}

void compare_draw_means(struct canvas *c, int x, int y, const struct sample *s) {
    if (!isfinite(s->mean_gain)) return;
    x += canvas_printf(c, x, y, compare_gain_style(s->mean_gain), "mean %+.2f nat",
                       s->mean_gain);
    if (isfinite(s->kl) && x + 10 <= c->clip.w)
        canvas_printf(c, x, y, STYLE_DIM, "   KL %.2f", s->kl);
}

/* The first and the second border between the columns of the texts; *second at the right edge:
 * there are two columns. */
static void text_borders(const struct canvas *c, const struct sample_pair *pair, int *first,
                         int *second) {
    bool three = pair->third.made && c->clip.w >= COMPARE_THREE_W;
    *first = three ? c->clip.w / 3 : c->clip.w / 2;
    *second = three ? c->clip.w * 2 / 3 : c->clip.w - 1;
}

static void draw_side(struct canvas *c, struct rect r, const struct sample *s,
                      const struct sample *against, enum style style) {
    if (!s->made) canvas_field(c, r.x, r.y, r.w, false, STYLE_DIM, "not made yet", 12);
    else
        compare_draw_words(c, r, s->text, against && against->made ? against->text : NULL,
                           style);
}

/* What stands below the texts: rows from the bottom on. */
static int rows_below(const struct canvas *c, const struct sample *tuned) {
    int h = c->clip.h;
    if (!compare_has_gains(tuned)) return 0;
    if (h < TALL_H || c->clip.w < 72) return h >= 6 ? 2 : h >= 5 ? 1 : 0;
    return h >= TALLEST_H ? 6 + COMPARISON_TOP : 6;
}

/* The gains of the tokens as a table, what would have been said at the cursor's, and where
 * there is room the likeliest tokens there. */
static void draw_table_below(struct canvas *c, const struct sample *tuned, int cursor,
                             int below) {
    int h = c->clip.h, w = c->clip.w, y = h - below;
    canvas_hline(c, 1, y, w - 2, STYLE_FRAME);
    compare_draw_table(c, (struct rect){1, y + 1, w - 2, 4}, tuned, cursor, w >= WIDE_W - 10);
    compare_draw_at(c, y + 5, w / 2, tuned, cursor);
    compare_draw_top(c, (struct rect){0, y + 6, w, below - 6}, w / 2, tuned, cursor);
    canvas_vline(c, w / 2, y + 5, below - 5, STYLE_FRAME);
}

static void draw_gains_below(struct canvas *c, const struct sample *tuned, int cursor,
                             int below) {
    int h = c->clip.h, mid = c->clip.w / 2, y = h - below;
    canvas_vline(c, mid, y, below, STYLE_FRAME);
    compare_draw_gains(c, 1, y, mid - 2, tuned, cursor);
    compare_draw_means(c, mid + 2, y, tuned);
    if (below > 1) compare_draw_at(c, h - 1, mid, tuned, cursor);
}

static void draw_third_column(struct canvas *c, int border, int rows,
                              const struct sample_pair *pair) {
    int w = c->clip.w - border - 3;
    canvas_vline(c, border, 1, rows + 1, STYLE_FRAME);
    head_third(c, border + 2, w, &pair->third);
    draw_side(c, (struct rect){border + 2, 2, w, rows}, &pair->third, &pair->base,
              STYLE_NORMAL);
}

void compare_draw_texts(const struct history *h, struct canvas *c,
                        const struct sample_pair *pair, int cursor) {
    const struct sample *tuned = &pair->tuned;
    int below = rows_below(c, tuned), rows = c->clip.h - 2 - below;
    int first, second;
    text_borders(c, pair, &first, &second);
    bool three = second < c->clip.w - 1, wide = c->clip.w >= WIDE_W && !three;
    head_base(h, c, 1, &pair->base, wide);
    int end = head_tuned(h, c, first + 2, "TUNED", tuned, wide);
    if (below >= 6 && !three) compare_draw_means(c, first + 2, 0, tuned);
    if (three) { /* beside its head, as the third's: within its column */
        struct rect whole =
            canvas_clip(c, (struct rect){c->clip.x, c->clip.y, second, c->clip.h});
        compare_draw_means(c, end + 2, 1, tuned);
        canvas_clip(c, whole);
    }
    draw_side(c, (struct rect){1, 2, first - 2, rows}, &pair->base, NULL, STYLE_NORMAL);
    draw_side(c, (struct rect){first + 2, 2, second - first - 2 - three, rows}, tuned,
              &pair->base, STYLE_NORMAL);
    canvas_vline(c, first, 1, rows + 1, STYLE_FRAME);
    if (three) draw_third_column(c, second, rows, pair);
    if (below >= 6) draw_table_below(c, tuned, cursor, below);
    else if (below > 0) draw_gains_below(c, tuned, cursor, below);
}

void compare_draw_third(const struct history *h, struct canvas *c,
                        const struct sample_pair *pair) {
    int mid = c->clip.w / 2, w = c->clip.w - mid - 3, rows = c->clip.h - 3;
    const char *note = "over the base, each on its own text";
    if (!pair->third.made) {
        canvas_printf(c, 1, 1, STYLE_DIM, "the third model has not answered this prompt yet");
        return;
    }
    head_tuned(h, c, 1, "TUNED", &pair->tuned, false);
    head_third(c, mid + 2, w, &pair->third);
    draw_side(c, (struct rect){1, 2, mid - 2, rows}, &pair->tuned, &pair->base, STYLE_NORMAL);
    draw_side(c, (struct rect){mid + 2, 2, w, rows}, &pair->third, &pair->base, STYLE_NORMAL);
    canvas_vline(c, mid, 1, rows + 1, STYLE_FRAME);
    compare_draw_means(c, 1, c->clip.h - 1, &pair->tuned);
    int x = isfinite(pair->tuned.mean_gain) ? 28 : 1;
    canvas_field(c, x, c->clip.h - 1, c->clip.w - x - 1, false, STYLE_DIM, note, strlen(note));
}

void compare_draw_model(const struct history *h, struct canvas *c,
                        const struct sample_pair *pair) {
    const struct sample *s = &pair->tuned;
    bool two = pair->third.made;
    int w = c->clip.w, rows = c->clip.h - 3, mid = two ? w / 2 : w - 1;
    bool later = h->stage + 1 < h->n_stages;
    head_tuned(h, c, 1, "MODEL", s, mid >= WIDE_W - 1);
    draw_side(c, (struct rect){1, 2, mid - 1 - two, rows}, s, NULL, STYLE_NORMAL);
    if (two) {
        canvas_vline(c, mid, 1, rows + 1, STYLE_FRAME);
        head_third(c, mid + 2, w - mid - 3, &pair->third);
        draw_side(c, (struct rect){mid + 2, 2, w - mid - 3, rows}, &pair->third, NULL,
                  STYLE_NORMAL);
    }
    canvas_printf(c, 1, c->clip.h - 1, STYLE_DIM, "%s",
                  later ? "base and tuned stand side by side when fine-tuning starts"
                        : "the base's text is on its way");
}
