/* test_gguf.c - what gguf_save() writes, read back by a reader that knows the specification
 * only. */
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_parts.h"
#include "tests/formats/gguf_reader.h"

#define TINY_GGUF THAW_SHARED_DATA "/format-fixtures/weight-inspect-tiny.gguf"
#define STORIES THAW_SHARED_DATA "/stories260k/stories260K.bin"
#define TOK512 THAW_SHARED_DATA "/stories260k/tok512.bin"

enum { VOCAB = 300 };

/* Rows of 64 and 32 numbers, so that each may be cut into blocks. */
static const struct model_config configs[] = {
    {.family = FAMILY_GPT2, .heads = 2, .width = 32, .tied = true},
    {.family = FAMILY_LLAMA,
     .heads = 4,
     .kv_heads = 2,
     .width = 32,
     .ffn = 64,
     .rope_scaling = {8, 1, 4, 16}},
    {.family = FAMILY_QWEN2, .heads = 4, .kv_heads = 2, .width = 32, .ffn = 64},
    {.family = FAMILY_QWEN3,
     .heads = 2,
     .kv_heads = 1,
     .width = 32,
     .head_dim = 32,
     .ffn = 64,
     .tied = true},
};

static struct tokenizer *make_tokenizer(void) {
    static const char text[] =
        "the cat sat on the mat; the rat sat on the cat. that was that, then.";
    struct err err = {0};
    struct bpe_trainer *b = bpe_trainer_create(&err);
    require(b && bpe_trainer_add(b, text, strlen(text), &err), &err);
    struct tokenizer *t = bpe_trainer_finish(b, 270, NULL, NULL, &err);
    require(t != NULL, &err);
    bpe_trainer_destroy(b);
    return t;
}

static void make_model(const struct model_config *c, struct hf_model *m) {
    struct model_config full = *c;
    struct err err = {0};
    *m = (struct hf_model){0};
    full.layers = 2;
    full.context = 16;
    full.vocab = VOCAB;
    require(model_config_complete(&full, &err) && param_table_create(&full, &m->table, &err) &&
                weights_create(&m->table, &m->weights, &err),
            &err);
    for (int i = 0; i < m->table.n_params; i++) {
        const struct param *p = &m->table.params[i];
        struct rng r = rng_make(7, (uint64_t)i, 0);
        for (int k = 0; k < p->rows * p->cols; k++)
            weights_param(&m->weights, i)[k] = (float)rng_normal(&r);
    }
    m->tokenizer = make_tokenizer();
}

/* How far a number may be from its own, which is at most `most` in its row. */
static double slack(uint32_t type, double x, double most) {
    return type == 0    ? 0
           : type == 1  ? fabs(x) / 2048
           : type == 30 ? fabs(x) / 256
                        : most * (0.5 / 127 + 0.001);
}

/* Row r of the file holds row source[r] of W. */
static void assert_tensor(struct gguf_file *g, const char *name, const float *W, int rows,
                          int cols, const int *source, uint32_t type) {
    const struct gguf_tensor *t = gguf_find(g, name);
    assert_int_equal(t->type, type);
    assert_int_equal(t->dims[0], cols);
    assert_int_equal(t->dims[1], rows);
    for (int r = 0; r < rows; r++) {
        const float *row = W + (size_t)(source ? source[r] : r) * (size_t)cols;
        double most = 0;
        for (int c = 0; c < cols; c++) most = fmax(most, fabs((double)row[c]));
        for (int c = 0; c < cols; c++) {
            double x = (double)gguf_value(g, t, (size_t)r * (size_t)cols + (size_t)c);
            if (!(fabs(x - (double)row[c]) <= slack(type, (double)row[c], most)))
                fail_msg("%s[%d,%d]: %g instead of %g", name, r, c, x, (double)row[c]);
        }
    }
}

static void expect(const struct hf_model *m, struct gguf_file *g, const char *ours,
                   const char *theirs, const int *source, uint32_t matrix_type) {
    for (int i = 0; i < m->table.n_params; i++) {
        const struct param *p = &m->table.params[i];
        if (strcmp(p->name, ours) != 0) continue;
        assert_tensor(g, theirs, weights_param(&m->weights, i), p->rows, p->cols, source,
                      p->vector ? 0 : matrix_type);
        return;
    }
    fail_msg("the model has no %s", ours);
}

/* Pairs of rotation stand side by side in llama's file: 0 4 1 5 2 6 3 7 of each head of 8. */
static const int turned[] = {0,  4,  1,  5,  2,  6,  3,  7,  8,  12, 9,  13, 10, 14, 11, 15,
                             16, 20, 17, 21, 18, 22, 19, 23, 24, 28, 25, 29, 26, 30, 27, 31};

static void test_tensors(void **state) {
    static const uint32_t types[] = {GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q8_0};
    const char *dir = *state, *path = inside(dir, "model.gguf");
    for (size_t c = 0; c < COUNT(configs); c++)
        for (size_t k = 0; k < COUNT(types); k++) {
            struct hf_model m;
            struct gguf_file g;
            struct err err = {0};
            uint32_t type = types[k];
            make_model(&configs[c], &m);
            require(gguf_save(path, &m.weights, m.tokenizer, "a cat", type, &err), &err);
            gguf_open(path, &g);
            bool gpt2 = configs[c].family == FAMILY_GPT2,
                 llama = configs[c].family == FAMILY_LLAMA;
            assert_int_equal(g.n_tensors, m.table.n_params + llama);
            if (gpt2) {
                expect(&m, &g, "transformer.wte.weight", "token_embd.weight", NULL, type);
                expect(&m, &g, "transformer.wpe.weight", "position_embd.weight", NULL,
                       GGUF_F32);
                expect(&m, &g, "transformer.h.1.attn.c_attn.weight", "blk.1.attn_qkv.weight",
                       NULL, type);
                expect(&m, &g, "transformer.h.0.mlp.c_fc.bias", "blk.0.ffn_up.bias", NULL,
                       type);
                expect(&m, &g, "transformer.ln_f.bias", "output_norm.bias", NULL, type);
            } else {
                expect(&m, &g, "model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight",
                       llama ? turned : NULL, type);
                expect(&m, &g, "model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight",
                       llama ? turned : NULL, type);
                expect(&m, &g, "model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight",
                       NULL, type);
                expect(&m, &g, "model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight",
                       NULL, type);
                expect(&m, &g, "model.layers.1.input_layernorm.weight",
                       "blk.1.attn_norm.weight", NULL, type);
                expect(&m, &g, "model.norm.weight", "output_norm.weight", NULL, type);
            }
            if (configs[c].family == FAMILY_QWEN2)
                expect(&m, &g, "model.layers.1.self_attn.k_proj.bias", "blk.1.attn_k.bias",
                       NULL, type);
            if (configs[c].family == FAMILY_QWEN3)
                expect(&m, &g, "model.layers.0.self_attn.q_norm.weight",
                       "blk.0.attn_q_norm.weight", NULL, type);
            if (!configs[c].tied) expect(&m, &g, "lm_head.weight", "output.weight", NULL, type);
            gguf_close(&g);
            hf_model_destroy(&m);
        }
}

/* No byte between the tensors but zeros, none behind the last, and none of two. */
static void test_places(void **state) {
    const char *path = inside(*state, "model.gguf");
    struct hf_model m;
    struct gguf_file g;
    struct err err = {0};
    make_model(&configs[0], &m);
    require(gguf_save(path, &m.weights, m.tokenizer, "x", GGUF_F16, &err), &err);
    gguf_open(path, &g);
    size_t end = g.data;
    for (uint64_t i = 0; i < g.n_tensors; i++) {
        const struct gguf_tensor *t = &g.tensors[i];
        size_t bytes = t->dims[0] * t->dims[1] * (t->type == 0 ? 4 : 2);
        assert_int_equal(g.data + t->offset, (end + 31) / 32 * 32);
        end = g.data + t->offset + bytes;
    }
    assert_int_equal(g.bytes.len, (end + 31) / 32 * 32);
    assert_false(files_exists(inside(*state, "model.gguf.new")));
    gguf_close(&g);
    hf_model_destroy(&m);
}

static void assert_text(struct gguf_file *g, const char *key, const char *wanted) {
    char text[256];
    gguf_seek(g, key, 8);
    gguf_take_string(g, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void assert_size(struct gguf_file *g, const char *key, uint64_t wanted) {
    gguf_seek(g, key, 4);
    assert_int_equal(gguf_take(g, 4), wanted);
}

/* Stand at element i of an array of strings, and take it. */
static void assert_word(struct gguf_file *g, const char *key, uint64_t n, uint64_t i,
                        const char *wanted) {
    char text[256];
    gguf_seek(g, key, 9);
    assert_int_equal(gguf_take(g, 4), 8);
    assert_int_equal(gguf_take(g, 8), n);
    for (uint64_t k = 0; k <= i; k++) gguf_take_string(g, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void test_keys(void **state) {
    const char *path = inside(*state, "model.gguf");
    struct hf_model m;
    struct gguf_file g;
    struct err err = {0};
    make_model(&configs[1], &m);
    require(gguf_save(path, &m.weights, m.tokenizer, "a cat", GGUF_Q8_0, &err), &err);
    gguf_open(path, &g);
    assert_text(&g, "general.architecture", "llama");
    assert_text(&g, "general.name", "a cat");
    assert_size(&g, "general.file_type", 7);
    assert_size(&g, "llama.context_length", 16);
    assert_size(&g, "llama.embedding_length", 32);
    assert_size(&g, "llama.block_count", 2);
    assert_size(&g, "llama.feed_forward_length", 64);
    assert_size(&g, "llama.attention.head_count", 4);
    assert_size(&g, "llama.attention.head_count_kv", 2);
    assert_size(&g, "llama.attention.key_length", 8);
    assert_size(&g, "llama.rope.dimension_count", 8);
    gguf_seek(&g, "llama.rope.freq_base", 6);
    assert_true(gguf_take_float(&g) == 10000.0f);
    gguf_seek(&g, "llama.attention.layer_norm_rms_epsilon", 6);
    assert_true(gguf_take_float(&g) == 1e-6f);
    const struct gguf_tensor *rope = gguf_find(&g, "rope_freqs.weight");
    assert_int_equal(rope->dims[0], 4);
    assert_true(gguf_value(&g, rope, 3) == 8.0f); /* 16 positions: far less than a turn */
    assert_true(fabsf(gguf_value(&g, rope, 0) - 1.7359f) <
                0.001f); /* 2.546 turns: between 1 and 4 */
    gguf_close(&g);
    hf_model_destroy(&m);
}

static void test_byte_level(void **state) {
    const char *path = inside(*state, "model.gguf");
    struct hf_model m;
    struct gguf_file g;
    struct err err = {0};
    make_model(&configs[0], &m);
    uint64_t n = (uint64_t)tokenizer_vocab(m.tokenizer), merges = tokenizer_merges(m.tokenizer);
    require(gguf_save(path, &m.weights, m.tokenizer, "x", GGUF_F32, &err), &err);
    gguf_open(path, &g);
    assert_text(&g, "tokenizer.ggml.model", "gpt2");
    assert_text(&g, "tokenizer.ggml.pre", "gpt-2");
    assert_word(&g, "tokenizer.ggml.tokens", VOCAB, 0, "<|endoftext|>");
    assert_word(&g, "tokenizer.ggml.tokens", VOCAB, 1, "!");
    assert_word(&g, "tokenizer.ggml.tokens", VOCAB, n, "[PAD270]");
    assert_int_equal(n, 270);
    assert_int_equal(merges, 270 - 257);
    assert_word(&g, "tokenizer.ggml.merges", merges, 0, "a t");
    assert_size(&g, "tokenizer.ggml.eos_token_id", 0);
    assert_true(gguf_has(&g, "tokenizer.ggml.add_bos_token"));
    assert_false(gguf_has(&g, "tokenizer.ggml.scores"));
    gguf_seek(&g, "tokenizer.ggml.token_type", 9);
    assert_int_equal(gguf_take(&g, 4), 5);
    assert_int_equal(gguf_take(&g, 8), VOCAB);
    for (uint64_t i = 0; i < VOCAB; i++)
        assert_int_equal(gguf_take(&g, 4), i == 0 ? 3 : i < n ? 1 : 5);
    gguf_close(&g);
    hf_model_destroy(&m);
}

/* A real one with scores: pieces that more is joined to first have the higher score. */
static void test_sentencepiece(void **state) {
    skip_without(STORIES);
    const char *path = inside(*state, "model.gguf");
    struct hf_model m;
    static struct gguf_file g;
    struct err err = {0};
    require(llama2c_load(STORIES, TOK512, &m, &err), &err);
    require(gguf_save(path, &m.weights, m.tokenizer, "stories", GGUF_F16, &err), &err);
    gguf_open(path, &g);
    assert_text(&g, "tokenizer.ggml.model", "llama");
    assert_word(&g, "tokenizer.ggml.tokens", 512, 3, "<0x00>");
    assert_word(&g, "tokenizer.ggml.tokens", 512, 259, "\xe2\x96\x81t");
    assert_false(gguf_has(&g, "tokenizer.ggml.merges"));
    gguf_seek(&g, "tokenizer.ggml.token_type", 9);
    assert_int_equal(gguf_take(&g, 4), 5);
    assert_int_equal(gguf_take(&g, 8), 512);
    for (int i = 0; i < 512; i++)
        assert_int_equal(gguf_take(&g, 4), i < 3 ? 3 : i < 259 ? 6 : 1);
    gguf_seek(&g, "tokenizer.ggml.scores", 9);
    assert_int_equal(gguf_take(&g, 4), 6);
    assert_int_equal(gguf_take(&g, 8), 512);
    float scores[512];
    for (int i = 0; i < 512; i++) scores[i] = gguf_take_float(&g);
    for (size_t i = 0; i < tokenizer_merges(m.tokenizer); i++) {
        struct tokenizer_merge a = tokenizer_merge_at(m.tokenizer, i);
        assert_true(scores[a.result] < 0);
        for (size_t k = 0; k < i; k++) {
            struct tokenizer_merge b = tokenizer_merge_at(m.tokenizer, k);
            if (a.result != b.result) assert_true(scores[b.result] >= scores[a.result]);
        }
    }
    gguf_close(&g);
    hf_model_destroy(&m);
}

/* The reader on somebody else's file. */
static void test_reader(void **state) {
    (void)state;
    skip_without(TINY_GGUF);
    struct gguf_file g;
    gguf_open(TINY_GGUF, &g);
    assert_text(&g, "general.architecture", "llama");
    const struct gguf_tensor *t = gguf_find(&g, "test.weight.0");
    assert_int_equal(t->dims[0], 64);
    assert_int_equal(t->dims[1], 128);
    gguf_close(&g);
}

/* Every half is its own rounding, and so is what lies up to half way to the next; ties go to
 * even. */
static void test_halves(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        float x = gguf_half(h), next = gguf_half(h + 1);
        float middle = h + 1 < 0x7c00 ? (x + next) / 2 : 65520;
        const float points[] = {x, nextafterf(middle, 0), middle, -x};
        unsigned char out[8];
        gguf_encode(GGUF_F16, points, 4, out);
        for (int i = 0; i < 4; i++) {
            uint32_t got = (uint32_t)(out[2 * i] | out[2 * i + 1] << 8);
            uint32_t wanted = i == 2 ? h + (h & 1) : i == 3 ? h | 0x8000u : h;
            if (got != wanted) fail_msg("half %x, point %d: %x", h, i, got);
        }
    }
    const float odd[] = {INFINITY, 1e9f, NAN, 1e-30f};
    unsigned char out[8];
    gguf_encode(GGUF_F16, odd, 4, out);
    assert_true(out[1] == 0x7c && out[0] == 0 && out[3] == 0x7c && out[2] == 0);
    assert_true(isnan(gguf_half((uint32_t)(out[4] | out[5] << 8))));
    assert_true(out[6] == 0 && out[7] == 0);
}

static void test_refused(void **state) {
    struct hf_model m;
    struct err err = {0};
    enum gguf_type type;
    make_model(&configs[0], &m);
    assert_false(gguf_save(inside(*state, "x.gguf"), &m.weights, NULL, "x", GGUF_F16, &err));
    assert_says(&err, "this model has none");
    err = (struct err){0};
    assert_false(
        gguf_save(inside(*state, "no/x.gguf"), &m.weights, m.tokenizer, "x", GGUF_F16, &err));
    assert_says(&err, "no/x.gguf");
    assert_false(gguf_type_by_word("q4_0", &type));
    assert_true(gguf_type_by_word("q8_0", &type) && type == GGUF_Q8_0);
    hf_model_destroy(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(test_tensors),       in_folder(test_places),
        in_folder(test_keys),          in_folder(test_byte_level),
        in_folder(test_sentencepiece), cmocka_unit_test(test_reader),
        cmocka_unit_test(test_halves), in_folder(test_refused),
    };
    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
