/* fuzz_wordnet.c - any bytes as WordNet's nouns, verbs, adjectives and adverbs, with lines "%%"
 * between: refused with a message, or lines of text. Built as a libFuzzer target, and into
 * test_fuzz_wordnet. */
#include <stdlib.h>
#include <string.h>

#include "engine/data/wordnet.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"data.noun", "data.verb", "data.adj", "data.adv"};
    struct folder_part parts[4];
    struct source_text s = {.units = NULL};
    struct err err = {0};
    folder_cut(data, size, parts, 4);
    for (int i = 0; i < 4; i++) {
        if (!parts[i].data) parts[i] = (struct folder_part){data, 0};
        folder_put(names[i], parts[i]);
    }
    require(setenv("WNSEARCHDIR", folder_path(), 1) == 0);
    if (!wordnet_read("medicine", &s, &err))
        require(err.code != ERR_NONE && err.msg[0] != '\0');
    for (size_t i = 0; i < s.n_units; i++)
        require(s.units[i].length > 0 && s.units[i].offset + s.units[i].length <= s.bytes.len);
    source_deinit(&s);
    return 0;
}
