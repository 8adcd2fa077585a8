#include "engine/run/dist_plan.h"

#include <stdlib.h>

#include "engine/core/tree.h"

/* ---- buckets ---- */

/* What has learned once the backward pass is through with block `layer`: it and all above. */
static void mask_from(const struct param_table *t, const bool *learn, int layer, bool *mask) {
    for (int g = 0; g < t->n_groups; g++) {
        bool above = t->groups[g].layer >= layer || g >= t->blocks[t->config.layers];
        mask[g] = learn[g] && above;
    }
}

/* Gradients of groups [from, to). */
static double bytes_of(const struct param_table *t, const bool *learn, int from, int to) {
    double bytes = 0;
    for (int g = from; g < to; g++)
        if (learn[g]) bytes += (double)t->groups[g].parameters * (double)sizeof(real);
    return bytes;
}

static int add_bucket(struct dist_bucket *list, int n, double ready, double bytes) {
    if (bytes == 0) return n;
    list[n] = (struct dist_bucket){ready < 1 ? ready : 1, bytes};
    return n + 1;
}

/* Where the head shares the embedding's matrix, the product for its gradient comes first,
 * though the gradient is done last of all. */
static double first_product(const struct param_table *t, const bool *learn) {
    return t->config.tied && learn[0] ? (double)t->config.vocab * t->config.width : 0;
}

/* Of the lowest block the mlp's are done before the products for its attention's
 * (model/backward.c): mask is of all that has learned with that block. */
static int add_lowest_mlp(const struct cost_shape *s, const bool *learn, int layer,
                          double first, bool *mask, struct dist_bucket *list, int n) {
    int attn = s->table->blocks[layer], mlp = attn + 1; /* the order of the table's groups */
    if (!learn[attn] || !learn[mlp]) return n;
    mask[attn] = false;
    double ready = (first + cost_backward(s, mask)) / cost_backward(s, learn);
    mask[attn] = true;
    return add_bucket(list, n, ready, bytes_of(s->table, learn, mlp, mlp + 1));
}

static int list_buckets(const struct cost_shape *s, const bool *learn, bool *mask,
                        struct dist_bucket *list) {
    const struct param_table *t = s->table;
    int layers = t->config.layers, n = 0;
    double all = cost_backward(s, learn), first = first_product(t, learn);
    for (int l = layers; l >= 0; l--) { /* layer `layers`: final norm and head */
        int to = l < layers ? t->blocks[l + 1] : t->n_groups;
        int before = n;
        mask_from(t, learn, l, mask);
        if (l == transformer_cut(t, learn) && l < layers)
            n = add_lowest_mlp(s, learn, l, first, mask, list, n);
        double ahead = n > before ? list[before].bytes : 0;
        n = add_bucket(list, n, (first + cost_backward(s, mask)) / all,
                       bytes_of(t, learn, t->blocks[l], to) - ahead);
    }
    return add_bucket(list, n, 1, bytes_of(t, learn, 0, t->blocks[0]));
}

bool dist_buckets(const struct cost_shape *s, const bool *learn, struct dist_bucket **out,
                  int *n, struct err *err) {
    bool *mask = calloc((size_t)s->table->n_groups, sizeof *mask);
    *out = calloc((size_t)s->table->config.layers + 3, sizeof **out);
    bool ok = (mask && *out) || err_set(err, ERR_NOMEM, "no memory to plan a step");
    *n = ok ? list_buckets(s, learn, mask, *out) : 0;
    free(mask);
    if (ok) return true;
    free(*out);
    *out = NULL;
    return false;
}

/* ---- a step ---- */

/* What a node sends of a sum, and receives. */
static double sent_bytes(double bytes, int nodes) {
    return 2 * (double)(nodes - 1) / nodes * bytes;
}

double dist_sum_seconds(double bytes, int nodes, struct dist_link link) {
    if (nodes == 1) return 0;
    return sent_bytes(bytes, nodes) / link.bytes_per_s +
           2 * tree_levels(nodes) * link.latency_s;
}

struct dist_step dist_step(const struct dist_bucket *buckets, int n, struct dist_node node,
                           int nodes, struct dist_link link) {
    double last = node.backward, free_at = 0,
           sent = 0;                      /* last: the pass during which is sent */
    double share = node.shares ? 0.5 : 1; /* of a sum's way, there and back */
    for (int i = 0; i < n; i++)
        last += node.carry * share * sent_bytes(buckets[i].bytes, nodes);
    double carried = last - node.backward;
    double computed = node.forward + last + (node.parts - 1) * (node.forward + node.backward);
    for (int i = 0; i < n; i++) {
        double ready = computed - last * (1 - buckets[i].ready);
        double takes = share * dist_sum_seconds(buckets[i].bytes, nodes, link);
        free_at = (ready > free_at ? ready : free_at) + takes;
        sent += takes;
    }
    double end = sent > 0 && free_at > computed ? free_at : computed;
    double back = node.shares ? dist_sum_seconds(node.weights, nodes, link) / 2 : 0;
    double bare = end - computed + back, all = sent + back;
    return (struct dist_step){.seconds = end + node.update / (node.shares ? nodes : 1) + back,
                              .sent = all,
                              .carried = carried,
                              .hidden = all > 0 ? 1 - bare / all : 1};
}
