#include "engine/run/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct event_score score_of(double loss, double bytes_per_token, double accuracy) {
    return (struct event_score){.loss = loss,
                                .bits_per_byte = loss / log(2.0) / bytes_per_token,
                                .perplexity = exp(loss),
                                .accuracy = accuracy};
}

/* Bytes of text that the predicted tokens stand for, a token that counts on average. */
static double mean_bytes(const struct tokenizer *t, const int32_t *y, size_t n) {
    double bytes = 0, counted = (double)targets_counted(y, n);
    for (size_t i = 0; i < n; i++) {
        size_t len = 0; /* stays 0 where nothing is to be predicted */
        tokenizer_bytes(t, y[i], &len);
        bytes += tokenizer_is_special(t, y[i]) ? 1.0 : (double)len;
    }
    return bytes > 0 ? bytes / counted : 1.0;
}

/* Tokens of the longest window that the corpus could make. */
static size_t longest_window(const struct corpus *c) {
    size_t longest = 0;
    for (size_t i = 0; c->alone && i < c->n_units; i++) {
        size_t n = c->starts[i + 1] - c->starts[i];
        if (n > longest) longest = n;
    }
    return (c->alone ? longest : c->n_tokens) - 1;
}

bool eval_windows_make(const struct corpus *c, const struct tokenizer *t, int context,
                       int64_t max_tokens, const char *name, struct eval_windows *out,
                       struct err *err) {
    *out = (struct eval_windows){0};
    size_t longest = c->n_tokens > 0 ? longest_window(c) : 0;
    if (longest < 1)
        return err_set(err, ERR_RANGE, "%s: held-out text has %zu token%s, too few to score",
                       name, c->n_tokens, c->n_tokens == 1 ? "" : "s");
    int time = longest < (size_t)context ? (int)longest : context;
    /* Seed 0, stage 0, epoch 0 of the batcher: an order by hash, the same for every run. */
    struct batcher_plan plan = {.batch = 1, .context = time, .data = c};
    struct batcher *b = batcher_create(&plan, err);
    if (!b) return err_prefix(err, "%s", name);
    size_t n = batcher_windows(b);
    size_t most = max_tokens > 0 ? (size_t)(max_tokens / time) : n;
    if (n > most) n = most > 0 ? most : 1;
    size_t cells = n * (size_t)time;
    *out = (struct eval_windows){.x = malloc(cells * sizeof(int32_t)),
                                 .y = malloc(cells * sizeof(int32_t)),
                                 .n = n,
                                 .time = time};
    if (!out->x || !out->y) {
        eval_windows_deinit(out);
        batcher_destroy(b);
        return err_set(err, ERR_NOMEM, "%s: no memory for %zu held-out tokens", name, cells);
    }
    for (size_t i = 0; i < n; i++)
        batcher_fill(b, (int64_t)i, out->x + i * (size_t)time, out->y + i * (size_t)time, NULL);
    out->bytes_per_token = mean_bytes(t, out->y, cells);
    batcher_destroy(b);
    if (probes_make(c, t, time, &out->probes, err)) return true;
    eval_windows_deinit(out);
    return err_prefix(err, "%s", name);
}

void eval_windows_deinit(struct eval_windows *w) {
    free(w->x);
    free(w->y);
    probes_deinit(&w->probes);
    *w = (struct eval_windows){0};
}

/* A part of the work tells of the whole. */
struct told_part {
    void (*tell)(void *ctx, double share);
    void *ctx;
    double before, part; /* as shares of the whole */
};

static void tell_part(void *ctx, double share) {
    const struct told_part *p = ctx;
    if (p->tell) p->tell(p->ctx, p->before + p->part * share);
}

struct event_score evaluate(struct transformer *tf, const struct weights *w,
                            const struct eval_windows *e, int batch,
                            void (*tell)(void *ctx, double share), void *ctx) {
    double sum = 0, time = e->time;
    double all = (double)targets_counted(e->y, e->n * (size_t)e->time) / time; /* in windows */
    double text = (double)e->n / (double)(e->n + e->probes.n);
    struct told_part windows = {tell, ctx, 0, text}, questions = {tell, ctx, text, 1 - text};
    for (size_t i = 0; i < e->n; i += (size_t)batch) {
        int rows = e->n - i < (size_t)batch ? (int)(e->n - i) : batch;
        size_t at = i * (size_t)e->time;
        double counted = (double)targets_counted(e->y + at, (size_t)rows * (size_t)e->time);
        sum += counted / time *
               transformer_loss(tf, w, e->x + at, e->y + at, rows, e->time, NULL, NULL);
        tell_part(&windows, (double)(i + (size_t)rows) / (double)e->n);
    }
    double accuracy = probes_accuracy(tf, w, &e->probes, batch, tell_part, &questions);
    return score_of(sum / all, e->bytes_per_token, accuracy);
}
