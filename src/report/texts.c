#include "src/report/texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/report/html.h"
#include "ui/compare_texts.h"
#include "ui/format.h"

/* The class of a gain in nats, as on the screen: "" little, "g1" to "g4" better, "w1", "w2"
 * worse. */
static const char *gain_class(double gain) {
    if (!isfinite(gain) || fabs(gain) < 0.1) return "";
    if (gain < 0) return gain <= -1.5 ? "w2" : "w1";
    return gain >= 3 ? "g4" : gain >= 1.5 ? "g3" : gain >= 0.5 ? "g2" : "g1";
}

/* "31.4%, no. 1" of one side. */
static void put_chance(struct buf *out, const char *side, double logprob, int rank) {
    char share[FORMAT_MAX];
    if (!isfinite(logprob)) return;
    format_percent(share, exp(logprob));
    html_put(out, "; %s %s", side, share);
    if (rank > 0) html_put(out, ", no. %d", rank);
}

/* `first`: of its text, whose line begins without the blank in front of the word. */
static void put_token(struct buf *out, const struct event_token *t, bool judged, bool first) {
    const char *text = t->text + (first ? strspn(t->text, " ") : 0);
    const char *class = gain_class(judged ? t->gain : (double)NAN);
    if (!*class) {
        html_bytes(out, text, strlen(text), true);
        return;
    }
    html_put(out, "<span class=\"%s\" title=\"%s%.2f nats", class,
             t->gain > 0 ? "+" : "\xE2\x88\x92", fabs(t->gain));
    put_chance(out, "base", t->logprob - t->gain, t->base_rank);
    put_chance(out, "tuned", t->logprob, t->rank);
    buf_str(out, "\">");
    html_bytes(out, text, strlen(text), true);
    buf_str(out, "</span>");
}

/* A text under its model's name and the fingerprint of the weights that wrote it. */
static void put_side(struct buf *out, const struct sample *s, const char *head, bool marks) {
    bool judged = marks && compare_has_gains(s);
    html_put(out, "<div class=\"side\"><h4>%s", head);
    if (s->made)
        html_put(out, " <span class=\"dim\">step %" PRId64 ", weights %s</span>", s->step,
                 s->weights);
    buf_str(out, "</h4>\n<p class=\"said\" dir=\"auto\">");
    int n = s->n_tokens < TEXTS_TOKENS_MAX ? s->n_tokens : TEXTS_TOKENS_MAX;
    for (int i = 0; i < n; i++) put_token(out, &s->tokens[i], judged, i == 0);
    if (n < s->n_tokens)
        html_put(out, " <span class=\"dim\">(and %d tokens more)</span>", s->n_tokens - n);
    if (!s->made) buf_str(out, "<span class=\"dim\">nothing yet</span>");
    buf_str(out, "</p>\n");
    if (judged && isfinite(s->mean_gain)) {
        html_put(out, "<p class=\"note\">mean gain %.2f nats a token", s->mean_gain);
        if (isfinite(s->kl)) html_put(out, ", KL %.2f", s->kl);
        buf_str(out, "</p>\n");
    }
    buf_str(out, "</div>\n");
}

static void put_prompt(struct buf *out, const struct sample_pair *p) {
    buf_str(out, "<article class=\"pair\">\n<h3><bdi>");
    html_text(out, p->prompt);
    html_put(out, "</bdi>%s</h3>\n<div class=\"sides\">\n",
             p->own ? " (asked for by hand)" : "");
}

static const char scale[] =
    "<p class=\"note\">A mark tells how much likelier the tuned model finds a token than its "
    "base does: <span class=\"g1\">0.1</span> <span class=\"g2\">0.5</span> <span "
    "class=\"g3\">1.5</span> <span class=\"g4\">3 nats and more</span>, less likely: <span "
    "class=\"w1\">0.1</span> <span class=\"w2\">1.5 and more</span>.</p>\n";

void texts_put(struct buf *out, const struct fold *f) {
    const struct samples *s = &f->history.samples;
    int n = s->n < TEXTS_PAIRS_MAX ? s->n : TEXTS_PAIRS_MAX, gains = 0;
    if (n == 0) {
        buf_str(out, "<p class=\"none\">No prompt was answered: compare.prompts of the config "
                     "names them.</p>\n");
        return;
    }
    for (int i = 0; i < n; i++) gains += compare_has_gains(&s->pairs[i].tuned);
    if (gains > 0) buf_str(out, scale);
    for (int i = 0; i < n; i++) {
        const struct sample_pair *p = &s->pairs[i];
        put_prompt(out, p);
        if (p->base.made) put_side(out, &p->base, "base", false);
        put_side(out, &p->tuned, p->base.made ? "tuned" : "model", true);
        if (p->third.made) put_side(out, &p->third, p->third.side, true);
        buf_str(out, "</div>\n</article>\n");
    }
    if (n < s->n)
        html_put(out, "<p class=\"note\">%d more prompts are left out.</p>\n", s->n - n);
}

/* ---- several runs ---- */

static const struct sample_pair *find_pair(const struct samples *s, const char *prompt) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->pairs[i].prompt, prompt) == 0) return &s->pairs[i];
    return NULL;
}

void texts_compared(struct buf *out, const struct fold *runs, int n) {
    const struct samples *first = &runs[0].history.samples;
    int pairs = first->n < TEXTS_PAIRS_MAX ? first->n : TEXTS_PAIRS_MAX;
    for (int i = 0; i < pairs; i++) {
        put_prompt(out, &first->pairs[i]);
        for (int k = 0; k < n; k++) {
            const struct sample_pair *p =
                find_pair(&runs[k].history.samples, first->pairs[i].prompt);
            if (p) put_side(out, &p->tuned, runs[k].name, true);
        }
        buf_str(out, "</div>\n</article>\n");
    }
}
