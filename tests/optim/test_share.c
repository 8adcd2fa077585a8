/* test_share.c - the optimizer's state in parts: how groups are cut, and that processes with a
 * part each come to the bits of one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/optim/optim.h"
#include "engine/optim/pieces.h"

enum { PARTS_MAX = 8, STEPS = 3 };

static void make_table(enum model_family family, struct param_table *t) {
    struct model_config c = {
        .family = family, .layers = 3, .heads = 2, .width = 132, .vocab = 1501, .context = 9};
    assert_true(model_config_complete(&c, NULL));
    assert_true(param_table_create(&c, t, NULL));
}

/* ---- cuts ---- */

static size_t size_of(const struct param *p) { return (size_t)p->rows * (size_t)p->cols; }

static bool is_whole(const struct param_table *t, const size_t *cuts, int parts,
                     const struct param *p) {
    const size_t *of = cuts + (size_t)p->group * ((size_t)parts + 1);
    (void)t;
    for (int i = 0; i <= parts; i++)
        if (of[i] > p->offset && of[i] < p->offset + size_of(p)) return false;
    return true;
}

static void check_cuts(enum model_family family, enum optimizer_kind kind, int parts) {
    struct param_table t;
    size_t all = 0, coarsest = PIECE_REALS, held[PARTS_MAX] = {0};
    make_table(family, &t);
    size_t *cuts = calloc((size_t)t.n_groups * ((size_t)parts + 1), sizeof *cuts);
    assert_non_null(cuts);
    share_cut(&t, kind, parts, cuts);
    for (int g = 0; g < t.n_groups; g++) {
        const size_t *of = cuts + (size_t)g * ((size_t)parts + 1);
        assert_int_equal(of[0], 0);
        assert_int_equal(of[parts], t.groups[g].reals);
        for (int i = 0; i < parts; i++) {
            assert_true(of[i] <= of[i + 1]);
            held[i] += of[i + 1] - of[i];
        }
        all += t.groups[g].reals;
    }
    for (int i = 0; i < t.n_params; i++) {
        if (kind != OPTIMIZER_MUON || !muon_takes(&t, &t.params[i])) continue;
        assert_true(is_whole(&t, cuts, parts, &t.params[i]));
        if (size_of(&t.params[i]) > coarsest) coarsest = size_of(&t.params[i]);
    }
    for (int i = 0; i < parts; i++)
        if (held[i] > all / (size_t)parts + coarsest)
            fail_msg("part %d of %d holds %zu of %zu", i, parts, held[i], all);
    free(cuts);
    param_table_destroy(&t);
}

static void test_cuts(void **state) {
    (void)state;
    for (int parts = 1; parts <= PARTS_MAX; parts *= 2)
        for (int kind = 0; kind < OPTIMIZER_COUNT; kind++) {
            check_cuts(FAMILY_GPT2, (enum optimizer_kind)kind, parts);
            check_cuts(FAMILY_QWEN3, (enum optimizer_kind)kind, parts);
        }
}

/* ---- steps ---- */

/* Where the processes of a step meet. */
static struct hall {
    pthread_barrier_t all_here, all_read;
    int parts;
    const double *sums[PARTS_MAX];
} hall;

struct process {
    int i;
    enum optimizer_kind kind;
    struct optim_share share;
    bool alone;
    pthread_t thread;
    /* what comes of it */
    struct exec ex;
    struct param_table table;
    struct weights w, g;
    struct optim optim;
    double norms[STEPS], updates[STEPS][64];
};

static void meet(void *ctx, double *x, size_t n) {
    const struct process *p = ctx;
    double *own = malloc(n * sizeof *own);
    if (!own) abort();
    memcpy(own, x, n * sizeof *own);
    hall.sums[p->i] = own;
    pthread_barrier_wait(&hall.all_here);
    for (size_t k = 0; k < n; k++) {
        x[k] = 0;
        for (int i = 0; i < hall.parts; i++) x[k] += hall.sums[i][k];
    }
    pthread_barrier_wait(&hall.all_read);
    free(own);
}

/* Of another's part there is no gradient that is of use. */
static void make_grads(struct process *p, uint64_t step) {
    for (int i = 0; i < p->table.n_params; i++) {
        const struct param *param = &p->table.params[i];
        struct rng r = rng_make(9, step, (uint64_t)i);
        for (size_t j = 0; j < size_of(param); j++) {
            size_t at = param->offset + j;
            real x = (real)(1e-2 * rng_normal(&r));
            bool own = p->alone ||
                       (at >= p->share.from[param->group] && at < p->share.to[param->group]);
            weights_param(&p->g, i)[j] = own ? x : R(1e6);
        }
    }
}

static void cut_for(struct process *p) {
    size_t n = (size_t)p->table.n_groups, row = (size_t)hall.parts + 1;
    size_t *cuts = calloc(n * row, sizeof *cuts);
    p->share = (struct optim_share){.from = calloc(n, sizeof(size_t)),
                                    .to = calloc(n, sizeof(size_t)),
                                    .sums = calloc(2 * share_pieces(&p->table), sizeof(double)),
                                    .meet = meet,
                                    .ctx = p};
    assert_true(cuts && p->share.from && p->share.to && p->share.sums);
    share_cut(&p->table, p->kind, hall.parts, cuts);
    for (size_t g = 0; g < n; g++) {
        p->share.from[g] = cuts[g * row + (size_t)p->i];
        p->share.to[g] = cuts[g * row + (size_t)p->i + 1];
    }
    free(cuts);
}

static void open_process(struct process *p, int i, enum optimizer_kind kind, bool alone) {
    const struct optim_settings s = {
        .kind = kind, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-6, .decay = 0.2, .momentum = 0.9};
    *p = (struct process){.i = i, .kind = kind, .alone = alone};
    make_table(FAMILY_QWEN3, &p->table);
    assert_true(p->table.n_groups <= 64);
    assert_non_null(p->ex.pool = pool_create(2, NULL));
    assert_true(weights_create(&p->table, &p->w, NULL) &&
                weights_create(&p->table, &p->g, NULL) &&
                optim_create(&p->ex, &p->table, s, &p->optim, NULL));
    weights_init(&p->w, 1);
    cut_for(p);
    if (!alone) p->optim.share = &p->share;
}

static void close_process(struct process *p) {
    optim_destroy(&p->optim);
    weights_destroy(&p->w);
    weights_destroy(&p->g);
    param_table_destroy(&p->table);
    pool_destroy(p->ex.pool);
    free(p->share.from);
    free(p->share.to);
    free(p->share.sums);
}

static void *live(void *ctx) {
    struct process *p = ctx;
    bool learn[64];
    double norms[64];
    for (int step = 0; step < STEPS; step++) {
        for (int g = 0; g < 64; g++) learn[g] = step != 1 || g % 3 != 0; /* some rest */
        make_grads(p, (uint64_t)step);
        p->norms[step] = grads_norm(&p->ex, &p->g, learn, p->optim.share, norms);
        optim_step(&p->ex, &p->optim, &p->w, &p->g, learn, 0.01, 1 / p->norms[step],
                   p->updates[step]);
    }
    return NULL;
}

/* Its part is that of the one process, to the bit; the rest has not moved. */
static void compare(const struct process *p, const struct process *one) {
    size_t n = (size_t)p->table.n_groups;
    assert_memory_equal(p->norms, one->norms, sizeof p->norms);
    for (int step = 0; step < STEPS; step++)
        assert_memory_equal(p->updates[step], one->updates[step], n * sizeof **p->updates);
    for (size_t g = 0; g < n; g++) {
        size_t from = p->share.from[g], own = p->share.to[g] - from;
        size_t reals = p->table.groups[g].reals;
        assert_memory_equal(p->w.group[g] + from, one->w.group[g] + from, own * sizeof(real));
        assert_memory_equal(p->optim.m.group[g] + from, one->optim.m.group[g] + from,
                            own * sizeof(real));
        for (size_t i = 0; i < reals; i++)
            if (i < from || i >= from + own) assert_true(p->optim.m.group[g][i] == 0);
    }
}

static void check_steps(enum optimizer_kind kind, int parts) {
    static struct process one, all[PARTS_MAX];
    hall.parts = parts;
    assert_int_equal(pthread_barrier_init(&hall.all_here, NULL, (unsigned)parts), 0);
    assert_int_equal(pthread_barrier_init(&hall.all_read, NULL, (unsigned)parts), 0);
    open_process(&one, 0, kind, true);
    live(&one);
    for (int i = 0; i < parts; i++) open_process(&all[i], i, kind, false);
    for (int i = 0; i < parts; i++)
        assert_int_equal(pthread_create(&all[i].thread, NULL, live, &all[i]), 0);
    for (int i = 0; i < parts; i++) pthread_join(all[i].thread, NULL);
    for (int i = 0; i < parts; i++) {
        compare(&all[i], &one);
        close_process(&all[i]);
    }
    close_process(&one);
    pthread_barrier_destroy(&hall.all_here);
    pthread_barrier_destroy(&hall.all_read);
}

static void test_steps(void **state) {
    (void)state;
    for (int parts = 1; parts <= 4; parts *= 2) {
        check_steps(OPTIMIZER_ADAMW, parts);
        check_steps(OPTIMIZER_MUON, parts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts),
                                       cmocka_unit_test(test_steps)};
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
