/* fuzz_model_config.c - any bytes as a model's config.json: refused with a message, or a shape
 * that survives the way through a file, and whose table of weights can be made. Built as a
 * libFuzzer target, and into test_fuzz_model_config. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* A deep model has a long table; what makes one is the same for a few layers. */
static void check_table(struct model_config c) {
    enum { FEW = 3 };
    struct param_table t;
    struct err err = {0};
    if (c.layers > FEW) c.layers = FEW;
    require(param_table_create(&c, &t, &err));
    require(t.n_params > 0 && t.n_groups > 0 && t.parameters > 0);
    param_table_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct model_config first, second;
    struct buf once = {0}, twice = {0};
    struct err err = {0};
    if (!model_config_parse((const char *)data, size, &first, &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    model_config_write(&first, -1, &once);
    require(model_config_parse(buf_text(&once), once.len, &second, &err));
    model_config_write(&second, -1, &twice);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    check_table(first);
    buf_deinit(&once);
    buf_deinit(&twice);
    return 0;
}
