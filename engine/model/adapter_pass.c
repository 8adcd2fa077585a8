/* adapter_pass.c - the adapters (adapter.h) in a share's way up and down, and the merging. A
 * map's adapters of several parts go together wherever their input is the same. */
#include "engine/core/rng.h"
#include "engine/model/transformer_impl.h"
#include "engine/nn/op_dropout.h"

/* Of one site in one share. */
struct place {
    const struct share *s;
    struct adapter_view v;
    int in, out;  /* widths of the map */
    int rank, ld; /* of one part; between the rows of what they make of their input */
};

static struct place place_of(const struct share *s, int layer, enum adapter_site site) {
    const struct transformer *tf = s->p->tf;
    struct site_widths w = site_widths(&tf->width, site);
    return (struct place){.s = s,
                          .v = weights_adapter(s->p->w, layer, site, NULL),
                          .in = w.in,
                          .out = w.out,
                          .rank = s->p->w->table->config.adapter.rank,
                          .ld = tf->width.rank[site]};
}

static real scale_of(const struct place *at) {
    return (real)adapter_scale(&at->s->p->w->table->config.adapter);
}

/* Only what learns is made to learn with less. */
static bool drops(const struct share *s, int layer) {
    const struct pass *p = s->p;
    const struct param_table *t = p->tf->table;
    return p->drop.share > 0 && (!p->learn || p->learn[t->blocks[layer + 1] - 1]);
}

static struct dropout_dims dropout_of(const struct share *s, int layer,
                                      enum adapter_site site) {
    const struct pass *p = s->p;
    struct rng stream = rng_make(p->drop.key, (uint64_t)layer, (uint64_t)site);
    return (struct dropout_dims){.rows = s->rows,
                                 .width = site_widths(&p->tf->width, site).in,
                                 .share = p->drop.share,
                                 .key = rng_next(&stream),
                                 .row = p->drop.row + (uint64_t)s->row};
}

/* low[rows, n * rank] = s drop(x) A^T */
static void lower(const struct place *at, real *low, const real *x) {
    blas_gemm(&at->s->lane->ex, &(struct gemm){.m = at->s->rows,
                                               .n = at->v.n * at->rank,
                                               .k = at->in,
                                               .alpha = scale_of(at),
                                               .A = x,
                                               .lda = at->in,
                                               .tb = TRANSPOSED,
                                               .B = at->v.A,
                                               .ldb = at->in,
                                               .C = low,
                                               .ldc = at->ld});
}

void adapter_lower(const struct share *s, const struct block_kept *b, int layer,
                   enum adapter_site site, const real *x) {
    struct place at = place_of(s, layer, site);
    if (at.v.n == 0) return;
    if (drops(s, layer)) {
        dropout_forward(&s->lane->ex, s->lane->dropped, x, dropout_of(s, layer, site));
        x = s->lane->dropped;
    }
    lower(&at, b->low[site], x);
}

void adapter_forward(const struct share *s, const struct block_kept *b, int layer,
                     enum adapter_site site, real *y, const real *x) {
    struct place at = place_of(s, layer, site);
    adapter_lower(s, b, layer, site, x);
    for (int i = 0; i < at.v.n; i++)
        blas_gemm(&s->lane->ex, &(struct gemm){.m = s->rows,
                                               .n = at.v.part[i].out,
                                               .k = at.rank,
                                               .A = b->low[site] + i * at.rank,
                                               .lda = at.ld,
                                               .tb = TRANSPOSED,
                                               .B = at.v.part[i].B,
                                               .ldb = at.rank,
                                               .C = y + at.v.part[i].from,
                                               .ldc = at.out,
                                               .add = true});
}

/* dx[rows, in] (+)= d_low A */
static void input_gradient(const struct place *at, real *dx, const real *d_low, bool add) {
    blas_gemm(&at->s->lane->ex, &(struct gemm){.m = at->s->rows,
                                               .n = at->in,
                                               .k = at->v.n * at->rank,
                                               .A = d_low,
                                               .lda = at->ld,
                                               .B = at->v.A,
                                               .ldb = at->in,
                                               .C = dx,
                                               .ldc = at->in,
                                               .add = add});
}

void adapter_backward(const struct share *s, const struct block_factors *f, int layer,
                      enum adapter_site site, real *dx, const real *dy) {
    struct place at = place_of(s, layer, site);
    struct lane *lane = s->lane;
    real *d_low = f->d_low[site];
    if (at.v.n == 0) return;
    for (int i = 0; i < at.v.n; i++)
        blas_gemm(&lane->ex, &(struct gemm){.m = s->rows,
                                            .n = at.rank,
                                            .k = at.v.part[i].out,
                                            .alpha = scale_of(&at),
                                            .A = dy + at.v.part[i].from,
                                            .lda = at.out,
                                            .B = at.v.part[i].B,
                                            .ldb = at.rank,
                                            .C = d_low + i * at.rank,
                                            .ldc = at.ld});
    bool drop = drops(s, layer);
    if (dx) input_gradient(&at, drop ? lane->dropped : dx, d_low, !drop);
    if (dx && drop) dropout_add(&lane->ex, dx, lane->dropped, dropout_of(s, layer, site));
}

void adapter_keep_input(const struct share *s, const struct block_factors *f, int layer,
                        enum adapter_site site, const real *x) {
    if (place_of(s, layer, site).v.n > 0 && drops(s, layer))
        dropout_forward(&s->lane->ex, f->dropped[site], x, dropout_of(s, layer, site));
}

int adapter_products(const struct pass *p, const struct adapter_view *d, int layer,
                     enum adapter_site site, const struct block_factors *f, const real *dy,
                     const real *x, struct gemm *out) {
    const struct transformer *tf = p->tf;
    struct site_widths w = site_widths(&tf->width, site);
    int rank = tf->table->config.adapter.rank, ld = tf->width.rank[site], n = 0;
    if (d->n == 0) return 0;
    out[n++] = (struct gemm){.m = d->n * rank,
                             .n = w.in,
                             .k = p->rows,
                             .ta = TRANSPOSED,
                             .A = f->d_low[site],
                             .lda = ld,
                             .B = p->drop.share > 0 ? f->dropped[site] : x,
                             .ldb = w.in,
                             .C = d->A,
                             .ldc = w.in,
                             .add = !p->overwrite};
    for (int i = 0; i < d->n; i++)
        out[n++] = (struct gemm){.m = d->part[i].out,
                                 .n = rank,
                                 .k = p->rows,
                                 .ta = TRANSPOSED,
                                 .A = dy + d->part[i].from,
                                 .lda = w.out,
                                 .B = tf->blocks[layer].low[site] + i * rank,
                                 .ldb = ld,
                                 .C = d->part[i].B,
                                 .ldc = rank,
                                 .add = !p->overwrite};
    return n;
}

/* ---- merging ---- */

void weights_merge(struct exec *ex, struct weights *w) {
    const struct model_config *c = &w->table->config;
    int q = c->heads * c->head_dim, rank = c->adapter.rank;
    const int in[ADAPTER_SITES] = {c->width, q, c->width, c->ffn};
    for (int l = 0; l < c->layers; l++) {
        struct block_view v = weights_block(w, l, NULL);
        real *const W[ADAPTER_SITES] = {v.qkv, v.proj, v.up, v.down};
        for (int site = 0; site < ADAPTER_SITES; site++) {
            struct adapter_view a = weights_adapter(w, l, (enum adapter_site)site, NULL);
            for (int i = 0; i < a.n; i++)
                blas_gemm(
                    ex, &(struct gemm){.m = a.part[i].out,
                                       .n = in[site],
                                       .k = rank,
                                       .alpha = (real)adapter_scale(&c->adapter),
                                       .A = a.part[i].B,
                                       .lda = rank,
                                       .B = a.A + (size_t)(i * rank) * (size_t)in[site],
                                       .ldb = in[site],
                                       .C = W[site] + (size_t)a.part[i].from * (size_t)in[site],
                                       .ldc = in[site],
                                       .add = true});
        }
    }
    w->plain = true;
}
