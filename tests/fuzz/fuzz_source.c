/* fuzz_source.c - any bytes as a file of text, of the kind that the first byte says: refused
 * with a message, or units inside the text that was read. Built as a libFuzzer target, and into
 * test_fuzz_source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/source.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_units(const struct source_text *s) {
    require(s->n_units > 0);
    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit *u = &s->units[i];
        require(u->length > 0 && u->offset <= s->bytes.len &&
                u->length <= s->bytes.len - u->offset);
        require(u->answer < u->length);
        const char *text = s->bytes.data + u->offset;
        require(text_valid_prefix(text, u->length) == u->length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const char *kind, *behind;
    } kinds[] = {{"text:", ""},           {"jsonl:", ""}, {"html:", ""},
                 {"packages:", ""},       {"pairs:", ""}, {"pairs:", ":medical"},
                 {"sentences:text:", ""}, {"pod:", ""},   {"fortunes:", ""}};
    if (size == 0) return 0;
    char spec[300];
    struct source_text s = {.units = NULL};
    struct err err = {0};
    const char *path = folder_put("source", (struct folder_part){data + 1, size - 1});
    size_t k = data[0] % (sizeof kinds / sizeof *kinds);
    snprintf(spec, sizeof spec, "%s%s%s", kinds[k].kind, path, kinds[k].behind);
    if (source_read(spec, &s, &err)) check_units(&s);
    else require(err.code != ERR_NONE && err.msg[0] != '\0');
    source_deinit(&s);
    return 0;
}
