/* soak.c - a run that is used for long: it is asked for this and that at random, screens come
 * and go, and its memory stays what it was. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "tests/faults/screen.h"

static const struct lab_run shape = {1000000, 1000000, 50, 128, 32, 1, false};

/* Bytes of the process that are in memory, or 0. */
static double resident(pid_t pid) {
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void look_on(struct lab *lab, const struct run_paths *paths) {
    static const char *const keys[] = {"1", "2", "3", "4", "\t", "j",
                                       "k", "+", "-", "]", "?",  "\x1b"};
    struct screen s;
    screen_start(lab, "attach", paths, &s);
    if (!screen_until(&s, "Loss")) lab_fail(lab, "a screen shows nothing");
    for (int i = 0; i < 5; i++) {
        screen_type(&s, keys[rng_below(&lab->rng, sizeof keys / sizeof *keys)]);
        screen_drain(&s, 1, 20);
    }
    screen_hang_up(&s);
}

/* One wish at random; refusals (to freeze all that learns) are answers as well. */
static void wish(struct lab *lab, const struct run_paths *paths) {
    static const char *const groups[] = {"embed", "0", "block.0.attn", "block.0.mlp", "norm"};
    const char *group = groups[rng_below(&lab->rng, sizeof groups / sizeof *groups)];
    bool granted = false;
    switch (rng_below(&lab->rng, 7)) {
    case 0:
        granted = screen_ask(paths, COMMAND_FREEZE, group);
        break;
    case 1:
        granted = screen_ask(paths, COMMAND_UNFREEZE, group);
        break;
    case 2:
        granted = screen_ask(paths, COMMAND_SAMPLE, "the old");
        break;
    case 3:
        granted = screen_ask(paths, COMMAND_CHECKPOINT, "");
        break;
    case 4:
        granted = screen_ask(paths, COMMAND_EVAL, "");
        break;
    case 5:
        granted = screen_ask(paths, COMMAND_PAUSE, "") && screen_ask(paths, COMMAND_RESUME, "");
        break;
    default:
        look_on(lab, paths);
        granted = true;
    }
    lab->cases += granted;
}

/* Let everything be taken once that is taken when it is first needed: the clock begins behind
 * it, or on a busy machine growth would be seen that is none. A frozen front keeps what it
 * computed. */
static void warm_up(const struct run_paths *paths, pid_t engine) {
    screen_ask(paths, COMMAND_FREEZE, "embed,0");
    screen_steps(paths, engine, 300);
    screen_ask(paths, COMMAND_UNFREEZE, "embed,0");
    screen_ask(paths, COMMAND_SAMPLE, "the old");
    screen_ask(paths, COMMAND_EVAL, "");
    screen_steps(paths, engine, 100);
}

struct mean {
    double sum;
    long n;
};

static double mean_of(struct mean m) { return m.n > 0 ? m.sum / (double)m.n : 0; }

void suite_soak(struct lab *lab) {
    struct run_paths paths;
    struct lab_end end;
    struct mean early = {0}, late = {0};
    double seconds = lab->sample ? 8 : lab->soak_s;
    lab_fresh(lab, "soaked", shape, 2, &paths);
    const char *const arguments[] = {"engine", paths.dir, NULL};
    pid_t engine = lab_start(lab, arguments, NULL);
    screen_steps(&paths, engine, 3);
    warm_up(&paths, engine);
    double start = clock_now(), now;
    for (long i = 1; (now = clock_now() - start) < seconds || lab->cases < 40; i++) {
        wish(lab, &paths);
        struct mean *m = now < seconds / 3 ? NULL : now < seconds * 2 / 3 ? &early : &late;
        if (m) m->sum += resident(engine), m->n++;
        if (i % 20 == 0 && now < seconds) lab_progress(lab, (long)now, (long)seconds);
    }
    screen_ask(&paths, COMMAND_STOP, "");
    lab_wait(lab, engine, &end);
    if (end.status != 0)
        lab_fail(lab, "the engine ended with status %d: %s", end.status, end.said);
    double grown = mean_of(late) - mean_of(early);
    lab->noted = (long)grown;
    if (fabs(grown) > 0.01 * mean_of(early))
        lab_fail(lab, "memory went from %.0f to %.0f KiB", mean_of(early) / 1024,
                 mean_of(late) / 1024);
}
