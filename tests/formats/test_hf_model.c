#include "engine/model/transformer.h"
#include "tests/formats/small_models.h"

#define TINY_GPT2 THAW_SHARED_DATA "/tiny-gpt2"
#define BURN THAW_SHARED_DATA "/format-fixtures/burn-multi_layer.safetensors"

/* ---- files made by hand ---- */

/* A tensor of a handmade file: every element is `value`. */
struct piece {
    struct tensor_spec spec;
    float value;
};

static void write_pieces(const char *path, const struct piece *pieces, size_t n) {
    struct tensor_spec specs[64];
    struct files_out f;
    struct err err = {0};
    assert_true(n <= COUNT(specs));
    for (size_t i = 0; i < n; i++) specs[i] = pieces[i].spec;
    require(files_out_open(&f, path, &err) && safetensors_write_header(&f, specs, n, &err),
            &err);
    for (size_t i = 0; i < n; i++) {
        int64_t elements = 1, whole = (int64_t)pieces[i].value;
        for (int d = 0; d < specs[i].n_dims; d++) elements *= specs[i].dims[d];
        const unsigned char *upper = (const unsigned char *)&pieces[i].value + 2;
        for (; elements > 0; elements--)
            require(specs[i].dtype == DTYPE_F32 ? files_out_add(&f, &pieces[i].value, 4, &err)
                    : specs[i].dtype == DTYPE_BF16 ? files_out_add(&f, upper, 2, &err)
                                                   : files_out_add(&f, &whole, 8, &err),
                    &err);
    }
    require(files_out_close(&f, &err), &err);
}

static void write_config(const char *dir, const struct model_config *c) {
    struct model_config full = *c;
    struct buf text = {0};
    assert_true(model_config_complete(&full, NULL));
    model_config_write(&full, -1, &text);
    write_text(dir, "config.json", buf_text(&text));
    buf_deinit(&text);
}

/* The pieces of the llama model, each with its number + 1 as its value; returns how many. */
static size_t llama_pieces(struct piece *pieces, enum dtype dtype) {
    struct hf_model m;
    static char names[32][PARAM_NAME_MAX];
    make_model(&small_llama, 1, &m);
    size_t n = (size_t)m.table.n_params;
    assert_true(n <= COUNT(names));
    for (size_t i = 0; i < n; i++) {
        const struct param *p = &m.table.params[i];
        memcpy(names[i], p->name, sizeof names[i]);
        pieces[i] = (struct piece){{names[i], dtype, 2, {p->rows, p->cols}}, (float)i + 1};
        if (p->vector) pieces[i].spec.n_dims = 1, pieces[i].spec.dims[0] = p->cols;
    }
    hf_model_destroy(&m);
    return n;
}

static void assert_numbered(const struct hf_model *m) {
    for (int i = 0; i < m->table.n_params; i++) {
        const struct param *p = &m->table.params[i];
        for (int k = 0; k < p->rows * p->cols; k++)
            assert_true(weights_param(&m->weights, i)[k] == (float)(i + 1));
    }
}

static void assert_refused(const char *dir, const char *says, const char *says_too) {
    struct hf_model m;
    struct err err = {0};
    assert_false(hf_model_load(dir, &m, &err));
    assert_says(&err, dir);
    assert_says(&err, says);
    assert_says(&err, says_too);
    assert_null(m.tokenizer);
    assert_null(m.table.params); /* nothing is left to release */
}

/* ---- the reference ---- */

static void test_tiny_gpt2(void **state) {
    (void)state;
    skip_without(TINY_GPT2);
    enum { T = 16, VOCAB = 21 };
    struct hf_model m;
    struct err err = {0};
    struct exec ex = {0};
    require(hf_model_load(TINY_GPT2, &m, &err), &err);
    assert_int_equal(m.table.config.vocab, VOCAB);
    assert_int_equal(tokenizer_vocab(m.tokenizer), VOCAB);
    struct json *want = read_json(TINY_GPT2 "/reference.json");
    int32_t ids[T];
    float nll[T], logits[T * VOCAB];
    for (size_t i = 0; i < T; i++)
        ids[i] = (int32_t)json_int(json_at(json_get(want, "ids"), i), -1);
    struct transformer *tf = transformer_create(
        &m.table, (struct transformer_plan){.batch = 1, .time = T}, &ex, &err);
    require(tf != NULL, &err);
    double loss = transformer_loss(tf, &m.weights, ids, ids + 1, 1, T - 1, nll, NULL);
    assert_near(loss, json_number(json_get(want, "mean_loss"), 0), 1e-5);
    for (size_t i = 0; i + 1 < T; i++)
        assert_near((double)nll[i], json_number(json_at(json_get(want, "nll"), i), 0), 1e-4);
    transformer_logits(tf, &m.weights, ids, 1, T, logits);
    const struct json *first = json_get(want, "last_logits_first8");
    const float *last = logits + (T - 1) * VOCAB;
    for (size_t i = 0; i < 8; i++)
        assert_near((double)last[i], json_number(json_at(first, i), 0), 1e-4);
    int best = 0;
    for (int i = 1; i < VOCAB; i++)
        if (last[i] > last[best]) best = i;
    assert_int_equal(best, json_int(json_get(want, "last_argmax"), -1));
    transformer_destroy(tf);
    json_destroy(want);
    hf_model_destroy(&m);
}

/* GPT-2's Conv1D: the file's [in, out] is our [out, in], and becomes the file's bytes again. */
static void test_conv1d(void **state) {
    const char *dir = *state;
    skip_without(TINY_GPT2);
    struct hf_model m;
    struct err err = {0};
    require(hf_model_load(TINY_GPT2, &m, &err), &err);
    struct safetensors *old = safetensors_open(TINY_GPT2 "/model.safetensors", &err);
    const struct tensor *t = safetensors_find(old, "h.0.mlp.c_fc.weight");
    float file[2 * 8];
    tensor_floats(t, 0, COUNT(file), file);
    const float *W =
        weights_param(&m.weights, param_index(&m.table, "transformer.h.0.mlp.c_fc.weight"));
    for (int in = 0; in < 2; in++)
        for (int out = 0; out < 8; out++) assert_true(W[out * 2 + in] == file[in * 8 + out]);
    require(hf_model_save(dir, &m.weights, m.tokenizer, NULL, &err), &err);
    struct safetensors *new = safetensors_open(inside(dir, "model.safetensors"), &err);
    require(new != NULL, &err);
    assert_int_equal(safetensors_count(new), safetensors_count(old));
    for (size_t i = 0; i < safetensors_count(old); i++) {
        char name[PARAM_NAME_MAX];
        t = safetensors_at(old, i);
        snprintf(name, sizeof name, "transformer.%.60s", t->name);
        const struct tensor *again = safetensors_find(new, name);
        assert_non_null(again);
        assert_int_equal(again->bytes, t->bytes);
        assert_int_equal(again->n_dims, t->n_dims);
        assert_memory_equal(again->dims, t->dims, (size_t)t->n_dims * sizeof t->dims[0]);
        assert_memory_equal(again->data, t->data, t->bytes);
    }
    safetensors_close(new);
    safetensors_close(old);
    hf_model_destroy(&m);
}

/* ---- saving and loading ---- */

static struct tokenizer *small_tokenizer(int vocab) {
    struct err err = {0};
    static const char text[] = "the cat and the hat and the bat and the rat";
    struct bpe_trainer *trainer = bpe_trainer_create(&err);
    require(trainer && bpe_trainer_add(trainer, text, sizeof text - 1, &err), &err);
    struct tokenizer *t = bpe_trainer_finish(trainer, vocab, NULL, NULL, &err);
    require(t != NULL, &err);
    bpe_trainer_destroy(trainer);
    return t;
}

static void check_round_trip(const char *dir, const struct model_config *c,
                             const struct tokenizer *t) {
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.json"};
    struct hf_model m, again;
    struct err err = {0};
    char first[300], second[300];
    snprintf(first, sizeof first, "%s/%s.first", dir, family_traits[c->family].word);
    snprintf(second, sizeof second, "%s/%s.second", dir, family_traits[c->family].word);
    make_model(c, 3, &m);
    uint64_t bytes = 0, sum = 0;
    require(files_make_dirs(first, 0700, &err) && files_make_dirs(second, 0700, &err) &&
                hf_model_save(first, &m.weights, t, &bytes, &err) &&
                hf_model_load(first, &again, &err) &&
                hf_model_save(second, &again.weights, again.tokenizer, NULL, &err),
            &err);
    assert_same_weights(&m.weights, &again.weights);
    for (size_t i = 0; i < (t ? 3 : 2); i++) {
        assert_same_file(inside(first, files[i]), inside(second, files[i]));
        struct buf b = read_bytes(inside(first, files[i]));
        sum += b.len;
        buf_deinit(&b);
    }
    assert_int_equal(files_exists(inside(first, "tokenizer.json")), t != NULL);
    assert_int_equal(bytes, sum);
    hf_model_destroy(&again);
    hf_model_destroy(&m);
}

static void test_round_trip(void **state) {
    struct model_config wide = small_qwen3;
    struct tokenizer *t = small_tokenizer(262);
    wide.vocab = tokenizer_vocab(t) + 2; /* a padded embedding is fine */
    check_round_trip(*state, &wide, t);
    check_round_trip(*state, &small_gpt2, NULL);
    check_round_trip(*state, &small_llama, NULL);
    tokenizer_destroy(t);
}

/* What stands in a folder already is not overwritten, and nothing beside it changes. */
static void test_save_is_exclusive(void **state) {
    const char *dir = *state;
    struct hf_model m;
    struct err err = {0};
    make_model(&small_llama, 1, &m);
    write_text(dir, "model.safetensors", "precious");
    assert_false(hf_model_save(dir, &m.weights, NULL, NULL, &err));
    assert_says(&err, "model.safetensors");
    struct buf b = read_bytes(inside(dir, "model.safetensors"));
    assert_string_equal(buf_text(&b), "precious");
    assert_false(files_exists(inside(dir, "config.json")));
    assert_false(hf_model_save(inside(dir, "absent"), &m.weights, NULL, NULL, &err));
    assert_says(&err, "absent");
    buf_deinit(&b);
    hf_model_destroy(&m);
}

/* Two sets of moments in one file, as the optimiser keeps them. */
static void test_prefixes(void **state) {
    const char *path = inside(*state, "optimizer.safetensors");
    struct hf_model a, b, out;
    struct err err = {0};
    make_model(&small_gpt2, 1, &a);
    make_model(&small_gpt2, 2, &b);
    make_model(&small_gpt2, 3, &out);
    const struct weights *sets[] = {&a.weights, &b.weights};
    const char *const prefixes[] = {"exp_avg.", "exp_avg_sq."};
    uint64_t bytes = 0;
    require(weights_save(path, sets, prefixes, 2, NULL, &bytes, &err), &err);
    struct safetensors *s = safetensors_open(path, &err);
    require(s != NULL, &err);
    assert_int_equal(safetensors_count(s), 2 * a.table.n_params);
    assert_non_null(safetensors_find(s, "exp_avg_sq.transformer.wte.weight"));
    require(weights_load(s, "exp_avg.", NULL, &out.weights, &err), &err);
    assert_same_weights(&out.weights, &a.weights);
    require(weights_load(s, "exp_avg_sq.", NULL, &out.weights, &err), &err);
    assert_same_weights(&out.weights, &b.weights);
    assert_false(weights_load(s, "momentum.", NULL, &out.weights, &err));
    assert_says(&err, "optimizer.safetensors");
    assert_says(&err, "momentum.transformer.wte.weight");
    assert_same_weights(&out.weights, &b.weights); /* left alone */
    safetensors_close(s);
    struct buf file = read_bytes(path);
    assert_int_equal(bytes, file.len);
    buf_deinit(&file);
    hf_model_destroy(&out);
    hf_model_destroy(&b);
    hf_model_destroy(&a);
}

/* ---- what loads ---- */

static void test_bf16(void **state) {
    const char *dir = *state;
    struct piece pieces[32];
    struct hf_model m;
    struct err err = {0};
    write_config(dir, &small_llama);
    write_pieces(inside(dir, "model.safetensors"), pieces, llama_pieces(pieces, DTYPE_BF16));
    require(hf_model_load(dir, &m, &err), &err);
    assert_numbered(&m);
    assert_null(m.tokenizer);
    hf_model_destroy(&m);
}

/* Tables that other programs keep in the file are passed over. */
static void test_computable(void **state) {
    const char *dir = *state;
    struct piece pieces[32];
    struct hf_model m;
    struct err err = {0};
    size_t n = llama_pieces(pieces, DTYPE_F32);
    pieces[n++] =
        (struct piece){{"model.layers.0.self_attn.rotary_emb.inv_freq", DTYPE_F32, 1, {2}}, 9};
    pieces[n++] = (struct piece){{"h.0.attn.bias", DTYPE_F32, 4, {1, 1, 2, 2}}, 9};
    pieces[n++] = (struct piece){{"h.0.attn.masked_bias", DTYPE_F32, 0, {0}}, 9};
    write_config(dir, &small_llama);
    write_pieces(inside(dir, "model.safetensors"), pieces, n);
    require(hf_model_load(dir, &m, &err), &err);
    assert_numbered(&m);
    hf_model_destroy(&m);
}

static void test_shards(void **state) {
    const char *dir = *state, *index = "model.safetensors.index.json";
    struct piece pieces[32];
    struct hf_model m;
    struct err err = {0};
    size_t n = llama_pieces(pieces, DTYPE_F32);
    write_config(dir, &small_llama);
    write_pieces(inside(dir, "a.safetensors"), pieces, 4);
    write_pieces(inside(dir, "b.safetensors"), pieces + 4, n - 4);
    write_text(dir, index,
               "{\"weight_map\":{\"x\":\"b.safetensors\",\"y\":\"a.safetensors\","
               "\"z\":\"b.safetensors\"}}");
    require(hf_model_load(dir, &m, &err), &err);
    assert_numbered(&m);
    hf_model_destroy(&m);
    write_text(dir, index, "{\"weight_map\":{\"x\":\"b.safetensors\"}}");
    assert_refused(dir, "b.safetensors", pieces[0].spec.name);
    write_text(dir, index, "{\"weight_map\":{\"x\":\"c.safetensors\"}}");
    assert_refused(dir, "c.safetensors", "");
    write_text(dir, index, "{\"weight_map\":{\"x\":\"../a.safetensors\"}}");
    assert_refused(dir, index, "'../a.safetensors'");
    write_text(dir, index, "{\"weight_map\":{\"x\":7}}");
    assert_refused(dir, index, "''");
    write_text(dir, index, "{\"weight_map\":{}}");
    assert_refused(dir, index, "weight_map");
    write_text(dir, index, "{");
    assert_refused(dir, index, "line 1");
}

/* ---- what is refused ---- */

static void test_no_language_model(void **state) {
    const char *dir = *state;
    skip_without(BURN);
    struct buf b = read_bytes(BURN);
    struct err err = {0};
    require(files_write(inside(dir, "model.safetensors"), b.data, b.len, &err), &err);
    buf_deinit(&b);
    write_config(dir, &small_gpt2);
    assert_refused(dir, "no tensor 'transformer.wte.weight'", "norm1.num_batches_tracked");
    assert_refused(dir, "model.safetensors", "this is no gpt2 model");
    write_config(dir, &small_qwen3);
    assert_refused(dir, "no tensor 'model.embed_tokens.weight'", "this is no qwen3 model");
}

static void test_absent(void **state) {
    const char *dir = *state;
    assert_refused(inside(dir, "nowhere"), "no such folder", "config.json");
    assert_refused(dir, "config.json", "No such file");
    write_text(dir, "config.json", "{\"model_type\":\"bert\"}");
    assert_refused(dir, "config.json", "bert");
    write_config(dir, &small_llama);
    assert_refused(dir, "no model.safetensors", "Hugging Face");
    write_text(dir, "pytorch_model.bin", "PK");
    assert_refused(dir, "pytorch_model.bin is a pickle", "safe_serialization=True");
}

static const struct misfit {
    const char *name;
    int piece; /* the one that is changed; -1: one more */
    struct tensor_spec spec;
    const char *says, *says_too;
} misfits[] = {
    {"wider than the configuration",
     0,
     {"model.embed_tokens.weight", DTYPE_F32, 2, {5, 9}},
     "'model.embed_tokens.weight' has shape [5, 9]",
     "asks for [5, 8]"},
    {"a matrix as a list",
     0,
     {"model.embed_tokens.weight", DTYPE_F32, 1, {40}},
     "'model.embed_tokens.weight' has shape [40]",
     "asks for [5, 8]"},
    {"whole numbers",
     0,
     {"model.embed_tokens.weight", DTYPE_I64, 2, {5, 8}},
     "'model.embed_tokens.weight'",
     "save it as one"},
    {"another name",
     0,
     {"model.embed.weight", DTYPE_F32, 2, {5, 8}},
     "no tensor 'model.embed_tokens.weight'",
     "12 others"},
    {"a bias too many",
     -1,
     {"model.layers.0.self_attn.q_proj.bias", DTYPE_F32, 1, {8}},
     "'model.layers.0.self_attn.q_proj.bias' has no place",
     "llama"},
    {"a layer too many",
     -1,
     {"model.layers.1.input_layernorm.weight", DTYPE_F32, 1, {8}},
     "'model.layers.1.input_layernorm.weight' has no place",
     "same model"},
};

static void test_misfits(void **state) {
    const char *dir = *state;
    write_config(dir, &small_llama);
    for (size_t i = 0; i < COUNT(misfits); i++) {
        struct piece pieces[32];
        size_t n = llama_pieces(pieces, DTYPE_F32), at = (size_t)misfits[i].piece;
        if (misfits[i].piece < 0) at = n++;
        pieces[at] = (struct piece){misfits[i].spec, 1};
        files_remove_tree(inside(dir, "model.safetensors"), NULL);
        write_pieces(inside(dir, "model.safetensors"), pieces, n);
        assert_refused(dir, misfits[i].says, misfits[i].says_too);
    }
}

static void test_foreign_tokenizer(void **state) {
    const char *dir = *state;
    struct hf_model m;
    struct err err = {0};
    struct tokenizer *t = small_tokenizer(260);
    make_model(&small_llama, 1, &m);
    require(hf_model_save(dir, &m.weights, t, NULL, &err), &err);
    assert_refused(dir, "tokenizer has 260 tokens", "model only 5");
    tokenizer_destroy(t);
    hf_model_destroy(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_gpt2),  in_folder(test_conv1d),
        in_folder(test_round_trip),        in_folder(test_save_is_exclusive),
        in_folder(test_prefixes),          in_folder(test_bf16),
        in_folder(test_computable),        in_folder(test_shards),
        in_folder(test_no_language_model), in_folder(test_absent),
        in_folder(test_misfits),           in_folder(test_foreign_tokenizer),
    };
    return cmocka_run_group_tests_name("hf_model", tests, NULL, NULL);
}
