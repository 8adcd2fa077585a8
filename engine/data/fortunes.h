/* fortunes.h - files of the fortune program: sayings with a line "%" between them.
 * A saying is a unit, in one line; who said it ("-- Mark Twain" at its end) is left out, and so is what is a
 * picture: sayings of which less than half are letters. The split key is the saying.
 * Source of the format: strfile(1). */
#ifndef THAW_ENGINE_DATA_FORTUNES_H
#define THAW_ENGINE_DATA_FORTUNES_H
#include "engine/data/source.h"

/* As in source_kind: a file, a folder or a glob. Indexes (.dat) and second names (.u8) are passed over. */
bool fortunes_read(const char *rest, struct source_text *out, struct err *err);

/* The sayings of one file's text, which is UTF-8. False: no memory. */
bool fortunes_add(const char *text, size_t n, struct source_text *out, struct err *err);
#endif
