/* dict.h - dictd dictionaries as `word : meaning` lines, the form of WordNet's.
 *
 * An article is a word, how it is said and where it is from, and meanings, numbered or not. Each
 * meaning becomes a line, and so does each {compound} that has one of its own. Quotations, notes and
 * synonyms are left out, and what stands in brackets; a long meaning ends with a sentence. An article
 * that is not valid UTF-8 is left out.
 *
 * Labels are words in (...) or <...> in front of a meaning: (Med.), (Scots Law), <language>. A domain
 * takes the meanings that have
 *   medicine  Med, Anat, Surg, Physiol, Pathol, Pharm
 *   law       Law
 *   sport     Sport, Sports, Cricket, Baseball, Football, Golf, Tennis, Billiards, Fencing ...
 *   general   none of those
 *   any other word: that label ("zool", "language"), whatever its case
 * The split key is the article's word, in small letters. */
#ifndef THAW_ENGINE_DATA_DICT_H
#define THAW_ENGINE_DATA_DICT_H
#include "engine/data/dictd.h"
#include "engine/data/source.h"

/* As in source_kind: `rest` is NAME, NAME:DOMAIN, PATH.index or PATH.index:DOMAIN. */
bool dict_read(const char *rest, struct source_text *out, struct err *err);
bool dict_check(const char *rest, struct err *err);
size_t dict_path(const char *rest);

/* The lines of one article. `domain` NULL: all. False: no memory. */
bool dict_add_article(const struct dictd_entry *e, const char *domain, struct source_text *out,
                      struct err *err);
#endif
