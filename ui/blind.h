/* blind.h - the blind vote: which of two texts is better, before it is told which model wrote it.
 * The texts are copies, so that they stand still while they are read: training goes on making newer
 * ones. Which side has the tuned text depends on the run's name, the prompt and the step alone: it is
 * the same on every screen, and cannot be seen. */
#ifndef THAW_UI_BLIND_H
#define THAW_UI_BLIND_H
#include "ui/canvas.h"
#include "ui/samples.h"

enum { BLIND_VOTES = 256 }; /* that are remembered, so that no pair is voted on twice; all are counted */
enum blind_side { BLIND_NONE, BLIND_LEFT, BLIND_RIGHT };

struct blind_vote {
    uint64_t key;
    bool tuned; /* preferred */
};

struct blind {
    bool on;

    /* the pair that is held */
    bool held;
    uint64_t key;       /* see blind_key() */
    char *memory;       /* of the texts, one block */
    const char *prompt, *base, *tuned;
    char base_weights[40], tuned_weights[40];
    int64_t step;            /* that the tuned text was made at */
    enum blind_side choice;
    bool revealed; /* voted on: whose texts they are is shown */

    /* the tally */
    struct blind_vote votes[BLIND_VOTES]; /* the newest ones; vote i stands at i % BLIND_VOTES */
    int n_votes, n_tuned;
};

void blind_init(struct blind *b);
void blind_deinit(struct blind *b);

/* What names a pair of texts; its lowest bit set: the tuned one stands left. */
uint64_t blind_key(const char *run, const char *prompt, int64_t step);
/* Whether there are two texts to choose from: both made, and not the same. */
bool blind_can(const struct sample_pair *pair);
bool blind_voted(const struct blind *b, const char *run, const struct sample_pair *pair);
/* Hold the pair's texts in place of those that were held; one that was voted on is shown revealed.
 * False, holding nothing: blind_can() says no, or memory is out. */
bool blind_take(struct blind *b, const char *run, const struct sample_pair *pair);

/* Nothing happens without a held pair, or after its vote. */
void blind_choose(struct blind *b, enum blind_side side);
/* Vote for the chosen side. False: none is chosen. */
bool blind_cast(struct blind *b);

/* "tuned preferred 5 of 7", "no votes yet". */
void blind_tally(const struct blind *b, char *out, size_t size);
/* The held texts side by side from the clip's second row on, and in its last one what to press.
 * more: there is another pair to vote on. */
void blind_draw(const struct blind *b, struct canvas *c, bool more);
#endif
