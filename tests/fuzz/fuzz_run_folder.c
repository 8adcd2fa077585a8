/* fuzz_run_folder.c - any bytes as what `thaw runs`, `verify` and a resume look at: a
 * trainer.json, a line "%%", and events.jsonl. Each says what it finds, or that it is no run.
 * Built as a libFuzzer target, and into test_fuzz_run_folder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/retention.h"
#include "engine/run/verify.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void require_told(bool good, const struct err *err) {
    require(good || (err->code != ERR_NONE && err->msg[0] != '\0'));
}

static void told(void *ctx, const struct verify_finding *f) {
    ++*(int *)ctx;
    require(f->grade < VERIFY_GRADES && f->where && f->what && *f->what && f->advice);
}

static void put(struct run_paths *run, const struct folder_part *parts) {
    struct err err = {0};
    folder_put("checkpoints/step-1/trainer.json", parts[0]);
    folder_put("events.jsonl", parts[1]);
    require(run_paths_of(folder_path(), run, &err));
}

static void list(const struct run_paths *run) {
    static struct run_info info;
    struct err err = {0};
    bool good = run_info_read(run->dir, &info, &err);
    require_told(good, &err);
    require(!good || (info.state[0] && memchr(info.stage, '\0', sizeof info.stage) != NULL));
}

static void retain(const struct run_paths *run) {
    const struct retention keep = {.last = 1, .best = true, .every = 3};
    struct checkpoint_fate *fates = NULL;
    struct err err = {0};
    char newest[PATH_MAX], skipped[64];
    int n = 0;
    require_told(retention_list(run->checkpoints, &keep, checkpoint_is_whole, &fates, &n, &err),
                 &err);
    require(n == 1 && !fates[0].sound); /* its tensors are missing */
    free(fates);
    require(checkpoint_newest(run->checkpoints, newest, skipped, sizeof skipped) == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct run_paths run;
    struct folder_part parts[2];
    int findings = 0;
    folder_cut(data, size, parts, 2);
    put(&run, parts);
    list(&run);
    retain(&run);
    require(run_verify(&run, 0, told, &findings) == -1 && findings >= 1);
    return 0;
}
