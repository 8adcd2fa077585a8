/* test_imported.c - a model that came from elsewhere is given back as it came. */
#include "tests/formats/foreign.h"
#include "tests/formats/small_models.h"

static const struct foreign_case {
    const char *name;
    const struct model_config *config;
    struct foreign f;
} cases[] = {
    {"gpt2 F32", &small_gpt2, {.dtype = DTYPE_F32}},
    {"gpt2 F16, bare names", &small_gpt2, {.dtype = DTYPE_F16, .bare = true}},
    {"gpt2 BF16, head written out", &small_gpt2, {.dtype = DTYPE_BF16, .head_too = true}},
    {"llama F32", &small_llama, {.dtype = DTYPE_F32}},
    {"llama F16", &small_llama, {.dtype = DTYPE_F16}},
    {"llama BF16, vectors F32", &small_llama, {.dtype = DTYPE_BF16, .vectors_f32 = true}},
    {"qwen2 F32, head written out", &small_qwen2, {.dtype = DTYPE_F32, .head_too = true}},
    {"qwen2 F16", &small_qwen2, {.dtype = DTYPE_F16}},
    {"qwen2 BF16", &small_qwen2, {.dtype = DTYPE_BF16}},
    {"qwen3 F32", &small_qwen3, {.dtype = DTYPE_F32}},
    {"qwen3 F16, vectors F32", &small_qwen3, {.dtype = DTYPE_F16, .vectors_f32 = true}},
    {"qwen3 BF16", &small_qwen3, {.dtype = DTYPE_BF16}},
};

/* ---- folders inside the test's own ---- */

struct folders {
    char from[300], kept[300], out[300];
};

static struct folders make_folders(const char *dir) {
    struct folders f;
    struct err err = {0};
    snprintf(f.from, sizeof f.from, "%s/from", dir);
    snprintf(f.kept, sizeof f.kept, "%s/kept", dir);
    snprintf(f.out, sizeof f.out, "%s/out", dir);
    require(files_make_dirs(f.from, 0700, &err) && files_make_dirs(f.kept, 0700, &err) &&
                files_make_dirs(f.out, 0700, &err),
            &err);
    return f;
}

static void assert_same_folder(const char *a, const char *b) {
    static const char *const small[] = {"config.json", "tokenizer_config.json",
                                        "generation_config.json"};
    for (size_t i = 0; i < COUNT(small); i++)
        assert_same_file(inside(a, small[i]), inside(b, small[i]));
    assert_same_tensors(inside(a, "model.safetensors"), inside(b, "model.safetensors"));
}

/* A folder's model, with what it was. */
static struct imported *load(const char *dir, struct hf_model *m) {
    struct err err = {0};
    require(hf_model_load(dir, m, &err), &err);
    struct imported *was = imported_open(dir, &m->table, &err);
    require(was != NULL, &err);
    m->table.imported = was;
    return was;
}

static void unload(struct imported *was, struct hf_model *m) {
    hf_model_destroy(m);
    imported_destroy(was);
}

/* ---- the tests ---- */

/* Through memory, and again through a folder that thaw keeps of it, as a run's checkpoint is.
 */
static void test_given_back(void **state) {
    const struct foreign_case *c = *state;
    void *dir = NULL;
    assert_int_equal(make_folder(&dir), 0);
    struct folders at = make_folders(dir);
    struct foreign f = c->f;
    struct param_table table;
    struct hf_model m;
    struct err err = {0};
    f.config = *c->config;
    foreign_make(at.from, &f, &table);
    struct imported *was = load(at.from, &m);
    require(hf_model_save(at.kept, &m.weights, NULL, NULL, &err), &err);
    require(hf_model_save_as(at.out, &m.weights, NULL, NULL, &err), &err);
    assert_same_folder(at.from, at.out);
    unload(was, &m);
    assert_true(imported_is_kept(at.kept));
    assert_false(imported_is_kept(at.out));
    was = load(at.kept, &m);
    assert_true(files_remove_tree(at.out, NULL) && files_make_dirs(at.out, 0700, NULL));
    require(hf_model_save_as(at.out, &m.weights, NULL, NULL, &err), &err);
    assert_same_folder(at.from, at.out);
    unload(was, &m);
    param_table_destroy(&table);
    assert_int_equal(remove_folder(&dir), 0);
}

/* Read into narrow memory, and saved from there. */
static void test_stays_narrow(void **state) {
    const struct foreign_case *c = *state;
    void *dir = NULL;
    assert_int_equal(make_folder(&dir), 0);
    struct folders at = make_folders(dir);
    struct foreign f = c->f;
    struct param_table table;
    struct weights narrow;
    struct hf_model m;
    struct err err = {0};
    enum narrow_kind kind[16];
    f.config = *c->config;
    foreign_make(at.from, &f, &table);
    require(hf_model_kinds(at.from, &table, kind, &err), &err);
    for (int g = 0; g < table.n_groups; g++)
        assert_int_equal(kind[g], weights_narrows(&table, g) ? dtype_narrow(f.dtype) : 0);
    require(weights_create_narrow(&table, kind, &narrow, &err) &&
                hf_model_weights(at.from, &narrow, &err) && hf_model_load(at.from, &m, &err),
            &err);
    for (int g = 0; g < table.n_groups; g++) assert_int_equal(narrow.kind[g], kind[g]);
    assert_true(weights_fingerprint(&narrow) == weights_fingerprint(&m.weights));
    hf_model_destroy(&m);
    require(hf_model_save(at.kept, &narrow, NULL, NULL, &err), &err);
    require(hf_model_load(at.kept, &m, &err), &err);
    assert_true(weights_fingerprint(&narrow) == weights_fingerprint(&m.weights));
    hf_model_destroy(&m);
    weights_destroy(&narrow);
    param_table_destroy(&table);
    assert_int_equal(remove_folder(&dir), 0);
}

/* What has learned is rounded to the type that it came in; all else stays. */
static void test_learned(void **state) {
    struct folders at = make_folders(*state);
    struct foreign f = {.config = small_qwen3, .dtype = DTYPE_BF16};
    struct param_table table;
    struct hf_model m;
    struct err err = {0};
    foreign_make(at.from, &f, &table);
    struct imported *was = load(at.from, &m);
    int changed = param_index(&m.table, "model.layers.1.mlp.down_proj.weight");
    weights_param(&m.weights, changed)[2] = 1.0f / 3;
    require(hf_model_save_as(at.out, &m.weights, NULL, NULL, &err), &err);
    struct safetensors *old = safetensors_open(inside(at.from, "model.safetensors"), &err);
    struct safetensors *new = safetensors_open(inside(at.out, "model.safetensors"), &err);
    require(old && new, &err);
    for (int i = 0; i < table.n_params; i++) {
        const struct tensor *a = safetensors_find(old, table.params[i].name);
        const struct tensor *b = safetensors_find(new, table.params[i].name);
        assert_int_equal(memcmp(a->data, b->data, a->bytes) != 0, i == changed);
        if (i == changed) assert_memory_equal(b->data + 4, "\xab\x3e", 2); /* 0x3eab: 0.3340 */
    }
    safetensors_close(old);
    safetensors_close(new);
    unload(was, &m);
    param_table_destroy(&table);
}

static void test_another_type(void **state) {
    struct folders at = make_folders(*state);
    struct foreign f = {.config = small_gpt2, .dtype = DTYPE_F16, .bare = true};
    const enum dtype wanted = DTYPE_F32;
    struct param_table table;
    struct hf_model m, again;
    struct err err = {0};
    foreign_make(at.from, &f, &table);
    struct imported *was = load(at.from, &m);
    require(hf_model_save_as(at.out, &m.weights, NULL, &wanted, &err), &err);
    struct safetensors *new = safetensors_open(inside(at.out, "model.safetensors"), &err);
    require(new != NULL, &err);
    assert_int_equal(safetensors_find(new, "wte.weight")->dtype, DTYPE_F32);
    safetensors_close(new);
    struct json *config = read_json(inside(at.out, "config.json"));
    assert_string_equal(json_str(json_get(config, "torch_dtype"), ""), "float32");
    assert_string_equal(json_str(json_get(config, "_name_or_path"), ""), "somebody/model");
    json_destroy(config);
    require(hf_model_load(at.out, &again, &err), &err);
    assert_true(weights_fingerprint(&again.weights) == weights_fingerprint(&m.weights));
    hf_model_destroy(&again);
    unload(was, &m);
    param_table_destroy(&table);
}

/* Two shards and their index stay two shards. */
static void test_copy(void **state) {
    static const char *const names[] = {"a.safetensors", "b.safetensors",
                                        "model.safetensors.index.json", "config.json",
                                        "tokenizer_config.json"};
    struct folders at = make_folders(*state);
    struct foreign f = {.config = small_llama, .dtype = DTYPE_BF16};
    struct param_table t;
    struct buf index = {0};
    struct err err = {0};
    foreign_make(at.from, &f, &t);
    foreign_file(inside(at.from, "a.safetensors"), &f, &t, 0, 4, false);
    foreign_file(inside(at.from, "b.safetensors"), &f, &t, 4, t.n_params, false);
    assert_true(files_remove_tree(inside(at.from, "model.safetensors"), NULL));
    buf_str(&index, "{\"weight_map\":{");
    for (int i = 0; i < t.n_params; i++)
        buf_printf(&index, "%s\"%s\":\"%c.safetensors\"", i ? "," : "", t.params[i].name,
                   i < 4 ? 'a' : 'b');
    buf_str(&index, "}}");
    write_text(at.from, names[2], buf_text(&index));
    write_text(at.from, "README.md", "not the model's");
    require(imported_copy(at.from, at.out, &err), &err);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_same_file(inside(at.from, names[i]), inside(at.out, names[i]));
    assert_false(files_exists(inside(at.out, "README.md")));
    buf_deinit(&index);
    param_table_destroy(&t);
}

/* imported.json is a file like others: what is wrong with it is said. */
static void test_damaged(void **state) {
    const char *dir = *state;
    static const char *const texts[] = {
        "", "[]", "{\"config\":\"{}\"}",
        "{\"config\":\"{}\",\"tensors\":{\"lm_head.weight\":3}}",
        "{\"config\":\"{}\",\"tensors\":{\"model.norm.weight\":"
        "\"Q4\"}}"};
    struct model_config c = small_llama;
    struct param_table t;
    struct err err = {0};
    assert_true(model_config_complete(&c, NULL) && param_table_create(&c, &t, NULL));
    for (size_t i = 0; i < COUNT(texts); i++) {
        write_text(dir, IMPORTED_NAME, texts[i]);
        struct imported *was = imported_open(dir, &t, &err);
        if (i == 3) { /* a word that is no text counts as none */
            assert_non_null(was);
            imported_destroy(was);
            continue;
        }
        assert_null(was);
        assert_says(&err, IMPORTED_NAME);
    }
    param_table_destroy(&t);
}

int main(void) {
    enum { OTHERS = 4 };
    struct CMUnitTest tests[2 * COUNT(cases) + OTHERS] = {
        in_folder(test_learned), in_folder(test_another_type), in_folder(test_copy),
        in_folder(test_damaged)};
    for (size_t i = 0; i < 2 * COUNT(cases); i++)
        tests[OTHERS + i] =
            (struct CMUnitTest){.name = cases[i / 2].name,
                                .test_func = i % 2 ? test_stays_narrow : test_given_back,
                                .initial_state = (void *)&cases[i / 2]};
    return cmocka_run_group_tests_name("imported", tests, NULL, NULL);
}
