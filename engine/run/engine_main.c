#include "engine/run/engine_main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/trainer.h"

/* The one mutable global of the engine: a signal handler has no other place to write to. */
static volatile int stop_signal;

static void on_stop(int number) { stop_signal = number; }

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

static void log_failure(struct event_log *log, const struct err *why) {
    struct event problem = {.type = EVENT_PROBLEM, .problem = {true, why->msg}};
    struct event end = {.type = EVENT_END, .end = {"failed"}};
    event_log_put(log, &problem, NULL);
    event_log_put(log, &end, NULL);
    event_log_sync(log, NULL);
}

/* Where a resumed run goes on from; "" for the start. What had to be skipped is a problem to
 * tell. */
static int64_t find_checkpoint(const struct run_paths *paths, struct event_log *log,
                               char out[PATH_MAX]) {
    char skipped[480] = "";
    out[0] = '\0';
    int64_t step = checkpoint_newest(paths->checkpoints, out, skipped, sizeof skipped);
    if (step < 0) step = 0;
    if (!*skipped) return step;
    char text[600];
    snprintf(text, sizeof text, "checkpoints that are not whole were skipped: %s", skipped);
    struct event e = {.type = EVENT_PROBLEM, .problem = {false, text}};
    event_log_put(log, &e, NULL);
    return step;
}

static bool train(const struct settings *s, const struct run_paths *paths,
                  struct event_log *log, struct control *control, const char *from,
                  int64_t step, struct err *err) {
    struct trainer *t = malloc(sizeof *t);
    if (!t) return err_set(err, ERR_NOMEM, "no memory for the trainer");
    bool ok = trainer_create(t, s, paths, log, control, from, step, err);
    if (ok) {
        t->stop_signal = &stop_signal;
        ok = trainer_run(t, err);
        trainer_destroy(t);
    }
    free(t);
    return ok;
}

bool engine_main(const struct settings *s, const struct run_paths *paths, bool resume,
                 struct err *err) {
    pid_t holder = 0;
    set_signals();
    int lock = files_lock(paths->lock, &holder, err);
    if (lock < 0) return false;
    struct event_log log;
    if (!event_log_open(&log, paths->events, err)) {
        close(lock);
        return false;
    }
    blas_init();
    char from[PATH_MAX] = "";
    int64_t step = resume ? find_checkpoint(paths, &log, from) : 0;
    struct control *control = control_start(paths->socket, err);
    bool ok = control && train(s, paths, &log, control, from, step, err);
    if (!ok) log_failure(&log, err);
    control_stop(control);
    event_log_close(&log);
    close(lock);
    return ok;
}
