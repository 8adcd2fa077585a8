/* fuzz_tokenizer.c - any bytes as a tokenizer.json: refused with a message, or a tokenizer that
 * encodes without harm, and whose byte-level decoding gives the text back. Built as a libFuzzer
 * target, and into test_fuzz_tokenizer, which walks around the seeds. */
#include <stdlib.h>

#include "tests/fuzz/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse((const char *)data, size, &err);
    if (t) encode_check(t, data, size);
    else if (err.code == ERR_NONE || err.msg[0] == '\0') abort();
    tokenizer_destroy(t);
    return 0;
}
