#include "engine/nn/narrow.h"

#include <assert.h>
#include <string.h>

/* ---- wider ---- */

static inline float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The exponent's bias goes from 15 to 127. Infinity and NaN keep all its bits set; a subnormal
 * is read as the fraction of 2^-14 that it is, and the 1 in front of it taken away again. No
 * branch, so that a loop of it is vectors. */
static inline float wide_half(uint16_t h) {
    const uint32_t full = 31u << 23, least = 113u << 23; /* exponents: all set; 2^-14 */
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, size = (uint32_t)(h & 0x7fffu) << 13;
    uint32_t subnormal = bits_of(float_of(size + least) - float_of(least));
    uint32_t finite = (size & full) == 0 ? subnormal : size + (112u << 23);
    return float_of(sign | ((size & full) == full ? size | 0x7f800000u : finite));
}

KERNEL static void widen_bf16(real *restrict to, const char *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t raw;
        memcpy(&raw, from + 2 * i, sizeof raw);
        to[i] = (real)float_of((uint32_t)raw << 16);
    }
}

KERNEL static void widen_f16(real *restrict to, const char *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t raw;
        memcpy(&raw, from + 2 * i, sizeof raw);
        to[i] = (real)wide_half(raw);
    }
}

void narrow_widen(real *to, const void *from, size_t n, enum narrow_kind kind) {
    assert(kind != NARROW_NONE);
    if (kind == NARROW_BF16) widen_bf16(to, from, n);
    else widen_f16(to, from, n);
}

/* ---- narrower ---- */

/* bits / 2^drop, rounded to nearest, ties to even. */
static uint32_t round_off(uint32_t bits, int drop) {
    uint32_t half = 1u << (drop - 1), odd = bits >> drop & 1u;
    return (bits + half - 1 + odd) >> drop;
}

/* A NaN's fraction without the bits that have no room; none left would be infinity. */
static uint32_t nan_fraction(uint32_t bits, int drop) {
    uint32_t kept = (bits & 0x7fffffu) >> drop;
    return kept ? kept : 0x400000u >> drop;
}

static uint16_t half_of(float x) {
    uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (uint16_t)(sign | 0x7c00u | nan_fraction(bits, 13));
    if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (size >= 0x38800000u)
        return (uint16_t)(sign | round_off(size - ((127u - 15u) << 23), 13));
    int shift = 126 - (int)(size >> 23); /* subnormal: the fraction counts in 2^-24 */
    if (shift > 24) return (uint16_t)sign;
    return (uint16_t)(sign | round_off((size & 0x7fffffu) | 0x800000u, shift));
}

static uint16_t bfloat_of(float x) {
    uint32_t bits = bits_of(x), size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (uint16_t)((bits >> 16 & 0xff80u) | nan_fraction(bits, 16));
    return (uint16_t)round_off(bits, 16);
}

void narrow_round(uint16_t *to, const float *from, size_t n, enum narrow_kind kind) {
    assert(kind != NARROW_NONE);
    for (size_t i = 0; i < n; i++)
        to[i] = kind == NARROW_BF16 ? bfloat_of(from[i]) : half_of(from[i]);
}
