/* source_pieces.h - the text of sources in pieces of whole units, for who cannot hold all of it: a few pieces at a
 * time, of which each can be read on a thread of its own. What units there are, in which order and which of them are
 * held out, is as with source_read(). The files of text: and jsonl: are mapped and cut where units end; a source of
 * another kind is read whole first, and of a file that gzip made all that it holds is in memory at once. */
#ifndef THAW_ENGINE_DATA_SOURCE_PIECES_H
#define THAW_ENGINE_DATA_SOURCE_PIECES_H
#include "engine/data/source.h"

enum { PIECE_BYTES = 1 << 18, PIECES_MAX = 128 }; /* of text, more where a unit is longer; at a time */

struct source_pieces; /* opaque */

/* The specs are borrowed for its life. Errors as for source_read(). Owner: the caller. */
struct source_pieces *source_pieces_create(const char *const *specs, int n, struct err *err);
void source_pieces_destroy(struct source_pieces *p); /* NULL is fine */

/* Go on to the next pieces, at most `most` (and PIECES_MAX): *n, which is 0 when all have been. Those before are
 * given up. */
bool source_pieces_next(struct source_pieces *p, int most, int *n, struct err *err);
/* The units of piece i of them, on any thread; *out is not to be changed, and is released with
 * source_piece_release(), also after a failure. */
bool source_piece_read(const struct source_pieces *p, int i, struct source_text *out, struct err *err);
void source_piece_release(const struct source_pieces *p, int i, struct source_text *out);

/* Bytes of the pieces up to now, and of all as far as it is known: more may turn out. */
uint64_t source_pieces_done(const struct source_pieces *p);
uint64_t source_pieces_total(const struct source_pieces *p);
#endif
