/* text.h - UTF-8 and the one sanitiser that all outside text passes on its way to a terminal.
 * Source: RFC 3629; Unicode 15, sections 3.9 (maximal subparts) and 23; widths from utf8proc. */
#ifndef THAW_ENGINE_CORE_TEXT_H
#define THAW_ENGINE_CORE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/buf.h"

/* Decode one character at s[0..n). Returns the bytes used (>= 1 when n > 0) and sets *cp; an
 * invalid byte gives U+FFFD and uses the maximal invalid subpart. */
size_t text_decode(const char *s, size_t n, uint32_t *cp);
/* Encode `cp` into out (4 bytes are enough); returns the bytes used. Surrogates become U+FFFD. */
size_t text_encode(uint32_t cp, char out[4]);
/* Offset of the first byte that is not valid UTF-8, or n when all is valid. */
size_t text_valid_prefix(const char *s, size_t n);
/* Whether s[0..n) ends inside a character that more bytes could complete: the bytes of it. */
size_t text_incomplete_tail(const char *s, size_t n);

/* Append the canonical composition (NFC) of s[0..n); bytes that are no UTF-8 stay as they are. False: out of
 * memory. Source: Unicode Standard Annex 15. */
bool text_compose(struct buf *out, const char *s, size_t n);

/* Columns of one character: 0 (combining, zero-width), 1 or 2. Ambiguous width counts as 1. */
int text_width(uint32_t cp);
/* Columns of s[0..n) after sanitising. */
int text_columns(const char *s, size_t n);

/* Append s[0..n) fit for a terminal: C0, DEL and C1 become visible escapes (\n stays as it is when
 * keep_newlines, otherwise "\n" is shown; ESC "\e", tab "\t", others "\x1b"), bidi controls and
 * zero-width characters become "\u202e"; more than 4 combining marks in a row are dropped;
 * invalid bytes become U+FFFD. */
void text_sanitise(struct buf *out, const char *s, size_t n, bool keep_newlines);
#endif
