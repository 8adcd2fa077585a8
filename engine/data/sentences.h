/* sentences.h - the sentences of another source, each once.
 * A sentence ends in . ! or ? before a blank that no small letter follows ("e. g. this" goes on), or
 * with its unit. Blanks and line ends become single spaces. It counts when it has at least four words
 * (runs with a letter in them), is no longer than 2,000 bytes (what is longer is a table, an index, a list of symbols:
 * one of a megabyte would be all that a model sees for a hundred steps) and stands nowhere before: neither in this source nor in those that were
 * read into the same text, so that the sources of a stage may be filtered one by one. The split key is
 * the sentence. */
#ifndef THAW_ENGINE_DATA_SENTENCES_H
#define THAW_ENGINE_DATA_SENTENCES_H
#include "engine/data/source.h"

enum { SENTENCE_WORDS_MIN = 4, SENTENCE_BYTES_MAX = 2000 };

/* As source_kind.read: `rest` is the other source. */
bool sentences_read(const char *rest, struct source_text *out, struct err *err);
#endif
