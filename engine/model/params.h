/* params.h - every weight of a model in one table, and memory for what has its shape.
 * A loop over the table sizes memory, initialises, saves, loads, updates, and fills the layers panel.
 * Rows of the table are ordered by group; a group is what one freeze toggle acts on at the finest:
 *   embed   block.N.attn   block.N.mlp   block.N.norm   block.N.lora   norm   head (absent when tied)
 * "block.N" names its parts together; block.N.lora, its adapters (adapter.h), is there where it has any. Learned
 * positions belong to embed; q_norm and k_norm to block.N.norm. */
#ifndef THAW_ENGINE_MODEL_PARAMS_H
#define THAW_ENGINE_MODEL_PARAMS_H
#include <stdint.h>

#include "engine/model/adapter.h"
#include "engine/nn/exec.h"
#include "engine/nn/narrow.h"

enum { PARAM_NAME_MAX = 80, GROUP_NAME_MAX = 24 };

struct param {
    char name[PARAM_NAME_MAX]; /* in the file: "model.layers.0.self_attn.q_proj.weight" */
    int rows, cols;            /* in memory, row-major [out, in]; a vector has rows 1 */
    bool vector;               /* one dimension in the file */
    bool transposed;           /* the file holds [in, out] (GPT-2's Conv1D) */
    bool decay;                /* weight decay applies: matrices and embeddings, not gains and biases */
    double init_std;           /* initial deviation; 0: all equal to init_value */
    double init_value;
    double init_range; /* not 0: initial values are uniform within +-init_range instead */
    bool adapter;      /* one of an adapter's: no part of the model's own file */
    int group;
    size_t offset; /* reals from its group's start */
    size_t apart;  /* a vector's, where the group's vectors stand without its matrices */
};

/* The groups of a block, in their order; the last only where the model has adapters. */
enum block_part { PART_ATTN, PART_MLP, PART_NORM, PART_LORA, N_PARTS };

struct group {
    char name[GROUP_NAME_MAX];
    int layer;          /* -1: outside the blocks */
    int first, n;       /* its rows in the table */
    size_t parameters;  /* weights in it */
    size_t reals;       /* memory: parameters and padding */
    size_t vector_reals; /* of its vectors alone, padding included */
};

struct param_table {
    struct model_config config;
    struct param *params;
    int n_params;
    struct group *groups;
    int n_groups;
    int *blocks;       /* [layers + 1] each block's first group; behind the last: the norm's */
    bool *own, *lora;  /* [n_groups] masks: the model's own groups, the adapters' */
    size_t parameters; /* of the whole model, adapters too */
    const struct imported *imported; /* what it was elsewhere (formats/imported.h), kept wherever the model is saved;
                                        NULL: made here. Borrowed */
};

/* Build the table of a checked config. Owner: the caller. */
bool param_table_create(const struct model_config *c, struct param_table *out, struct err *err);
void param_table_destroy(struct param_table *t);

/* The group of that name, or -1. */
int groups_find(const struct param_table *t, const char *name);

/* Which groups a text means: "embed,0-9,block.11.mlp", "all", "" (none). Numbers and ranges are
 * blocks; "lora" is all adapters, "base" all else. Sets mask[g] true for those named, leaves the others. ERR_RANGE names the unknown word and
 * the known ones. */
bool groups_select(const struct param_table *t, const char *text, bool *mask, struct err *err);
/* The shortest such text for a mask, e.g. "embed,0-2,block.3.attn" ("" none, "all"). */
void groups_format(const struct param_table *t, const bool *mask, struct buf *out);

/* A group as people speak of it: "block.3" stands for its parts, "block.3.attn" for one. */
struct named_group {
    char name[GROUP_NAME_MAX];
    int first, last; /* groups of the table */
};
/* All such names in order: embed, block.0, block.0.attn, ..., norm, head; *n of them. NULL with
 * ERR_NOMEM. Owner: the caller, with free(). */
struct named_group *groups_named(const struct param_table *t, int *n, struct err *err);

/* ---- weights.c: memory in the shape of the table: weights, gradients, moments, a base ---- */

struct weights {
    const struct param_table *table; /* borrowed */
    real **group;                    /* [n_groups] each group's memory, [reals] */
    struct arena *arena;             /* own memory; touched pages only are paid for */
    bool *shared;                    /* [n_groups] group[g] belongs to another */
    struct shelf *shelf;             /* of weights_shelve(); NULL: nothing was */
    bool *shelved;                   /* [n_groups] group[g] stands there, and can only be read */
    bool plain;                      /* its adapters are off: the model runs without them */
    uint16_t **narrow; /* [n_groups] the group's matrices as numbers of 16 bits, at their offsets; group[g] has its
                          vectors alone then. NULL: all are reals. Such a group cannot change */
    enum narrow_kind *kind; /* [n_groups] of narrow[g] */
    bool (*fetch)(const struct weights *w, int g, struct err *err); /* whoever reads group g to save it calls this before:
                     parts of it stand elsewhere; NULL: all are here */
    void *fetch_ctx;
    const struct factored *factored; /* gradients only: the head's matrix is kept as factors (factored.h), and its place
                                        in group[g] is not looked at. NULL: it is there. Borrowed */
};

/* Zeroed memory for every group. */
bool weights_create(const struct param_table *t, struct weights *out, struct err *err);
/* The same with kind[n_groups]: groups that are to stay numbers of 16 bits. Only such as weights_narrows()
 * names. */
bool weights_create_narrow(const struct param_table *t, const enum narrow_kind *kind, struct weights *out,
                           struct err *err);
void weights_destroy(struct weights *w); /* an empty one is fine */

/* Whether a group may be kept narrow: the two of a block that have matrices. */
bool weights_narrows(const struct param_table *t, int g);
/* Make group g reals, in memory that is reserved for that; nothing where it is. What is shared with it stays. */
void weights_widen(struct weights *w, int g);
/* Bytes that group g takes: of that kind, and as reals. */
size_t group_bytes(const struct group *g, enum narrow_kind kind);

/* A base: every group shared with `live` until weights_unshare() copies it. Own memory is reserved,
 * not touched. */
bool weights_share(const struct weights *live, struct weights *out, struct err *err);
/* Share group g, which is shared already, with another of the same table instead. */
void weights_share_group(struct weights *w, const struct weights *live, int g);
/* Whether the models' own groups are the same, and adapters that both have. */
bool weights_fit(const struct param_table *a, const struct param_table *b);
/* Copy into `w` the groups of `from` that it has as well. False, and nothing copied, where they do not fit. */
bool weights_copy(struct weights *w, const struct weights *from);
/* Copy group g from where it is shared into own memory (copy on thaw). Nothing when it is own. */
void weights_unshare(struct weights *w, int g);

/* Put group g aside as it is: into a file in `folder` (core/shelf.h), where it takes no memory but while it is looked
 * at. It is w's own then, and cannot change. Nothing where it is narrow or aside already. Where it fails (ERR_FULL,
 * ERR_IO) it stays as it was. */
bool weights_shelve(struct weights *w, int g, const char *folder, struct err *err);
/* A block (layer -1: all that is outside of blocks) has been looked at and is not needed soon: where it is aside its
 * memory is given back. */
void weights_leave(const struct weights *w, int layer);
void weights_leave_all(const struct weights *w);
/* Give back the memory of all own groups until they are written again: they are zeros now. */
void weights_forget(struct weights *w);
/* The same of the reals [from, to) of an own group. */
void weights_forget_part(struct weights *w, int g, size_t from, size_t to);

/* Where a parameter stands; NULL for a matrix of a narrow group. */
static inline real *weights_param(const struct weights *w, int param) {
    const struct param *p = &w->table->params[param];
    if (!w->narrow[p->group]) return w->group[p->group] + p->offset;
    return p->vector ? w->group[p->group] + p->apart : NULL;
}
/* The same for a matrix of a narrow group; NULL for all else. */
static inline uint16_t *weights_narrow_param(const struct weights *w, int param) {
    const struct param *p = &w->table->params[param];
    bool there = w->narrow[p->group] && !p->vector;
    return there ? w->narrow[p->group] + p->offset : NULL;
}
/* n reals of a parameter from number `from` on: where they stand, or widened into scratch[n]. */
const real *weights_reals(const struct weights *w, int param, size_t from, size_t n, real *scratch);

/* Normal(0, init_std) by a stream of (seed, param) each; the same for any platform's thread count, and whatever
 * adapters there are. */
void weights_init(struct weights *w, uint64_t seed);
/* The adapters alone. */
void weights_init_adapters(struct weights *w, uint64_t seed);
/* Whether the adapters change nothing: every B is zeros, as at first. True where there are none. */
bool weights_adapters_blank(const struct weights *w);
/* Stable 64-bit fingerprint of all weights' bytes (of one group: weights_fingerprint_group). */
uint64_t weights_fingerprint(const struct weights *w);
uint64_t weights_fingerprint_group(const struct weights *w, int g);
/* ||W|| of group g, summed in double in order. */
double weights_norm(const struct weights *w, int g);
/* ||W - B|| / ||B|| for group g, sums in double in a fixed order; 0 when B shares W. */
double weights_distance(const struct weights *w, const struct weights *base, int g);

/* ---- weights_views.c ---- */

/* Pointers into one block's weights or gradients; absent ones NULL. Neighbouring matrices are fused:
 * qkv is [(heads + 2 kv_heads) * head_dim, width], up is [2*ffn, width] (gate, then up) when gated. */
struct block_view {
    real *norm1, *norm1_bias, *norm2, *norm2_bias, *q_norm, *k_norm;
    real *qkv, *qkv_bias, *proj, *proj_bias;
    real *up, *up_bias, *down, *down_bias;
};
/* learn NULL: all; otherwise the pointers of groups with learn[g] false are NULL. */
struct block_view weights_block(const struct weights *w, int layer, const bool *learn);

/* The adapter of one of a block's maps, or its gradients. */
struct adapter_view {
    int n;   /* parts; 0: there is no adapter, it is off, or its gradient is not wanted */
    real *A; /* [n * rank, in] of all parts, on one another */
    struct adapter_part {
        real *B; /* [out, rank] */
        int from, out;
    } part[ADAPTER_PARTS];
};
struct adapter_view weights_adapter(const struct weights *w, int layer, enum adapter_site site,
                                    const bool *learn);
/* Each adapted matrix takes its adapter in, W += s B A, and the adapters are off from then on. Groups must be own. */
void weights_merge(struct exec *ex, struct weights *w);
/* A block's matrices where they are narrow, fused as above; NULL where they are reals, and have their place in the
 * block_view. */
struct narrow_view {
    const uint16_t *qkv, *proj, *up, *down;
    enum narrow_kind attn, mlp; /* of the first two, of the others */
};
struct narrow_view weights_block_narrow(const struct weights *w, int layer);

struct outer_view {
    real *embed, *positions, *norm, *norm_bias;
    real *head; /* == embed when tied */
};
struct outer_view weights_outer(const struct weights *w, const bool *learn);
#endif
