/* calls.c - every call of a run that touches its folder, made to fail in turn: with each error
 * that a disk or a process's limits can give, for a while, and by the process's end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/faults/lab.h"

enum { KILL = -1, KEEP = 2 };

static const struct fault {
    const char *name;
    int error, times;
} faults[] = {
    {"ENOSPC", ENOSPC, 1},       {"EIO", EIO, 1},   {"EINTR", EINTR, 1}, {"EMFILE", EMFILE, 1},
    {"ENOSPC x 20", ENOSPC, 20}, {"kill", KILL, 1},
};
enum { FAULTS = sizeof faults / sizeof *faults };

static const struct lab_run shape = {8, 8, 3, 16, 2, 1, false};

/* What of a run's folder is written while it trains, so that its failure must not end the run;
 * what comes before, at the start, may. */
static bool must_go_on(const char *call) {
    if (strcmp(call, "mkdir checkpoints") == 0) return false;
    return strstr(call, "checkpoints") || strstr(call, " base");
}

/* The call at which the fault struck; false: it never did. */
static bool struck(const char *report, char out[256]) {
    struct buf text = {0};
    bool there = files_read(report, 1 << 16, &text, NULL);
    snprintf(out, 256, "%s", buf_text(&text));
    out[strcspn(out, "\n")] = '\0';
    buf_deinit(&text);
    unlink(report);
    return there;
}

/* What could not be removed stays until the next save, or engine, takes it away. */
static bool is_removal(const char *call) {
    return strncmp(call, "unlink", 6) == 0 || strncmp(call, "openat ", 7) == 0;
}

/* An error is told, by the log or on stderr, unless every checkpoint was saved in spite of it.
 */
static bool told(const struct run_paths *paths, const struct run_paths *reference,
                 const struct lab_end *end) {
    struct lab_log log, undisturbed;
    const char *why;
    if (lab_one_sentence(end->said)) return true;
    return lab_read_log(paths, &log, &why) && lab_read_log(reference, &undisturbed, &why) &&
           (log.problems > 0 || log.saves == undisturbed.saves);
}

/* After an error: the run has gone on to its end, or has said why not: at the start, or where
 * the disk is so full at its end that the last line of the log finds no room. */
static void check_error(struct lab *lab, const struct run_paths *paths,
                        const struct run_paths *reference, const struct lab_end *end,
                        const char *call, const char *what) {
    if (end->status == 0) lab_finished(lab, paths, reference, !is_removal(call), what);
    else if (must_go_on(call) && !strstr(end->said, "cannot write the event log"))
        lab_fail(lab, "%s: the run has ended: %s", what, end->said);
    else if (!lab_one_sentence(end->said)) lab_fail(lab, "%s: it says \"%s\"", what, end->said);
    if (!told(paths, reference, end)) lab_fail(lab, "%s: nothing tells of it", what);
}

/* One run with one fault; false when the run has fewer calls than that. */
static bool one_fault(struct lab *lab, const struct run_paths *reference, const struct fault *f,
                      long at) {
    struct run_paths paths;
    struct lab_end end;
    char under[PATH_MAX + 16], number[32], error[32], times[32], report[PATH_MAX + 16],
        preload[PATH_MAX + 16], path[PATH_MAX], call[256], what[400];
    lab_fresh(lab, "faulty", shape, KEEP, &paths);
    files_join(path, sizeof path, lab->scratch, "report", NULL);
    snprintf(under, sizeof under, "FAULT_UNDER=%s", paths.dir);
    snprintf(number, sizeof number, "FAULT_AT=%ld", at);
    snprintf(error, sizeof error, "FAULT_ERROR=%d", f->error);
    snprintf(times, sizeof times, "FAULT_TIMES=%d", f->times);
    snprintf(report, sizeof report, "FAULT_REPORT=%s", path);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", lab->files_so);
    const char *const variables[] = {under, number, error, times, report, preload, NULL};
    lab_engine(lab, &paths, false, variables, &end);
    if (!struck(path, call)) {
        if (end.status != 0)
            lab_fail(lab, "no fault at call %ld, but status %d", at, end.status);
        return false;
    }
    snprintf(what, sizeof what, "%s at call %ld, %s", f->name, at, call);
    lab->cases++;
    if (f->error == KILL ? end.signal == 0 : end.signal != 0)
        lab_fail(lab, "%s: signal %d, status %d: %s", what, end.signal, end.status, end.said);
    else if (f->error != KILL) check_error(lab, &paths, reference, &end, call, what);
    lab_intact(lab, &paths, reference, -1, what);
    lab_recovers(lab, &paths, reference, !is_removal(call), what);
    return true;
}

/* How many calls a run makes: the first number at which none fails. */
static long count_calls(struct lab *lab, const struct run_paths *reference) {
    const struct fault last = {"EINTR", EINTR, 1};
    long low = 0, high = 1;
    while (one_fault(lab, reference, &last, high)) low = high, high *= 2;
    while (high - low > 1) {
        long middle = (low + high) / 2;
        if (one_fault(lab, reference, &last, middle)) low = middle;
        else high = middle;
    }
    return low;
}

void suite_calls(struct lab *lab) {
    struct run_paths reference;
    lab_reference(lab, "calls-reference", shape, &reference);
    long calls = count_calls(lab, &reference);
    for (int f = 0; f < FAULTS && !lab->sample; f++)
        for (long at = 1; one_fault(lab, &reference, &faults[f], at); at++)
            lab_progress(lab, f * calls + at, FAULTS * calls);
    enum { SAMPLE = 48 };
    for (int i = 0; i < SAMPLE && lab->sample; i++) {
        long at = (long)rng_below(&lab->rng, (uint64_t)calls) + 1;
        one_fault(lab, &reference, &faults[i % FAULTS], at);
        lab_progress(lab, i + 1, SAMPLE);
    }
    if (lab->cases < (lab->sample ? SAMPLE / 2 : (FAULTS - 1) * calls))
        lab_fail(lab, "only %ld faults struck", lab->cases);
}
