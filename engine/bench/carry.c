/* carry.c - what it costs those who compute that numbers go to another machine, as many come
 * in, and these are added: what a thread takes of a processor that sends to itself by TCP at
 * the link's rate, and how much longer products take beside it, whose operands it drives out of
 * the caches. Both are processor time, as others may be at work meanwhile: then a second of it
 * takes longer. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/bench/bench.h"
#include "engine/core/clock.h"
#include "engine/nn/blas.h"

enum { PIECE_BYTES = 64 << 10, MEMORY_BYTES = 48 << 20, ROUNDS = 9, ROWS = 256, SIDE = 384 };
static const double round_s = 0.1;
/* Open MPI's thread takes so many times what a bare socket does (it polls, looks again after
 * each nap, copies pieces): 2.2 to 2.6 against 0.55 to 0.65 ns a byte, measured on one machine
 * (tests/bench/README.md). */
static const double by_mpi = 4;

/* ---- bytes on their way ---- */

struct carrier {
    int ends[2];
    char *out, *in; /* [MEMORY_BYTES] each: gradients come from memory, not from a cache */
    real *sum;      /* as many */
    double bytes_per_s;
    atomic_bool stop;
    double carried; /* bytes */
    double cpu;     /* seconds of a processor that it took */
};

/* What the calling thread has had of a processor: others may have had it meanwhile. */
static double cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Both ends of a connection. */
static bool connect_both(int ends[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[1] = -1;
    if (door >= 0 && ends[0] >= 0 && bind(door, (struct sockaddr *)&at, sizeof at) == 0 &&
        listen(door, 1) == 0 && getsockname(door, (struct sockaddr *)&at, &size) == 0 &&
        connect(ends[0], (struct sockaddr *)&at, sizeof at) == 0)
        ends[1] = accept4(door, NULL, NULL, SOCK_CLOEXEC);
    if (door >= 0) close(door);
    return ends[1] >= 0;
}

static void add(real *restrict x, const real *restrict y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

/* One piece out, one in, by one thread: what does not go out waits for room that what comes in
 * makes. Of what comes in half is added: on a sum's way there, not back. */
static bool carry_piece(struct carrier *c, size_t at, bool there) {
    for (size_t sent = 0, got = 0; got < PIECE_BYTES;) {
        ssize_t n = 0;
        if (sent < PIECE_BYTES)
            n = send(c->ends[0], c->out + at + sent, PIECE_BYTES - sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno != EAGAIN || sent == got)) return false; /* nothing would come */
        if (n > 0) sent += (size_t)n;
        n = recv(c->ends[1], c->in + at + got, PIECE_BYTES - got, 0);
        if (n <= 0) return false;
        got += (size_t)n;
    }
    size_t n = PIECE_BYTES / sizeof(real);
    if (there) add(c->sum + at / sizeof(real), (const real *)(const void *)(c->in + at), n);
    return true;
}

static void *carry(void *ctx) {
    struct carrier *c = ctx;
    double start = clock_now();
    for (size_t at = 0; !atomic_load(&c->stop); at = (at + PIECE_BYTES) % MEMORY_BYTES) {
        double early = start + c->carried / c->bytes_per_s - clock_now();
        struct timespec pause = {.tv_nsec = (long)(1e9 * (early < 0.5 ? early : 0.5))};
        if (early > 0) nanosleep(&pause, NULL);
        if (!carry_piece(c, at, (at / PIECE_BYTES) % 2 == 0)) break;
        c->carried += PIECE_BYTES;
    }
    c->cpu = cpu_now();
    return NULL;
}

/* ---- products beside them ---- */

struct products {
    real *operands; /* [threads][3] matrices of at most ROWS or SIDE rows and SIDE columns */
    double until;   /* clock */
    double made[POOL_MAX_THREADS], cpu[POOL_MAX_THREADS]; /* products; seconds for them */
};
enum { OPERAND = SIDE * SIDE };

static void multiply(void *ctx, int i, int worker) {
    struct products *p = ctx;
    real *A = p->operands + (size_t)i * 3 * OPERAND;
    (void)worker;
    double start = cpu_now();
    for (p->made[i] = 0; clock_now() < p->until; p->made[i]++)
        blas_gemm_tile(&(struct gemm){.m = ROWS,
                                      .n = SIDE,
                                      .k = SIDE,
                                      .A = A,
                                      .lda = SIDE,
                                      .B = A + OPERAND,
                                      .ldb = SIDE,
                                      .C = A + (size_t)2 * OPERAND,
                                      .ldc = SIDE});
    p->cpu[i] = cpu_now() - start;
}

struct round {
    double made, cpu; /* products of all threads, seconds of processors for them */
};

static struct round round_of(struct pool *pool, struct products *p) {
    struct round r = {0};
    p->until = clock_now() + round_s;
    pool_run(pool, pool_threads(pool), multiply, p);
    for (int i = 0; i < pool_threads(pool); i++) {
        r.made += p->made[i];
        r.cpu += p->cpu[i];
    }
    return r;
}

static struct round round_beside(struct pool *pool, struct products *p, struct carrier *c) {
    pthread_t thread;
    c->carried = 0;
    atomic_store(&c->stop, false);
    if (pthread_create(&thread, NULL, carry, c) != 0) return (struct round){0};
    struct round r = round_of(pool, p);
    atomic_store(&c->stop, true);
    pthread_join(thread, NULL);
    return r;
}

/* ---- both ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(struct pool *pool, struct products *p, struct carrier *c) {
    double cost[ROUNDS] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct round alone = round_of(pool, p), beside = round_beside(pool, p, c);
        if (alone.made == 0 || c->carried == 0) continue;
        double longer = beside.cpu - beside.made * alone.cpu / alone.made;
        double had = alone.cpu / (round_s * pool_threads(pool)); /* of its processors */
        cost[i] = (by_mpi * c->cpu + longer) / had / c->carried;
    }
    qsort(cost, ROUNDS, sizeof *cost, compare);
    return cost[ROUNDS / 2] > 0 ? cost[ROUNDS / 2] : 0;
}

double bench_carry(int threads, double bytes_per_s) {
    struct carrier c = {.ends = {-1, -1}, .bytes_per_s = bytes_per_s};
    struct products p = {.operands = NULL};
    struct pool *pool = pool_create(threads, NULL);
    size_t reals = pool ? (size_t)pool_threads(pool) * 3 * OPERAND : 0;
    double cost = 0;
    c.out = malloc((size_t)3 * MEMORY_BYTES);
    p.operands = calloc(reals + 1, sizeof *p.operands);
    if (pool && c.out && p.operands && connect_both(c.ends)) {
        memset(c.out, 0, (size_t)3 * MEMORY_BYTES); /* else all of it were one page of zeros */
        c.in = c.out + MEMORY_BYTES;
        c.sum = (real *)(void *)(c.in + MEMORY_BYTES);
        cost = measure(pool, &p, &c);
    }
    for (int k = 0; k < 2; k++)
        if (c.ends[k] >= 0) close(c.ends[k]);
    free(c.out);
    free(p.operands);
    pool_destroy(pool);
    return cost;
}
