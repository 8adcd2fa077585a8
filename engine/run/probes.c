#include "engine/run/probes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/bytes_map.h"
#include "engine/nn/op_loss.h"

/* Tokens of a unit: in front of the first one stands the end of the text before, in one that
 * stands alone, too. */
struct unit_tokens {
    size_t start, n, answer; /* answer: the first token of it */
};

static struct unit_tokens unit_of(const struct corpus *c, size_t i) {
    size_t start = c->starts[i] + c->alone;
    return (struct unit_tokens){start, c->starts[i + 1] - start, corpus_answer(c, i) - start};
}

static bool asks(struct unit_tokens u, int time) {
    return u.answer > 0 && u.answer < u.n && u.n <= (size_t)time;
}

/* Which units are asked: unit[n], and the longest of them in p->time. row[most]: scratch. */
static bool choose(const struct corpus *c, int most, int32_t *row, size_t *unit,
                   struct probes *p, struct err *err) {
    struct bytes_map seen = {.n = 0};
    bool done = true;
    for (size_t i = 0; done && i < c->n_units && p->n < PROBES_MAX; i++) {
        struct unit_tokens u = unit_of(c, i);
        uint32_t number, known = seen.n;
        if (!asks(u, most)) continue;
        corpus_copy(c, u.start, u.n, row);
        done = bytes_map_add(&seen, row, u.n * sizeof *row, &number, err);
        if (!done || number < known) continue;
        unit[p->n++] = i;
        if ((int)u.n > p->time) p->time = (int)u.n;
    }
    bytes_map_deinit(&seen);
    return done;
}

/* Row of a question: x is the end of text and all tokens but the last, y what follows each. */
static void fill(const struct corpus *c, struct unit_tokens u, int32_t first, int time,
                 int32_t *x, int32_t *y) {
    for (int i = 0; i < time; i++) {
        size_t next = (size_t)i, at = u.start + next;
        x[i] = i == 0 ? first : next <= u.n ? corpus_token(c, at - 1) : first;
        y[i] = next >= u.answer && next < u.n ? corpus_token(c, at) : LOSS_IGNORE;
    }
}

bool probes_make(const struct corpus *c, const struct tokenizer *t, int time,
                 struct probes *out, struct err *err) {
    size_t unit[PROBES_MAX] = {0};
    *out = (struct probes){.n = 0};
    int eot = tokenizer_eot(t);
    if (eot < 0) return true; /* nothing tells where such a model's text begins and ends */
    int32_t *row = malloc((size_t)time * sizeof *row);
    bool chosen = row ? choose(c, time, row, unit, out, err)
                      : err_set(err, ERR_NOMEM, "no memory for a question");
    free(row);
    if (!chosen) return false;
    size_t cells = out->n * (size_t)out->time;
    if (cells == 0) return true;
    out->x = malloc(cells * sizeof *out->x);
    out->y = malloc(cells * sizeof *out->y);
    out->hit = malloc(cells);
    if (!out->x || !out->y || !out->hit) {
        probes_deinit(out);
        return err_set(err, ERR_NOMEM, "no memory for %zu tokens of questions", cells);
    }
    for (size_t i = 0; i < out->n; i++)
        fill(c, unit_of(c, unit[i]), eot, out->time, out->x + i * (size_t)out->time,
             out->y + i * (size_t)out->time);
    return true;
}

void probes_deinit(struct probes *p) {
    free(p->x);
    free(p->y);
    free(p->hit);
    *p = (struct probes){.n = 0};
}

static bool is_right(const int32_t *y, const uint8_t *hit, int time) {
    for (int i = 0; i < time; i++)
        if (y[i] != LOSS_IGNORE && !hit[i]) return false;
    return true;
}

double probes_accuracy(struct transformer *tf, const struct weights *w, const struct probes *p,
                       int batch) {
    size_t right = 0, time = (size_t)p->time;
    if (p->n == 0) return (double)NAN;
    for (size_t i = 0; i < p->n; i += (size_t)batch) {
        int rows = p->n - i < (size_t)batch ? (int)(p->n - i) : batch;
        transformer_loss(tf, w, p->x + i * time, p->y + i * time, rows, p->time, NULL,
                         p->hit + i * time);
    }
    for (size_t i = 0; i < p->n; i++)
        right += is_right(p->y + i * time, p->hit + i * time, p->time);
    return (double)right / (double)p->n;
}
