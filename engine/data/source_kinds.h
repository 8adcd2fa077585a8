/* source_kinds.h - the readers behind the table in source.c; wordnet's is in wordnet.h. */
#ifndef THAW_ENGINE_DATA_SOURCE_KINDS_H
#define THAW_ENGINE_DATA_SOURCE_KINDS_H
#include "engine/data/source.h"

bool source_text_read(const char *rest, struct source_text *out, struct err *err);
bool source_jsonl_read(const char *rest, struct source_text *out, struct err *err);
#endif
