/* checkpoint_check.h - whether a checkpoint's bytes are those that were saved. Reads them all (1.2 s a
 * GiB), where checkpoint_is_whole() (run_dir.h) only looks at sizes. */
#ifndef THAW_ENGINE_RUN_CHECKPOINT_CHECK_H
#define THAW_ENGINE_RUN_CHECKPOINT_CHECK_H
#include <limits.h>
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

/* Every file of SHA256SUMS as it was saved, trainer.json read, both tensor files sound. One of an older
 * version, without sums, is checked for all but its tensors' values; *summed (may be NULL): whether it
 * has them. The sentence says what is wrong, without the folder. */
bool checkpoint_check(const char *folder, bool *summed, struct err *err);

/* The newest checkpoint that passes; its step, or -1: none. Those skipped are appended to `skipped` (may
 * be NULL) with why: "step-40 (model.safetensors is missing)". */
int64_t checkpoint_newest_sound(const char *checkpoints, char out[PATH_MAX],
                                struct buf *skipped);
#endif
