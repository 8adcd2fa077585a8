/* app_keys.c - keys and clicks: to whoever has the input, then to the focused pane, then to the
 * pane that a key belongs to, then to the app. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/app_parts.h"

/* ---- asking the run */

/* Whether the run can be asked for it at all; says why not. */
static bool may_ask(struct app *a, enum command_kind kind) {
    if (a->replay) {
        app_say(a, STYLE_NORMAL, "a replay changes nothing: %s%s",
                a->mode == APP_DRIVE ? "r goes back to the run" : a->drive_command,
                a->mode == APP_DRIVE ? "" : " drives the run");
        return false;
    }
    if (a->mode == APP_WATCH) {
        app_say(a, a->outdone ? STYLE_WARNING : STYLE_NORMAL,
                a->outdone ? "another screen steers alone: %s --steal takes it back"
                           : "watching only: %s drives it",
                a->drive_command);
        return false;
    }
    if (a->history.state != RUN_ENDED || (a->answers && kind == COMMAND_SAMPLE)) return true;
    if (kind == COMMAND_SAMPLE)
        app_say(a, STYLE_NORMAL, "the run has ended: leave (q), and %s answers prompts",
                a->drive_command);
    else
        app_say(a, STYLE_NORMAL,
                "the run has ended: nothing can be changed any more (q leaves)");
    return false;
}

static bool ask(struct app *a, struct outbox *out, const struct command *c) {
    if (!may_ask(a, c->kind)) return false;
    if (wishes_ask_command(&a->wishes, &a->history, out, c)) return true;
    app_say(a, STYLE_WARNING, "too many commands wait for the run's answer: try again");
    return false;
}

static void ask_plain(struct app *a, struct outbox *out, enum command_kind kind) {
    struct command c = {.kind = kind};
    if (ask(a, out, &c)) app_say(a, STYLE_NORMAL, "%s queued", command_infos[kind].word);
}

/* ---- questions */

static void ask_stop(struct app *a) {
    if (!may_ask(a, COMMAND_STOP)) return;
    a->confirm = (struct command){.kind = COMMAND_STOP};
    a->input = INPUT_CONFIRM;
    snprintf(a->question, sizeof a->question,
             "Stop after a checkpoint? Training ends; thaw run --resume %s goes on.  y/n",
             app_name(a));
}

static void ask_next_stage(struct app *a) {
    const struct history *h = &a->history;
    char now[48] = "this stage", next[48] = "";
    if (!may_ask(a, COMMAND_NEXT_STAGE)) return;
    if (h->stage >= 0) bars_stage_word(h->stages[h->stage].name, now, sizeof now);
    if (h->stage + 1 < h->n_stages)
        bars_stage_word(h->stages[h->stage + 1].name, next, sizeof next);
    a->confirm = (struct command){.kind = COMMAND_NEXT_STAGE};
    a->input = INPUT_CONFIRM;
    if (next[0])
        snprintf(a->question, sizeof a->question,
                 "End %s at its step %" PRId64 " and begin %s?  y/n", now,
                 history_stage_step(h), next);
    else
        snprintf(a->question, sizeof a->question,
                 "End %s at its step %" PRId64 "? It is the last stage: the run finishes.  y/n",
                 now, history_stage_step(h));
}

static void confirm_key(struct app *a, int key, struct outbox *out) {
    a->input = INPUT_PANES;
    if (key != 'y' && key != 'Y') {
        app_say(a, STYLE_DIM, "nothing was changed");
        return;
    }
    if (!ask(a, out, &a->confirm)) return;
    bool stop = a->confirm.kind == COMMAND_STOP;
    a->stop_asked |= stop;
    app_say(a, STYLE_NORMAL, "%s",
            stop ? "stop queued: a checkpoint first" : "next-stage queued");
}

/* ---- lines being typed */

static void focus_on(struct app *a, int pane) {
    a->focus = (pane + PANE_COUNT) % PANE_COUNT;
    if (a->zoomed >= 0) a->zoomed = a->focus;
    if (a->focus < PANE_SPEED) a->home = a->focus;
}

/* Full screen, and back; a pane that has no other place at this size gives it up. */
static void open_or_leave(struct app *a) {
    bool leave = a->zoomed >= 0 || layout_opens(&a->layout, a->focus);
    a->zoomed = leave ? -1 : a->focus;
    if (layout_opens(&a->layout, a->focus)) focus_on(a, a->home);
}

/* An own prompt is on its way: its texts are to be seen. */
static void await_sample(struct app *a, const char *prompt) {
    panel_compare_follow_own(a->panels[PANE_COMPARE], prompt);
    if (!layout_shows(&a->layout, PANE_COMPARE)) focus_on(a, PANE_COMPARE);
}

static void command_key(struct app *a, int key, struct outbox *out) {
    struct command c;
    struct err err = {0};
    a->message[0] = '\0';
    switch (command_line_key(&a->line, &a->history, key, &c, &err)) {
    case COMMAND_LINE_OPEN:
        return;
    case COMMAND_LINE_WRONG:
        app_say(a, STYLE_ERROR, "%s", err.msg);
        return;
    case COMMAND_LINE_LEFT:
        break;
    case COMMAND_LINE_QUIT:
        a->end = APP_DETACHED;
        break;
    case COMMAND_LINE_HELP:
        app_help_open(a);
        return;
    case COMMAND_LINE_SAVE:
        memcpy(a->save, a->line.file, sizeof a->save);
        break;
    case COMMAND_LINE_REPORT:
        memcpy(a->report, a->line.file, sizeof a->report);
        a->reports = true;
        break;
    case COMMAND_LINE_OVERLAY:
        app_overlay(a, c.text);
        break;
    case COMMAND_LINE_TOUR:
        app_tour_begin(a);
        break;
    case COMMAND_LINE_LESSON:
        app_lesson_command(a, c.text);
        break;
    case COMMAND_LINE_SET:
        app_set(a, c.text);
        break;
    case COMMAND_LINE_SEND:
        if (ask(a, out, &c)) {
            char words[512];
            app_command_words(&c, words, sizeof words);
            app_say(a, STYLE_NORMAL, "%s queued", words);
            a->stop_asked |= c.kind == COMMAND_STOP;
            if (c.kind == COMMAND_SAMPLE) await_sample(a, c.text);
        }
        break;
    }
    a->input = INPUT_PANES;
}

static void prompt_key(struct app *a, int key, struct outbox *out) {
    if (key == KEYS_ESCAPE || key == 3) {
        a->input = INPUT_PANES;
        return;
    }
    if (key != KEYS_ENTER && key != '\n') {
        line_edit_key(&a->prompt, key);
        return;
    }
    a->input = INPUT_PANES;
    struct command c = {.kind = COMMAND_SAMPLE};
    snprintf(c.text, sizeof c.text, "%s", a->prompt.text);
    if (!c.text[strspn(c.text, " ")] || !ask(a, out, &c)) return;
    await_sample(a, c.text);
    app_say(a, STYLE_NORMAL,
            a->history.state == RUN_ENDED ? "sample queued: the models answer"
                                          : "sample queued: the models answer after this step");
}

/* In the log, which comes into sight; an empty line means what was looked for last. */
static void find_key(struct app *a, int key) {
    if (key == KEYS_ESCAPE || key == 3) a->input = INPUT_PANES;
    else if (key != KEYS_ENTER && key != '\n') line_edit_key(&a->find, key);
    else {
        a->input = INPUT_PANES;
        if (a->find.n > 0) snprintf(a->found, sizeof a->found, "%s", a->find.text);
        if (!a->found[0]) return;
        if (!layout_shows(&a->layout, PANE_LOG)) focus_on(a, PANE_LOG);
        if (!panel_log_find(a->panels[PANE_LOG], a->found))
            app_say(a, STYLE_NORMAL, "no line of the log contains \"%s\"", a->found);
    }
}

/* ---- panes */

/* The pane whose action this is, wherever the focus is; -1: none's. */
static int owner_of(enum action action) {
    switch (action) {
    case ACTION_LOG_Y:
    case ACTION_SMOOTHING:
    case ACTION_X_UNIT:
    case ACTION_FOLLOW:
    case ACTION_ZOOM_IN:
    case ACTION_ZOOM_OUT:
    case ACTION_ZOOM_RESET:
    case ACTION_PAN_LEFT:
    case ACTION_PAN_RIGHT:
    case ACTION_MARK:
    case ACTION_MARK_NEXT:
        return PANE_LOSS;
    case ACTION_TOGGLE:
    case ACTION_UNDO:
    case ACTION_REDO:
    case ACTION_FREEZE_ALL:
    case ACTION_THAW_ALL:
    case ACTION_FREEZE_BELOW:
    case ACTION_RANGE:
        return PANE_LAYERS;
    case ACTION_COMPARE_VIEW:
    case ACTION_PROMPT_PREVIOUS:
    case ACTION_PROMPT_NEXT:
    case ACTION_BLIND:
        return PANE_COMPARE;
    default:
        return -1;
    }
}

/* Say what was asked of the layers, or why nothing was. */
static void say_asked(struct app *a, enum action action, const struct outbox *out) {
    if (owner_of(action) != PANE_LAYERS || action == ACTION_RANGE) return;
    if (out->n == 0) {
        const char *why = action == ACTION_UNDO      ? "nothing to undo"
                          : action == ACTION_REDO    ? "nothing to redo"
                          : a->history.n_groups == 0 ? "no layers are known yet"
                          : a->wishes.n_pending == WISHES_PENDING
                              ? "too many commands wait for the run's answer: try again"
                              : "nothing to change";
        app_say(a, STYLE_DIM, "%s", why);
        return;
    }
    const struct command *c = &out->commands[out->n - 1];
    app_say(a, STYLE_NORMAL, "%s %s queued", command_infos[c->kind].word, c->text);
}

/* Whether nobody would see what the action does: then its pane comes into sight, or it is said
 * how. Undoing, and freezing or thawing all, tell themselves what they did. */
static bool is_out_of_sight(struct app *a, enum action action, int owner) {
    bool small = a->layout.kind == LAYOUT_STATUS; /* no pane has room */
    if (layout_shows(&a->layout, owner)) return false;
    if (owner == PANE_COMPARE) {
        focus_on(a, PANE_COMPARE);
        return action == ACTION_COMPARE_VIEW; /* it is shown as it was */
    }
    if (owner == PANE_LOSS)
        app_say(a, STYLE_NORMAL, "the loss is out of sight: %s",
                small ? "a larger screen shows it" : "1 shows it");
    else if (action == ACTION_TOGGLE || action == ACTION_FREEZE_BELOW || action == ACTION_RANGE)
        app_say(a, STYLE_NORMAL, "the layers are out of sight: %s",
                small ? "a larger screen shows them" : "2 shows them");
    else return false;
    return true;
}

/* True: a pane took it, or it is said why none could. */
static bool pane_action(struct app *a, enum action action, struct outbox *out) {
    int owner = owner_of(action);
    struct panel *focused = a->panels[a->focus];
    bool taken = false;
    if (owner == PANE_LAYERS && !may_ask(a, COMMAND_FREEZE)) return true;
    if (owner != PANE_LAYERS) taken = focused->ops->act(focused, action, out);
    if (!taken && owner >= 0) {
        if (is_out_of_sight(a, action, owner)) return true;
        taken = a->panels[owner]->ops->act(a->panels[owner], action, out);
    }
    if (taken) say_asked(a, action, out);
    bool goes_on = action == ACTION_BLIND || action == ACTION_RANGE; /* with keys of the pane */
    if (taken && goes_on) focus_on(a, owner);
    return taken;
}

/* What opens a line to type in. */
static void line_action(struct app *a, enum action action) {
    switch (action) {
    case ACTION_COMMAND: /* also for those who may not ask the run: some are the screen's own */
        command_line_open(&a->line);
        a->message[0] = '\0';
        a->input = INPUT_COMMAND;
        break;
    case ACTION_FORK: /* a name, a freeze plan, a rate may be added */
        if (!may_ask(a, COMMAND_FORK)) break;
        command_line_open(&a->line);
        line_edit_set(&a->line.edit, "fork ");
        a->message[0] = '\0';
        a->input = INPUT_COMMAND;
        break;
    case ACTION_FIND:
        line_edit_set(&a->find, "");
        a->message[0] = '\0';
        a->input = INPUT_FIND;
        break;
    case ACTION_PROMPT_EDIT:
        if (!may_ask(a, COMMAND_SAMPLE)) break;
        line_edit_set(&a->prompt, panel_compare_prompt(a->panels[PANE_COMPARE]));
        a->input = INPUT_PROMPT;
        break;
    default:
        break;
    }
}

static void app_action(struct app *a, enum action action, struct outbox *out) {
    switch (action) {
    case ACTION_HELP:
        app_help_open(a);
        break;
    case ACTION_BACK:
        a->message[0] = '\0';
        break;
    case ACTION_DETACH:
        a->end = APP_DETACHED;
        break;
    case ACTION_STOP:
        ask_stop(a);
        break;
    case ACTION_NEXT_STAGE:
        ask_next_stage(a);
        break;
    case ACTION_NEXT_PANE:
        focus_on(a, a->focus + 1);
        break;
    case ACTION_PREVIOUS_PANE:
        focus_on(a, a->focus - 1);
        break;
    case ACTION_PANE_1:
    case ACTION_PANE_2:
    case ACTION_PANE_3:
    case ACTION_PANE_4:
    case ACTION_PANE_5:
    case ACTION_PANE_6:
        focus_on(a, (int)(action - ACTION_PANE_1));
        break;
    case ACTION_ENTER:
        open_or_leave(a);
        break;
    case ACTION_PAUSE:
        ask_plain(a, out, a->history.state == RUN_PAUSED ? COMMAND_RESUME : COMMAND_PAUSE);
        break;
    case ACTION_SINGLE_STEP:
        ask_plain(a, out, COMMAND_SINGLE_STEP);
        break;
    case ACTION_COPY:
        a->copies = true;
        break;
    case ACTION_REPORT:
        a->report[0] = '\0';
        a->reports = true;
        break;
    default:
        line_action(a, action);
        break;
    }
}

static void pane_key(struct app *a, int key, struct outbox *out) {
    enum action action = keys_action(key);
    if (app_tour_key(a, key) || app_lesson_key(a, key)) return;
    if (action == ACTION_NONE || app_replay_action(a, action)) return;
    if (pane_action(a, action, out)) return;
    bool whole = a->zoomed >= 0 || layout_opens(&a->layout, a->focus);
    if (action == ACTION_BACK && whole) open_or_leave(a);
    else app_action(a, action, out);
}

/* ---- the mouse */

static void mouse_key(struct app *a, const struct term_mouse *m, struct outbox *out) {
    bool wheel = m->wheel_up || m->wheel_down;
    if (a->input == INPUT_HELP) {
        if (wheel) app_help_key(a, m->wheel_up ? KEYS_UP : KEYS_DOWN);
        else a->input = INPUT_PANES;
        return;
    }
    if (a->input != INPUT_PANES) return;
    if (rect_holds(a->layout.tabs, m->x, m->y) && !wheel) {
        int tab = bars_tab_at(app_titles, PANE_COUNT, m->x);
        if (tab >= 0) focus_on(a, tab);
        return;
    }
    int pane = layout_pane_at(&a->layout, m->x, m->y);
    if (pane < 0) return;
    struct panel *p = a->panels[pane];
    if (!wheel) focus_on(a, pane);
    int before = out->n;
    if (p->ops->mouse) p->ops->mouse(p, m, m->x - p->area.x, m->y - p->area.y, out);
    if (out->n > before) say_asked(a, ACTION_TOGGLE, out);
}

int app_key(struct app *a, int key, const struct term_mouse *mouse, struct command *commands,
            int max) {
    struct outbox out = {.commands = commands, .max = max};
    if (key == KEYS_NONE || key == KEYS_RESIZE) return 0;
    if (key == KEYS_MOUSE) {
        if (mouse) mouse_key(a, mouse, &out);
    } else switch (a->input) {
        case INPUT_PANES:
            pane_key(a, key, &out);
            break;
        case INPUT_HELP:
        case INPUT_HELP_FIND:
            app_help_key(a, key);
            break;
        case INPUT_CONFIRM:
            confirm_key(a, key, &out);
            break;
        case INPUT_COMMAND:
            command_key(a, key, &out);
            break;
        case INPUT_PROMPT:
            prompt_key(a, key, &out);
            break;
        case INPUT_FIND:
            find_key(a, key);
            break;
        }
    return out.n;
}
