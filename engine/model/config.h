/* config.h - the shape of a model: what stands in a Hugging Face config.json.
 * One description serves all families; what differs between them is a table of traits. */
#ifndef THAW_ENGINE_MODEL_CONFIG_H
#define THAW_ENGINE_MODEL_CONFIG_H
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"
#include "engine/nn/op_qk.h"

enum model_family { FAMILY_GPT2, FAMILY_LLAMA, FAMILY_QWEN2, FAMILY_QWEN3, FAMILY_COUNT };

/* What a family's block is made of. */
struct family_traits {
    const char *word;         /* "qwen3": in our configs, and model_type in config.json */
    const char *architecture; /* "Qwen3ForCausalLM" */
    bool rms;                 /* RMSNorm (else LayerNorm) */
    bool bias;                /* biases in linear maps and norms */
    bool qkv_bias;            /* of queries, keys and values; with `bias` too */
    bool rotary;              /* RoPE (else learned positions) */
    bool qk_norm;             /* RMSNorm of each head's queries and keys */
    bool gated;               /* SwiGLU (else tanh-GELU) */
};
extern const struct family_traits family_traits[FAMILY_COUNT];

enum { LAYERS_MAX = 1024 };

/* Low-rank adapters beside some linear maps of some blocks (adapter.h). */
struct adapter {
    int rank; /* 0: the model has none */
    double alpha, dropout;
    bool rs;                     /* scale alpha / sqrt(rank), else alpha / rank */
    uint8_t targets[LAYERS_MAX]; /* of each block: bit i is adapter_targets()[i] */
};

struct model_config {
    enum model_family family;
    int layers, heads, kv_heads, width, head_dim, ffn, context, vocab;
    double norm_eps, rope_theta;
    bool tied; /* the head is the embedding */
    struct rope_scaling rope_scaling;
    struct adapter adapter; /* not in config.json */
};

/* Fill what is 0 from the rest: kv_heads = heads, head_dim = width/heads, ffn = 4*width (GPT-2) or
 * 8/3*width rounded up to 64 (gated), eps 1e-5 (GPT-2) or 1e-6, theta 10000, and check every range and
 * divisibility; ERR_RANGE says which and why. gpt2: kv_heads must equal heads. */
bool model_config_complete(struct model_config *c, struct err *err);

/* The family by its word, or FAMILY_COUNT. */
enum model_family family_by_word(const char *word);

/* config.json of Hugging Face, both ways. What is not supported is refused by name and file, e.g.
 * "config.json: rope_scaling yarn is not supported". `eot` goes into bos/eos_token_id; -1: none. */
bool model_config_parse(const char *text, size_t n, struct model_config *out, struct err *err);
void model_config_write(const struct model_config *c, int eot, struct buf *out);
/* The same with another torch_dtype than "float32". */
void model_config_write_as(const struct model_config *c, int eot, const char *torch_dtype, struct buf *out);
#endif
