/* bars.h - the rows above and below the panes: where the run stands, its figures, what was
 * learned and forgotten, keys. Each draws into one row (`r`, absolute) of the canvas; numbers
 * have fixed width. */
#ifndef THAW_UI_BARS_H
#define THAW_UI_BARS_H
#include "ui/canvas.h"
#include "ui/history.h"
#include "ui/layout.h"

/* How the run is, as far as the screen can know. */
enum life { LIFE_STARTING, LIFE_LIVE, LIFE_PAUSED, LIFE_STALLED, LIFE_ENDED, LIFE_DEAD };

/* "thaw medical  [1 PRETRAIN ok]==>[2 FINE-TUNE 372/600 62%]-->[3 COMPARE]  LIVE *".
 * silent_s: seconds without an event, shown when stalled. */
void bars_lifecycle(struct canvas *c, struct rect r, const struct history *h, const char *name,
                    enum life life, double silent_s);
/* Losses, speed, time left while there is an engine; what is being prepared before the first step. The
 * losses of "val" and "base" are those of one set, whose name stands with them where there is room. */
void bars_status(struct canvas *c, struct rect r, const struct history *h, enum life life);
/* Perplexities of the held-out sets, base -> tuned, told apart by the sign of the change. The form of the
 * row depends on the names and the width, not on the numbers. */
void bars_learned(struct canvas *c, struct rect r, const struct history *h);
/* What the key line is about. */
struct bars_hints {
    enum life life; /* without an engine there is nothing to change: those keys are left out */
    bool watching;  /* keys that change the run are dimmed */
    int focus;      /* enum pane: its keys come first */
    const struct layout *layout; /* keys of panes that are out of sight are left out */
};
/* The keys that have a hint and work now, as many as there is room for. */
void bars_hint(struct canvas *c, struct rect r, const struct bars_hints *hints);
/* Names of all panes, the focused one marked. */
void bars_tabs(struct canvas *c, struct rect r, const char *const *titles, int n, int focus);
int bars_tab_at(const char *const *titles, int n, int x); /* the tab in column x; -1: none */
/* The smallest layout's middle: a sparkline of the smoothed loss and, with more rows, more
 * figures. */
void bars_sparkline(struct canvas *c, struct rect r, const struct history *h, enum life life);
/* "FINE-TUNE" of "finetune"; at most size - 1 bytes. */
void bars_stage_word(const char *name, char *out, size_t size);
#endif
