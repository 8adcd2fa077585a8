#include "tests/fuzz/encode.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds) {
    if (!holds) abort();
}

/* Decoded, the ids are the text, or (sentencepiece) a space and the text. */
static void check_decoded(const struct tokenizer *t, const struct ids *ids, const char *text,
                          size_t n) {
    struct buf out = {0};
    for (size_t i = 0; i < ids->n; i++) {
        size_t length;
        const char *bytes = tokenizer_bytes(t, ids->data[i], &length);
        require(bytes && length > 0 && !tokenizer_is_special(t, ids->data[i]));
        buf_add(&out, bytes, length);
    }
    size_t extra = out.len - n;
    require(extra == 0 || (extra == 1 && out.data[0] == ' '));
    require(n == 0 || memcmp(out.data + extra, text, n) == 0);
    buf_deinit(&out);
}

static void check_encode(struct tokenizer *t, const char *text, size_t n) {
    struct ids ids = {0};
    struct err err = {0};
    if (tokenizer_encode(t, text, n, &ids, &err)) check_decoded(t, &ids, text, n);
    else require(err.code == ERR_RANGE && err.msg[0] != '\0' && ids.n == 0);
    ids_deinit(&ids);
}

void encode_check(struct tokenizer *t, const uint8_t *data, size_t size) {
    static const char words[] = "abc the fever ab a\xc3\xa9\n<|endoftext|></s> \xff\xfe A";
    int eot = tokenizer_eot(t);
    require(tokenizer_vocab(t) > 0 && eot < tokenizer_vocab(t));
    require(eot == -1 || tokenizer_is_special(t, eot));
    for (size_t n = 0; n < sizeof words; n++) check_encode(t, words, n);
    check_encode(t, (const char *)data, size < 256 ? size : 256);
    require(tokenizer_fingerprint(t) == tokenizer_fingerprint(t));
}
