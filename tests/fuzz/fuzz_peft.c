/* fuzz_peft.c - any bytes as adapters in PEFT's two files: adapter_config.json, a line "%%",
 * and adapter_model.safetensors (one that is empty is missing), for a tiny model of each kind
 * of family. Refused with a message, or adapters that are the same once saved and read again.
 * Built as a libFuzzer target, and into test_fuzz_peft. */
#include <stdlib.h>
#include <string.h>

#include "engine/formats/peft.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] = "adapter_config.json", tensors[] = "adapter_model.safetensors";

static const struct model_config models[] = {{.family = FAMILY_QWEN3,
                                              .layers = 2,
                                              .heads = 1,
                                              .kv_heads = 1,
                                              .width = 4,
                                              .head_dim = 4,
                                              .ffn = 4,
                                              .context = 8,
                                              .vocab = 4,
                                              .norm_eps = 1e-6,
                                              .rope_theta = 10000,
                                              .tied = true},
                                             {.family = FAMILY_GPT2,
                                              .layers = 2,
                                              .heads = 1,
                                              .kv_heads = 1,
                                              .width = 4,
                                              .head_dim = 4,
                                              .ffn = 16,
                                              .context = 8,
                                              .vocab = 4,
                                              .norm_eps = 1e-5,
                                              .tied = true}};

static void require(bool holds) {
    if (!holds) abort();
}

static void require_told(bool good, const struct err *err) {
    require(good || (err->code != ERR_NONE && err->msg[0] != '\0'));
}

/* As the bytes of its groups, since a number may be no number. */
static void require_same(const struct weights *a, const struct weights *b) {
    require(adapter_same(&a->table->config, &b->table->config));
    for (int g = 0; g < a->table->n_groups; g++)
        require(weights_fingerprint_group(a, g) == weights_fingerprint_group(b, g));
}

/* What was read is written, and read again. */
static void read_again(const struct weights *w, const struct model_config *shape) {
    struct model_config again = *shape;
    struct param_table t;
    struct weights back = {.table = NULL};
    struct err err = {0};
    struct folder_part none = {.data = NULL};
    folder_put(tensors, none);
    require(peft_save(folder_path(), w, ".", NULL, &err) &&
            peft_shape(folder_path(), &again, &err) && param_table_create(&again, &t, &err) &&
            weights_create(&t, &back, &err) && peft_load(folder_path(), &back, &err));
    require_same(w, &back);
    weights_destroy(&back);
    param_table_destroy(&t);
}

static bool read_for(const struct model_config *model) {
    struct model_config c = *model;
    struct param_table t;
    struct weights w = {.table = NULL};
    struct err err = {0};
    if (!peft_shape(folder_path(), &c, &err)) {
        require_told(false, &err);
        return false;
    }
    require(c.adapter.rank >= 1 && c.adapter.rank <= ADAPTER_RANK_MAX);
    if (!param_table_create(&c, &t, &err)) {
        require_told(false, &err);
        return false;
    }
    bool good = weights_create(&t, &w, &err) && peft_load(folder_path(), &w, &err);
    require_told(good, &err);
    if (good) read_again(&w, model);
    weights_destroy(&w);
    param_table_destroy(&t);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct folder_part parts[2];
    struct err err = {0};
    char base[PATH_MAX];
    folder_cut(data, size, parts, 2);
    if (parts[1].size == 0) parts[1].data = NULL;
    folder_put(config, parts[0]);
    folder_put(tensors, parts[1]);
    require_told(peft_base(folder_path(), NULL, base, &err), &err);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (read_for(&models[i])) break; /* the files are others now */
    return 0;
}
