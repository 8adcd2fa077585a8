/* test_config.c - config.json of Hugging Face, both ways; what is refused, and in which words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/json.h"
#include "engine/model/config.h"

#define GPT2 "\"model_type\": \"gpt2\", \"n_embd\": 768, \"n_head\": 12, \"n_layer\": 12, "
#define GPT2_SIZES "\"n_positions\": 1024, \"vocab_size\": 50257"
#define LLAMA                                                                                  \
    "\"model_type\": \"llama\", \"hidden_size\": 64, \"num_attention_heads\": 8, "             \
    "\"num_hidden_layers\": 5, \"intermediate_size\": 172, \"max_position_embeddings\": 512, " \
    "\"vocab_size\": 512"
#define QWEN3                                                                                  \
    "\"model_type\": \"qwen3\", \"hidden_size\": 1024, \"num_attention_heads\": 16, "          \
    "\"num_key_value_heads\": 8, \"num_hidden_layers\": 28, \"intermediate_size\": 3072, "     \
    "\"max_position_embeddings\": 40960, \"vocab_size\": 151936"

/* No scaling of rotations, no adapters. */
#define PLAIN                                                                                  \
    {0, 0, 0, 0}, { .rank = 0 }

static const struct read_case {
    const char *name, *text;
    struct model_config c;
} read_cases[] = {
    {"gpt2 as published",
     "{" GPT2 GPT2_SIZES ", \"activation_function\": \"gelu_new\", \"attn_pdrop\": 0.1, "
     "\"layer_norm_epsilon\": 1e-05, \"n_ctx\": 1024, \"architectures\": "
     "[\"GPT2LMHeadModel\"]}",
     {FAMILY_GPT2, 12, 12, 12, 768, 64, 3072, 1024, 50257, 1e-5, 10000, true, PLAIN}},
    {"gpt2 without a type, as a bare GPT2Model",
     "{\"architectures\": [\"GPT2Model\"], \"n_embd\": 8, \"n_head\": 2, \"n_layer\": 1, "
     "\"n_inner\": null, " GPT2_SIZES "}",
     {FAMILY_GPT2, 1, 2, 2, 8, 4, 32, 1024, 50257, 1e-5, 10000, true, PLAIN}},
    {"llama with a head of its own",
     "{" LLAMA ", \"rms_norm_eps\": 1e-05, \"hidden_act\": \"silu\", \"rope_scaling\": null}",
     {FAMILY_LLAMA, 5, 8, 8, 64, 8, 172, 512, 512, 1e-5, 10000, false, PLAIN}},
    {"llama, tied, grouped, no type",
     "{\"architectures\": [\"LlamaForCausalLM\"], \"tie_word_embeddings\": true, "
     "\"hidden_size\": 64, \"num_attention_heads\": 8, \"num_key_value_heads\": 4, "
     "\"num_hidden_layers\": 5, \"intermediate_size\": 172, \"max_position_embeddings\": 512, "
     "\"vocab_size\": 512}",
     {FAMILY_LLAMA, 5, 8, 4, 64, 8, 172, 512, 512, 1e-6, 10000, true, PLAIN}},
    {"llama 3.2 as published",
     "{" LLAMA ", \"head_dim\": 8, \"rope_theta\": 500000.0, \"rope_scaling\": "
     "{\"factor\": 32.0, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0, "
     "\"original_max_position_embeddings\": 8192, \"rope_type\": \"llama3\"}}",
     {FAMILY_LLAMA,
      5,
      8,
      8,
      64,
      8,
      172,
      512,
      512,
      1e-6,
      5e5,
      false,
      {32, 1, 4, 8192},
      {.rank = 0}}},
    {"qwen2.5 0.5B as published",
     "{\"model_type\": \"qwen2\", \"hidden_size\": 896, \"num_attention_heads\": 14, "
     "\"num_key_value_heads\": 2, \"num_hidden_layers\": 24, \"intermediate_size\": 4864, "
     "\"max_position_embeddings\": 32768, \"vocab_size\": 151936, \"rope_theta\": 1000000.0, "
     "\"tie_word_embeddings\": true, \"use_sliding_window\": false, "
     "\"sliding_window\": 32768, \"rms_norm_eps\": 1e-06, \"max_window_layers\": 21}",
     {FAMILY_QWEN2, 24, 14, 2, 896, 64, 4864, 32768, 151936, 1e-6, 1e6, true, PLAIN}},
    {"qwen3 0.6B as published",
     "{" QWEN3 ", \"head_dim\": 128, \"rope_theta\": 1000000, \"tie_word_embeddings\": true, "
     "\"use_sliding_window\": false, \"sliding_window\": null, \"rope_scaling\": null, "
     "\"attention_bias\": false, \"rms_norm_eps\": 1e-06, \"max_window_layers\": 28}",
     {FAMILY_QWEN3, 28, 16, 8, 1024, 128, 3072, 40960, 151936, 1e-6, 1e6, true, PLAIN}},
    {"qwen3: the class' own head_dim; rope of newer files",
     "{" QWEN3 ", \"layer_types\": [\"full_attention\"], "
     "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5000}}",
     {FAMILY_QWEN3, 28, 16, 8, 1024, 128, 3072, 40960, 151936, 1e-6, 5000, false, PLAIN}},
};

static void check_equal(const struct model_config *a, const struct model_config *b) {
    assert_int_equal(a->family, b->family);
    assert_int_equal(a->layers, b->layers);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->kv_heads, b->kv_heads);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->ffn, b->ffn);
    assert_int_equal(a->context, b->context);
    assert_int_equal(a->vocab, b->vocab);
    assert_true(a->norm_eps == b->norm_eps && a->rope_theta == b->rope_theta);
    assert_int_equal(a->tied, b->tied);
    const struct rope_scaling *x = &a->rope_scaling, *y = &b->rope_scaling;
    assert_true(x->factor == y->factor && x->low == y->low && x->high == y->high);
    assert_int_equal(x->original, y->original);
}

static void test_read(void **state) {
    const struct read_case *c = *state;
    struct model_config got;
    struct err err = {0};
    if (!model_config_parse(c->text, strlen(c->text), &got, &err)) fail_msg("%s", err.msg);
    check_equal(&got, &c->c);
}

/* Written, it reads back as the same, and has what HF's own classes want. */
static void test_write(void **state) {
    const struct read_case *c = *state;
    for (int eot = -1; eot <= 7; eot += 8) {
        struct model_config again;
        struct buf text = {0};
        model_config_write(&c->c, eot, &text);
        assert_true(model_config_parse(text.data, text.len, &again, NULL));
        check_equal(&again, &c->c);
        struct json *root = json_parse(text.data, text.len, NULL);
        const struct family_traits *f = &family_traits[c->c.family];
        assert_string_equal(json_str(json_get(root, "model_type"), ""), f->word);
        assert_string_equal(json_str(json_at(json_get(root, "architectures"), 0), ""),
                            f->architecture);
        assert_string_equal(json_str(json_get(root, "torch_dtype"), ""), "float32");
        assert_int_equal(json_int(json_get(root, "vocab_size"), 0), c->c.vocab);
        assert_int_equal(json_int(json_get(root, "eos_token_id"), -1), eot);
        assert_int_equal(json_int(json_get(root, "bos_token_id"), -1), eot);
        assert_true(json_get(root, "eos_token_id") != NULL);
        json_destroy(root);
        buf_deinit(&text);
    }
}

static const struct refused_case {
    const char *text, *says;
} refused_cases[] = {
    {"{", "config.json: line"},
    {"[]", "an object {...} is expected"},
    {"{}", "model_type and architectures are missing"},
    {"{\"model_type\": \"mistral\"}", "model_type mistral is not supported"},
    {"{\"architectures\": [\"BertModel\"]}", "model_type BertModel is not supported"},
    {"{" GPT2 "\"n_positions\": 1024}", "vocab_size is missing"},
    {"{\"model_type\": \"llama\", \"num_hidden_layers\": 2}", "num_attention_heads is missing"},
    {"{" GPT2 "\"n_positions\": 0, \"vocab_size\": 9}", "n_positions must be a whole number"},
    {"{" GPT2 "\"n_positions\": 1.5, \"vocab_size\": 9}", "n_positions must be a whole number"},
    {"{" GPT2 "\"n_positions\": \"9\", \"vocab_size\": 9}",
     "n_positions must be a whole number"},
    {"{" GPT2 "\"n_positions\": 9, \"vocab_size\": 1e300}",
     "vocab_size must be a whole number"},
    {"{" GPT2 "\"n_positions\": 9, \"vocab_size\": 99999999999}", "vocab_size must be a whole"},
    {"{" GPT2 "\"n_positions\": 9, \"vocab_size\": 2000000000}",
     "vocab is 2000000000; it must"},
    {"{" GPT2 GPT2_SIZES ", \"activation_function\": \"relu\"}",
     "activation_function relu is not supported; gelu_new is"},
    {"{" GPT2 GPT2_SIZES ", \"scale_attn_weights\": false}",
     "scale_attn_weights other than true is not supported"},
    {"{" GPT2 GPT2_SIZES ", \"add_cross_attention\": true}", "add_cross_attention other than"},
    {"{" GPT2 GPT2_SIZES ", \"scale_attn_by_inverse_layer_idx\": true}",
     "scale_attn_by_inverse_layer_idx other than false"},
    {"{" GPT2 GPT2_SIZES ", \"layer_norm_epsilon\": \"x\"}",
     "layer_norm_epsilon must be a number"},
    {"{" GPT2 GPT2_SIZES ", \"layer_norm_epsilon\": -1}", "layer_norm_epsilon must be above 0"},
    {"{" GPT2 GPT2_SIZES ", \"quantization_config\": {}}",
     "quantization_config is not supported"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 10, \"n_head\": 3, \"n_layer\": 1, " GPT2_SIZES
     "}",
     "width 10 cannot be divided among 3 heads"},
    {"{" LLAMA ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}",
     "config.json: rope_scaling yarn is not supported"},
    {"{" LLAMA ", \"rope_scaling\": {\"type\": \"linear\"}}", "rope_scaling linear is not"},
    {"{" LLAMA ", \"rope_scaling\": {}}", "rope_scaling of an unknown kind is not supported"},
    {"{" LLAMA ", \"rope_theta\": 0}", "rope_theta must be above 0"},
    {"{" LLAMA ", \"hidden_act\": \"gelu\"}", "hidden_act gelu is not supported; silu is"},
    {"{" LLAMA ", \"attention_bias\": true}", "attention_bias other than false"},
    {"{" LLAMA ", \"mlp_bias\": true}", "mlp_bias other than false"},
    {"{" LLAMA ", \"num_key_value_heads\": 3}", "8 heads cannot share 3 kv_heads"},
    {"{" LLAMA ", \"head_dim\": 7}", "head_dim is 7; rotary positions need it even"},
    {"{" QWEN3 ", \"use_sliding_window\": true}", "use_sliding_window other than false"},
    {"{" QWEN3 ", \"layer_types\": [\"full_attention\", \"sliding_attention\"]}",
     "layer_types sliding_attention is not supported"},
};

static void test_refused(void **state) {
    const struct refused_case *c = *state;
    struct model_config got;
    struct err err = {0};
    assert_false(model_config_parse(c->text, strlen(c->text), &got, &err));
    if (!strstr(err.msg, c->says)) fail_msg("\"%s\" lacks \"%s\"", err.msg, c->says);
    assert_int_equal(strncmp(err.msg, "config.json: ", 13), 0);
    assert_true(err.code == ERR_RANGE || err.code == ERR_PARSE);
}

/* The text cut anywhere is refused, never read beyond its end. */
static void test_cut_text(void **state) {
    const char *whole = read_cases[4].text;
    struct model_config got;
    (void)state;
    for (size_t n = 0; n < strlen(whole); n++) {
        char *cut = malloc(n ? n : 1); /* exactly: the sanitizer sees a byte too far */
        assert_non_null(cut);
        memcpy(cut, whole, n);
        assert_false(model_config_parse(cut, n, &got, NULL));
        free(cut);
    }
}

static const struct complete_case {
    const char *name;
    struct model_config in;
    int kv_heads, head_dim, ffn;
    const char *says; /* NULL: completed */
} complete_cases[] = {
    {"gpt2",
     {.family = FAMILY_GPT2, .layers = 4, .heads = 4, .width = 128, .context = 64, .vocab = 65},
     4,
     32,
     512,
     NULL},
    {"qwen3",
     {.family = FAMILY_QWEN3,
      .layers = 6,
      .heads = 6,
      .width = 192,
      .context = 256,
      .vocab = 4096},
     6,
     32,
     512,
     NULL},
    {"llama",
     {.family = FAMILY_LLAMA,
      .layers = 1,
      .heads = 2,
      .kv_heads = 1,
      .width = 100,
      .head_dim = 6,
      .context = 8,
      .vocab = 9},
     1,
     6,
     320,
     NULL},
    {"no heads",
     {.family = FAMILY_GPT2, .layers = 4, .width = 128, .context = 64, .vocab = 65},
     0,
     0,
     0,
     "heads is 0"},
    {"no layers",
     {.family = FAMILY_GPT2, .heads = 4, .width = 128, .context = 64, .vocab = 65},
     0,
     0,
     0,
     "layers is 0"},
    {"uneven",
     {.family = FAMILY_LLAMA,
      .layers = 1,
      .heads = 3,
      .width = 128,
      .context = 64,
      .vocab = 65},
     0,
     0,
     0,
     "width 128 cannot be divided among 3 heads"},
    {"gpt2 grouped",
     {.family = FAMILY_GPT2,
      .layers = 1,
      .heads = 4,
      .kv_heads = 2,
      .width = 128,
      .context = 64,
      .vocab = 65},
     0,
     0,
     0,
     "gpt2 has as many kv_heads as heads"},
    {"gpt2 wide heads",
     {.family = FAMILY_GPT2,
      .layers = 1,
      .heads = 4,
      .head_dim = 64,
      .width = 128,
      .context = 64,
      .vocab = 65},
     0,
     0,
     0,
     "do not make the width 128"},
    {"eps",
     {.family = FAMILY_GPT2,
      .layers = 1,
      .heads = 4,
      .width = 128,
      .context = 64,
      .vocab = 65,
      .norm_eps = 1},
     0,
     0,
     0,
     "norm_eps is 1"},
    {"negative",
     {.family = FAMILY_LLAMA,
      .layers = 1,
      .heads = 4,
      .kv_heads = -4,
      .width = 128,
      .context = 64,
      .vocab = 65},
     0,
     0,
     0,
     "kv_heads is -4"},
};

static void test_complete(void **state) {
    const struct complete_case *c = *state;
    struct model_config got = c->in;
    struct err err = {0};
    assert_int_equal(model_config_complete(&got, &err), c->says == NULL);
    if (c->says) {
        assert_int_equal(err.code, ERR_RANGE);
        if (!strstr(err.msg, c->says)) fail_msg("\"%s\" lacks \"%s\"", err.msg, c->says);
        return;
    }
    assert_int_equal(got.kv_heads, c->kv_heads);
    assert_int_equal(got.head_dim, c->head_dim);
    assert_int_equal(got.ffn, c->ffn);
    assert_true(got.norm_eps > 0 && got.rope_theta > 0);
}

static void test_words(void **state) {
    (void)state;
    for (int f = 0; f < FAMILY_COUNT; f++)
        assert_int_equal(family_by_word(family_traits[f].word), f);
    assert_int_equal(family_by_word("bert"), FAMILY_COUNT);
    assert_int_equal(family_by_word(""), FAMILY_COUNT);
}

static struct CMUnitTest row(const char *name, CMUnitTestFunction test, const void *c) {
    return (struct CMUnitTest){.name = name, .test_func = test, .initial_state = (void *)c};
}

int main(void) {
    struct CMUnitTest
        tests[2 * COUNT(read_cases) + COUNT(refused_cases) + COUNT(complete_cases) + 2];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(read_cases); i++) {
        tests[n++] = row(read_cases[i].name, test_read, &read_cases[i]);
        tests[n++] = row(read_cases[i].name, test_write, &read_cases[i]);
    }
    for (size_t i = 0; i < COUNT(refused_cases); i++)
        tests[n++] = row(refused_cases[i].says, test_refused, &refused_cases[i]);
    for (size_t i = 0; i < COUNT(complete_cases); i++)
        tests[n++] = row(complete_cases[i].name, test_complete, &complete_cases[i]);
    tests[n++] = row("cut text", test_cut_text, NULL);
    tests[n++] = row("words of the families", test_words, NULL);
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
