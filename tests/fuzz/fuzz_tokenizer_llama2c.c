/* fuzz_tokenizer_llama2c.c - any bytes as llama2.c's tokenizer.bin: refused with a message, or
 * a tokenizer that encodes without harm. The first byte says how large its vocabulary is. Built
 * as a libFuzzer target, and into test_fuzz_tokenizer_llama2c. */
#include <stdlib.h>

#include "tests/fuzz/encode.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { BYTES = 259 }; /* the specials and a token for each byte */
    if (size == 0) return 0;
    struct err err = {0};
    int vocab = data[0] < 128 ? data[0] : BYTES + data[0] - 128;
    const char *path = folder_put("tokenizer.bin", (struct folder_part){data + 1, size - 1});
    struct tokenizer *t = tokenizer_load_llama2c(path, vocab, &err);
    if (t) encode_check(t, data, size);
    else if (err.code == ERR_NONE || err.msg[0] == '\0') abort();
    tokenizer_destroy(t);
    return 0;
}
