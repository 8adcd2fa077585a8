#include "tests/formats/fixtures.h"

#include "engine/model/decode.h"
#include "engine/model/transformer.h"

#define STORIES THAW_SHARED_DATA "/stories260k/"
#define FIXTURES THAW_SHARED_DATA "/format-fixtures/"

/* ---- a real trained model ---- */

static void load_stories(struct hf_model *m) {
    struct err err = {0};
    skip_without(STORIES "stories260K.bin");
    require(llama2c_load(STORIES "stories260K.bin", STORIES "tok512.bin", m, &err), &err);
}

static void test_stories_loss(void **state) {
    (void)state;
    enum { T = 64 };
    struct hf_model m;
    struct err err = {0};
    struct exec ex = {0};
    int32_t ids[T + 1];
    float nll[T];
    load_stories(&m);
    assert_true(m.table.config.tied && m.table.config.kv_heads == 4 &&
                m.table.config.ffn == 172);
    assert_int_equal(m.table.config.context, 512);
    struct json *want = read_json(STORIES "reference.json");
    for (size_t i = 0; i <= T; i++)
        ids[i] = (int32_t)json_int(json_at(json_get(want, "ids_greedy_from_BOS"), i), -1);
    struct transformer *tf = transformer_create(
        &m.table, (struct transformer_plan){.batch = 1, .time = T}, &ex, &err);
    require(tf != NULL, &err);
    assert_near(transformer_loss(tf, &m.weights, ids, ids + 1, 1, T, nll, NULL), 0.397289,
                1e-5);
    for (size_t i = 0; i < T; i++)
        assert_near((double)nll[i], json_number(json_at(json_get(want, "nll"), i), 0), 1e-4);
    float *logits = malloc(sizeof *logits * (size_t)m.table.config.vocab);
    assert_non_null(logits);
    transformer_logits(tf, &m.weights, ids, 1, 1, logits);
    for (size_t i = 0; i < 8; i++)
        assert_near((double)logits[i],
                    json_number(json_at(json_get(want, "logits_at_BOS_first8"), i), 0), 1e-4);
    free(logits);
    transformer_destroy(tf);
    json_destroy(want);
    hf_model_destroy(&m);
}

/* 200 most likely tokens from BOS (id 1), as text; the space that every first word begins with
 * is not shown. */
static void greedy_text(struct hf_model *m, struct buf *out) {
    enum { BOS = 1, STEPS = 200 };
    struct err err = {0};
    struct exec ex = {0};
    struct sampler sampler = {.temperature = 0};
    int vocab = m->table.config.vocab;
    struct decoder *d = decoder_create(&m->table, 1, &ex, &err);
    require(d != NULL, &err);
    float *scratch = malloc(2 * sizeof *scratch * (size_t)vocab);
    assert_non_null(scratch);
    struct token_text text = {.n_pending = 0};
    int32_t id = BOS;
    for (int i = 0; i < STEPS; i++) {
        assert_true(decoder_feed(d, &m->weights, &(struct decoder_token){0, id}, 1));
        id = sampler_choose(&sampler, decoder_logits(d, 0), vocab, NULL, 0, scratch, NULL);
        token_text_push(&text, m->tokenizer, id, i == STEPS - 1, out);
    }
    free(scratch);
    decoder_destroy(d);
}

static void test_stories_greedy(void **state) {
    (void)state;
    struct hf_model m;
    struct buf text = {0};
    load_stories(&m);
    greedy_text(&m, &text);
    struct buf want = read_bytes(STORIES "expected_greedy_200.txt");
    assert_int_equal(text.data[0], ' ');
    assert_string_equal(buf_text(&text) + 1, buf_text(&want));
    buf_deinit(&want);
    buf_deinit(&text);
    hf_model_destroy(&m);
}

/* As a Hugging Face folder it is the same model: the rotation stays turned, the head tied. */
static void test_stories_as_folder(void **state) {
    struct hf_model m, again;
    struct err err = {0};
    load_stories(&m);
    require(hf_model_save(*state, &m.weights, NULL, NULL, &err), &err);
    require(hf_model_load(*state, &again, &err), &err);
    assert_memory_equal(&again.table.config, &m.table.config, sizeof m.table.config);
    assert_true(weights_fingerprint(&again.weights) == weights_fingerprint(&m.weights));
    hf_model_destroy(&again);
    hf_model_destroy(&m);
}

/* ---- the smallest models ---- */

/* The same blocks stand in a safetensors file; the vocabularies differ: the .bin's has three
 * tokens in front, and after them the first three rows of the other. */
static void check_smallest(const char *dir, const char *bin, bool tied) {
    enum { WIDTH = 4, SPECIALS = 3 };
    struct hf_model m, other;
    struct err err = {0};
    require(llama2c_load(bin, NULL, &m, &err), &err);
    require(hf_model_load(dir, &other, &err), &err);
    assert_null(m.tokenizer);
    assert_int_equal(m.table.config.tied, tied);
    assert_int_equal(m.table.config.vocab, 6);
    assert_int_equal(m.table.config.context, 16);
    for (int i = 0; i < m.table.n_params; i++) {
        const struct param *p = &m.table.params[i];
        const float *x = weights_param(&m.weights, i);
        const float *y = weights_param(&other.weights, param_index(&other.table, p->name));
        size_t n = (size_t)p->rows * (size_t)p->cols;
        if (p->rows == 6) x += SPECIALS * WIDTH, n = SPECIALS * WIDTH; /* embedding */
        if (strcmp(p->name, "lm_head.weight") != 0) assert_memory_equal(x, y, n * sizeof *x);
    }
    assert_int_equal(m.table.n_params, other.table.n_params - tied);
    if (!tied) {
        const float *head = weights_param(&m.weights, param_index(&m.table, "lm_head.weight"));
        for (int k = 0; k < 6 * WIDTH; k++) /* the file's three tens */
            assert_true(head[k] == (k == 6 || k == 16 || k == 21 ? 10.0f : 0.0f));
    }
    hf_model_destroy(&other);
    hf_model_destroy(&m);
}

static void test_smallest(void **state) {
    const char *dir = *state;
    struct err err = {0};
    struct model_config c = {.family = FAMILY_LLAMA,
                             .layers = 2,
                             .heads = 1,
                             .width = 4,
                             .ffn = 4,
                             .context = 16,
                             .vocab = 4,
                             .tied = false};
    struct buf text = {0};
    skip_without(FIXTURES "nutllm-tiny-llama.safetensors");
    assert_true(model_config_complete(&c, &err));
    model_config_write(&c, -1, &text);
    write_text(dir, "config.json", buf_text(&text));
    buf_deinit(&text);
    struct buf b = read_bytes(FIXTURES "nutllm-tiny-llama.safetensors");
    require(files_write(inside(dir, "model.safetensors"), b.data, b.len, &err), &err);
    buf_deinit(&b);
    check_smallest(dir, FIXTURES "nutllm-tiny-llama2-shared.bin", true);
    check_smallest(dir, FIXTURES "nutllm-tiny-llama2.bin", false);
}

/* ---- files made by hand ---- */

enum { HEADER = 7 };

/* A file of `floats` numbers 0, 1, 2 ... behind the header. */
static const char *write_bin(const char *dir, const int32_t header[HEADER], size_t floats) {
    const char *path = inside(dir, "model.bin");
    struct buf b = {0};
    struct err err = {0};
    buf_add(&b, header, HEADER * sizeof *header);
    for (size_t i = 0; i < floats; i++) {
        float x = (float)i;
        buf_add(&b, &x, sizeof x);
    }
    require(files_write(path, b.data, b.len, &err), &err);
    buf_deinit(&b);
    return path;
}

/* dim 8, hidden 3, 2 layers, 2 heads, 1 key head, vocabulary 5 (own head), context 6. */
static const int32_t grouped[HEADER] = {8, 3, 2, 2, 1, -5, 6};
enum {
    GROUPED_FLOATS = 5 * 8 + 2 * (8 + 64 + 32 + 32 + 64 + 8 + 24 + 24 + 24) + 8 + 2 * 12 + 5 * 8
};

/* Every part is where the format has it, and only rows of queries and keys are turned: numbers
 * count through the file, so a row's first number tells where it came from. */
static void test_order(void **state) {
    static const struct expected {
        const char *name;
        int row;
        float first;
    } rows[] = {
        {"model.embed_tokens.weight", 4, 32},
        {"model.layers.1.input_layernorm.weight", 0, 48},
        {"model.layers.0.self_attn.q_proj.weight", 0, 56},
        {"model.layers.0.self_attn.q_proj.weight", 1, 56 + 16}, /* row 2 of the file */
        {"model.layers.0.self_attn.q_proj.weight", 2, 56 + 8},  /* row 1 */
        {"model.layers.0.self_attn.q_proj.weight", 3, 56 + 24},
        {"model.layers.1.self_attn.q_proj.weight", 5, 120 + 48}, /* its second head's row 2 */
        {"model.layers.0.self_attn.k_proj.weight", 1, 184 + 16},
        {"model.layers.1.self_attn.k_proj.weight", 2, 216 + 8},
        {"model.layers.0.self_attn.v_proj.weight", 1, 248 + 8}, /* as it stands */
        {"model.layers.1.self_attn.o_proj.weight", 1, 376 + 8},
        {"model.layers.0.post_attention_layernorm.weight", 0, 440},
        {"model.layers.1.mlp.gate_proj.weight", 0, 480},
        {"model.layers.0.mlp.down_proj.weight", 1, 504 + 3},
        {"model.layers.0.mlp.up_proj.weight", 2, 552 + 16},
        {"model.norm.weight", 0, 600},
        {"lm_head.weight", 1, 632 + 8},
    };
    struct hf_model m;
    struct err err = {0};
    require(llama2c_load(write_bin(*state, grouped, GROUPED_FLOATS), NULL, &m, &err), &err);
    assert_true(!m.table.config.tied && m.table.config.norm_eps == 1e-5);
    for (size_t i = 0; i < COUNT(rows); i++) {
        int k = param_index(&m.table, rows[i].name);
        float first = weights_param(&m.weights, k)[rows[i].row * m.table.params[k].cols];
        if (first != rows[i].first)
            fail_msg("%s row %d: %g", rows[i].name, rows[i].row, (double)first);
    }
    hf_model_destroy(&m);
}

static const struct bad_bin {
    const char *name;
    int32_t header[HEADER];
    size_t floats;
    const char *says, *says_too;
} bad_bins[] = {
    {"cut off",
     {8, 3, 2, 2, 1, -5, 6},
     GROUPED_FLOATS - 1,
     "the file has 2712 bytes",
     "describes 2716"},
    {"too long",
     {8, 3, 2, 2, 1, -5, 6},
     GROUPED_FLOATS + 1,
     "the file has 2720 bytes",
     "describes 2716"},
    {"tied, and a head", {8, 3, 2, 2, 1, 5, 6}, GROUPED_FLOATS, "tied head", "describes 2556"},
    {"no vocabulary", {8, 3, 2, 2, 1, 0, 6}, 9, "number 6 of its header is 0", "no llama2.c"},
    {"smallest vocabulary", {8, 3, 2, 2, 1, INT32_MIN, 6}, 9, "number 6", "no llama2.c"},
    {"negative layers",
     {8, 3, -2, 2, 1, 5, 6},
     9,
     "number 3 of its header is -2",
     "no llama2.c"},
    {"heads that do not divide", {8, 3, 2, 3, 1, 5, 6}, 9, "thaw can run", "width 8"},
    {"too many key heads", {8, 3, 2, 2, 4, 5, 6}, 9, "thaw can run", "kv_heads"},
    {"largest numbers",
     {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX},
     9,
     "thaw can run",
     "heads"},
    {"huge, in range",
     {65536, 524288, 1024, 64, 64, 4194304, 1048576},
     9,
     "the file has 64 bytes",
     "describes"},
    {"newer version", {0x616b3432, 1, 8, 3, 2, 2, 1}, 99, "version 1", "--version 0"},
};

static void test_bad_bins(void **state) {
    for (size_t i = 0; i < COUNT(bad_bins); i++) {
        struct hf_model m;
        struct err err = {0};
        const char *path = write_bin(*state, bad_bins[i].header, bad_bins[i].floats);
        if (llama2c_load(path, NULL, &m, &err)) fail_msg("%s is accepted", bad_bins[i].name);
        assert_says(&err, path);
        assert_says(&err, bad_bins[i].says);
        assert_says(&err, bad_bins[i].says_too);
        assert_null(m.table.params); /* nothing is left to release */
    }
    struct hf_model m;
    struct err err = {0};
    write_text(*state, "short.bin", "abc");
    assert_false(llama2c_load(inside(*state, "short.bin"), NULL, &m, &err));
    assert_says(&err, "short.bin: 3 bytes are too few");
    assert_false(llama2c_load(inside(*state, "absent.bin"), NULL, &m, &err));
    assert_says(&err, "absent.bin");
    const char *good = write_bin(*state, grouped, GROUPED_FLOATS);
    assert_false(llama2c_load(good, inside(*state, "absent.tok"), &m, &err));
    assert_says(&err, "absent.tok");
    assert_null(m.table.params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories_loss),
        cmocka_unit_test(test_stories_greedy),
        in_folder(test_stories_as_folder),
        in_folder(test_smallest),
        in_folder(test_order),
        in_folder(test_bad_bins),
    };
    return cmocka_run_group_tests_name("llama2c", tests, NULL, NULL);
}
