#include "engine/run/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/core/sums.h"
#include "engine/formats/safetensors.h"
#include "engine/run/checkpoint_check.h"

const char *const verify_words[VERIFY_GRADES] = {
    [VERIFY_SOUND] = "ok", [VERIFY_NOTE] = "note", [VERIFY_BAD] = "bad"};

enum { TRAINER_BYTES = 16 << 20 };

static const char unsummed[] =
    "looks sound; it has no " SUMS_NAME ", so only sizes and shapes could be compared";

/* ---- checkpoints ---- */

static void verify_checkpoint(const char *folder, bool newest, verify_tell *tell, void *ctx) {
    char where[80], advice[PATH_MAX + 64] = "";
    struct err why = {0};
    bool summed = false, ok = checkpoint_check(folder, &summed, &why);
    if (!ok && !files_exists(folder)) return; /* a living engine has just removed it */
    snprintf(where, sizeof where, "checkpoints/%.60s", strrchr(folder, '/') + 1);
    if (!ok)
        snprintf(advice, sizeof advice, "%s: rm -r %s",
                 newest ? "it is passed over; remove it" : "remove it", folder);
    const struct verify_finding f = {!ok      ? VERIFY_BAD
                                     : summed ? VERIFY_SOUND
                                              : VERIFY_NOTE,
                                     where,
                                     !ok      ? why.msg
                                     : summed ? "every byte is as it was saved"
                                              : unsummed,
                                     advice};
    tell(ctx, &f);
}

/* All of them; the step of the newest that is sound, and its folder. */
static int64_t verify_checkpoints(const struct run_paths *run, char sound[PATH_MAX],
                                  verify_tell *tell, void *ctx) {
    char folder[PATH_MAX];
    int n = 0;
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(run->checkpoints, step, folder)) >= 0; n++)
        verify_checkpoint(folder, n == 0, tell, ctx);
    if (n == 0) {
        const struct verify_finding f = {VERIFY_NOTE, "checkpoints", "there is none yet",
                                         "a run that goes on begins at its first step"};
        tell(ctx, &f);
    }
    return checkpoint_newest_sound(run->checkpoints, sound, NULL);
}

/* ---- the base ---- */

/* Whether a checkpoint stands inside the last stage, which needs what it began with. */
static bool needs_base(const char *checkpoint, int n_stages) {
    char path[PATH_MAX];
    struct buf text = {0};
    struct json *root = NULL;
    if (files_join(path, sizeof path, checkpoint, "trainer.json", NULL) &&
        files_read(path, TRAINER_BYTES, &text, NULL))
        root = json_parse(buf_text(&text), text.len, NULL);
    bool needs = n_stages > 0 && json_int(json_get(root, "stage"), -1) == n_stages - 1 &&
                 json_bool(json_get(root, "begun"), false);
    json_destroy(root);
    buf_deinit(&text);
    return needs;
}

static bool check_base(const char *base, bool *summed, struct err *err) {
    char path[PATH_MAX];
    struct safetensors *s = NULL;
    if (sums_check(base, summed, err) &&
        files_join(path, sizeof path, base, "model.safetensors", err))
        s = safetensors_open(path, err);
    safetensors_close(s);
    return s != NULL;
}

static void verify_base(const struct run_paths *run, bool needed, verify_tell *tell,
                        void *ctx) {
    struct err why = {0};
    struct verify_finding f = {.where = "base", .advice = ""};
    bool summed = false, there = files_is_dir(run->base);
    bool ok = there && check_base(run->base, &summed, &why);
    if (!there && !needed) return; /* the last stage has not begun */
    f.grade = !ok ? VERIFY_BAD : summed ? VERIFY_SOUND : VERIFY_NOTE;
    f.what = !there   ? "is missing: the last stage is compared with it"
             : !ok    ? why.msg
             : summed ? "every byte is as it was saved"
                      : unsummed;
    if (!ok && needed)
        f.advice =
            "the last stage cannot go on without it: remove the checkpoints of that stage, "
            "and it begins anew";
    tell(ctx, &f);
}

int64_t run_verify(const struct run_paths *run, int n_stages, verify_tell *tell, void *ctx) {
    char sound[PATH_MAX] = "";
    verify_log(run, tell, ctx);
    int64_t step = verify_checkpoints(run, sound, tell, ctx);
    verify_base(run, step >= 0 && needs_base(sound, n_stages), tell, ctx);
    return step;
}
