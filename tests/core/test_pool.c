#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "engine/core/pool.h"
#include "engine/core/rng.h"

enum { MAX_TILES = 2000 };

/* Plain memory on purpose: ThreadSanitizer sees it if the pool's hand-over has a gap. */
struct count {
    int n_threads;
    int tiles[MAX_TILES];
    int by_worker[POOL_MAX_THREADS];
    int bad;
};

static void count_tile(void *ctx, int i, int worker) {
    struct count *c = ctx;
    if (worker < 0 || worker >= c->n_threads) {
        c->bad++;
        return;
    }
    c->tiles[i]++;
    c->by_worker[worker]++;
}

static void check_once_each(struct pool *p, int n_tiles) {
    struct count c = {.n_threads = pool_threads(p)};
    pool_run(p, n_tiles, count_tile, &c);
    int total = 0;
    for (int i = 0; i < MAX_TILES; i++) assert_int_equal(c.tiles[i], i < n_tiles);
    for (int w = 0; w < POOL_MAX_THREADS; w++) total += c.by_worker[w];
    assert_int_equal(total, n_tiles);
    assert_int_equal(c.bad, 0);
}

static void test_each_tile_once(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 3, 8}, tiles[] = {0, 1, 2, 3, 7, 64, MAX_TILES};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct pool *p = pool_create(threads[t], NULL);
        assert_non_null(p);
        assert_int_equal(pool_threads(p), threads[t]);
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) check_once_each(p, tiles[i]);
        pool_destroy(p);
    }
}

static void note_order(void *ctx, int i, int worker) {
    int *next = ctx;
    *next = *next == i && worker == 0 ? i + 1 : -1;
}

static void test_no_pool_runs_in_order(void **state) {
    (void)state;
    int next = 0;
    pool_run(NULL, 100, note_order, &next);
    assert_int_equal(next, 100);
    assert_int_equal(pool_threads(NULL), 1);
    pool_destroy(NULL);
}

/* Short runs back to back, and with pauses longer than the spin, so that workers are met awake,
 * parked and in between. */
static void test_many_short_runs(void **state) {
    (void)state;
    struct pool *p = pool_create(4, NULL);
    struct count c = {.n_threads = 4};
    struct rng r = rng_make(3, 0, 0);
    int expected[8] = {0};
    for (int run = 0; run < 6000; run++) {
        int n = (int)rng_below(&r, 8) + 1;
        pool_run(p, n, count_tile, &c);
        for (int i = 0; i < n; i++) assert_int_equal(c.tiles[i], ++expected[i]);
        const struct timespec pause = {.tv_nsec = (long)rng_below(&r, 120000)};
        if (run % 16 == 0) nanosleep(&pause, NULL);
    }
    pool_destroy(p);
}

struct meeting {
    pthread_barrier_t barrier;
    sigset_t masks[4];
    int visits[4];
};

/* Nobody leaves before all are there: each thread gets exactly one tile. */
static void meet(void *ctx, int i, int worker) {
    (void)i;
    struct meeting *m = ctx;
    m->visits[worker]++;
    pthread_sigmask(SIG_SETMASK, NULL, &m->masks[worker]);
    pthread_barrier_wait(&m->barrier);
}

static void test_workers_run_at_once_and_block_signals(void **state) {
    (void)state;
    struct meeting m = {0};
    pthread_barrier_init(&m.barrier, NULL, 4);
    struct pool *p = pool_create(4, NULL);
    for (int run = 1; run <= 20; run++) {
        const struct timespec pause = {.tv_nsec = 1000000}; /* all are parked */
        nanosleep(&pause, NULL);
        pool_run(p, 4, meet, &m);
        for (int w = 0; w < 4; w++) assert_int_equal(m.visits[w], run);
    }
    static const int some[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCHLD, SIGUSR1};
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        assert_false(sigismember(&after, some[i])); /* the caller's wait for the end of a run */
        for (int w = 0; w < 4; w++) assert_true(sigismember(&m.masks[w], some[i]));
    }
    pool_destroy(p);
    pthread_barrier_destroy(&m.barrier);
}

enum { ROWS = 37, COLUMNS = 1001 };

struct sums {
    float x[ROWS * COLUMNS];
    float tile[ROWS];
};

static void sum_row(void *ctx, int i, int worker) {
    (void)worker;
    struct sums *s = ctx;
    float sum = 0.0f;
    for (int c = 0; c < COLUMNS; c++) sum += s->x[i * COLUMNS + c];
    s->tile[i] = sum;
}

static void test_same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    static struct sums s;
    struct rng r = rng_make(5, 0, 0);
    for (int i = 0; i < ROWS * COLUMNS; i++) s.x[i] = (float)rng_normal(&r);
    float first[ROWS];
    pool_run(NULL, ROWS, sum_row, &s);
    memcpy(first, s.tile, sizeof first);
    for (int threads = 1; threads <= 9; threads += 2) {
        struct pool *p = pool_create(threads, NULL);
        memset(s.tile, 0, sizeof s.tile);
        pool_run(p, ROWS, sum_row, &s);
        assert_memory_equal(first, s.tile, sizeof first);
        pool_destroy(p);
    }
}

static void test_zero_threads_is_one_a_core(void **state) {
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    struct pool *p = pool_create(0, NULL);
    int expected = CPU_COUNT(&all) < POOL_MAX_THREADS ? CPU_COUNT(&all) : POOL_MAX_THREADS;
    assert_int_equal(pool_threads(p), expected);
    pool_destroy(p);
    int core = 0;
    while (!CPU_ISSET(core, &all)) core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    p = pool_create(0, NULL);
    assert_int_equal(pool_threads(p), 1);
    pool_destroy(p);
    p = pool_create(3, NULL); /* more threads than cores: still right */
    check_once_each(p, 100);
    pool_destroy(p);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void test_create_and_destroy(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct pool *p = pool_create(1 + i % 5, NULL);
        assert_non_null(p);
        if (i % 2) check_once_each(p, 5);
        pool_destroy(p);
    }
    struct pool *p = pool_create(1000, NULL);
    assert_int_equal(pool_threads(p), POOL_MAX_THREADS);
    check_once_each(p, 500);
    pool_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_tile_once),
        cmocka_unit_test(test_no_pool_runs_in_order),
        cmocka_unit_test(test_many_short_runs),
        cmocka_unit_test(test_workers_run_at_once_and_block_signals),
        cmocka_unit_test(test_same_bits_for_any_number_of_threads),
        cmocka_unit_test(test_zero_threads_is_one_a_core),
        cmocka_unit_test(test_create_and_destroy),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
