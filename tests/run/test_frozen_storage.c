/* test_frozen_storage.c - a model that came as bfloat16: what no stage lets learn stays such in
 * memory, on the disk and in the export, and all else is as if it were float32. */
#include "run/trainer_test.h"

#include "engine/formats/hf_model.h"

static char imported[PATH_MAX]; /* a folder as it may come from elsewhere */

/* A small model, trained and written as bfloat16. */
static int make_imported(void **state) {
    const enum dtype bf16 = DTYPE_BF16;
    char from[PATH_MAX];
    struct hf_model m;
    struct err err = {0};
    if (make_folder(state) != 0) return -1;
    struct settings *s = small_settings();
    struct run_paths p = train(s, "origin");
    files_join(from, sizeof from, p.checkpoints, "step-24", NULL);
    files_join(imported, sizeof imported, folder, "imported", NULL);
    bool ok = hf_model_load(from, &m, &err) &&
              model_folder_export(imported, from, &m.weights, m.tokenizer, &bf16, &err);
    hf_model_destroy(&m);
    free(s);
    return ok ? 0 : -1;
}

static struct settings *frozen_settings(const char *storage) {
    struct settings *s = small_settings();
    put(s, "model.from", imported);
    put(s, "model.frozen_storage", storage);
    put(s, "stages.0.freeze", "embed,0");
    put(s, "stages.1.freeze", "embed,0,block.1.mlp");
    return s;
}

static void step_folder(const struct run_paths *p, const char *name, char out[PATH_MAX]) {
    assert_true(files_join(out, PATH_MAX, p->checkpoints, name, NULL));
}

static uint64_t fingerprint_of(const char *dir) {
    struct hf_model m;
    struct err err = {0};
    must(hf_model_load(dir, &m, &err), &err);
    uint64_t print = weights_fingerprint(&m.weights);
    hf_model_destroy(&m);
    return print;
}

static void assert_same_file(const char *a, const char *b, const char *name) {
    char left[PATH_MAX], right[PATH_MAX];
    struct buf l = {0}, r = {0};
    struct err err = {0};
    assert_true(files_join(left, sizeof left, a, name, NULL) &&
                files_join(right, sizeof right, b, name, NULL));
    must(files_read(left, 1 << 24, &l, &err) && files_read(right, 1 << 24, &r, &err), &err);
    assert_int_equal(l.len, r.len);
    assert_memory_equal(l.data, r.data, l.len);
    buf_deinit(&l);
    buf_deinit(&r);
}

/* Weights, moments and base after the last step. */
static void assert_same_model(const struct run_paths *a, const struct run_paths *b) {
    char left[PATH_MAX], right[PATH_MAX];
    step_folder(a, "step-24", left);
    step_folder(b, "step-24", right);
    assert_true(fingerprint_of(left) == fingerprint_of(right));
    assert_same_file(left, right, "optimizer.safetensors");
    assert_true(fingerprint_of(a->base) == fingerprint_of(b->base));
}

static enum dtype dtype_in(const char *dir, const char *name) {
    char path[PATH_MAX];
    struct err err = {0};
    assert_true(files_join(path, sizeof path, dir, "model.safetensors", NULL));
    struct safetensors *s = safetensors_open(path, &err);
    must(s != NULL, &err);
    enum dtype dtype = safetensors_find(s, name)->dtype;
    safetensors_close(s);
    return dtype;
}

static const char below[] = "model.layers.0.mlp.down_proj.weight",
                  above[] = "model.layers.1.mlp.down_proj.weight";

static void test_same_bits(void **state) {
    (void)state;
    char last[PATH_MAX];
    struct settings *narrow = frozen_settings("auto"), *wide = frozen_settings("f32");
    struct run_paths a = train(narrow, "narrow"), b = train(wide, "wide");
    assert_same_model(&a, &b);
    step_folder(&a, "step-24", last);
    assert_int_equal(dtype_in(last, below), DTYPE_BF16);
    assert_int_equal(dtype_in(last, above), DTYPE_F32); /* it learned in the first stage */
    step_folder(&b, "step-24", last);
    assert_int_equal(dtype_in(last, below), DTYPE_F32);
    put(narrow, "threads", "2");
    struct run_paths c = train(narrow, "narrow-two-threads");
    assert_same_model(&a, &c);
    free(narrow);
    free(wide);
}

static void test_resumed(void **state) {
    (void)state;
    struct settings *s = frozen_settings("auto");
    struct run_paths a = train(s, "whole"), b = train(s, "resumed");
    struct err err = {0};
    char path[PATH_MAX];
    static const char *const later[] = {"step-24", "step-22", "step-17"};
    for (size_t i = 0; i < 3; i++) {
        step_folder(&b, later[i], path);
        must(files_remove_tree(path, &err), &err);
    }
    must(engine_main(s, &b, true, &err), &err);
    assert_same_model(&a, &b);
    free(s);
}

/* What is thawed while it runs becomes float32 then; its base stays what it was. */
static void test_thawed(void **state) {
    (void)state;
    const struct command thaw = {.kind = COMMAND_UNFREEZE, .text = "0", .id = 1};
    struct settings *narrow = frozen_settings("auto"), *wide = frozen_settings("f32");
    struct run_paths a, b;
    char last[PATH_MAX];
    fresh_paths("thawed-narrow", &a);
    fresh_paths("thawed-wide", &b);
    train_with(narrow, &a, &thaw, 1);
    train_with(wide, &b, &thaw, 1);
    assert_same_model(&a, &b);
    step_folder(&a, "step-24", last);
    assert_int_equal(dtype_in(last, below), DTYPE_F32);
    free(narrow);
    free(wide);
}

/* In the last stage too, beside a base that has been taken. */
static void test_thawed_beside_a_base(void **state) {
    (void)state;
    struct session n;
    struct run_paths p;
    struct err err = {0};
    struct settings *s = frozen_settings("auto");
    put(s, "stages.1.l2_sp", "0.1"); /* it reads the base as it updates */
    fresh_paths("beside", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    n.t->state.stage = 1;
    must(stage_begin(n.t, &err), &err);
    uint64_t base = weights_fingerprint(&n.t->base);
    int narrow = 0;
    for (int g = 0; g < n.t->table.n_groups; g++) narrow += n.t->weights.narrow[g] != NULL;
    assert_int_equal(narrow, 2);
    bool all[64];
    for (int g = 0; g < 64; g++) all[g] = true;
    assert_false(stage_has_room(n.t, all, 1000, &err));
    assert_non_null(strstr(err.msg, "MiB more"));
    assert_true(stage_has_room(n.t, all, 1 << 24, &err));
    memcpy(n.t->learn, all, (size_t)n.t->table.n_groups * sizeof *all);
    stage_thaw_base(n.t);
    assert_true(weights_fingerprint(&n.t->weights) == base);
    must(trainer_step(n.t), &err);
    assert_true(weights_fingerprint(&n.t->base) == base);
    assert_true(weights_fingerprint(&n.t->weights) != base);
    session_close(&n);
    free(s);
}

/* Frozen tensors leave as they came, bit for bit; learned ones rounded to their type. */
static void test_exported(void **state) {
    (void)state;
    struct settings *s = frozen_settings("auto");
    struct run_paths p = train(s, "exported");
    struct hf_model m;
    struct err err = {0};
    char last[PATH_MAX], out[PATH_MAX], path[PATH_MAX];
    step_folder(&p, "step-24", last);
    files_join(out, sizeof out, folder, "given-back", NULL);
    must(hf_model_load(last, &m, &err), &err);
    struct imported *was = imported_open(last, &m.table, &err);
    must(was != NULL, &err);
    m.table.imported = was;
    must(model_folder_export(out, last, &m.weights, m.tokenizer, NULL, &err), &err);
    assert_same_file(imported, out, "config.json");
    assert_same_file(imported, out, "tokenizer.json");
    files_join(path, sizeof path, imported, "model.safetensors", NULL);
    struct safetensors *before = safetensors_open(path, &err);
    files_join(path, sizeof path, out, "model.safetensors", NULL);
    struct safetensors *after = safetensors_open(path, &err);
    must(before && after, &err);
    assert_int_equal(safetensors_count(before), safetensors_count(after));
    int changed = 0;
    for (int i = 0; i < m.table.n_params; i++) {
        const struct param *param = &m.table.params[i];
        const struct tensor *a = safetensors_find(before, param->name);
        const struct tensor *b = safetensors_find(after, param->name);
        bool frozen = param->group == 0 || m.table.groups[param->group].layer == 0;
        assert_int_equal(b->dtype, DTYPE_BF16);
        if (frozen) assert_memory_equal(a->data, b->data, a->bytes);
        else changed += memcmp(a->data, b->data, a->bytes) != 0;
    }
    assert_true(changed >= 4); /* gains may round to what they were */
    safetensors_close(before);
    safetensors_close(after);
    hf_model_destroy(&m);
    imported_destroy(was);
    free(s);
}

/* Adapters beside blocks that stay narrow: nothing but the adapters learns, and to the same
 * bits. */
static void test_under_adapters(void **state) {
    (void)state;
    static const char *const words[] = {"auto", "f32"};
    struct run_paths paths[2];
    char last[PATH_MAX];
    for (int i = 0; i < 2; i++) {
        struct settings *s = small_settings();
        put(s, "model.from", imported);
        put(s, "model.frozen_storage", words[i]);
        for (int stage = 0; stage < 2; stage++) {
            s->stages[stage].freeze.n = 0;
            put(s, stage ? "stages.1.adapter.rank" : "stages.0.adapter.rank", "3");
            put(s, stage ? "stages.1.adapter.targets" : "stages.0.adapter.targets", "all");
        }
        paths[i] = train(s, i ? "adapted-wide" : "adapted-narrow");
        free(s);
    }
    assert_same_model(&paths[0], &paths[1]);
    step_folder(&paths[0], "step-24", last);
    assert_int_equal(dtype_in(last, below), DTYPE_BF16);
    assert_int_equal(dtype_in(last, above), DTYPE_BF16);
}

static void test_memory_is_planned(void **state) {
    (void)state;
    struct settings *narrow = frozen_settings("auto"), *wide = frozen_settings("f32");
    assert_true(planned_memory(narrow, "plan-narrow").weights <
                planned_memory(wide, "plan-wide").weights);
    free(narrow);
    free(wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_thawed),
        cmocka_unit_test(test_thawed_beside_a_base),
        cmocka_unit_test(test_exported),
        cmocka_unit_test(test_under_adapters),
        cmocka_unit_test(test_memory_is_planned),
    };
    return cmocka_run_group_tests_name("frozen storage", tests, make_imported, remove_folder);
}
