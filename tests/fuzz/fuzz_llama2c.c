/* fuzz_llama2c.c - any bytes as a model of llama2.c's: refused with a message, or all its
 * weights are read. Built as a libFuzzer target, and into test_fuzz_llama2c. */
#include <stdlib.h>

#include "engine/formats/hf_model.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hf_model m;
    struct err err = {0};
    if (!llama2c_load(folder_put("model.bin", (struct folder_part){data, size}), NULL, &m,
                      &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    require(m.table.parameters * 4 < size && !m.tokenizer);
    require(weights_fingerprint(&m.weights) == weights_fingerprint(&m.weights));
    hf_model_destroy(&m);
    return 0;
}
