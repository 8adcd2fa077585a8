/* bars.h - the rows above and below the panes: where the run stands, its figures, what was
 * learned and forgotten, keys. Each draws into one row (`r`, absolute) of the canvas; numbers
 * have fixed width. */
#ifndef THAW_UI_BARS_H
#define THAW_UI_BARS_H
#include "ui/canvas.h"
#include "ui/history.h"
#include "ui/layout.h"
#include "ui/replay.h"

/* How the run is, as far as the screen can know; LIFE_REPLAY: it is played back. */
enum life {
    LIFE_STARTING,
    LIFE_LIVE,
    LIFE_PAUSED,
    LIFE_STALLED,
    LIFE_ENDED,
    LIFE_DEAD,
    LIFE_REPLAY
};
struct bars_life {
    enum life life;
    double silent_s;                   /* without an event, shown when stalled */
    const struct replay_state *replay; /* of LIFE_REPLAY: its speed and place */
};

/* "thaw medical  [1 PRETRAIN ok]==>[2 FINE-TUNE 372/600 62%]-->[3 COMPARE]  LIVE *". */
void bars_lifecycle(struct canvas *c, struct rect r, const struct history *h, const char *name,
                    const struct bars_life *life);
/* Losses, speed, time left while there is an engine; what is being prepared before the first
 * step. The losses of "val" and "base" are those of one set, whose name stands with them where
 * there is room. */
void bars_status(struct canvas *c, struct rect r, const struct history *h,
                 const struct bars_life *life);
/* Perplexities of the held-out sets, base -> tuned, told apart by the sign of the change. The
 * form of the row depends on the names and the width, not on the numbers. */
void bars_learned(struct canvas *c, struct rect r, const struct history *h);
/* What the key line is about. */
struct bars_hints {
    enum life life; /* without an engine there is nothing to change: those keys are left out */
    bool watching;  /* keys that change the run are dimmed */
    int focus;      /* enum pane: its keys come first */
    const struct layout *layout; /* keys of panes that are out of sight are left out */
    const struct replay_state
        *replay; /* of LIFE_REPLAY: its keys come in front of the panes' */
};
/* The keys that have a hint and work now, as many as there is room for. */
void bars_hint(struct canvas *c, struct rect r, const struct bars_hints *hints);
/* Names of all panes, the focused one marked. */
void bars_tabs(struct canvas *c, struct rect r, const char *const *titles, int n, int focus);
int bars_tab_at(const char *const *titles, int n, int x); /* the tab in column x; -1: none */
/* The smallest layout's middle: a sparkline of the smoothed loss and, with more rows, more
 * figures. */
void bars_sparkline(struct canvas *c, struct rect r, const struct history *h,
                    const struct bars_life *life);
/* "FINE-TUNE" of "finetune"; at most size - 1 bytes. */
void bars_stage_word(const char *name, char *out, size_t size);
#endif
