/* test_freeze.c - what "frozen" promises over many steps (design.md, section 3). */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/optim/optim.h"

enum { MAX_GROUPS = 16 };
static const struct optim_settings settings = {
    .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = 0.1};

struct training {
    struct fixture f;
    struct optim optim;
    bool learn[MAX_GROUPS];
    double norm, norms[MAX_GROUPS], updates[MAX_GROUPS];
};

static void training_init(struct training *t, const struct model_case *c, const char *frozen) {
    bool mask[MAX_GROUPS] = {false};
    fixture_init(&t->f, c, 1);
    assert_true(t->f.table.n_groups <= MAX_GROUPS);
    assert_true(optim_create(&t->f.ex, &t->f.table, settings, &t->optim, NULL));
    assert_true(groups_select(&t->f.table, frozen, mask, NULL));
    for (int g = 0; g < t->f.table.n_groups; g++) t->learn[g] = !mask[g];
}

static void training_deinit(struct training *t) {
    optim_destroy(&t->optim);
    fixture_deinit(&t->f);
}

/* One step, clipped to a norm of 1; returns the loss. Gradients of frozen groups are left as
 * they were: whatever stands there must not matter. */
static double training_step(struct training *t) {
    struct fixture *f = &t->f;
    struct train_part whole = fixture_part(f);
    whole.first = true;
    double loss = transformer_train(f->tf, &f->w, &f->g, t->learn, &whole, NULL);
    t->norm = grads_norm(&f->ex, &f->g, t->learn, NULL, t->norms);
    optim_step(&f->ex, &t->optim, &f->w, &f->g, t->learn, 1e-3, t->norm > 1 ? 1 / t->norm : 1,
               t->updates);
    return loss;
}

static void copy(struct weights *to, const struct weights *from) {
    assert_true(weights_create(from->table, to, NULL));
    for (int g = 0; g < from->table->n_groups; g++)
        memcpy(to->group[g], from->group[g], from->table->groups[g].reals * sizeof(real));
}

static bool same_bytes(const struct weights *a, const struct weights *b, int g) {
    return memcmp(a->group[g], b->group[g], a->table->groups[g].reals * sizeof(real)) == 0;
}

/* 5 steps with everything learning, so that moments are not zero; 200 with `frozen` frozen and
 * rubbish in its gradients; then all learns again. */
static void check_two_hundred_steps(const struct model_case *c, const char *frozen) {
    struct training t;
    struct weights w, m, v;
    training_init(&t, c, "");
    for (int i = 0; i < 5; i++) training_step(&t);
    copy(&w, &t.f.w);
    copy(&m, &t.optim.m);
    copy(&v, &t.optim.v);
    bool mask[MAX_GROUPS] = {false};
    assert_true(groups_select(&t.f.table, frozen, mask, NULL));
    for (int g = 0; g < t.f.table.n_groups; g++) {
        t.learn[g] = !mask[g];
        for (size_t i = 0; mask[g] && i < t.f.table.groups[g].reals; i++)
            t.f.g.group[g][i] = (real)1e3;
    }
    for (int i = 0; i < 200; i++) training_step(&t);
    double squares = 0;
    for (int g = 0; g < t.f.table.n_groups; g++) {
        assert_true(same_bytes(&w, &t.f.w, g) == mask[g]);
        assert_true(same_bytes(&m, &t.optim.m, g) == mask[g]);
        assert_true(same_bytes(&v, &t.optim.v, g) == mask[g]);
        assert_int_equal(t.optim.steps[g], mask[g] ? 5 : 205);
        assert_true(mask[g] ? t.norms[g] == 0 && t.updates[g] == 0 : t.updates[g] > 0);
        squares += t.norms[g] * t.norms[g];
    }
    assert_true(fabs(t.norm - sqrt(squares)) <= 1e-12 * t.norm && t.norm < 100);
    for (int g = 0; g < t.f.table.n_groups; g++) t.learn[g] = true;
    for (int i = 0; i < 3; i++) training_step(&t);
    for (int g = 0; g < t.f.table.n_groups; g++) {
        assert_false(same_bytes(&w, &t.f.w, g)); /* thawed: learns again */
        assert_int_equal(t.optim.steps[g], mask[g] ? 8 : 208);
    }
    weights_destroy(&w);
    weights_destroy(&m);
    weights_destroy(&v);
    training_deinit(&t);
}

static void test_two_hundred_steps(void **state) {
    static const char *const frozen[] = {"embed",          "0",    "embed,0", "block.1.attn",
                                         "block.0.norm,1", "norm", "0-1"};
    for (size_t i = 0; i < COUNT(frozen); i++) check_two_hundred_steps(*state, frozen[i]);
}

/* Learning a fixed batch by heart still works with the lower half frozen. */
static void test_still_learns(void **state) {
    struct training t;
    training_init(&t, *state, "embed,0");
    double first = training_step(&t), last = 0;
    for (int i = 0; i < 400; i++) last = training_step(&t);
    assert_true(last < 0.8 * first);
    training_deinit(&t);
}

/* ---- counted work ---- */

struct work {
    uint64_t attention;                 /* of one block's forward */
    uint64_t attn_maps, mlp_maps, head; /* flop of each product with these matrices */
};

static uint64_t flops_of(struct training *t, const char *frozen) {
    bool mask[MAX_GROUPS] = {false}, learn[MAX_GROUPS];
    assert_true(groups_select(&t->f.table, frozen, mask, NULL));
    for (int g = 0; g < MAX_GROUPS; g++) learn[g] = !mask[g];
    uint64_t before = t->f.ex.flops;
    fixture_train(&t->f, &t->f.g, learn);
    return t->f.ex.flops - before;
}

static struct work predict(struct training *t) {
    const struct model_config *c = &t->f.table.config;
    uint64_t rows = FIXTURE_ROWS, width = (uint64_t)c->width, ffn = (uint64_t)c->ffn;
    uint64_t q = (uint64_t)(c->heads * c->head_dim), kv = (uint64_t)(c->kv_heads * c->head_dim);
    uint64_t ups = family_traits[c->family].gated ? 2 : 1;
    struct work w = {.attn_maps = 2 * rows * width * (2 * q + 2 * kv),
                     .mlp_maps = 2 * rows * width * ffn * (ups + 1),
                     .head = 2 * rows * width * (uint64_t)c->vocab};
    uint64_t forward = flops_of(t, "all");
    uint64_t maps = (uint64_t)c->layers * (w.attn_maps + w.mlp_maps) + w.head;
    w.attention = (forward - maps) / (uint64_t)c->layers;
    return w;
}

/* A step with its bottom half frozen is cheaper by just what is not computed: both backward
 * products of the frozen blocks, their attention's backward (2.5 times its forward), and the
 * head's weight gradient where the head is the frozen embedding. */
static void test_flops_of_a_frozen_half(void **state) {
    struct training t;
    training_init(&t, *state, "");
    struct work w = predict(&t);
    uint64_t whole = flops_of(&t, ""), half = flops_of(&t, "embed,0");
    uint64_t block = 2 * (w.attn_maps + w.mlp_maps) + w.attention * 5 / 2;
    assert_true(w.attention > 0);
    assert_true(whole - half == block + (t.f.table.config.tied ? w.head : 0));
    assert_true((double)half < 0.75 * (double)whole);
    training_deinit(&t);
}

/* Frozen in the middle, with something below that learns: the weight gradient alone is saved.
 */
static void test_flops_of_parts(void **state) {
    struct training t;
    training_init(&t, *state, "");
    struct work w = predict(&t);
    uint64_t whole = flops_of(&t, "");
    assert_true(whole - flops_of(&t, "block.1.attn") == w.attn_maps);
    assert_true(whole - flops_of(&t, "block.1.mlp") == w.mlp_maps);
    assert_true(whole - flops_of(&t, "block.1.norm") == 0);
    assert_true(whole - flops_of(&t, "block.1,norm") == w.attn_maps + w.mlp_maps);
    training_deinit(&t);
}

int main(void) {
    static const CMUnitTestFunction checks[] = {test_two_hundred_steps, test_still_learns,
                                                test_flops_of_a_frozen_half,
                                                test_flops_of_parts};
    static const char *const words[] = {"200 steps", "still learns", "flops of a frozen half",
                                        "flops of parts"};
    enum { OF_ALL = 2 }; /* the others count products that adapters come on top of */
    static char names[COUNT(checks) * COUNT(model_cases)][96];
    struct CMUnitTest
        tests[COUNT(checks) * PLAIN_CASES + OF_ALL * (COUNT(model_cases) - PLAIN_CASES)];
    for (size_t i = 0; i < COUNT(tests); i++) {
        size_t beyond = i >= COUNT(checks) * PLAIN_CASES ? i - COUNT(checks) * PLAIN_CASES : 0;
        bool plain = i < COUNT(checks) * PLAIN_CASES;
        size_t check = plain ? i % COUNT(checks) : beyond % OF_ALL;
        size_t at = plain ? i / COUNT(checks) : PLAIN_CASES + beyond / OF_ALL;
        const struct model_case *c = &model_cases[at];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, words[check]);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = checks[check], .initial_state = (void *)c};
    }
    return cmocka_run_group_tests_name("freeze", tests, NULL, NULL);
}
