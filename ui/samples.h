/* samples.h - what base and tuned model said: for every prompt the newest text of either side.
 */
#ifndef THAW_UI_SAMPLES_H
#define THAW_UI_SAMPLES_H
#include "engine/run/event.h"

/* A sample kept: the event's values with memory of their own. */
struct sample {
    bool made;
    int64_t step;
    char weights[40];
    uint64_t seed;
    double temperature, mean_gain, kl; /* NaN: none */
    struct event_token *tokens;
    int n_tokens;
    void *memory; /* of the tokens and their texts, one block */
    char *text;   /* the tokens' texts joined; lies in memory */
};

struct sample_pair {
    char *prompt;
    bool own; /* asked for by hand */
    struct sample base, tuned;
};

struct samples {
    struct sample_pair *pairs; /* those of the config first, in its order */
    int n, n_configured;
    int newest;  /* pair of the newest sample; -1: none */
    bool failed; /* memory ran out once */
};

enum { SAMPLES_OWN_MAX = 64 }; /* older ones make room */

void samples_init(struct samples *s);
void samples_deinit(struct samples *s);
void samples_plan(struct samples *s, const char *const *prompts, int n);
void samples_add(struct samples *s, const struct event_sample *e, int64_t step);
/* Make `to` (empty) the same. False when memory is out. */
bool samples_copy(struct samples *to, const struct samples *from);
/* The pair of a prompt asked for by hand; -1: none. */
int samples_find_own(const struct samples *s, const char *prompt);
#endif
