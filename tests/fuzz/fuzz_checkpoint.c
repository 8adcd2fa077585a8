/* fuzz_checkpoint.c - any bytes as what stands in a checkpoint beside the tensors: a
 * trainer.json, a line "%%" and SHA256SUMS. Refused with a message, as the tensors are missing;
 * or, of the sums, said to be sound. Built as a libFuzzer target, and into
 * test_fuzz_checkpoint. */
#include <stdlib.h>

#include "engine/core/sums.h"
#include "engine/run/checkpoint.h"
#include "engine/run/checkpoint_check.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static const struct model_config tiny = {.family = FAMILY_QWEN3,
                                         .layers = 1,
                                         .heads = 1,
                                         .kv_heads = 1,
                                         .width = 8,
                                         .head_dim = 8,
                                         .ffn = 8,
                                         .context = 8,
                                         .vocab = 16,
                                         .norm_eps = 1e-6,
                                         .rope_theta = 10000,
                                         .tied = true};

/* The trainer's numbers come first, then the file that is missing is named. */
static void load(const char *dir) {
    enum { GROUPS_MAX = 16 };
    struct param_table t;
    struct err err = {0};
    bool learn[GROUPS_MAX], by_hand[GROUPS_MAX];
    struct trainer_state state = {.by_hand = by_hand};
    int64_t steps[GROUPS_MAX];
    require(param_table_create(&tiny, &t, &err) && t.n_groups <= GROUPS_MAX);
    struct weights w = {.table = &t};
    struct optim o = {.m = {.table = &t}, .v = {.table = &t}, .steps = steps};
    require(!checkpoint_load(dir, &state, learn, &w, &o, &err));
    require(err.code != ERR_NONE && err.msg[0] != '\0');
    param_table_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct folder_part parts[2];
    struct err err = {0};
    bool there;
    folder_cut(data, size, parts, 2);
    folder_put("trainer.json", parts[0]);
    folder_put(SUMS_NAME, parts[1]);
    load(folder_path());
    bool sound = sums_check(folder_path(), &there, &err);
    require(there == (parts[1].data != NULL));
    require(sound || (err.code != ERR_NONE && err.msg[0] != '\0'));
    err = (struct err){0};
    require(!checkpoint_check(folder_path(), NULL, &err) && err.msg[0] != '\0');
    return 0;
}
