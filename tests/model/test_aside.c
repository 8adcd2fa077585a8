/* test_aside.c - weights that are put aside compute as those in memory do, wherever they are
 * read, and take memory only meanwhile. */
#include <sys/mman.h>
#include <unistd.h>

#include "engine/model/decode.h"
#include "model/model_fixture.h"

static const char folder[] = "/tmp";

struct answers {
    uint64_t fingerprint;
    double loss, distance, norm;
    real logits[FIXTURE_TIME * 32], next[32];
};

/* All that reads weights; `w` against others. */
static struct answers ask(struct fixture *f, const struct weights *w,
                          const struct weights *others) {
    struct answers a = {.fingerprint = weights_fingerprint(w)};
    int vocab = f->table.config.vocab;
    struct decoder_token tokens[FIXTURE_TIME];
    struct decoder *d = decoder_create(&f->table, 1, &f->ex, NULL);
    assert_non_null(d);
    assert_true(vocab <= 32);
    a.loss = transformer_loss(f->tf, w, f->tokens, f->targets, FIXTURE_BATCH, FIXTURE_TIME,
                              NULL, NULL);
    transformer_logits(f->tf, w, f->tokens, 1, FIXTURE_TIME, a.logits);
    for (int i = 0; i < FIXTURE_TIME; i++)
        tokens[i] = (struct decoder_token){.id = f->tokens[i]};
    assert_true(decoder_feed(d, w, tokens, FIXTURE_TIME));
    memcpy(a.next, decoder_logits(d, 0), (size_t)vocab * sizeof(real));
    for (int g = 0; g < f->table.n_groups; g++) {
        a.distance += weights_distance(others, w, g);
        a.norm += weights_norm(w, g);
    }
    decoder_destroy(d);
    return a;
}

/* Pages of a mapping that this process has in memory by its own account; 0 where that is not
 * known. */
static size_t resident(const void *from) {
    char line[256];
    size_t kib = 0, start = 0, end = 0;
    bool there = false;
    FILE *f = fopen("/proc/self/smaps", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%zx-%zx ", &start, &end) == 2)
            there = start <= (size_t)from && (size_t)from < end;
        else if (there && sscanf(line, "Rss: %zu", &kib) == 1) break;
    }
    if (f) fclose(f);
    return kib;
}

static void test_same(void **state) {
    struct fixture f;
    struct weights base, live;
    struct err err = {0};
    fixture_init(&f, *state, 2);
    assert_true(weights_create(&f.table, &live, NULL));
    fixture_weights(&live, 2);
    assert_true(weights_share(&f.w, &base, NULL));
    struct answers before = ask(&f, &f.w, &live);
    for (int g = 0; g < f.table.n_groups; g++) {
        if (g % 3 == 1) continue; /* stays shared */
        if (g % 3 == 2) weights_unshare(&base, g);
        assert_true(weights_shelve(&base, g, folder, &err));
        const real *at = base.group[g];
        assert_true(weights_shelve(&base, g, folder, &err)); /* once is enough */
        assert_ptr_equal(base.group[g], at);
        assert_true(base.group[g] != f.w.group[g] && !base.shared[g] && base.shelved[g]);
        weights_unshare(&base, g); /* it is own already */
        assert_ptr_equal(base.group[g], at);
    }
    for (int i = 0; i < 2; i++) {
        struct answers after = ask(&f, &base, &live);
        assert_memory_equal(&after, &before, sizeof before);
        for (int g = 0; g < f.table.n_groups; g++)
            if (base.shelved[g]) assert_int_equal(resident(base.group[g]), 0);
    }
    for (int g = 0; g < f.table.n_groups; g++) /* what they are shared with may go on */
        if (base.shelved[g]) memset(f.w.group[g], 0, f.table.groups[g].reals * sizeof(real));
    struct answers after = ask(&f, &base, &live);
    assert_memory_equal(&after, &before, sizeof before);
    weights_destroy(&base);
    weights_destroy(&live);
    fixture_deinit(&f);
}

/* Where it cannot be put aside all stays as it was. */
static void test_nowhere(void **state) {
    struct fixture f;
    struct weights base;
    struct err err = {0};
    fixture_init(&f, *state, 1);
    assert_true(weights_share(&f.w, &base, NULL));
    assert_false(weights_shelve(&base, 0, "/nowhere/at/all", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_true(base.shared[0] && !base.shelved[0] && base.group[0] == f.w.group[0]);
    weights_destroy(&base);
    fixture_deinit(&f);
}

static void test_forget(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    double first = fixture_train(&f, &f.g, NULL);
    uint64_t grads = weights_fingerprint(&f.g);
    weights_forget(&f.g);
    for (int g = 0; g < f.table.n_groups; g++) assert_true(weights_norm(&f.g, g) == 0);
    assert_true(fixture_train(&f, &f.g, NULL) == first);
    assert_true(weights_fingerprint(&f.g) == grads);
    fixture_deinit(&f);
}

int main(void) {
    static const struct model_check checks[] = {
        {"same", test_same}, {"nowhere", test_nowhere}, {"forget", test_forget}};
    return run_model_checks("aside", checks, COUNT(checks));
}
