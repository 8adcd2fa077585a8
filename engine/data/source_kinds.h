/* source_kinds.h - the readers behind the table in source.c that have no header of their own. */
#ifndef THAW_ENGINE_DATA_SOURCE_KINDS_H
#define THAW_ENGINE_DATA_SOURCE_KINDS_H
#include "engine/data/source_files.h"

/* text:. The units of a span that begins and ends where units do; a unit is a line, or a paragraph. */
bool text_add_units(const struct text_span *s, bool by_line, struct source_text *out, struct err *err);
/* Whether a blank line stands between two others: then a unit of the file is a paragraph. `state` begins as
 * TEXT_NOTHING, and goes with a file that is looked through in parts, each ending where a line does. */
enum text_state { TEXT_NOTHING, TEXT_BEGUN, TEXT_PAUSED };
bool text_find_gap(const char *text, size_t n, enum text_state *state);
/* The first place at or behind byte `at`, of n, where a unit ends and the next may begin. */
size_t text_cut(const char *text, size_t n, size_t at, bool by_line);

bool source_text_read(const char *rest, struct source_text *out, struct err *err);
#endif
