/* tour.h - the hints of the first start: one at a time in the rows at the bottom, while the
 * pane that a hint is about has the focus. */
#ifndef THAW_UI_TOUR_H
#define THAW_UI_TOUR_H

enum { TOUR_HINTS = 5 };

struct tour_hint {
    int pane;          /* enum pane that it is about; -1: none */
    const char *text;  /* at most two rows of 80 columns */
    const char *brief; /* at most one of 40 */
};
extern const struct tour_hint tour_hints[TOUR_HINTS];

/* The hint as it fits into so many rows. */
const char *tour_text(int hint, int columns, int rows);
#endif
