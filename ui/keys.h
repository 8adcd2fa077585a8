/* keys.h - every key and what it does: ONE table, from which the help overlay, the hint line and the
 * man page are made. A key means an action; the action goes to the focused panel, then to the app. */
#ifndef THAW_UI_KEYS_H
#define THAW_UI_KEYS_H
#include <stdbool.h>
#include <stdint.h>

/* A key as term.c reports it: a Unicode character, or one of these (above all characters). */
enum key {
    KEYS_NONE = 0, KEYS_SPECIAL = 0x200000, KEYS_UP, KEYS_DOWN, KEYS_LEFT, KEYS_RIGHT, KEYS_PAGE_UP, KEYS_PAGE_DOWN,
    KEYS_HOME, KEYS_END, KEYS_BACKTAB, KEYS_BACKSPACE, KEYS_DELETE, KEYS_F1, KEYS_MOUSE, KEYS_RESIZE,
    KEYS_ESCAPE = 27, KEYS_ENTER = '\r', KEYS_TAB = '\t'
};

enum action {
    ACTION_NONE, ACTION_HELP, ACTION_BACK, ACTION_DETACH, ACTION_STOP, ACTION_NEXT_PANE, ACTION_PREVIOUS_PANE,
    ACTION_PANE_1, ACTION_PANE_2, ACTION_PANE_3, ACTION_PANE_4, ACTION_PANE_5, ACTION_PANE_6, ACTION_UP, ACTION_DOWN, ACTION_LEFT,
    ACTION_RIGHT, ACTION_PAGE_UP, ACTION_PAGE_DOWN, ACTION_TOP, ACTION_BOTTOM, ACTION_ENTER, ACTION_TOGGLE,
    ACTION_UNDO, ACTION_REDO, ACTION_FREEZE_ALL, ACTION_THAW_ALL, ACTION_FREEZE_BELOW, ACTION_PAUSE,
    ACTION_SINGLE_STEP, ACTION_NEXT_STAGE, ACTION_FORK, ACTION_ZOOM_IN, ACTION_ZOOM_OUT, ACTION_ZOOM_RESET, ACTION_PAN_LEFT, ACTION_PAN_RIGHT,
    ACTION_MARK, ACTION_MARK_NEXT, ACTION_LOG_Y, ACTION_SMOOTHING, ACTION_X_UNIT, ACTION_FOLLOW, ACTION_COMPARE_VIEW, ACTION_PROMPT_EDIT,
    ACTION_PROMPT_PREVIOUS, ACTION_PROMPT_NEXT, ACTION_BLIND, ACTION_RANGE, ACTION_COPY, ACTION_REPORT, ACTION_COMMAND, ACTION_FIND, ACTION_REDRAW, ACTION_SUSPEND,
    ACTION_REPLAY, ACTION_FASTER, ACTION_SLOWER, ACTION_MARK_PREVIOUS, ACTION_STEP_BACK, ACTION_STEP_ON, ACTION_SHARE_BACK, ACTION_SHARE_ON,
    ACTION_LESSON, ACTION_ANSWER, ACTION_COUNT
};

struct key_binding {
    int keys[4];        /* ended by 0 when fewer */
    enum action action;
    const char *label;  /* "Space", "Tab", "q Ctrl-C"; up to the blank for the hint line */
    const char *help;   /* "freeze or thaw the selected group" */
    const char *hint;   /* short word for the hint line: "freeze"; NULL: not there */
    bool changes_run;   /* dimmed for watchers */
};
extern const struct key_binding key_bindings[];
extern const int n_key_bindings;

enum action keys_action(int key);
/* The action of a key as its label has it: "Space", "p", "F1"; ACTION_NONE: there is no such key. */
enum action keys_action_of_word(const char *word);
#endif
