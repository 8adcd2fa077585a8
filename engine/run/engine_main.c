#include "engine/run/engine_main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/checkpoint_check.h"
#include "engine/run/trainer.h"

/* The one mutable global of the engine: a signal handler has no other place to write to. */
static volatile sig_atomic_t stop_signal;

/* How many have come; two say as much as any more. */
static void on_stop(int number) {
    (void)number;
    if (stop_signal < 2) stop_signal++;
}

static void set_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a file size limit is an error like a full disk */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The run ended before, or without, an end of its own. */
static void log_end(struct event_log *log, const struct err *why, int64_t step) {
    bool stopped = why->code == ERR_STOPPED;
    struct event problem = {.type = EVENT_PROBLEM, .step = step, .problem = {true, why->msg}};
    struct event end = {
        .type = EVENT_END, .step = step, .end = {stopped ? "stopped" : "failed"}};
    if (!stopped) event_log_put(log, &problem, NULL);
    event_log_put(log, &end, NULL);
    event_log_sync(log, NULL);
}

/* Where a resumed run goes on from; "" for the start. What had to be skipped is a problem to
 * tell, with why. */
static int64_t find_checkpoint(const struct run_paths *paths, struct event_log *log,
                               char out[PATH_MAX]) {
    struct buf skipped = {0}, text = {0};
    out[0] = '\0';
    int64_t step = checkpoint_newest_sound(paths->checkpoints, out, &skipped);
    if (step < 0) {
        out[0] = '\0'; /* the last one that was looked at stands there */
        step = 0;
    }
    if (skipped.len > 0) {
        buf_printf(&text, "checkpoints that are not whole were skipped: %s", skipped.data);
        struct event e = {
            .type = EVENT_PROBLEM, .step = step, .problem = {false, buf_text(&text)}};
        event_log_put(log, &e, NULL);
    }
    buf_deinit(&skipped);
    buf_deinit(&text);
    return step;
}

/* *step gets the last one that was made. */
static bool train(const struct trainer_plan *plan, int64_t *step, struct err *err) {
    struct trainer *t = malloc(sizeof *t);
    if (!t) return err_set(err, ERR_NOMEM, "no memory for the trainer");
    bool made = trainer_create(t, plan, err);
    bool agreed = together_agree(plan->ranks, t, made, err);
    bool ok = agreed && trainer_run(t, err);
    if (agreed) together_end(t);
    if (made) {
        *step = t->state.step;
        trainer_destroy(t);
    }
    free(t);
    return ok;
}

/* The process that started this one: without it, mpirun has given up, and nobody else is left.
 */
static bool is_orphan(void *ctx) { return getppid() != *(pid_t *)ctx; }

/* Where mpirun started several: meet them. What is trained was told by rank 0 then, in s, from
 * and *step. */
static bool meet(pid_t *parent, struct settings *s, char from[PATH_MAX], int64_t *step,
                 struct ranks **out, struct err *err) {
    *out = NULL;
    if (ranks_started(NULL) == 1) return true;
    *parent = getppid();
    *out = ranks_join(NULL, err);
    if (!*out) return false;
    ranks_watch(*out, is_orphan, parent);
    return together_meet(*out, s, from, step, err);
}

/* The names of what is written from now on outlive a power loss: those of the files are synced
 * with the files' own folders, so that only the log's and the checkpoints' folder's are left.
 */
static bool open_folder(const struct run_paths *paths, struct event_log *log, struct err *err) {
    if (!event_log_open(log, paths->events, err)) return false;
    if (files_make_dirs(paths->checkpoints, 0700, err) && files_sync_dir(paths->dir, err))
        return true;
    event_log_close(log);
    return false;
}

/* Alone, or as rank 0 of several. */
static bool train_run(const struct settings *s, const struct run_paths *paths, bool resume,
                      struct event_log *log, struct err *err) {
    char from[PATH_MAX] = "";
    int64_t step = resume ? find_checkpoint(paths, log, from) : 0;
    pid_t parent;
    struct settings told = *s;
    struct trainer_plan plan = {.settings = s,
                                .paths = paths,
                                .log = log,
                                .control = control_start(paths->socket, err),
                                .stop_signal = &stop_signal,
                                .resume_from = from,
                                .resume_step = step};
    bool ok = plan.control && meet(&parent, &told, from, &step, &plan.ranks, err) &&
              train(&plan, &step, err);
    if (!ok) log_end(log, err, step);
    ranks_leave(plan.ranks, ok || err->code == ERR_STOPPED);
    control_stop(plan.control);
    return ok;
}

bool engine_main(const struct settings *s, const struct run_paths *paths, bool resume,
                 struct err *err) {
    pid_t holder = 0;
    set_signals();
    int lock = files_lock(paths->lock, &holder, err);
    if (lock < 0) return false;
    struct event_log log;
    if (!open_folder(paths, &log, err)) {
        close(lock);
        return false;
    }
    blas_init();
    bool ok = train_run(s, paths, resume, &log, err);
    event_log_close(&log);
    close(lock);
    return ok || err->code == ERR_STOPPED;
}

/* ---- one of several ---- */

static void say_nothing(void *ctx, const struct event *e) {
    (void)ctx;
    (void)e;
}

static bool follow(const struct trainer_plan *plan, struct err *err) {
    struct trainer *t = malloc(sizeof *t);
    if (!t) return err_set(err, ERR_NOMEM, "no memory for the trainer");
    bool made = trainer_create(t, plan, err);
    bool ok = together_agree(plan->ranks, t, made, err) && trainer_follow(t, err);
    if (made) trainer_destroy(t);
    free(t);
    return ok;
}

bool engine_follow(struct err *err) {
    char from[PATH_MAX] = "";
    int64_t step = 0;
    pid_t parent;
    struct event_log log;
    struct settings *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "not enough memory for the run's settings");
    set_signals(); /* rank 0 says when to stop */
    blas_init();
    event_log_listen(&log, say_nothing, NULL);
    struct trainer_plan plan = {.settings = s, .log = &log, .resume_from = from};
    bool ok = meet(&parent, s, from, &step, &plan.ranks, err);
    plan.resume_step = step;
    ok = ok && follow(&plan, err);
    ranks_leave(plan.ranks, ok || err->code == ERR_STOPPED);
    free(s);
    return ok || err->code == ERR_STOPPED;
}

/* ---- a run that has ended ---- */

static bool answer(const struct trainer_plan *plan, struct err *err) {
    struct trainer *t = malloc(sizeof *t);
    if (!t) return err_set(err, ERR_NOMEM, "no memory to answer prompts");
    bool ok = trainer_create_idle(t, plan, err);
    if (ok) {
        trainer_answer(t);
        trainer_destroy(t);
    }
    free(t);
    return ok;
}

bool engine_idle(const struct settings *s, const struct run_paths *paths, struct err *err) {
    char from[PATH_MAX];
    struct event_log log;
    set_signals();
    int64_t step = checkpoint_newest_sound(paths->checkpoints, from, NULL);
    if (step < 0)
        return err_set(err, ERR_IO, "%s has no sound checkpoint to answer from", paths->dir);
    int lock = files_lock(paths->lock, NULL, err);
    if (lock < 0) return false;
    if (!event_log_open(&log, paths->events, err)) {
        close(lock);
        return false;
    }
    blas_init();
    struct trainer_plan plan = {.settings = s,
                                .paths = paths,
                                .log = &log,
                                .control = control_start(paths->socket, err),
                                .stop_signal = &stop_signal,
                                .resume_from = from,
                                .resume_step = step};
    bool ok = plan.control && answer(&plan, err);
    control_stop(plan.control);
    event_log_close(&log);
    close(lock);
    return ok;
}
