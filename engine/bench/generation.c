/* generation.c - tokens with the cache of keys and values, against copying what they read. */
#include <math.h>
#include <stdlib.h>

#include "engine/bench/parts.h"
#include "engine/core/clock.h"
#include "engine/model/decode.h"

enum { ROUND_TOKENS = 64 };

struct speaker {
    struct bench_model model;
    struct decoder *decoder;
    struct arena *memory;
    real *scratch;   /* [2 * vocab] */
    real *from, *to; /* [copied] halves of as many bytes as a token reads */
    size_t copied;   /* reals */
    int32_t token;
};

/* Weights that a token reads: all but the lookup's rows of other tokens and positions. */
static uint64_t weights_read(const struct param_table *t) {
    const struct model_config *c = &t->config;
    uint64_t embedding = t->groups[0].parameters,
             head = (uint64_t)c->vocab * (uint64_t)c->width;
    uint64_t rows = family_traits[c->family].rotary ? 1 : 2;
    return t->parameters - embedding + (c->tied ? head : 0) + rows * (uint64_t)c->width;
}

static bool take_copies(struct speaker *s, struct err *err) {
    size_t vocab = (size_t)s->model.table.config.vocab;
    s->copied = weights_read(&s->model.table) / 2;
    s->memory = arena_create(
        arena_round(2 * vocab * sizeof(real)) + 2 * arena_round(s->copied * sizeof(real)), err);
    if (!s->memory) return false;
    s->scratch = arena_take_reals(s->memory, 2 * vocab, err);
    s->from = arena_take_reals(s->memory, s->copied, err);
    s->to = arena_take_reals(s->memory, s->copied, err);
    return s->scratch && s->from && s->to;
}

static bool speaker_init(struct speaker *s, const struct bench_options *o, struct err *err) {
    if (!bench_model_init(&s->model, o, err)) return false;
    const struct param_table *t = &s->model.table;
    double reals = (double)t->parameters + (double)weights_read(t);
    return bench_fits(reals * sizeof(real) + (double)decoder_bytes(&o->config, 1), err) &&
           bench_model_fill(&s->model, err) && take_copies(s, err) &&
           (s->decoder = decoder_create(t, 1, &s->model.ex, err));
}

static void speaker_deinit(struct speaker *s) {
    arena_destroy(s->memory);
    decoder_destroy(s->decoder);
    bench_model_deinit(&s->model);
}

/* Seconds a token, over `n` of them; a full context begins anew. */
static double speak(struct speaker *s, int n) {
    struct sampler likeliest = {.temperature = 0};
    int context = s->model.table.config.context, vocab = s->model.table.config.vocab;
    double start = clock_now();
    for (int i = 0; i < n; i++) {
        struct decoder_token token = {.sequence = 0, .id = s->token};
        if (decoder_length(s->decoder, 0) == context) decoder_reset(s->decoder, 0);
        decoder_feed(s->decoder, &s->model.w, &token, 1);
        s->token = sampler_choose(&likeliest, decoder_logits(s->decoder, 0), vocab, NULL, 0,
                                  s->scratch, NULL);
    }
    return (clock_now() - start) / n;
}

static double copy(struct speaker *s) {
    double start = clock_now();
    limits_copy(&s->model.ex, s->to, s->from, s->copied);
    return clock_now() - start;
}

static bool measure(struct speaker *s, const struct bench_options *o, struct bench_decode *out,
                    struct err *err) {
    int context = o->config.context, tokens = context < ROUND_TOKENS ? context : ROUND_TOKENS;
    speak(s, tokens);
    out->peak_rss_bytes = rounds_peak_rss();
    for (size_t i = 0; i < s->copied; i++) s->from[i] = R(1.0);
    copy(s);
    double start = clock_now();
    speak(s, tokens);
    copy(s);
    int n = out->iters = rounds_for(o, clock_now() - start);
    double *times = calloc(2 * (size_t)n, sizeof *times);
    if (!times) return err_set(err, ERR_NOMEM, "not enough memory for %d times", n);
    for (int i = 0; i < n; i++) {
        rounds_tell(o, i, n);
        times[i] = speak(s, tokens);
        times[n + i] = copy(s);
    }
    rounds_tell(o, n, n);
    out->token = rounds_sum_up(times, n);
    out->copy_bytes_per_s =
        2.0 * sizeof(real) * (double)s->copied / rounds_sum_up(times + n, n).median;
    free(times);
    return true;
}

bool bench_decode(const struct bench_options *o, struct bench_decode *out, struct err *err) {
    struct speaker s = {.decoder = NULL};
    *out = (struct bench_decode){.iters = 0};
    bool ok = speaker_init(&s, o, err) && measure(&s, o, out, err);
    if (ok) {
        out->threads = pool_threads(s.model.ex.pool);
        out->parameters = s.model.table.parameters;
        out->weights_bytes = sizeof(real) * weights_read(&s.model.table);
    }
    speaker_deinit(&s);
    return ok;
}
