/* plan.c - what a step consists of under a freeze plan: the decisions of model/backward.c, told
 * apart from their doing. test_bench.c holds the products that follow from it against those
 * that a step counts. */
#include <stdlib.h>

#include "engine/bench/parts.h"

/* Groups of one block, in the table's order (params.h). */
enum { ATTN, MLP, NORM, LORA };

static struct block_plan plan_block(const bool *block, bool lora, bool reached, bool below) {
    struct block_plan p = {.reached = reached,
                           .attn = block[ATTN],
                           .mlp = block[MLP],
                           .norm = block[NORM],
                           .below = below};
    p.onward = reached && (p.attn || p.norm || lora || below);
    p.qkv_dx = reached && (p.norm || below);
    return p;
}

bool plan_make(struct bench *b, struct err *err) {
    const struct model_config *c = &b->model.table.config;
    const int *blocks = b->model.table.blocks;
    int norm = blocks[c->layers];
    bool below = b->learn[0]; /* the embedding's lookup lies below all blocks */
    b->blocks = calloc((size_t)c->layers, sizeof *b->blocks);
    if (!b->blocks)
        return err_set(err, ERR_NOMEM, "not enough memory for a plan of %d blocks", c->layers);
    for (int l = 0; l < c->layers; l++) {
        const bool *block = b->learn + blocks[l];
        bool lora = blocks[l + 1] - blocks[l] > LORA && block[LORA];
        bool here = block[ATTN] || block[MLP] || block[NORM] || lora;
        b->blocks[l] = plan_block(block, lora, here || below, below);
        below = below || here;
    }
    b->head = (struct head_plan){.dx = below || b->learn[norm],
                                 .dW = b->learn[c->tied ? 0 : norm + 1],
                                 .norm = b->learn[norm]};
    return true;
}

struct matrix plan_matrix(const struct bench *b, int layer, enum block_matrix which) {
    const struct model_config *c = &b->model.table.config;
    struct block_view w = weights_block(&b->model.w, layer, NULL);
    struct block_view d = weights_block(&b->g, layer, b->learn);
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    int up = family_traits[c->family].gated ? 2 * c->ffn : c->ffn;
    bool turned = transformer_turns(c, bench_transformer_plan(&b->options));
    const struct matrix all[MATRICES] = {
        {"qkv", q + 2 * kv, c->width, w.qkv, w.qkv_bias, d.qkv, d.qkv_bias, false, turned},
        {"proj", c->width, q, w.proj, w.proj_bias, d.proj, d.proj_bias, true, turned},
        {"up", up, c->width, w.up, w.up_bias, d.up, d.up_bias, false, turned},
        {"down", c->width, c->ffn, w.down, w.down_bias, d.down, d.down_bias, true, turned}};
    return all[which];
}

struct loss_dims plan_loss(const struct bench_options *o) {
    int rows = o->batch * o->block;
    return (struct loss_dims){.rows = rows,
                              .width = o->config.width,
                              .vocab = o->config.vocab,
                              .scale = R(1.0) / (real)rows,
                              .keep = bench_transformer_plan(o).factors};
}
