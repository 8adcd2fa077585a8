#include "ui/compare_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/format.h"

enum { BAND_ROWS = 4, LABEL_W = 11, SUMMARY_W = 24, TOKEN_LEAST = 5, TOKEN_MOST = 14 };

/* ---- flowing text */

struct flow {
    struct canvas *c;
    struct rect r;
    int x, y; /* relative to r */
    bool full;
};

static void flow_break(struct flow *f) {
    if (f->x == 0) return;
    if (f->y + 1 >= f->r.h) f->full = true;
    else f->x = 0, f->y++;
}

static void flow_put(struct flow *f, enum style style, const char *s, size_t n) {
    if (text_columns(s, n) <= f->r.w - f->x) {
        f->x += canvas_text(f->c, f->r.x + f->x, f->r.y + f->y, style, s, n);
        return;
    }
    for (size_t i = 0, used; i < n && !f->full; i += used) { /* longer than a line */
        uint32_t cp;
        used = text_decode(s + i, n - i, &cp);
        if (text_columns(s + i, used) > f->r.w - f->x) flow_break(f);
        if (!f->full)
            f->x += canvas_text(f->c, f->r.x + f->x, f->r.y + f->y, style, s + i, used);
    }
}

static int word_columns(const struct word *w) {
    return text_columns(w->text, w->n) + (w->changed ? 2 : 0);
}

void compare_draw_text(struct canvas *c, struct rect r, const struct word *words, int n,
                       enum style style) {
    struct flow f = {.c = c, .r = r};
    if (r.w < 4 || r.h < 1) return;
    for (int i = 0; i < n && !f.full; i++) {
        const struct word *w = &words[i];
        if (w->newline) flow_break(&f);
        if (w->space || i == 0) { /* what stands without a blank stays together */
            int columns = word_columns(w);
            for (int k = i + 1; k < n && !words[k].space; k++)
                columns += word_columns(&words[k]);
            if (f.x > 0 && f.x + 1 + columns > r.w) flow_break(&f);
            else if (f.x > 0) f.x++;
        }
        if (f.full) break;
        enum style own = w->changed ? STYLE_CHANGED : style;
        if (w->changed) flow_put(&f, STYLE_DIM, "[", 1);
        flow_put(&f, own, w->text, w->n);
        if (w->changed && !f.full) flow_put(&f, STYLE_DIM, "]", 1);
    }
    int end = f.x < r.w - 2 ? f.x : r.w - 2;
    if (f.full) canvas_text(c, r.x + end, r.y + r.h - 1, STYLE_DIM, "..", 2);
}

void compare_draw_words(struct canvas *c, struct rect r, const char *text, const char *against,
                        enum style style) {
    struct word words[WORDS_MAX], other[WORDS_MAX];
    int n = words_split(text, words);
    if (against) words_diff(other, words_split(against, other), words, n);
    if (n == 0) canvas_field(c, r.x, r.y, r.w, false, STYLE_DIM, "(no text)", 9);
    compare_draw_text(c, r, words, n, style);
}

/* ---- gains */

static const double gain_steps[] = {0.1, 0.5, 1.5, 3}; /* nats */

uint32_t compare_gain_glyph(enum glyphs glyphs, double gain) {
    static const uint32_t ascii[] = {':', '*', '#', '@'},
                          blocks[] = {0x2582, 0x2584, 0x2586, 0x2588};
    if (!isfinite(gain)) return ' ';
    if (gain <= -gain_steps[2]) return '=';
    if (gain <= -gain_steps[0]) return '-';
    if (gain < gain_steps[0]) return '.';
    int level = 0;
    while (level < 3 && gain >= gain_steps[level + 1]) level++;
    return glyphs == GLYPHS_ASCII ? ascii[level] : blocks[level];
}

enum style compare_gain_style(double gain) {
    if (!(fabs(gain) >= gain_steps[0])) return STYLE_DIM;
    return gain > 0 ? STYLE_GAIN : STYLE_LOSS;
}

/* Blanks of any width, of which nothing would be seen (Unicode 15, category Zs). */
static bool is_blank(uint32_t cp) {
    return cp == ' ' || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

void compare_token_word(const struct event_token *t, const char **word, size_t *n) {
    const char *s = t->text;
    size_t length = strlen(s), from = length, to = 0; /* what is not blank */
    for (size_t at = 0, used; at < length; at += used) {
        uint32_t cp;
        used = text_decode(s + at, length - at, &cp);
        if (is_blank(cp)) continue;
        if (at < from) from = at;
        to = at + used;
    }
    bool nothing = from >= to || text_columns(s + from, to - from) == 0;
    *word = nothing ? "_" : s + from;
    *n = nothing ? 1 : to - from;
}

int compare_best_token(const struct sample *s) {
    int best = 0;
    double most = -INFINITY;
    for (int i = 0; i < s->n_tokens; i++)
        if (s->tokens[i].gain > most) most = s->tokens[best = i].gain;
    return best;
}

void compare_draw_gains(struct canvas *c, int x, int y, int w, const struct sample *s,
                        int cursor) {
    int used = canvas_printf(c, x, y, STYLE_DIM, "token gain ");
    x += used;
    w -= used;
    if (w < 2) return;
    int pitch = s->n_tokens * 2 <= w ? 2 : 1, shown = w / pitch;
    int first = cursor - shown / 2;
    if (first > s->n_tokens - shown) first = s->n_tokens - shown;
    if (first < 0) first = 0;
    for (int i = 0; i < shown && first + i < s->n_tokens; i++) {
        double gain = s->tokens[first + i].gain;
        enum style style = first + i == cursor ? STYLE_CURSOR : compare_gain_style(gain);
        canvas_put(c, x + i * pitch, y, compare_gain_glyph(c->glyphs, gain), style);
    }
}

/* ---- the table */

static int token_width(const struct event_token *t) {
    const char *word;
    size_t n;
    compare_token_word(t, &word, &n);
    int w = text_columns(word, n);
    return (w < TOKEN_LEAST ? TOKEN_LEAST : w > TOKEN_MOST ? TOKEN_MOST : w) + 1;
}

/* Tokens from `first` on that fit into w columns. */
static int tokens_that_fit(const struct sample *s, int first, int w) {
    int n = 0;
    for (; first + n < s->n_tokens; n++) {
        w -= token_width(&s->tokens[first + n]);
        if (w < 0) break;
    }
    return n;
}

static void draw_number(struct canvas *c, int x, int y, int w, enum style style, double v) {
    if (isfinite(v)) canvas_printf(c, x, y, style, "%*.1f", w, v);
    else canvas_printf(c, x, y, STYLE_DIM, "%*s", w, "-");
}

static void draw_token_column(struct canvas *c, int x, int y, const struct event_token *t,
                              bool at_cursor) {
    const char *word;
    size_t n;
    compare_token_word(t, &word, &n);
    int w = token_width(t) - 1, columns = text_columns(word, n);
    enum style style = at_cursor ? STYLE_CURSOR : STYLE_NORMAL;
    canvas_field(c, x + (columns < w ? w - columns : 0), y, w, false, style, word, n);
    draw_number(c, x, y + 1, w, STYLE_BASE, t->logprob - t->gain);
    draw_number(c, x, y + 2, w, STYLE_NORMAL, t->logprob);
    canvas_put(c, x + w - 1, y + 3, compare_gain_glyph(c->glyphs, t->gain),
               compare_gain_style(t->gain));
}

static void draw_summary(struct canvas *c, int x, int y, const struct sample *s) {
    double base = 0, tuned = 0;
    int n = 0, better = 0;
    for (int i = 0; i < s->n_tokens; i++) {
        const struct event_token *t = &s->tokens[i];
        if (!isfinite(t->gain) || !isfinite(t->logprob)) continue;
        base += t->logprob - t->gain;
        tuned += t->logprob;
        better += t->gain > 0;
        n++;
    }
    if (n == 0) return;
    canvas_printf(c, x, y, STYLE_DIM, "nats, %d tokens", n);
    canvas_printf(c, x, y + 1, STYLE_BASE, "mean %.2f", base / n);
    canvas_printf(c, x, y + 2, STYLE_NORMAL, "mean %.2f", tuned / n);
    canvas_printf(c, x, y + 3, STYLE_DIM, "better on %d/%d tokens", better, n);
}

static void draw_band_labels(struct canvas *c, int x, int y) {
    canvas_printf(c, x, y, STYLE_DIM, "same text:");
    canvas_printf(c, x, y + 1, STYLE_BASE, "  base");
    canvas_printf(c, x, y + 2, STYLE_NORMAL, "  tuned");
    canvas_printf(c, x, y + 3, STYLE_DIM, "  gain");
}

int compare_draw_table(struct canvas *c, struct rect r, const struct sample *s, int cursor,
                       bool summary) {
    int w = r.w - LABEL_W - (summary ? SUMMARY_W + 1 : 0), bands = r.h / BAND_ROWS, first = 0;
    if (w < TOKEN_MOST || bands < 1) return 0;
    for (;;) { /* the first token from which on the cursor's is in sight */
        int reach = first;
        for (int b = 0; b < bands; b++) reach += tokens_that_fit(s, reach, w);
        if (cursor < reach || reach >= s->n_tokens) break;
        first++;
    }
    int used = 0;
    for (int b = 0; b < bands && first < s->n_tokens; b++) {
        int y = r.y + b * BAND_ROWS, x = r.x + LABEL_W, n = tokens_that_fit(s, first, w);
        draw_band_labels(c, r.x, y);
        for (int i = first; i < first + n; i++) {
            draw_token_column(c, x, y, &s->tokens[i], i == cursor);
            x += token_width(&s->tokens[i]);
        }
        if (summary && b == 0) draw_summary(c, r.x + r.w - SUMMARY_W, y, s);
        first += n;
        used += BAND_ROWS;
    }
    return used;
}

/* ---- the cursor's token */

/* "house 12% person 9.1%": the most likely ones, as many as fit into w. */
static void draw_list(struct canvas *c, int x, int y, int w, const struct event_top *top, int n,
                      bool percent) {
    for (int i = 0; i < n; i++) {
        const char *word;
        size_t length;
        char number[FORMAT_MAX] = "";
        struct event_token t = {.text = top[i].text};
        compare_token_word(&t, &word, &length);
        double share = exp(top[i].logprob);
        if (percent)
            snprintf(number, sizeof number, share < 0.0995 ? " %.1f%%" : " %.0f%%",
                     share * 100);
        int need = text_columns(word, length) + (int)strlen(number);
        if (need + (i + 1 < n ? 3 : 0) > w) {
            canvas_field(c, x, y, w < 2 ? w : 2, false, STYLE_DIM, "..", 2);
            return;
        }
        int used = canvas_text(c, x, y, STYLE_NORMAL, word, length);
        used += canvas_text(c, x + used, y, STYLE_DIM, number, strlen(number)) + 1;
        x += used;
        w -= used;
    }
}

static int draw_rank(struct canvas *c, int x, int y, const char *side, double logprob,
                     int rank) {
    char number[FORMAT_MAX];
    format_percent(number, exp(logprob));
    int used = canvas_printf(c, x, y, STYLE_NORMAL, "%s%s", side, number);
    if (rank > 0) used += canvas_printf(c, x + used, y, STYLE_DIM, " no.%d", rank);
    return used;
}

void compare_draw_at(struct canvas *c, int y, int mid, const struct sample *s, int cursor) {
    if (cursor < 0 || cursor >= s->n_tokens) return;
    const struct event_token *t = &s->tokens[cursor];
    const char *word;
    size_t n;
    compare_token_word(t, &word, &n);
    bool narrow = mid < 29;
    int x = 1 + canvas_printf(c, 1, y, STYLE_DIM, narrow ? "\"" : "at \"");
    x += canvas_field(c, x, y, mid / 3, false, STYLE_CURSOR, word, n);
    x += canvas_printf(c, x, y, STYLE_DIM, "\": ");
    struct rect whole = c->clip;
    canvas_clip(c, (struct rect){whole.x, whole.y, mid, whole.h});
    x += draw_rank(c, x, y, narrow ? "" : "base ", t->logprob - t->gain, t->base_rank);
    if (mid - x > 12) {
        x += canvas_printf(c, x, y, STYLE_DIM, ": ");
        draw_list(c, x, y, mid - x - 1, t->base_top, t->n_base_top, mid > 50);
    }
    canvas_clip(c, whole);
    x = mid + 2 + draw_rank(c, mid + 2, y, narrow ? "" : "tuned ", t->logprob, t->rank);
    x += canvas_printf(c, x, y, STYLE_DIM, ": ");
    draw_list(c, x, y, whole.w - x, t->top, t->n_top, mid > 50);
}

static void draw_top_side(struct canvas *c, int x, int y, int w, const struct event_top *top,
                          enum style bar) {
    const char *word;
    size_t n;
    char number[FORMAT_MAX];
    struct event_token t = {.text = top->text};
    compare_token_word(&t, &word, &n);
    format_percent(number, exp(top->logprob));
    canvas_printf(c, x, y, STYLE_NORMAL, "%6s ", number);
    int name = w / 2 < 16 ? w / 2 : 16;
    canvas_field(c, x + 8, y, name, false, STYLE_NORMAL, word, n);
    int room = w - 8 - name - 1, cells = (int)lround(exp(top->logprob) * room);
    for (int i = 0; i < cells && i < room; i++)
        canvas_put(c, x + 9 + name + i, y, c->glyphs == GLYPHS_ASCII ? '#' : 0x2588, bar);
}

void compare_draw_top(struct canvas *c, struct rect r, int mid, const struct sample *s,
                      int cursor) {
    if (cursor < 0 || cursor >= s->n_tokens || r.h < 1) return;
    const struct event_token *t = &s->tokens[cursor];
    for (int i = 0; i < r.h; i++) {
        if (i < t->n_base_top)
            draw_top_side(c, r.x + 1, r.y + i, mid - 2, &t->base_top[i], STYLE_BASE);
        if (i < t->n_top)
            draw_top_side(c, mid + 2, r.y + i, r.w - mid - 3, &t->top[i], STYLE_GAIN);
    }
}
