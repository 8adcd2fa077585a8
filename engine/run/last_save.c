/* last_save.c - the save that a run ends with. There is no later one to make good for it, so
 * where the disk has no room the weights wait in memory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/run/trainer.h"

static const double retry_s = 2, look_s = 0.2;

/* Save, and write what the log could not. *saved: the checkpoint stands already. */
static bool try_save(struct trainer *t, bool *saved, struct err *err) {
    *saved = *saved || trainer_try_save(t, err);
    return *saved && event_log_flush(t->log, err);
}

/* Remove the checkpoints behind the newest whole one; false when there are none. */
static bool give_way(struct trainer *t) {
    char path[PATH_MAX], text[160];
    const char *checkpoints = t->paths->checkpoints;
    int64_t newest = checkpoint_newest(checkpoints, path, NULL, 0);
    if (newest < 0 || checkpoint_below(checkpoints, newest, path) < 0) return false;
    const struct retention newest_only = {.last = 1};
    if (!checkpoint_prune(checkpoints, &newest_only, NULL)) return false;
    snprintf(text, sizeof text,
             "the disk is full: checkpoints older than step %" PRId64
             " gave way to that of the last step",
             newest);
    report_problem(t, false, text);
    return true;
}

/* "the last saved step is 40" */
static void tell_newest(const struct trainer *t, char *out, size_t size) {
    char path[PATH_MAX];
    int64_t newest = checkpoint_newest(t->paths->checkpoints, path, NULL, 0);
    if (newest < 0) snprintf(out, size, "no step was saved so far");
    else snprintf(out, size, "the last saved step is %" PRId64, newest);
}

static void tell_waiting(struct trainer *t, bool saved, const struct err *why) {
    char text[800], newest[64];
    tell_newest(t, newest, sizeof newest);
    snprintf(text, sizeof text,
             "%s %" PRId64 " %s: %s. The run waits and %s it as soon as there is room; stop "
             "gives it up (%s)",
             saved ? "the log up to step" : "step", t->state.step,
             saved ? "is not written yet" : "is not saved yet", why->msg,
             saved ? "writes" : "saves", newest);
    report_control(t, "pause", "until there is room", "engine");
    report_problem(t, true, text); /* after the pause: on the screen the last word stays */
}

/* Obey until the next try; false when that is to give up. */
static bool rest(struct trainer *t, sig_atomic_t signals) {
    double until = clock_now() + retry_s;
    for (;;) {
        obey_waiting(t);
        sig_atomic_t now = t->stop_signal ? *t->stop_signal : 0;
        if (t->stopping || now > 1 || now != signals) return false;
        if (clock_now() >= until) return true;
        control_wait(t->control, look_s);
    }
}

static bool wait_for_room(struct trainer *t, bool *saved, struct err *why) {
    sig_atomic_t signals = t->stop_signal ? *t->stop_signal : 0;
    bool done = false;
    if (!t->control) return false; /* nobody could ever give it up */
    t->stopping = false;           /* from now on it means: give up */
    t->waits_for_room = t->paused = true;
    tell_waiting(t, *saved, why);
    while (!done && why->code == ERR_FULL && rest(t, signals)) done = try_save(t, saved, why);
    t->waits_for_room = t->paused = false;
    if (done) report_control(t, "resume", "", "engine");
    return done;
}

/* An error of the disk, or too many open files, may pass as it came: once more. */
static bool try_again(struct trainer *t, bool *saved, struct err *why) {
    struct err first = *why;
    err_prefix(&first, "the save of the last step is tried again");
    report_problem(t, false, first.msg);
    return try_save(t, saved, why);
}

bool trainer_save_last(struct trainer *t, struct err *err) {
    struct err why = {0};
    bool saved = false;
    bool done = try_save(t, &saved, &why);
    if (!done && why.code == ERR_IO) done = try_again(t, &saved, &why);
    if (!done && why.code == ERR_FULL && give_way(t)) done = try_save(t, &saved, &why);
    if (!done && why.code == ERR_FULL) done = wait_for_room(t, &saved, &why);
    if (done) return true;
    char newest[64], run[PATH_MAX];
    tell_newest(t, newest, sizeof newest);
    run_dir_word(t->paths, run);
    return err_set(err, why.code,
                   "step %" PRId64 " was not %s; %s, go on with: thaw run --resume %s (%s)",
                   t->state.step, saved ? "logged" : "saved", newest, run, why.msg);
}
