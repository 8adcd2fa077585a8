#include "src/report/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/core/files.h"
#include "src/cli.h"
#include "src/report/curves.h"
#include "src/report/html.h"
#include "src/report/tables.h"
#include "src/report/texts.h"
#include "ui/format.h"

/* A page needs nothing but itself: should anything ever slip past the escaping, a browser still
 * fetches and runs nothing. */
static const char head[] =
    "<!DOCTYPE html>\n"
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\" xml:lang=\"en\">\n<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
    "<meta name=\"referrer\" content=\"no-referrer\"/>\n";

static void put_names(struct buf *out, const struct fold *runs, int n) {
    for (int i = 0; i < n; i++)
        html_put(out, "%s%s", i == 0 ? "" : i == n - 1 ? " and " : ", ", runs[i].name);
}

/* ---- a run ---- */

/* "pretrain on wordnet:general, then finetune on wordnet:medicine". */
static void put_lead(struct buf *out, const struct fold *f) {
    const struct history *h = &f->history;
    char model[256];
    fold_model_line(f, model, sizeof model);
    buf_str(out, "<p class=\"lead\">");
    for (int i = 0; i < h->n_stages; i++) {
        html_put(out, "%s<b>%s</b>", i ? ", then " : "", h->stages[i].name);
        if (f->sources[i][0].text) html_put(out, " on <bdi>%s</bdi>", f->sources[i][0].text);
    }
    html_put(out, "</p>\n<p class=\"dim\">%s. State: <b>%s</b>", model, fold_state_word(f));
    time_t at = (time_t)f->modified;
    struct tm tm;
    char date[64];
    if (gmtime_r(&at, &tm) && strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &tm) > 0)
        html_put(out, ", last heard of %s", date);
    buf_str(out, ".</p>\n");
}

/* An id of our own for a section of run `run`. */
static const char *id_of(char out[24], const char *what, int run) {
    snprintf(out, 24, "%s-%d", what, run);
    return out;
}

static void put_losses(struct buf *out, const struct fold *f, int run) {
    const struct history *h = &f->history;
    char id[24];
    html_section(out, id_of(id, "loss", run), "What it learned");
    curves_loss(out, f, id_of(id, "whole", run), -1);
    bool later = h->stage > 0 && h->stages[h->stage].first > 0 &&
                 (double)h->stages[h->stage].first < fold_last_step(f);
    if (later) curves_loss(out, f, id_of(id, "last", run), h->stage);
    buf_str(
        out,
        "<p class=\"note\">Marks: F frozen, T thawed, L learning rate, E a stage ends early, C "
        "checkpoint, ! problem. The dashed line is what the base, the model before its last "
        "stage, has on the same held-out text.</p>\n");
    curves_small(out, f);
    html_section_end(out);
}

/* Save the config, start it: what it takes, and what comes of it. */
static void put_repeat(struct buf *out, const struct fold *f, int run) {
    char id[24], file[sizeof f->name + 8], word[1100], word_file[1100];
    snprintf(file, sizeof file, "%s.yaml", f->name);
    html_section(out, id_of(id, "repeat", run), "How to repeat it");
    html_put(
        out,
        "<p>Save the config below as <code>%s</code>. One machine, config and seed give the "
        "same weights, bit by bit, with any number of threads (thaw %s).</p>\n",
        file, f->history.version);
    if (cli_quote(f->name, word, sizeof word) && cli_quote(file, word_file, sizeof word_file))
        html_put(out, "<pre><code>thaw run %s\nthaw replay %s\nthaw verify %s</code></pre>\n",
                 word_file, word, word);
    if (f->config.len > 0) {
        buf_str(out, "<h3>The whole config</h3>\n<pre class=\"config\">");
        html_bytes(out, f->config.data, f->config.len, true);
        buf_str(out, "</pre>\n");
    } else buf_str(out, "<p class=\"none\">The run\xE2\x80\x99s folder holds no config.</p>\n");
    html_section_end(out);
}

static void put_run(struct buf *out, const struct fold *f, int run, bool alone) {
    char id[24];
    html_put(out, "<article class=\"run\" id=\"run-%d\">\n", run);
    if (!alone)
        html_put(out, "<h1><span class=\"chip c%d\"></span> <bdi>%s</bdi></h1>\n", run,
                 f->name);
    put_lead(out, f);
    tables_summary(out, f);
    struct buf problems = {0};
    if (tables_problems(&problems, f)) {
        html_section(out, id_of(id, "problems", run), "Problems");
        buf_add(out, buf_text(&problems), problems.len);
        html_section_end(out);
    }
    out->failed |= problems.failed;
    buf_deinit(&problems);
    put_losses(out, f, run);
    html_section(out, id_of(id, "scores", run), "Base and tuned on held-out text");
    tables_scores(out, f);
    html_section_end(out);
    html_section(out, id_of(id, "texts", run), "What they say");
    texts_put(out, f);
    html_section_end(out);
    html_section(out, id_of(id, "layers", run), "Layers");
    tables_layers(out, f);
    html_section_end(out);
    html_section(out, id_of(id, "stages", run), "Trained on what, and how");
    tables_stages(out, f);
    tables_facts(out, f);
    tables_log(out, f);
    html_section_end(out);
    put_repeat(out, f, run);
    buf_str(out, "</article>\n");
}

/* ---- several runs ---- */

static void put_comparison(struct buf *out, const struct fold *runs, int n) {
    html_section(out, "overview", "Side by side");
    compared_overview(out, runs, n);
    compared_scores(out, runs, n);
    html_section_end(out);
    html_section(out, "curves", "Their curves");
    curves_compared(out, runs, n);
    html_section_end(out);
    html_section(out, "settings", "In which settings they differ");
    compared_settings(out, runs, n);
    html_section_end(out);
    html_section(out, "said", "What the tuned models say");
    texts_compared(out, runs, n);
    html_section_end(out);
    buf_str(out, "<nav><p>Each run by itself:");
    for (int i = 0; i < n; i++)
        html_put(out, " <a href=\"#run-%d\"><bdi>%s</bdi></a>", i, runs[i].name);
    buf_str(out, "</p></nav>\n");
}

bool report_page(const struct fold *runs, int n, struct buf *out, struct err *err) {
    buf_str(out, head);
    buf_str(out, "<title>thaw: ");
    put_names(out, runs, n);
    buf_str(out, "</title>\n<style>\n");
    for (const char *const *rule = report_style; *rule; rule++) buf_printf(out, "%s\n", *rule);
    buf_str(
        out,
        "</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">thaw, a report</p>\n<h1>");
    put_names(out, runs, n);
    buf_str(out, "</h1>\n</header>\n<main>\n");
    if (n > 1) put_comparison(out, runs, n);
    for (int i = 0; i < n; i++) put_run(out, &runs[i], i, n == 1);
    html_put(
        out,
        "</main>\n<footer><p>Made by thaw %s from the run%s own log. The page needs nothing "
        "else: no network, no script.</p></footer>\n</body>\n</html>\n",
        THAW_VERSION, n == 1 ? "\xE2\x80\x99s" : "s\xE2\x80\x99");
    return !out->failed || err_set(err, ERR_NOMEM, "not enough memory for the report");
}

bool report_make(const struct run_paths *runs, int n, struct buf *out, struct err *err) {
    struct fold *folds = calloc((size_t)n, sizeof *folds);
    int read = 0;
    bool ok = folds || err_set(err, ERR_NOMEM, "not enough memory for the report");
    for (; ok && read < n; read++)
        if (!fold_read(&folds[read], &runs[read], err)) {
            ok = false;
            break;
        }
    ok = ok && report_page(folds, n, out, err);
    for (int i = 0; i < read; i++) fold_free(&folds[i]);
    free(folds);
    return ok;
}

bool report_write(const struct run_paths *runs, int n, const char *file, struct err *err) {
    struct buf page = {0};
    bool ok = report_make(runs, n, &page, err) && files_write(file, page.data, page.len, err);
    buf_deinit(&page);
    return ok;
}
