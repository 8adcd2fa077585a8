/* screens.c - screens that come and go, die and hang cost the training nothing: no step is
 * lost, and the weights are those of a run that nobody looked at. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "tests/faults/screen.h"

static const struct lab_run shape = {1000000, 1000000, 1000000, 128, 32, 1, false};

enum { ATTACH, HANG_UP, KILL, WAYS };

/* One screen, until it shows its panes, and gone again. */
static void come_and_go(struct lab *lab, const struct run_paths *paths, int way) {
    struct screen s;
    screen_start(lab, "attach", paths, &s);
    if (!screen_until(&s, "Loss")) lab_fail(lab, "screen %ld shows nothing", lab->cases);
    if (way == HANG_UP) {
        screen_hang_up(&s);
    } else if (way == KILL) {
        kill(s.pid, SIGKILL);
        screen_end(&s);
    } else {
        screen_type(&s, "q");
        int status = screen_end(&s);
        if (status != 0) lab_fail(lab, "screen %ld left with status %d", lab->cases, status);
    }
    lab->cases++;
}

/* Many look on, one of them is stopped and reads nothing: training goes on, the others leave
 * well. */
static void watchers(struct lab *lab, const struct run_paths *paths, pid_t engine) {
    enum { MOST = 30 };
    struct screen s[MOST];
    int n = lab_count(lab, 6, MOST);
    for (int i = 0; i < n; i++) screen_start(lab, "watch", paths, &s[i]);
    for (int i = 0; i < n; i++)
        if (!screen_until(&s[i], "Loss"))
            lab_fail(lab, "watcher %d of %d shows nothing", i + 1, n);
    kill(s[n - 1].pid, SIGSTOP);
    int64_t until = screen_last_step(paths) + 100;
    while (screen_last_step(paths) < until && screen_steps(paths, engine, 0))
        screen_drain(s, n - 1, 50);
    kill(s[n - 1].pid, SIGCONT);
    for (int i = 0; i < n; i++) screen_type(&s[i], "q");
    for (int i = 0; i < n; i++) {
        int status = screen_end(&s[i]);
        if (status != 0) lab_fail(lab, "watcher %d left with status %d", i + 1, status);
    }
    lab->cases += n;
}

/* Every step from 1 on stands in the log once, in order; the number of the last. */
static int64_t steps_told(struct lab *lab, const struct run_paths *paths) {
    struct event_reader *r = event_reader_open(paths->events, NULL);
    struct event e;
    int64_t last = 0;
    while (r && event_reader_next(r, &e, NULL) == 1) {
        if (e.type != EVENT_STEP) continue;
        if (e.step != last + 1)
            lab_fail(lab, "step %lld follows on %lld", (long long)e.step, (long long)last);
        last = e.step;
    }
    event_reader_close(r);
    return last;
}

/* The same run with nobody looking on, up to that step. */
static void compare_alone(struct lab *lab, const struct run_paths *paths, int64_t step) {
    struct run_paths alone;
    struct lab_end end;
    struct lab_run to_step = shape;
    char path[PATH_MAX];
    to_step.every = (int)step;
    lab_fresh(lab, "alone", to_step, 1, &alone);
    const char *const arguments[] = {"engine", alone.dir, NULL};
    pid_t engine = lab_start(lab, arguments, NULL);
    while (checkpoint_newest(alone.checkpoints, path, NULL, 0) < 0 &&
           screen_steps(&alone, engine, 0))
        usleep(20000);
    kill(engine, SIGKILL);
    lab_wait(lab, engine, &end);
    if (!lab_same_checkpoint(paths, &alone, step))
        lab_fail(lab, "the weights at step %lld are not those of a run alone", (long long)step);
}

void suite_screens(struct lab *lab) {
    struct run_paths paths;
    struct lab_end end;
    int cycles = lab_count(lab, 4, 100);
    lab_fresh(lab, "watched", shape, 2, &paths);
    const char *const arguments[] = {"engine", paths.dir, NULL};
    pid_t engine = lab_start(lab, arguments, NULL);
    screen_steps(&paths, engine, 3);
    for (int i = 0; i < WAYS * cycles; i++) {
        come_and_go(lab, &paths, i % WAYS);
        lab_progress(lab, i + 1, WAYS * cycles);
    }
    watchers(lab, &paths, engine);
    if (!screen_ask(&paths, COMMAND_STOP, "")) lab_fail(lab, "the engine does not answer");
    lab_wait(lab, engine, &end);
    if (end.status != 0)
        lab_fail(lab, "the engine ended with status %d: %s", end.status, end.said);
    int64_t step = steps_told(lab, &paths);
    lab->noted = (long)step;
    compare_alone(lab, &paths, step);
}
