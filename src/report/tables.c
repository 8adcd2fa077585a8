#include "src/report/tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/report/html.h"
#include "ui/format.h"

/* Without the blanks that hold a column on a terminal. */
static const char *bare(const char *formatted) { return formatted + strspn(formatted, " "); }

/* ---- summary ---- */

static void put_card(struct buf *out, const char *name, const char *value, const char *more) {
    html_put(out, "<div class=\"card\"><dt>%s</dt><dd><b>%s</b> <span>%s</span></dd></div>\n",
             name, value, more);
}

/* How many times the base's perplexity. */
static double ratio_of(const struct history_set *s) {
    return fold_perplexity(&s->last) / fold_perplexity(&s->last_base);
}

/* Less than half a percent is neither. */
static const char *verdict(double ratio) {
    return ratio <= 0.995 ? "learned" : ratio >= 1.005 ? "forgotten" : "as before";
}

static void put_set_card(struct buf *out, const struct history_set *s) {
    char tuned[FORMAT_MAX], base[FORMAT_MAX], value[64], more[64];
    format_perplexity(tuned, fold_perplexity(&s->last));
    format_perplexity(base, fold_perplexity(&s->last_base));
    snprintf(more, sizeof more, "perplexity");
    if (isfinite(s->last_base.loss)) {
        char change[FORMAT_MAX];
        format_change(change, ratio_of(s));
        snprintf(value, sizeof value, "%s \xE2\x86\x92 %s", base, tuned);
        snprintf(more, sizeof more, "perplexity, base to tuned: %s, %s", bare(change),
                 verdict(ratio_of(s)));
    } else snprintf(value, sizeof value, "%s", tuned);
    put_card(out, s->name, value, more);
}

void tables_summary(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    char value[64], more[64], number[FORMAT_MAX];
    buf_str(out, "<dl class=\"cards\">\n");
    snprintf(value, sizeof value, "%" PRId64, h->step);
    snprintf(more, sizeof more, "of %" PRId64 " planned", fold_planned(f));
    put_card(out, "steps", value, more);
    format_count(value, (double)h->tokens);
    format_count(number, (double)h->parameters);
    snprintf(more, sizeof more, "read by %s parameters", number);
    put_card(out, "tokens", value, more);
    format_duration(value, h->t);
    put_card(out, "time", bare(value), "from the log\xE2\x80\x99s first line to its last");
    for (int i = 0; i < h->n_sets; i++)
        if (isfinite(h->sets[i].last.loss)) put_set_card(out, &h->sets[i]);
    buf_str(out, "</dl>\n");
}

/* ---- stages ---- */

static void put_sources(struct buf *out, const struct fold *f, int stage) {
    char tokens[FORMAT_MAX], lines[FORMAT_MAX];
    buf_str(out, "<td>");
    for (int k = 0; k < 2; k++) {
        const struct fold_source *s = &f->sources[stage][k];
        if (!s->text) continue;
        format_count(tokens, (double)s->tokens);
        format_count(lines, (double)s->lines);
        html_put(out, "%s%s<bdi>", k ? "; " : "", k ? "replay of " : "");
        html_put(out, "%s</bdi> <span class=\"dim\">(%s tokens, %s lines)</span>", s->text,
                 tokens, lines);
    }
    if (!f->sources[stage][0].text) buf_str(out, "<span class=\"dim\">not begun</span>");
    buf_str(out, "</td>");
}

/* Of a stage whose settings are known. */
static void put_settings(struct buf *out, const struct stage_settings *s) {
    char rate[FORMAT_MAX];
    format_rate(rate, s->optimizer.lr);
    html_put(out, "<td class=\"n\">%d</td><td>%s, %s, %s</td><td>", s->batch,
             optimizer_words[s->optimizer.kind], bare(rate), schedule_words[s->schedule.kind]);
    for (int i = 0; i < s->freeze.n; i++)
        html_put(out, "%s%s", i ? ", " : "", s->freeze.text[i]);
    if (s->freeze.n == 0) buf_str(out, "<span class=\"dim\">none</span>");
    buf_str(out, "</td>");
}

void tables_stages(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    buf_str(out, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">stage</th>"
                 "<th scope=\"col\">trained on</th><th scope=\"col\" class=\"n\">steps</th><th "
                 "scope=\"col\" class=\"n\">batch</th><th scope=\"col\">optimizer, rate, "
                 "schedule</th><th scope=\"col\">frozen from its start</th><th scope=\"col\" "
                 "class=\"n\">tokens/s</th></tr></thead>\n"
                 "<tbody>\n");
    for (int i = 0; i < h->n_stages; i++) {
        char speed[FORMAT_MAX];
        buf_str(out, "<tr>");
        html_row_head(out, h->stages[i].name);
        put_sources(out, f, i);
        html_put(out, "<td class=\"n\">%" PRId64 "</td>", h->stages[i].steps);
        if (f->settings && i < f->settings->n_stages)
            put_settings(out, &f->settings->stages[i]);
        else buf_str(out, "<td></td><td></td><td></td>");
        format_speed(speed, h->stages[i].first >= 0 ? history_stage_speed(h, i) : (double)NAN);
        html_number(out, speed);
        buf_str(out, "</tr>\n");
    }
    buf_str(out, "</tbody>\n</table></div>\n");
}

/* ---- facts ---- */

static void put_fact(struct buf *out, const char *name, const char *value) {
    if (*value) html_put(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
}

void tables_facts(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    char text[256], bytes[FORMAT_MAX];
    buf_str(out, "<dl class=\"facts\">\n");
    fold_model_line(f, text, sizeof text);
    put_fact(out, "model", text);
    snprintf(text, sizeof text, "%" PRIu64, h->parameters);
    put_fact(out, "parameters", text);
    if (f->settings) put_fact(out, "begun from", f->settings->model.from);
    snprintf(text, sizeof text, "%" PRIu64, h->seed);
    put_fact(out, "seed", text);
    snprintf(text, sizeof text, "%d", h->threads);
    put_fact(out, "threads", text);
    put_fact(out, "shared its cores with", f->beside);
    format_bytes(bytes, (double)h->memory_bytes);
    put_fact(out, "memory planned", bytes);
    put_fact(out, "products by", h->blas);
    snprintf(text, sizeof text, "thaw %s", h->version);
    put_fact(out, "version", text);
    buf_str(out, "</dl>\n");
}

/* ---- evaluation ---- */

static bool any_accuracy(const struct history *h) {
    bool any = false;
    for (int i = 0; i < h->n_sets; i++) any |= isfinite(h->sets[i].last.accuracy);
    return any;
}

static bool any_base(const struct history *h) {
    bool any = false;
    for (int i = 0; i < h->n_sets; i++) any |= isfinite(h->sets[i].last_base.loss);
    return any;
}

/* Base (where there is one) and tuned of one measure. */
static void put_pair(struct buf *out, bool base, double before, double after,
                     void (*format)(char *, double)) {
    char number[FORMAT_MAX];
    if (base) {
        format(number, before);
        html_number(out, number);
    }
    format(number, after);
    html_number(out, number);
}

static void put_set(struct buf *out, const struct history_set *s, bool base, bool accuracy) {
    char change[FORMAT_MAX];
    buf_str(out, "<tr>");
    html_row_head(out, s->name);
    put_pair(out, base, s->last_base.loss, s->last.loss, format_loss);
    put_pair(out, base, s->last_base.bits_per_byte, s->last.bits_per_byte, format_loss);
    put_pair(out, base, fold_perplexity(&s->last_base), fold_perplexity(&s->last),
             format_perplexity);
    if (accuracy) put_pair(out, base, s->last_base.accuracy, s->last.accuracy, format_percent);
    if (base && isfinite(s->last_base.loss)) {
        format_change(change, ratio_of(s));
        html_put(out, "<td class=\"n\">%s</td><td class=\"%s\">%s</td>", bare(change),
                 ratio_of(s) > 1 ? "worse" : "better", verdict(ratio_of(s)));
    } else if (base) buf_str(out, "<td></td><td></td>");
    buf_str(out, "</tr>\n");
}

static void put_scores_head(struct buf *out, bool base, bool accuracy) {
    static const char *const names[] = {"loss, nats a token", "bits a byte", "perplexity",
                                        "answered right"};
    int n = accuracy ? 4 : 3;
    buf_str(out, "<thead>\n<tr><th scope=\"col\" rowspan=\"2\">held-out set</th>");
    for (int i = 0; i < n; i++)
        html_put(out, "<th scope=\"colgroup\" colspan=\"%d\" class=\"n\">%s</th>", base ? 2 : 1,
                 names[i]);
    if (base)
        buf_str(out,
                "<th scope=\"colgroup\" colspan=\"2\">perplexity\xE2\x80\x99s change</th>");
    buf_str(out, "</tr>\n<tr>");
    for (int i = 0; i < n; i++) {
        if (base) buf_str(out, "<th scope=\"col\" class=\"n\">base</th>");
        html_put(out, "<th scope=\"col\" class=\"n\">%s</th>", base ? "tuned" : "now");
    }
    if (base)
        buf_str(out, "<th scope=\"col\" class=\"n\">by</th><th scope=\"col\">it was</th>");
    buf_str(out, "</tr>\n</thead>\n");
}

void tables_scores(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    bool base = any_base(h), accuracy = any_accuracy(h);
    if (h->n_sets == 0) {
        buf_str(out, "<p class=\"none\">No set was evaluated: eval.sets of the config names "
                     "them.</p>\n");
        return;
    }
    buf_str(out, "<div class=\"scroll\"><table>\n");
    put_scores_head(out, base, accuracy);
    buf_str(out, "<tbody>\n");
    for (int i = 0; i < h->n_sets; i++) put_set(out, &h->sets[i], base, accuracy);
    buf_str(out, "</tbody>\n</table></div>\n");
}

/* ---- log ---- */

static void put_line(struct buf *out, const struct journal_line *l) {
    char time[FORMAT_MAX];
    format_duration(time, l->t);
    html_put(out,
             "<tr><td class=\"n\">%s</td><td class=\"n\">%" PRId64 "</td><td>%s</td></tr>\n",
             bare(time), l->step, l->text);
}

static bool is_problem(const struct journal_line *l) {
    return l->style == STYLE_WARNING || l->style == STYLE_ERROR;
}

/* Evaluations and checkpoints come too often; they are curves and marks. */
static bool is_told(const struct journal_line *l) { return l->style != STYLE_DIM; }

/* The newest TABLES_LINES_MAX lines that are `wanted`; returns how many there are. */
static size_t put_lines(struct buf *out, const struct journal *j,
                        bool (*wanted)(const struct journal_line *l), const char *caption) {
    size_t n = 0, left_out = 0;
    for (size_t i = 0; i < j->n_lines; i++) n += wanted(&j->lines[i]);
    if (n == 0) return 0;
    if (n > TABLES_LINES_MAX) left_out = n - TABLES_LINES_MAX;
    html_put(out,
             "<div class=\"scroll\"><table class=\"log\">\n<caption>%s</caption>\n<thead><tr>"
             "<th scope=\"col\" class=\"n\">time</th><th scope=\"col\" class=\"n\">step</th>"
             "<th scope=\"col\">what</th></tr></thead>\n<tbody>\n",
             caption);
    for (size_t i = 0, at = 0; i < j->n_lines; i++)
        if (wanted(&j->lines[i]) && at++ >= left_out) put_line(out, &j->lines[i]);
    buf_str(out, "</tbody>\n</table></div>\n");
    if (left_out > 0 || j->dropped > 0)
        html_put(out, "<p class=\"note\">%" PRId64 " earlier lines are left out.</p>\n",
                 (int64_t)left_out + j->dropped);
    return n;
}

bool tables_problems(struct buf *out, const struct fold *f) {
    return put_lines(out, &f->history.journal, is_problem,
                     "What the run itself reported as wrong") > 0;
}

void tables_log(struct buf *out, const struct fold *f) {
    put_lines(out, &f->history.journal, is_told, "Beside the steps: stages, freezes, wishes");
}
