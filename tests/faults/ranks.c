/* ranks.c - kill -9 of any of the processes that train one model together: a rank, the engine
 * of the first, what looks on for it, mpirun itself. Resumed until it comes to its end, with as
 * many processes or with one, the run is what one undisturbed process made, to the bit. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/faults/lab.h"

static const struct lab_run shape = {40, 40, 1,    16,
                                     4,  4,  false}; /* a crash saves at any step */
/* How often something is looked for, 0.01 s apart, before it is given up: a minute, in which
 * this process ran (on a machine that is measured, all may be stopped for a while). */
enum { LOOKS_MAX = 6000, MPIRUN_LOOKS_MAX = 1000 };
static const double look_s = 0.01;
static const double most_s = 5; /* that a run is left alone */

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
    for (int look = 0; look < LOOKS_MAX; look++, rest(look_s)) {
        bool alive = files_is_locked(paths->lock, NULL);
        for (int i = ONLOOKER; i < PROCESSES; i++) alive = alive || is_alive(c->pid[i]);
        if (!alive) return true;
    }
    return false;
}

/* `mpirun` and what follows; the memory that killed processes shared is left in the scratch
 * folder. */
static pid_t start_mpi(struct lab *lab, const char *const *arguments) {
    char shared[PATH_MAX + 64];
    const char *const variables[] = {
        "OMPI_ALLOW_RUN_AS_ROOT=1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
        "OMPI_MCA_rmaps_base_oversubscribe=1",
        "OMPI_MCA_hwloc_base_binding_policy=none",
        "PMIX_MCA_gds=hash", /* else a killed process keeps a lock */
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

/* Up to so many seconds, or until it has come to its end by itself. */
static void rest_while_alive(pid_t pid, double seconds) {
    for (; seconds > 0 && is_alive(pid); seconds -= look_s)
        rest(seconds < look_s ? seconds : look_s);
}

/* Open MPI's mpirun waits for a lock of its own now and then when all of the run has ended: it
 * is ended too. */
static void end_mpirun(struct lab *lab, pid_t mpirun, struct lab_end *end) {
    for (int look = 0; look < MPIRUN_LOOKS_MAX && is_alive(mpirun); look++) rest(look_s);
    if (is_alive(mpirun)) kill(mpirun, SIGKILL);
    lab_wait(lab, mpirun, end);
}

/* Start it, kill one of its processes after up to `most` seconds of training. True when it was
 * quicker than that. */
static bool kill_once(struct lab *lab, const struct run_paths *paths, double most,
                      struct lab_end *end) {
    struct crew c = {{start(lab, paths, 2)}};
    for (int look = 0; look < LOOKS_MAX && is_alive(c.pid[MPIRUN]) && !is_alive(c.pid[ENGINE]);
         look++, rest(look_s))
        look_for(&c);
    rest_while_alive(c.pid[MPIRUN], rng_uniform(&lab->rng) * most);
    int victim = (int)rng_below(&lab->rng, PROCESSES);
    bool struck = is_alive(c.pid[ENGINE]) && is_alive(c.pid[victim]);
    if (struck) kill(c.pid[victim], SIGKILL);
    if (!all_gone(&c, paths))
        lab_fail(lab, "kill %ld, of %d: something of it goes on", lab->cases, victim);
    end_mpirun(lab, c.pid[MPIRUN], end);
    return end->status == 0 && end->signal == 0;
}

/* Kill a run until it is over, or `left` times; of every other the moments are shared. *most
 * follows the machine's speed, so that a run gets a few saves further each time. */
static void one_run(struct lab *lab, const struct run_paths *reference, double *most, int *nth,
                    long left) {
    struct run_paths paths;
    struct lab_end end;
    char path[PATH_MAX], what[64];
    int64_t newest = -1;
    bool over = false;
    struct lab_run run = shape;
    run.state_shared = *nth % 2;
    ++*nth;
    lab_fresh(lab, "shared", run, 2, &paths);
    for (long i = 0; i < left && !over; i++) {
        over = kill_once(lab, &paths, *most, &end);
        snprintf(what, sizeof what, "kill %ld", lab->cases);
        if (!lab_intact(lab, &paths, reference, newest, what)) break;
        int64_t before = newest;
        newest = checkpoint_newest(paths.checkpoints, path, NULL, 0);
        lab->noted += newest > before && !over;
        *most *= newest > before + 20 ? 0.8 : newest == before && *most < most_s ? 1.2 : 1;
        lab->cases += !over;
    }
    snprintf(what, sizeof what, "after kill %ld", lab->cases);
    snprintf(path, sizeof path, "%.*s/engine.log", PATH_MAX - 16, paths.dir);
    unlink(path); /* `thaw run` began it */
    lab_recovers(lab, &paths, reference, true, what);
}

void suite_ranks(struct lab *lab) {
    struct run_paths reference;
    int kills = lab_count(lab, 6, 1000), runs = 0;
    double most = 0.5;
    if (!has_mpi(lab)) {
        fprintf(stderr, "ranks: skipped, there is no mpirun, or thaw was built without\n");
        return;
    }
    lab_reference(lab, "ranks-reference", shape, &reference);
    while (lab->cases < kills && lab->failures == 0) {
        long left = kills - lab->cases, half = (kills + 1) / 2; /* both kinds come up */
        one_run(lab, &reference, &most, &runs, left < half ? left : half);
        lab_progress(lab, lab->cases, kills);
    }
}
