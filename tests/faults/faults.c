/* faults.c - proves that nothing is lost: `faults THAW FILES_SO MEMORY_SO [--sample] [--seed N]
 * [--soak S] [SUITE...]`. Exit status 1 when something was. See README.md. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "tests/faults/lab.h"

static const struct suite {
    const char *name;
    void (*run)(struct lab *lab);
    const char *cases, *noted; /* what is counted; NULL: nothing beside */
} suites[] = {
    {"calls", suite_calls, "calls of a run failed or killed at", NULL},
    {"kills", suite_kills, "kill -9 of the engine", "torn last lines"},
    {"power", suite_power, "states of a disk after power loss", "states with something undone"},
    {"memory", suite_memory, "allocations refused", "runs that went on"},
    {"screens", suite_screens, "screens come and gone", "steps meanwhile"},
    {"ranks", suite_ranks, "kill -9 of one of several processes", "that saved since the last"},
    {"soak", suite_soak, "wishes granted", "bytes that memory grew by"},
};
enum { SUITES = sizeof suites / sizeof *suites };

struct result {
    bool run;
    long cases, failures, noted;
    double seconds;
};

static int usage(void) {
    fputs("usage: faults THAW FILES_SO MEMORY_SO [--sample] [--cases N] [--seed N] "
          "[--soak SECONDS] [SUITE...]\n",
          stderr);
    return 2;
}

static bool wanted(const char *name, char **names, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return n == 0;
}

static void run_suite(struct lab *lab, int i, struct result *r) {
    double start = clock_now();
    lab->suite = suites[i].name;
    lab->cases = lab->failures = lab->noted = lab->shown = 0;
    lab->rng = rng_make(lab->seed, (uint64_t)i, 0);
    suites[i].run(lab);
    *r = (struct result){true, lab->cases, lab->failures, lab->noted, clock_now() - start};
}

static void print_table(const struct result *results, uint64_t seed) {
    printf("%-8s %8s  %-38s %8s %8s\n", "suite", "cases", "", "failed", "seconds");
    for (int i = 0; i < SUITES; i++) {
        const struct result *r = &results[i];
        if (!r->run) continue;
        printf("%-8s %8ld  %-38s %8ld %8.0f", suites[i].name, r->cases, suites[i].cases,
               r->failures, r->seconds);
        if (suites[i].noted) printf("  (%ld %s)", r->noted, suites[i].noted);
        printf("\n");
    }
    printf("seed %llu\n", (unsigned long long)seed);
}

static void make_scratch(struct lab *lab) {
    bool memory = access("/dev/shm", W_OK) == 0; /* a kill asks nothing of the disk itself */
    snprintf(lab->scratch, sizeof lab->scratch, "%s/thaw-faults-XXXXXX",
             memory ? "/dev/shm" : "/tmp");
    if (mkdtemp(lab->scratch)) return;
    perror(lab->scratch);
    exit(2);
}

/* Options in front of the suites; the first that is none, or -1. */
static int read_options(struct lab *lab, int argc, char **argv) {
    int at = 4;
    for (; at < argc && argv[at][0] == '-'; at++) {
        bool more = at + 1 < argc;
        if (strcmp(argv[at], "--sample") == 0) lab->sample = true;
        else if (more && strcmp(argv[at], "--seed") == 0)
            lab->seed = strtoull(argv[++at], NULL, 10);
        else if (more && strcmp(argv[at], "--cases") == 0) lab->cases_asked = atoi(argv[++at]);
        else if (more && strcmp(argv[at], "--soak") == 0) lab->soak_s = atoi(argv[++at]);
        else return -1;
    }
    return at;
}

int main(int argc, char **argv) {
    static struct lab lab = {.seed = 1, .soak_s = 120};
    struct result results[SUITES] = {0};
    long failures = 0;
    if (argc < 4 || !realpath(argv[1], lab.thaw) || !realpath(argv[2], lab.files_so) ||
        !realpath(argv[3], lab.memory_so))
        return usage();
    int names = read_options(&lab, argc, argv);
    if (names < 0) return usage();
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_scratch(&lab);
    for (int i = 0; i < SUITES; i++) {
        if (!wanted(suites[i].name, argv + names, argc - names)) continue;
        run_suite(&lab, i, &results[i]);
        failures += results[i].failures;
    }
    print_table(results, lab.seed);
    files_remove_tree(lab.scratch, NULL);
    return failures > 0;
}
