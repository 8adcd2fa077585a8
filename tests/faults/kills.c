/* kills.c - kill -9 at any time: a run is killed and resumed until it comes to its end, again
 * and again, and each time the newest whole checkpoint is the one that it goes on from. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "tests/faults/lab.h"

static const struct lab_run shape = {60, 60, 2, 16, 2, 1, false};

/* The step that the engine said it goes on from: that of its last `run` event. */
static int64_t resumed_at(const struct run_paths *paths) {
    int64_t at = -1;
    struct err err = {0};
    struct event e;
    struct event_reader *r = event_reader_open(paths->events, &err);
    while (r && event_reader_next(r, &e, &err) == 1)
        if (e.type == EVENT_RUN) at = e.step;
    event_reader_close(r);
    return at;
}

static void rest(double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* Start it, kill it after up to `most` seconds. True when it was quicker than that. */
static bool kill_once(struct lab *lab, const struct run_paths *paths, bool resume, double most,
                      struct lab_end *end) {
    const char *const arguments[] = {"engine", paths->dir, resume ? "--resume" : NULL, NULL};
    pid_t child = lab_start(lab, arguments, NULL);
    rest(rng_uniform(&lab->rng) * most);
    kill(child, SIGKILL);
    lab_wait(lab, child, end);
    return end->signal == 0;
}

/* Kill a run until it is over, at most `left` times, up to *most seconds after each start: that
 * follows the machine's speed, so that a run gets a few saves further each time. */
static void one_run(struct lab *lab, const struct run_paths *reference, double *most,
                    long left) {
    struct run_paths paths;
    struct lab_end end;
    struct lab_log log;
    char path[PATH_MAX], what[64];
    const char *why;
    int64_t newest = -1;
    bool over = false, resume = false;
    lab_fresh(lab, "killed", shape, 2, &paths);
    for (long i = 0; i < left && !over; i++) {
        long events = lab_read_log(&paths, &log, &why) ? log.events : 0;
        over = kill_once(lab, &paths, resume, *most, &end);
        snprintf(what, sizeof what, "kill %ld", lab->cases);
        if (over && end.status != 0)
            lab_fail(lab, "%s: status %d: %s", what, end.status, end.said);
        if (!lab_intact(lab, &paths, reference, newest, what)) break;
        lab_read_log(&paths, &log, &why);
        if (log.events < events)
            lab_fail(lab, "%s: %ld events are gone", what, events - log.events);
        lab->noted += log.torn_bytes > 0;
        if (newest >= 0 && log.events > events && resumed_at(&paths) < newest)
            lab_fail(lab, "%s: it went on from step %lld, not %lld", what,
                     (long long)resumed_at(&paths), (long long)newest);
        int64_t before = newest;
        newest = checkpoint_newest(paths.checkpoints, path, NULL, 0);
        *most *= newest > before + 20 ? 0.8 : newest == before ? 1.2 : 1;
        resume = true;
        lab->cases += !over;
    }
    snprintf(what, sizeof what, "after kill %ld", lab->cases);
    lab_recovers(lab, &paths, reference, true, what);
}

void suite_kills(struct lab *lab) {
    struct run_paths reference;
    int kills = lab_count(lab, 40, 1000);
    double most = 0.1;
    lab_reference(lab, "kills-reference", shape, &reference);
    while (lab->cases < kills && lab->failures == 0) {
        one_run(lab, &reference, &most, kills - lab->cases);
        lab_progress(lab, lab->cases, kills);
    }
}
