/* journal.h - what happened beside the steps: marks on the curve, and sentences of the log. */
#ifndef THAW_UI_JOURNAL_H
#define THAW_UI_JOURNAL_H
#include <stdint.h>

#include "engine/run/event.h"
#include "ui/series.h"
#include "ui/style.h"

/* A mark on the x axis, which the cursor reads out. */
struct journal_mark {
    double x[UNIT_COUNT];
    char letter; /* ':' stage, F freeze, T thaw, L learning rate, C checkpoint, E early stop, ! problem */
    char text[64];
};

struct journal_line {
    int64_t step;
    double t;
    enum style style;
    char *text; /* as it came; the canvas sanitises */
};

struct journal {
    struct journal_mark *marks; /* x ascending */
    size_t n_marks, mark_capacity;
    struct journal_line *lines; /* oldest first */
    size_t n_lines, line_capacity;
    int64_t dropped; /* older lines that were let go */
    bool failed;     /* memory ran out once */
};

enum { JOURNAL_LINES_MAX = 20000 };

void journal_deinit(struct journal *j);
/* Make `to` (empty) the same. False when memory is out. */
bool journal_copy(struct journal *to, const struct journal *from);
void journal_mark(struct journal *j, const double x[UNIT_COUNT], char letter, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));
/* Forget the marks beyond `step`. */
void journal_rewind(struct journal *j, int64_t step);
/* The sentence of an event, if it has one. */
void journal_tell(struct journal *j, const struct event *e);
/* A sentence of the screen's own, at the time of the newest line; copied. */
void journal_note(struct journal *j, enum style style, const char *text);
/* One sentence; also used for the message line. False: the event has none. */
bool journal_sentence(const struct event *e, struct buf *out, enum style *style);
#endif
