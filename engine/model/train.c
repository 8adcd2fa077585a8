/* train.c - one part of a step: forward, and from the loss down to the lowest group that
 * learns. */
#include <assert.h>

#include "engine/core/clock.h"
#include "engine/model/backward.h"

/* ctx: the head's task where shares have it, else NULL. */
static void forward_share(const struct share *s, void *ctx) {
    const struct head_task *h = ctx;
    if (s->p->kept_from == 0) embed_forward(s);
    blocks_forward(s, s->p->kept_from, s->p->tf->table->config.layers);
    top_forward(s);
    if (h) head_share(s, h);
}

double transformer_train(struct transformer *tf, const struct weights *w, struct weights *grads,
                         const bool *learn, const struct train_part *part,
                         struct step_times *times) {
    int layers = tf->table->config.layers, lowest = transformer_cut(tf->table, learn);
    assert(tf->plan.backward && part->batch <= tf->plan.batch && part->time <= tf->plan.time);
    struct pass p = {
        .tf = tf,
        .w = w,
        .tokens = part->tokens,
        .batch = part->batch,
        .time = part->time,
        .rows = part->batch * part->time,
        .kept_from = lowest,
        .overwrite = part->first,
        .top = tf->x_top,
        .learn = learn,
        .drop = {tf->table->config.adapter.dropout, part->drop.key, part->drop.row},
        .ready = part->ready};
    double start = clock_now();
    bool embed = !learn || learn[0];
    struct head_task head = head_of(&p, grads, learn, part, lowest < layers || embed);
    struct products due = {.n = 0};
    blocks_place(tf, grads, learn, lowest, part->whole);
    blocks_turn(&p, lowest, layers);
    if (lowest > 0) prefix_forward(&p, part->prefix);
    shares_run(&p, forward_share, tf->head_in_shares ? &head : NULL);
    double turn = clock_now();
    if (tf->head_in_shares) due = head_finish(&p, &head);
    else head_pass(&p, &head);
    blocks_backward(&p, grads, learn, lowest, layers, due);
    embed_backward(&p, grads, learn, head.factored);
    if (p.ready && lowest == 0) p.ready->tell(p.ready->ctx, 0, tf->table->blocks[0]);
    grads->factored = head.factored ? head_factors(&p, &head) : NULL;
    if (times) *times = (struct step_times){turn - start, clock_now() - turn};
    return mean_nll(tf->nll, part->targets, p.rows);
}
