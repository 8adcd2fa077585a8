#include <math.h>
#include <string.h>

#include "engine/formats/gguf_parts.h"
#include "engine/nn/narrow.h"

enum { BLOCK = 32, BLOCK_BYTES = 2 + BLOCK };

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void put16(unsigned char *to, uint16_t x) {
    to[0] = (unsigned char)(x & 0xff);
    to[1] = (unsigned char)(x >> 8);
}

/* A scale, the largest size by 127, and each number by it. */
static void encode_block(const float *from, unsigned char *to) {
    float most = 0;
    for (int i = 0; i < BLOCK; i++) most = fmaxf(most, fabsf(from[i]));
    float scale = most / 127, by = scale > 0 ? 1 / scale : 0;
    uint16_t half;
    narrow_round(&half, &scale, 1, NARROW_F16);
    put16(to, half);
    for (int i = 0; i < BLOCK; i++)
        to[2 + i] = (unsigned char)(signed char)roundf(from[i] * by);
}

size_t gguf_row_bytes(enum gguf_type type, size_t n) {
    return type == GGUF_F32 ? 4 * n : type == GGUF_Q8_0 ? n / BLOCK * BLOCK_BYTES : 2 * n;
}

void gguf_encode(enum gguf_type type, const float *from, size_t n, unsigned char *to) {
    for (size_t i = 0; type == GGUF_Q8_0 && i < n / BLOCK; i++)
        encode_block(from + i * BLOCK, to + i * BLOCK_BYTES);
    for (size_t i = 0; (type == GGUF_F16 || type == GGUF_BF16) && i < n; i++) {
        uint16_t narrow;
        narrow_round(&narrow, from + i, 1, type == GGUF_F16 ? NARROW_F16 : NARROW_BF16);
        put16(to + 2 * i, narrow);
    }
    for (size_t i = 0; type == GGUF_F32 && i < n; i++) {
        put16(to + 4 * i, (uint16_t)bits_of(from[i]));
        put16(to + 4 * i + 2, (uint16_t)(bits_of(from[i]) >> 16));
    }
}
