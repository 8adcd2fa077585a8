/* command_line.h - the `:` line: the verbs of command.h and a few of the screen's own, with
 * completion and history. */
#ifndef THAW_UI_COMMAND_LINE_H
#define THAW_UI_COMMAND_LINE_H
#include "engine/run/command.h"
#include "ui/history.h"
#include "ui/line_edit.h"

enum { COMMAND_LINE_HISTORY = 50, COMMAND_LINE_HINT = 160, COMMAND_LINE_OWN = 9 };

/* The words that are the screen's own: nothing of them reaches the engine. */
struct own_word {
    const char *word, *help;
};
extern const struct own_word command_line_own[COMMAND_LINE_OWN];

struct command_line {
    struct line_edit edit;
    char past[COMMAND_LINE_HISTORY][LINE_EDIT_MAX]; /* oldest first */
    int n_past, at;                                 /* at == n_past: the line being typed */
    int n_new;                                      /* of the past, its newest: not kept yet */
    char typed[LINE_EDIT_MAX];                      /* kept while looking through the past */
    char hint[COMMAND_LINE_HINT]; /* candidates of the last completion, or help */
    char file[LINE_EDIT_MAX];     /* of COMMAND_LINE_SAVE and COMMAND_LINE_REPORT */
    const char *runs; /* folder of the runs that `overlay` completes, borrowed; NULL: none */
    bool refused;     /* it was WRONG: it may be mended, and `:` begins a new one */
};

enum command_line_result {
    COMMAND_LINE_OPEN,    /* still being typed */
    COMMAND_LINE_LEFT,    /* Esc, or an empty line */
    COMMAND_LINE_SEND,    /* *out is to be sent */
    COMMAND_LINE_QUIT,    /* q, quit */
    COMMAND_LINE_HELP,    /* help */
    COMMAND_LINE_SAVE,    /* save-screen: the screen belongs into `file` */
    COMMAND_LINE_REPORT,  /* report: the run's page belongs into `file`; "": one of its name */
    COMMAND_LINE_OVERLAY, /* overlay: out->text is the RUN, or ""; nothing is to be sent */
    COMMAND_LINE_SET,     /* set, theme: out->text is "KEY VALUE", "KEY" or "" */
    COMMAND_LINE_TOUR,    /* tour */
    COMMAND_LINE_LESSON,  /* lesson: out->text is "state", a step, or "" */
    COMMAND_LINE_WRONG,   /* err says what to type; the line stays open */
};

void command_line_open(struct command_line *l); /* empty, the past is kept */
enum command_line_result command_line_key(struct command_line *l, const struct history *h,
                                          int key, struct command *out, struct err *err);

/* The past in a file (command_line_file.c), a line each, 0600. Read it; none there is fine. */
void command_line_read(struct command_line *l, const char *path);
/* Put what is new behind what is there by now, which screens beside this one may have added to.
 */
bool command_line_keep(struct command_line *l, const char *path, struct err *err);
#endif
