#include "engine/core/crc32c.h"

/* 0x82F63B78 is the polynomial with its lowest power first. Bit by bit: what is summed here is
 * a few hundred bytes a step. */
uint32_t crc32c(const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}
