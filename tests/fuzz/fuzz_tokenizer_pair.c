/* fuzz_tokenizer_pair.c - any bytes as a vocab.json, a line "%%" and a merges.txt: refused with
 * a message, or a tokenizer that encodes without harm. Built as a libFuzzer target, and into
 * test_fuzz_tokenizer_pair. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/encode.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct folder_part parts[2];
    struct err err = {0};
    char vocab[256];
    folder_cut(data, size, parts, 2);
    strcpy(vocab, folder_put("vocab.json", parts[0]));
    struct tokenizer *t = tokenizer_load_pair(vocab, folder_put("merges.txt", parts[1]), &err);
    if (t) encode_check(t, data, size);
    else if (err.code == ERR_NONE || err.msg[0] == '\0') abort();
    tokenizer_destroy(t);
    return 0;
}
