#include "ui/app.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/app_parts.h"
#include "ui/format.h"

const char *const app_titles[PANE_COUNT] = {"Loss", "Layers", "Compare",
                                            "Log",  "Speed",  "Guide"};

/* Without events for so long, and for so many steps' time, a run counts as stalled. */
static const double silence_s = 5, silence_steps = 5;

struct app *app_create(const struct app_options *o, struct err *err) {
    static struct panel *(*const create[PANE_COUNT])(
        const struct history *, struct wishes *) = {panel_loss_create,    panel_layers_create,
                                                    panel_compare_create, panel_log_create,
                                                    panel_speed_create,   panel_guide_create};
    struct app *a = calloc(1, sizeof *a);
    if (!a) {
        err_set(err, ERR_NOMEM, "no memory for the screen");
        return NULL;
    }
    a->mode = o->mode;
    a->answers = o->answers;
    snprintf(a->name, sizeof a->name, "%s", o->name ? o->name : "");
    snprintf(a->drive_command, sizeof a->drive_command, "%s",
             o->drive_command ? o->drive_command : "thaw attach");
    snprintf(a->log, sizeof a->log, "%s", o->log ? o->log : "");
    a->speed = o->speed > 0 ? o->speed : 1;
    snprintf(a->runs, sizeof a->runs, "%s", o->runs ? o->runs : ".");
    a->line.runs = a->runs;
    if (o->repeat_command)
        snprintf(a->repeat_command, sizeof a->repeat_command, "%s", o->repeat_command);
    else snprintf(a->repeat_command, sizeof a->repeat_command, "thaw run --resume %s", a->name);
    history_init(&a->history);
    history_init(&a->live);
    wishes_init(&a->wishes);
    a->focus = a->home = PANE_LAYERS;
    a->zoomed = -1;
    for (int i = 0; i < PANE_COUNT; i++) {
        a->panels[i] = create[i](&a->history, &a->wishes);
        if (!a->panels[i]) {
            app_destroy(a);
            err_set(err, ERR_NOMEM, "no memory for the screen");
            return NULL;
        }
        a->panels[i]->watching = a->mode != APP_DRIVE;
    }
    panel_loss_overlay(a->panels[PANE_LOSS], &a->overlays);
    app_prefs_begin(a, o);
    app_lesson_begin(a, o);
    bool ok = !o->overlay || overlays_add(&a->overlays, a->runs, o->overlay, err);
    if (ok && (a->mode != APP_REPLAY || app_replay_begin(a, err))) return a;
    app_destroy(a);
    return NULL;
}

void app_destroy(struct app *a) {
    if (!a) return;
    for (int i = 0; i < PANE_COUNT; i++)
        if (a->panels[i]) a->panels[i]->ops->destroy(a->panels[i]);
    history_deinit(&a->history);
    history_deinit(&a->live);
    replay_close(a->replay);
    overlays_clear(&a->overlays);
    free(a);
}

const char *app_name(const struct app *a) { return a->name[0] ? a->name : a->history.name; }

void app_say(struct app *a, enum style style, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(a->message, sizeof a->message, fmt, args);
    va_end(args);
    a->message_style = style;
    a->message_new = true;
    a->message_is_news = false;
}

/* What the log tells. The log pane has it too, so that it takes no warning's place, unless it
 * is a problem or the run's end. */
static void say_news(struct app *a, enum style style, const char *text) {
    bool stands = a->message[0] && !a->message_is_news && style_is_alarm(a->message_style);
    if (stands && !style_is_alarm(style) && style != STYLE_STRONG) return;
    app_say(a, style, "%s", text);
    a->message_is_news = true;
}

enum app_end app_ended(const struct app *a) { return a->end; }

bool app_looks_only(const struct app *a) { return a->mode != APP_DRIVE || a->replay; }

enum life app_life(const struct app *a, double now, double *silent_s) {
    const struct history *h = &a->history;
    double step = isfinite(h->step_s) ? h->step_s : isfinite(h->last.total) ? h->last.total : 0;
    *silent_s = a->heard_at > 0 ? now - a->heard_at : 0;
    if (a->replay) return LIFE_REPLAY;
    if (h->state == RUN_ENDED) return LIFE_ENDED;
    if (a->dead) return LIFE_DEAD;
    if (h->state == RUN_PAUSED) return LIFE_PAUSED;
    if (h->state == RUN_STARTING) return LIFE_STARTING;
    return *silent_s > fmax(silence_s, silence_steps * step) ? LIFE_STALLED : LIFE_LIVE;
}

/* ---- facts */

/* Groups that were frozen from one step on, told together. */
static void say_freeze(struct app *a) {
    const struct history_freeze *f = &a->history.freeze;
    char what[80], forecast[64] = "", seconds[FORMAT_MAX], text[sizeof a->message];
    if (f->count > 1) snprintf(what, sizeof what, "%d groups", f->count);
    else snprintf(what, sizeof what, "%s", f->group);
    format_seconds(seconds, isfinite(f->measured_s) ? f->measured_s : f->predicted_s);
    if (isfinite(f->measured_s))
        snprintf(forecast, sizeof forecast, ", a step takes %s", seconds);
    else if (isfinite(f->predicted_s))
        snprintf(forecast, sizeof forecast, ", a step should take %s", seconds);
    snprintf(text, sizeof text, "%s %s from step %" PRId64 "%s", what,
             f->frozen      ? "frozen"
             : f->count > 1 ? "learn"
                            : "learns",
             f->step, forecast);
    say_news(a, f->frozen ? STYLE_FROZEN : STYLE_LEARN, text);
}

static void say_event(struct app *a, const struct event *e) {
    struct buf text = {0};
    enum style style;
    switch (e->type) {
    case EVENT_FREEZE:
        say_freeze(a);
        return;
    case EVENT_PROBLEM:
    case EVENT_END:
    case EVENT_CONTROL:
        break;
    default:
        return;
    }
    if (e->type == EVENT_CONTROL && !a->replay && strcmp(e->control.by, "screen") == 0)
        return; /* answered */
    if (journal_sentence(e, &text, &style)) say_news(a, style, buf_text(&text));
    buf_deinit(&text);
}

void app_observe(struct app *a, const struct event *e) {
    bool whole = !a->history.failed;
    history_observe(&a->history, e);
    lesson_observe(&a->lesson_at, e);
    if (whole && a->history.failed)
        app_say(a, STYLE_ERROR,
                "memory ran out: from here on something is missing on this screen");
    if (a->wishes.n_pending > 0 && !a->replay) wishes_settle(&a->wishes, &a->history);
    say_event(a, e);
    a->seen++;
    if (a->replay) return; /* the engine has told this before */
    a->dead = false;
    if (e->type == EVENT_END && a->stop_asked) a->end = APP_STOP_ASKED;
}

/* Whether something was frozen, thawed or set while it ran: no config says so. */
static bool was_steered(const struct history *h) {
    for (size_t i = 0; i < h->journal.n_marks; i++)
        if (strchr("FTL", h->journal.marks[i].letter)) return true;
    return false;
}

void app_copied(struct app *a, bool sent) {
    a->copies = false;
    app_say(a, STYLE_NORMAL, "%s%s: %s",
            sent ? "copied, if this terminal lets programs copy"
                 : "this terminal cannot copy; the command is",
            was_steered(&a->history) ? " (without what was changed by hand)" : "",
            a->repeat_command);
}

void app_caught_up(struct app *a) {
    if (a->message_is_news) a->message[0] = '\0';
    if (!a->own_note[0]) return;
    journal_note(&a->history.journal, STYLE_WARNING, a->own_note);
    app_say(a, STYLE_WARNING, "%s", a->own_note);
}

void app_set_dead(struct app *a, bool dead) {
    if (dead && !a->dead && a->history.state != RUN_ENDED)
        app_say(a, STYLE_ERROR, "the engine is dead: thaw run --resume %s goes on",
                app_name(a));
    a->dead = dead;
}

void app_set_role(struct app *a, int role) {
    if (role < 0 && a->mode == APP_DRIVE) {
        a->mode = APP_WATCH;
        a->outdone = true;
        app_say(a, STYLE_WARNING, "another screen steers alone now: %s --steal takes it back",
                a->drive_command);
    } else if (role > 0 && a->outdone) {
        a->mode = APP_DRIVE;
        a->outdone = false;
        app_say(a, STYLE_NORMAL, "this screen steers again");
    }
}

/* ---- answers */

void app_command_words(const struct command *c, char *out, size_t size) {
    struct buf text = {0};
    command_to_words(c, &text);
    snprintf(out, size, "%s", buf_text(&text));
    buf_deinit(&text);
}

void app_answer(struct app *a, const struct answer *answer) {
    struct pending p;
    char words[512];
    if (!wishes_answer(&a->wishes, answer, &p)) return;
    app_command_words(&p.command, words, sizeof words);
    if (!answer->ok) {
        if (p.command.kind == COMMAND_STOP) a->stop_asked = false;
        app_say(a, STYLE_ERROR, "%s: %s", words, answer->error);
        return;
    }
    if (answer->run[0]) { /* the loop starts it, and tells */
        snprintf(a->fork, sizeof a->fork, "%s", answer->run);
        a->fork_step = answer->step;
        return;
    }
    bool freezes = p.command.kind == COMMAND_FREEZE || p.command.kind == COMMAND_UNFREEZE;
    if (freezes && a->history.freeze.count > 0 && a->history.freeze.step == answer->step)
        wishes_settle(&a->wishes, &a->history); /* the fact was faster, and is said already */
    else if (freezes)
        app_say(a, STYLE_NORMAL, "%s queued, holds from step %" PRId64, words, answer->step);
    else if (a->history.state == RUN_ENDED) app_say(a, STYLE_NORMAL, "%s: done", words);
    else app_say(a, STYLE_NORMAL, "%s: done, before step %" PRId64, words, answer->step);
}

void app_unanswered(struct app *a, const char *why) {
    if (a->wishes.n_pending == 0) return;
    a->wishes.n_pending = 0;
    a->stop_asked = false;
    app_say(a, STYLE_ERROR, "%s", why);
}
