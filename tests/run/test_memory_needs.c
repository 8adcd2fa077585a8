/* test_memory_needs.c - what a run takes, and what makes it fit where that is more than there
 * is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/run/memory_needs.h"

enum { LAYERS = 12 };
static const uint64_t MIB = 1 << 20;

static void put(struct settings *s, const char *path, const char *value) {
    int stage;
    struct err err = {0};
    const struct setting_key *k = setting_find(path, &stage, NULL);
    assert_non_null(k);
    if (!setting_put(s, k, stage, &value, 1, &err)) fail_msg("%s", err.msg);
}

/* GPT-2's smallest, in a folder that nobody looks into, fine-tuned in two stages. */
struct bed {
    struct settings *s;
    struct param_table table;
    struct memory_ask ask;
};

static int make_bed(void **state) {
    struct model_config c = {.family = FAMILY_GPT2,
                             .layers = LAYERS,
                             .heads = 12,
                             .width = 768,
                             .context = 1024,
                             .vocab = 50257,
                             .tied = true};
    struct bed *b = calloc(1, sizeof *b);
    if (!b || !(b->s = malloc(sizeof *b->s))) return -1;
    settings_init(b->s);
    settings_add_stage(b->s);
    settings_add_stage(b->s);
    put(b->s, "model.from", "/gpt2");
    put(b->s, "stages.0.batch", "16");
    put(b->s, "stages.1.batch", "8");
    put(b->s, "stages.0.micro_batch", "8");
    if (!model_config_complete(&c, NULL) || !param_table_create(&c, &b->table, NULL)) return -1;
    b->ask = memory_ask(b->s, &b->table, 256, 2);
    *state = b;
    return 0;
}

static int free_bed(void **state) {
    struct bed *b = *state;
    param_table_destroy(&b->table);
    free(b->s);
    free(b);
    return 0;
}

static struct memory_needs needs_of(const struct bed *b) {
    struct memory_needs needs;
    struct err err = {0};
    if (!memory_needs(&b->ask, &needs, &err)) fail_msg("%s", err.msg);
    return needs;
}

static uint64_t most(const struct bed *b) { return needs_of(b).stages[1].total; }

static void test_everything_learns(void **state) {
    struct bed *b = *state;
    struct memory_needs n = needs_of(b);
    uint64_t all = b->table.parameters * sizeof(float);
    assert_int_equal(n.n, 2);
    assert_in_range(n.weights, all, all + MIB); /* padding */
    assert_int_equal(n.stages[0].gradients, n.weights);
    assert_int_equal(n.stages[0].moments, 2 * n.weights);
    assert_int_equal(n.stages[0].base, 0); /* the last stage's */
    uint64_t embed = group_bytes(&b->table.groups[0], NARROW_NONE);
    assert_int_equal(n.stages[1].base, embed); /* it is aside: a group at a time is looked at */
    assert_int_equal(n.stages[0].activations, n.stages[1].activations);
    assert_int_equal(n.stages[1].total,
                     4 * n.weights + embed + n.stages[1].activations + n.beside);
    put(b->s, "stages.1.l2_sp", "0.1"); /* each step reads all of it */
    assert_int_equal(needs_of(b).stages[1].base, n.weights);
}

/* Shards that wait to be added to others have gradients of their own. */
static void test_shards(void **state) {
    struct bed *b = *state;
    struct memory_needs one = needs_of(b);
    assert_int_equal(memory_half_sets(b->s, 1), 2);
    put(b->s, "shards", "8");
    b->ask = memory_ask(b->s, &b->table, 256, 2);
    struct memory_needs eight = needs_of(b);
    assert_int_equal(eight.stages[1].gradients, 4 * one.stages[1].gradients);
    assert_int_equal(memory_half_sets(b->s, 1), 8);
    assert_int_equal(memory_half_sets(b->s, 2), 7); /* half of the tree, and what comes */
    assert_int_equal(memory_half_sets(b->s, 8), 3);
    assert_true(eight.stages[1].activations < one.stages[1].activations); /* fewer at a time */
}

/* What once learned keeps its memory; what never does has none, and keeps no activations below.
 */
static void test_frozen(void **state) {
    struct bed *b = *state;
    struct memory_needs all = needs_of(b);
    put(b->s, "stages.1.freeze", "embed,0-9");
    struct memory_needs later = needs_of(b);
    assert_int_equal(later.stages[1].moments, all.stages[1].moments);
    assert_int_equal(later.stages[1].activations, all.stages[1].activations);
    assert_true(later.stages[1].base < all.stages[1].base / 4);
    put(b->s, "stages.0.freeze", "embed,0-9");
    struct memory_needs both = needs_of(b);
    assert_true(both.stages[1].moments < all.stages[1].moments / 4);
    assert_true(both.stages[1].activations < all.stages[1].activations / 2);
    assert_int_equal(both.weights, all.weights);
    enum narrow_kind kind[3 * LAYERS + 3] = {NARROW_NONE};
    for (int g = 0; g < b->table.n_groups; g++)
        if (weights_narrows(&b->table, g) && b->table.groups[g].layer < 10)
            kind[g] = NARROW_BF16;
    b->ask.kind = kind;
    assert_true(needs_of(b).weights <
                both.weights - 130 * MIB); /* half of 10 blocks of 27 MiB */
    b->ask.kind = NULL;
}

/* With few rows a step the gradient of the largest matrix is left as factors, and those are
 * smaller. */
static void test_factored(void **state) {
    struct bed *b = *state;
    uint64_t head = UINT64_C(50257) * 768 * sizeof(float), rows = UINT64_C(4) * 64;
    assert_false(memory_transformer(&b->ask).factors); /* 8 times 256 tokens */
    put(b->s, "stages.0.batch", "4");
    put(b->s, "stages.0.micro_batch", "4");
    put(b->s, "stages.1.batch", "4");
    b->ask = memory_ask(b->s, &b->table, 64, 2);
    assert_true(memory_transformer(&b->ask).factors);
    struct memory_needs n = needs_of(b);
    assert_int_equal(n.stages[1].gradients, n.weights - head);
    put(b->s, "stages.0.batch", "8"); /* of two parts, whose gradients are added up */
    b->ask = memory_ask(b->s, &b->table, 64, 2);
    assert_false(memory_transformer(&b->ask).factors);
    struct memory_needs added = needs_of(b);
    assert_int_equal(added.stages[1].gradients, n.weights);
    assert_true(n.stages[1].activations <
                added.stages[1].activations + rows * 50257 * sizeof(float));
    assert_true(n.stages[1].total + 90 * MIB < added.stages[1].total);
    put(b->s, "stages.0.batch", "4");
    put(b->s, "stages.0.freeze", "embed");
    put(b->s, "stages.1.freeze", "embed");
    assert_false(memory_transformer(&b->ask).factors);
}

/* Steps of one part keep their blocks' activations where gradients will be laid down: those of
 * 11 blocks above another, 7,680 numbers a token. */
static void test_in_grads(void **state) {
    struct bed *b = *state;
    uint64_t rows = UINT64_C(4) * 64, kept = 11 * rows * 7680 * sizeof(float);
    struct memory_needs parts, whole;
    for (int stage = 0; stage < 2; stage++)
        put(b->s, stage ? "stages.1.micro_batch" : "stages.0.micro_batch", "4");
    put(b->s, "stages.0.batch", "8");
    put(b->s, "stages.1.batch", "8");
    put(b->s, "stages.0.freeze", "embed"); /* no factors of the head's gradient */
    put(b->s, "stages.1.freeze", "embed");
    b->ask = memory_ask(b->s, &b->table, 64, 2);
    parts = needs_of(b);
    put(b->s, "stages.0.batch", "4");
    put(b->s, "stages.1.batch", "4");
    whole = needs_of(b);
    assert_int_equal(whole.stages[1].activations + kept, parts.stages[1].activations);
    assert_int_equal(whole.stages[1].gradients, parts.stages[1].gradients);
    put(b->s, "recompute", "blocks");
    b->ask = memory_ask(b->s, &b->table, 64, 2);
    assert_true(needs_of(b).stages[1].activations < parts.stages[1].activations);
}

/* A refusal with `available` bytes; it names `wanted`. */
static void assert_advised(const struct bed *b, uint64_t available, const char *wanted) {
    struct err err = {0};
    assert_false(memory_fits(&b->ask, available, &err));
    assert_int_equal(err.code, ERR_NOMEM);
    if (!strstr(err.msg, wanted)) fail_msg("no '%s' in: %s", wanted, err.msg);
    assert_true(strlen(err.msg) < sizeof err.msg - 1); /* nothing is cut off */
}

static void test_advice(void **state) {
    struct bed *b = *state;
    struct err err = {0};
    uint64_t all = most(b);
    assert_true(memory_fits(&b->ask, all, &err));
    assert_advised(b, all - 1, "micro_batch: 4, or recompute: blocks, or freeze: [\"embed\"]");
    assert_advised(b, all - 1,
                   "GiB are needed (weights 0.5, gradients 0.5, moments 0.9, base 0.1");
    assert_advised(b, all - 900 * MIB, "freeze: [\"embed\", \"0-");
    assert_advised(b, 640 * MIB,
                   "micro_batch: 1, recompute: blocks and freeze: [\"embed\", \"0-");
    assert_advised(b, 100 * MIB, "take a smaller model or context");
}

/* The advice is true, and one block less would not do. */
static void test_advice_holds(void **state) {
    struct bed *b = *state;
    struct err err = {0};
    uint64_t available = most(b) - 1200 * MIB;
    char freeze[64];
    assert_false(memory_fits(&b->ask, available, &err));
    const char *at = strstr(err.msg, "[\"embed\", \"0-");
    assert_non_null(at);
    int last = atoi(at + strlen("[\"embed\", \"0-"));
    for (int less = 0; less < 2; less++) {
        snprintf(freeze, sizeof freeze, "embed,0-%d", last - less);
        put(b->s, "stages.0.freeze", freeze);
        put(b->s, "stages.1.freeze", freeze);
        assert_int_equal(memory_fits(&b->ask, available, &err), less == 0);
    }
}

/* A model from nothing is never told to freeze. */
static void test_from_nothing(void **state) {
    struct bed *b = *state;
    struct err err = {0};
    put(b->s, "model.from", "");
    assert_false(memory_fits(&b->ask, most(b) - 1, &err));
    assert_null(strstr(err.msg, "freeze"));
    assert_non_null(strstr(err.msg, "micro_batch: 4, or recompute: blocks"));
}

static void test_available(void **state) {
    (void)state;
    assert_true(memory_available() > 16 * MIB);
}

#define with_bed(test) cmocka_unit_test_setup_teardown(test, make_bed, free_bed)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_bed(test_everything_learns),
        with_bed(test_shards),
        with_bed(test_frozen),
        with_bed(test_factored),
        with_bed(test_in_grads),
        with_bed(test_advice),
        with_bed(test_advice_holds),
        with_bed(test_from_nothing),
        cmocka_unit_test(test_available),
    };
    return cmocka_run_group_tests_name("memory needs", tests, NULL, NULL);
}
