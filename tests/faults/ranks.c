/* ranks.c - kill -9 of any of the processes that train one model together: a rank, the engine
 * of the first, what looks on for it, mpirun itself. Resumed until it comes to its end, with as
 * many processes or with one, the run is what one undisturbed process made, to the bit. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "tests/faults/lab.h"

static const struct lab_run shape = {40, 40, 1, 16, 4, 4}; /* a crash saves at any step */
static const double patience_s = 60;

/* The processes of one start. */
enum { MPIRUN, ONLOOKER, FOLLOWER, ENGINE, PROCESSES };
struct crew {
    pid_t pid[PROCESSES]; /* 0: not there (yet) */
};

static void rest(double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* Of the children, in the order in which they were started, those that fit; returns how many.
 */
static int children_of(pid_t parent, pid_t *out, int most) {
    char path[64];
    long pid;
    int n = 0;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent, (long)parent);
    FILE *f = parent > 0 ? fopen(path, "r") : NULL;
    while (f && n < most && fscanf(f, "%ld", &pid) == 1) out[n++] = (pid_t)pid;
    if (f) fclose(f);
    return n;
}

static void look_for(struct crew *c) {
    pid_t ranks[2] = {0, 0};
    if (children_of(c->pid[MPIRUN], ranks, 2) == 2) {
        c->pid[ONLOOKER] = ranks[0];
        c->pid[FOLLOWER] = ranks[1];
    }
    children_of(c->pid[ONLOOKER], &c->pid[ENGINE], 1);
}

/* One that was killed may wait to be taken note of: it has no command line any more. */
static bool is_alive(pid_t pid) {
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *f = pid > 0 ? fopen(path, "r") : NULL;
    bool alive = f && fread(&byte, 1, 1, f) == 1;
    if (f) fclose(f);
    return alive;
}

/* Until nothing of it is left: whoever loses the others ends by itself. */
static bool all_gone(const struct crew *c, const struct run_paths *paths) {
    double until = clock_now() + patience_s;
    for (;; rest(0.01)) {
        bool alive = files_is_locked(paths->lock, NULL);
        for (int i = ONLOOKER; i < PROCESSES; i++) alive = alive || is_alive(c->pid[i]);
        if (!alive) return true;
        if (clock_now() > until) return false;
    }
}

/* `mpirun` and what follows; the memory that killed processes shared is left in the scratch
 * folder. */
static pid_t start_mpi(struct lab *lab, const char *const *arguments) {
    char shared[PATH_MAX + 64];
    const char *const variables[] = {"OMPI_ALLOW_RUN_AS_ROOT=1",
                                     "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                                     "OMPI_MCA_rmaps_base_oversubscribe=1",
                                     "OMPI_MCA_hwloc_base_binding_policy=none",
                                     shared,
                                     NULL};
    struct lab env = *lab; /* it looks for mpirun */
    strcpy(env.thaw, "/usr/bin/env");
    snprintf(shared, sizeof shared, "OMPI_MCA_btl_vader_backing_directory=%s", lab->scratch);
    return lab_start(&env, arguments, variables);
}

static pid_t start(struct lab *lab, const struct run_paths *paths, int processes) {
    char count[8];
    snprintf(count, sizeof count, "%d", processes);
    const char *const arguments[] = {"mpirun", "-n",       count,      lab->thaw,
                                     "run",    "--resume", paths->dir, NULL};
    return start_mpi(lab, arguments);
}

static bool has_mpi(struct lab *lab) {
    char module[PATH_MAX + 16];
    struct lab_end end;
    const char *const arguments[] = {"mpirun", "--version", NULL};
    lab_wait(lab, start_mpi(lab, arguments), &end);
    snprintf(module, sizeof module, "%.*s/thaw_mpi.so",
             (int)(strrchr(lab->thaw, '/') - lab->thaw), lab->thaw);
    return end.status == 0 && access(module, R_OK) == 0;
}

/* Start it, kill one of its processes after up to `most` seconds of training. True when it was
 * quicker than that. */
static bool kill_once(struct lab *lab, const struct run_paths *paths, double most,
                      struct lab_end *end) {
    struct crew c = {{start(lab, paths, 2)}};
    double until = clock_now() + patience_s;
    while (is_alive(c.pid[MPIRUN]) && !is_alive(c.pid[ENGINE]) && clock_now() < until) {
        look_for(&c);
        rest(0.005);
    }
    rest(rng_uniform(&lab->rng) * most);
    int victim = (int)rng_below(&lab->rng, PROCESSES);
    bool struck = is_alive(c.pid[ENGINE]) && is_alive(c.pid[victim]);
    if (struck) kill(c.pid[victim], SIGKILL);
    lab_wait(lab, c.pid[MPIRUN], end);
    if (!all_gone(&c, paths))
        lab_fail(lab, "kill %ld, of %d: something of it goes on", lab->cases, victim);
    return end->status == 0 && end->signal == 0;
}

/* Kill a run until it is over, or `left` times. *most follows the machine's speed, so that a
 * run gets a few saves further each time. */
static void one_run(struct lab *lab, const struct run_paths *reference, double *most,
                    long left) {
    struct run_paths paths;
    struct lab_end end;
    char path[PATH_MAX], what[64];
    int64_t newest = -1;
    bool over = false;
    lab_fresh(lab, "shared", shape, 2, &paths);
    for (long i = 0; i < left && !over; i++) {
        over = kill_once(lab, &paths, *most, &end);
        snprintf(what, sizeof what, "kill %ld", lab->cases);
        if (!lab_intact(lab, &paths, reference, newest, what)) break;
        int64_t before = newest;
        newest = checkpoint_newest(paths.checkpoints, path, NULL, 0);
        lab->noted += newest > before && !over;
        *most *= newest > before + 20 ? 0.8 : newest == before ? 1.2 : 1;
        lab->cases += !over;
    }
    snprintf(what, sizeof what, "after kill %ld", lab->cases);
    snprintf(path, sizeof path, "%.*s/engine.log", PATH_MAX - 16, paths.dir);
    unlink(path); /* `thaw run` began it */
    lab_recovers(lab, &paths, reference, true, what);
}

void suite_ranks(struct lab *lab) {
    struct run_paths reference;
    int kills = lab_count(lab, 6, 1000);
    double most = 0.5;
    if (!has_mpi(lab)) {
        fprintf(stderr, "ranks: skipped, there is no mpirun, or thaw was built without\n");
        return;
    }
    lab_reference(lab, "ranks-reference", shape, &reference);
    while (lab->cases < kills && lab->failures == 0) {
        one_run(lab, &reference, &most, kills - lab->cases);
        lab_progress(lab, lab->cases, kills);
    }
}
