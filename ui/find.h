/* find.h - `/`: the next of numbered lines that holds a text, in any case; behind the last line
 * the first follows. The log and the help look with it, and mark what was found with
 * STYLE_SELECTED. */
#ifndef THAW_UI_FIND_H
#define THAW_UI_FIND_H
#include <stdbool.h>
#include <stdint.h>

struct find_lines {
    int64_t n;
    bool (*holds)(const void *of, int64_t line, const char *text);
    const void *of;
};

/* Whether a line holds the text: what `holds` asks. */
bool find_in(const char *line, const char *text);
/* The first such line from `from` on, which itself comes last: downwards (by 1) or upwards (by
 * -1). from -1: as if from before the first line. -1: no line holds it. */
int64_t find_next(const struct find_lines *lines, const char *text, int64_t from, int by);
#endif
