#include "engine/run/probes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/bytes_map.h"
#include "engine/nn/op_loss.h"
#include "engine/run/sample.h"

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
                       int batch, void (*tell)(void *ctx, double share), void *ctx) {
    size_t right = 0, time = (size_t)p->time;
    if (p->n == 0) return (double)NAN;
    for (size_t i = 0; i < p->n; i += (size_t)batch) {
        int rows = p->n - i < (size_t)batch ? (int)(p->n - i) : batch;
        transformer_loss(tf, w, p->x + i * time, p->y + i * time, rows, p->time, NULL,
                         p->hit + i * time);
        if (tell) tell(ctx, (double)(i + (size_t)rows) / (double)p->n);
    }
    for (size_t i = 0; i < p->n; i++)
        right += is_right(p->y + i * time, p->hit + i * time, p->time);
    return (double)right / (double)p->n;
}

/* ---- answers as they are written ---- */

static void put_text(const struct tokenizer *t, const int32_t *ids, size_t n, struct buf *out) {
    for (size_t i = 0; i < n && !tokenizer_is_end(t, ids[i]); i++) {
        size_t bytes;
        const char *text = tokenizer_bytes(t, ids[i], &bytes);
        buf_add(out, text, bytes);
    }
}

/* Where a row's answer is: its first prediction, and how many there are. */
static size_t find_answer(const struct probes *p, size_t row, size_t *n) {
    const int32_t *y = p->y + row * (size_t)p->time;
    size_t time = (size_t)p->time, first = 0;
    while (first < time && y[first] == LOSS_IGNORE) first++;
    for (*n = 0; first + *n < time && y[first + *n] != LOSS_IGNORE;) ++*n;
    return first;
}

static bool compare(const struct tokenizer *t, const struct ids *written, const int32_t *right,
                    size_t n, struct chrf *out, struct err *err) {
    struct buf is = {0}, wanted = {0};
    put_text(t, written->data, written->n, &is);
    put_text(t, right, n, &wanted);
    bool ok = (!is.failed && !wanted.failed) ||
              err_set(err, ERR_NOMEM, "no memory for the text of an answer");
    ok = ok && chrf_add(out, is.data, is.len, wanted.data, wanted.len, err);
    buf_deinit(&is);
    buf_deinit(&wanted);
    return ok;
}

bool probes_write(struct decoder *d, const struct weights *w, const struct tokenizer *t,
                  const struct probes *p, struct chrf *out, struct err *err) {
    struct generate_plan plans[PROBES_MAX];
    struct ids written[PROBES_MAX];
    size_t first[PROBES_MAX], n[PROBES_MAX];
    memset(written, 0, sizeof written);
    for (size_t i = 0; i < p->n; i++) {
        first[i] = find_answer(p, i, &n[i]);
        plans[i] = (struct generate_plan){.prompt = p->x + i * (size_t)p->time,
                                          .n_prompt = first[i] + 1,
                                          .tokens = p->time - (int)first[i],
                                          .out = &written[i]};
    }
    bool ok = generate(d, w, t, plans, (int)p->n, err);
    for (size_t i = 0; i < p->n; i++) {
        const int32_t *right = p->y + i * (size_t)p->time + first[i];
        ok = ok && compare(t, &written[i], right, n[i], out, err);
        ids_deinit(&written[i]);
    }
    return ok;
}
