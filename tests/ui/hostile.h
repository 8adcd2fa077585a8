/* hostile.h - what a young byte-level model, a corpus, a foreign log may say: every control character, every kind of
 * escape sequence, what turns or hides text, what is no UTF-8, and what is endless. */
#ifndef THAW_TESTS_UI_HOSTILE_H
#define THAW_TESTS_UI_HOSTILE_H
#include "engine/core/buf.h"

enum { HOSTILE_MAX = 512 };

struct hostile {
    struct buf bytes;
    size_t at[HOSTILE_MAX]; /* where text i begins in bytes */
    int n;
};

void hostile_make(struct hostile *h);
void hostile_deinit(struct hostile *h);
/* Text i modulo n, ended by a NUL; it holds none. Valid until hostile_deinit(). */
const char *hostile_text(const struct hostile *h, int i);
#endif
