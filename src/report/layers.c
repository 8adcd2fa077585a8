/* layers.c - tables_layers(): when each layer learned, and how far it went from the base. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/report/html.h"
#include "src/report/tables.h"
#include "ui/format.h"

static const char *const state_words[] = {[GROUP_UNKNOWN] = "",
                                          [GROUP_LEARNS] = "learned",
                                          [GROUP_PARTLY] = "learned in part",
                                          [GROUP_FROZEN] = "frozen"};
static const char *const state_classes[] = {[GROUP_UNKNOWN] = "",
                                            [GROUP_LEARNS] = "learns",
                                            [GROUP_PARTLY] = "partly",
                                            [GROUP_FROZEN] = "frozen"};

/* ---- the plan over time ---- */

/* Parts of a thousand of the width below which a span is not seen; words that a strip is told
 * in. */
enum { LEAST_SPAN = 3, WORDS_BYTES = 400 };

struct strip {
    struct buf *out;
    double last; /* step that the axis ends at */
    struct buf words;
};

/* Steps [from, to) in one state. */
static void put_span(struct strip *s, double from, double to, enum group_state state) {
    double x = 1000 * (from - 1) / s->last, w = 1000 * (to - from) / s->last;
    if (!(w > 0) || state == GROUP_UNKNOWN) return;
    html_put(s->out, "<rect class=\"%s\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"10\"/>",
             state_classes[state], x, w);
    if (s->words.len < WORDS_BYTES)
        buf_printf(&s->words, "%s%s from step %.0f to %.0f", s->words.len ? ", " : "",
                   state_words[state], from, to - 1);
}

/* A group's turns, as rectangles; then the same in words. */
static void put_strip(struct buf *out, const struct fold *f, int group) {
    struct strip s = {.out = out, .last = fold_last_step(f)};
    enum group_state state = GROUP_UNKNOWN;
    double since = 1;
    buf_str(out, "<td class=\"plan\"><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
                 "1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int i = 0; i < f->n_turns; i++) {
        const struct fold_turn *t = &f->turns[i];
        double at = (double)t->step < 1 ? 1 : (double)t->step;
        if (t->group != group || at > s.last) continue;
        if (1000 * (at - since) >= LEAST_SPAN * s.last) {
            put_span(&s, since, at, state);
            since = at;
        }
        state = t->state;
    }
    put_span(&s, since, s.last + 1, state);
    for (int i = 1; i < f->history.n_stages; i++)
        if (f->history.stages[i].first > 0)
            html_put(out, "<path class=\"border\" d=\"M%.1f 0V10\"/>",
                     1000 * (double)f->history.stages[i].first / s.last);
    html_put(out, "</svg><span class=\"unseen\">%s</span></td>", buf_text(&s.words));
    out->failed |= s.words.failed;
    buf_deinit(&s.words);
}

/* ---- the distance ---- */

static double farthest(const struct history *h) {
    double most = 0;
    for (int i = 0; i < h->n_groups; i++)
        if (h->groups[i].parent < 0) most = fmax(most, h->groups[i].from_base);
    return most; /* fmax leaves NaN out */
}

static void put_distance(struct buf *out, const struct history_group *g, double most) {
    char number[FORMAT_MAX];
    format_distance(number, g->from_base);
    html_put(out, "<td class=\"far\"><span class=\"bar\" style=\"width:%.1f%%\"></span></td>",
             g->from_base > 0 && most > 0 ? 100 * g->from_base / most : 0);
    html_number(out, number);
}

static void put_group(struct buf *out, const struct fold *f, int group, double most) {
    const struct history_group *g = &f->history.groups[group];
    enum group_state state = history_group_state(&f->history, group);
    char count[FORMAT_MAX];
    buf_str(out, "<tr>");
    html_row_head(out, g->name);
    format_count(count, (double)g->parameters);
    html_number(out, count);
    put_strip(out, f, group);
    html_put(out, "<td class=\"state\">%s%s</td>", state_words[state],
             state == GROUP_FROZEN && g->proven ? ", same bytes as the base" : "");
    put_distance(out, g, most);
    buf_str(out, "</tr>\n");
}

void tables_layers(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    double most = farthest(h);
    html_put(out,
             "<div class=\"scroll\"><table class=\"layers\">\n<thead><tr><th "
             "scope=\"col\">layer</th><th scope=\"col\" class=\"n\">parameters</th><th "
             "scope=\"col\">step 1 to %" PRId64 "</th><th scope=\"col\">at last</th><th "
             "scope=\"col\" colspan=\"2\">distance from the base</th></tr></thead>\n<tbody>\n",
             h->step);
    for (int g = h->n_groups - 1; g >= 0; g--)
        if (h->groups[g].parent < 0) put_group(out, f, g, most);
    buf_str(out,
            "</tbody>\n</table></div>\n<p class=\"note\"><span class=\"chip learns\"></span> "
            "learned <span class=\"chip frozen\"></span> frozen. The distance is \xE2\x80\x96W "
            "\xE2\x88\x92 W\xE2\x82\x80\xE2\x80\x96 / \xE2\x80\x96W\xE2\x82\x80\xE2\x80\x96, "
            "W\xE2\x82\x80 being the base\xE2\x80\x99s weights; the input stands "
            "at the bottom.</p>\n");
}
