#include "engine/model/config.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"

const struct family_traits family_traits[FAMILY_COUNT] = {
    [FAMILY_GPT2] = {.word = "gpt2",
                     .architecture = "GPT2LMHeadModel",
                     .bias = true,
                     .qkv_bias = true},
    [FAMILY_LLAMA] = {.word = "llama",
                      .architecture = "LlamaForCausalLM",
                      .rms = true,
                      .rotary = true,
                      .gated = true},
    [FAMILY_QWEN2] = {.word = "qwen2",
                      .architecture = "Qwen2ForCausalLM",
                      .rms = true,
                      .qkv_bias = true,
                      .rotary = true,
                      .gated = true},
    [FAMILY_QWEN3] = {.word = "qwen3",
                      .architecture = "Qwen3ForCausalLM",
                      .rms = true,
                      .rotary = true,
                      .qk_norm = true,
                      .gated = true},
};

/* ---- ranges ---- */

/* Largest sizes: far above any model for this machine, and small enough that every product of a
 * matrix' rows (an int) and of a group's weights (a size_t) fits. */
enum {
    MAX_HEADS = 1024,
    MAX_HEAD_DIM = 1024,
    MAX_WIDTH = 1 << 16,
    MAX_FFN = 1 << 19,
    MAX_CONTEXT = 1 << 20,
    MAX_VOCAB = 1 << 22
};

static bool check_range(const char *what, int value, int max, struct err *err) {
    if (value >= 1 && value <= max) return true;
    return err_set(err, ERR_RANGE, "%s is %d; it must be 1 to %d", what, value, max);
}

static bool check_ranges(const struct model_config *c, struct err *err) {
    return check_range("layers", c->layers, LAYERS_MAX, err) &&
           check_range("heads", c->heads, MAX_HEADS, err) &&
           check_range("kv_heads", c->kv_heads, MAX_HEADS, err) &&
           check_range("width", c->width, MAX_WIDTH, err) &&
           check_range("head_dim", c->head_dim, MAX_HEAD_DIM, err) &&
           check_range("ffn", c->ffn, MAX_FFN, err) &&
           check_range("context", c->context, MAX_CONTEXT, err) &&
           check_range("vocab", c->vocab, MAX_VOCAB, err);
}

static bool check_rope(const struct model_config *c, struct err *err) {
    const struct rope_scaling *s = &c->rope_scaling;
    if (c->head_dim % 2 != 0)
        return err_set(err, ERR_RANGE, "head_dim is %d; rotary positions need it even",
                       c->head_dim);
    if (!(c->rope_theta >= 1 && c->rope_theta <= 1e12))
        return err_set(err, ERR_RANGE, "rope_theta is %g; it must be 1 to 1e12", c->rope_theta);
    if (s->factor == 0) return true;
    if (!(s->factor >= 1 && s->factor <= 1e6 && s->low > 0 && s->high > s->low &&
          s->high <= 1e6 && s->original >= 1))
        return err_set(err, ERR_RANGE,
                       "rope_scaling: factor %g must be at least 1, low_freq_factor %g above 0 "
                       "and below high_freq_factor %g, original_max_position_embeddings %d "
                       "above 0",
                       s->factor, s->low, s->high, s->original);
    return true;
}

static bool check_shape(const struct model_config *c, struct err *err) {
    const struct family_traits *f = &family_traits[c->family];
    if (c->heads % c->kv_heads != 0)
        return err_set(err, ERR_RANGE, "%d heads cannot share %d kv_heads evenly", c->heads,
                       c->kv_heads);
    if (c->family == FAMILY_GPT2 && c->kv_heads != c->heads)
        return err_set(err, ERR_RANGE, "gpt2 has as many kv_heads as heads (%d, not %d)",
                       c->heads, c->kv_heads);
    if (c->family == FAMILY_GPT2 && c->heads * c->head_dim != c->width)
        return err_set(err, ERR_RANGE, "gpt2: %d heads of %d do not make the width %d",
                       c->heads, c->head_dim, c->width);
    if (!(c->norm_eps > 0 && c->norm_eps <= 0.1))
        return err_set(err, ERR_RANGE, "norm_eps is %g; it must be above 0 and at most 0.1",
                       c->norm_eps);
    return !f->rotary || check_rope(c, err);
}

static int default_ffn(const struct model_config *c) {
    if (!family_traits[c->family].gated) return 4 * c->width;
    return (c->width * 8 / 3 + 63) / 64 * 64;
}

bool model_config_complete(struct model_config *c, struct err *err) {
    assert(c->family >= 0 && c->family < FAMILY_COUNT);
    bool gpt2 = c->family == FAMILY_GPT2;
    if (!check_range("heads", c->heads, MAX_HEADS, err)) return false;
    if (!check_range("width", c->width, MAX_WIDTH, err)) return false;
    if (c->kv_heads == 0) c->kv_heads = c->heads;
    if (c->head_dim == 0) {
        if (c->width % c->heads != 0)
            return err_set(err, ERR_RANGE, "width %d cannot be divided among %d heads",
                           c->width, c->heads);
        c->head_dim = c->width / c->heads;
    }
    if (c->ffn == 0) c->ffn = default_ffn(c);
    if (c->norm_eps == 0) c->norm_eps = gpt2 ? 1e-5 : 1e-6;
    if (c->rope_theta == 0) c->rope_theta = 10000;
    return check_ranges(c, err) && check_shape(c, err);
}

enum model_family family_by_word(const char *word) {
    int f = 0;
    while (f < FAMILY_COUNT && strcmp(word, family_traits[f].word) != 0) f++;
    return (enum model_family)f;
}

/* ---- reading config.json ---- */

/* The family by model_type, or where that is absent by the architecture's name. */
static bool parse_family(const struct json *root, enum model_family *out, struct err *err) {
    const char *type = json_str(json_get(root, "model_type"), NULL);
    const char *architecture = json_str(json_at(json_get(root, "architectures"), 0), NULL);
    if (!type && !architecture)
        return err_set(err, ERR_PARSE,
                       "config.json: model_type and architectures are missing: not a model's "
                       "configuration");
    int f = type ? (int)family_by_word(type) : 0;
    if (!type && strcmp(architecture, "GPT2Model") != 0)
        while (f < FAMILY_COUNT && strcmp(architecture, family_traits[f].architecture) != 0)
            f++;
    if (f == FAMILY_COUNT)
        return err_set(
            err, ERR_RANGE,
            "config.json: model_type %s is not supported; gpt2, llama, qwen2 and qwen3 are",
            type ? type : architecture);
    *out = (enum model_family)f;
    return true;
}

/* Sizes by the family's key. `otherwise` stands where the key is absent or null: what HF's own
 * configuration class assumes, or -1 where thaw does not guess. */
struct size_key {
    size_t member; /* offset in struct model_config */
    const char *gpt2, *rotary;
    int otherwise_gpt2, otherwise, otherwise_qwen3;
};

static const struct size_key size_keys[] = {
    {offsetof(struct model_config, layers), "n_layer", "num_hidden_layers", -1, -1, -1},
    {offsetof(struct model_config, heads), "n_head", "num_attention_heads", -1, -1, -1},
    {offsetof(struct model_config, kv_heads), NULL, "num_key_value_heads", 0, 0, 0},
    {offsetof(struct model_config, width), "n_embd", "hidden_size", -1, -1, -1},
    {offsetof(struct model_config, head_dim), NULL, "head_dim", 0, 0, 128},
    {offsetof(struct model_config, ffn), "n_inner", "intermediate_size", 0, -1, -1},
    {offsetof(struct model_config, context), "n_positions", "max_position_embeddings", -1, -1,
     -1},
    {offsetof(struct model_config, vocab), "vocab_size", "vocab_size", -1, -1, -1},
};

static bool parse_size(const struct json *root, const struct size_key *k,
                       struct model_config *c, struct err *err) {
    bool gpt2 = c->family == FAMILY_GPT2;
    const char *key = gpt2 ? k->gpt2 : k->rotary;
    if (!key) return true; /* follows from the others */
    const struct json *v = json_get(root, key);
    int64_t n = gpt2                        ? k->otherwise_gpt2
                : c->family == FAMILY_QWEN3 ? k->otherwise_qwen3
                                            : k->otherwise;
    if (json_kind(v) != JSON_KIND_NULL) {
        n = json_int(v, -1);
        if (n < 1 || n > INT_MAX)
            return err_set(err, ERR_RANGE, "config.json: %s must be a whole number above 0",
                           key);
    } else if (n < 0) {
        return err_set(err, ERR_PARSE, "config.json: %s is missing", key);
    }
    *(int *)(void *)((char *)c + k->member) = (int)n;
    return true;
}

static bool parse_number(const struct json *v, const char *key, double otherwise, double *out,
                         struct err *err) {
    if (json_kind(v) != JSON_KIND_NULL && json_kind(v) != JSON_KIND_NUMBER)
        return err_set(err, ERR_PARSE, "config.json: %s must be a number", key);
    *out = json_number(v, otherwise);
    if (*out <= 0) return err_set(err, ERR_RANGE, "config.json: %s must be above 0", key);
    return true;
}

/* Switches that change the mathematics: the value that thaw computes (with which an absent one
 * agrees), or refused. */
struct required {
    const char *key;
    bool value;
};

static const struct required gpt2_required[] = {{"scale_attn_weights", true},
                                                {"scale_attn_by_inverse_layer_idx", false},
                                                {"add_cross_attention", false}};
static const struct required rotary_required[] = {
    {"attention_bias", false}, {"mlp_bias", false}, {"use_sliding_window", false}};

static bool check_required(const struct json *root, const struct required *r, size_t n,
                           struct err *err) {
    for (size_t i = 0; i < n; i++) {
        const struct json *v = json_get(root, r[i].key);
        if (json_kind(v) == JSON_KIND_NULL || json_bool(v, !r[i].value) == r[i].value) continue;
        return err_set(err, ERR_RANGE, "config.json: %s other than %s is not supported",
                       r[i].key, r[i].value ? "true" : "false");
    }
    return true;
}

static bool check_activation(const struct json *root, bool gpt2, struct err *err) {
    const char *key = gpt2 ? "activation_function" : "hidden_act";
    const char *word = json_str(json_get(root, key), gpt2 ? "gelu_new" : "silu");
    bool known = gpt2 ? strcmp(word, "gelu_new") == 0 || strcmp(word, "gelu_pytorch_tanh") == 0
                      : strcmp(word, "silu") == 0 || strcmp(word, "swish") == 0;
    if (known) return true;
    return err_set(err, ERR_RANGE, "config.json: %s %s is not supported; %s is", key, word,
                   gpt2 ? "gelu_new" : "silu");
}

/* What a scaling of the kind llama3 says. */
static bool parse_scaling(const struct json *v, struct rope_scaling *s, struct err *err) {
    int64_t original = json_int(json_get(v, "original_max_position_embeddings"), -1);
    s->original = original < 1 || original > INT_MAX ? 0 : (int)original; /* 0 is refused */
    return parse_number(json_get(v, "factor"), "rope_scaling.factor", 8, &s->factor, err) &&
           parse_number(json_get(v, "low_freq_factor"), "rope_scaling.low_freq_factor", 1,
                        &s->low, err) &&
           parse_number(json_get(v, "high_freq_factor"), "rope_scaling.high_freq_factor", 4,
                        &s->high, err);
}

/* Rotary base and scaling, from where each generation of HF configurations keeps them; other
 * kinds are refused. */
static bool parse_rope(const struct json *root, struct model_config *c, struct err *err) {
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    const struct json *theta = json_get(root, "rope_theta");
    for (int i = 0; i < 2; i++) {
        const struct json *v = json_get(root, keys[i]);
        if (json_kind(v) == JSON_KIND_NULL) continue;
        const char *kind = json_str(json_get(v, "rope_type"), NULL);
        if (!kind) kind = json_str(json_get(v, "type"), "of an unknown kind");
        bool scaled = strcmp(kind, "llama3") == 0;
        if (scaled && !parse_scaling(v, &c->rope_scaling, err)) return false;
        if (!scaled && strcmp(kind, "default") != 0)
            return err_set(err, ERR_RANGE, "config.json: %s %s is not supported", keys[i],
                           kind);
        if (json_get(v, "rope_theta")) theta = json_get(v, "rope_theta");
    }
    return parse_number(theta, "rope_theta", 10000, &c->rope_theta, err);
}

static bool check_layer_types(const struct json *root, struct err *err) {
    const struct json *types = json_get(root, "layer_types");
    for (size_t i = 0; i < json_size(types); i++) {
        const char *word = json_str(json_at(types, i), "of an unknown kind");
        if (strcmp(word, "full_attention") != 0)
            return err_set(err, ERR_RANGE, "config.json: layer_types %s is not supported",
                           word);
    }
    return true;
}

static bool parse_details(const struct json *root, struct model_config *c, struct err *err) {
    bool gpt2 = c->family == FAMILY_GPT2;
    if (json_kind(json_get(root, "quantization_config")) != JSON_KIND_NULL)
        return err_set(err, ERR_RANGE, "config.json: quantization_config is not supported");
    c->tied = json_bool(json_get(root, "tie_word_embeddings"), gpt2);
    const char *eps = gpt2 ? "layer_norm_epsilon" : "rms_norm_eps";
    if (!parse_number(json_get(root, eps), eps, gpt2 ? 1e-5 : 1e-6, &c->norm_eps, err))
        return false;
    if (!check_activation(root, gpt2, err)) return false;
    if (gpt2) return check_required(root, gpt2_required, 3, err);
    return check_required(root, rotary_required, 3, err) && check_layer_types(root, err) &&
           parse_rope(root, c, err);
}

static bool parse_root(const struct json *root, struct model_config *c, struct err *err) {
    if (json_kind(root) != JSON_KIND_OBJECT)
        return err_set(err, ERR_PARSE, "config.json: an object {...} is expected");
    if (!parse_family(root, &c->family, err)) return false;
    for (size_t i = 0; i < sizeof size_keys / sizeof *size_keys; i++)
        if (!parse_size(root, &size_keys[i], c, err)) return false;
    if (!parse_details(root, c, err)) return false;
    return model_config_complete(c, err) || err_prefix(err, "config.json");
}

bool model_config_parse(const char *text, size_t n, struct model_config *out, struct err *err) {
    struct json *root = json_parse(text, n, err);
    if (!root) return err_prefix(err, "config.json");
    *out = (struct model_config){0};
    bool ok = parse_root(root, out, err);
    json_destroy(root);
    return ok;
}

/* ---- writing it ---- */

/* With the fewest digits that read back as the same double: 1e-06, not 9.9999999999999995e-07.
 */
static void put_number(struct json_writer *w, const char *key, double value) {
    char text[40];
    int digits = 1;
    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
    } while (strtod(text, NULL) != value && ++digits < 17);
    json_add_number(w, key, value, digits);
}

static void write_gpt2(struct json_writer *w, const struct model_config *c) {
    json_add_string(w, "activation_function", "gelu_new");
    put_number(w, "attn_pdrop", 0);
    put_number(w, "embd_pdrop", 0);
    put_number(w, "layer_norm_epsilon", c->norm_eps);
    json_add_integer(w, "n_embd", c->width);
    json_add_integer(w, "n_head", c->heads);
    json_add_integer(w, "n_inner", c->ffn);
    json_add_integer(w, "n_layer", c->layers);
    json_add_integer(w, "n_positions", c->context);
    put_number(w, "resid_pdrop", 0);
}

static void write_scaling(struct json_writer *w, const struct rope_scaling *s) {
    if (s->factor == 0) {
        json_add_null(w, "rope_scaling");
        return;
    }
    json_add_open(w, "rope_scaling", '{');
    put_number(w, "factor", s->factor);
    put_number(w, "high_freq_factor", s->high);
    put_number(w, "low_freq_factor", s->low);
    json_add_integer(w, "original_max_position_embeddings", s->original);
    json_add_string(w, "rope_type", "llama3");
    json_close(w, '}');
}

static void write_rotary(struct json_writer *w, const struct model_config *c) {
    if (c->family != FAMILY_QWEN2) json_add_bool(w, "attention_bias", false);
    put_number(w, "attention_dropout", 0);
    json_add_integer(w, "head_dim", c->head_dim);
    json_add_string(w, "hidden_act", "silu");
    json_add_integer(w, "hidden_size", c->width);
    json_add_integer(w, "intermediate_size", c->ffn);
    json_add_integer(w, "max_position_embeddings", c->context);
    json_add_integer(w, "num_attention_heads", c->heads);
    json_add_integer(w, "num_hidden_layers", c->layers);
    json_add_integer(w, "num_key_value_heads", c->kv_heads);
    put_number(w, "rms_norm_eps", c->norm_eps);
    write_scaling(w, &c->rope_scaling);
    put_number(w, "rope_theta", c->rope_theta);
}

void model_config_write_as(const struct model_config *c, int eot, const char *torch_dtype,
                           struct buf *out) {
    const struct family_traits *f = &family_traits[c->family];
    static const char *const special[] = {"bos_token_id", "eos_token_id"};
    struct json_writer w = json_writer_make(out);
    w.indent = 2;
    json_open(&w, '{');
    json_add_open(&w, "architectures", '[');
    json_put_string(&w, f->architecture);
    json_close(&w, ']');
    for (int i = 0; i < 2; i++) {
        if (eot >= 0) json_add_integer(&w, special[i], eot);
        else json_add_null(&w, special[i]);
    }
    put_number(&w, "initializer_range", 0.02);
    json_add_string(&w, "model_type", f->word);
    if (c->family == FAMILY_GPT2) write_gpt2(&w, c);
    else write_rotary(&w, c);
    json_add_bool(&w, "tie_word_embeddings", c->tied);
    json_add_string(&w, "torch_dtype", torch_dtype);
    json_add_integer(&w, "vocab_size", c->vocab);
    json_close(&w, '}');
    buf_str(out, "\n");
}

void model_config_write(const struct model_config *c, int eot, struct buf *out) {
    model_config_write_as(c, eot, "float32", out);
}
