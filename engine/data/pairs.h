/* pairs.h - parallel texts as `left => right` lines: a prompt is the left side with its arrow, and the
 * right side is the one answer.
 *
 *   PATH  a file with a tab in each line: its first two columns. Lines with one column are refused.
 *   PATH  a word list of the kind of trans-de-en, known by " :: " in its lines:
 *           Aal {m} [zool.] | Aale {pl} :: eel | eels     gives  Aal => eel, Aale => eels
 *         The parts between | belong together in order. Of a part's synonyms (between ;) every left one
 *         is paired with the first right one. Grammar {m}, tags [med.], remarks (...), forms <...> and
 *         abbreviations /ABC/ are taken off; a side that is then longer than PAIR_SIDE_MAX bytes, or has
 *         an alternative (/) or a gap (...) left, is left out. Of several pairs with one left side the
 *         first stands. Lines that begin with # are remarks.
 *   de-en /usr/share/trans/de-en
 *
 * Domains are for word lists: medical takes the lines tagged [med.], [anat.] or [pharm.], legal [jur.],
 * general all lines without any of these. The split key is the line's left side. */
#ifndef THAW_ENGINE_DATA_PAIRS_H
#define THAW_ENGINE_DATA_PAIRS_H
#include "engine/data/source.h"

enum { PAIR_SIDE_MAX = 48 };

/* As in source_kind: `rest` is PATH, PATH:DOMAIN, de-en or de-en:DOMAIN. */
bool pairs_read(const char *rest, struct source_text *out, struct err *err);
bool pairs_check(const char *rest, struct err *err);
size_t pairs_path(const char *rest);
#endif
