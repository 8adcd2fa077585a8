/* wordnet_files.h - WordNet's four data files as a list of synsets with the pointers that
 * domains need. A line: offset, file number, type, n words (hex) of "word id", n pointers of
 * "symbol offset pos ids", frames (verbs), "| gloss". Source: wndb(5WN), WordNet 3.0. */
#ifndef THAW_ENGINE_DATA_WORDNET_FILES_H
#define THAW_ENGINE_DATA_WORDNET_FILES_H
#include <stdint.h>

#include "engine/core/err.h"
#include "engine/core/files.h"

enum { WORDNET_FILES = 4 }; /* noun, verb, adj, adv */

struct synset {      /* text is borrowed from the mapped files */
    uint32_t offset; /* of its line, as other synsets point to it */
    int n_words;
    const char *words; /* see wordnet_word() */
    const char *gloss;
    size_t gloss_length; /* bytes, without the spaces around */
    size_t pointer;      /* its first in wordnet.pointers */
    size_t n_pointers;
};

struct wordnet_pointer {
    size_t target; /* index of a synset */
    bool topic;    /* ;c, otherwise a hypernym: @ or @i */
};

struct wordnet {
    struct mapping maps[WORDNET_FILES];
    struct synset *synsets; /* [n] nouns, verbs, adjectives, adverbs */
    size_t n, capacity;
    size_t
        end[WORDNET_FILES]; /* end[f]: the first synset after file f's; end[0] counts nouns */
    struct wordnet_pointer *pointers;
    size_t n_pointers, pointers_capacity;
};

/* Map and parse $WNSEARCHDIR's files, else /usr/share/wordnet's. Errors name the file and line,
 * and say which package to install. */
bool wordnet_open(struct wordnet *w, struct err *err);
void wordnet_close(struct wordnet *w);

/* The word at *at (n_words times, from synset.words on), which moves to the next one. */
const char *wordnet_word(const char **at, size_t *n);
#endif
