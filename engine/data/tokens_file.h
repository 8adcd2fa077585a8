/* tokens_file.h - text that was turned into tokens once, in a file that is mapped: a source of kind `tokens:`.
 * So a corpus may be larger than memory, and no run waits for its tokenizer. The file holds training and
 * validation units apart, each in the order of its source, and the tokenizer that made it. What a stage gets of
 * it are the same tokens as from the text (tokenize.h makes it; the bytes are in tokens_format.h).
 * A file is checked to its last byte when it is opened, and must not be changed while it is used: thaw replaces
 * such a file, and never writes into one. */
#ifndef THAW_ENGINE_DATA_TOKENS_FILE_H
#define THAW_ENGINE_DATA_TOKENS_FILE_H
#include "engine/data/corpus.h"

/* What a file says of itself. */
struct tokens_about {
    int vocab;
    uint64_t fingerprint;             /* of its tokenizer */
    bool alone;                       /* units are not to be packed */
    const struct chat_template *chat; /* of its conversations; NULL: it has none */
    struct {
        uint64_t units, tokens, learned, bytes; /* bytes: of the text */
    } splits[2];                                /* SPLIT_TRAIN, SPLIT_VAL */
};

/* The path of a `tokens:PATH`; NULL: another kind of source. */
const char *tokens_path(const char *spec);
/* Reads the file's end and its size alone. ERR_PARSE: it is none, is cut short, or is damaged. */
bool tokens_about(const char *path, struct tokens_about *out, struct err *err);
/* The tokenizer that it was made with. Owner: the caller. */
struct tokenizer *tokens_tokenizer(const char *path, struct err *err);
/* The units of a split, mapped. ERR_USAGE where the file was not made for the tokenizer or the form, with what to
 * do; ERR_RANGE where nothing is in the split. `progress` as for corpus_build(), while all of it is checked. */
bool tokens_corpus(const char *path, enum split split, struct corpus_form form, const struct tokenizer *t,
                   bool (*progress)(void *ctx, size_t done, size_t total), void *ctx, struct corpus *out,
                   struct err *err);
/* The text again, first of the training units; for who wants to look at it. At most SOURCE_BYTES_MAX. */
bool tokens_source_read(const char *path, struct source_text *out, struct err *err);

/* ---- writing ---- */

struct tokens_writer; /* opaque */

/* `path` is replaced when all is done; until then the bytes are aside, as PATH.new. `alone`: the form of what will
 * come. The tokenizer is borrowed for the writer's life. Owner: the caller. */
struct tokens_writer *tokens_writer_create(const char *path, const struct tokenizer *t, bool alone, struct err *err);
/* More units of a split (not SPLIT_ALL). */
bool tokens_writer_add(struct tokens_writer *w, enum split split, const struct corpus *more, struct err *err);
/* Some of them are conversations, written so. */
void tokens_writer_note_chat(struct tokens_writer *w, const struct chat_template *chat);
/* Fsynced and in its place; *bytes (may be NULL) gets its size. */
bool tokens_writer_finish(struct tokens_writer *w, uint64_t *bytes, struct err *err);
void tokens_writer_destroy(struct tokens_writer *w); /* what was not finished is gone; NULL is fine */
#endif
