#include "engine/run/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool prompt_encode(struct tokenizer *t, const char *prompt, struct ids *out, struct err *err) {
    size_t n = strlen(prompt);
    while (n > 0 && prompt[n - 1] == ' ') n--;
    int eot = tokenizer_eot(t);
    if (eot >= 0 && !ids_push(out, eot, err)) return false;
    return tokenizer_encode(t, prompt, n, out, err);
}

/* Feed what the model should have read; the logits for what follows. */
static const real *feed_all(struct decoder *d, const struct weights *w, const int32_t *ids,
                            size_t n) {
    const real *logits = NULL;
    for (size_t i = 0; i < n; i++) logits = decoder_feed(d, w, ids[i]);
    return logits;
}

bool generate(const struct generate_plan *plan, const struct weights *w,
              const struct tokenizer *t, const int32_t *prompt, size_t n_prompt,
              struct ids *out, struct err *err) {
    const struct model_config *c = &w->table->config;
    size_t room = (size_t)c->context;
    struct ids text = {0}; /* prompt and what was made, for going on when the context is full */
    real *scratch = malloc((size_t)c->vocab * sizeof(real));
    bool ok = scratch != NULL;
    if (!ok) err_set(err, ERR_NOMEM, "no memory to sample from %d tokens", c->vocab);
    for (size_t i = 0; ok && i < n_prompt; i++) ok = ids_push(&text, prompt[i], err);
    if (ok && n_prompt == 0)
        ok = err_set(err, ERR_USAGE, "the prompt is empty: give some text");
    const real *logits = NULL;
    if (ok) {
        size_t from = text.n > room - 1 ? text.n - room / 2 : 0;
        decoder_reset(plan->decoder);
        logits = feed_all(plan->decoder, w, text.data + from, text.n - from);
    }
    struct sampler sampler = plan->sampler;
    for (int i = 0; ok && i < plan->tokens; i++) {
        int32_t id = sampler_choose(&sampler, logits, c->vocab, scratch, NULL);
        if (id == tokenizer_eot(t)) break;
        ok = ids_push(out, id, err) && ids_push(&text, id, err);
        if (!ok || (plan->token && !plan->token(plan->ctx, id)) || i + 1 == plan->tokens) break;
        logits = decoder_feed(plan->decoder, w, id);
        if (!logits) {
            decoder_reset(plan->decoder);
            size_t half = room / 2 > 0 ? room / 2 : 1;
            logits = feed_all(plan->decoder, w, text.data + text.n - half, half);
        }
    }
    free(scratch);
    ids_deinit(&text);
    return ok;
}

/* One window: logprob[i] for i in [first, n) of ids[0..n). */
static void score_window(struct transformer *tf, const struct weights *w, const int32_t *ids,
                         int n, int first, int32_t *targets, real *nll, double *logprob) {
    for (int i = 0; i + 1 < n; i++) targets[i] = ids[i + 1];
    transformer_loss(tf, w, ids, targets, 1, n - 1, nll, NULL);
    for (int i = first; i < n; i++) logprob[i] = -(double)nll[i - 1];
}

bool score_ids(struct transformer *tf, const struct weights *w, const int32_t *ids, size_t n,
               int context, double *logprob, struct err *err) {
    int32_t *targets = malloc((size_t)context * sizeof *targets);
    real *nll = malloc((size_t)context * sizeof *nll);
    if (!targets || !nll) {
        free(targets);
        free(nll);
        return err_set(err, ERR_NOMEM, "no memory to score %d tokens", context);
    }
    if (n > 0) logprob[0] = NAN;
    size_t scored = 1; /* ids[scored] is the next to be scored */
    while (scored < n) {
        size_t back = scored <= (size_t)context ? scored : (size_t)(context + 1) / 2;
        size_t from = scored - back, end = from + (size_t)context + 1;
        if (end > n) end = n;
        score_window(tf, w, ids + from, (int)(end - from), (int)back, targets, nll,
                     logprob + from);
        scored = end;
    }
    free(targets);
    free(nll);
    return true;
}
