/* guide.h - what a beginner wants to know at this point: one table of texts by where the run stands,
 * one by pane. What is shown is what is looked at now; nothing here is read from a file. */
#ifndef THAW_UI_GUIDE_H
#define THAW_UI_GUIDE_H
#include "ui/history.h"
#include "ui/layout.h"

/* Where a run stands, as far as it needs other words. */
enum guide_moment {
    GUIDE_PREPARING, /* no step yet */
    GUIDE_FIRST,     /* the first of several stages */
    GUIDE_BETWEEN,   /* neither the first nor the last */
    GUIDE_LAST,      /* the last of several: there is a base */
    GUIDE_ONLY,      /* the only stage */
    GUIDE_PAUSED,
    GUIDE_ENDED,
    GUIDE_MOMENTS
};

struct guide_word {
    const char *word, *meaning;
};

struct guide_page {
    const char *text;
    const struct guide_word *words; /* [n_words] as they stand in the pane */
    int n_words;
};

enum guide_moment guide_moment(const struct history *h);
/* What goes on, in a few sentences. Static. */
const char *guide_moment_text(enum guide_moment moment);
/* What a pane shows, and its words; any pane but the guide itself. Static. */
const struct guide_page *guide_page(enum pane pane);
#endif
