#include "ui/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sample_clear(struct sample *s) {
    free(s->memory);
    *s = (struct sample){0};
}

static void pair_clear(struct sample_pair *p) {
    free(p->prompt);
    sample_clear(&p->base);
    sample_clear(&p->tuned);
    *p = (struct sample_pair){0};
}

void samples_init(struct samples *s) { *s = (struct samples){.newest = -1}; }

void samples_deinit(struct samples *s) {
    for (int i = 0; i < s->n; i++) pair_clear(&s->pairs[i]);
    free(s->pairs);
    samples_init(s);
}

/* Put an empty pair at `at`; -1 when memory is out. */
static int insert_pair(struct samples *s, int at, const char *prompt, bool own) {
    struct sample_pair *pairs = realloc(s->pairs, (size_t)(s->n + 1) * sizeof *pairs);
    if (pairs) s->pairs = pairs;
    char *copy = pairs ? strdup(prompt) : NULL;
    if (!copy) {
        s->failed = true;
        return -1;
    }
    memmove(&pairs[at + 1], &pairs[at], (size_t)(s->n - at) * sizeof *pairs);
    pairs[at] = (struct sample_pair){.prompt = copy, .own = own};
    s->n++;
    if (s->newest >= at) s->newest++;
    return at;
}

/* A resumed run tells its plan again: what is known already stays. */
void samples_plan(struct samples *s, const char *const *prompts, int n) {
    for (int i = 0; i < n; i++) {
        if (i < s->n_configured) {
            if (strcmp(s->pairs[i].prompt, prompts[i]) == 0) continue;
            char *copy = strdup(prompts[i]);
            s->failed |= copy == NULL;
            if (!copy) return;
            pair_clear(&s->pairs[i]);
            s->pairs[i].prompt = copy;
        } else if (insert_pair(s, i, prompts[i], false) >= 0) {
            s->n_configured++;
        }
    }
}

int samples_find_own(const struct samples *s, const char *prompt) {
    for (int i = s->n_configured; i < s->n; i++)
        if (strcmp(s->pairs[i].prompt, prompt) == 0) return i;
    return -1;
}

static int pair_for(struct samples *s, const struct event_sample *e) {
    if (e->index >= 0 && e->index < s->n_configured) return e->index;
    int at = samples_find_own(s, e->prompt);
    if (at >= 0) return at;
    if (s->n - s->n_configured >= SAMPLES_OWN_MAX) {
        at = s->n_configured;
        pair_clear(&s->pairs[at]);
        memmove(&s->pairs[at], &s->pairs[at + 1], (size_t)(s->n - at - 1) * sizeof *s->pairs);
        s->n--;
        if (s->newest == at) s->newest = -1;
        if (s->newest > at) s->newest--;
    }
    return insert_pair(s, s->n, e->prompt, true);
}

/* --- a deep copy into one block: tokens, then tops, then texts */

struct block {
    struct event_top *tops;
    char *texts, *joined;
};

static size_t text_bytes(const struct event_sample *e, size_t *n_tops) {
    size_t bytes = 0;
    *n_tops = 0;
    for (int i = 0; i < e->n_tokens; i++) {
        const struct event_token *t = &e->tokens[i];
        bytes += 2 * strlen(t->text) + 1; /* once by itself, once in the joined text */
        for (int k = 0; k < t->n_top; k++) bytes += strlen(t->top[k].text) + 1;
        for (int k = 0; k < t->n_base_top; k++) bytes += strlen(t->base_top[k].text) + 1;
        *n_tops += (size_t)t->n_top + (size_t)t->n_base_top;
    }
    return bytes + 1;
}

static char *keep_text(struct block *b, const char *text) {
    size_t n = strlen(text) + 1;
    char *kept = memcpy(b->texts, text, n);
    b->texts += n;
    return kept;
}

static struct event_top *keep_tops(struct block *b, const struct event_top *tops, int n) {
    struct event_top *kept = b->tops;
    for (int k = 0; k < n; k++)
        kept[k] = (struct event_top){keep_text(b, tops[k].text), tops[k].logprob};
    b->tops += n;
    return kept;
}

static bool copy_tokens(struct sample *out, const struct event_sample *e) {
    size_t n_tops, texts = text_bytes(e, &n_tops);
    size_t tokens_bytes = (size_t)e->n_tokens * sizeof *out->tokens;
    size_t tops_bytes = n_tops * sizeof(struct event_top);
    char *memory = malloc(tokens_bytes + tops_bytes + texts);
    if (!memory) return false;
    struct block b = {.tops = (struct event_top *)(void *)(memory + tokens_bytes),
                      .joined = memory + tokens_bytes + tops_bytes};
    out->memory = memory;
    out->tokens = (struct event_token *)(void *)memory;
    out->n_tokens = e->n_tokens;
    out->text = b.joined;
    for (int i = 0; i < e->n_tokens; i++) b.joined = stpcpy(b.joined, e->tokens[i].text);
    *b.joined = '\0';
    b.texts = b.joined + 1;
    for (int i = 0; i < e->n_tokens; i++) {
        const struct event_token *t = &e->tokens[i];
        out->tokens[i] = *t;
        out->tokens[i].text = keep_text(&b, t->text);
        out->tokens[i].top = keep_tops(&b, t->top, t->n_top);
        out->tokens[i].base_top = keep_tops(&b, t->base_top, t->n_base_top);
    }
    return true;
}

void samples_add(struct samples *s, const struct event_sample *e, int64_t step) {
    int at = pair_for(s, e);
    if (at < 0) return;
    struct sample *side =
        strcmp(e->side, "base") == 0 ? &s->pairs[at].base : &s->pairs[at].tuned;
    struct sample made = {.made = true,
                          .step = step,
                          .seed = e->seed,
                          .temperature = e->temperature,
                          .mean_gain = e->mean_gain,
                          .kl = e->kl};
    snprintf(made.weights, sizeof made.weights, "%s", e->weights);
    if (!copy_tokens(&made, e)) {
        s->failed = true;
        return;
    }
    sample_clear(side);
    *side = made;
    s->newest = at;
}

static bool copy_sample(struct sample *to, const struct sample *from) {
    struct event_sample tokens = {.tokens = from->tokens, .n_tokens = from->n_tokens};
    struct sample copy = *from;
    copy.memory = NULL;
    if (from->memory && !copy_tokens(&copy, &tokens)) return false;
    *to = copy;
    return true;
}

bool samples_copy(struct samples *to, const struct samples *from) {
    bool ok = true;
    for (int i = 0; ok && i < from->n; i++) {
        const struct sample_pair *pair = &from->pairs[i];
        ok = insert_pair(to, i, pair->prompt, pair->own) >= 0 &&
             copy_sample(&to->pairs[i].base, &pair->base) &&
             copy_sample(&to->pairs[i].tuned, &pair->tuned);
    }
    to->n_configured = from->n_configured;
    to->newest = from->newest;
    to->failed = from->failed || !ok;
    return ok;
}
