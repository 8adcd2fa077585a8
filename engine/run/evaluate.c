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

/* Bytes of text that the predicted tokens stand for, a token on average. */
static double mean_bytes(const struct tokenizer *t, const int32_t *y, size_t n) {
    double bytes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        tokenizer_bytes(t, y[i], &len);
        bytes += tokenizer_is_special(t, y[i]) ? 1.0 : (double)len;
    }
    return bytes > 0 ? bytes / (double)n : 1.0;
}

bool eval_windows_make(const struct corpus *c, const struct tokenizer *t, int context,
                       int64_t max_tokens, const char *name, struct eval_windows *out,
                       struct err *err) {
    *out = (struct eval_windows){0};
    if (c->n_tokens < 2)
        return err_set(err, ERR_RANGE, "%s: held-out text has %zu token%s, too few to score",
                       name, c->n_tokens, c->n_tokens == 1 ? "" : "s");
    int time = c->n_tokens - 1 < (size_t)context ? (int)(c->n_tokens - 1) : context;
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

struct event_score evaluate(struct transformer *tf, const struct weights *w,
                            const struct eval_windows *e, int batch) {
    double sum = 0;
    for (size_t i = 0; i < e->n; i += (size_t)batch) {
        int rows = e->n - i < (size_t)batch ? (int)(e->n - i) : batch;
        size_t at = i * (size_t)e->time;
        sum += rows * transformer_loss(tf, w, e->x + at, e->y + at, rows, e->time, NULL, NULL);
    }
    return score_of(sum / (double)e->n, e->bytes_per_token,
                    probes_accuracy(tf, w, &e->probes, batch));
}
