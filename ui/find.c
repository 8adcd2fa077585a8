#include "ui/find.h"

#include <string.h>

bool find_in(const char *line, const char *text) { return strcasestr(line, text) != NULL; }

int64_t find_next(const struct find_lines *lines, const char *text, int64_t from, int by) {
    int64_t n = lines->n;
    if (from < 0) from = by > 0 ? -1 : 0;
    for (int64_t i = 1; i <= n; i++) {
        int64_t line = (from + by * i + n) % n;
        if (lines->holds(lines->of, line, text)) return line;
    }
    return -1;
}
