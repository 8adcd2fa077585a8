#include "ui/blind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"
#include "ui/compare_view.h"

void blind_init(struct blind *b) { *b = (struct blind){.on = false}; }

static void let_go(struct blind *b) {
    free(b->memory);
    b->memory = NULL;
    b->held = b->revealed = false;
    b->choice = BLIND_NONE;
}

void blind_deinit(struct blind *b) {
    let_go(b);
    blind_init(b);
}

/* ---- pairs */

/* Hashes of hashes: names of any length need no memory, and none runs into the next. */
uint64_t blind_key(const char *run, const char *prompt, int64_t step) {
    uint64_t parts[3] = {rng_hash(run, strlen(run)), rng_hash(prompt, strlen(prompt)),
                         (uint64_t)step};
    return rng_hash(parts, sizeof parts);
}

static uint64_t key_of(const char *run, const struct sample_pair *pair) {
    return blind_key(run, pair->prompt, pair->tuned.step);
}

static bool tuned_is_left(const struct blind *b) { return b->key & 1; }

static const struct blind_vote *find_vote(const struct blind *b, uint64_t key) {
    for (int i = 0; i < b->n_votes && i < BLIND_VOTES; i++)
        if (b->votes[i].key == key) return &b->votes[i];
    return NULL;
}

bool blind_can(const struct sample_pair *pair) {
    return pair->base.made && pair->tuned.made &&
           strcmp(pair->base.text, pair->tuned.text) != 0;
}

bool blind_voted(const struct blind *b, const char *run, const struct sample_pair *pair) {
    return find_vote(b, key_of(run, pair)) != NULL;
}

static bool copy_texts(struct blind *b, const struct sample_pair *pair) {
    size_t prompt = strlen(pair->prompt) + 1, base = strlen(pair->base.text) + 1;
    size_t tuned = strlen(pair->tuned.text) + 1;
    b->memory = malloc(prompt + base + tuned);
    if (!b->memory) return false;
    b->prompt = memcpy(b->memory, pair->prompt, prompt);
    b->base = memcpy(b->memory + prompt, pair->base.text, base);
    b->tuned = memcpy(b->memory + prompt + base, pair->tuned.text, tuned);
    return true;
}

bool blind_take(struct blind *b, const char *run, const struct sample_pair *pair) {
    let_go(b);
    if (!blind_can(pair) || !copy_texts(b, pair)) return false;
    b->held = true;
    b->key = key_of(run, pair);
    b->step = pair->tuned.step;
    snprintf(b->base_weights, sizeof b->base_weights, "%s", pair->base.weights);
    snprintf(b->tuned_weights, sizeof b->tuned_weights, "%s", pair->tuned.weights);
    const struct blind_vote *vote = find_vote(b, b->key);
    b->revealed = vote != NULL;
    if (vote) b->choice = vote->tuned == tuned_is_left(b) ? BLIND_LEFT : BLIND_RIGHT;
    return true;
}

/* ---- votes */

void blind_choose(struct blind *b, enum blind_side side) {
    if (b->held && !b->revealed) b->choice = side;
}

/* Whether the chosen text is the tuned model's. */
static bool chose_tuned(const struct blind *b) {
    return (b->choice == BLIND_LEFT) == tuned_is_left(b);
}

bool blind_cast(struct blind *b) {
    if (!b->held || b->revealed || b->choice == BLIND_NONE) return false;
    bool tuned = chose_tuned(b);
    b->votes[b->n_votes % BLIND_VOTES] = (struct blind_vote){b->key, tuned};
    b->n_votes++;
    b->n_tuned += tuned;
    b->revealed = true;
    return true;
}

void blind_tally(const struct blind *b, char *out, size_t size) {
    if (b->n_votes == 0) snprintf(out, size, "no votes yet");
    else snprintf(out, size, "tuned preferred %d of %d", b->n_tuned, b->n_votes);
}

/* ---- drawing */

/* " B", ">A chosen", ">A was TUNED 77b0 @360": before the vote both sides look the same. */
static void draw_head(const struct blind *b, struct canvas *c, int x, enum blind_side side) {
    char letter = side == BLIND_LEFT ? 'A' : 'B';
    bool chosen = b->choice == side, tuned = (side == BLIND_LEFT) == tuned_is_left(b);
    if (chosen) canvas_put(c, x, 1, '>', STYLE_KEY);
    x += 1 + canvas_printf(c, x + 1, 1, STYLE_STRONG, "%c", letter);
    if (!b->revealed) {
        if (chosen) canvas_printf(c, x, 1, STYLE_KEY, " chosen");
        return;
    }
    x += canvas_printf(c, x, 1, tuned ? STYLE_STRONG : STYLE_BASE, " was %s",
                       tuned ? "TUNED" : "BASE");
    if (tuned) canvas_printf(c, x, 1, STYLE_DIM, " %.4s @%" PRId64, b->tuned_weights, b->step);
    else canvas_printf(c, x, 1, STYLE_DIM, " %.4s", b->base_weights);
}

static void draw_side(const struct blind *b, struct canvas *c, struct rect r, bool tuned) {
    compare_draw_words(c, r, tuned ? b->tuned : b->base, tuned && b->revealed ? b->base : NULL,
                       STYLE_NORMAL);
}

static void draw_prompt(const struct blind *b, struct canvas *c, bool more) {
    int y = c->clip.h - 1;
    if (b->revealed)
        canvas_printf(c, 1, y, STYLE_STRONG, "you preferred the %s text%s",
                      chose_tuned(b) ? "tuned" : "base",
                      more ? "  Enter: next pair" : "; no pair is left");
    else if (b->choice == BLIND_NONE)
        canvas_printf(c, 1, y, STYLE_KEY, "Which is better?  Left A  Right B, then Enter");
    else
        canvas_printf(c, 1, y, STYLE_KEY, "Enter votes for %c; Left and Right choose again",
                      b->choice == BLIND_LEFT ? 'A' : 'B');
}

void blind_draw(const struct blind *b, struct canvas *c, bool more) {
    int w = c->clip.w, mid = w / 2, rows = c->clip.h - 3;
    bool left = tuned_is_left(b);
    draw_head(b, c, 0, BLIND_LEFT);
    draw_head(b, c, mid + 1, BLIND_RIGHT);
    draw_side(b, c, (struct rect){1, 2, mid - 2, rows}, left);
    draw_side(b, c, (struct rect){mid + 2, 2, w - mid - 3, rows}, !left);
    canvas_vline(c, mid, 1, rows + 1, STYLE_FRAME);
    draw_prompt(b, c, more);
}
