/* rng.h - random numbers that depend on nothing but their seed.
 * Counter-based (splitmix64 finaliser over key and counter), so that a stream for "step 412 of
 * stage 1" is made from those numbers, and nothing random needs saving in a checkpoint.
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
#ifndef THAW_ENGINE_CORE_RNG_H
#define THAW_ENGINE_CORE_RNG_H
#include <stdint.h>

struct rng {
    uint64_t key, counter;
};

/* A stream of its own for each (seed, a, b): e.g. rng_make(seed, stage, epoch). */
struct rng rng_make(uint64_t seed, uint64_t a, uint64_t b);
uint64_t rng_next(struct rng *r);                    /* 64 uniform bits */
uint64_t rng_below(struct rng *r, uint64_t n);       /* uniform in [0, n), unbiased; n > 0 */
double rng_uniform(struct rng *r);                   /* uniform in [0, 1) */
double rng_normal(struct rng *r);                    /* mean 0, deviation 1 (Box-Muller) */
uint64_t rng_hash(const void *bytes, uint64_t n);    /* stable 64-bit hash of bytes (XXH3) */
#endif
