#include "ui/word_diff.h"

#include <stdint.h>
#include <string.h>

static bool is_letter(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c >= 0x80 || c == '\'' || c == '-';
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

int words_split(const char *text, struct word out[WORDS_MAX]) {
    int n = 0;
    while (n < WORDS_MAX) {
        struct word w = {0};
        for (; is_blank(*text); text++) {
            w.space = true;
            w.newline |= *text == '\n';
        }
        if (!*text) break;
        w.text = text;
        w.letters = is_letter((unsigned char)*text);
        while (*text && !is_blank(*text) && is_letter((unsigned char)*text) == w.letters)
            text++;
        w.n = (size_t)(text - w.text);
        out[n++] = w;
    }
    return n;
}

static bool same(const struct word *a, const struct word *b) {
    return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

void words_diff(const struct word *a, int n_a, struct word *b, int n_b) {
    /* length[i][j]: of the longest common subsequence of a[i..] and b[j..] */
    static const int side = WORDS_MAX + 1;
    uint8_t length[(WORDS_MAX + 1) * (WORDS_MAX + 1)];
    memset(length, 0, sizeof length);
    for (int i = n_a - 1; i >= 0; i--)
        for (int j = n_b - 1; j >= 0; j--) {
            uint8_t skip_a = length[(i + 1) * side + j], skip_b = length[i * side + j + 1];
            uint8_t most = skip_a > skip_b ? skip_a : skip_b;
            if (same(&a[i], &b[j])) most = (uint8_t)(length[(i + 1) * side + j + 1] + 1);
            length[i * side + j] = most;
        }
    for (int j = 0; j < n_b; j++) b[j].changed = b[j].letters;
    for (int i = 0, j = 0; i < n_a && j < n_b;) {
        if (same(&a[i], &b[j])) {
            b[j++].changed = false;
            i++;
        } else if (length[(i + 1) * side + j] >= length[i * side + j + 1]) i++;
        else j++;
    }
}
