/* lab.h - what the fault suites share: tiny runs in a scratch folder, an engine that is started
 * with faults or without, and the checks that nothing was lost: every checkpoint is, byte by
 * byte, the one that an undisturbed run saved at that step, and what the log told stays true.
 */
#ifndef THAW_TESTS_FAULTS_LAB_H
#define THAW_TESTS_FAULTS_LAB_H
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "engine/core/rng.h"
#include "engine/run/event.h"
#include "engine/run/run_dir.h"

/* A run of two stages; `every` steps a checkpoint. */
struct lab_run {
    int first_steps, second_steps, every;
    int width, batch; /* of the model; of a step */
    int shards;       /* of a batch */
    bool state_shared; /* each process has a part of the optimizer's state alone */
};

struct lab {
    char thaw[PATH_MAX], files_so[PATH_MAX],
        memory_so[PATH_MAX]; /* the program; what is preloaded */
    char scratch[PATH_MAX];
    bool sample; /* a seeded sample that takes seconds, not the full counts */
    int cases_asked; /* so many of each suite that counts; 0: as `sample` says */
    uint64_t seed;
    int soak_s;
    const char *suite;           /* that runs now */
    long cases, failures, noted; /* noted: what a suite counts beside its cases */
    long shown;                  /* tenths of the suite that were told */
    struct rng rng;
};

/* Say what is wrong; counted. Always false. */
bool lab_fail(struct lab *lab, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "calls 120/700", on a terminal over itself, else rarely. */
void lab_progress(struct lab *lab, long done, long of);
int lab_count(const struct lab *lab, int sample, int full);

/* A fresh run's folder, scratch/NAME: only its config is there. Ends the program where that
 * fails. */
void lab_fresh(struct lab *lab, const char *name, struct lab_run run, int keep,
               struct run_paths *out);
void lab_remove(const struct run_paths *paths);
/* An undisturbed run that keeps all its checkpoints. */
void lab_reference(struct lab *lab, const char *name, struct lab_run run,
                   struct run_paths *out);

/* How a process came to its end. */
struct lab_end {
    int status;      /* of exit, or -1 */
    int signal;      /* that killed it, or 0 */
    char said[1000]; /* on stderr */
};
/* Start `thaw` with arguments (NULL at the end), variables as "NAME=VALUE" (NULL at the end, or
 * NULL), stdout and stderr into scratch/said-PID. -1 ends the program. */
pid_t lab_start(struct lab *lab, const char *const *arguments, const char *const *variables);
void lab_wait(struct lab *lab, pid_t child, struct lab_end *out);
/* Start `thaw engine`, and wait. */
void lab_engine(struct lab *lab, const struct run_paths *paths, bool resume,
                const char *const *variables, struct lab_end *out);

/* What a log tells. */
struct lab_log {
    long events, problems, saves, torn_bytes; /* torn: behind the last newline */
    int64_t last_step, told;    /* the last step; the newest checkpoint; -1: none */
    char end[16], problem[600]; /* the last ones; "": none */
};
/* Every line but a torn last one is an event, numbered 1, 2, 3 ... False, with *why, when not:
 * then *out is what the other lines tell. */
bool lab_read_log(const struct run_paths *paths, struct lab_log *out, const char **why);

/* Whether a checkpoint is the reference's of that step, except for the seconds that it took. */
bool lab_same_checkpoint(const struct run_paths *paths, const struct run_paths *reference,
                         int64_t step);
/* Every whole checkpoint is as in the reference, the newest is no older than `told`; else *why
 * says what is not so. */
bool lab_checkpoints(const struct run_paths *paths, const struct run_paths *reference,
                     int64_t told, char why[200]);
/* The same, and the log is whole up to its last line; `told` is at least what it tells. Says
 * what is not so, after `what`. */
bool lab_intact(struct lab *lab, const struct run_paths *paths,
                const struct run_paths *reference, int64_t told, const char *what);
/* A run that came to its end: its last step's checkpoint is there, and nothing else is left.
 * Not strict: lines of the log may be missing, and what was being removed may still be there,
 * as after a power loss. */
bool lab_finished(struct lab *lab, const struct run_paths *paths,
                  const struct run_paths *reference, bool strict, const char *what);
/* Resume it without faults, to its end: lab_finished(). */
bool lab_recovers(struct lab *lab, const struct run_paths *paths,
                  const struct run_paths *reference, bool strict, const char *what);
/* One line, "thaw: " and a sentence. */
bool lab_one_sentence(const char *said);

/* The suites. */
void suite_calls(struct lab *lab);
void suite_kills(struct lab *lab);
void suite_power(struct lab *lab);
void suite_memory(struct lab *lab);
void suite_screens(struct lab *lab);
void suite_ranks(struct lab *lab);
void suite_soak(struct lab *lab);
#endif
