#include "src/report/compared.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/config_diff.h"
#include "src/report/html.h"
#include "ui/format.h"

static void begin_table(struct buf *out, const char *corner, bool numbers,
                        const struct fold *runs, int n) {
    html_put(out, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">%s</th>",
             corner);
    for (int i = 0; i < n; i++)
        html_put(out, "<th scope=\"col\" class=\"%s\"><span class=\"chip c%d\"></span> %s</th>",
                 numbers ? "n" : "", i, runs[i].name);
    buf_str(out, "</tr></thead>\n<tbody>\n");
}

static void end_table(struct buf *out) { buf_str(out, "</tbody>\n</table></div>\n"); }

/* ---- how it went ---- */

static void state_of(const struct fold *f, char out[FORMAT_MAX]) {
    snprintf(out, FORMAT_MAX, "%s", fold_state_word(f));
}
static void steps_of(const struct fold *f, char out[FORMAT_MAX]) {
    snprintf(out, FORMAT_MAX, "%.0f", (double)f->history.step);
}
static void tokens_of(const struct fold *f, char out[FORMAT_MAX]) {
    format_count(out, (double)f->history.tokens);
}
static void parameters_of(const struct fold *f, char out[FORMAT_MAX]) {
    format_count(out, (double)f->history.parameters);
}
static void time_of(const struct fold *f, char out[FORMAT_MAX]) {
    format_duration(out, f->history.t);
}
static void speed_of(const struct fold *f, char out[FORMAT_MAX]) {
    format_speed(out, history_stage_speed(&f->history, f->history.stage));
}
static void loss_of(const struct fold *f, char out[FORMAT_MAX]) {
    format_loss(out, history_smooth(&f->history, SMOOTHING_USUAL));
}

void compared_overview(struct buf *out, const struct fold *runs, int n) {
    static const struct {
        const char *name;
        void (*of)(const struct fold *f, char out[FORMAT_MAX]);
    } rows[] = {{"state", state_of},
                {"steps", steps_of},
                {"tokens read", tokens_of},
                {"parameters", parameters_of},
                {"time", time_of},
                {"tokens a second in its last stage", speed_of},
                {"training loss, smoothed", loss_of}};
    char value[FORMAT_MAX];
    begin_table(out, "run", true, runs, n);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        buf_str(out, "<tr>");
        html_row_head(out, rows[r].name);
        for (int i = 0; i < n; i++) {
            rows[r].of(&runs[i], value);
            html_number(out, value);
        }
        buf_str(out, "</tr>\n");
    }
    end_table(out);
}

/* ---- scores ---- */

static const struct history_set *find_set(const struct fold *f, const char *name) {
    for (int i = 0; i < f->history.n_sets; i++)
        if (strcmp(f->history.sets[i].name, name) == 0) return &f->history.sets[i];
    return NULL;
}

/* "3.613, perplexity 37.1 (base 84.7)"; the best of them is marked. */
static void put_score(struct buf *out, const struct history_set *s, bool best) {
    char loss[FORMAT_MAX], ppl[FORMAT_MAX], base[FORMAT_MAX];
    if (!s || !isfinite(s->last.loss)) {
        buf_str(out, "<td class=\"n dim\">-</td>");
        return;
    }
    format_loss(loss, s->last.loss);
    format_perplexity(ppl, fold_perplexity(&s->last));
    html_put(out, "<td class=\"n%s\">%s, perplexity %s", best ? " better" : "",
             loss + strspn(loss, " "), ppl);
    format_perplexity(base, fold_perplexity(&s->last_base));
    if (isfinite(s->last_base.loss))
        html_put(out, " <span class=\"dim\">(base %s)</span>", base);
    if (best) buf_str(out, " lowest");
    buf_str(out, "</td>");
}

static void put_set(struct buf *out, const struct fold *runs, int n, const char *name) {
    int best = -1;
    double least = HUGE_VAL;
    for (int i = 0; i < n; i++) {
        const struct history_set *s = find_set(&runs[i], name);
        if (!s || !(s->last.loss < least)) continue;
        least = s->last.loss;
        best = i;
    }
    buf_str(out, "<tr>");
    html_row_head(out, name);
    for (int i = 0; i < n; i++) put_score(out, find_set(&runs[i], name), i == best);
    buf_str(out, "</tr>\n");
}

static bool was_shown(const struct fold *runs, int run, const char *name) {
    for (int i = 0; i < run; i++)
        if (find_set(&runs[i], name)) return true;
    return false;
}

void compared_scores(struct buf *out, const struct fold *runs, int n) {
    begin_table(out, "held-out set: loss", true, runs, n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < runs[i].history.n_sets; k++)
            if (!was_shown(runs, i, runs[i].history.sets[k].name))
                put_set(out, runs, n, runs[i].history.sets[k].name);
    end_table(out);
}

/* ---- settings ---- */

static const struct launch_change *find_change(const struct launch_changes *c,
                                               const char *key) {
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->at[i].key, key) == 0) return &c->at[i];
    return NULL;
}

/* diffs[i]: run i against the first; what it does not list there is as in the first. */
static void put_key(struct buf *out, const struct launch_changes *diffs, int n,
                    const struct launch_change *change) {
    buf_str(out, "<tr>");
    html_row_head(out, change->key);
    for (int i = 0; i < n; i++) {
        const struct launch_change *own = i > 0 ? find_change(&diffs[i], change->key) : NULL;
        html_put(out, "<td>%s</td>", own ? own->value[1] : change->value[0]);
    }
    buf_str(out, "</tr>\n");
}

static void put_keys(struct buf *out, const struct launch_changes *diffs,
                     const struct fold *runs, int n) {
    int keys = 0;
    for (int i = 1; i < n; i++) keys += diffs[i].n;
    if (keys == 0) {
        buf_str(out, "<p class=\"none\">Their settings are the same, but for the name.</p>\n");
        return;
    }
    begin_table(out, "setting", false, runs, n);
    for (int i = 1; i < n; i++)
        for (int k = 0; k < diffs[i].n; k++) {
            bool shown = false;
            for (int before = 1; before < i; before++)
                shown |= find_change(&diffs[before], diffs[i].at[k].key) != NULL;
            if (!shown) put_key(out, diffs, n, &diffs[i].at[k]);
        }
    end_table(out);
}

void compared_settings(struct buf *out, const struct fold *runs, int n) {
    struct launch_changes *diffs = calloc((size_t)n, sizeof *diffs);
    bool ok = diffs != NULL, known = true;
    for (int i = 0; i < n; i++) known &= runs[i].settings != NULL;
    for (int i = 1; ok && known && i < n; i++)
        ok = config_diff(runs[0].settings, runs[i].settings, &diffs[i], NULL);
    if (!known)
        buf_str(out, "<p class=\"none\">They cannot be compared: not every run has a config "
                     "that this version reads.</p>\n");
    else if (ok) put_keys(out, diffs, runs, n);
    out->failed |= !ok;
    for (int i = 0; diffs && i < n; i++) launch_changes_deinit(&diffs[i]);
    free(diffs);
}
