/* memory.c - every allocation of a command refused in turn, alone and with all that come after
 * it: no command crashes, the exit status is right, one sentence says that memory ran out. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/faults/lab.h"

static const struct lab_run shape = {3, 3, 2, 16, 2, 1, false};

struct subject {
    const char *name;
    const char *arguments[6]; /* @C: a checkpoint, @T: the text, @R: a fresh run, @O: a folder
                                 to write */
    const char *output; /* what it prints in the end; NULL: nothing that can be compared */
};

static const struct subject subjects[] = {
    {"config", {"config", "@F", "--check"}, NULL},
    {"load", {"score", "@C", "--text", "@T", "--json"}, "\"loss\""},
    {"save", {"export", "@C", "--to", "hf", "@O"}, NULL},
    {"engine", {"engine", "@R"}, NULL},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

struct bench {
    struct run_paths reference, fresh;
    char checkpoint[PATH_MAX], text[PATH_MAX], out[PATH_MAX], report[PATH_MAX];
};

static const char *argument(const struct bench *b, const char *word) {
    if (!word || word[0] != '@') return word;
    return word[1] == 'C'   ? b->checkpoint
           : word[1] == 'T' ? b->text
           : word[1] == 'O' ? b->out
           : word[1] == 'F' ? b->reference.config
                            : b->fresh.dir;
}

/* With the engine the run must come to its end as well, at once or resumed. */
static void check_engine(struct lab *lab, const struct bench *b, const struct lab_end *end,
                         const char *what) {
    lab_intact(lab, &b->fresh, &b->reference, -1, what);
    if (end->status == 0) lab_finished(lab, &b->fresh, &b->reference, true, what);
    else lab_recovers(lab, &b->fresh, &b->reference, true, what);
}

static void check(struct lab *lab, const struct bench *b, const struct subject *s,
                  const struct lab_end *end, const char *what) {
    lab->cases++;
    lab->noted += end->status == 0;
    if (end->signal != 0 || end->status > 1)
        lab_fail(lab, "%s: signal %d, status %d: %s", what, end->signal, end->status,
                 end->said);
    else if (end->status == 1 && (!lab_one_sentence(end->said) || !strstr(end->said, "memory")))
        lab_fail(lab, "%s: it says \"%s\"", what, end->said);
    else if (end->status == 0 && s->output && !strstr(end->said, s->output))
        lab_fail(lab, "%s: it succeeds and prints \"%s\"", what, end->said);
    if (strcmp(s->name, "engine") == 0) check_engine(lab, b, end, what);
}

/* One command, its allocation number `at` refused; false when it asks for fewer. */
static bool refuse(struct lab *lab, struct bench *b, const struct subject *s, long at,
                   bool on) {
    char number[32], report[PATH_MAX + 16], preload[PATH_MAX + 16], what[80];
    const char *arguments[8] = {0};
    struct lab_end end;
    if (strcmp(s->name, "engine") == 0) lab_fresh(lab, "unfed", shape, 2, &b->fresh);
    files_remove_tree(b->out, NULL);
    for (int i = 0; i < 6; i++) arguments[i] = argument(b, s->arguments[i]);
    snprintf(number, sizeof number, "MEMORY_AT=%ld", at);
    snprintf(report, sizeof report, "MEMORY_REPORT=%s", b->report);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", lab->memory_so);
    const char *const variables[] = {number, report, preload, on ? "MEMORY_ON=1" : NULL, NULL};
    lab_wait(lab, lab_start(lab, arguments, variables), &end);
    if (unlink(b->report) != 0) {
        if (end.status != 0) lab_fail(lab, "%s fails by itself: %s", s->name, end.said);
        return false;
    }
    snprintf(what, sizeof what, "%s, allocation %ld%s", s->name, at, on ? " and on" : "");
    check(lab, b, s, &end, what);
    return true;
}

/* How many allocations a command makes. */
static long count(struct lab *lab, struct bench *b, const struct subject *s) {
    long low = 0, high = 1;
    while (refuse(lab, b, s, high, false)) low = high, high *= 2;
    while (high - low > 1) {
        long middle = (low + high) / 2;
        if (refuse(lab, b, s, middle, false)) low = middle;
        else high = middle;
    }
    return low;
}

static void prepare(struct lab *lab, struct bench *b) {
    *b = (struct bench){0};
    lab_reference(lab, "memory-reference", shape, &b->reference);
    checkpoint_newest(b->reference.checkpoints, b->checkpoint, NULL, 0);
    files_join(b->text, PATH_MAX, lab->scratch, "text", NULL);
    files_join(b->out, PATH_MAX, lab->scratch, "exported", NULL);
    files_join(b->report, PATH_MAX, lab->scratch, "refused", NULL);
}

void suite_memory(struct lab *lab) {
    enum { SAMPLE = 12 };
    struct bench b;
    prepare(lab, &b);
    for (int i = 0; i < SUBJECTS; i++) {
        long n = count(lab, &b, &subjects[i]);
        fprintf(stderr, "memory: %s makes %ld allocations\n", subjects[i].name, n);
        for (long at = 1; at <= (lab->sample ? SAMPLE : n); at++) {
            long drawn = (long)rng_below(&lab->rng, (uint64_t)n) + 1;
            long number = lab->sample && at > 1 ? drawn : at; /* the first is always one */
            refuse(lab, &b, &subjects[i], number, false);
            refuse(lab, &b, &subjects[i], number, true);
            if (!lab->sample) lab_progress(lab, at, n);
        }
    }
}
