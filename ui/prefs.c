#include "ui/prefs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/history.h"

const struct pref_info pref_infos[PREF_COUNT] = {
    [PREF_THEME] = {"theme",
                    {"auto", "dark", "light", "mono", "colour-blind", "colour-blind-light"},
                    0,
                    "the colours; auto: as COLORFGBG tells the background"},
    [PREF_GLYPHS] = {"glyphs",
                     {"auto", "ascii", "blocks", "braille"},
                     GLYPHS_WISH_AUTO,
                     "what curves and frames are drawn with"},
    [PREF_MOUSE] = {"mouse", {"off", "on"}, 1, "clicks and the wheel are taken"},
    [PREF_SMOOTHING] = {"smoothing",
                        {"raw", "0.5", "0.9", "0.99"},
                        SMOOTHING_USUAL,
                        "how much the last steps weigh in the curve (s)"},
    [PREF_LOG_Y] = {"log-y", {"off", "on"}, 0, "the loss on a logarithmic axis (l)"},
    [PREF_X_UNIT] = {"x-unit", {"steps", "tokens", "seconds"}, 0, "the x axis of the loss (x)"},
    [PREF_COMPARE] = {"compare", {"text", "score", "top-k"}, 0, "what Compare shows (c)"},
    [PREF_TOUR] = {"tour",
                   {"new", "done"},
                   PREF_TOUR_NEW,
                   "whether the tour of the first start is over"},
};

void prefs_init(struct prefs *p) {
    for (int i = 0; i < PREF_COUNT; i++) p->at[i] = pref_infos[i].usual;
}

bool prefs_same(const struct prefs *a, const struct prefs *b) {
    return memcmp(a->at, b->at, sizeof a->at) == 0;
}

const char *prefs_word(const struct prefs *p, enum pref which) {
    return pref_infos[which].words[p->at[which]];
}

enum pref prefs_find(const char *key) {
    int i = 0;
    while (i < PREF_COUNT && strcmp(pref_infos[i].key, key) != 0) i++;
    return (enum pref)i;
}

bool prefs_set(struct prefs *p, enum pref which, const char *word, struct err *err) {
    const struct pref_info *info = &pref_infos[which];
    char all[96] = "";
    size_t n = 0;
    for (int i = 0; i < PREF_WORDS_MAX && info->words[i]; i++) {
        if (strcmp(info->words[i], word) == 0) {
            p->at[which] = i;
            return true;
        }
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", info->words[i]);
    }
    return err_set(err, ERR_RANGE, "%s is one of %s, not \"%s\"", info->key, all, word);
}

struct term_options prefs_term_options(const struct prefs *p) {
    int theme = p->at[PREF_THEME];
    return (struct term_options){.theme = theme > 0 ? (enum theme)(theme - 1)
                                                    : theme_of_background(getenv("COLORFGBG")),
                                 .glyphs = (enum glyphs_wish)p->at[PREF_GLYPHS],
                                 .no_mouse = p->at[PREF_MOUSE] == 0};
}
