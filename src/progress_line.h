/* progress_line.h - how far something is that takes its time, on stderr: a line that is written anew on a
 * terminal, elsewhere one line now and then. */
#ifndef THAW_SRC_PROGRESS_LINE_H
#define THAW_SRC_PROGRESS_LINE_H
#include <stdbool.h>

struct progress_line {
    bool terminal, shown;
    const char *what; /* under way; NULL: nothing yet */
    double begun;     /* clock: since when */
    double told;      /* clock of the last line */
};

/* Nothing is shown before the first line is due: 0.1 s on a terminal, 5 s elsewhere. */
struct progress_line progress_line_begin(void);

/* `share` (0 to 1) of `what` is done: "what, 43%, 0:12 left" when a line is due. `what` is known by its
 * address, and borrowed until the next call. */
void progress_line_tell(struct progress_line *p, const char *what, double share);

/* Words of one's own, when a line is due. */
__attribute__((format(printf, 2, 3))) void progress_line_say(struct progress_line *p,
                                                             const char *fmt, ...);

/* Take the line away again. */
void progress_line_end(struct progress_line *p);
#endif
