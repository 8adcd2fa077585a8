#include "src/lr_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"
#include "engine/core/text.h"
#include "ui/chart.h"

enum { CHART_ROWS = 14 };

static const struct stage_settings *stage_of(const struct lr_report *r) {
    return &r->settings->stages[r->plan->stage];
}

/* ---- the chart ---- */

static void draw(struct canvas *c, const struct lr_found *f, const double *x, const double *y) {
    struct chart_series curve = {.x = x, .y = y, .n = (size_t)f->n, .style = STYLE_TRAIN};
    struct chart_range range = {.x0 = x[0], .x1 = x[f->n - 1], .powers_x = true};
    struct chart_mark marks[] = {
        {.x = log10(f->suggested), .letter = 's', .style = STYLE_MARK, .line = true},
        {.x = log10(f->settled), .letter = 'e', .style = STYLE_MARK, .line = true}};
    if (!chart_fit(&curve, 1, range.x0, range.x1, false, &range.y0, &range.y1)) return;
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &range, &curve, 1, marks, 2);
}

static bool add_chart(const struct lr_found *f, int columns, enum glyphs glyphs,
                      struct buf *out, struct err *err) {
    struct canvas c;
    double *x = malloc(2 * (size_t)f->n * sizeof *x);
    if (!x) return err_set(err, ERR_NOMEM, "no memory for the chart");
    bool ok = canvas_init(&c, columns, CHART_ROWS, glyphs, err);
    for (int i = 0; ok && i < f->n; i++) {
        x[i] = log10(f->points[i].lr);
        x[f->n + i] = f->points[i].smooth;
    }
    if (ok) {
        draw(&c, f, x, x + f->n);
        canvas_dump(&c, false, out);
        canvas_deinit(&c);
    }
    free(x);
    return ok;
}

/* ---- for people ---- */

static void add_clean(struct buf *out, const char *s) {
    text_sanitise(out, s, strlen(s), false);
}

static void add_title(const struct lr_report *r, struct buf *out) {
    const struct lr_found *f = r->found;
    add_clean(out, r->config);
    buf_str(out, ", stage ");
    add_clean(out, stage_of(r)->name);
    buf_printf(out, ", %s: smoothed loss over the learning rate, %d of %d steps%s\n",
               optimizer_words[stage_of(r)->optimizer.kind], f->n, r->plan->steps,
               f->stopped ? " (stopped)" : "");
}

/* Without a suggestion: why, and what would help. */
static void add_refusal(const struct lr_report *r, struct buf *out) {
    bool lost = isfinite(r->found->diverged_at);
    buf_printf(out, "suggested  none: the loss did not clearly fall; %s\n",
               r->found->stopped ? "let the test run on"
               : lost            ? "begin lower (--from) or take more steps (--steps)"
                                 : "go higher (--to), or the model has learned this text");
}

static void add_suggestion(const struct lr_report *r, struct buf *out) {
    const struct lr_found *f = r->found;
    buf_printf(out,
               "suggested  %.2g (s), a third of %.2g, where the fall ends (e); it is steepest "
               "at %.2g\n",
               f->suggested, f->settled, f->steepest);
    buf_printf(out,
               "write      optimizer: {lr: %.2g}  or: --set stages.%d.optimizer.lr=%.2g  "
               "(now: %g)\n",
               f->suggested, r->plan->stage, f->suggested, stage_of(r)->optimizer.lr);
}

static void add_divergence(const struct lr_report *r, struct buf *out) {
    const struct lr_found *f = r->found;
    double last = f->points[f->n - 1].lr;
    if (isfinite(f->diverged_at)) buf_printf(out, "diverged   at %.2g\n", f->diverged_at);
    else if (!(f->minimum >= last)) buf_printf(out, "diverged   not up to %.2g\n", last);
    else /* the end of the fall was not seen */
        buf_printf(out, "diverged   not up to %.2g; the loss still fell, so more may do: %s\n",
                   last, f->stopped ? "let the test run on" : "give a higher --to");
}

bool lr_report_text(const struct lr_report *r, int columns, enum glyphs glyphs, struct buf *out,
                    struct err *err) {
    add_title(r, out);
    if (r->found->n > 1 && !add_chart(r->found, columns, glyphs, out, err)) return false;
    if (isfinite(r->found->suggested)) add_suggestion(r, out);
    else add_refusal(r, out);
    add_divergence(r, out);
    return true;
}

/* ---- for programs ---- */

void lr_report_json(const struct lr_report *r, struct buf *out) {
    const struct lr_found *f = r->found;
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_string(&w, "config", r->config);
    json_add_string(&w, "stage", stage_of(r)->name);
    json_add_string(&w, "optimizer", optimizer_words[stage_of(r)->optimizer.kind]);
    json_add_open(&w, "points", '[');
    for (int i = 0; i < f->n; i++) {
        json_open(&w, '{');
        json_add_integer(&w, "step", i + 1);
        json_add_number(&w, "lr", f->points[i].lr, 9);
        json_add_number(&w, "loss", f->points[i].loss, 9);
        json_add_number(&w, "smooth", f->points[i].smooth, 9);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_add_number(&w, "steepest", f->steepest, 9);
    json_add_number(&w, "minimum", f->minimum, 9);
    json_add_number(&w, "settled", f->settled, 9);
    json_add_number(&w, "suggested", f->suggested, 9);
    json_add_number(&w, "diverged_at", f->diverged_at, 9);
    json_add_bool(&w, "stopped", f->stopped);
    json_close(&w, '}');
    buf_str(out, "\n");
}
