#include "engine/core/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/core/hold.h"

enum { CACHE_LINE = 64, PAUSES_A_LOOK = 16 };

static const double SPIN_SECONDS = 150e-6;

struct worker {
    struct pool *pool;
    pthread_t thread;
    int index; /* 1 .. n_threads-1; the caller of pool_run() is 0 */
};

/* A run is published in `ticket`: the number of tiles in the upper half, the next tile to take
 * in the lower. A tile is taken by compare-and-swap on the whole word, so whoever takes one has
 * taken it of the run that is under way, and that run cannot end before the tile is reported in
 * `done`. Only then are `tile` and `ctx` read; a thread that wakes late touches nothing but the
 * ticket. */
struct pool {
    _Alignas(CACHE_LINE) _Atomic uint64_t ticket;
    _Alignas(CACHE_LINE) atomic_int done;     /* tiles finished in this run */
    _Alignas(CACHE_LINE) atomic_int sleepers; /* workers parked, or about to be */
    atomic_bool caller_sleeps, stop;
    void (*tile)(void *ctx, int i, int worker);
    void *ctx;

    int n_threads;
    double spin_seconds;   /* 0 when there are more threads than cores */
    pthread_mutex_t mutex; /* guards no data: it closes the gap between a look and a wait */
    pthread_cond_t work, finished;
    struct worker workers[POOL_MAX_THREADS];
};

static uint64_t make_ticket(int n_tiles) { return (uint64_t)n_tiles << 32; }
static int ticket_tiles(uint64_t ticket) { return (int)(ticket >> 32); }
static int ticket_next(uint64_t ticket) { return (int)(ticket & UINT32_MAX); }

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Look at `ready` for at most spin_seconds; false when it did not come true. */
static bool spin(struct pool *p, bool (*ready)(struct pool *p)) {
    if (ready(p)) return true;
    if (p->spin_seconds <= 0.0) return false;
    for (double until = clock_now() + p->spin_seconds; clock_now() < until;) {
        for (int i = 0; i < PAUSES_A_LOOK; i++) {
            relax();
            if (ready(p)) return true;
        }
    }
    return false;
}

static bool work_waits(struct pool *p) {
    uint64_t ticket = atomic_load(&p->ticket);
    return ticket_next(ticket) < ticket_tiles(ticket) || atomic_load(&p->stop);
}

static bool run_is_done(struct pool *p) {
    /* Only the caller asks, and only the caller changes the upper half. */
    return atomic_load(&p->done) == ticket_tiles(atomic_load(&p->ticket));
}

static void wake_caller(struct pool *p) {
    if (!atomic_load(&p->caller_sleeps)) return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_signal(&p->finished);
    pthread_mutex_unlock(&p->mutex);
}

/* Take tiles and compute them until none is left to take. */
static void work(struct pool *p, int worker) {
    uint64_t ticket = atomic_load(&p->ticket);
    while (ticket_next(ticket) < ticket_tiles(ticket)) {
        if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket + 1)) continue;
        p->tile(p->ctx, ticket_next(ticket), worker);
        int finished = atomic_fetch_add(&p->done, 1) + 1;
        if (finished == ticket_tiles(ticket) && worker != 0) wake_caller(p);
        ticket = atomic_load(&p->ticket);
    }
}

/* The count of sleepers goes up before the last look, and the caller publishes before it reads
 * the count (all sequentially consistent): one of the two sees the other. */
static void park(struct pool *p) {
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleepers, 1);
    while (!work_waits(p)) pthread_cond_wait(&p->work, &p->mutex);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->mutex);
}

static void wake_workers(struct pool *p, int wanted) {
    int asleep = atomic_load(&p->sleepers);
    if (asleep == 0) return;
    pthread_mutex_lock(&p->mutex);
    pthread_mutex_unlock(&p->mutex);
    if (wanted >= asleep) pthread_cond_broadcast(&p->work);
    else
        for (int i = 0; i < wanted; i++) pthread_cond_signal(&p->work);
}

static void *worker_main(void *arg) {
    struct worker *self = arg;
    struct pool *p = self->pool;
    signals_hold(); /* for good: they are blocked since it began */
    while (!atomic_load(&p->stop)) {
        work(p, self->index);
        if (!spin(p, work_waits)) park(p);
    }
    return NULL;
}

static int count_cores(void) {
    cpu_set_t set; /* of 1024; a larger machine answers with a failure */
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* Signals are for the threads that expect them: workers block all. */
static int start_worker(struct worker *w) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

struct pool *pool_create(int threads, struct err *err) {
    assert(threads >= 0);
    int cores = count_cores();
    if (threads == 0) threads = cores;
    if (threads > POOL_MAX_THREADS) threads = POOL_MAX_THREADS;
    struct pool *p = aligned_alloc(CACHE_LINE, sizeof *p);
    if (!p) {
        err_set(err, ERR_NOMEM, "not enough memory for %d threads", threads);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->spin_seconds = threads <= cores ? SPIN_SECONDS : 0.0;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    for (p->n_threads = 1; p->n_threads < threads; p->n_threads++) {
        struct worker *w = &p->workers[p->n_threads];
        *w = (struct worker){.pool = p, .index = p->n_threads};
        int failure = start_worker(w);
        if (failure == 0) continue;
        err_set(err, ERR_NOMEM, "cannot start thread %d of %d: %s; ask for fewer threads",
                p->n_threads + 1, threads, strerror(failure));
        pool_destroy(p);
        return NULL;
    }
    return p;
}

void pool_destroy(struct pool *p) {
    if (!p) return;
    atomic_store(&p->stop, true);
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 1; i < p->n_threads; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->finished);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

int pool_threads(const struct pool *p) { return p ? p->n_threads : 1; }

static void wait_until_done(struct pool *p) {
    if (spin(p, run_is_done)) return;
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->caller_sleeps, true);
    while (!run_is_done(p)) pthread_cond_wait(&p->finished, &p->mutex);
    atomic_store(&p->caller_sleeps, false);
    pthread_mutex_unlock(&p->mutex);
}

void pool_run(struct pool *p, int n_tiles, void (*tile)(void *ctx, int i, int worker),
              void *ctx) {
    if (!p || p->n_threads == 1 || n_tiles <= 1) {
        for (int i = 0; i < n_tiles; i++) tile(ctx, i, 0);
        return;
    }
    signals_hold(); /* once a run, instead of once a product */
    p->tile = tile;
    p->ctx = ctx;
    atomic_store(&p->done, 0);
    atomic_store(&p->ticket, make_ticket(n_tiles));
    wake_workers(p, n_tiles - 1);
    work(p, 0);
    wait_until_done(p);
    signals_let();
}
