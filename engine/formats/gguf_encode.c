#include <math.h>
#include <string.h>

#include "engine/formats/gguf_parts.h"

enum { BLOCK = 32, BLOCK_BYTES = 2 + BLOCK };

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The upper `keep` bits of a number, rounded to nearest, ties to even. */
static uint32_t round_off(uint32_t bits, int drop) {
    uint32_t half = 1u << (drop - 1), odd = bits >> drop & 1u;
    return (bits + half - 1 + odd) >> drop;
}

/* 1 sign, 5 exponent (bias 15), 10 fraction bits; above its range infinity, below it 0. */
static uint16_t half_of(float x) {
    uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (uint16_t)(sign | 0x7e00u); /* NaN */
    if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (size >= 0x38800000u)
        return (uint16_t)(sign | round_off(size - ((127u - 15u) << 23), 13));
    int shift = 126 - (int)(size >> 23); /* subnormal: the fraction counts in 2^-24 */
    if (shift > 24) return (uint16_t)sign;
    return (uint16_t)(sign | round_off((size & 0x7fffffu) | 0x800000u, shift));
}

static uint16_t bfloat_of(float x) {
    uint32_t bits = bits_of(x);
    if (isnan(x)) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)round_off(bits, 16);
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
    put16(to, half_of(scale));
    for (int i = 0; i < BLOCK; i++)
        to[2 + i] = (unsigned char)(signed char)roundf(from[i] * by);
}

size_t gguf_row_bytes(enum gguf_type type, size_t n) {
    return type == GGUF_F32 ? 4 * n : type == GGUF_Q8_0 ? n / BLOCK * BLOCK_BYTES : 2 * n;
}

void gguf_encode(enum gguf_type type, const float *from, size_t n, unsigned char *to) {
    for (size_t i = 0; type == GGUF_Q8_0 && i < n / BLOCK; i++)
        encode_block(from + i * BLOCK, to + i * BLOCK_BYTES);
    for (size_t i = 0; type == GGUF_F16 && i < n; i++) put16(to + 2 * i, half_of(from[i]));
    for (size_t i = 0; type == GGUF_BF16 && i < n; i++) put16(to + 2 * i, bfloat_of(from[i]));
    for (size_t i = 0; type == GGUF_F32 && i < n; i++) {
        put16(to + 4 * i, (uint16_t)bits_of(from[i]));
        put16(to + 4 * i + 2, (uint16_t)(bits_of(from[i]) >> 16));
    }
}
