#include "engine/core/rng.h"

#include <math.h>
#include <xxhash.h>

static const uint64_t GOLDEN = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio, odd */

/* The splitmix64 finaliser (David Stafford's variant 13 of MurmurHash3's): a bijection. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct rng rng_make(uint64_t seed, uint64_t a, uint64_t b) {
    uint64_t key = mix(seed + GOLDEN);
    key = mix((key ^ a) + GOLDEN);
    key = mix((key ^ b) + GOLDEN);
    return (struct rng){.key = key, .counter = 0};
}

uint64_t rng_next(struct rng *r) { return mix(r->key + GOLDEN * ++r->counter); }

/* The 2^64 mod n lowest values are thrown away, so that n divides the number of those left. */
uint64_t rng_below(struct rng *r, uint64_t n) {
    uint64_t lowest = -n % n, x;
    do {
        x = rng_next(r);
    } while (x < lowest);
    return x % n;
}

double rng_uniform(struct rng *r) { return (double)(rng_next(r) >> 11) * 0x1p-53; }

/* Box-Muller; the sine's half is not kept, so that a stream is its key and counter alone. */
double rng_normal(struct rng *r) {
    const double two_pi = 6.283185307179586;
    double u = 1.0 - rng_uniform(r); /* in (0, 1]: the logarithm is finite */
    return sqrt(-2.0 * log(u)) * cos(two_pi * rng_uniform(r));
}

uint64_t rng_hash(const void *bytes, uint64_t n) { return XXH3_64bits(bytes, (size_t)n); }
