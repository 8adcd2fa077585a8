/* power.c - power loss: a run is recorded, call by call, and after any of its calls the disk is
 * made as it could then be; the run must go on from a checkpoint no older than the newest that
 * was told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "tests/faults/crash_disk.h"
#include "tests/faults/lab.h"

enum { KEEP = 2, TRACE_BYTES_MAX = 256 << 20 };

static const struct lab_run shape = {8, 8, 3, 16, 2, 1, false};

struct recording {
    struct buf bytes;
    size_t *ops; /* where each begins */
    size_t n;
    struct run_paths reference;
    char config[PATH_MAX]; /* stands in a run's folder before it begins */
};

static void read_trace(struct lab *lab, const char *path, struct recording *rec) {
    struct crash_op op;
    struct err err = {0};
    size_t at = 0, next;
    if (!files_read(path, TRACE_BYTES_MAX, &rec->bytes, &err)) lab_fail(lab, "%s", err.msg);
    for (; crash_op_read(rec->bytes.data, rec->bytes.len, at, &op, &next); at = next) {
        rec->ops = realloc(rec->ops, (rec->n + 1) * sizeof *rec->ops);
        if (!rec->ops) abort();
        rec->ops[rec->n++] = at;
    }
    if (at != rec->bytes.len) lab_fail(lab, "the trace is cut short");
}

/* A run that is killed half-way is part of it, and one that goes on. */
static void make_recording(struct lab *lab, struct recording *rec) {
    char under[PATH_MAX + 16], trace[PATH_MAX + 16], preload[PATH_MAX + 16], path[PATH_MAX];
    struct run_paths paths;
    struct lab_end end;
    *rec = (struct recording){0};
    lab_reference(lab, "power-reference", shape, &rec->reference);
    lab_fresh(lab, "recorded", shape, KEEP, &paths);
    files_join(path, sizeof path, lab->scratch, "trace", NULL);
    snprintf(under, sizeof under, "FAULT_UNDER=%s", paths.dir);
    snprintf(trace, sizeof trace, "FAULT_TRACE=%s", path);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", lab->files_so);
    const char *const killed[] = {under, trace, preload, "FAULT_AT=300", "FAULT_ERROR=-1",
                                  NULL};
    const char *const whole[] = {under, trace, preload, NULL};
    lab_engine(lab, &paths, false, killed, &end);
    if (end.signal == 0) lab_fail(lab, "the recorded run was not killed");
    lab_engine(lab, &paths, true, whole, &end);
    if (end.status != 0) lab_fail(lab, "the recorded run fails: %s", end.said);
    lab_finished(lab, &paths, &rec->reference, true, "the recorded run");
    snprintf(rec->config, sizeof rec->config, "%s", paths.config);
    read_trace(lab, path, rec);
}

/* The step of a checkpoint that a write to the log tells of, or -1. */
static int64_t told_by(const struct crash_op *op) {
    struct event e;
    int64_t step = -1;
    if (op->head.op != TRACE_WRITE || strcmp(op->path, "events.jsonl") != 0 ||
        !event_parse((const char *)op->bytes, op->head.n, &e, NULL))
        return -1;
    if (e.type == EVENT_CHECKPOINT) step = e.step;
    event_deinit(&e);
    return step;
}

/* The disk after the first `n` calls; *told: the newest checkpoint that the log was given. With
 * `synced` false no fsync ever reaches it. */
static struct crash_disk *play(struct lab *lab, const struct recording *rec, size_t n,
                               bool synced, int64_t *told) {
    struct crash_disk *d = crash_disk_create();
    struct crash_op op;
    struct err err = {0};
    size_t next;
    *told = -1;
    for (size_t i = 0; i < n; i++) {
        crash_op_read(rec->bytes.data, rec->bytes.len, rec->ops[i], &op, &next);
        if (op.head.op == TRACE_SYNC && !synced) continue;
        if (!crash_disk_apply(d, &op, &err)) lab_fail(lab, "%s", err.msg);
        int64_t step = told_by(&op);
        if (step >= 0) *told = step;
    }
    return d;
}

/* The config was there, synced, before the run began. */
static void put_config(const struct recording *rec, const struct run_paths *paths) {
    struct buf text = {0};
    files_read(rec->config, 1 << 16, &text, NULL);
    files_write(paths->config, text.data, text.len, NULL);
    buf_deinit(&text);
}

/* What is left of a run after power loss. */
struct state {
    struct run_paths paths;
    int64_t told;
    long undone;
    char what[160];
};

/* Draw one, and make its folder. */
static bool make_state(struct lab *lab, const struct recording *rec, bool synced,
                       struct state *s) {
    static const char *const kinds[] = {"ordered", "shuffled", "names only"};
    struct err err = {0};
    char path[PATH_MAX];
    size_t n = rng_below(&lab->rng, rec->n + 1);
    enum crash_kind kind = (enum crash_kind)rng_below(&lab->rng, 3);
    *s = (struct state){0};
    struct crash_disk *d = play(lab, rec, n, synced, &s->told);
    bool made = files_join(path, sizeof path, lab->scratch, "after", &err) &&
                files_remove_tree(path, &err) &&
                crash_disk_leave(d, path, kind, &lab->rng, &s->undone, &err) &&
                run_paths_of(path, &s->paths, &err);
    crash_disk_destroy(d);
    if (!made) return lab_fail(lab, "%s", err.msg);
    put_config(rec, &s->paths);
    snprintf(s->what, sizeof s->what, "power lost after call %zu of %zu, %s, %ld undone", n,
             rec->n, kinds[kind], s->undone);
    return true;
}

/* One power loss: nothing that was told is lost, and the run goes on to its end. */
static void lose_power(struct lab *lab, const struct recording *rec) {
    struct state s;
    char wrong[200];
    if (!make_state(lab, rec, true, &s)) return;
    lab->cases++;
    lab->noted += s.undone > 0;
    if (!lab_checkpoints(&s.paths, &rec->reference, s.told, wrong))
        lab_fail(lab, "%s: %s", s.what, wrong);
    if (s.told >= 0 && !files_exists(s.paths.events))
        lab_fail(lab, "%s: the log is lost", s.what);
    lab_recovers(lab, &s.paths, &rec->reference, false, s.what);
}

/* The model of a disk can lose things: without any sync, it does. */
static void check_model(struct lab *lab, const struct recording *rec) {
    enum { STATES = 40 };
    struct state s;
    char wrong[200];
    int lost = 0;
    for (int i = 0; i < STATES; i++)
        lost += make_state(lab, rec, false, &s) &&
                !lab_checkpoints(&s.paths, &rec->reference, s.told, wrong);
    if (lost < STATES / 4)
        lab_fail(lab, "without a sync only %d of %d states lose anything", lost, STATES);
}

void suite_power(struct lab *lab) {
    struct recording rec;
    int states = lab_count(lab, 40, 1000);
    make_recording(lab, &rec);
    if (lab->failures == 0) check_model(lab, &rec);
    for (int i = 0; i < states && rec.n > 0; i++) {
        lose_power(lab, &rec);
        lab_progress(lab, i + 1, states);
    }
    buf_deinit(&rec.bytes);
    free(rec.ops);
}
