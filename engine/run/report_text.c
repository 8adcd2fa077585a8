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

/* What to write: all sides get the same seed, so they differ only by their weights. */
struct request {
    const char *prompt;
    int index; /* of the example's prompts; -1: asked for by hand */
    uint64_t seed;
    double temperature;
    bool base_too, third_too;
    struct prompt_answer base, tuned, third;
};

enum side { SIDE_BASE, SIDE_TUNED, SIDE_THIRD };

bool report_encode(struct trainer *t, const char *prompt, struct ids *out, struct err *err) {
    return t->settings->compare.chat
               ? question_encode_within(t->tokenizer, prompt, t->time, out, err)
               : prompt_encode_within(t->tokenizer, prompt, t->time, out, err);
}

/* All sides of a request before they are written: the prompt. */
static bool begin_request(struct trainer *t, struct request *r, struct err *err) {
    struct sampler sampler = {.temperature = r->temperature,
                              .top_k = t->settings->compare.top_k,
                              .rng = rng_make(t->settings->seed, SAMPLER_STREAM, r->seed)};
    r->base = r->tuned = r->third = (struct prompt_answer){.sampler = sampler};
    return report_encode(t, r->prompt, &r->tuned.ids, err) &&
           report_encode(t, r->prompt, &r->base.ids, err) &&
           report_encode(t, r->prompt, &r->third.ids, err);
}

static void end_request(struct request *r) {
    ids_deinit(&r->base.ids);
    ids_deinit(&r->tuned.ids);
    ids_deinit(&r->third.ids);
}

/* The answer of a side; NULL where it is not wanted. */
static struct prompt_answer *answer_of(struct request *r, enum side side) {
    switch (side) {
    case SIDE_BASE:
        return r->base_too ? &r->base : NULL;
    case SIDE_TUNED:
        return &r->tuned;
    case SIDE_THIRD:
        return r->third_too ? &r->third : NULL;
    }
    return NULL;
}

static struct compared model_of(const struct trainer *t, enum side side) {
    switch (side) {
    case SIDE_BASE:
        return (struct compared){t->transformer, t->has_base ? &t->base : NULL};
    case SIDE_TUNED:
        return (struct compared){t->transformer, &t->weights};
    case SIDE_THIRD:
        return (struct compared){t->third.transformer, &t->third.model.weights};
    }
    return (struct compared){NULL, NULL};
}

/* One side of all requests at once, so that its weights are read once a token for all of them.
 * Returns how many want it in *some. */
static bool write_side(struct trainer *t, enum side side, struct request *requests, int n,
                       int *some, struct err *err) {
    struct prompt_answer *answers[PROMPTS_MAX];
    *some = 0;
    for (int i = 0; i < n; i++) {
        struct prompt_answer *a = answer_of(&requests[i], side);
        if (a) answers[(*some)++] = a;
    }
    return answer_prompts(side == SIDE_THIRD ? t->third.decoder : t->decoder,
                          model_of(t, side).weights, t->tokenizer, answers, *some,
                          t->settings->compare.tokens, t->time, err);
}

/* Tell the log what a side answered; of any but the base, with what the base thinks of it. */
static bool tell(struct trainer *t, struct request *r, enum side side, const char *fingerprint,
                 struct err *err) {
    const struct prompt_answer *a = answer_of(r, side);
    const char *names[] = {"base", "tuned", t->third.name};
    struct compared nobody = {NULL, NULL};
    struct comparison c;
    if (!compare_ids(model_of(t, side), side == SIDE_BASE ? nobody : model_of(t, SIDE_BASE),
                     t->tokenizer, a->ids.data, a->n_prompt, a->ids.n, &c, err))
        return false;
    struct event e = {.type = EVENT_SAMPLE,
                      .step = t->state.step,
                      .sample = {.prompt = r->prompt,
                                 .side = names[side],
                                 .weights = fingerprint,
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

/* Write and tell one side of all requests; the first failure ends it. The weights' fingerprint
 * is made where somebody wants it: it reads all of them. */
static bool tell_side(struct trainer *t, enum side side, struct request *requests, int n,
                      struct err *err) {
    char fingerprint[20];
    int some = 0;
    if (!write_side(t, side, requests, n, &some, err)) return false;
    if (some == 0) return true;
    if (side == SIDE_THIRD) memcpy(fingerprint, t->third.fingerprint, sizeof fingerprint);
    else
        snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64,
                 weights_fingerprint(model_of(t, side).weights));
    bool ok = true;
    for (int i = 0; ok && i < n; i++)
        ok = !answer_of(&requests[i], side) || tell(t, &requests[i], side, fingerprint, err);
    return ok;
}

/* Between two steps gradients mean nothing: their memory makes room for a base that is aside.
 */
static bool tell_all(struct trainer *t, struct request *requests, int n, struct err *err) {
    if (t->base.shelf) weights_forget(&t->grads);
    return tell_side(t, SIDE_BASE, requests, n, err) &&
           tell_side(t, SIDE_THIRD, requests, n, err) &&
           tell_side(t, SIDE_TUNED, requests, n, err);
}

void report_prompts(struct trainer *t, int first, int n) {
    double start = clock_now();
    struct request requests[PROMPTS_MAX];
    struct err err = {0};
    bool ok = true;
    for (int i = 0; i < n; i++) {
        requests[i] =
            (struct request){.prompt = t->settings->compare.prompts.text[first + i],
                             .index = first + i,
                             .seed = (uint64_t)(first + i),
                             .temperature = t->settings->compare.temperature,
                             .base_too = t->has_base && !t->base_told[first + i],
                             .third_too = t->third.there && !t->third.told[first + i]};
        ok = ok && begin_request(t, &requests[i], &err);
    }
    ok = ok && tell_all(t, requests, n, &err);
    if (!ok) report_problem(t, false, err.msg);
    for (int i = 0; i < n; i++) {
        t->base_told[first + i] |= ok && requests[i].base_too;
        t->third.told[first + i] |= ok && requests[i].third_too;
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
                        .base_too = t->has_base,
                        .third_too = t->third.there};
    bool ok = begin_request(t, &r, err) && tell_all(t, &r, 1, err);
    end_request(&r);
    return ok;
}
