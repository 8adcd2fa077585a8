/* parts.h - what the files of bench/ share: the model under test, what a step is made of, and how the
 * machine's limits are measured. Private to this folder. */
#ifndef THAW_ENGINE_BENCH_PARTS_H
#define THAW_ENGINE_BENCH_PARTS_H
#include "engine/bench/bench.h"
#include "engine/core/arena.h"
#include "engine/core/rng.h"
#include "engine/model/transformer.h"
#include "engine/nn/op_loss.h"

enum { BENCH_LEAST_ITERS = 5, BENCH_MOST_ITERS = 2000 };

/* A model of random weights and where it computes. */
struct bench_model {
    struct exec ex;
    struct param_table table;
    struct weights w;
};

/* Pool and table; then, once it is known to fit, random weights. On failure deinit all the same. */
bool bench_model_init(struct bench_model *m, const struct bench_options *o, struct err *err);
bool bench_model_fill(struct bench_model *m, struct err *err);
void bench_model_deinit(struct bench_model *m);
/* ERR_NOMEM when this machine has less than `bytes`. */
bool bench_fits(double bytes, struct err *err);

/* Of the step's transformer. */
struct transformer_plan bench_transformer_plan(const struct bench_options *o);

/* What the backward pass does in a block (backward.c). */
struct block_plan {
    bool reached;         /* it comes here at all */
    bool attn, mlp, norm; /* these parts learn */
    bool below;           /* so does something further down */
    bool onward;          /* it goes on through the attention part */
    bool qkv_dx;          /* and through its first products, to the norm or to what is below */
};

struct head_plan {
    bool dx, dW, norm; /* gradient for what is below, of the head's matrix, of the final norm's gain */
};

struct bench {
    struct bench_options options;
    struct bench_model model;
    struct weights g;
    struct optim optim;
    struct transformer *tf;
    bool *learn;               /* [n_groups] */
    double *norms, *updates;   /* [n_groups] */
    int32_t *text, *x, *y;     /* random tokens; a batch of them [batch, block] */
    struct rng rng;
    struct block_plan *blocks; /* [layers] */
    struct head_plan head;
    struct arena *prefix_memory; /* options.known: of the rows, and nothing where nothing is frozen below */
    real **prefix_rows;          /* [batch] each [block, width]; NULL: nothing is known */
    bool *prefix_known;          /* [batch] */
    struct arena *memory;      /* of the two below; not touched before the limits are measured */
    real *in, *out;            /* [operand_reals] operands of products and copies */
    size_t operand_reals;
};

/* ---- plan.c ---- */

bool plan_make(struct bench *b, struct err *err); /* from `learn` */

/* The four linear maps of a block, as they are stored: neighbours fused. */
enum block_matrix { MATRIX_QKV, MATRIX_PROJ, MATRIX_UP, MATRIX_DOWN, MATRICES };
struct matrix {
    const char *name;
    int out, in;
    const real *W, *bias; /* of the block asked for; bias NULL: none */
    real *dW, *dbias;     /* NULL: frozen */
    bool add;             /* forward adds to the residual stream */
    bool turned;          /* forward works with a turned copy; for its time W's memory does as well */
};
struct matrix plan_matrix(const struct bench *b, int layer, enum block_matrix which);
/* The head's work on a batch; `keep` where the gradient of its matrix is left as factors while it learns. */
struct loss_dims plan_loss(const struct bench_options *o);

/* ---- limits.c ---- */

/* Reals that `in` and `out` must have each. */
size_t limits_operand_reals(const struct bench_options *o);
void limits_fill(struct bench *b); /* operands in [-1, 1) */
/* dW += dy^T x and dx = dy W as one set of tiles, as the backward pass has them; NULL: not wanted. */
void limits_gradients(struct exec *ex, int rows, const struct matrix *m, real *dW, real *dx,
                      const real *dy, const real *x);
/* All large products of a step, in its order, with the model's own weights. Spoils gradients. */
void limits_products(struct bench *b);
/* Seconds of one product of square matrices; flops of it. */
double limits_square(struct bench *b);
double limits_square_flops(void);
/* Copy n reals with all threads. */
void limits_copy(struct exec *ex, real *to, const real *from, size_t n);

/* ---- rounds.c ---- */

/* Sorts; n > 0. */
struct bench_time rounds_sum_up(double *seconds, int n);
/* Rounds to make, when one takes so long. */
int rounds_for(const struct bench_options *o, double seconds);
void rounds_tell(const struct bench_options *o, int done, int all);
uint64_t rounds_peak_rss(void); /* bytes */
#endif
