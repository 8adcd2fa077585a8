/* grammar_file.h - a grammar's file, line by line. It is YAML of the plainest kind, so that every YAML
 * reader sees the same in it: sections at the margin, names indented by two blanks, and below a name
 * items "- text" indented by four. Comments begin with # at the margin of a line or behind a blank. An
 * item in double quotes holds no quotes and no backslashes. The libyaml door is src/'s; a test compares. */
#ifndef THAW_ENGINE_DATA_GRAMMAR_FILE_H
#define THAW_ENGINE_DATA_GRAMMAR_FILE_H
#include "engine/data/grammar_parts.h"

enum grammar_item { ITEM_SECTION, ITEM_NAME, ITEM_TEXT, ITEM_END };

struct grammar_reader {
    const char *at, *end;
    int line; /* of the item that was read last, from 1 */
};

/* The next item: a section's or a name's word in `word`, behind its colon `value` (empty: nothing stands
 * there), or the text of an item in `value`. False: ERR_PARSE, "line 7: ...". */
bool grammar_next(struct grammar_reader *r, enum grammar_item *kind, struct grammar_span *word,
                  struct grammar_span *value, struct err *err);
#endif
