#include "engine/data/take.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"

enum { DIGITS_MAX = 7, KILOBYTE = 1000 };

/* A piece to learn from. */
struct piece {
    uint64_t hash; /* of its text */
    size_t at;     /* in units[] */
};

const char *take_inner(const char *rest) {
    size_t digits = strspn(rest, "0123456789");
    bool ok = digits > 0 && digits <= DIGITS_MAX && *rest != '0' && rest[digits] == ':';
    return ok ? rest + digits + 1 : NULL;
}

bool take_check(const char *rest, struct err *err) {
    const char *inner = take_inner(rest);
    if (inner) return source_check(inner, err);
    return err_set(err, ERR_USAGE,
                   "\"take:%.60s\" is not a source; it must be take:KB:SOURCE with a number of "
                   "kilobytes, 1 to 9999999, e.g. take:30:wordnet:law",
                   rest);
}

static int by_hash(const void *a, const void *b) {
    const struct piece *x = a, *y = b;
    if (x->hash != y->hash) return (x->hash > y->hash) - (x->hash < y->hash);
    return (x->at > y->at) - (x->at < y->at);
}

/* The pieces to learn from among the units behind the first `before`, in the order in which
 * they are taken. */
static size_t list_pieces(const struct source_text *s, size_t before, struct piece *out) {
    size_t n = 0;
    for (size_t i = before; i < s->n_units; i++) {
        const struct unit *u = &s->units[i];
        if (!u->validation)
            out[n++] = (struct piece){rng_hash(s->bytes.data + u->offset, u->length), i};
    }
    qsort(out, n, sizeof *out, by_hash);
    return n;
}

/* Leave out the pieces that find no room; what is left moves together. Their bytes stay,
 * unused. */
static void leave_out(struct source_text *s, size_t before, const struct piece *pieces,
                      size_t n, uint64_t room) {
    size_t taken = 0, kept = before;
    for (uint64_t used = 0; taken < n; taken++) {
        used += s->units[pieces[taken].at].length;
        if (used > room && taken > 0) break;
    }
    for (size_t i = taken; i < n; i++) s->units[pieces[i].at].length = 0;
    for (size_t i = before; i < s->n_units; i++)
        if (s->units[i].length > 0) s->units[kept++] = s->units[i];
    s->n_units = kept;
}

bool take_read(const char *rest, struct source_text *out, struct err *err) {
    size_t before = out->n_units; /* what other sources have brought stays */
    if (!take_check(rest, err) || !source_read(take_inner(rest), out, err)) return false;
    struct piece *pieces = calloc(out->n_units - before + 1, sizeof *pieces);
    if (!pieces)
        return err_set(err, ERR_NOMEM, "no memory to choose among %zu pieces of text",
                       out->n_units - before);
    size_t n = list_pieces(out, before, pieces);
    leave_out(out, before, pieces, n, strtoull(rest, NULL, 10) * KILOBYTE);
    free(pieces);
    return true;
}
