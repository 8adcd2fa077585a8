/* test_adapters.c - runs whose last stage trains adapters: the same bits for any number of
 * threads and through a resume, a model that stays as it was, and PEFT's files in every
 * checkpoint. */
#include "run/trainer_test.h"

#include "engine/formats/hf_model.h"
#include "engine/formats/peft.h"

static struct settings *adapted_settings(void) {
    static const char *const keys[][2] = {
        {"stages.1.adapter.rank", "3"},      {"stages.1.adapter.alpha", "6"},
        {"stages.1.adapter.targets", "all"}, {"stages.1.adapter.dropout", "0.2"},
        {"stages.1.adapter.rs", "true"},     {"stages.1.micro_batch", "2"},
        {"stages.1.optimizer.lr", "0.01"}};
    struct settings *s = small_settings();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) put(s, keys[i][0], keys[i][1]);
    s->stages[1].freeze.n = 0;
    return s;
}

static bool same_file(const struct run_paths *a, int64_t step_a, const struct run_paths *b,
                      int64_t step_b, const char *name) {
    struct buf x = bytes_of(a, step_a, name), y = bytes_of(b, step_b, name);
    bool same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_deinit(&x);
    buf_deinit(&y);
    return same;
}

static void assert_same_adapters(const struct run_paths *a, const struct run_paths *b) {
    assert_same_state(a, b, 24);
    assert_true(same_file(a, 24, b, 24, "adapter_model.safetensors"));
}

/* Forget the checkpoints behind a step, as a killed engine would have. */
static void cut_back(const struct run_paths *p, int64_t step) {
    char name[64], path[PATH_MAX + 64];
    for (int64_t s = step + 1; s <= 24; s++) {
        snprintf(name, sizeof name, "step-%" PRId64, s);
        snprintf(path, sizeof path, "%s/%s", p->checkpoints, name);
        assert_true(files_remove_tree(path, NULL));
    }
}

static void test_same_bits(void **state) {
    (void)state;
    struct settings *s = adapted_settings();
    struct run_paths one = train(s, "one-thread"), p;
    struct err err = {0};
    put(s, "threads", "2");
    p = train(s, "two-threads");
    assert_same_adapters(&one, &p);
    put(s, "threads", "4");
    p = train(s, "four-threads");
    assert_same_adapters(&one, &p);
    static const int64_t stops[] = {20, 17, 12, 10}; /* in the stage, at its start, before it */
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        cut_back(&p, stops[i]);
        must(engine_main(s, &p, true, &err), &err);
        assert_same_adapters(&one, &p);
    }
    put(s, "recompute", "blocks");
    p = train(s, "recomputed");
    assert_same_adapters(&one, &p);
    free(s);
}

struct seen {
    double lora, base; /* farthest from the base */
    int proven;        /* groups of the model whose bytes are the base's, at last */
};

static void look_at_layers(void *ctx, const struct event *e) {
    struct seen *seen = ctx;
    if (e->type != EVENT_LAYERS || e->step <= 12) return;
    seen->proven = 0;
    for (int i = 0; i < e->layers.n_groups; i++) {
        const struct event_layer *l = &e->layers.groups[i];
        bool lora = strstr(l->name, ".lora") != NULL;
        double *most = lora ? &seen->lora : &seen->base;
        bool block = strncmp(l->name, "block.", 6) == 0 && !strchr(l->name + 6, '.');
        if (!block && l->from_base > *most) *most = l->from_base;
        seen->proven += !lora && !block && l->proven;
    }
}

static void find_freeze(void *ctx, const struct event *e) {
    if (e->type == EVENT_FREEZE) buf_printf(ctx, "%s ", e->freeze.group);
}

/* The model's own bytes are those that the stage began with; moments are kept of adapters alone
 * where nothing else ever learned. */
static void test_model_stays(void **state) {
    (void)state;
    struct settings *s = adapted_settings();
    struct run_paths first = train(s, "stays");
    struct buf told = {0};
    struct seen seen = {0};
    struct err err = {0};
    assert_true(same_file(&first, 12, &first, 24, "model.safetensors"));
    assert_false(same_file(&first, 12, &first, 24, "adapter_model.safetensors"));
    assert_false(peft_is(first.base)); /* at first they change nothing: a plain folder */
    each_event(&first, look_at_layers, &seen);
    assert_true(seen.lora > 0.01 && seen.base == 0);
    assert_int_equal(seen.proven, 2 + 3 * 2);
    each_event(&first, find_freeze, &told);
    assert_string_equal(buf_text(&told), "lora base ");

    snprintf(s->model.from, sizeof s->model.from, "%.400s/step-12", first.checkpoints);
    s->stages[0] = s->stages[1];
    s->n_stages = 1;
    struct run_paths p = train(s, "one-stage");
    struct hf_model m;
    must(hf_model_load(p.base, &m, &err), &err);
    struct buf bytes = bytes_of(&p, 12, "optimizer.safetensors");
    struct safetensors *t =
        safetensors_parse((const unsigned char *)bytes.data, bytes.len, "moments", &err);
    assert_non_null(t);
    for (size_t i = 0; i < safetensors_count(t); i++)
        assert_non_null(strstr(safetensors_at(t, i)->name, ".lora_"));
    assert_int_equal(safetensors_count(t), 2 * 2 * 2 * 7);
    safetensors_close(t);
    buf_deinit(&bytes);
    buf_deinit(&told);
    hf_model_destroy(&m);
    free(s);
}

/* From a folder that has adapters, a stage with the same goes on; one with others is refused.
 */
static void test_goes_on_from_adapters(void **state) {
    (void)state;
    struct settings *s = adapted_settings();
    struct run_paths first = train(s, "has-adapters"), p;
    struct err err = {0};
    snprintf(s->model.from, sizeof s->model.from, "%.400s/step-24", first.checkpoints);
    s->stages[0] = s->stages[1];
    s->n_stages = 1;
    p = train(s, "goes-on");
    assert_true(same_file(&first, 24, &p, 12, "model.safetensors"));
    assert_true(peft_is(p.base)); /* the base is the model with its adapters as they were */
    put(s, "stages.0.adapter.rank", "2");
    fresh_paths("refused", &p);
    assert_false(engine_main(s, &p, false, &err));
    assert_non_null(strstr(err.msg, "adapters already (rank 3, alpha 6 (rs) on q, k,"));
    free(s);
}

/* The freeze plan of a stage that has one holds for all groups; others thaw while it runs. */
static void test_plans(void **state) {
    (void)state;
    struct settings *s = adapted_settings();
    put(s, "stages.1.freeze", "embed,block.0");
    struct run_paths p = train(s, "plan");
    assert_false(same_file(&p, 12, &p, 24, "model.safetensors"));
    s->stages[1].freeze.n = 0;
    fresh_paths("thawed", &p);
    const struct command c = {.kind = COMMAND_UNFREEZE, .text = "lora", .by = "test"};
    train_with(s, &p, &c, 1); /* in the first stage, where they rest otherwise */
    assert_true(peft_is(p.base));
    free(s);
}

/* Where only adapters learn, the model's own groups take their weights and nothing else. */
static void test_memory(void **state) {
    (void)state;
    struct settings *s = adapted_settings();
    s->stages[0] = s->stages[1];
    s->n_stages = 1;
    struct memory_plan thin = planned_memory(s, "thin");
    s->stages[0].adapter.rank = 0;
    struct memory_plan whole = planned_memory(s, "whole");
    assert_true(thin.weights > whole.weights / 5 && thin.weights < whole.weights / 2);
    free(s);
}

/* ---- settings ---- */

static void refused(struct settings *s, const char *key, const char *says) {
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    assert_false(settings_check(s, path, &err));
    assert_string_equal(path, key);
    if (!strstr(err.msg, says)) fail_msg("\"%s\" lacks \"%s\"", err.msg, says);
}

static void test_settings(void **state) {
    (void)state;
    char path[TEXT_MAX_BYTES];
    struct err err = {0};
    struct settings *s = adapted_settings();
    must(settings_check(s, path, &err), &err);
    put(s, "stages.1.adapter.rank", "999");
    refused(s, "stages.1.adapter", "rank is 999, and the model is");
    put(s, "stages.1.adapter.rank", "3");
    put(s, "stages.1.adapter.targets", "head");
    refused(s, "stages.1.adapter", "no linear map \"head\" in a block of qwen3");
    put(s, "stages.1.adapter.targets", "q");
    put(s, "stages.1.adapter.blocks", "1-2");
    refused(s, "stages.1.adapter", "it has 0-1");
    put(s, "stages.1.adapter.blocks", "1");
    put(s, "stages.0.adapter.rank", "3");
    refused(s, "stages.1.adapter", "different adapters");
    s->stages[0].adapter = s->stages[1].adapter;
    must(settings_check(s, path, &err), &err);
    put(s, "stages.1.freeze", "block.1.lora");
    must(settings_check(s, path, &err), &err);
    put(s, "stages.1.freeze", "block.0.lora"); /* it has none */
    refused(s, "stages.1.freeze", "no group \"block.0.lora\"");
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_model_stays),
        cmocka_unit_test(test_goes_on_from_adapters),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests_name("runs with adapters", tests, make_folder, remove_folder);
}
