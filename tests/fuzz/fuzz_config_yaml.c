/* fuzz_config_yaml.c - any bytes as a config: refused with a message, or settings that survive
 * the way through YAML. Built as a libFuzzer target, and into test_fuzz_config_yaml. */
#include <stdlib.h>
#include <string.h>

#include "src/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct settings first, second;
    struct err err = {0};
    struct buf once = {0}, twice = {0};
    if (!config_parse((const char *)data, size, "fuzz", NULL, &first, &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    require(config_write(&first, &once, &err));
    require(config_parse(once.data, once.len, "again", NULL, &second, &err));
    require(config_write(&second, &twice, &err));
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    buf_deinit(&once);
    buf_deinit(&twice);
    return 0;
}
