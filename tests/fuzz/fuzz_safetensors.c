/* fuzz_safetensors.c - any bytes as a safetensors file: refused with a message, or sound
 * throughout. Built as a libFuzzer target, and into test_fuzz_safetensors, which walks around
 * the seeds. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* Use every number of a tensor, in pieces of an odd size. */
static void read_all(const struct tensor *t) {
    enum { PIECE = 7 };
    if (t->dtype == DTYPE_OTHER || t->dtype == DTYPE_I64) return;
    size_t n = t->bytes / (t->dtype == DTYPE_F32 ? 4 : 2);
    for (size_t first = 0; first < n; first += PIECE) {
        float x[PIECE];
        tensor_floats(t, first, n - first < PIECE ? n - first : PIECE, x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err err = {0};
    struct safetensors *s = safetensors_parse(data, size, "fuzz", &err);
    if (!s) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    const unsigned char *end = NULL;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct tensor *t = safetensors_at(s, i);
        require(!end || t->data == end); /* no hole, no overlap */
        require(safetensors_find(s, t->name) == t);
        for (int d = 0; d < t->n_dims; d++) require(t->dims[d] >= 0);
        read_all(t);
        end = t->data + t->bytes;
    }
    require(!end || end == data + size);
    safetensors_metadata(s, "format");
    safetensors_close(s);
    return 0;
}
