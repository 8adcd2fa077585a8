/* app_replay.c - the log played back on the same screen: the fold stands where the replay
 * stands. */
#include <math.h>
#include <stdio.h>

#include "ui/app_parts.h"

static const double ahead_slice_s = 0.01, play_slice_s = 0.02;
static const double share = 0.05; /* of the steps, by one key */

/* ---- begin and end */

bool app_replay_begin(struct app *a, struct err *err) {
    struct err why = {0};
    if (!a->log[0]) err_set(&why, ERR_USAGE, "this run has no log to be replayed");
    else a->replay = replay_open(a->log, a->speed, &why);
    if (!a->replay) {
        app_say(a, STYLE_ERROR, "%s", why.msg);
        return err_set(err, why.code, "%s", why.msg);
    }
    a->live = a->history;
    history_init(&a->history);
    a->unreadable = false;
    if (a->mode != APP_REPLAY) app_say(a, STYLE_NORMAL, "a replay: r goes back to the run");
    return true;
}

/* What the run has told meanwhile is read next. */
static void leave(struct app *a) {
    replay_close(a->replay);
    a->replay = NULL;
    history_deinit(&a->history);
    a->history = a->live;
    history_init(&a->live);
    app_say(a, STYLE_NORMAL, "back to the run itself");
}

static void hear(void *app, const struct event *e) { app_observe(app, e); }

static bool look_ahead(struct app *a, double slice_s, bool *more) {
    struct err err = {0};
    int got = replay_look_ahead(a->replay, slice_s, &err);
    bool news = got < 0 && !a->unreadable;
    if (news) app_say(a, STYLE_ERROR, "%s", err.msg);
    a->unreadable = got < 0;
    *more = got > 0;
    return news || got > 0;
}

bool app_replay_play(struct app *a, double now, bool *more) {
    bool behind;
    bool news = look_ahead(a, ahead_slice_s, more);
    news |= replay_play(a->replay, now, play_slice_s, hear, a, &behind) > 0;
    *more |= behind;
    return news;
}

/* ---- jumps */

static void jump(struct app *a, int64_t place) {
    replay_jump(a->replay, place, &a->history);
    a->message[0] = '\0'; /* it was about another place */
    a->seen++;
}

bool app_replay_at(struct app *a, int64_t step, struct err *err) {
    int got;
    do got = replay_look_ahead(a->replay, 1, err);
    while (got > 0);
    if (got < 0) return false;
    replay_pause(a->replay, true);
    jump(a, step < 0 ? INT64_MAX : replay_place_of_step(a->replay, step));
    return true;
}

static void jump_to_mark(struct app *a, bool forward) {
    char text[80] = "";
    int n;
    const double *own = panel_loss_own_marks(a->panels[PANE_LOSS], &n);
    int64_t place = replay_mark_from_here(a->replay, forward, own, n, text, sizeof text);
    if (place >= 0) jump(a, place);
    app_say(a, STYLE_NORMAL, "%s",
            place >= 0 ? text
            : forward  ? "there is no mark further on"
                       : "there is no mark before this");
}

/* One step, and stay there. */
static void step(struct app *a, int64_t by) {
    replay_pause(a->replay, true);
    jump(a, replay_steps_from_here(a->replay, by));
}

/* Play from here, from the start when this is the end; or stay here. */
static void play_or_pause(struct app *a) {
    struct replay_state s;
    replay_state(a->replay, &s);
    if (s.at_end) jump(a, 0);
    replay_pause(a->replay, !s.at_end && !s.paused);
}

static void from_the_start(struct app *a) {
    jump(a, 0);
    replay_pause(a->replay, false);
}

/* While it stands the top row does not tell the speed. */
static void change_speed(struct app *a, int by) {
    struct replay_state s;
    replay_change_speed(a->replay, by);
    replay_state(a->replay, &s);
    if (!s.paused && !s.at_end) return;
    if (isfinite(s.speed)) app_say(a, STYLE_NORMAL, "it will play at %gx", s.speed);
    else app_say(a, STYLE_NORMAL, "it will play as fast as it goes");
}

/* ---- keys */

/* Keys that mean nothing else. */
static bool is_own(enum action action) {
    return action >= ACTION_FASTER && action <= ACTION_SHARE_ON;
}

static bool transport(struct app *a, enum action action) {
    switch (action) {
    case ACTION_PAUSE:
        play_or_pause(a);
        break;
    case ACTION_FASTER:
    case ACTION_SLOWER:
        change_speed(a, action == ACTION_FASTER ? 1 : -1);
        break;
    case ACTION_MARK_NEXT:
    case ACTION_MARK_PREVIOUS:
        jump_to_mark(a, action == ACTION_MARK_NEXT);
        break;
    case ACTION_STEP_BACK:
    case ACTION_STEP_ON:
    case ACTION_SINGLE_STEP:
        step(a, action == ACTION_STEP_BACK ? -1 : 1);
        break;
    case ACTION_SHARE_BACK:
    case ACTION_SHARE_ON:
        jump(a, replay_share_from_here(a->replay, action == ACTION_SHARE_ON ? share : -share));
        break;
    default:
        return false;
    }
    return true;
}

bool app_replay_action(struct app *a, enum action action) {
    if (action == ACTION_REPLAY) {
        if (!a->replay) app_replay_begin(a, NULL);
        else if (a->mode == APP_REPLAY) from_the_start(a);
        else leave(a);
        return true;
    }
    if (a->replay) return transport(a, action);
    if (is_own(action)) app_say(a, STYLE_NORMAL, "this is the run itself: r replays it");
    return is_own(action);
}
