#include "src/run_csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/run/event_log.h"
#include "engine/run/settings.h"

struct row {
    int64_t step, tokens;
    double loss, lr, grad_norm, tokens_per_s, seconds;
    int stage, eval; /* -1: none */
};

/* Figures of one evaluation; NaN where a set was not part of it. */
struct eval_row {
    double loss[SETS_MAX], bits_per_byte[SETS_MAX], base_loss[SETS_MAX];
};

struct table {
    struct row *rows;
    struct eval_row *evals;
    int n_rows, n_evals;
    char stages[STAGES_MAX][NAME_MAX_BYTES], sets[SETS_MAX][NAME_MAX_BYTES];
    int n_sets, stage;
};

/* ---- reading ---- */

/* Room for one more in a list that doubles: at 0, 16, 32, 64 ... */
static void *grown(void *list, int n, size_t size) {
    bool full = n == 0 || (n >= 16 && (n & (n - 1)) == 0);
    return full ? realloc(list, (n == 0 ? 16 : 2 * (size_t)n) * size) : list;
}

/* Steps from this one on were made before a resume, and are made again. */
static bool add_step(struct table *t, const struct event *e) {
    while (t->n_rows > 0 && t->rows[t->n_rows - 1].step >= e->step) t->n_rows--;
    struct row *rows = grown(t->rows, t->n_rows, sizeof *rows);
    if (!rows) return false;
    t->rows = rows;
    rows[t->n_rows++] = (struct row){.step = e->step,
                                     .tokens = e->stp.tokens,
                                     .loss = e->stp.loss,
                                     .lr = e->stp.lr,
                                     .grad_norm = e->stp.grad_norm,
                                     .tokens_per_s = e->stp.tokens_per_s,
                                     .seconds = e->stp.total,
                                     .stage = t->stage,
                                     .eval = -1};
    return true;
}

/* The column of a set; -1 where there are too many. */
static int set_column(struct table *t, const char *name) {
    for (int i = 0; i < t->n_sets; i++)
        if (strcmp(t->sets[i], name) == 0) return i;
    if (t->n_sets == SETS_MAX) return -1;
    snprintf(t->sets[t->n_sets], sizeof t->sets[0], "%s", name);
    return t->n_sets++;
}

static bool add_eval(struct table *t, const struct event *e) {
    struct row *row = t->n_rows > 0 ? &t->rows[t->n_rows - 1] : NULL;
    while (row && row > t->rows && row->step > e->step) row--;
    if (!row || row->step != e->step) return true;
    struct eval_row *evals = grown(t->evals, t->n_evals, sizeof *evals);
    if (!evals) return false;
    t->evals = evals;
    struct eval_row *out = &evals[t->n_evals];
    for (int i = 0; i < SETS_MAX; i++)
        out->loss[i] = out->bits_per_byte[i] = out->base_loss[i] = (double)NAN;
    for (int i = 0; i < e->eval.n_sets; i++) {
        const struct event_set *set = &e->eval.sets[i];
        int k = set_column(t, set->name);
        if (k < 0) continue;
        out->loss[k] = set->tuned.loss;
        out->bits_per_byte[k] = set->tuned.bits_per_byte;
        if (set->has_base) out->base_loss[k] = set->base.loss;
    }
    row->eval = t->n_evals++;
    return true;
}

static bool add_event(struct table *t, const struct event *e) {
    if (e->type == EVENT_STAGE && e->stage.index >= 0 && e->stage.index < STAGES_MAX) {
        t->stage = e->stage.index;
        snprintf(t->stages[t->stage], sizeof t->stages[0], "%s", e->stage.name);
    }
    if (e->type == EVENT_STEP) return add_step(t, e);
    return e->type != EVENT_EVAL || add_eval(t, e);
}

static bool read_table(const struct run_paths *run, struct table *t, struct err *err) {
    struct event_reader *r = event_reader_open(run->events, err);
    struct event e;
    int got = r ? 0 : -1;
    bool room = true;
    while (r && room && (got = event_reader_next(r, &e, err)) > 0) room = add_event(t, &e);
    event_reader_close(r);
    return room ? got == 0 : err_set(err, ERR_NOMEM, "not enough memory for the table");
}

/* ---- writing ---- */

/* A field; in quotes where it has to be. No control character passes. */
static void put_text(struct buf *out, const char *text, const char *suffix) {
    struct buf clean = {0};
    text_sanitise(&clean, text, strlen(text), false);
    buf_str(&clean, suffix);
    bool quoted = strpbrk(buf_text(&clean), ",\"") != NULL;
    if (quoted) buf_str(out, "\"");
    for (const char *c = buf_text(&clean); *c; c++)
        buf_printf(out, "%s%c", *c == '"' ? "\"" : "", *c);
    if (quoted) buf_str(out, "\"");
    out->failed |= clean.failed;
    buf_deinit(&clean);
}

/* Behind a comma; what is no number is empty. */
static void put_number(struct buf *out, double x) {
    if (isfinite(x)) buf_printf(out, ",%.9g", x);
    else buf_str(out, ",");
}

static void put_head(struct buf *out, const struct table *t) {
    buf_str(out, "step,stage,loss,lr,grad_norm,tokens,tokens_per_s,seconds");
    for (int i = 0; i < t->n_sets; i++) {
        static const char *const columns[] = {"_loss", "_bits_per_byte", "_base_loss"};
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            buf_str(out, ",");
            put_text(out, t->sets[i], columns[k]);
        }
    }
    buf_str(out, "\n");
}

static void put_row(struct buf *out, const struct table *t, const struct row *r) {
    buf_printf(out, "%" PRId64 ",", r->step);
    put_text(out, t->stages[r->stage], "");
    put_number(out, r->loss);
    put_number(out, r->lr);
    put_number(out, r->grad_norm);
    buf_printf(out, ",%" PRId64, r->tokens);
    put_number(out, r->tokens_per_s);
    put_number(out, r->seconds);
    for (int i = 0; i < t->n_sets; i++) {
        const struct eval_row *e = r->eval >= 0 ? &t->evals[r->eval] : NULL;
        put_number(out, e ? e->loss[i] : (double)NAN);
        put_number(out, e ? e->bits_per_byte[i] : (double)NAN);
        put_number(out, e ? e->base_loss[i] : (double)NAN);
    }
    buf_str(out, "\n");
}

bool run_csv(const struct run_paths *run, struct buf *out, struct err *err) {
    struct table *t = calloc(1, sizeof *t);
    if (!t) return err_set(err, ERR_NOMEM, "not enough memory for the table");
    bool ok = read_table(run, t, err);
    if (ok) put_head(out, t);
    for (int i = 0; ok && i < t->n_rows; i++) put_row(out, t, &t->rows[i]);
    if (ok && out->failed) ok = err_set(err, ERR_NOMEM, "not enough memory for the table");
    free(t->rows);
    free(t->evals);
    free(t);
    return ok;
}
