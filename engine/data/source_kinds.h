/* source_kinds.h - the readers behind the table in source.c that have no header of their own. */
#ifndef THAW_ENGINE_DATA_SOURCE_KINDS_H
#define THAW_ENGINE_DATA_SOURCE_KINDS_H
#include "engine/data/source.h"

bool source_text_read(const char *rest, struct source_text *out, struct err *err);
#endif
