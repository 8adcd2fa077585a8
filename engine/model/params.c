#include "engine/model/params.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/arena.h"
#include "engine/core/rng.h"

/* Groups in order: embed, three or four of each block, norm, head. */
enum { PART_ATTN, PART_MLP, PART_NORM, PART_LORA, N_PARTS };
static const char *const part_words[N_PARTS] = {"attn", "mlp", "norm", "lora"};

static int block_group(const struct param_table *t, int layer, int part) {
    return t->blocks[layer] + part;
}
static int norm_group(const struct param_table *t) { return t->blocks[t->config.layers]; }

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

/* ---- memory in the table's shape ---- */

size_t group_bytes(const struct group *g, enum narrow_kind kind) {
    if (kind == NARROW_NONE) return arena_round(g->reals * sizeof(real));
    return arena_round(g->reals * sizeof(uint16_t)) +
           arena_round(g->vector_reals * sizeof(real));
}

/* `kind` NULL: all are reals. What is narrow has room to become reals as well. */
static bool weights_reserve(const struct param_table *t, const enum narrow_kind *kind,
                            struct weights *out, struct err *err) {
    size_t bytes = 0, n = (size_t)t->n_groups;
    for (int g = 0; g < t->n_groups; g++) {
        bytes += group_bytes(&t->groups[g], NARROW_NONE);
        if (kind && kind[g]) bytes += group_bytes(&t->groups[g], kind[g]);
    }
    *out = (struct weights){.table = t,
                            .group = calloc(n, sizeof *out->group),
                            .shared = calloc(n, sizeof *out->shared),
                            .narrow = calloc(n, sizeof *out->narrow),
                            .kind = calloc(n, sizeof *out->kind)};
    if (out->group && out->shared && out->narrow && out->kind)
        out->arena = arena_create(bytes, err);
    else err_set(err, ERR_NOMEM, "not enough memory for %d groups of weights", t->n_groups);
    if (out->arena) return true;
    weights_destroy(out);
    return false;
}

bool weights_create_narrow(const struct param_table *t, const enum narrow_kind *kind,
                           struct weights *out, struct err *err) {
    if (!weights_reserve(t, kind, out, err)) return false;
    for (int g = 0; g < t->n_groups; g++) {
        const struct group *group = &t->groups[g];
        bool narrow = kind && kind[g];
        assert(!narrow || weights_narrows(t, g));
        if (narrow) {
            out->kind[g] = kind[g];
            out->narrow[g] = arena_take(out->arena, group->reals * sizeof(uint16_t), NULL);
        }
        out->group[g] =
            arena_take_reals(out->arena, narrow ? group->vector_reals : group->reals, NULL);
    }
    return true;
}

bool weights_create(const struct param_table *t, struct weights *out, struct err *err) {
    return weights_create_narrow(t, NULL, out, err);
}

void weights_destroy(struct weights *w) {
    arena_destroy(w->arena);
    free(w->group);
    free(w->shared);
    free(w->narrow);
    free(w->kind);
    *w = (struct weights){0};
}

bool weights_share(const struct weights *live, struct weights *out, struct err *err) {
    if (!weights_reserve(live->table, NULL, out, err)) return false;
    for (int g = 0; g < live->table->n_groups; g++) {
        out->group[g] = live->group[g];
        out->narrow[g] = live->narrow[g];
        out->kind[g] = live->kind[g];
        out->shared[g] = true;
    }
    out->plain = live->plain;
    return true;
}

bool weights_fit(const struct param_table *a, const struct param_table *b) {
    for (int g = 0; g < a->n_groups; g++) {
        int at = groups_find(b, a->groups[g].name);
        if (at < 0 ? a->own[g] : b->groups[at].parameters != a->groups[g].parameters)
            return false;
    }
    return true;
}

bool weights_copy(struct weights *w, const struct weights *from) {
    const struct param_table *to = w->table;
    if (!weights_fit(to, from->table)) return false;
    for (int g = 0; g < to->n_groups; g++) {
        int at = groups_find(from->table, to->groups[g].name);
        if (at >= 0) memcpy(w->group[g], from->group[at], to->groups[g].reals * sizeof(real));
    }
    return true;
}

/* A narrow group never changes, and the other keeps its memory when it becomes reals. */
void weights_unshare(struct weights *w, int g) {
    if (!w->shared[g]) return;
    w->shared[g] = false;
    if (w->narrow[g]) return;
    size_t n = w->table->groups[g].reals;
    real *own = arena_take_reals(w->arena, n, NULL); /* reserved for every group: it fits */
    assert(own);
    memcpy(own, w->group[g], n * sizeof *own);
    w->group[g] = own;
}

bool weights_narrows(const struct param_table *t, int g) {
    const struct group *group = &t->groups[g];
    return t->own[g] && group->layer >= 0 && group->reals > group->vector_reals;
}

void weights_widen(struct weights *w, int g) {
    const struct group *group = &w->table->groups[g];
    if (!w->narrow[g]) return;
    real *own = arena_take_reals(w->arena, group->reals, NULL); /* reserved for it */
    assert(own);
    for (int i = group->first; i < group->first + group->n; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        if (p->vector) memcpy(own + p->offset, weights_param(w, i), n * sizeof *own);
        else narrow_widen(own + p->offset, weights_narrow_param(w, i), n, w->kind[g]);
    }
    w->group[g] = own;
    w->narrow[g] = NULL;
    w->kind[g] = NARROW_NONE;
}

const real *weights_reals(const struct weights *w, int param, size_t from, size_t n,
                          real *scratch) {
    const uint16_t *narrow = weights_narrow_param(w, param);
    if (!narrow) return weights_param(w, param) + from;
    narrow_widen(scratch, narrow + from, n, w->kind[w->table->params[param].group]);
    return scratch;
}

static double initial(const struct param *p, struct rng *r) {
    if (p->init_range > 0) return p->init_range * (2 * rng_uniform(r) - 1);
    return p->init_std > 0 ? p->init_std * rng_normal(r) : p->init_value;
}

static void init_params(struct weights *w, uint64_t seed, bool adapters) {
    uint64_t stream = 0;
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        real *x = weights_param(w, i);
        if (p->adapter != adapters) continue;
        struct rng r = rng_make(seed, stream++, adapters);
        for (size_t j = 0; j < n; j++) x[j] = (real)initial(p, &r);
    }
}

void weights_init(struct weights *w, uint64_t seed) {
    init_params(w, seed, false);
    init_params(w, seed, true);
}

void weights_init_adapters(struct weights *w, uint64_t seed) { init_params(w, seed, true); }

bool weights_adapters_blank(const struct weights *w) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        size_t n = (size_t)p->rows * (size_t)p->cols;
        const real *x = weights_param(w, i);
        bool is_B = p->adapter && !(p->init_range > 0);
        for (size_t j = 0; is_B && j < n; j++)
            if (x[j] != 0) return false;
    }
    return true;
}

/* Reals that are looked at together where a group may be narrow. */
enum { LOOK_REALS = 8192 };

uint64_t weights_fingerprint_group(const struct weights *w, int g) {
    const struct group *group = &w->table->groups[g];
    real scratch[LOOK_REALS];
    uint64_t chain[2] = {0, 0}; /* the hash so far, the next one */
    for (int i = group->first; i < group->first + group->n; i++) {
        const struct param *p = &w->table->params[i];
        size_t all = (size_t)p->rows * (size_t)p->cols;
        for (size_t from = 0, n; from < all; from += n) {
            n = all - from < LOOK_REALS ? all - from : LOOK_REALS;
            chain[1] = rng_hash(weights_reals(w, i, from, n, scratch), n * sizeof(real));
            chain[0] = rng_hash(chain, sizeof chain);
        }
    }
    return chain[0];
}

uint64_t weights_fingerprint(const struct weights *w) {
    uint64_t chain[2] = {0, 0};
    for (int g = 0; g < w->table->n_groups; g++) {
        chain[1] = weights_fingerprint_group(w, g);
        chain[0] = rng_hash(chain, sizeof chain);
    }
    return chain[0];
}

/* sums[0] += |a - b|^2, sums[1] += |b|^2. The order is fixed by n. */
KERNEL static void add_squares(double sums[2], const real *a, const real *b, size_t n) {
    double moved = 0, size = 0;
#pragma omp simd reduction(+ : moved, size)
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        moved += d * d;
        size += (double)b[i] * (double)b[i];
    }
    sums[0] += moved;
    sums[1] += size;
}

double weights_distance(const struct weights *w, const struct weights *base, int g) {
    const struct group *group = &w->table->groups[g];
    real left[LOOK_REALS], right[LOOK_REALS];
    double sums[2] = {0, 0};
    if (w->group[g] == base->group[g]) return 0;
    for (int i = group->first; i < group->first + group->n; i++) {
        const struct param *p = &w->table->params[i];
        size_t all = (size_t)p->rows * (size_t)p->cols;
        for (size_t from = 0, n; from < all; from += n) {
            n = all - from < LOOK_REALS ? all - from : LOOK_REALS;
            add_squares(sums, weights_reals(w, i, from, n, left),
                        weights_reals(base, i, from, n, right), n);
        }
    }
    return sums[1] > 0 ? sqrt(sums[0] / sums[1]) : 0;
}

/* ---- views ---- */

/* Takes a group's parameters in the table's order; all NULL where the group does not learn. */
struct reader {
    const struct weights *w;
    int next;
    bool absent;
};

static struct reader read_group(const struct weights *w, int g, const bool *learn) {
    return (struct reader){w, w->table->groups[g].first, learn && !learn[g]};
}

static real *take(struct reader *r) {
    int i = r->next++;
    return r->absent ? NULL : weights_param(r->w, i);
}

struct block_view weights_block(const struct weights *w, int layer, const bool *learn) {
    const struct family_traits *f = &family_traits[w->table->config.family];
    struct block_view v = {0};
    struct reader attn = read_group(w, block_group(w->table, layer, PART_ATTN), learn);
    v.qkv = take(&attn);
    if (f->rotary) attn.next += 2; /* k and v are behind q */
    if (f->qkv_bias) v.qkv_bias = take(&attn);
    if (f->qkv_bias && f->rotary) attn.next += 2;
    v.proj = take(&attn);
    if (f->bias) v.proj_bias = take(&attn);
    struct reader mlp = read_group(w, block_group(w->table, layer, PART_MLP), learn);
    v.up = take(&mlp);
    if (f->bias) v.up_bias = take(&mlp);
    if (f->gated) mlp.next++; /* up is behind gate */
    v.down = take(&mlp);
    if (f->bias) v.down_bias = take(&mlp);
    struct reader norm = read_group(w, block_group(w->table, layer, PART_NORM), learn);
    v.norm1 = take(&norm);
    if (f->bias) v.norm1_bias = take(&norm);
    v.norm2 = take(&norm);
    if (f->bias) v.norm2_bias = take(&norm);
    if (f->qk_norm) v.q_norm = take(&norm);
    if (f->qk_norm) v.k_norm = take(&norm);
    return v;
}

struct adapter_view weights_adapter(const struct weights *w, int layer, enum adapter_site site,
                                    const bool *learn) {
    const struct model_config *c = &w->table->config;
    struct adapter_target targets[ADAPTER_TARGETS];
    struct adapter_view v = {.n = 0};
    unsigned bits = c->adapter.rank > 0 && !w->plain ? c->adapter.targets[layer] : 0;
    int g = block_group(w->table, layer, PART_LORA);
    if (!bits || (learn && !learn[g])) return v;
    int n = adapter_targets(c, targets), at = w->table->groups[g].first;
    for (int i = 0; i < n && targets[i].site <= site; i++) {
        if (!(bits >> i & 1)) continue;
        if (targets[i].site == site)
            v.part[v.n++] =
                (struct adapter_part){.from = targets[i].from, .out = targets[i].out};
        else at += 2; /* A and B of another map stand before */
    }
    if (v.n > 0) v.A = weights_param(w, at);
    for (int i = 0; i < v.n; i++) v.part[i].B = weights_param(w, at + v.n + i);
    return v;
}

struct narrow_view weights_block_narrow(const struct weights *w, int layer) {
    const struct family_traits *f = &family_traits[w->table->config.family];
    int attn = block_group(w->table, layer, PART_ATTN);
    int mlp = block_group(w->table, layer, PART_MLP);
    int qkv = w->table->groups[attn].first, up = w->table->groups[mlp].first;
    int behind_qkv = f->rotary ? 3 : 1, behind_up = f->gated ? 2 : 1; /* fused matrices */
    if (f->qkv_bias) behind_qkv += f->rotary ? 3 : 1;
    if (f->bias) behind_up++;
    return (struct narrow_view){.qkv = weights_narrow_param(w, qkv),
                                .proj = weights_narrow_param(w, qkv + behind_qkv),
                                .up = weights_narrow_param(w, up),
                                .down = weights_narrow_param(w, up + behind_up),
                                .attn = w->kind[attn],
                                .mlp = w->kind[mlp]};
}

struct outer_view weights_outer(const struct weights *w, const bool *learn) {
    const struct param_table *t = w->table;
    const struct family_traits *f = &family_traits[t->config.family];
    struct outer_view v = {0};
    struct reader embed = read_group(w, 0, learn);
    v.embed = take(&embed);
    if (!f->rotary) v.positions = take(&embed);
    struct reader norm = read_group(w, norm_group(t), learn);
    v.norm = take(&norm);
    if (f->bias) v.norm_bias = take(&norm);
    struct reader head = read_group(w, t->config.tied ? 0 : norm_group(t) + 1, learn);
    v.head = take(&head);
    return v;
}
