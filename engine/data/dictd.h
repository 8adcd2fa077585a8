/* dictd.h - a dictionary of the dictd server: an index of lines "word TAB offset TAB length" (numbers
 * in base 64, most significant digit first) beside a file of text, plain or dictzip's, which is gzip.
 * Source: dictfmt(1), RFC 2229's reference server. */
#ifndef THAW_ENGINE_DATA_DICTD_H
#define THAW_ENGINE_DATA_DICTD_H
#include "engine/core/gzip.h"

enum { DICTD_BYTES_MAX = 1 << 29 }; /* of text: the largest packaged one has 40 MB */

struct dictd_entry {
    const char *word; /* as the index has it; of several that share a text the first */
    size_t word_n;
    const char *text; /* its article; all borrowed from the dictionary */
    size_t n;
};

struct dictd {
    struct content index, body;
    struct dictd_entry *entries; /* [n] in the order of their texts, which do not overlap */
    size_t n;
};

/* Open PATH.index and PATH.dict or PATH.dict.dz beside it; `path` ends in ".index". Errors name the file,
 * the line, and where a file is missing what to install. */
bool dictd_open(const char *path, struct dictd *out, struct err *err);
void dictd_close(struct dictd *d); /* leaves it empty */

/* Find the entries of an index in memory; `d` has its two contents and gets the rest. Articles about the
 * dictionary itself ("00-database-info") are left out. ERR_PARSE: "line 7 ...". */
bool dictd_find_entries(struct dictd *d, struct err *err);
#endif
