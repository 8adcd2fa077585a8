/* report_text.c - what the models write: the example's prompts, and prompts asked for by hand.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/run/comparison.h"
#include "engine/run/sample.h"
#include "engine/run/trainer.h"

enum { SAMPLER_STREAM = 0x73616d70 }; /* keeps these random numbers apart from the data's */

/* What to write: both sides get the same seed, so they differ only by their weights. */
struct request {
    const char *prompt;
    int index; /* of the example's prompts; -1: asked for by hand */
    uint64_t seed;
    double temperature;
    bool base_too;
    struct prompt_answer base, tuned;
};

/* Both sides of a request before they are written: the prompt. */
static bool begin_request(struct trainer *t, struct request *r, struct err *err) {
    struct sampler sampler = {.temperature = r->temperature,
                              .top_k = t->settings->compare.top_k,
                              .rng = rng_make(t->settings->seed, SAMPLER_STREAM, r->seed)};
    r->base = r->tuned = (struct prompt_answer){.sampler = sampler};
    return prompt_encode_within(t->tokenizer, r->prompt, t->time, &r->tuned.ids, err) &&
           prompt_encode_within(t->tokenizer, r->prompt, t->time, &r->base.ids, err);
}

static void end_request(struct request *r) {
    ids_deinit(&r->base.ids);
    ids_deinit(&r->tuned.ids);
}

/* One side of all requests at once, so that its weights are read once a token for all of them.
 */
static bool write_side(struct trainer *t, const struct weights *w, struct request *requests,
                       int n, bool base, struct err *err) {
    struct prompt_answer *answers[PROMPTS_MAX];
    int some = 0;
    for (int i = 0; i < n; i++)
        if (!base || requests[i].base_too)
            answers[some++] = base ? &requests[i].base : &requests[i].tuned;
    return answer_prompts(t->decoder, w, t->tokenizer, answers, some,
                          t->settings->compare.tokens, t->time, err);
}

/* Weights as the log names them. */
struct fingerprint {
    char text[20];
};

static struct fingerprint fingerprint_of(const struct weights *w) {
    struct fingerprint f;
    snprintf(f.text, sizeof f.text, "%016" PRIx64, weights_fingerprint(w));
    return f;
}

/* Tell the log what `w` answered, with what `other` (NULL: nobody) thinks of it. */
static bool tell(struct trainer *t, const struct request *r, const char *side,
                 const struct weights *w, const struct weights *other,
                 const struct fingerprint *fingerprint, const struct prompt_answer *a,
                 struct err *err) {
    struct comparison c;
    if (!compare_ids(t->transformer, w, other, t->tokenizer, a->ids.data, a->n_prompt, a->ids.n,
                     &c, err))
        return false;
    struct event e = {.type = EVENT_SAMPLE,
                      .step = t->state.step,
                      .sample = {.prompt = r->prompt,
                                 .side = side,
                                 .weights = fingerprint->text,
                                 .seed = r->seed,
                                 .temperature = r->temperature,
                                 .index = r->index,
                                 .tokens = c.tokens,
                                 .n_tokens = c.n,
                                 .mean_gain = c.mean_gain,
                                 .kl = c.kl}};
    event_log_put(t->log, &e, NULL);
    comparison_deinit(&c);
    return true;
}

/* Write and tell all requests; the first failure ends it. */
static bool tell_all(struct trainer *t, struct request *requests, int n, struct err *err) {
    struct fingerprint base = {""}, tuned = fingerprint_of(&t->weights);
    bool any_base = false, ok = true;
    for (int i = 0; i < n; i++) any_base = any_base || requests[i].base_too;
    if (any_base) {
        base = fingerprint_of(&t->base);
        ok = write_side(t, &t->base, requests, n, true, err);
    }
    ok = ok && write_side(t, &t->weights, requests, n, false, err);
    for (int i = 0; ok && i < n; i++) {
        struct request *r = &requests[i];
        ok = (!r->base_too || tell(t, r, "base", &t->base, NULL, &base, &r->base, err)) &&
             tell(t, r, "tuned", &t->weights, t->has_base ? &t->base : NULL, &tuned, &r->tuned,
                  err);
    }
    return ok;
}

void report_prompts(struct trainer *t, int first, int n) {
    double start = clock_now();
    struct request requests[PROMPTS_MAX];
    struct err err = {0};
    bool ok = true;
    for (int i = 0; i < n; i++) {
        requests[i] = (struct request){.prompt = t->settings->compare.prompts.text[first + i],
                                       .index = first + i,
                                       .seed = (uint64_t)(first + i),
                                       .temperature = t->settings->compare.temperature,
                                       .base_too = t->has_base && !t->base_told[first + i]};
        ok = ok && begin_request(t, &requests[i], &err);
    }
    ok = ok && tell_all(t, requests, n, &err);
    if (!ok) report_problem(t, false, err.msg);
    for (int i = 0; i < n; i++) {
        t->base_told[first + i] |= ok && requests[i].base_too;
        end_request(&requests[i]);
    }
    t->sampling_s += clock_now() - start;
}

bool report_asked(struct trainer *t, const struct command *c, struct err *err) {
    struct request r = {.prompt = c->text,
                        .index = -1,
                        .seed = c->has_seed ? c->seed : 0,
                        .temperature = c->has_temperature ? c->temperature
                                                          : t->settings->compare.temperature,
                        .base_too = t->has_base};
    bool ok = begin_request(t, &r, err) && tell_all(t, &r, 1, err);
    end_request(&r);
    return ok;
}
