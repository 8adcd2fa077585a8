/* memory_wire.h - a wire between threads of one process, for tests: messages are copied, and
 * can be made to come late, never, or not at all. */
#ifndef THAW_TESTS_DIST_MEMORY_WIRE_H
#define THAW_TESTS_DIST_MEMORY_WIRE_H
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dist/wire.h"

enum { MEMORY_RANKS_MAX = 8, MEMORY_LETTERS_MAX = 1 << 14 };

/* What was sent, until it is received. */
struct letter {
    int from, to, tag, bytes;
    void *data;
};
struct office {
    pthread_mutex_t mutex;
    struct letter letters[MEMORY_LETTERS_MAX];
    int n, count, joined;
    int dead;      /* this rank's messages are lost; -1: nobody's */
    uint64_t sent; /* bytes of all */
    unsigned late; /* so many looks are in vain before a message is seen */
};
/* A rank's own. */
struct desk {
    struct office *office;
    int rank;
    struct expected {
        int from, tag, bytes;
        unsigned looks;
        void *data;
        bool used, is_send;
    } expected[64];
};

static inline bool memory_join(void *ctx, int *rank, int *count, char *why, size_t size) {
    struct desk *d = ctx;
    (void)why, (void)size;
    *rank = d->rank;
    *count = d->office->count;
    return true;
}

static inline bool memory_expect(struct desk *d, union wire_message *m, struct expected e) {
    for (int i = 0; i < 64; i++) {
        if (d->expected[i].used) continue;
        d->expected[i] = e;
        d->expected[i].used = true;
        m->number = i;
        return true;
    }
    return false;
}

static inline bool memory_send(void *ctx, union wire_message *m, int to, int tag,
                               const void *data, int bytes) {
    struct desk *d = ctx;
    struct office *o = d->office;
    void *copy = malloc((size_t)bytes);
    memcpy(copy, data, (size_t)bytes);
    pthread_mutex_lock(&o->mutex);
    bool room = o->n < MEMORY_LETTERS_MAX;
    o->sent += (uint64_t)bytes;
    if (room && o->dead != d->rank)
        o->letters[o->n++] = (struct letter){d->rank, to, tag, bytes, copy};
    else free(copy);
    pthread_mutex_unlock(&o->mutex);
    return room && memory_expect(d, m, (struct expected){.is_send = true});
}

static inline bool memory_receive(void *ctx, union wire_message *m, int from, int tag,
                                  void *data, int bytes) {
    return memory_expect(ctx, m, (struct expected){from, tag, bytes, 0, data, false, false});
}

/* Found: taken out of the office. */
static inline bool memory_find(struct desk *d, const struct expected *e) {
    struct office *o = d->office;
    for (int i = 0; i < o->n; i++) {
        struct letter l = o->letters[i];
        if (l.to != d->rank || l.from != e->from || l.tag != e->tag || l.bytes != e->bytes)
            continue;
        memcpy(e->data, l.data, (size_t)l.bytes);
        free(l.data);
        memmove(&o->letters[i], &o->letters[i + 1], (size_t)(o->n-- - i - 1) * sizeof l);
        return true;
    }
    return false;
}

static inline enum wire_state memory_test(void *ctx, union wire_message *m) {
    struct desk *d = ctx;
    struct expected *e = &d->expected[m->number];
    pthread_mutex_lock(&d->office->mutex);
    bool done = e->looks++ >= d->office->late && (e->is_send || memory_find(d, e));
    pthread_mutex_unlock(&d->office->mutex);
    if (done) e->used = false;
    return done ? WIRE_DONE : WIRE_UNDER_WAY;
}

static inline void memory_leave(void *ctx, bool well) { (void)ctx, (void)well; }

static const struct wire_ops memory_wire = {memory_join, memory_send, memory_receive,
                                            memory_test, memory_leave};

static inline void office_close(struct office *o) {
    for (int i = 0; i < o->n; i++) free(o->letters[i].data);
    o->n = 0;
}
#endif
