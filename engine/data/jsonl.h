/* jsonl.h - jsonl:PATH#key, a JSON Lines file as people have it for fine-tuning. A line is an object; what it
 * is follows from its keys, line by line:
 *   {"text": "..."}                           a text, all of which is learned
 *   {"messages": [{"role": "user", "content": "..."}, ...]}   a conversation; roles are system (first), user
 *                                             and assistant. Only what the assistant says is learned, and
 *                                             that it ends there. How turns are written is the chat
 *                                             template's (chat.h)
 *   {"prompt": "...", "completion": "..."}    only the completion is learned, and that it ends there. The two
 *                                             are joined as they are: a blank between them stands in one
 * Of several the first here counts. With #key only that key is looked at: a string, or a list of messages.
 * Other keys are passed over.
 * The split follows from all of a line's text, as prompts are often the same for many lines. */
#ifndef THAW_ENGINE_DATA_JSONL_H
#define THAW_ENGINE_DATA_JSONL_H
#include "engine/data/source_files.h"

bool jsonl_read(const char *rest, struct source_text *out, struct err *err);
size_t jsonl_path(const char *rest); /* as source_kind.path */
const char *jsonl_key(const char *rest); /* "" where none is named */
/* The units of a span that begins and ends where lines do. */
bool jsonl_add_units(const struct text_span *s, const char *key, struct source_text *out, struct err *err);
#endif
