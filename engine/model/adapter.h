/* adapter.h - low-rank adapters (LoRA): a linear map's own matrix stays as it is, and two thin ones beside it learn.
 *   y = x W^T + b + s (drop(x) A^T) B^T    A[rank, in], B[out, rank]; s = alpha / rank, with rs alpha / sqrt(rank)
 * A begins uniform within 1 / sqrt(in), B as zeros, so that a new adapter changes nothing (PEFT begins the same way).
 * Here: which maps a family has, by the words of a config and by PEFT's names. Their tensors are rows of the
 * parameter table, a group "block.N.lora" for each block that has any.
 * Sources: Hu et al., arXiv 2106.09685 (LoRA); Kalajdzievski, arXiv 2312.03732 (rsLoRA). */
#ifndef THAW_ENGINE_MODEL_ADAPTER_H
#define THAW_ENGINE_MODEL_ADAPTER_H
#include "engine/model/config.h"

/* The linear maps of a block, as it runs them: queries, keys and values are one, and gate and up. */
enum adapter_site { SITE_QKV, SITE_PROJ, SITE_UP, SITE_DOWN, ADAPTER_SITES };

enum { ADAPTER_PARTS = 3,    /* maps with an adapter of their own within one site */
       ADAPTER_TARGETS = 7,  /* of a family at most */
       ADAPTER_RANK_MAX = 1024 };

struct adapter_target {
    const char *word;   /* "q" */
    const char *module; /* within the block, as in Hugging Face's names: "self_attn.q_proj" */
    enum adapter_site site;
    int in, from, out; /* its outputs are [from, from + out) of the site's */
};
/* All that the family has, ordered by site and within it by `from`; returns how many. GPT-2's q, k and v are one map,
 * "qkv". */
int adapter_targets(const struct model_config *c, struct adapter_target out[ADAPTER_TARGETS]);

double adapter_scale(const struct adapter *a); /* s */

/* The bits of a word: a target's, "all", and where q, k and v are one map any of these. ERR_RANGE names the known. */
bool adapter_word(const struct model_config *c, const char *word, uint8_t *bits, struct err *err);
/* "3" or "0-11" into blocks first..last of the model. */
bool adapter_blocks(const struct model_config *c, const char *text, int *first, int *last, struct err *err);
/* "rank 8 on q, v of blocks 0-11" for messages. */
void adapter_describe(const struct model_config *c, struct buf *out);
bool adapter_same(const struct model_config *a, const struct model_config *b); /* of models of one shape */

/* Where block `layer` of the model has its modules in Hugging Face's names: "model.layers.3." */
void adapter_block_name(const struct model_config *c, int layer, char *out, size_t size);
#endif
