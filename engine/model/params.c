#include "engine/model/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"

static const char *const part_words[N_PARTS] = {"attn", "mlp", "norm", "lora"};

/* Reals in one aligned step: every matrix, and every fused run of them, starts at a multiple.
 */
enum { ALIGN_REALS = ARENA_ALIGN / (int)sizeof(real) };

/* ---- building the table ---- */

struct builder {
    struct param_table *t;
    double std, residual_std;
};

static struct group *open_group(struct builder *b, int layer) {
    struct group *g = &b->t->groups[b->t->n_groups++];
    *g = (struct group){.layer = layer, .first = b->t->n_params};
    return g;
}

static size_t aligned(size_t reals) {
    return (reals + ALIGN_REALS - 1) / ALIGN_REALS * ALIGN_REALS;
}

static void close_group(struct builder *b) {
    struct group *g = &b->t->groups[b->t->n_groups - 1];
    g->n = b->t->n_params - g->first;
    g->reals = aligned(g->reals);
    g->vector_reals = aligned(g->vector_reals);
    b->t->parameters += g->parameters;
}

/* Add `p` under a name that may hold one %d for the layer. `joined`: right behind the one
 * before. */
static void add(struct builder *b, const char *prefix, const char *suffix, struct param p,
                bool joined) {
    struct group *g = &b->t->groups[b->t->n_groups - 1];
    size_t n = (size_t)p.rows * (size_t)p.cols;
    snprintf(p.name, sizeof p.name, "%s%s", prefix, suffix);
    p.group = b->t->n_groups - 1;
    if (!joined) g->reals = aligned(g->reals);
    p.offset = g->reals;
    g->reals += n;
    if (!joined) g->vector_reals = aligned(g->vector_reals);
    p.apart = g->vector_reals;
    if (p.vector) g->vector_reals += n;
    g->parameters += n;
    b->t->params[b->t->n_params++] = p;
}

static struct param matrix(int rows, int cols, double std) {
    return (struct param){.rows = rows, .cols = cols, .decay = true, .init_std = std};
}

/* GPT-2's Conv1D keeps its matrix as [in, out]. */
static struct param conv1d(int out, int in, double std) {
    struct param p = matrix(out, in, std);
    p.transposed = true;
    return p;
}

static struct param vector(int n, double value) {
    return (struct param){.rows = 1, .cols = n, .vector = true, .init_value = value};
}

static void add_gpt2_block(struct builder *b, int layer) {
    const struct model_config *c = &b->t->config;
    char at[PARAM_NAME_MAX / 2];
    snprintf(at, sizeof at, "transformer.h.%d.", layer);
    open_group(b, layer);
    add(b, at, "attn.c_attn.weight", conv1d(3 * c->width, c->width, b->std), false);
    add(b, at, "attn.c_attn.bias", vector(3 * c->width, 0), false);
    add(b, at, "attn.c_proj.weight", conv1d(c->width, c->width, b->residual_std), false);
    add(b, at, "attn.c_proj.bias", vector(c->width, 0), false);
    close_group(b);
    open_group(b, layer);
    add(b, at, "mlp.c_fc.weight", conv1d(c->ffn, c->width, b->std), false);
    add(b, at, "mlp.c_fc.bias", vector(c->ffn, 0), false);
    add(b, at, "mlp.c_proj.weight", conv1d(c->width, c->ffn, b->residual_std), false);
    add(b, at, "mlp.c_proj.bias", vector(c->width, 0), false);
    close_group(b);
    open_group(b, layer);
    add(b, at, "ln_1.weight", vector(c->width, 1), false);
    add(b, at, "ln_1.bias", vector(c->width, 0), false);
    add(b, at, "ln_2.weight", vector(c->width, 1), false);
    add(b, at, "ln_2.bias", vector(c->width, 0), false);
    close_group(b);
}

static void add_rotary_block(struct builder *b, int layer) {
    const struct model_config *c = &b->t->config;
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    char at[PARAM_NAME_MAX / 2];
    snprintf(at, sizeof at, "model.layers.%d.", layer);
    open_group(b, layer);
    add(b, at, "self_attn.q_proj.weight", matrix(q, c->width, b->std), false);
    add(b, at, "self_attn.k_proj.weight", matrix(kv, c->width, b->std), true);
    add(b, at, "self_attn.v_proj.weight", matrix(kv, c->width, b->std), true);
    if (family_traits[c->family].qkv_bias) {
        add(b, at, "self_attn.q_proj.bias", vector(q, 0), false);
        add(b, at, "self_attn.k_proj.bias", vector(kv, 0), true);
        add(b, at, "self_attn.v_proj.bias", vector(kv, 0), true);
    }
    add(b, at, "self_attn.o_proj.weight", matrix(c->width, q, b->residual_std), false);
    close_group(b);
    open_group(b, layer);
    add(b, at, "mlp.gate_proj.weight", matrix(c->ffn, c->width, b->std), false);
    add(b, at, "mlp.up_proj.weight", matrix(c->ffn, c->width, b->std), true);
    add(b, at, "mlp.down_proj.weight", matrix(c->width, c->ffn, b->residual_std), false);
    close_group(b);
    open_group(b, layer);
    add(b, at, "input_layernorm.weight", vector(c->width, 1), false);
    add(b, at, "post_attention_layernorm.weight", vector(c->width, 1), false);
    if (family_traits[c->family].qk_norm) {
        add(b, at, "self_attn.q_norm.weight", vector(c->head_dim, 1), false);
        add(b, at, "self_attn.k_norm.weight", vector(c->head_dim, 1), false);
    }
    close_group(b);
}

/* One of the thin matrices, under PEFT's name. */
static void add_thin(struct builder *b, int layer, const struct adapter_target *t, bool A,
                     bool joined) {
    const struct model_config *c = &b->t->config;
    int rank = c->adapter.rank;
    char at[PARAM_NAME_MAX / 2], name[PARAM_NAME_MAX];
    adapter_block_name(c, layer, at, sizeof at);
    snprintf(name, sizeof name, "base_model.model.%s%s.lora_%c.weight", at, t->module,
             A ? 'A' : 'B');
    struct param p = A ? matrix(rank, t->in, 0) : matrix(t->out, rank, 0);
    p.adapter = true;
    if (A) p.init_range = 1 / sqrt((double)t->in);
    add(b, "", name, p, joined);
}

/* Of each map the A of all its parts, on one another so that one product makes use of them,
 * then their B. */
static void add_adapters(struct builder *b, int layer) {
    struct adapter_target targets[ADAPTER_TARGETS];
    const struct adapter *a = &b->t->config.adapter;
    int n = adapter_targets(&b->t->config, targets);
    open_group(b, layer);
    for (int site = 0; site < ADAPTER_SITES; site++)
        for (int pass = 0; pass < 2; pass++) {
            bool joined = false;
            for (int i = 0; i < n; i++) {
                if ((int)targets[i].site != site || !(a->targets[layer] >> i & 1)) continue;
                add_thin(b, layer, &targets[i], pass == 0, joined);
                joined = pass == 0;
            }
        }
    close_group(b);
}

static void add_block(struct builder *b, int layer) {
    const struct adapter *a = &b->t->config.adapter;
    b->t->blocks[layer] = b->t->n_groups;
    if (b->t->config.family == FAMILY_GPT2) add_gpt2_block(b, layer);
    else add_rotary_block(b, layer);
    if (a->rank > 0 && a->targets[layer]) add_adapters(b, layer);
    for (int g = b->t->blocks[layer]; g < b->t->n_groups; g++)
        snprintf(b->t->groups[g].name, GROUP_NAME_MAX, "block.%d.%s", layer,
                 part_words[g - b->t->blocks[layer]]);
}

static void add_embed(struct builder *b) {
    const struct model_config *c = &b->t->config;
    struct group *g = open_group(b, -1);
    snprintf(g->name, sizeof g->name, "embed");
    if (c->family == FAMILY_GPT2) {
        add(b, "transformer.", "wte.weight", matrix(c->vocab, c->width, b->std), false);
        add(b, "transformer.", "wpe.weight", matrix(c->context, c->width, b->std), false);
    } else {
        add(b, "model.", "embed_tokens.weight", matrix(c->vocab, c->width, b->std), false);
    }
    close_group(b);
}

static void add_top(struct builder *b) {
    const struct model_config *c = &b->t->config;
    struct group *g = open_group(b, -1);
    snprintf(g->name, sizeof g->name, "norm");
    if (c->family == FAMILY_GPT2) {
        add(b, "transformer.", "ln_f.weight", vector(c->width, 1), false);
        add(b, "transformer.", "ln_f.bias", vector(c->width, 0), false);
    } else {
        add(b, "model.", "norm.weight", vector(c->width, 1), false);
    }
    close_group(b);
    if (c->tied) return;
    g = open_group(b, -1);
    snprintf(g->name, sizeof g->name, "head");
    add(b, "", "lm_head.weight", matrix(c->vocab, c->width, b->std), false);
    close_group(b);
}

/* Of the maps that add to the residual stream. GPT-2's own; those of the others begin at 0, so
 * that every block begins as the identity: on wordnet:general after 150 steps of
 * configs/medical.yaml a perplexity of 115, 114 and 115 instead of 119, 119 and 120 (three
 * seeds). */
static double residual_std(const struct model_config *c) {
    return family_traits[c->family].rms ? 0 : 0.02 / sqrt(2.0 * c->layers);
}

bool param_table_create(const struct model_config *c, struct param_table *out,
                        struct err *err) {
    enum { PER_BLOCK = 14 + 2 * ADAPTER_TARGETS, OUTSIDE = 5 }; /* at most */
    size_t layers = (size_t)c->layers;
    *out = (struct param_table){.config = *c};
    out->params = calloc(PER_BLOCK * layers + OUTSIDE, sizeof *out->params);
    out->groups = calloc(N_PARTS * layers + 3, sizeof *out->groups);
    out->blocks = calloc(layers + 1, sizeof *out->blocks);
    out->own = calloc(N_PARTS * layers + 3, sizeof *out->own);
    out->lora = calloc(N_PARTS * layers + 3, sizeof *out->lora);
    if (!out->params || !out->groups || !out->blocks || !out->own || !out->lora) {
        param_table_destroy(out);
        return err_set(err, ERR_NOMEM, "not enough memory for a table of %d layers", c->layers);
    }
    struct builder b = {.t = out, .std = 0.02, .residual_std = residual_std(c)};
    add_embed(&b);
    for (int l = 0; l < c->layers; l++) add_block(&b, l);
    out->blocks[c->layers] = out->n_groups;
    add_top(&b);
    for (int i = 0; i < out->n_params; i++) {
        const struct param *p = &out->params[i];
        (p->adapter ? out->lora : out->own)[p->group] = true;
    }
    return true;
}

void param_table_destroy(struct param_table *t) {
    free(t->params);
    free(t->groups);
    free(t->blocks);
    free(t->own);
    free(t->lora);
    *t = (struct param_table){0};
}
