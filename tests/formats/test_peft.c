/* test_peft.c - adapters in PEFT's two files: beside the model, in a folder of their own, as
 * PEFT itself writes them, and all that is refused. */
#include "formats/small_models.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/formats/peft.h"
#include "engine/model/transformer.h"
#include "engine/nn/blas.h"

enum { PATH_BYTES = 400 };

static const struct peft_case {
    const char *name;
    struct model_config c;
    const char *targets; /* as they stand in adapter_config.json */
} peft_cases[] = {
    {"gpt2",
     {.family = FAMILY_GPT2,
      .layers = 2,
      .heads = 2,
      .width = 8,
      .context = 8,
      .vocab = 11,
      .tied = true,
      .adapter = {.rank = 2, .alpha = 4, .targets = {0xb, 0xb}}},
     "[\"c_attn\", \"attn.c_proj\", \"mlp.c_proj\"]"},
    {"qwen3",
     {.family = FAMILY_QWEN3,
      .layers = 3,
      .heads = 4,
      .kv_heads = 2,
      .width = 12,
      .head_dim = 4,
      .context = 8,
      .vocab = 9,
      .adapter = {.rank = 3, .alpha = 0.3, .rs = true, .dropout = 0.1, .targets = {0, 5, 5}}},
     "[\"q_proj\", \"v_proj\"]"},
    {"llama, other maps in each block",
     {.family = FAMILY_LLAMA,
      .layers = 2,
      .heads = 2,
      .width = 8,
      .context = 8,
      .vocab = 5,
      .adapter = {.rank = 1, .alpha = 2, .targets = {1, 0x40}}},
     "[\"model.layers.0.self_attn.q_proj\", \"model.layers.1.mlp.down_proj\"]"},
};

static void assert_same_adapter(const struct adapter *a, const struct adapter *b) {
    assert_int_equal(a->rank, b->rank);
    assert_true(a->alpha == b->alpha && a->dropout == b->dropout && a->rs == b->rs);
    assert_memory_equal(a->targets, b->targets, sizeof a->targets);
}

static void make_dir(const char *path) { assert_int_equal(mkdir(path, 0700), 0); }

/* A model's folder and beside it one of its adapters alone, which names it "../model". */
static void write_both(const struct hf_model *m, const char *dir, char adapters[PATH_BYTES]) {
    struct err err = {0};
    struct weights bare = m->weights;
    char model[PATH_BYTES];
    snprintf(model, sizeof model, "%.300s/model", dir);
    snprintf(adapters, PATH_BYTES, "%.300s/adapters", dir);
    make_dir(model);
    make_dir(adapters);
    bare.plain = true;
    require(hf_model_save(model, &bare, NULL, NULL, &err), &err);
    assert_false(peft_is(model));
    require(peft_save(adapters, &m->weights, "../model", NULL, &err), &err);
}

static void test_round_trip(const struct peft_case *c, const char *dir) {
    struct err err = {0};
    struct hf_model m, beside, alone;
    char adapters[PATH_BYTES], both[PATH_BYTES];
    uint64_t bytes = 0;
    make_model(&c->c, 1, &m);
    snprintf(both, sizeof both, "%.300s/both", dir);
    make_dir(both);
    require(hf_model_save(both, &m.weights, NULL, &bytes, &err), &err);
    require(hf_model_load(both, &beside, &err), &err);
    assert_same_adapter(&beside.table.config.adapter, &m.table.config.adapter);
    assert_same_weights(&m.weights, &beside.weights);
    assert_false(beside.weights.plain);
    write_both(&m, dir, adapters);
    require(hf_model_load(adapters, &alone, &err), &err);
    assert_same_weights(&m.weights, &alone.weights);

    struct json *root = read_json(inside(adapters, "adapter_config.json"));
    struct json *wants = json_parse(c->targets, strlen(c->targets), &err);
    const struct json *has = json_get(root, "target_modules");
    assert_int_equal(json_size(has), json_size(wants));
    for (size_t i = 0; i < json_size(has); i++)
        assert_string_equal(json_str(json_at(has, i), ""), json_str(json_at(wants, i), "?"));
    assert_true(json_bool(json_get(root, "fan_in_fan_out"), false) ==
                (c->c.family == FAMILY_GPT2));
    assert_int_equal(json_int(json_get(root, "r"), 0), c->c.adapter.rank);
    json_destroy(wants);
    json_destroy(root);
    hf_model_destroy(&alone);
    hf_model_destroy(&beside);
    hf_model_destroy(&m);
}

static void test_round_trips(void **state) {
    for (size_t i = 0; i < COUNT(peft_cases); i++) {
        const char *dir = inside(*state, peft_cases[i].name);
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%.300s", dir);
        make_dir(path);
        test_round_trip(&peft_cases[i], path);
    }
}

/* ---- merged ---- */

static void logits_of(const struct hf_model *m, struct exec *ex, real *out) {
    static const int32_t tokens[] = {1, 0, 3, 2, 4, 1};
    struct transformer_plan plan = {.batch = 1, .time = 6};
    struct transformer *tf = transformer_create(&m->table, plan, ex, NULL);
    assert_non_null(tf);
    transformer_logits(tf, &m->weights, tokens, 1, 6, out);
    transformer_destroy(tf);
}

/* A merged model is saved as one without adapters, and answers as the adapted one does. */
static void test_merged(void **state) {
    struct exec ex = {.pool = NULL};
    struct err err = {0};
    blas_init();
    for (size_t i = 0; i < COUNT(peft_cases); i++) {
        struct hf_model m, again;
        static real adapted[6 * 16], merged[6 * 16];
        char path[PATH_BYTES];
        make_model(&peft_cases[i].c, 2, &m);
        logits_of(&m, &ex, adapted);
        weights_merge(&ex, &m.weights);
        snprintf(path, sizeof path, "%.300s/merged-%zu", (const char *)*state, i);
        make_dir(path);
        require(hf_model_save(path, &m.weights, NULL, NULL, &err), &err);
        require(hf_model_load(path, &again, &err), &err);
        assert_int_equal(again.table.config.adapter.rank, 0);
        logits_of(&again, &ex, merged);
        for (int k = 0; k < 6 * m.table.config.vocab; k++)
            assert_near((double)merged[k], (double)adapted[k], 1e-4);
        hf_model_destroy(&m);
        hf_model_destroy(&again);
    }
}

/* ---- refused ---- */

static void check_refused(const char *adapters, const char *base, const char *says) {
    struct hf_model m;
    struct err err = {0};
    bool loaded = hf_model_load_on(adapters, base, &m, &err);
    if (loaded) fail_msg("loaded, though \"%s\" was to be said", says);
    assert_says(&err, says);
}

static const struct bad_config {
    const char *text, *says;
} bad_configs[] = {
    {"{\"peft_type\": \"LOHA\", \"r\": 3, \"lora_alpha\": 1}", "peft_type"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"use_dora\": true}", "use_dora"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"bias\": \"all\"}", "bias"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"modules_to_save\": [\"lm_head\"]}", "modules_to_save"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"rank_pattern\": {\"q\": 4}}", "rank_pattern"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"layer_replication\": [[0, 1]]}", "layer_replication"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"init_lora_weights\": \"pissa\"}", "init_lora_weights"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"trainable_token_indices\": [1]}", "trainable_token"},
    {"{\"r\": 0, \"lora_alpha\": 1}", "r must be 1 to 1024"},
    {"{\"r\": 3000000000000, \"lora_alpha\": 1}", "r must be 1 to 1024"},
    {"{\"r\": 3, \"lora_alpha\": 1, \"lora_dropout\": 1}", "lora_dropout"},
    {"{\"r\": 4, \"lora_alpha\": 1}", "has shape [3, 12] where"},
    {"[1]", "r must be"},
    {"{", "adapter_config.json"},
};

static void test_bad_configs(void **state) {
    struct hf_model m;
    char adapters[PATH_BYTES], model[PATH_BYTES];
    make_model(&peft_cases[1].c, 3, &m);
    write_both(&m, *state, adapters);
    snprintf(model, sizeof model, "%.300s/model", (const char *)*state);
    for (size_t i = 0; i < COUNT(bad_configs); i++) {
        write_text(adapters, "adapter_config.json", bad_configs[i].text);
        check_refused(adapters, model, bad_configs[i].says);
    }
    hf_model_destroy(&m);
}

/* A base that is not here, tensors that are not there, or are of no map in a block. */
static void test_bad_folders(void **state) {
    struct hf_model m, other;
    struct err err = {0};
    char adapters[PATH_BYTES], model[PATH_BYTES];
    make_model(&peft_cases[1].c, 3, &m);
    write_both(&m, *state, adapters);
    snprintf(model, sizeof model, "%.300s/model", (const char *)*state);
    write_text(adapters, "adapter_config.json",
               "{\"r\": 3, \"lora_alpha\": 1, \"base_model_name_or_path\": \"meta/llama\"}");
    check_refused(adapters, NULL, "\"meta/llama\", is no folder on this machine: give it with");
    require(hf_model_load_on(adapters, model, &other, &err), &err);
    hf_model_destroy(&other);
    const char *tensors = inside(adapters, "adapter_model.safetensors");
    assert_int_equal(unlink(tensors), 0);
    check_refused(adapters, model, "no adapter_model.safetensors beside");
    make_model(&peft_cases[0].c, 3, &other);
    const struct weights *w = &other.weights;
    const char *prefix = "";
    require(weights_save(tensors, &w, &prefix, 1, other.table.lora, NULL, &err), &err);
    check_refused(adapters, model, "is no adapter of a linear map");
    hf_model_destroy(&other);
    hf_model_destroy(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(test_round_trips),
        in_folder(test_merged),
        in_folder(test_bad_configs),
        in_folder(test_bad_folders),
    };
    return cmocka_run_group_tests_name("peft", tests, NULL, NULL);
}
