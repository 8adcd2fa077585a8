/* test_ranks.c - several ranks as threads, with a wire in memory between them. */
#include <math.h>
#include <stdio.h>

#include "check.h"
#include "dist/memory_wire.h"
#include "engine/core/rng.h"
#include "engine/core/tree.h"
#include "engine/dist/ranks.h"

enum { SHARDS = 8, ARRAYS = 5, N_MAX = 5000 };
static const size_t lengths[ARRAYS] = {1, 2, 7, 64, N_MAX};

/* Numbers whose sum depends on the order. */
static real number(int shard, int array, size_t i) {
    struct rng r = rng_make((uint64_t)shard, (uint64_t)array, i);
    return (real)(rng_normal(&r) * exp(3 * rng_normal(&r)));
}

/* As one process with all shards has it. */
static real expected(int array, size_t i, int from, int n) {
    if (n == 1) return number(from, array, i);
    return expected(array, i, from, n / 2) + expected(array, i, from + n / 2, n / 2);
}

struct member {
    struct desk desk;
    pthread_t thread;
    void (*life)(struct member *m, struct ranks *r);
    bool ok;
    char why[480];
};

static void *live(void *ctx) {
    struct member *m = ctx;
    const struct wire wire = {&memory_wire, &m->desk};
    struct ranks *r = ranks_join(&wire, NULL);
    if (r) m->life(m, r);
    ranks_leave(r, m->ok);
    return NULL;
}

static struct office *office;
static struct member members[MEMORY_RANKS_MAX];

static void together(int count, unsigned late, void (*life)(struct member *, struct ranks *)) {
    office->count = count;
    office->late = late;
    for (int i = 0; i < count; i++) {
        members[i] = (struct member){.desk = {.office = office, .rank = i}, .life = life};
        assert_int_equal(pthread_create(&members[i].thread, NULL, live, &members[i]), 0);
    }
    for (int i = 0; i < count; i++) pthread_join(members[i].thread, NULL);
}

static void assert_all_ok(int count) {
    for (int i = 0; i < count; i++)
        if (!members[i].ok) fail_msg("rank %d: %s", i, members[i].why);
}

/* ---- sums ---- */

/* This rank's subtree, of what one process with all shards has as a tree. */
static real own(struct ranks *r, int array, size_t i) {
    int each = SHARDS / ranks_count(r);
    return expected(array, i, ranks_number(r) * each, each);
}

static void life_of_sums(struct member *m, struct ranks *r) {
    real *x[ARRAYS], *scratch[ARRAYS];
    m->ok = true;
    for (int step = 0; step < 3; step++) {
        for (int a = 0; a < ARRAYS; a++) {
            x[a] = malloc(lengths[a] * sizeof **x);
            scratch[a] = malloc((lengths[a] + 1) / 2 * sizeof **x);
            for (size_t i = 0; i < lengths[a]; i++) x[a][i] = own(r, a, i);
            ranks_sum_begin(r, x[a], scratch[a], lengths[a], false);
        }
        m->ok = ranks_sum_end(r, NULL) && m->ok;
        for (int a = 0; a < ARRAYS; a++) {
            for (size_t i = 0; i < lengths[a]; i++)
                if (x[a][i] != expected(a, i, 0, SHARDS)) m->ok = false;
            free(x[a]);
            free(scratch[a]);
        }
    }
    snprintf(m->why, sizeof m->why, "other bits than one process");
}

static void test_sums_are_those_of_one_process(void **state) {
    (void)state;
    for (int count = 1; count <= SHARDS; count *= 2)
        for (unsigned late = 0; late < 6; late += 5) {
            together(count, late, life_of_sums);
            assert_all_ok(count);
            assert_int_equal(office->n, 0); /* nothing was sent in vain */
        }
}

/* 2 (P-1)/P of the numbers leave each rank. */
static void test_sends_no_more_than_it_must(void **state) {
    (void)state;
    size_t all = 0;
    for (int a = 0; a < ARRAYS; a++) all += lengths[a] * sizeof(real);
    office->sent = 0;
    together(4, 0, life_of_sums);
    assert_true((double)office->sent <= 3 * 4 * 2 * 3.0 / 4 * (double)all * 1.01);
}

/* As bfloat16: near the sum, by what one of 8 bits is off at each of at most 4 roundings, and
 * on all ranks the same bits. */
static real rounded[MEMORY_RANKS_MAX][ARRAYS][N_MAX];

static void life_of_narrow_sums(struct member *m, struct ranks *r) {
    int rank = ranks_number(r);
    real *scratch[ARRAYS];
    for (int a = 0; a < ARRAYS; a++) {
        scratch[a] = malloc((lengths[a] + 1) / 2 * sizeof(real));
        for (size_t i = 0; i < lengths[a]; i++) rounded[rank][a][i] = own(r, a, i);
        ranks_sum_begin(r, rounded[rank][a], scratch[a], lengths[a], true);
    }
    m->ok = ranks_sum_end(r, NULL);
    for (int a = 0; a < ARRAYS; a++) {
        for (size_t i = 0; i < lengths[a]; i++) {
            double size = 0, is = (double)rounded[rank][a][i];
            for (int k = 0; k < ranks_count(r); k++) /* all that is rounded is no larger */
                for (int s = 0; s < SHARDS; s++) size += fabs((double)number(s, a, i));
            if (!(fabs(is - (double)expected(a, i, 0, SHARDS)) <= size / 256)) m->ok = false;
        }
        free(scratch[a]);
    }
    snprintf(m->why, sizeof m->why, "too far from the sum");
}

static void test_narrow_sums(void **state) {
    (void)state;
    for (int count = 2; count <= SHARDS; count *= 2) {
        together(count, 3, life_of_narrow_sums);
        assert_all_ok(count);
        for (int i = 1; i < count; i++)
            assert_memory_equal(rounded[i], rounded[0], sizeof rounded[0]);
        assert_int_equal(office->n, 0);
    }
}

/* Half of what reals take. */
static void test_narrow_sends_half(void **state) {
    (void)state;
    size_t all = 0;
    for (int a = 0; a < ARRAYS; a++) all += lengths[a] * sizeof(real);
    office->sent = 0;
    together(4, 0, life_of_narrow_sums);
    assert_true((double)office->sent <= 4 * 2 * 3.0 / 4 * (double)all / 2 * 1.01);
}

/* ---- the halves of a sum ---- */

/* Uneven parts, some of them empty; of one rank all. */
static size_t *cuts_for(int count, int array) {
    static _Thread_local size_t cuts[MEMORY_RANKS_MAX + 1];
    for (int i = 0; i <= count; i++)
        cuts[i] = i == count ? lengths[array]
                             : lengths[array] * (size_t)i * (size_t)i / (size_t)(count * count);
    return cuts;
}

static void life_of_halves(struct member *m, struct ranks *r) {
    int count = ranks_count(r), place = ranks_place(r, ranks_number(r));
    m->ok = true;
    for (int a = 0; a < ARRAYS; a++) {
        const size_t *cuts = cuts_for(count, a);
        size_t n = lengths[a];
        real *x = malloc(2 * n * sizeof *x);
        for (size_t i = 0; i < n; i++) x[i] = own(r, a, i);
        ranks_scatter_begin(r, x, x + n, cuts, false);
        m->ok = ranks_sum_end(r, NULL) && m->ok;
        for (size_t i = cuts[place]; i < cuts[place + 1]; i++)
            if (x[i] != expected(a, i, 0, SHARDS)) m->ok = false;
        for (size_t i = 0; i < n; i++) { /* what is handed out is what was made of it */
            bool here = i >= cuts[place] && i < cuts[place + 1];
            x[i] = here ? (real)i + 1 : -1;
        }
        ranks_hand_out_begin(r, x, cuts);
        m->ok = ranks_sum_end(r, NULL) && m->ok;
        for (size_t i = 0; i < n; i++)
            if (x[i] != (real)i + 1) m->ok = false;
        free(x);
    }
    snprintf(m->why, sizeof m->why, "not its part, or not all parts");
}

static void test_halves(void **state) {
    (void)state;
    for (int count = 1; count <= SHARDS; count *= 2)
        for (unsigned late = 0; late < 6; late += 5) {
            together(count, late, life_of_halves);
            assert_all_ok(count);
            assert_int_equal(office->n, 0);
        }
}

static void life_of_moves(struct member *m, struct ranks *r) {
    int count = ranks_count(r), me = ranks_number(r);
    m->ok = true;
    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++) {
            int x = me == from ? 100 * from + to : -1;
            int then = me == from || me == to ? 100 * from + to : -1;
            m->ok = ranks_move(r, &x, sizeof x, from, to, NULL) && x == then && m->ok;
        }
    snprintf(m->why, sizeof m->why, "moved to another, or changed");
}

static void test_moves(void **state) {
    (void)state;
    for (int count = 1; count <= SHARDS; count *= 2) {
        together(count, 3, life_of_moves);
        assert_all_ok(count);
        assert_int_equal(office->n, 0);
    }
}

/* ---- telling and gathering ---- */

struct fact {
    int rank;
    double half;
};

static void life_of_words(struct member *m, struct ranks *r) {
    char text[1000];
    struct fact all[MEMORY_RANKS_MAX], mine = {ranks_number(r), ranks_number(r) / 2.0};
    m->ok = true;
    for (int i = 0; i < 20; i++) {
        memset(text, ranks_number(r) == 0 ? 'a' + i : '?', sizeof text);
        m->ok = ranks_tell(r, text, sizeof text, NULL) && text[999] == 'a' + i && m->ok;
        m->ok = ranks_gather(r, &mine, sizeof mine, all, NULL) && m->ok;
        for (int k = 0; k < ranks_count(r); k++)
            m->ok = m->ok && all[k].rank == k && all[k].half == k / 2.0;
    }
}

static void test_tells_and_gathers(void **state) {
    (void)state;
    for (int count = 1; count <= MEMORY_RANKS_MAX; count *= 2) {
        together(count, 3, life_of_words);
        assert_all_ok(count);
    }
}

/* ---- a rank that is lost ---- */

static bool yes(void *ctx) {
    (void)ctx;
    return true;
}

static void life_with_a_loss(struct member *m, struct ranks *r) {
    struct fact all[MEMORY_RANKS_MAX], mine = {0, 0};
    struct err err = {0};
    ranks_watch(r, yes, NULL);
    m->ok = ranks_gather(r, &mine, sizeof mine, all, &err);
    snprintf(m->why, sizeof m->why, "%s", err.msg);
    if (ranks_tell(r, &mine, sizeof mine, NULL)) m->ok = true; /* it must not come back */
}

static void test_a_lost_rank_is_named(void **state) {
    (void)state;
    office->dead = 1;
    together(2, 0, life_with_a_loss);
    assert_false(members[0].ok);
    assert_string_equal(members[0].why, "rank 1 of 2 does not answer any more");
    office->dead = -1;
    office_close(office);
}

/* ---- alone ---- */

static void test_alone(void **state) {
    (void)state;
    real x = 3;
    int word = 4, all = 0, rank = -1;
    ranks_sum_begin(NULL, &x, NULL, 1, false);
    assert_true(ranks_sum_end(NULL, NULL) && x == 3);
    assert_true(ranks_tell(NULL, &word, sizeof word, NULL) && word == 4);
    assert_true(ranks_gather(NULL, &word, sizeof word, &all, NULL) && all == 4);
    assert_int_equal(ranks_number(NULL), 0);
    assert_int_equal(ranks_count(NULL), 1);
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    assert_int_equal(ranks_started(&rank), 1);
    assert_int_equal(rank, 0);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_RANK", "3", 1);
    assert_int_equal(ranks_started(&rank), 4);
    assert_int_equal(rank, 3);
}

static int open_office(void **state) {
    (void)state;
    office = calloc(1, sizeof *office);
    if (!office) return -1;
    office->dead = -1;
    return pthread_mutex_init(&office->mutex, NULL);
}

static int close_office(void **state) {
    (void)state;
    office_close(office);
    free(office);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_those_of_one_process),
        cmocka_unit_test(test_sends_no_more_than_it_must),
        cmocka_unit_test(test_narrow_sums),
        cmocka_unit_test(test_narrow_sends_half),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_tells_and_gathers),
        cmocka_unit_test(test_a_lost_rank_is_named),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests_name("ranks", tests, open_office, close_office);
}
