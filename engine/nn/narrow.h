/* narrow.h - numbers of 16 bits, in which weights come from files and may stay in memory, and reals.
 *   BF16   the upper half of a float32:  1 sign, 8 exponent, 7 fraction bits
 *   F16    half precision (IEEE 754):    1 sign, 5 exponent, 10 fraction bits
 * Every one of them is a float32, so widening loses nothing, and what was widened rounds to the same 16 bits
 * again, those of NaN included. */
#ifndef THAW_ENGINE_NN_NARROW_H
#define THAW_ENGINE_NN_NARROW_H
#include <stddef.h>
#include <stdint.h>

#include "engine/core/real.h"

enum narrow_kind { NARROW_NONE, NARROW_BF16, NARROW_F16 };

/* to[n] = from[n], exactly. `from` may lie at any address. */
void narrow_widen(real *to, const void *from, size_t n, enum narrow_kind kind);
/* to[n] = from[n] rounded to nearest, ties to even; what is too large becomes infinite. */
void narrow_round(uint16_t *to, const float *from, size_t n, enum narrow_kind kind);
#endif
