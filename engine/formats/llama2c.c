/* llama2c.c - reading the model files of llama2.c, version 0: seven int32 and then float32
 * matrices, each kind for all layers before the next kind. Source: export.py and run.c of
 * karpathy/llama2.c. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/formats/hf_model.h"

enum {
    HEADER_BYTES = 7 * 4,
    NEWER_MAGIC = 0x616b3432 /* "ak42": versions 1 and 2 begin with it */
};

/* The parts of the file, in its order. A NULL name is skipped: tables of cosines and sines that
 * older programs read. */
struct part {
    const char *name; /* where there is one a layer: what follows "model.layers.N." */
    bool layered;
    bool rotary; /* rows are pairs (2i, 2i+1) of a head; ours are (i, i + head_dim/2) */
};

static const struct part parts[] = {
    {"model.embed_tokens.weight", false, false},
    {"input_layernorm.weight", true, false},
    {"self_attn.q_proj.weight", true, true},
    {"self_attn.k_proj.weight", true, true},
    {"self_attn.v_proj.weight", true, false},
    {"self_attn.o_proj.weight", true, false},
    {"post_attention_layernorm.weight", true, false},
    {"mlp.gate_proj.weight", true, false},
    {"mlp.down_proj.weight", true, false},
    {"mlp.up_proj.weight", true, false},
    {"model.norm.weight", false, false},
    {NULL, false, false},
    {"lm_head.weight", false, false}, /* a tied model has none, in the file as in the table */
};

static bool read_header(const char *file, const struct mapping *m, struct model_config *out,
                        struct err *err) {
    int32_t h[7]; /* dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab, seq_len */
    if (m->size < HEADER_BYTES)
        return err_set(err, ERR_PARSE,
                       "%s: %zu bytes are too few for a llama2.c model; copy or "
                       "download it again",
                       file, m->size);
    memcpy(h, m->data, sizeof h);
    if (h[0] == NEWER_MAGIC)
        return err_set(err, ERR_PARSE,
                       "%s: version %" PRId32 " of llama2.c's format is not supported; "
                       "export it again with --version 0",
                       file, h[1]);
    for (int i = 0; i < 7; i++)
        if (h[i] < (i == 5 ? -INT32_MAX : 1) || h[i] == 0)
            return err_set(err, ERR_PARSE,
                           "%s: number %d of its header is %" PRId32 "; this is no "
                           "llama2.c model",
                           file, i + 1, h[i]);
    *out = (struct model_config){.family = FAMILY_LLAMA,
                                 .width = h[0],
                                 .ffn = h[1],
                                 .layers = h[2],
                                 .heads = h[3],
                                 .kv_heads = h[4],
                                 .vocab = abs(h[5]),
                                 .context = h[6],
                                 .norm_eps = 1e-5,
                                 .rope_theta = 10000,
                                 .tied = h[5] > 0};
    return model_config_complete(out, err) ||
           err_prefix(err, "%s: the header describes no model that thaw can run", file);
}

/* Bytes of the tables of cosines and sines: [context, head_dim/2] each. */
static uint64_t rope_bytes(const struct model_config *c) {
    return (uint64_t)c->context * (uint64_t)(c->head_dim / 2) * 2 * sizeof(float);
}

/* Numbers of the shape's weights, as param_table_create() counts them: told of a header before
 * a table of its layers is made. No overflow: model_config_complete() caps each of them. */
static uint64_t weights_n(const struct model_config *c) {
    uint64_t width = (uint64_t)c->width, head = (uint64_t)c->head_dim;
    uint64_t q = (uint64_t)c->heads * head, kv = (uint64_t)c->kv_heads * head;
    uint64_t layer = width * (2 + 2 * q + 2 * kv + 3 * (uint64_t)c->ffn);
    return width * (1 + (uint64_t)c->vocab * (c->tied ? 1 : 2)) + (uint64_t)c->layers * layer;
}

static bool check_size(const char *file, const struct mapping *m, const struct model_config *c,
                       struct err *err) {
    uint64_t wants = HEADER_BYTES + sizeof(float) * weights_n(c) + rope_bytes(c);
    return m->size == wants ||
           err_set(err, ERR_PARSE,
                   "%s: the file has %zu bytes, its header (%d layers of width %d, %s head) "
                   "describes %" PRIu64 "; copy or download it again",
                   file, m->size, c->layers, c->width, c->tied ? "tied" : "own", wants);
}

static int param_by_name(const struct param_table *t, const char *name) {
    for (int i = 0; i < t->n_params; i++)
        if (strcmp(t->params[i].name, name) == 0) return i;
    return -1;
}

/* Copy one matrix; of a rotary one, row 2i of each head goes to i and row 2i+1 to i +
 * head_dim/2. */
static void copy_matrix(float *W, const unsigned char *from, const struct param *p, bool rotary,
                        int head_dim) {
    size_t row_bytes = (size_t)p->cols * sizeof *W;
    for (int r = 0; r < p->rows; r++) {
        int i = r % head_dim; /* in its head */
        int to = rotary ? r - i + i / 2 + i % 2 * (head_dim / 2) : r;
        memcpy(W + (size_t)to * (size_t)p->cols, from + (size_t)r * row_bytes, row_bytes);
    }
}

/* Copy what stands at `at` for one part of one layer; returns its bytes. */
static size_t read_part(const unsigned char *at, const struct part *part, int layer,
                        struct weights *w) {
    char name[PARAM_NAME_MAX];
    if (part->layered) snprintf(name, sizeof name, "model.layers.%d.%s", layer, part->name);
    else snprintf(name, sizeof name, "%s", part->name);
    int i = param_by_name(w->table, name);
    if (i < 0) return 0; /* the head of a tied model */
    const struct param *p = &w->table->params[i];
    copy_matrix(weights_param(w, i), at, p, part->rotary, w->table->config.head_dim);
    return (size_t)p->rows * (size_t)p->cols * sizeof(float);
}

/* Fill the weights; the file's size is known to be theirs. */
static void read_weights(const unsigned char *at, struct weights *w) {
    const struct model_config *c = &w->table->config;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].name) at += rope_bytes(c);
        for (int l = 0; parts[i].name && l < (parts[i].layered ? c->layers : 1); l++)
            at += read_part(at, &parts[i], l, w);
    }
}

static bool read_model(const char *file, const struct mapping *m, struct hf_model *out,
                       struct err *err) {
    struct model_config config = {.layers = 0};
    if (!read_header(file, m, &config, err) || !check_size(file, m, &config, err) ||
        !param_table_create(&config, &out->table, err) ||
        !weights_create(&out->table, &out->weights, err))
        return false;
    assert(out->table.parameters == weights_n(&config));
    read_weights(m->data + HEADER_BYTES, &out->weights);
    return true;
}

bool llama2c_load(const char *bin, const char *tokenizer, struct hf_model *out,
                  struct err *err) {
    *out = (struct hf_model){0};
    struct mapping map;
    if (!files_map(bin, &map, err)) return false;
    bool good = read_model(bin, &map, out, err);
    files_unmap(&map);
    if (good && tokenizer) {
        out->tokenizer = tokenizer_load_llama2c(tokenizer, out->table.config.vocab, err);
        good = out->tokenizer != NULL;
    }
    if (!good) hf_model_destroy(out);
    return good;
}
