/* spelling.h - how far a word that was written is from one that is known: for messages that name what was meant. */
#ifndef THAW_ENGINE_CORE_SPELLING_H
#define THAW_ENGINE_CORE_SPELLING_H

enum { SPELLING_MAX = 96 }; /* bytes of a known word; a longer one is as far as that from every other */

/* Changes of one character that turn a into b. Source: V. Levenshtein, Soviet Physics Doklady 10 (1966). */
int spelling_distance(const char *a, const char *b);
/* The known word closest to `word`, when at most half of what was written has to change, or one begins with the
 * other; NULL: none is near. Borrowed from `known`. */
const char *spelling_nearest(const char *word, const char *const *known, int n);
#endif
