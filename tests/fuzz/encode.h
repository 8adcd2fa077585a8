/* encode.h - what holds for every tokenizer that was accepted, whatever file it came from. */
#ifndef THAW_TESTS_FUZZ_ENCODE_H
#define THAW_TESTS_FUZZ_ENCODE_H
#include <stdint.h>

#include "engine/data/tokenizer.h"

/* Encode some texts and the front of the input: refused with a message, or ids whose bytes are the
 * text. Aborts where not. */
void encode_check(struct tokenizer *t, const uint8_t *data, size_t size);
#endif
