#include "engine/dist/exchange.h"

#include <assert.h>
#include <limits.h>

#include "engine/nn/narrow.h"

/* What goes to the partner of a round, and what comes from it; NULL: nothing. In bytes. */
struct round {
    int partner;
    const void *send;
    void *receive;
    size_t n_send, n_receive;
};

/* ---- sum ---- */

struct part {
    size_t from, to;
};

static size_t cut(const struct party *p, const struct exchange *e, int place) {
    return e->cuts ? e->cuts[place] : e->n * (size_t)place / (size_t)p->count;
}

/* What a rank still adds after so many levels: at each it keeps a half of the places, the upper
 * one where its bit is set. */
static struct part part_of(const struct party *p, const struct exchange *e, int rank,
                           int levels) {
    int from = 0, places = p->count;
    for (int j = 0; j < levels; j++) {
        places /= 2;
        if (rank >> j & 1) from += places;
    }
    return (struct part){cut(p, e, from), cut(p, e, from + places)};
}

/* Going up, halves change sides and are added; coming back, finished parts are handed out. */
struct turn {
    bool up;
    int partner;
    real *out, *in; /* in: where it belongs, going up where it is added */
    size_t n_out, n_in;
};

static struct turn turn_of(const struct party *p, const struct exchange *e) {
    int round = e->kind == EXCHANGE_HAND_OUT ? p->levels + e->round : e->round;
    bool up = round < p->levels;
    int level = up ? round : 2 * p->levels - 1 - round;
    int partner = p->rank ^ 1 << level;
    struct part mine = part_of(p, e, p->rank, level + 1);
    struct part theirs = part_of(p, e, partner, level + 1);
    real *x = e->data;
    if (!up) {
        struct part kept = mine;
        mine = theirs;
        theirs = kept;
    }
    return (struct turn){.up = up,
                         .partner = partner,
                         .out = x + theirs.from,
                         .in = x + mine.from,
                         .n_out = theirs.to - theirs.from,
                         .n_in = mine.to - mine.from};
}

/* The halves as bfloat16: what leaves, and behind it what arrives. */
static uint16_t *narrow_in(const struct exchange *e, const struct turn *t) {
    return (uint16_t *)(void *)e->scratch + t->n_out;
}

static struct round sum_round(const struct party *p, const struct exchange *e) {
    struct turn t = turn_of(p, e);
    if (!e->narrow) {
        size_t size = sizeof(real);
        return (struct round){t.partner, t.out, t.up ? e->scratch : t.in, t.n_out * size,
                              t.n_in * size};
    }
    uint16_t *out = (uint16_t *)(void *)e->scratch;
    narrow_round(out, t.out, t.n_out, NARROW_BF16);
    /* The part that this rank has finished: the others get it so, and further on from one
     * another. */
    if (e->round == p->levels) narrow_widen(t.out, out, t.n_out, NARROW_BF16);
    return (struct round){t.partner, out, narrow_in(e, &t), t.n_out * sizeof *out,
                          t.n_in * sizeof *out};
}

static void add(real *restrict x, const real *restrict y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

static void add_narrow(real *x, const uint16_t *y, size_t n) {
    enum { AT_ONCE = 1024 };
    real wide[AT_ONCE];
    for (size_t from = 0, k; from < n; from += k) {
        k = n - from < AT_ONCE ? n - from : AT_ONCE;
        narrow_widen(wide, y + from, k, NARROW_BF16);
        add(x + from, wide, k);
    }
}

static void sum_arrived(const struct party *p, const struct exchange *e) {
    struct turn t = turn_of(p, e);
    if (!e->narrow) {
        if (t.up) add(t.in, e->scratch, t.n_in);
        return;
    }
    if (t.up) add_narrow(t.in, narrow_in(e, &t), t.n_in);
    else narrow_widen(t.in, narrow_in(e, &t), t.n_in, NARROW_BF16);
}

/* ---- tell, gather and move ---- */

/* Whoever knows it already tells one more: in round j, ranks below 2^j those above. */
static struct round tell_round(const struct party *p, const struct exchange *e) {
    int knowing = 1 << e->round;
    if (p->rank < knowing)
        return (struct round){.partner = p->rank + knowing, .send = e->data, .n_send = e->n};
    if (p->rank < 2 * knowing)
        return (struct round){
            .partner = p->rank - knowing, .receive = e->data, .n_receive = e->n};
    return (struct round){.partner = p->rank};
}

static struct round gather_round(const struct party *p, const struct exchange *e) {
    int size = 1 << e->round, mine = p->rank & ~(size - 1), theirs = mine ^ size;
    char *all = e->data;
    size_t bytes = (size_t)size * e->n;
    return (struct round){p->rank ^ size, all + (size_t)mine * e->n,
                          all + (size_t)theirs * e->n, bytes, bytes};
}

static struct round move_round(const struct party *p, const struct exchange *e) {
    if (e->from != e->to && p->rank == e->from)
        return (struct round){.partner = e->to, .send = e->data, .n_send = e->n};
    if (e->from != e->to && p->rank == e->to)
        return (struct round){.partner = e->from, .receive = e->data, .n_receive = e->n};
    return (struct round){.partner = p->rank};
}

/* ---- all ---- */

static bool is_sum(const struct exchange *e) {
    return e->kind == EXCHANGE_SUM || e->kind == EXCHANGE_SCATTER ||
           e->kind == EXCHANGE_HAND_OUT;
}

static int rounds_of(const struct party *p, const struct exchange *e) {
    if (e->kind == EXCHANGE_MOVE) return 1;
    return e->kind == EXCHANGE_SUM ? 2 * p->levels : p->levels;
}

static struct round round_of(const struct party *p, const struct exchange *e) {
    if (is_sum(e)) return sum_round(p, e);
    if (e->kind == EXCHANGE_TELL) return tell_round(p, e);
    return e->kind == EXCHANGE_GATHER ? gather_round(p, e) : move_round(p, e);
}

static bool begin_round(const struct party *p, struct exchange *e) {
    const struct wire *w = &p->wire;
    assert(e->round >= 0);
    struct round r = round_of(p, e);
    int tag = e->tag * EXCHANGE_ROUNDS_MAX + e->round;
    assert(r.n_send <= INT_MAX && r.n_receive <= INT_MAX);
    e->partner = r.partner;
    e->receiving = r.n_receive > 0;
    e->sending = r.n_send > 0;
    return (!e->receiving ||
            w->ops->receive(w->ctx, &e->in, r.partner, tag, r.receive, (int)r.n_receive)) &&
           (!e->sending ||
            w->ops->send(w->ctx, &e->out, r.partner, tag, r.send, (int)r.n_send));
}

/* One message of the round; done where there is none. */
static enum wire_state look_at(const struct wire *w, union wire_message *m, bool *under_way) {
    enum wire_state state = *under_way ? w->ops->test(w->ctx, m) : WIRE_DONE;
    *under_way = state == WIRE_UNDER_WAY;
    return state;
}

static enum wire_state look_at_both(const struct party *p, struct exchange *e) {
    enum wire_state in = look_at(&p->wire, &e->in, &e->receiving);
    enum wire_state out = look_at(&p->wire, &e->out, &e->sending);
    if (in == WIRE_FAILED || out == WIRE_FAILED) return WIRE_FAILED;
    return in == WIRE_DONE ? out : in;
}

enum wire_state exchange_advance(const struct party *p, struct exchange *e) {
    for (;;) {
        enum wire_state state = e->round < 0 ? WIRE_DONE : look_at_both(p, e);
        if (state != WIRE_DONE) return state;
        if (e->round >= 0 && is_sum(e)) sum_arrived(p, e);
        if (++e->round >= rounds_of(p, e)) return WIRE_DONE;
        if (!begin_round(p, e)) return WIRE_FAILED;
    }
}
