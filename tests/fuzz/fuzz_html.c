/* fuzz_html.c - any text as a web page: paragraphs that are UTF-8, in one line, without blanks
 * around. Built as a libFuzzer target, and into test_fuzz_html. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source_text s = {.units = NULL};
    size_t n = text_valid_prefix((const char *)data, size);
    require(html_add((const char *)data, n, &s, NULL));
    for (size_t i = 0; i < s.n_units; i++) {
        const char *text = s.bytes.data + s.units[i].offset;
        size_t length = s.units[i].length;
        require(text_valid_prefix(text, length) == length && !memchr(text, '\n', length));
        require(text[0] != ' ' && text[length - 1] != ' ' && !memmem(text, length, "  ", 2));
    }
    source_deinit(&s);
    return 0;
}
