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

bool prompt_encode_within(struct tokenizer *t, const char *prompt, int context, struct ids *out,
                          struct err *err) {
    size_t before = out->n;
    if (!prompt_encode(t, prompt, out, err)) return false;
    size_t n = out->n - before;
    return (n > 0 && n < (size_t)context) ||
           err_set(err, ERR_RANGE, "the prompt \"%.60s\" has %zu tokens; 1 to %d fit", prompt,
                   n, context - 1);
}

/* Begin anew with the text so far, or its last half when it is longer than the context; the
 * logits for what follows. */
static const real *feed_text(struct decoder *d, const struct weights *w,
                             const struct ids *text) {
    size_t room = (size_t)w->table->config.context, half = (room + 1) / 2;
    const real *logits = NULL;
    decoder_reset(d);
    for (size_t i = text->n > room ? text->n - half : 0; i < text->n; i++)
        logits = decoder_feed(d, w, text->data[i]);
    return logits;
}

bool generate(const struct generate_plan *plan, const struct weights *w,
              const struct tokenizer *t, const int32_t *prompt, size_t n_prompt,
              struct ids *out, struct err *err) {
    int vocab = w->table->config.vocab;
    struct ids text = {0}; /* prompt and what was made, for going on when the context is full */
    struct sampler sampler = plan->sampler;
    real *scratch = malloc((size_t)vocab * sizeof *scratch);
    bool ok = scratch || err_set(err, ERR_NOMEM, "no memory to sample from %d tokens", vocab);
    if (ok && n_prompt == 0)
        ok = err_set(err, ERR_USAGE, "the prompt is empty: give some text");
    for (size_t i = 0; ok && i < n_prompt; i++) ok = ids_push(&text, prompt[i], err);
    const real *logits = ok ? feed_text(plan->decoder, w, &text) : NULL;
    for (int i = 0; ok && i < plan->tokens; i++) {
        int32_t id = sampler_choose(&sampler, logits, vocab, scratch, NULL);
        if (id == tokenizer_eot(t)) break;
        ok = ids_push(out, id, err) && ids_push(&text, id, err);
        if (!ok || (plan->token && !plan->token(plan->ctx, id)) || i + 1 == plan->tokens) break;
        logits = decoder_feed(plan->decoder, w, id);
        if (!logits) logits = feed_text(plan->decoder, w, &text);
    }
    free(scratch);
    ids_deinit(&text);
    return ok;
}

bool answer_prompt(const struct generate_plan *plan, const struct weights *w,
                   struct tokenizer *t, const char *prompt, int context, struct ids *ids,
                   size_t *n_prompt, struct err *err) {
    if (!prompt_encode_within(t, prompt, context, ids, err)) return false;
    struct generate_plan fitting = *plan;
    int room = context - (int)ids->n;
    if (fitting.tokens > room) fitting.tokens = room;
    *n_prompt = ids->n;
    return generate(&fitting, w, t, ids->data, ids->n, ids, err);
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
