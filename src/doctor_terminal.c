/* doctor_terminal.c - what the screen will find: size, colours, characters, and what lies
 * between. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/doctor.h"

static bool begins(const char *text, const char *with) {
    return text && strncmp(text, with, strlen(with)) == 0;
}

static const char *colours(const char *term) {
    const char *color = getenv("COLORTERM"), *none = getenv("NO_COLOR");
    if (none && *none) return "no colours, since NO_COLOR is set";
    if (color && (strcmp(color, "truecolor") == 0 || strcmp(color, "24bit") == 0))
        return "truecolor";
    return term && strstr(term, "256color") ? "256 colours" : "8 colours or fewer";
}

/* False: there is none, and what is true of one need not be told. */
static bool tell_terminal(struct doctor *d) {
    const char *term = getenv("TERM");
    char found[200];
    struct winsize size = {0};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        doctor_tell(d, DOCTOR_NOTE, "terminal", "none: stdin or stdout is no terminal",
                    "runs print plain lines here");
        return false;
    }
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    bool named = term && *term, small = size.ws_col < 80 || size.ws_row < 24;
    snprintf(found, sizeof found, "%s, %dx%d, %s", named ? term : "TERM is not set",
             size.ws_col, size.ws_row, colours(term));
    doctor_tell(d, named && !small ? DOCTOR_OK : DOCTOR_WARNING, "terminal", found,
                !named  ? "set TERM, e.g. to xterm-256color"
                : small ? "make it 80x24 or larger to see all panes"
                        : NULL);
    return true;
}

static void tell_characters(struct doctor *d) {
    const char *term = getenv("TERM");
    setlocale(LC_CTYPE, "");
    const char *set = nl_langinfo(CODESET);
    char found[120];
    bool utf8 = strcasecmp(set, "UTF-8") == 0 || strcasecmp(set, "UTF8") == 0;
    bool console = begins(term, "linux");
    snprintf(found, sizeof found, "%s, %s", set,
             !utf8     ? "curves in plain ASCII"
             : console ? "curves in plain ASCII: the console's font has no more"
                       : "curves in braille");
    doctor_tell(d, utf8 ? DOCTOR_OK : DOCTOR_WARNING, "characters", found,
                utf8 ? NULL : "set LC_ALL=C.UTF-8 for finer curves");
}

/* A program between thaw and the terminal keeps some of it to itself. */
static void tell_between(struct doctor *d) {
    const char *term = getenv("TERM"), *tmux = getenv("TMUX"), *screen = getenv("STY");
    if (tmux && *tmux) {
        bool right = begins(term, "tmux") || begins(term, "screen");
        doctor_tell(d, right ? DOCTOR_NOTE : DOCTOR_WARNING, "between",
                    right ? "tmux: it passes the mouse and all colours on only when told to"
                          : "tmux, but TERM is another terminal's",
                    right
                        ? "in ~/.tmux.conf: set -g mouse on; set -as terminal-features ',*:RGB'"
                        : "in ~/.tmux.conf: set -g default-terminal tmux-256color");
    } else if (screen && *screen) {
        doctor_tell(d, DOCTOR_NOTE, "between", "GNU screen: 256 colours at most",
                    "TERM=screen-256color; tmux passes more on");
    }
}

void doctor_terminal(struct doctor *d) {
    if (!tell_terminal(d)) return;
    tell_characters(d);
    tell_between(d);
}
