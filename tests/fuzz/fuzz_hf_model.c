/* fuzz_hf_model.c - any bytes as a model's folder: config.json, model.safetensors.index.json
 * and a tokenizer.json between lines "%%", then model.safetensors. Refused with a message, or
 * loaded whole. An index that is empty is missing; one that is there names part.safetensors, or
 * is refused. Built as a libFuzzer target, and into test_fuzz_hf_model. */
#include <stdlib.h>
#include <string.h>

#include "engine/formats/hf_model.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* A part of nothing but a newline is no file. */
static struct folder_part some(struct folder_part p) {
    return p.size > 1 ? p : (struct folder_part){.data = NULL};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char indexed[] = "part.safetensors", whole[] = "model.safetensors";
    struct folder_part parts[4];
    struct hf_model m;
    struct err err = {0};
    folder_cut(data, size, parts, 4);
    bool index = some(parts[1]).data != NULL;
    folder_put("config.json", some(parts[0]));
    folder_put("model.safetensors.index.json", some(parts[1]));
    folder_put("tokenizer.json", some(parts[2]));
    folder_put(index ? indexed : whole, some(parts[3]));
    folder_put(index ? whole : indexed, (struct folder_part){.data = NULL});
    if (!hf_model_load(folder_path(), &m, &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    require(m.table.parameters <= size && (!m.tokenizer || some(parts[2]).data));
    require(weights_fingerprint(&m.weights) == weights_fingerprint(&m.weights));
    hf_model_destroy(&m);
    return 0;
}
