/* lesson_view.h - the shown step of a lesson in its rectangle (layout.h): a frame with its text where there is room, one
 * row with its title on the smallest screen. Pure: values in, cells out. */
#ifndef THAW_UI_LESSON_VIEW_H
#define THAW_UI_LESSON_VIEW_H
#include "ui/canvas.h"
#include "ui/lesson.h"

struct lesson_view {
    const struct lesson *lesson;
    const struct lesson_progress *at;
    const struct history *history;
    bool whole; /* it has all of the screen that it can have */
};

void lesson_view_draw(const struct lesson_view *v, struct canvas *c, struct rect r);
/* Rows of the step that find no room in `r`: the most that it can be scrolled. */
int lesson_view_over(const struct lesson_view *v, struct rect r);
/* Rows that it is scrolled by at a time. */
int lesson_view_page(struct rect r);
#endif
