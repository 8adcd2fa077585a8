#include "engine/run/retention.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/run/run_dir.h"

enum { TRAINER_BYTES = 16 << 20, FIRST_ROOM = 16 };

/* ---- deciding ---- */

/* The sound one with the lowest loss, of equals the newest; -1: none is known. */
static int best_of(const struct checkpoint_fate *fates, int n) {
    int best = -1;
    for (int i = 0; i < n; i++) {
        if (!fates[i].sound || !isfinite(fates[i].validation)) continue;
        if (best < 0 || fates[i].validation < fates[best].validation) best = i;
    }
    return best;
}

void retention_decide(const struct retention *keep, struct checkpoint_fate *fates, int n) {
    int kept = 0, last = keep->last > 1 ? keep->last : 1;
    int best = keep->best ? best_of(fates, n) : -1;
    for (int i = 0; i < n; i++) {
        bool recent = kept < last;
        bool milestone = keep->every > 0 && fates[i].step % keep->every == 0;
        kept += recent && fates[i].sound;
        fates[i].stays = recent || (fates[i].sound && (milestone || i == best));
    }
}

/* ---- reading ---- */

/* What trainer.json says of the loss, and of the best step of an early_stop (0: nothing). */
static double validation_of(const char *folder, int64_t *best_step) {
    char path[PATH_MAX];
    struct buf text = {0};
    struct json *root = NULL;
    if (files_join(path, sizeof path, folder, "trainer.json", NULL) &&
        files_read(path, TRAINER_BYTES, &text, NULL))
        root = json_parse(buf_text(&text), text.len, NULL);
    double loss = json_number(json_get(root, "validation_loss"), (double)NAN);
    *best_step = json_int(json_get(json_get(root, "early_stop"), "step"), 0);
    json_destroy(root);
    buf_deinit(&text);
    return loss;
}

bool retention_list(const char *checkpoints, const struct retention *keep,
                    bool (*sound)(const char *folder), struct checkpoint_fate **out, int *n,
                    struct err *err) {
    char folder[PATH_MAX];
    int room = 0;
    int64_t held = -1; /* the step that the newest sound one names; -1: none was seen yet */
    *out = NULL;
    *n = 0;
    for (int64_t step = INT64_MAX; (step = checkpoint_below(checkpoints, step, folder)) >= 0;) {
        if (*n == room) {
            room = room > 0 ? 2 * room : FIRST_ROOM;
            struct checkpoint_fate *grown = realloc(*out, (size_t)room * sizeof *grown);
            if (!grown) {
                free(*out);
                *out = NULL;
                return err_set(err, ERR_NOMEM, "no memory to list the checkpoints");
            }
            *out = grown;
        }
        int64_t best;
        struct checkpoint_fate *fate = &(*out)[(*n)++];
        *fate = (struct checkpoint_fate){
            .step = step, .validation = validation_of(folder, &best), .sound = sound(folder)};
        if (fate->sound && held < 0) held = best;
    }
    retention_decide(keep, *out, *n);
    for (int i = 0; i < *n; i++) (*out)[i].stays |= (*out)[i].sound && (*out)[i].step == held;
    return true;
}

/* ---- removing ---- */

bool checkpoint_prune(const char *checkpoints, const struct retention *keep, struct err *err) {
    struct checkpoint_fate *fates;
    int n;
    bool ok = retention_list(checkpoints, keep, checkpoint_is_whole, &fates, &n, err);
    for (int i = 0; ok && i < n; i++) {
        char path[PATH_MAX];
        bool goes = !fates[i].stays &&
                    checkpoint_below(checkpoints, fates[i].step + 1, path) == fates[i].step;
        if (goes) ok = files_remove_tree(path, err);
    }
    free(fates);
    return ok;
}
