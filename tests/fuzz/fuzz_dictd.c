/* fuzz_dictd.c - any bytes as a dictd dictionary: an index, a line "%%", and the text, plain or
 * gzip's. Refused with a message, or lines that are UTF-8. Built as a libFuzzer target, and
 * into test_fuzz_dictd. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/data/dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static void require(bool holds) {
    if (!holds) abort();
}

static void check_lines(const struct dictd *d, const char *domain) {
    struct source_text s = {.units = NULL};
    struct err err = {0};
    for (size_t i = 0; i < d->n; i++)
        require(dict_add_article(&d->entries[i], domain, &s, &err));
    for (size_t i = 0; i < s.n_units; i++) {
        const char *text = s.bytes.data + s.units[i].offset;
        require(text_valid_prefix(text, s.units[i].length) == s.units[i].length);
        require(!memchr(text, '\n', s.units[i].length) &&
                memmem(text, s.units[i].length, " : ", 3));
    }
    source_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data, *mark = memmem(data, size, "%%\n", 3);
    struct dictd d = {.index = {.data = text, .size = mark ? (size_t)(mark - text) : size}};
    struct err err = {0};
    size_t rest = mark ? size - d.index.size - 3 : 0;
    struct buf expanded = {0};
    d.body.data = mark ? mark + 3 : text;
    d.body.size = rest;
    bool good = true;
    if (gzip_is(d.body.data, rest)) {
        good = gzip_expand(d.body.data, rest, TEXT_MAX, &expanded, &err);
        d.body.data = buf_text(&expanded);
        d.body.size = expanded.len;
        require(expanded.len <= TEXT_MAX);
    }
    good = good && dictd_find_entries(&d, &err);
    require(good || (err.code != ERR_NONE && err.msg[0] != '\0'));
    if (good) check_lines(&d, NULL);
    if (good) check_lines(&d, "medicine");
    free(d.entries);
    buf_deinit(&expanded);
    return 0;
}
