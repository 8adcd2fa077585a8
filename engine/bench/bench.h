/* bench.h - how fast a model of a given shape trains and speaks here, beside this machine's limit.
 * Machines drift (here by up to 2x within a minute), so what is set side by side is measured in turn: a
 * round of the limit, a step, the next round; and what is told is medians. Times are seconds, memory is
 * sized and reserved before the first round. */
#ifndef THAW_ENGINE_BENCH_BENCH_H
#define THAW_ENGINE_BENCH_BENCH_H
#include "engine/model/params.h"
#include "engine/optim/optim.h"

struct bench_options {
    struct model_config config; /* completed; its context is at least `block` */
    struct optim_settings optim;
    int batch, block; /* sequences a step, tokens of a sequence */
    const char *freeze; /* GROUPS (params.h) that do not learn; "": none */
    bool known;         /* the stream below the lowest group that learns is known (prefix_cache.h) */
    int threads;        /* 0: one a core */
    int iters;          /* steps, or rounds; 0: as many as take some 5 s, at least 5 */
    /* How far a measurement is, 0 to 1; NULL: nobody asks. */
    void (*progress)(void *ctx, double share);
    void *progress_ctx;
};

struct bench_time {
    double median, min, max; /* seconds */
};

/* ---- training ---- */

struct bench; /* opaque: a model with all that trains it, and random text */

/* ERR_RANGE: a shape or a group that cannot be; ERR_NOMEM says how much was wanted. Owner: the caller. */
struct bench *bench_create(const struct bench_options *o, struct err *err);
void bench_destroy(struct bench *b); /* NULL is fine */

struct bench_step {
    struct bench_time step; /* a batch, gradients, their norm, the update: what the trainer does */
    double forward, backward, update; /* medians; the update with the norm of the gradients */
    int iters;
    uint64_t flops;          /* of the matrix products of a step, attention's and Muon's included */
    uint64_t linear_flops;   /* of its large products: the linear maps and the head */
    double linear_seconds;   /* that those take alone, one after another, in the step's order */
    double square_gflops;    /* products of 1024 x 1024 */
    uint64_t parameters, learning; /* weights, and those that learn */
    uint64_t activations_bytes;    /* reserved; what frozen blocks do not need is never touched */
    uint64_t peak_rss_bytes;       /* of the process so far, without what only the limits take */
};

/* Two steps and two rounds are left out; then limits and steps in turn. (That costs a model as small as
 * 4 blocks of 128 some 2%, since its caches are cold again.) Each batch is another piece of random text.
 * False with ERR_NOMEM. */
bool bench_train(struct bench *b, struct bench_step *out, struct err *err);
/* Which groups are frozen, as groups_format() has it, and the threads that compute. */
void bench_frozen(const struct bench *b, struct buf *out);
int bench_threads(const struct bench *b);

/* ---- ops ---- */

enum { BENCH_OPS_MAX = 48 };

/* One kind of op at the model's shapes; `calls` in a step under the freeze plan. */
struct bench_op {
    char name[40];
    int calls;
    double seconds; /* of a call: median */
    double amount;  /* flop of a call (products), or bytes that it has to read and write */
    bool product;
    double limit; /* of amount/second: square products, or a copy of as many bytes beside it */
};

/* Every op of a step; after bench_train(). Operands lie in the caches where they fit, as do those of the
 * copies. *n gets how many. False with ERR_NOMEM. */
bool bench_ops(struct bench *b, struct bench_op ops[BENCH_OPS_MAX], int *n, struct err *err);

/* ---- sending ---- */

/* Seconds that products on so many threads are set back, all together, for each byte that Open MPI sends by TCP at that
 * rate while another is received: median of rounds with and without, 2 s in all. 0 where it cannot be measured. */
double bench_carry(int threads, double bytes_per_s);

/* ---- generation ---- */

struct bench_decode {
    struct bench_time token;  /* one sequence, the likeliest token each time; over a whole context */
    int iters, threads;       /* rounds of as many tokens as the context has, at most 64 */
    uint64_t parameters;
    uint64_t weights_bytes;   /* read for a token: all but the rows of the embedding that are not its own */
    double copy_bytes_per_s;  /* copying as many bytes as the weights have, read and written ones counted */
    uint64_t peak_rss_bytes;  /* without what only the copy takes */
};

/* Generation with the cache of keys and values, and copies, in turn. Errors as for bench_create(). */
bool bench_decode(const struct bench_options *o, struct bench_decode *out, struct err *err);
#endif
