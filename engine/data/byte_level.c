#include "engine/data/byte_level.h"

#include "engine/core/text.h"

/* The three runs of bytes that have no printing character of their own. */
static const struct run {
    int first, last, spelled; /* byte `first` is spelled as character `spelled` */
} runs[] = {{0, 32, 256}, {127, 160, 289}, {173, 173, 323}};

enum { N_RUNS = sizeof runs / sizeof runs[0], N_PRINTING = 188 };

uint32_t byte_level_char(uint8_t byte) {
    for (int i = 0; i < N_RUNS; i++)
        if (byte >= runs[i].first && byte <= runs[i].last)
            return (uint32_t)(runs[i].spelled + byte - runs[i].first);
    return byte;
}

int byte_level_byte(uint32_t cp) {
    if (cp < 256) return byte_level_char((uint8_t)cp) == cp ? (int)cp : -1;
    for (int i = 0; i < N_RUNS; i++) {
        int byte = (int)(cp & 0xffffff) - runs[i].spelled + runs[i].first;
        if (byte >= runs[i].first && byte <= runs[i].last) return byte;
    }
    return -1;
}

uint8_t byte_level_nth(int i) {
    if (i >= N_PRINTING) return (uint8_t)byte_level_byte((uint32_t)(256 + i - N_PRINTING));
    if (i < 94) return (uint8_t)(33 + i); /* ! to ~ */
    if (i < 94 + 12) return (uint8_t)(161 + i - 94);
    return (uint8_t)(174 + i - 94 - 12);
}

bool byte_level_spell(struct buf *out, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char utf8[4];
        buf_add(out, utf8, text_encode(byte_level_char((uint8_t)bytes[i]), utf8));
    }
    return !out->failed;
}

bool byte_level_unspell(struct buf *out, const char *text, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += text_decode(text + i, n - i, &cp);
        int byte = byte_level_byte(cp);
        if (byte < 0) return false;
        buf_add(out, &(char){(char)byte}, 1);
    }
    return !out->failed;
}
