#include "ui/keys.h"

#include <stddef.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1F)

/* In the order of the help overlay; those with a hint make the hint line, left to right, when
 * they work and there is room (bars.c). `l` is "log y" and moves to the right only where there
 * is no such axis. */
const struct key_binding key_bindings[] = {
    {{'?', KEYS_F1}, ACTION_HELP, "? F1", "help", "help", false},
    {{KEYS_ESCAPE}, ACTION_BACK, "Esc", "leave help, full screen, a question", NULL, false},
    {{KEYS_TAB}, ACTION_NEXT_PANE, "Tab", "next pane", "pane", false},
    {{KEYS_BACKTAB}, ACTION_PREVIOUS_PANE, "S-Tab", "previous pane", NULL, false},
    {{'1'}, ACTION_PANE_1, "1", "to the loss pane", NULL, false},
    {{'2'}, ACTION_PANE_2, "2", "to the layers pane", NULL, false},
    {{'3'}, ACTION_PANE_3, "3", "to the compare pane", NULL, false},
    {{'4'}, ACTION_PANE_4, "4", "to the log pane", NULL, false},
    {{'5'}, ACTION_PANE_5, "5", "to the speed pane", NULL, false},
    {{'6'}, ACTION_PANE_6, "6", "to the guide: what the words on screen mean", NULL, false},
    {{'k', KEYS_UP}, ACTION_UP, "k Up", "up", NULL, false},
    {{'j', KEYS_DOWN}, ACTION_DOWN, "j Down", "down", NULL, false},
    {{'h', KEYS_LEFT}, ACTION_LEFT, "h Left", "left", NULL, false},
    {{KEYS_RIGHT}, ACTION_RIGHT, "Right", "right", NULL, false},
    {{KEYS_PAGE_UP}, ACTION_PAGE_UP, "PgUp", "a page up", NULL, false},
    {{KEYS_PAGE_DOWN}, ACTION_PAGE_DOWN, "PgDn", "a page down", NULL, false},
    {{'g', KEYS_HOME}, ACTION_TOP, "g Home", "to the top", NULL, false},
    {{'G', KEYS_END}, ACTION_BOTTOM, "G End", "to the end", NULL, false},
    {{KEYS_ENTER, '\n'},
     ACTION_ENTER,
     "Enter",
     "full screen, a block's parts, a vote",
     NULL,
     false},
    {{' '}, ACTION_TOGGLE, "Space", "freeze or thaw the selected group", "freeze", true},
    {{'u'}, ACTION_UNDO, "u", "undo the last freeze or thaw", NULL, true},
    {{CTRL('R')}, ACTION_REDO, "Ctrl-R", "redo it", NULL, true},
    {{'F'}, ACTION_FREEZE_ALL, "F", "freeze all groups", NULL, true},
    {{'T'}, ACTION_THAW_ALL, "T", "thaw all groups", NULL, true},
    {{'B'}, ACTION_FREEZE_BELOW, "B", "freeze all up to the selected group", NULL, true},
    {{'V'}, ACTION_RANGE, "V", "range of groups: j k, then Space; or leave it", NULL, true},
    {{'p'}, ACTION_PAUSE, "p", "pause, or go on; also in a replay", "pause", true},
    {{'n'}, ACTION_SINGLE_STEP, "n", "one step while paused; in a lesson: on", NULL, true},
    {{'N'}, ACTION_NEXT_STAGE, "N", "end this stage, start the next; lesson: back", NULL, true},
    {{'K'}, ACTION_FORK, "K", "fork a second run from here, its curve over this", NULL, true},
    {{'c'}, ACTION_COMPARE_VIEW, "c", "compare: text, score, top-k", "compare", false},
    {{'e'}, ACTION_PROMPT_EDIT, "e", "edit the prompt and sample it", NULL, true},
    {{'['}, ACTION_PROMPT_PREVIOUS, "[", "previous prompt", NULL, false},
    {{']'}, ACTION_PROMPT_NEXT, "]", "next prompt", "prompt", false},
    {{'b'}, ACTION_BLIND, "b", "blind vote: which text is better, or leave it", NULL, false},
    {{'l'},
     ACTION_LOG_Y,
     "l",
     "loss on a logarithmic axis, or a linear one",
     "log axis",
     false},
    {{'s'}, ACTION_SMOOTHING, "s", "smoothing of the loss curve", NULL, false},
    {{'x'}, ACTION_X_UNIT, "x", "x axis in steps, tokens or seconds", NULL, false},
    {{'f'}, ACTION_FOLLOW, "f", "follow the newest step", NULL, false},
    {{'+', '='}, ACTION_ZOOM_IN, "+ =", "zoom in", "zoom", false},
    {{'-'}, ACTION_ZOOM_OUT, "-", "zoom out", NULL, false},
    {{'0'}, ACTION_ZOOM_RESET, "0", "the whole run again", NULL, false},
    {{'<'}, ACTION_PAN_LEFT, "<", "earlier", NULL, false},
    {{'>'}, ACTION_PAN_RIGHT, ">", "later", NULL, false},
    {{'m'}, ACTION_MARK, "m", "mark this step of the curve, or unmark it", NULL, false},
    {{'\''},
     ACTION_MARK_NEXT,
     "'",
     "cursor to the next mark; a replay jumps there",
     "mark",
     false},
    {{'r'},
     ACTION_REPLAY,
     "r",
     "replay from the start; again: back to the run",
     "replay",
     false},
    {{'.'}, ACTION_FASTER, ".", "replay: faster, up to as fast as it goes", "faster", false},
    {{','}, ACTION_SLOWER, ",", "replay: slower", NULL, false},
    {{'"'}, ACTION_MARK_PREVIOUS, "\"", "replay: back to the mark before", NULL, false},
    {{'('}, ACTION_STEP_BACK, "(", "replay: a step back", NULL, false},
    {{')'}, ACTION_STEP_ON, ")", "replay: a step on", "step", false},
    {{'{'}, ACTION_SHARE_BACK, "{", "replay: back by a twentieth of the steps", NULL, false},
    {{'}'}, ACTION_SHARE_ON, "}", "replay: on by a twentieth of the steps", NULL, false},
    {{'L'}, ACTION_LESSON, "L", "lesson: larger, hidden, as it was", NULL, false},
    {{'a'}, ACTION_ANSWER, "a", "lesson: the answer to its question, or hide it", NULL, false},
    {{':'}, ACTION_COMMAND, ":", "command line, as in :freeze 0-3", "command", false},
    {{'/'}, ACTION_FIND, "/", "find in the log or this help; /, Enter: next", NULL, false},
    {{'y'}, ACTION_COPY, "y", "copy the command that repeats this run", NULL, false},
    {{'w'}, ACTION_REPORT, "w", "write this run's report, a web page (:report)", NULL, false},
    {{CTRL('L')}, ACTION_REDRAW, "Ctrl-L", "draw the screen again", NULL, false},
    {{CTRL('Z')}, ACTION_SUSPEND, "Ctrl-Z", "suspend the screen, not the run", NULL, false},
    {{'q', CTRL('C')}, ACTION_DETACH, "q Ctrl-C", "detach: training goes on", "detach", false},
    {{'Q'}, ACTION_STOP, "Q", "stop after a checkpoint; asks first", NULL, true},
};
const int n_key_bindings = (int)(sizeof key_bindings / sizeof key_bindings[0]);

enum action keys_action(int key) {
    if (key == KEYS_NONE) return ACTION_NONE;
    for (int i = 0; i < n_key_bindings; i++)
        for (int k = 0; k < 4 && key_bindings[i].keys[k]; k++)
            if (key_bindings[i].keys[k] == key) return key_bindings[i].action;
    return ACTION_NONE;
}

/* A label is one word or two, with a blank between them. */
enum action keys_action_of_word(const char *word) {
    size_t n = strlen(word);
    for (int i = 0; n > 0 && i < n_key_bindings; i++)
        for (const char *at = key_bindings[i].label; *at;) {
            size_t part = strcspn(at, " ");
            if (part == n && strncmp(at, word, n) == 0) return key_bindings[i].action;
            at += part + (at[part] == ' ');
        }
    return ACTION_NONE;
}
