/* weights_views.c - where the matrices and vectors of a block, of an adapter and outside the
 * blocks stand. */
#include <stddef.h>

#include "engine/model/params.h"

static int block_group(const struct param_table *t, int layer, enum block_part part) {
    return t->blocks[layer] + (int)part;
}
static int norm_group(const struct param_table *t) { return t->blocks[t->config.layers]; }

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
