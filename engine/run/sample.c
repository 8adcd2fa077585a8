#include "engine/run/sample.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/chat.h"

bool prompt_encode(struct tokenizer *t, const char *prompt, struct ids *out, struct err *err) {
    size_t n = strlen(prompt);
    while (n > 0 && prompt[n - 1] == ' ') n--;
    int eot = tokenizer_eot(t);
    if (eot >= 0 && !ids_push(out, eot, err)) return false;
    return tokenizer_encode(t, prompt, n, out, err);
}

/* Of a prompt that has n tokens. */
static bool check_fits(const char *prompt, size_t n, int context, struct err *err) {
    return (n > 0 && n < (size_t)context) ||
           err_set(err, ERR_RANGE, "the prompt \"%.60s\" has %zu tokens; 1 to %d fit", prompt,
                   n, context - 1);
}

bool prompt_encode_within(struct tokenizer *t, const char *prompt, int context, struct ids *out,
                          struct err *err) {
    size_t before = out->n;
    return prompt_encode(t, prompt, out, err) &&
           check_fits(prompt, out->n - before, context, err);
}

bool question_encode_within(struct tokenizer *t, const char *question, int context,
                            struct ids *out, struct err *err) {
    const struct chat_template *c = chat_for(t);
    struct chat_text x = {.pieces = NULL};
    size_t before = out->n;
    chat_add(&x, c, PART_USER, question, strlen(question));
    bool ok = chat_encode_question(&x, c, t, out, err) &&
              check_fits(question, out->n - before, context, err);
    chat_text_deinit(&x);
    return ok;
}

/* ---- texts side by side ---- */

enum { TOGETHER_MAX = 8 };

int generate_together(int n) { return n < 1 ? 1 : n < TOGETHER_MAX ? n : TOGETHER_MAX; }

/* A text under way, in the decoder's sequence of the same number. */
struct text {
    const struct generate_plan *plan;
    struct sampler sampler;
    struct ids ids; /* prompt and what was made, for going on when the context is full */
    size_t seen;    /* how many of them were fed */
    int left;       /* tokens still to be made */
    bool fed;       /* in this round: what follows is to be chosen */
};

struct writing {
    struct decoder *decoder;
    const struct weights *weights;
    const struct tokenizer *tokenizer; /* knows what ends a text */
    int n;
    struct text *texts;           /* [decoder's sequences] */
    struct decoder_token *tokens; /* [sequences, context] those of one feed */
    real *scratch;                /* [2 * vocab] */
};

static bool writing_init(struct writing *g, struct decoder *d, const struct weights *w,
                         const struct tokenizer *t, struct err *err) {
    const struct model_config *c = &w->table->config;
    size_t n = (size_t)decoder_sequences(d);
    *g = (struct writing){.decoder = d, .weights = w, .tokenizer = t};
    g->texts = calloc(n, sizeof *g->texts);
    g->tokens = calloc(n * (size_t)c->context, sizeof *g->tokens);
    g->scratch = malloc(2 * (size_t)c->vocab * sizeof *g->scratch);
    return (g->texts && g->tokens && g->scratch) ||
           err_set(err, ERR_NOMEM, "no memory to sample from %d tokens", c->vocab);
}

static void writing_deinit(struct writing *g) {
    free(g->texts);
    free(g->tokens);
    free(g->scratch);
}

static bool begin_texts(struct writing *g, const struct generate_plan *plans, int n,
                        struct err *err) {
    bool ok = true;
    g->n = n;
    for (int k = 0; k < n; k++) {
        const struct generate_plan *plan = &plans[k];
        g->texts[k] =
            (struct text){.plan = plan, .sampler = plan->sampler, .left = plan->tokens};
        decoder_reset(g->decoder, k);
        if (ok && plan->n_prompt == 0)
            ok = err_set(err, ERR_USAGE, "the prompt is empty: give some text");
        for (size_t i = 0; ok && i < plan->n_prompt; i++)
            ok = ids_push(&g->texts[k].ids, plan->prompt[i], err);
    }
    return ok;
}

/* Append what the decoder has not seen of text k: first the prompt, then token by token. What
 * does not fit any more begins anew with the text's last half. */
static int add_unseen(struct writing *g, int k, struct decoder_token *to) {
    struct text *x = &g->texts[k];
    size_t room = (size_t)g->weights->table->config.context, n = x->ids.n;
    if ((size_t)decoder_length(g->decoder, k) + n - x->seen > room) {
        decoder_reset(g->decoder, k);
        x->seen = n - (room + 1) / 2;
    }
    int added = 0;
    for (; x->seen < n; x->seen++)
        to[added++] = (struct decoder_token){k, x->ids.data[x->seen]};
    return added;
}

/* Choose text k's next token. */
static bool go_on(struct writing *g, int k, struct err *err) {
    struct text *x = &g->texts[k];
    int32_t id = sampler_choose(&x->sampler, decoder_logits(g->decoder, k),
                                g->weights->table->config.vocab, x->ids.data, x->ids.n,
                                g->scratch, NULL);
    x->left--;
    if (tokenizer_is_end(g->tokenizer, id)) {
        x->left = 0;
        return true;
    }
    if (!ids_push(x->plan->out, id, err) || !ids_push(&x->ids, id, err)) return false;
    if (x->plan->token && !x->plan->token(x->plan->ctx, id)) x->left = 0;
    return true;
}

/* One token for each text that is not over; *over when none is left. */
static bool write_tokens(struct writing *g, bool *over, struct err *err) {
    bool ok = true;
    int n = 0;
    for (int k = 0; k < g->n; k++) {
        g->texts[k].fed = g->texts[k].left > 0;
        if (g->texts[k].fed) n += add_unseen(g, k, g->tokens + n);
    }
    *over = n == 0;
    bool fits = decoder_feed(g->decoder, g->weights, g->tokens, n);
    assert(fits);
    (void)fits;
    for (int k = 0; ok && k < g->n; k++)
        if (g->texts[k].fed) ok = go_on(g, k, err);
    return ok;
}

bool generate(struct decoder *d, const struct weights *w, const struct tokenizer *t,
              const struct generate_plan *plans, int n, struct err *err) {
    struct writing g;
    int sequences = decoder_sequences(d);
    bool ok = writing_init(&g, d, w, t, err);
    for (int first = 0; ok && first < n; first += g.n) {
        bool over = false;
        ok = begin_texts(&g, plans + first, n - first < sequences ? n - first : sequences, err);
        while (ok && !over) ok = write_tokens(&g, &over, err);
        for (int k = 0; k < g.n; k++) ids_deinit(&g.texts[k].ids);
    }
    writing_deinit(&g);
    return ok;
}

bool answer_prompts(struct decoder *d, const struct weights *w, const struct tokenizer *t,
                    struct prompt_answer *const *answers, int n, int tokens, int context,
                    struct err *err) {
    struct generate_plan plans[TOGETHER_MAX];
    bool ok = true;
    for (int first = 0, some; ok && first < n; first += some) {
        some = generate_together(n - first);
        for (int k = 0; k < some; k++) {
            struct prompt_answer *a = answers[first + k];
            int room = context - (int)a->ids.n;
            a->n_prompt = a->ids.n;
            plans[k] = (struct generate_plan){.prompt = a->ids.data,
                                              .n_prompt = a->n_prompt,
                                              .tokens = tokens < room ? tokens : room,
                                              .sampler = a->sampler,
                                              .out = &a->ids};
        }
        ok = generate(d, w, t, plans, some, err);
    }
    return ok;
}

/* ---- opinions ---- */

/* One window: logprob[i] for i in [first, n) of ids[0..n). */
static void score_window(struct transformer *tf, const struct weights *w, const int32_t *ids,
                         int n, int first, int32_t *targets, real *nll, double *logprob) {
    for (int i = 0; i + 1 < n; i++) targets[i] = ids[i + 1];
    transformer_loss(tf, w, ids, targets, 1, n - 1, nll, NULL);
    for (int i = first; i < n; i++) logprob[i] = -(double)nll[i - 1];
}

bool score_ids(struct transformer *tf, const struct weights *w, const int32_t *ids, size_t n,
               int context, double *logprob, void (*tell)(void *ctx, double share), void *ctx,
               struct err *err) {
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
        if (tell) tell(ctx, (double)scored / (double)n);
    }
    free(targets);
    free(nll);
    return true;
}
