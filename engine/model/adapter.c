#include "engine/model/adapter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int adapter_targets(const struct model_config *c, struct adapter_target out[ADAPTER_TARGETS]) {
    int w = c->width, q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim, ffn = c->ffn;
    const struct adapter_target gpt2[] = {{"qkv", "attn.c_attn", SITE_QKV, w, 0, q + 2 * kv},
                                          {"o", "attn.c_proj", SITE_PROJ, q, 0, w},
                                          {"up", "mlp.c_fc", SITE_UP, w, 0, ffn},
                                          {"down", "mlp.c_proj", SITE_DOWN, ffn, 0, w}};
    const struct adapter_target rotary[] = {{"q", "self_attn.q_proj", SITE_QKV, w, 0, q},
                                            {"k", "self_attn.k_proj", SITE_QKV, w, q, kv},
                                            {"v", "self_attn.v_proj", SITE_QKV, w, q + kv, kv},
                                            {"o", "self_attn.o_proj", SITE_PROJ, q, 0, w},
                                            {"gate", "mlp.gate_proj", SITE_UP, w, 0, ffn},
                                            {"up", "mlp.up_proj", SITE_UP, w, ffn, ffn},
                                            {"down", "mlp.down_proj", SITE_DOWN, ffn, 0, w}};
    bool fused = !family_traits[c->family].rotary;
    memcpy(out, fused ? gpt2 : rotary, fused ? sizeof gpt2 : sizeof rotary);
    return (int)(fused ? sizeof gpt2 / sizeof *gpt2 : sizeof rotary / sizeof *rotary);
}

double adapter_scale(const struct adapter *a) {
    return a->alpha / (a->rs ? sqrt((double)a->rank) : (double)a->rank);
}

/* ---- words ---- */

bool adapter_word(const struct model_config *c, const char *word, uint8_t *bits,
                  struct err *err) {
    struct adapter_target targets[ADAPTER_TARGETS];
    struct buf known = {0};
    int n = adapter_targets(c, targets);
    bool fused = !family_traits[c->family].rotary, all = strcmp(word, "all") == 0;
    bool part = *word && strchr("qkv", *word) && !word[1];
    *bits = 0;
    for (int i = 0; i < n; i++) {
        bool attention = targets[i].site == SITE_QKV;
        bool within = attention && (strcmp(word, "qkv") == 0 || (fused && part));
        if (all || within || strcmp(word, targets[i].word) == 0)
            *bits = (uint8_t)(*bits | 1u << i);
        buf_printf(&known, "%s%s", i ? ", " : "", targets[i].word);
    }
    if (!*bits)
        err_set(err, ERR_RANGE,
                "no linear map \"%.40s\" in a block of %s; there are %s and all", word,
                family_traits[c->family].word, buf_text(&known));
    buf_deinit(&known);
    return *bits != 0;
}

bool adapter_blocks(const struct model_config *c, const char *text, int *first, int *last,
                    struct err *err) {
    int used = 0;
    int n = sscanf(text, "%4d%n-%4d%n", first, &used, last, &used);
    if (n == 1) *last = *first;
    if (n >= 1 && !text[used] && *first >= 0 && *first <= *last && *last < c->layers)
        return true;
    return err_set(err, ERR_RANGE, "no blocks \"%.40s\" in this model; it has 0-%d", text,
                   c->layers - 1);
}

void adapter_describe(const struct model_config *c, struct buf *out) {
    struct adapter_target targets[ADAPTER_TARGETS];
    const struct adapter *a = &c->adapter;
    int n = adapter_targets(c, targets), words = 0, first = -1, last = -1;
    unsigned bits = 0;
    for (int l = 0; l < c->layers; l++) {
        bits |= a->targets[l];
        if (a->targets[l] && first < 0) first = l;
        if (a->targets[l]) last = l;
    }
    buf_printf(out, "rank %d, alpha %g%s on ", a->rank, a->alpha, a->rs ? " (rs)" : "");
    for (int i = 0; i < n; i++)
        if (bits >> i & 1) buf_printf(out, "%s%s", words++ ? ", " : "", targets[i].word);
    buf_printf(out, " of blocks %d-%d", first, last);
}

bool adapter_same(const struct model_config *a, const struct model_config *b) {
    const struct adapter *x = &a->adapter, *y = &b->adapter;
    return x->rank == y->rank && x->alpha == y->alpha && x->rs == y->rs &&
           memcmp(x->targets, y->targets, (size_t)a->layers) == 0;
}

void adapter_block_name(const struct model_config *c, int layer, char *out, size_t size) {
    bool rotary = family_traits[c->family].rotary;
    snprintf(out, size, rotary ? "model.layers.%d." : "transformer.h.%d.", layer);
}
