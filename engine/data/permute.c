#include "engine/data/permute.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"

enum { SEED_DIGITS_MAX = 15 }; /* every one of them fits 53 bits, as other seeds do */

void permute_alphabet(uint64_t seed, char to[PERMUTE_LETTERS]) {
    struct rng r = rng_make(seed, 26, 0);
    for (int i = 0; i < PERMUTE_LETTERS; i++) to[i] = (char)('a' + i);
    for (int i = PERMUTE_LETTERS - 1; i > 0; i--) {
        int k = (int)rng_below(&r, (uint64_t)i);
        char moved = to[i];
        to[i] = to[k];
        to[k] = moved;
    }
}

const char *permute_inner(const char *rest) {
    size_t digits = strspn(rest, "0123456789");
    bool ok = digits > 0 && digits <= SEED_DIGITS_MAX && rest[digits] == ':';
    return ok ? rest + digits + 1 : NULL;
}

bool permute_check(const char *rest, struct err *err) {
    const char *inner = permute_inner(rest);
    if (inner) return source_check(inner, err);
    return err_set(err, ERR_USAGE,
                   "\"permute:%.60s\" is not a source; it must be permute:SEED:SOURCE with a "
                   "whole number, e.g. permute:1:wordnet:law",
                   rest);
}

static char mapped(char c, const char to[PERMUTE_LETTERS]) {
    if (c >= 'a' && c <= 'z') return to[c - 'a'];
    if (c >= 'A' && c <= 'Z') return (char)(to[c - 'A'] - 'a' + 'A');
    return c;
}

bool permute_read(const char *rest, struct source_text *out, struct err *err) {
    char to[PERMUTE_LETTERS];
    size_t before = out->bytes.len; /* what other sources have brought stays */
    if (!permute_check(rest, err) || !source_read(permute_inner(rest), out, err)) return false;
    permute_alphabet(strtoull(rest, NULL, 10), to);
    for (size_t i = before; i < out->bytes.len; i++)
        out->bytes.data[i] = mapped(out->bytes.data[i], to);
    return true;
}
