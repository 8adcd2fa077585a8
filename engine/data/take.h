/* take.h - a little of another source: `take:KB:SOURCE`.
 * Of the pieces to learn from, so many as find room in KB kilobytes (1000 bytes each), one at least; those that are
 * held out all stay, so that figures on them can be compared. Which pieces: those whose text has the smallest hash, in
 * the order that they had. So a take of 10 is part of one of 30, and none is only the beginning of its source. */
#ifndef THAW_ENGINE_DATA_TAKE_H
#define THAW_ENGINE_DATA_TAKE_H
#include "engine/data/source.h"

/* As in source_kind: `rest` is "KB:SOURCE". */
bool take_read(const char *rest, struct source_text *out, struct err *err);
bool take_check(const char *rest, struct err *err);
/* SOURCE within `rest`; NULL: it is not of that form. */
const char *take_inner(const char *rest);
#endif
