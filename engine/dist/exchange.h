/* exchange.h - one thing that all ranks do together, message after message, without ever waiting.
 * Private to this folder. */
#ifndef THAW_ENGINE_DIST_EXCHANGE_H
#define THAW_ENGINE_DIST_EXCHANGE_H
#include <stdint.h>

#include "engine/core/real.h"
#include "engine/dist/wire.h"

enum exchange_kind {
    EXCHANGE_SUM,      /* of real data[n]; halves of others arrive in scratch[(n + 1) / 2] */
    EXCHANGE_SCATTER,  /* the way there of a sum: each rank has its own part of it then; scratch[n] */
    EXCHANGE_HAND_OUT, /* the way back: of real data[n] each rank's own part to all */
    EXCHANGE_TELL,     /* char data[n] of rank 0 to all */
    EXCHANGE_GATHER,   /* char data[count * n], of which this rank's n are there */
    EXCHANGE_MOVE      /* char data[n] of rank `from` to rank `to`; nothing on the others */
};

enum { EXCHANGE_ROUNDS_MAX = 32, EXCHANGE_TAGS = WIRE_TAG_MAX / EXCHANGE_ROUNDS_MAX };

struct exchange {
    enum exchange_kind kind;
    void *data;
    real *scratch;
    size_t n;
    const size_t *cuts; /* [count + 1] of the ranks' own parts, by ranks_place(); NULL: even ones */
    int from, to;
    bool narrow; /* a sum's numbers go as bfloat16: scratch holds what leaves and what arrives */
    int tag; /* below EXCHANGE_TAGS: its own among those under way, and the same on all ranks */
    /* where it stands; round -1: nothing is begun */
    int round, partner;
    bool sending, receiving;
    union wire_message out, in;
};

/* Who takes part. */
struct party {
    struct wire wire;
    int rank, count, levels; /* count is 1 << levels */
};

/* Move on as far as it goes now. e->partner is who is waited for. */
enum wire_state exchange_advance(const struct party *p, struct exchange *e);
#endif
