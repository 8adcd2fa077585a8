/* permute.h - another source in an alphabet of its own: `permute:SEED:SOURCE`.
 * Each letter a-z stands for another, by one cycle of all 26 that follows from the seed; capitals go with
 * their small letters, all else stays. To a model whose tokens are bytes (model.vocab: 257) that is the
 * same language with its embeddings exchanged, so embed alone can learn it: what surgical fine-tuning
 * (Lee et al., arXiv 2210.11466) is shown with. Larger vocabularies cut the text otherwise.
 * Pieces, their split and their right answers are those of SOURCE. */
#ifndef THAW_ENGINE_DATA_PERMUTE_H
#define THAW_ENGINE_DATA_PERMUTE_H
#include "engine/data/source.h"

enum { PERMUTE_LETTERS = 26 };

/* to[i]: what letter i becomes. No letter stays what it is (Sattolo 1986). */
void permute_alphabet(uint64_t seed, char to[PERMUTE_LETTERS]);

/* As in source_kind: `rest` is "SEED:SOURCE". */
bool permute_read(const char *rest, struct source_text *out, struct err *err);
bool permute_check(const char *rest, struct err *err);
/* SOURCE within `rest`; NULL: it is not of that form. */
const char *permute_inner(const char *rest);
#endif
