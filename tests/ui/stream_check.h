/* stream_check.h - what a terminal is sent, against what may be sent to it: printable text, and the few
 * capabilities of its terminfo entry that a screen is drawn with. Whatever else there is came from outside. */
#ifndef THAW_TESTS_UI_STREAM_CHECK_H
#define THAW_TESTS_UI_STREAM_CHECK_H
#include "engine/core/buf.h"

enum { STREAM_RULES_MAX = 2048, STREAM_WHY = 384, STREAM_CAPABILITY = 128 };

struct stream_rules {
    bool utf8;                       /* else text is ASCII */
    char *literals[STREAM_RULES_MAX]; /* sequences and control characters as they must stand there */
    int n_literals;
    char finals[128][4]; /* of CSI sequences whose parameters do no harm */
    int n_finals;
};

/* The rules of a terminal called `term`; fails the test when terminfo does not know it. */
void stream_rules_make(struct stream_rules *r, const char *term, bool utf8);
void stream_rules_allow(struct stream_rules *r, const char *literal); /* one of our own */
void stream_rules_deinit(struct stream_rules *r);

/* Whether s[0..n) follows the rules and ends with a whole sequence; else *why tells where and what. */
bool stream_follows(const struct stream_rules *r, const char *s, size_t n, char why[STREAM_WHY]);
/* The same; fails the test. */
void stream_check(const struct stream_rules *r, const char *s, size_t n);

/* What a capability without parameters sends; false: the terminal has none. */
bool stream_capability(const char *term, const char *name, char bytes[STREAM_CAPABILITY]);
#endif
