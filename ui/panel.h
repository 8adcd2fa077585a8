/* panel.h - a rectangle of the screen that can draw itself and take keys.
 * A kind is one file with one `const struct panel_ops`; it embeds `struct panel` as its FIRST
 * member and downcasts in one named place. Panels know the run from the history and keep only
 * what is the viewer's own: selection, zoom, cursor. */
#ifndef THAW_UI_PANEL_H
#define THAW_UI_PANEL_H
#include "ui/canvas.h"
#include "ui/history.h"
#include "ui/keys.h"
#include "ui/layout.h"
#include "ui/overlay.h"
#include "ui/prefs.h"
#include "ui/term.h"
#include "ui/wishes.h"

struct panel;

struct panel_ops {
    const char *title; /* never NULL */
    /* Pure: history and view state -> cells. The clip is the panel's area, frame included. */
    void (*draw)(const struct panel *p, struct canvas *c);
    /* True: the action was for this panel, and what it asks of the run is in the outbox. */
    bool (*act)(struct panel *p, enum action action, struct outbox *out);
    /* A click or the wheel at (x, y) relative to the area. May be NULL. */
    void (*mouse)(struct panel *p, const struct term_mouse *m, int x, int y,
                  struct outbox *out);
    void (*destroy)(struct panel *p);
};

struct panel {
    const struct panel_ops *ops;
    struct rect area;     /* set before every draw; w is 0 where it is not on the screen */
    bool focus, watching; /* watching: nothing can be asked of the run */
    bool pointed;         /* a lesson is about it */
    const struct history *history; /* borrowed from the app, like the next */
    struct wishes *wishes;
};

/* One of each; NULL when memory is out. */
struct panel *panel_loss_create(const struct history *h, struct wishes *w);
struct panel *panel_layers_create(const struct history *h, struct wishes *w);
struct panel *panel_compare_create(const struct history *h, struct wishes *w);
struct panel *panel_log_create(const struct history *h, struct wishes *w);
struct panel *panel_speed_create(const struct history *h, struct wishes *w);
struct panel *panel_guide_create(const struct history *h, struct wishes *w);

/* Other runs to be drawn with the loss, from now on; borrowed. */
void panel_loss_overlay(struct panel *p, const struct overlays *o);
/* Show it as the viewer likes it; what that is by now goes into *prefs. */
void panel_loss_take(struct panel *p, const struct prefs *prefs);
void panel_loss_tell(const struct panel *p, struct prefs *prefs);
void panel_compare_take(struct panel *p, const struct prefs *prefs);
void panel_compare_tell(const struct panel *p, struct prefs *prefs);
/* Steps that the viewer has marked, *n of them; borrowed. */
const double *panel_loss_own_marks(const struct panel *p, int *n);
/* The prompt that the compare panel shows, for editing it; "" when there is none. */
const char *panel_compare_prompt(const struct panel *p);
/* Show the pair of this prompt as soon as there is one. */
void panel_compare_follow_own(struct panel *p, const char *prompt);

/* Explain the words of a pane from now on; the guide's own change nothing. */
void panel_guide_about(struct panel *p, enum pane pane);

/* Bring the next line of the log that contains `text` (in any case) into sight and mark it; behind the
 * last line the first follows. False: no line does. */
bool panel_log_find(struct panel *p, const char *text);

/* Draw the frame with its title and step inside it: the clip is the inner rectangle afterwards.
 * Returns the clip to be put back. number: the pane's key. */
struct rect panel_frame(const struct panel *p, struct canvas *c, int number, const char *right);
/* A line into the lower edge of the frame; call with the clip of the whole area. Returns the
 * columns used. */
int panel_footer(const struct panel *p, struct canvas *c, int x, enum style style,
                 const char *text);
/* A bar of `share` of `w` cells at (x, y): in eighths of a cell where the terminal has them. */
void panel_bar(struct canvas *c, int x, int y, int w, double share);
#endif
