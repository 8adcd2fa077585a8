#include "engine/dist/ranks.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "engine/core/clock.h"
#include "engine/core/tree.h"
#include "engine/dist/exchange.h"

enum {
    WAITING_MAX = EXCHANGE_TAGS /* exchanges that are begun and not done */,
    AT_ONCE = 4, /* of them under way: the others come after */
    PIECE_BYTES = 32 << 20
};

/* Seconds: how long nothing has moved before it is slept, and how long then. Each look costs
 * the core that computes beside it some us; a tenth of what has been waited for already is not
 * much more. Where a step waits nothing of this rank computes beside it, though others may: a
 * fiftieth. */
static const double yield_s = 200e-6, nap_share = 0.1, pressing_share = 0.02, nap_s = 30e-6,
                    long_nap_s = 1e-3;
static const double look_s = 0.1;

struct ranks {
    struct party party;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t asked, done;
    /* under the mutex */
    struct exchange ring[WAITING_MAX];
    unsigned begun, taken, finished; /* how many ever; the thread takes them in order */
    bool joined, leaving, well, failed, given_up;
    bool pressing; /* what is waited for is part of a step: naps stay short */
    int silent;    /* who was waited for when it failed */
    char why[160];
    /* the asker's own */
    bool (*lost)(void *ctx);
    void *lost_ctx;
    double waited;
};

/* ---- the thread that owns the wire ---- */

struct work {
    struct exchange now[AT_ONCE];
    int n;
    bool pressing;
    double moved; /* clock, when something last did */
};

/* With the mutex. */
static void fail_now(struct ranks *r, int silent) {
    r->failed = true;
    r->silent = silent;
    pthread_cond_broadcast(&r->done);
}

/* What was asked for and has room; waits where there is nothing to do. False: it is time to
 * leave. */
static bool take(struct ranks *r, struct work *w) {
    pthread_mutex_lock(&r->mutex);
    while (w->n == 0 && r->taken == r->begun && !r->leaving)
        pthread_cond_wait(&r->asked, &r->mutex);
    while (w->n < AT_ONCE && r->taken != r->begun) {
        w->now[w->n++] = r->ring[r->taken++ % WAITING_MAX];
        w->moved = clock_now();
    }
    w->pressing = r->pressing;
    bool go_on = !r->given_up && !(r->leaving && (w->n == 0 || !r->well));
    if (r->given_up) fail_now(r, w->n > 0 ? w->now[0].partner : 0);
    pthread_mutex_unlock(&r->mutex);
    return go_on;
}

static void finish(struct ranks *r, struct work *w, int i) {
    memmove(&w->now[i], &w->now[i + 1], (size_t)(w->n - i - 1) * sizeof *w->now);
    w->n--;
    pthread_mutex_lock(&r->mutex);
    r->finished++;
    pthread_cond_broadcast(&r->done);
    pthread_mutex_unlock(&r->mutex);
}

static void fail(struct ranks *r, int silent) {
    pthread_mutex_lock(&r->mutex);
    fail_now(r, silent);
    pthread_mutex_unlock(&r->mutex);
}

/* Nothing moved: give the core away, at first for as short as can be. */
static void rest(const struct work *w) {
    double still = clock_now() - w->moved;
    double nap = still * (w->pressing ? pressing_share : nap_share);
    if (nap < nap_s) nap = nap_s;
    if (nap > long_nap_s) nap = long_nap_s;
    struct timespec pause = {.tv_nsec = (long)(nap * 1e9)};
    if (still < yield_s) sched_yield();
    else nanosleep(&pause, NULL);
}

static void serve(struct ranks *r) {
    struct work w = {.n = 0};
    while (take(r, &w)) {
        bool moved = false;
        for (int i = 0; i < w.n; i++) {
            struct exchange *e = &w.now[i];
            int round = e->round;
            enum wire_state state = exchange_advance(&r->party, e);
            moved = moved || state != WIRE_UNDER_WAY || e->round != round;
            if (state == WIRE_FAILED) fail(r, e->partner);
            if (state == WIRE_FAILED) return;
            if (state == WIRE_DONE) finish(r, &w, i--);
        }
        if (moved) w.moved = clock_now();
        else if (w.n > 0) rest(&w);
    }
}

static void *run(void *ctx) {
    struct ranks *r = ctx;
    const struct wire *w = &r->party.wire;
    prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: naps are short */
    bool ok = w->ops->join(w->ctx, &r->party.rank, &r->party.count, r->why, sizeof r->why);
    if (tree_is_whole(r->party.count)) r->party.levels = tree_levels(r->party.count);
    pthread_mutex_lock(&r->mutex);
    r->joined = true;
    r->failed = !ok;
    pthread_cond_broadcast(&r->done);
    pthread_mutex_unlock(&r->mutex);
    if (!ok) return NULL;
    serve(r);
    pthread_mutex_lock(&r->mutex);
    while (!r->leaving) pthread_cond_wait(&r->asked, &r->mutex);
    bool well = r->well && !r->failed;
    pthread_mutex_unlock(&r->mutex);
    w->ops->leave(w->ctx, well);
    return NULL;
}

/* ---- coming and going ---- */

static int number_in(const char *const *names, int otherwise) {
    for (; *names; names++) {
        const char *text = getenv(*names);
        if (text && *text) return atoi(text);
    }
    return otherwise;
}

int ranks_started(int *rank) {
    static const char *const counts[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
    static const char *const numbers[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};
    int count = number_in(counts, 1);
    if (rank) *rank = count > 1 ? number_in(numbers, 0) : 0;
    return count > 1 ? count : 1;
}

/* Signals are for the others. */
static bool start_thread(struct ranks *r) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

static void release(struct ranks *r) {
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->asked);
    pthread_cond_destroy(&r->done);
    free(r);
}

/* Waits are by the clock that nobody sets. */
static void init_sync(struct ranks *r) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->asked, NULL);
    pthread_cond_init(&r->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct ranks *ranks_join(const struct wire *wire, struct err *err) {
    struct wire mpi;
    if (!wire && !wire_open(&mpi, err)) return NULL;
    struct ranks *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_NOMEM, "no memory to meet the other processes");
        return NULL;
    }
    r->party.wire = wire ? *wire : mpi;
    init_sync(r);
    if (!start_thread(r)) {
        release(r);
        err_set(err, ERR_NOMEM, "no thread to meet the other processes with");
        return NULL;
    }
    pthread_mutex_lock(&r->mutex);
    while (!r->joined) pthread_cond_wait(&r->done, &r->mutex);
    bool failed = r->failed;
    pthread_mutex_unlock(&r->mutex);
    if (!failed) return r;
    err_set(err, ERR_IO, "the other processes cannot be met: %s", r->why);
    pthread_join(r->thread, NULL);
    release(r);
    return NULL;
}

void ranks_leave(struct ranks *r, bool well) {
    if (!r) return;
    pthread_mutex_lock(&r->mutex);
    r->leaving = true;
    r->well = well;
    pthread_cond_broadcast(&r->asked);
    pthread_mutex_unlock(&r->mutex);
    pthread_join(r->thread, NULL);
    release(r);
}

int ranks_number(const struct ranks *r) { return r ? r->party.rank : 0; }
int ranks_count(const struct ranks *r) { return r ? r->party.count : 1; }

void ranks_watch(struct ranks *r, bool (*lost)(void *ctx), void *ctx) {
    r->lost = lost;
    r->lost_ctx = ctx;
}

double ranks_waited(const struct ranks *r) { return r ? r->waited : 0; }

/* ---- asking and waiting ---- */

static void ask(struct ranks *r, struct exchange e) {
    pthread_mutex_lock(&r->mutex);
    while (r->begun - r->finished >= WAITING_MAX && !r->failed)
        pthread_cond_wait(&r->done, &r->mutex);
    e.tag = (int)(r->begun % WAITING_MAX);
    e.round = -1;
    r->ring[r->begun++ % WAITING_MAX] = e;
    pthread_cond_broadcast(&r->asked);
    pthread_mutex_unlock(&r->mutex);
}

static struct timespec soon(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)(look_s * 1e9);
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* All that was asked for. */
static bool wait_for_all(struct ranks *r, bool pressing, struct err *err) {
    double start = clock_now();
    pthread_mutex_lock(&r->mutex);
    r->pressing = pressing;
    while (r->finished != r->begun && !r->failed) {
        struct timespec until = soon();
        if (pthread_cond_timedwait(&r->done, &r->mutex, &until) == ETIMEDOUT && r->lost &&
            r->lost(r->lost_ctx))
            r->given_up = true; /* the thread says of whom */
    }
    r->pressing = false;
    bool ok = !r->failed;
    int silent = r->silent;
    pthread_mutex_unlock(&r->mutex);
    r->waited += clock_now() - start;
    return ok || err_set(err, ERR_IO, "rank %d of %d does not answer any more", silent,
                         r->party.count);
}

/* A piece at a time. This is not part of a step: nobody counts how long it takes. */
static bool carry(struct ranks *r, struct exchange e, size_t bytes, struct err *err) {
    double waited = ranks_waited(r);
    char *data = e.data;
    bool ok = true;
    for (size_t at = 0; r && ok && at < bytes; at += e.n) {
        e.data = data + at;
        e.n = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        ask(r, e);
        ok = wait_for_all(r, false, err);
    }
    if (r) r->waited = waited;
    return ok;
}

bool ranks_tell(struct ranks *r, void *data, size_t bytes, struct err *err) {
    return carry(r, (struct exchange){.kind = EXCHANGE_TELL, .data = data}, bytes, err);
}

bool ranks_move(struct ranks *r, void *data, size_t bytes, int from, int to, struct err *err) {
    return carry(r,
                 (struct exchange){.kind = EXCHANGE_MOVE, .data = data, .from = from, .to = to},
                 bytes, err);
}

bool ranks_gather(struct ranks *r, const void *mine, size_t bytes, void *all, struct err *err) {
    memcpy((char *)all + (size_t)ranks_number(r) * bytes, mine, bytes);
    if (!r) return true;
    ask(r, (struct exchange){.kind = EXCHANGE_GATHER, .data = all, .n = bytes});
    return wait_for_all(r, true, err);
}

void ranks_sum_begin(struct ranks *r, real *x, real *scratch, size_t n, bool narrow) {
    if (r)
        ask(r,
            (struct exchange){
                .kind = EXCHANGE_SUM, .data = x, .scratch = scratch, .n = n, .narrow = narrow});
}

int ranks_place(const struct ranks *r, int rank) {
    int place = 0;
    for (int j = 0; r && j < r->party.levels; j++) place = 2 * place + (rank >> j & 1);
    return place;
}

void ranks_scatter_begin(struct ranks *r, real *x, real *scratch, const size_t *cuts,
                         bool narrow) {
    if (r)
        ask(r, (struct exchange){.kind = EXCHANGE_SCATTER,
                                 .data = x,
                                 .scratch = scratch,
                                 .n = cuts[r->party.count],
                                 .cuts = cuts,
                                 .narrow = narrow});
}

void ranks_hand_out_begin(struct ranks *r, real *x, const size_t *cuts) {
    if (r)
        ask(r,
            (struct exchange){
                .kind = EXCHANGE_HAND_OUT, .data = x, .n = cuts[r->party.count], .cuts = cuts});
}

bool ranks_sum_end(struct ranks *r, struct err *err) {
    return !r || wait_for_all(r, true, err);
}
