/* source.h - where text comes from: `kind:rest`, one table of kinds.
 *
 *   text:PATH        a file, a folder (all regular files below it, sorted; hidden ones left
 *                    out) or a glob; UTF-8 checked. A unit is a paragraph (text between
 *                    blank lines, inner newlines kept); in a file without a blank line it
 *                    is a line.
 *   jsonl:PATH#key   JSON Lines: texts, prompts with completions, or conversations (jsonl.h)
 *   html:PATH        web pages as paragraphs without tags (html.h)
 *   pod:PATH         Perl's documentation, as paragraphs without its codes (pod.h)
 *   fortunes:PATH    sayings of the fortune program (fortunes.h)
 *   packages:PATH    descriptions of Debian packages (packages.h)
 *   wordnet:DOMAIN   general, medicine, law, sport: `word : meaning` lines (see wordnet.h)
 *   dict:NAME        a dictd dictionary, whole or by labels: `word : meaning` lines (dict.h)
 *   pairs:PATH       parallel texts: `Fieber => fever` lines (pairs.h)
 *   grammar:NAME:LEVEL  lines that a grammar of thaw's own makes (grammar.h)
 *   sentences:SOURCE    the sentences of another source, each once (sentences.h)
 *   permute:SEED:SOURCE another source with its letters exchanged (permute.h)
 *   take:KB:SOURCE      so much of another source (take.h)
 *   tokens:PATH      text that was turned into tokens once (tokens_file.h)
 *
 * A file that gzip made is read as what it holds.
 * A source is read whole, into units: the pieces that are shuffled, and that belong to
 * training or to validation by a hash of their key, so that a given piece is never in both. */
#ifndef THAW_ENGINE_DATA_SOURCE_H
#define THAW_ENGINE_DATA_SOURCE_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

enum { SOURCE_BYTES_MAX = 1 << 30 }; /* what one gzip file may hold */

enum split { SPLIT_TRAIN, SPLIT_VAL, SPLIT_ALL };

/* Whose words a part of a unit is. What an assistant says, and what completes a prompt, is learned; the rest
 * is only read. */
enum part_role { PART_PROMPT, PART_COMPLETION, PART_SYSTEM, PART_USER, PART_ASSISTANT };

struct part {
    size_t offset;   /* into source_text.bytes */
    uint32_t length; /* bytes; may be 0 */
    enum part_role role;
};

struct unit {
    size_t offset;   /* into source_text.bytes */
    uint32_t length; /* bytes, > 0 */
    uint32_t answer; /* where the one right answer begins, with its blank, in a unit that asks
                        for one; else 0 */
    bool validation; /* by unit_is_validation(key) */
    uint32_t n_parts;   /* 0: a plain text, all of which is learned */
    size_t first_part;  /* of source_text.parts */
};

/* The text of a source. Owner: the caller, released with source_deinit(). */
struct source_text {
    struct buf bytes;
    struct unit *units;
    size_t n_units, capacity;
    struct part *parts; /* of the units that have some */
    size_t n_parts, parts_capacity;
};

/* What a kind of source is; `source_kinds` ends with word NULL. From this table come the
 * reader, `thaw data --help` and the man page. */
struct source_kind {
    const char *word;     /* "wordnet" */
    const char *argument; /* "general|medicine|law|sport" */
    const char *help;     /* one sentence */
    /* Append the units of `rest` (what follows "kind:") to out. */
    bool (*read)(const char *rest, struct source_text *out, struct err *err);
    /* Whether `rest` can be right, without a look at files. NULL: it must be one of the argument's
     * words, or where there is no '|', not empty. */
    bool (*check)(const char *rest, struct err *err);
    /* How many bytes of `rest` are the path of a file, folder or pattern; they come first. 0: none, it
     * is a name. NULL: always 0. */
    size_t (*path)(const char *rest);
};
extern const struct source_kind source_kinds[];

/* Read `spec` and append its units. Errors name the file, the line and the remedy: unknown kind
 * (with the known ones), missing file ("install wordnet-base: ./run does"), empty file, invalid
 * UTF-8 (file:line), no key in a JSON line, nothing found. The result has at least one unit
 * more. */
bool source_read(const char *spec, struct source_text *out, struct err *err);
void source_deinit(struct source_text *s);

/* For readers: add a unit whose split follows from `key` (two units with one key go together,
 * for example all words that share a meaning). Bytes are copied; length 0 is skipped. */
bool source_add(struct source_text *s, const char *text, size_t n, const char *key,
                size_t key_n, struct err *err);

/* One key in twenty is validation: hash(key) % 20 == 0, the same for ever. */
bool unit_is_validation(const char *key, size_t n);

/* The same for a unit that asks for something: its one right answer begins at byte `answer`. */
bool source_add_question(struct source_text *s, const char *text, size_t n, size_t answer, const char *key,
                         size_t key_n, struct err *err);

/* The same for a unit that is made of parts: a prompt and its completion, joined as they are, or turns of a
 * conversation, between which the unit's bytes have a newline. One whose parts are all empty is skipped. The key is all of it. */
struct part_text {
    const char *text;
    size_t n;
    enum part_role role;
};
bool source_add_parts(struct source_text *s, const struct part_text *parts, size_t n, struct err *err);
/* Whether some unit is a conversation, so that a chat template (chat.h) decides how it is written. */
bool source_has_turns(const struct source_text *s);

/* Whether `spec` looks like a source (known kind and a colon); the message lists the kinds.
 * Checks no files. */
bool source_check(const char *spec, struct err *err);

/* Make a spec independent of the working folder: the paths in it become absolute. */
bool source_absolute(const char *spec, char *out, size_t size, struct err *err);

/* The file, folder or pattern that `spec` names; "" when it names none, and when it does not fit. */
void source_path(const char *spec, char *out, size_t size);

/* Counts for `thaw data --stats`; sentences end in . ! ? or with the unit, words are runs of
 * letters, digits and apostrophes. */
struct source_counts {
    uint64_t units, lines, sentences, words, bytes;
};
struct source_counts source_count(const struct source_text *s, enum split split);
#endif
