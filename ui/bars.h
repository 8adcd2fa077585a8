/* bars.h - the rows above and below the panes: where the run stands, its figures, what was
 * learned and forgotten, keys. Each draws into one row (`r`, absolute) of the canvas; numbers
 * have fixed width. */
#ifndef THAW_UI_BARS_H
#define THAW_UI_BARS_H
#include "ui/canvas.h"
#include "ui/history.h"

/* How the run is, as far as the screen can know. */
enum life { LIFE_STARTING, LIFE_LIVE, LIFE_PAUSED, LIFE_STALLED, LIFE_ENDED, LIFE_GONE };

/* "thaw medical  [1 PRETRAIN ok]==>[2 FINE-TUNE 372/600 62%]-->[3 COMPARE]  LIVE *".
 * silent_s: seconds without an event, shown when stalled. */
void bars_lifecycle(struct canvas *c, struct rect r, const struct history *h, const char *name,
                    enum life life, double silent_s);
/* Losses, speed, time left; what is being prepared before the first step. */
void bars_status(struct canvas *c, struct rect r, const struct history *h);
/* Perplexities of the held-out sets, base -> tuned, told apart by the sign of the change. */
void bars_learned(struct canvas *c, struct rect r, const struct history *h);
/* The keys that have a hint. watching: those that change the run are dimmed. */
void bars_hint(struct canvas *c, struct rect r, const struct history *h, bool watching);
/* Names of all panes, the focused one marked. */
void bars_tabs(struct canvas *c, struct rect r, const char *const *titles, int n, int focus);
int bars_tab_at(const char *const *titles, int n, int x); /* the tab in column x; -1: none */
/* The smallest layout's middle: a sparkline of the smoothed loss and, with more rows, more
 * figures. */
void bars_sparkline(struct canvas *c, struct rect r, const struct history *h);
/* "FINE-TUNE" of "finetune"; at most size - 1 bytes. */
void bars_stage_word(const char *name, char *out, size_t size);
#endif
