/* layout.h - which part of the screen belongs to whom. Pure: a size and a view state in,
 * rectangles out. The ladder of sizes: 40x8 status and sparkline, 60x16 one pane with tabs,
 * 80x24 three panes, 110x34 four, 180x50 six; at most 84 wide and at least 46 tall: four panes stacked. */
#ifndef THAW_UI_LAYOUT_H
#define THAW_UI_LAYOUT_H
#include <stdbool.h>

#include "ui/canvas.h"

enum { LAYOUT_MIN_W = 40, LAYOUT_MIN_H = 8 };

/* In the order of the keys 1-6. */
enum pane { PANE_LOSS, PANE_LAYERS, PANE_COMPARE, PANE_LOG, PANE_SPEED, PANE_GUIDE, PANE_COUNT };

enum layout_kind {
    LAYOUT_TOO_SMALL, /* only `message`, for "have WxH, need 40x8" */
    LAYOUT_STATUS,    /* the bars and a sparkline */
    LAYOUT_TABS,      /* the focused pane, the others' names in `tabs` */
    LAYOUT_THREE,     /* Loss | Layers over Compare; Log takes Compare's place while it has the
                         focus */
    LAYOUT_FOUR,      /* and Log below (beside, from 160 columns on) */
    LAYOUT_SIX,       /* Loss | Layers over Compare; at their right Speed, Guide and Log */
    LAYOUT_STACKED    /* four full-width panes, one under another */
};

/* Absolute rectangles; no two overlap; w and h are 0 where a part is absent. All but panes,
 * sparkline are one row high and span the whole width. */
struct layout {
    enum layout_kind kind;
    int w, h;                      /* of the screen, as given */
    struct rect lifecycle;         /* row 0: name, stages, LIVE */
    struct rect status;            /* row 1: losses, speed, time left */
    struct rect tabs;              /* LAYOUT_TABS only */
    struct rect panes[PANE_COUNT]; /* frame included */
    struct rect sparkline;         /* LAYOUT_STATUS only; 1 or more rows */
    struct rect lesson;            /* where one is shown: a column at the right, or rows above the panes */
    struct rect learned; /* forgetting and learned; absent below 20 rows, except stacked */
    struct rect message; /* queued wishes, problems, the command line */
    struct rect hint;    /* last row: keys */
};

/* What is seen of a lesson beside the run. */
enum layout_lesson { LAYOUT_NO_LESSON, LAYOUT_LESSON, LAYOUT_LESSON_WHOLE /* all that the panes have else */ };

/* zoomed: the pane that has the whole middle (enum pane), or -1. focus: the pane with the
 * focus. */
struct layout layout_make(int w, int h, int zoomed, int focus);
/* The same with a lesson, which the panes make room for: from 120 columns on it stands at their right, else above
 * them, and one pane with tabs is left where three have no room. */
struct layout layout_make_lesson(int w, int h, int zoomed, int focus, enum layout_lesson lesson);

bool layout_shows(const struct layout *l, int pane); /* has it a place on the screen? */
/* Whether a pane has no place beside the others at this size, so that it takes the whole middle
 * while it has the focus: Speed and Guide between 80x24 and 180x50. */
bool layout_opens(const struct layout *l, int pane);
/* The pane at a cell, -1 when none: for the mouse. */
int layout_pane_at(const struct layout *l, int x, int y);
bool rect_holds(struct rect r, int x, int y);
#endif
