/* fuzz_pretoken.c - any bytes as a text that is cut by a pre-tokeniser, whose kind the first
 * byte chooses: the pieces, joined, are the text, and what bytes of ASCII decide by themselves
 * is what the patterns say. Built as a libFuzzer target, and into test_fuzz_pretoken. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/data/pretoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct pretoken *made[PRETOKEN_COUNT];
    if (size == 0) return 0;
    int kind = data[0] % PRETOKEN_COUNT;
    if (!made[kind]) made[kind] = pretoken_create((enum pretoken_kind)kind, NULL);
    require(made[kind] != NULL);
    struct pretoken_walk fast = {.text = (const char *)data + 1, .n = size - 1}, slow = fast;
    size_t n;
    while ((n = pretoken_next_pattern(made[kind], &slow)) > 0)
        require(pretoken_next(made[kind], &fast) == n && fast.at == slow.at);
    require(pretoken_next(made[kind], &fast) == 0 && slow.at == size - 1);
    return 0;
}
