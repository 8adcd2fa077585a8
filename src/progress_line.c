#include "src/progress_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "ui/format.h"

enum { COLUMNS = 78, TEXT_MAX = 160 };
static const double rewrite_every_s = 0.1, line_every_s = 5;

struct progress_line progress_line_begin(void) {
    return (struct progress_line){.terminal = isatty(STDERR_FILENO), .told = clock_now()};
}

static bool due(struct progress_line *p) {
    double now = clock_now();
    if (now - p->told < (p->terminal ? rewrite_every_s : line_every_s)) return false;
    p->told = now;
    return true;
}

static void show(struct progress_line *p, const char *text) {
    if (p->terminal) fprintf(stderr, "\r%-*.*s", COLUMNS, COLUMNS, text);
    else fprintf(stderr, "%s\n", text);
    fflush(stderr);
    p->shown = true;
}

void progress_line_tell(struct progress_line *p, const char *what, double share) {
    char text[TEXT_MAX], left[FORMAT_MAX];
    double now = clock_now();
    if (p->what != what) {
        p->what = what;
        p->begun = now;
    }
    if (!due(p)) return;
    share = fmin(fmax(share, 0), 1);
    format_duration(left, share > 0 ? (now - p->begun) * (1 - share) / share : (double)NAN);
    snprintf(text, sizeof text, "%s, %.0f%%, %s left", what, 100 * share,
             left + strspn(left, " "));
    show(p, text);
}

void progress_line_say(struct progress_line *p, const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list args;
    if (!due(p)) return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    show(p, text);
}

void progress_line_end(struct progress_line *p) {
    if (p->terminal && p->shown) fprintf(stderr, "\r%-*s\r", COLUMNS, "");
    fflush(stderr);
    p->shown = false;
}
