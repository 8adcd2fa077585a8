/* word_diff.h - which words of a text are new against another one. */
#ifndef THAW_UI_WORD_DIFF_H
#define THAW_UI_WORD_DIFF_H
#include <stdbool.h>
#include <stddef.h>

enum { WORDS_MAX = 255 }; /* of a text; the rest is not compared */

/* A run of letters and digits, or one of other characters. Points into the text. */
struct word {
    const char *text;
    size_t n;     /* bytes */
    bool space;   /* a blank stands before it */
    bool newline; /* a line break stands before it */
    bool letters;
    bool changed; /* set by words_diff() */
};

int words_split(const char *text, struct word out[WORDS_MAX]);
/* Mark the words of b that are not in the longest common subsequence of a and b; runs of other
 * characters are never marked. */
void words_diff(const struct word *a, int n_a, struct word *b, int n_b);
#endif
