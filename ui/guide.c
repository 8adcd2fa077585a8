#include "ui/guide.h"

#include <assert.h>

#define WORDS(list) list, (int)(sizeof(list) / sizeof(list)[0])

static const char *const moments[GUIDE_MOMENTS] = {
    [GUIDE_PREPARING] =
        "The engine reads the text and cuts it into tokens: words and pieces of words, each "
        "a number. A new model learns these pieces from its first text. Then the first "
        "step begins.",
    [GUIDE_FIRST] =
        "The model learns to foretell text. At every token it says how likely each next "
        "token is; a step moves the weights a little towards what really came. The loss "
        "falls fast at first, then slowly.",
    [GUIDE_BETWEEN] =
        "The model goes on from what the stage before has taught it, with other text. What "
        "the new text does not ask for fades, unless old text is mixed in (replay).",
    [GUIDE_LAST] =
        "The model as it stood when this stage began is kept: the base. What learns on is the "
        "tuned model. It gets better at this stage's text, and may get worse at what it knew "
        "before. Frozen layers cannot forget, and save time.",
    [GUIDE_ONLY] =
        "The model learns to foretell this text: a step moves the weights a little towards "
        "what really came. The model as it began is kept to compare with: the base.",
    [GUIDE_PAUSED] =
        "No step is made. Look around, freeze or thaw layers, try a prompt of your own (e): "
        "what you ask for holds from the next step on. p goes on, n makes a single step.",
    [GUIDE_ENDED] =
        "Nothing changes any more. Look back along the curve (1, then left and right), and "
        "vote blindly which model writes better (b). Each checkpoint is a model folder that "
        "other programs read, too."};

static const struct guide_word loss_words[] = {
    {"train",
     "on the text of the newest steps, smoothed; the band behind it is each single step"},
    {"val", "on text that training never sees. If it rises while train falls, text is learned "
            "by heart"},
    {"base", "what the base scores on the same unseen text: the dashed line"},
    {"nats", "minus the logarithm of the chance that the right token was given: 0.7 is 1 in 2, "
             "2.3 is 1 in 10, 4.6 is 1 in 100"},
    {"ppl", "perplexity: among how many equally likely tokens the model wavers, e to the loss"},
    {": F T L", "below the curve: a stage begins, frozen, thawed, another learning rate"},
    {"C ! m", "a checkpoint was saved, a problem, a mark of your own"}};

static const struct guide_word layers_words[] = {
    {"embed",
     "the numbers that stand for each token, at the entry (and at the exit, where it is tied)"},
    {"block", "looks back at the tokens before (attn), then works on each token (mlp)"},
    {"learn",
     "each step changes it; frozen: no step does, and its gradient is not even computed"},
    {"|g|", "length of the gradient: how strongly the newest text pulls at these weights"},
    {"dW/W", "how much of itself the last step changed"},
    {"from base", "how far it has moved since the base was taken, as a share of its length"},
    {"==", "every byte was compared: it is the base's still"},
    {"if frozen", "how long a step will take then: foretold before, measured after"}};

static const struct guide_word compare_words[] = {
    {"9f3a..c1", "fingerprint of the weights that wrote the text: other weights, another one"},
    {"[word]", "is not in the base's text"},
    {"gain",
     "how many nats more likely the tuned model finds a token than the base: . none, # much"},
    {"KL", "how far the two models' forecasts lie apart, on average over the text"},
    {"T", "temperature, how daring the choice of each token is; 0 takes the likeliest"},
    {"seed", "the dice; with the same ones, what differs comes from the weights alone"},
    {"third", "another model on the same prompts, where the config names one (compare.third)"},
    {"score", "both models on one text, token by token: what chance each gave to it"},
    {"top-k", "what each would have said at the token under the cursor"}};

static const struct guide_word log_words[] = {
    {"eval", "loss and perplexity on unseen text, the base's in brackets"},
    {"checkpoint",
     "weights and optimizer on the disk: a run that is cut off goes on from there"},
    {"freeze",
     "what was frozen or thawed, by whom (config, screen), and the time that it saved"},
    {"problem", "what went wrong, and what to do"}};

static const struct guide_word speed_words[] = {
    {"tokens/s", "tokens learned from in a second of the step's own time"},
    {"forward", "the model reads the text and foretells it"},
    {"backward",
     "from the end to the start: what each weight did to the loss. About twice the work of "
     "forward; it ends at the lowest layer that learns"},
    {"update", "the optimizer moves the weights that learn"},
    {"other", "the rest of a step: the next batch, the gradient's length, the log"},
    {"between", "steps apart: evaluations, samples, checkpoints"},
    {"rate", "how far a step moves the weights: up at first, so that they are not thrown "
             "about, then down"},
    {"|g|", "length of the whole gradient; a spike is a text that surprised the model"}};

static const struct guide_page pages[] = {
    [PANE_LOSS] = {"How badly the model foretells the next token: lower is better.",
                   WORDS(loss_words)},
    [PANE_LAYERS] = {"The parts of the model from its entry to its exit. Space freezes one, or "
                     "lets it learn again.",
                     WORDS(layers_words)},
    [PANE_COMPARE] = {"One prompt, and what each model goes on with.", WORDS(compare_words)},
    [PANE_LOG] = {"What happened, the newest at the bottom.", WORDS(log_words)},
    [PANE_SPEED] = {"How fast it learns, and where the time of a step goes.",
                    WORDS(speed_words)}};

enum guide_moment guide_moment(const struct history *h) {
    if (h->state == RUN_ENDED) return GUIDE_ENDED;
    if (h->state == RUN_PAUSED) return GUIDE_PAUSED;
    if (h->state == RUN_STARTING || h->stage < 0) return GUIDE_PREPARING;
    if (h->n_stages == 1) return GUIDE_ONLY;
    return h->stage == 0                ? GUIDE_FIRST
           : h->stage + 1 < h->n_stages ? GUIDE_BETWEEN
                                        : GUIDE_LAST;
}

const char *guide_moment_text(enum guide_moment moment) { return moments[moment]; }

const struct guide_page *guide_page(enum pane pane) {
    assert((size_t)pane < sizeof pages / sizeof pages[0]);
    return &pages[pane];
}
