#include "ui/bars.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/chart.h"
#include "ui/format.h"

enum { PIECES_MAX = 2 * HISTORY_STAGES + 8, GAP = 2 };

/* A piece of a row. */
struct piece {
    char text[96];
    enum style style;
    int priority; /* lower ones are left out first */
};

static int columns_of(const struct piece *p) { return text_columns(p->text, strlen(p->text)); }

/* ---- lifecycle */

void bars_stage_word(const char *name, char *out, size_t size) {
    size_t n = 0;
    if (strcmp(name, "finetune") == 0) name = "fine-tune";
    for (; name[n] && n + 1 < size; n++) {
        unsigned char ch = (unsigned char)name[n];
        out[n] = ch < 0x80 ? (char)toupper(ch) : (char)ch;
    }
    out[n] = '\0';
}

static int digits_of(int64_t n) { return snprintf(NULL, 0, "%" PRId64, n); }

/* brief 0: everything; 1: only the current stage has its name; 2: only the current one, "2/3".
 */
static void stage_box(const struct history *h, int i, int brief, struct piece *out) {
    const struct history_stage *s = &h->stages[i];
    char word[48];
    bool current = i == h->stage && h->state != RUN_ENDED && !s->finished;
    const char *end = !s->finished ? "" : s->early ? " early" : " ok";
    bars_stage_word(s->name, word, sizeof word);
    out->style = s->finished ? STYLE_DONE : current ? STYLE_ACTIVE : STYLE_WAITING;
    if (i == h->stage && !s->finished) { /* also where the run was stopped */
        int64_t done = history_stage_step(h), steps = s->steps;
        int percent = steps > 0 ? (int)(done * 100 / steps) : 0;
        if (brief == 2)
            snprintf(out->text, sizeof out->text, "[%d/%d %s %3d%%]", i + 1, h->n_stages + 1,
                     word, percent);
        else
            snprintf(out->text, sizeof out->text, "[%d %s %*" PRId64 "/%" PRId64 " %2d%%]",
                     i + 1, word, digits_of(steps), done, steps, percent);
    } else if (brief == 0) snprintf(out->text, sizeof out->text, "[%d %s%s]", i + 1, word, end);
    else snprintf(out->text, sizeof out->text, "[%d%s]", i + 1, end);
}

static bool all_finished(const struct history *h) {
    for (int i = 0; i < h->n_stages; i++)
        if (!h->stages[i].finished) return false;
    return h->n_stages > 0;
}

static int lifecycle_pieces(const struct history *h, int brief, struct piece *out) {
    int n = 0;
    for (int i = 0; i < h->n_stages; i++) {
        if (brief == 2 && i != (h->stage < 0 ? 0 : h->stage)) continue;
        stage_box(h, i, brief, &out[n++]);
        if (brief == 2) return n;
        bool reached = h->stages[i].finished;
        out[n] = (struct piece){.style = reached ? STYLE_DONE : STYLE_WAITING};
        snprintf(out[n++].text, sizeof out->text, "%s", reached ? "==>" : "-->");
    }
    if (h->n_stages == 0) return 0;
    out[n] = (struct piece){.style = all_finished(h) ? STYLE_ACTIVE : STYLE_WAITING};
    snprintf(out[n++].text, sizeof out->text, brief ? "[%d]" : "[%d COMPARE]", h->n_stages + 1);
    return n;
}

/* "REPLAY 4x", and how it stands. */
static void replay_piece(const struct replay_state *s, struct piece *out) {
    char *text = out->text;
    size_t size = sizeof out->text;
    if (s->at_end) snprintf(text, size, "REPLAY end");
    else if (s->paused) snprintf(text, size, "REPLAY paused");
    else if (!isfinite(s->speed)) snprintf(text, size, "REPLAY max");
    else snprintf(text, size, "REPLAY %gx", s->speed);
    out->style = s->paused || s->at_end ? STYLE_WARNING : STYLE_ACTIVE;
}

static void life_piece(const struct history *h, const struct bars_life *life,
                       struct piece *out) {
    *out = (struct piece){.style = STYLE_ACTIVE};
    char *text = out->text;
    size_t size = sizeof out->text;
    switch (life->life) {
    case LIFE_STARTING:
        if (isfinite(h->progress))
            snprintf(text, size, "STARTING %3.0f%%", fmin(fmax(h->progress, 0), 1) * 100);
        else snprintf(text, size, "STARTING");
        break;
    case LIFE_LIVE:
        snprintf(text, size, "LIVE *");
        break;
    case LIFE_PAUSED:
        out->style = STYLE_WARNING;
        snprintf(text, size, "PAUSED");
        break;
    case LIFE_STALLED:
        out->style = STYLE_WARNING;
        snprintf(text, size, "STALLED %.0fs", life->silent_s);
        break;
    case LIFE_DEAD:
        out->style = STYLE_ERROR;
        snprintf(text, size, "DEAD");
        break;
    case LIFE_REPLAY:
        replay_piece(life->replay, out);
        break;
    case LIFE_ENDED: {
        bool failed = strcmp(h->end_reason, "failed") == 0;
        bool stopped = strcmp(h->end_reason, "stopped") == 0;
        out->style = failed ? STYLE_ERROR : stopped ? STYLE_WARNING : STYLE_DONE;
        snprintf(text, size, "%s", failed ? "FAILED" : stopped ? "STOPPED" : "ENDED");
        break;
    }
    }
}

/* From the most telling form of the row to the shortest. */
static const struct {
    bool word, name; /* "thaw", the run's name */
    int brief;       /* of the boxes */
} lifecycle_forms[] = {
    {true, true, 0}, {true, true, 1}, {false, true, 1}, {false, true, 2}, {false, false, 2}};

void bars_lifecycle(struct canvas *c, struct rect r, const struct history *h, const char *name,
                    const struct bars_life *life) {
    enum { FORMS = sizeof lifecycle_forms / sizeof lifecycle_forms[0] };
    struct piece pieces[PIECES_MAX], state;
    struct rect old = canvas_clip(c, r);
    life_piece(h, life, &state);
    int right = columns_of(&state), n = 0, form = 0;
    for (;; form++) {
        int w = lifecycle_forms[form].name ? text_columns(name, strlen(name)) + GAP : 0;
        if (lifecycle_forms[form].word) w += (int)strlen("thaw ");
        n = lifecycle_pieces(h, lifecycle_forms[form].brief, pieces);
        for (int i = 0; i < n; i++) w += columns_of(&pieces[i]);
        if (w + GAP + right <= r.w || form + 1 == FORMS) break;
    }
    int x = lifecycle_forms[form].word ? canvas_printf(c, 0, 0, STYLE_TITLE, "thaw ") : 0;
    if (lifecycle_forms[form].name)
        x += canvas_text(c, x, 0, STYLE_STRONG, name, strlen(name)) + GAP;
    for (int i = 0; i < n; i++)
        x += canvas_text(c, x, 0, pieces[i].style, pieces[i].text, strlen(pieces[i].text));
    x = r.w > right ? r.w - right : 0; /* the state is at the right edge and wins its place */
    if (x > 0) canvas_put(c, x - 1, 0, ' ', STYLE_NORMAL);
    canvas_text(c, x, 0, state.style, state.text, strlen(state.text));
    canvas_clip(c, old);
}

/* ---- figures */

struct row {
    struct piece pieces[24];
    int n;
};

__attribute__((format(printf, 4, 5))) static void add(struct row *r, int priority,
                                                      enum style style, const char *fmt, ...) {
    if (r->n == 24) return;
    struct piece *p = &r->pieces[r->n++];
    *p = (struct piece){.style = style, .priority = priority};
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->text, sizeof p->text, fmt, args);
    va_end(args);
}

/* The columns of the pieces that matter as much as `priority`, or more. */
static int columns_from(const struct row *r, int priority) {
    int sum = 0;
    for (int i = 0; i < r->n; i++)
        if (r->pieces[i].priority >= priority)
            sum += columns_of(&r->pieces[i]) + (sum ? GAP : 0);
    return sum;
}

static int row_columns(const struct row *r) { return columns_from(r, 0); }

static void drop_least(struct row *r) {
    int least = 0;
    for (int i = 1; i < r->n; i++)
        if (r->pieces[i].priority <= r->pieces[least].priority) least = i;
    memmove(&r->pieces[least], &r->pieces[least + 1],
            (size_t)(--r->n - least) * sizeof r->pieces[0]);
}

static void draw_row(struct canvas *c, int y, struct row *r) {
    while (r->n > 1 && row_columns(r) > c->clip.w) drop_least(r);
    for (int i = 0, x = 0; i < r->n; i++)
        x += canvas_text(c, x, y, r->pieces[i].style, r->pieces[i].text,
                         strlen(r->pieces[i].text)) +
             GAP;
}

static void add_times(struct row *r, const struct history *h) {
    char text[FORMAT_MAX];
    double pace = history_pace(h);
    if (h->state == RUN_ENDED) {
        format_duration(text, h->t);
        add(r, 7, STYLE_NORMAL, "in %s", text);
        return;
    }
    format_duration(text, (double)history_left(h, false) * pace);
    add(r, 7, STYLE_NORMAL, "ETA %s", text);
    if (h->stage + 1 >= h->n_stages) return;
    format_duration(text, (double)history_left(h, true) * pace);
    add(r, 2, STYLE_DIM, "all %s", text);
}

/* " 1:23/ 4:30  step 312/420": where the replay is, and how long the run has become. */
static void add_place(struct row *r, const struct replay_state *s) {
    char at[FORMAT_MAX], end[FORMAT_MAX];
    format_duration(at, s->t);
    format_duration(end, s->t_end);
    add(r, 10, STYLE_STRONG, "%s/%s  step %*" PRId64 "/%" PRId64, at, end + strspn(end, " "),
        digits_of(s->step_end), s->step, s->step_end);
}

/* "12.4k tok/s", or, while something between two steps takes its time, "evaluating general
 * 43%". */
static void add_speed(struct row *r, const struct history *h) {
    char text[FORMAT_MAX];
    format_speed(text, h->last.tokens_per_s);
    if (!h->progress_what[0]) add(r, 6, STYLE_NORMAL, "%s tok/s", text);
    else if (!isfinite(h->progress)) add(r, 6, STYLE_NORMAL, "%s", h->progress_what);
    else
        add(r, 6, STYLE_NORMAL, "%s %.0f%%", h->progress_what,
            100 * fmin(fmax(h->progress, 0), 1));
}

enum { BASE_PRIORITY = 5 };

/* `named`: the set of "val" and "base" is named. */
static void figures(struct row *r, const struct history *h, const struct bars_life *life,
                    bool named) {
    char text[FORMAT_MAX];
    if (life->replay) add_place(r, life->replay);
    int set = history_main_set(h);
    named = named && set >= 0;
    format_loss(text, history_smooth(h, SMOOTHING_USUAL));
    add(r, 9, STYLE_TRAIN, "train %s", text);
    format_loss(text, set >= 0 ? h->sets[set].last.loss : (double)NAN);
    add(r, 8, set > 0 ? STYLE_DOMAIN : STYLE_VAL, "val %.32s%s%s",
        named ? h->sets[set].name : "", named ? " " : "", text);
    format_loss(text, set >= 0 ? h->sets[set].last_base.loss : (double)NAN);
    add(r, BASE_PRIORITY, STYLE_BASE, "base %s", text);
    for (int i = 0; i < h->n_sets; i++) {
        if (i == set) continue;
        format_loss(text, h->sets[i].last.loss);
        add(r, 1, i > 0 ? STYLE_DOMAIN : STYLE_VAL, "%.32s %s", h->sets[i].name, text);
    }
    if (life->life != LIFE_DEAD) { /* nobody trains: no speed, and no end to wait for */
        add_speed(r, h);
        if (!life->replay) add_times(r, h);
    }
    format_rate(text, h->last.lr);
    add(r, 4, STYLE_NORMAL, "lr %s", text);
    format_norm(text, h->last.grad_norm);
    add(r, 3, STYLE_NORMAL, "|g| %s", text);
    format_seconds(text, h->last.total);
    add(r, 2, STYLE_DIM, "step %s", text);
}

static void starting(struct row *r, const struct history *h, const struct bars_life *life) {
    if (life->replay) add_place(r, life->replay);
    char number[FORMAT_MAX];
    const char *what = h->state == RUN_ENDED ? "ended before the first step"
                       : h->progress_what[0] ? h->progress_what
                       : h->has_run          ? "the first step is on its way"
                                             : "waiting for the engine to begin";
    add(r, 9, STYLE_NORMAL, "%s", what);
    if (!h->has_run) return;
    format_count(number, (double)h->parameters);
    add(r, 5, STYLE_DIM, "%s weights", number);
    format_bytes(number, (double)h->memory_bytes);
    add(r, 4, STYLE_DIM, "%s memory", number);
    add(r, 3, STYLE_DIM, "%d thread%s", h->threads, h->threads == 1 ? "" : "s");
    add(r, 2, STYLE_DIM, "%s", h->blas);
}

/* The figures for a width: the set's name costs less than the base's loss. */
static void figures_for(struct row *r, const struct history *h, const struct bars_life *life,
                        int w) {
    r->n = 0;
    figures(r, h, life, true);
    if (columns_from(r, BASE_PRIORITY) <= w) return;
    r->n = 0;
    figures(r, h, life, false);
}

void bars_status(struct canvas *c, struct rect r, const struct history *h,
                 const struct bars_life *life) {
    struct row row = {.n = 0};
    struct rect old = canvas_clip(c, r);
    if (h->train.n > 0) figures_for(&row, h, life, r.w);
    else starting(&row, h, life);
    draw_row(c, 0, &row);
    canvas_clip(c, old);
}

/* ---- learned and forgotten */

static double perplexity(const struct event_score *s) {
    return isfinite(s->perplexity) ? s->perplexity : exp(s->loss);
}

/* How much is told about a set: less on narrow screens. */
enum change_form { CHANGE_WHOLE, CHANGE_SHORT, CHANGE_BARE, CHANGE_FORMS };

/* "general 14.2 -> 19.7 ppl (+39%)": as wide whatever the numbers; of a set that asks " 96%
 * right" instead of the change. The unit may stand with the first set alone. */
static void set_piece(struct row *r, const struct history_set *s, const char *word,
                      enum change_form form, enum style style, int priority) {
    char base[FORMAT_MAX], tuned[FORMAT_MAX], change[FORMAT_MAX], told[2 * FORMAT_MAX] = "";
    const char *unit = form == CHANGE_WHOLE || r->n == 0 ? " ppl" : "";
    format_ppl(base, perplexity(&s->last_base));
    format_ppl(tuned, perplexity(&s->last));
    format_change(change, perplexity(&s->last) / perplexity(&s->last_base));
    if (isfinite(s->last.accuracy))
        snprintf(change, sizeof change, "%3.0f%% right", 100 * s->last.accuracy);
    const char *digits = change + strspn(change, " ");
    int w = (int)strlen(change);
    if (form == CHANGE_WHOLE)
        snprintf(told, sizeof told, "(%s)%*s", digits, w - (int)strlen(digits), "");
    if (form == CHANGE_SHORT) snprintf(told, sizeof told, "%-*s", w, digits);
    add(r, priority, style, "%s%.32s %s -> %s%s%s%s", word, s->name, base, tuned, unit,
        told[0] ? " " : "", told);
}

/* What rose, then what fell. */
static void changes(struct row *r, const struct history *h, enum change_form form) {
    r->n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0, said = 0; i < h->n_sets; i++) {
            const struct history_set *s = &h->sets[i];
            double change = s->last.loss - s->last_base.loss;
            if (!isfinite(change) || (change > 0) != (pass == 0)) continue;
            const char *word = said ? "" : pass == 0 ? "forgetting: " : "learned: ";
            bool rose = pass == 0; /* how much was forgotten is told to the last */
            set_piece(r, s, word, rose && form == CHANGE_BARE ? CHANGE_SHORT : form,
                      rose ? STYLE_LOSS : STYLE_GAIN, 8 + pass - said++);
        }
}

/* As many sets as have room in some form, in the most telling one. */
static void changes_for(struct row *r, const struct history *h, int w) {
    changes(r, h, CHANGE_WHOLE);
    for (int most = r->n; most > 0; most--)
        for (int form = 0; form < CHANGE_FORMS; form++) {
            changes(r, h, (enum change_form)form);
            while (r->n > most) drop_least(r);
            if (row_columns(r) <= w) return;
        }
}

/* Before there is a base: how well the model reads what it has not seen. */
static void perplexities(struct row *r, const struct history *h) {
    char number[FORMAT_MAX];
    for (int i = 0; i < h->n_sets; i++) {
        if (!isfinite(h->sets[i].last.loss)) continue;
        if (r->n == 0) add(r, 9, STYLE_DIM, "perplexity on unseen text:");
        format_perplexity(number, perplexity(&h->sets[i].last));
        add(r, 8, i > 0 ? STYLE_DOMAIN : STYLE_VAL, "%.32s %s", h->sets[i].name, number);
    }
}

void bars_learned(struct canvas *c, struct rect r, const struct history *h) {
    struct row row = {.n = 0};
    changes_for(&row, h, r.w);
    if (row.n == 0) perplexities(&row, h);
    struct rect old = canvas_clip(c, r);
    if (row.n > 0) draw_row(c, 0, &row);
    canvas_clip(c, old);
}

/* ---- the smallest layout */

static void draw_curve(struct canvas *c, const struct history *h) {
    enum { MOST = 1024, LABELS_W = 12 };
    double y[MOST];
    int w = c->clip.w - LABELS_W, n = w < 1 ? 0 : w < MOST ? w : MOST;
    size_t points = h->train.n;
    if ((size_t)n > points) n = (int)points;
    if (n == 0) return;
    for (int i = 0; i < n; i++) /* the last of each column's points */
        y[i] = (double)h->smooth[SMOOTHING_USUAL][(size_t)(i + 1) * points / (size_t)n - 1];
    char number[FORMAT_MAX];
    format_loss(number, y[0]);
    canvas_printf(c, 0, 0, STYLE_AXIS, "%s", number);
    chart_sparkline(c, 6, 0, n, y, (size_t)n, STYLE_TRAIN);
    format_loss(number, y[n - 1]);
    canvas_printf(c, 7 + n, 0, STYLE_TRAIN, "%s", number);
}

/* Take from `all` what is in `part`. */
static void subtract(struct row *all, const struct row *part) {
    int n = 0;
    for (int i = 0; i < all->n; i++) {
        bool taken = false;
        for (int k = 0; k < part->n; k++)
            taken |= strcmp(part->pieces[k].text, all->pieces[i].text) == 0;
        if (!taken) all->pieces[n++] = all->pieces[i];
    }
    all->n = n;
}

void bars_sparkline(struct canvas *c, struct rect r, const struct history *h,
                    const struct bars_life *life) {
    struct row left = {.n = 0}, line;
    struct rect old = canvas_clip(c, r);
    draw_curve(c, h);
    if (h->train.n > 0) figures_for(&left, h, life, r.w);
    for (int y = 0; y < r.h && left.n > 0; y++) { /* line 0: those that the status row has */
        line = left;
        while (line.n > 1 && row_columns(&line) > r.w) drop_least(&line);
        subtract(&left, &line);
        if (y > 0) draw_row(c, y, &line);
    }
    canvas_clip(c, old);
}
