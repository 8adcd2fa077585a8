/* pretoken_ascii.h - the cuts of pretoken.h where bytes of ASCII alone decide, which in most text is nearly
 * everywhere: some ten times as fast as the patterns. For the files of this folder only. */
#ifndef THAW_ENGINE_DATA_PRETOKEN_ASCII_H
#define THAW_ENGINE_DATA_PRETOKEN_ASCII_H
#include "engine/data/pretoken.h"

/* Length in bytes of the piece that text[0..n) begins with, n > 0; 0: a byte beyond ASCII has a say. */
size_t pretoken_ascii(enum pretoken_kind kind, const char *text, size_t n);
#endif
