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

/* One text to be made: both sides get the same seed, so they differ only by their weights. */
struct request {
    const char *prompt;
    int index; /* of the example's prompts; -1: asked for by hand */
    uint64_t seed;
    double temperature;
};

static bool write_text(struct trainer *t, const struct weights *w, const struct request *r,
                       struct ids *ids, size_t *n_prompt, struct err *err) {
    struct generate_plan plan = {
        .tokens = t->settings->compare.tokens,
        .sampler = {.temperature = r->temperature,
                    .top_k = t->settings->compare.top_k,
                    .rng = rng_make(t->settings->seed, SAMPLER_STREAM, r->seed)},
        .decoder = t->decoder};
    ids->n = 0;
    return answer_prompt(&plan, w, t->tokenizer, r->prompt, t->time, ids, n_prompt, err);
}

/* Tell the log what `w` wrote, with what `other` (NULL: nobody) thinks of it. */
static bool tell(struct trainer *t, const struct request *r, const char *side,
                 const struct weights *w, const struct weights *other, const struct ids *ids,
                 size_t n_prompt, struct err *err) {
    struct comparison c;
    if (!compare_ids(t->transformer, w, other, t->tokenizer, ids->data, n_prompt, ids->n, &c,
                     err))
        return false;
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, weights_fingerprint(w));
    struct event e = {.type = EVENT_SAMPLE,
                      .step = t->state.step,
                      .sample = {.prompt = r->prompt,
                                 .side = side,
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

static bool tell_both(struct trainer *t, const struct request *r, bool base_too,
                      struct err *err) {
    struct ids ids = {0};
    size_t n_prompt = 0;
    bool ok = true;
    if (base_too)
        ok = write_text(t, &t->base, r, &ids, &n_prompt, err) &&
             tell(t, r, "base", &t->base, NULL, &ids, n_prompt, err);
    ok = ok && write_text(t, &t->weights, r, &ids, &n_prompt, err) &&
         tell(t, r, "tuned", &t->weights, t->has_base ? &t->base : NULL, &ids, n_prompt, err);
    ids_deinit(&ids);
    return ok;
}

void report_prompt(struct trainer *t, int prompt) {
    double start = clock_now();
    struct request r = {.prompt = t->settings->compare.prompts.text[prompt],
                        .index = prompt,
                        .seed = (uint64_t)prompt,
                        .temperature = t->settings->compare.temperature};
    struct err err = {0};
    bool base_too = t->has_base && !t->base_told[prompt];
    if (tell_both(t, &r, base_too, &err)) t->base_told[prompt] |= base_too;
    else report_problem(t, false, err.msg);
    t->sampling_s += clock_now() - start;
}

bool report_asked(struct trainer *t, const struct command *c, struct err *err) {
    struct request r = {.prompt = c->text,
                        .index = -1,
                        .seed = c->has_seed ? c->seed : 0,
                        .temperature = c->has_temperature ? c->temperature
                                                          : t->settings->compare.temperature};
    return tell_both(t, &r, t->has_base, err);
}
