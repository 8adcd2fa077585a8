/* in_grads.c - activations in memory of gradients. The backward goes down through the blocks,
 * and lays a block's gradients down when it is done with the block: until then their place is
 * free, and there what the block above keeps is read for the last time just before. So a step's
 * activations cost little beside its gradients. */
#include "engine/model/transformer_impl.h"

/* What is large of what a block keeps. */
struct field {
    size_t at; /* of its pointer in struct block_kept */
    int width; /* reals of a row */
};
enum {
    FIELDS = 5,
    PARTS = 2 /* groups of a block that it may stand in: its attention's, its mlp's */
};

static void list_fields(struct field out[FIELDS], const struct widths *w) {
    const struct field all[FIELDS] = {{offsetof(struct block_kept, up), w->up},
                                      {offsetof(struct block_kept, qkv), w->qkv},
                                      {offsetof(struct block_kept, attn), w->q},
                                      {offsetof(struct block_kept, x), w->model},
                                      {offsetof(struct block_kept, x_mid), w->model}};
    for (int i = 0; i < FIELDS; i++) out[i] = all[i];
}

static bool keeps_in_grads(const struct model_config *c, struct transformer_plan plan) {
    return plan.in_grads && plan.backward && !plan.recompute && transformer_widens(c, plan);
}

/* Moves what fits of the block above `layer` into gradients of `layer` that are made in this
 * pass; returns the bytes. b NULL: they are only counted. */
static size_t move_above(struct block_kept *b, const struct param_table *t,
                         struct transformer_plan plan, const struct weights *grads,
                         const bool *learn, int layer) {
    struct widths w = widths_of(&t->config);
    struct field fields[FIELDS];
    size_t rows = (size_t)plan.batch * (size_t)plan.time, used[PARTS] = {0}, bytes = 0;
    list_fields(fields, &w);
    for (int i = 0; i < FIELDS; i++) {
        size_t n = arena_round(rows * (size_t)fields[i].width * sizeof(real)) / sizeof(real);
        for (int part = PARTS - 1; part >= 0; part--) {
            int g = t->blocks[layer] + part;
            if ((learn && !learn[g]) || used[part] + n > t->groups[g].reals) continue;
            if (b) *(real **)(void *)((char *)b + fields[i].at) = grads->group[g] + used[part];
            used[part] += n;
            bytes += n * sizeof(real);
            break;
        }
    }
    return bytes;
}

void blocks_place(struct transformer *tf, const struct weights *grads, const bool *learn,
                  int from, bool inside) {
    const struct param_table *t = tf->table;
    if (!keeps_in_grads(&t->config, tf->plan)) return;
    for (int l = 0; l < t->config.layers; l++) {
        tf->blocks[l] = tf->own[l];
        if (inside && l > from) move_above(&tf->blocks[l], t, tf->plan, grads, learn, l - 1);
    }
}

size_t transformer_bytes_in_grads(const struct param_table *t, struct transformer_plan plan,
                                  const bool *learn) {
    size_t bytes = 0;
    if (!keeps_in_grads(&t->config, plan)) return 0;
    for (int l = transformer_cut(t, learn) + 1; l < t->config.layers; l++)
        bytes += move_above(NULL, t, plan, NULL, learn, l - 1);
    return bytes;
}
