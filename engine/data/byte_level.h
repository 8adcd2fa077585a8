/* byte_level.h - GPT-2's spelling of the 256 bytes as printable characters.
 * Bytes that print in Latin-1 stand for themselves, the other 68 for U+0100 and on, in order.
 * Source: Radford et al., "Language models are unsupervised multitask learners", 2019,
 * section 2.2. */
#ifndef THAW_ENGINE_DATA_BYTE_LEVEL_H
#define THAW_ENGINE_DATA_BYTE_LEVEL_H
#include <stdint.h>

#include "engine/core/buf.h"

uint32_t byte_level_char(uint8_t byte);
int byte_level_byte(uint32_t cp); /* -1: the character spells no byte */
/* The i-th byte of the vocabulary's order: first those that stand for themselves. */
uint8_t byte_level_nth(int i);
/* Append the spelling of bytes[0..n), or the bytes that text[0..n) spells. False: out of
 * memory, and for unspell also a character that spells no byte. */
bool byte_level_spell(struct buf *out, const char *bytes, size_t n);
bool byte_level_unspell(struct buf *out, const char *text, size_t n);
#endif
