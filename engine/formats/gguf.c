#include "engine/formats/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/formats/gguf_parts.h"

_Static_assert(sizeof(real) == sizeof(float), "the double build has no formats");

enum {
    VERSION = 3,
    ALIGN = 32,
    NAME_MAX_BYTES = 64,
    KEY_MAX = 64,
    STRIP = 64 /* rows encoded at once */
};

static const struct type_word {
    const char *word;
    enum gguf_type type;
    uint32_t file; /* general.file_type */
} type_words[] = {{"f32", GGUF_F32, 0},
                  {"f16", GGUF_F16, 1},
                  {"q8_0", GGUF_Q8_0, 7},
                  {"bf16", GGUF_BF16, 32}};
enum { N_TYPES = sizeof type_words / sizeof type_words[0] };

bool gguf_type_by_word(const char *word, enum gguf_type *out) {
    for (int i = 0; i < N_TYPES; i++)
        if (strcmp(type_words[i].word, word) == 0) {
            *out = type_words[i].type;
            return true;
        }
    return false;
}

static uint32_t file_type(enum gguf_type type) {
    int i = 0;
    while (type_words[i].type != type) i++;
    return type_words[i].file;
}

/* ---- names ---- */

/* Ours within a block, or outside all of them, and theirs. */
static const struct name_pair {
    const char *ours, *theirs;
} block_names[] =
    {
        {"attn.c_attn", "attn_qkv"},
        {"attn.c_proj", "attn_output"},
        {"mlp.c_fc", "ffn_up"},
        {"mlp.c_proj", "ffn_down"},
        {"ln_1", "attn_norm"},
        {"ln_2", "ffn_norm"},
        {"self_attn.q_proj", "attn_q"},
        {"self_attn.k_proj", "attn_k"},
        {"self_attn.v_proj", "attn_v"},
        {"self_attn.o_proj", "attn_output"},
        {"self_attn.q_norm", "attn_q_norm"},
        {"self_attn.k_norm", "attn_k_norm"},
        {"mlp.gate_proj", "ffn_gate"},
        {"mlp.up_proj", "ffn_up"},
        {"mlp.down_proj", "ffn_down"},
        {"input_layernorm", "attn_norm"},
        {"post_attention_layernorm", "ffn_norm"},
},
  outer_names[] = {
      {"transformer.wte", "token_embd"},   {"transformer.wpe", "position_embd"},
      {"transformer.ln_f", "output_norm"}, {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},       {"lm_head", "output"},
};

/* "self_attn.q_proj.bias" to "attn_q.bias"; every name of the table is known. */
static bool translate(const struct name_pair *pairs, size_t n, const char *ours,
                      const char *front, char out[NAME_MAX_BYTES]) {
    const char *dot = strrchr(ours, '.'); /* before weight or bias */
    for (size_t i = 0; dot && i < n; i++) {
        size_t length = strlen(pairs[i].ours);
        if (length != (size_t)(dot - ours) || memcmp(ours, pairs[i].ours, length) != 0)
            continue;
        return snprintf(out, NAME_MAX_BYTES, "%s%s%s", front, pairs[i].theirs, dot) <
               NAME_MAX_BYTES;
    }
    return false;
}

static bool their_name(const char *ours, char out[NAME_MAX_BYTES]) {
    int layer = 0, skip = 0;
    char front[32];
    if (sscanf(ours, "transformer.h.%d.%n", &layer, &skip) != 1 || !skip)
        if (sscanf(ours, "model.layers.%d.%n", &layer, &skip) != 1 || !skip)
            return translate(outer_names, sizeof outer_names / sizeof *outer_names, ours, "",
                             out);
    snprintf(front, sizeof front, "blk.%d.", layer);
    return translate(block_names, sizeof block_names / sizeof *block_names, ours + skip, front,
                     out);
}

/* ---- tensors ---- */

struct tensor_out {
    char name[NAME_MAX_BYTES];
    const float *data; /* row-major */
    size_t rows, cols;
    bool vector;
    enum gguf_type type;
    int heads; /* whose rows are written in interleaved order; 0: as they are */
    size_t bytes;
};

struct tensors {
    struct tensor_out *list;
    size_t n;
    float *rope; /* [head_dim/2] memory of rope_freqs; NULL: none */
};

static int turned_heads(const struct model_config *c, const char *name) {
    if (c->family != FAMILY_LLAMA) return 0;
    return strstr(name, "attn_q.") ? c->heads : strstr(name, "attn_k.") ? c->kv_heads : 0;
}

static void list_param(struct tensors *to, const struct weights *w, int i,
                       enum gguf_type type) {
    const struct param *p = &w->table->params[i];
    struct tensor_out t = {.data = weights_param(w, i),
                           .rows = (size_t)p->rows,
                           .cols = (size_t)p->cols,
                           .vector = p->vector,
                           .type = type};
    bool named = their_name(p->name, t.name);
    if (!named) abort(); /* a family without names here: test_gguf.c writes them all */
    if (p->vector || strncmp(t.name, "position_embd", 13) == 0) t.type = GGUF_F32;
    else if (type == GGUF_Q8_0 && t.cols % 32) t.type = GGUF_F16;
    t.heads = turned_heads(&w->table->config, t.name);
    t.bytes = t.rows * gguf_row_bytes(t.type, t.cols);
    to->list[to->n++] = t;
}

/* What readers divide llama's frequencies by, where they are stretched. */
static void list_rope(struct tensors *to, const struct model_config *c) {
    size_t half = (size_t)c->head_dim / 2;
    for (size_t i = 0; i < half; i++)
        to->rope[i] = (float)rope_divisor(c->rope_theta, c->head_dim, (int)i, c->rope_scaling);
    to->list[to->n++] = (struct tensor_out){.name = "rope_freqs.weight",
                                            .data = to->rope,
                                            .rows = 1,
                                            .cols = half,
                                            .vector = true,
                                            .type = GGUF_F32,
                                            .bytes = 4 * half};
}

static bool list_tensors(struct tensors *out, const struct weights *w, enum gguf_type type,
                         struct err *err) {
    const struct model_config *c = &w->table->config;
    bool stretched = c->rope_scaling.factor > 0;
    *out = (struct tensors){0};
    out->list = calloc((size_t)w->table->n_params + 1, sizeof *out->list);
    out->rope = stretched ? calloc((size_t)c->head_dim / 2, sizeof *out->rope) : NULL;
    if (!out->list || (stretched && !out->rope))
        return err_set(err, ERR_NOMEM, "no memory for the names of %d tensors",
                       w->table->n_params);
    for (int i = 0; i < w->table->n_params; i++)
        if (!w->table->params[i].adapter) list_param(out, w, i, type);
    if (stretched) list_rope(out, c);
    return true;
}

static size_t aligned(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

/* Row of ours that stands at row `r` of the file: a head's two halves, element by element. */
static size_t source_row(const struct tensor_out *t, size_t r) {
    if (!t->heads) return r;
    size_t dim = t->rows / (size_t)t->heads, at = r % dim;
    return r - at + at % 2 * (dim / 2) + at / 2;
}

static bool write_tensor(struct files_out *f, const struct tensor_out *t, unsigned char *strip,
                         struct err *err) {
    static const char zeros[ALIGN] = {0};
    size_t row_bytes = gguf_row_bytes(t->type, t->cols);
    for (size_t r = 0; r < t->rows; r += STRIP) {
        size_t n = t->rows - r < STRIP ? t->rows - r : STRIP;
        for (size_t i = 0; i < n; i++)
            gguf_encode(t->type, t->data + source_row(t, r + i) * t->cols, t->cols,
                        strip + i * row_bytes);
        if (!files_out_add(f, strip, n * row_bytes, err)) return false;
    }
    return files_out_add(f, zeros, aligned(t->bytes) - t->bytes, err);
}

static bool write_tensors(struct files_out *f, const struct tensors *all, struct err *err) {
    size_t widest = 1; /* a strip of no bytes might be refused */
    for (size_t i = 0; i < all->n; i++)
        if (all->list[i].cols > widest) widest = all->list[i].cols;
    float *strip = malloc(STRIP * widest * sizeof *strip); /* the widest of kinds */
    if (!strip) return err_set(err, ERR_NOMEM, "%s: no memory to write it", f->path);
    bool good = true;
    for (size_t i = 0; good && i < all->n; i++)
        good = write_tensor(f, &all->list[i], (unsigned char *)strip, err);
    free(strip);
    return good;
}

/* ---- the header ---- */

struct keys {
    struct gguf_pairs *pairs;
    const char *family;
};

static void put_size(struct keys k, const char *name, int value) {
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s.%s", k.family, name);
    gguf_put_integer(k.pairs, key, (uint32_t)value);
}

static void put_real(struct keys k, const char *name, double value) {
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s.%s", k.family, name);
    gguf_put_real(k.pairs, key, value);
}

static void put_model(struct gguf_pairs *pairs, const struct model_config *c, const char *name,
                      enum gguf_type type) {
    const struct family_traits *f = &family_traits[c->family];
    struct keys k = {pairs, f->word};
    gguf_put_text(pairs, "general.architecture", f->word);
    gguf_put_text(pairs, "general.name", name);
    gguf_put_integer(pairs, "general.file_type", file_type(type));
    gguf_put_integer(pairs, "general.quantization_version", 2);
    put_size(k, "context_length", c->context);
    put_size(k, "embedding_length", c->width);
    put_size(k, "block_count", c->layers);
    put_size(k, "feed_forward_length", c->ffn);
    put_size(k, "vocab_size", c->vocab);
    put_size(k, "attention.head_count", c->heads);
    put_real(k, f->rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon",
             c->norm_eps);
    if (!f->rotary) return;
    put_size(k, "attention.head_count_kv", c->kv_heads);
    put_size(k, "attention.key_length", c->head_dim);
    put_size(k, "attention.value_length", c->head_dim);
    put_size(k, "rope.dimension_count", c->head_dim);
    put_real(k, "rope.freq_base", c->rope_theta);
}

/* Names, shapes (fastest first) and places of the tensors, then zeros up to where the first
 * begins. */
static void put_tensors(struct buf *to, const struct tensors *all) {
    size_t offset = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct tensor_out *t = &all->list[i];
        gguf_string(to, t->name, strlen(t->name));
        gguf_number(to, t->vector ? 1 : 2, 4);
        gguf_number(to, t->cols, 8);
        if (!t->vector) gguf_number(to, t->rows, 8);
        gguf_number(to, (uint64_t)t->type, 4);
        gguf_number(to, offset, 8);
        offset += aligned(t->bytes);
    }
    while (!to->failed && to->len % ALIGN) gguf_number(to, 0, 1);
}

static bool make_header(struct buf *out, const struct weights *w, const struct tokenizer *t,
                        const char *name, enum gguf_type type, const struct tensors *all,
                        struct err *err) {
    const struct model_config *c = &w->table->config;
    struct gguf_pairs pairs = {.n = 0};
    put_model(&pairs, c, name, type);
    gguf_put_tokenizer(&pairs, t, c->vocab);
    buf_str(out, "GGUF");
    gguf_number(out, VERSION, 4);
    gguf_number(out, all->n, 8);
    gguf_number(out, pairs.n, 8);
    buf_add(out, buf_text(&pairs.bytes), pairs.bytes.len);
    put_tensors(out, all);
    bool good = !pairs.bytes.failed && !out->failed;
    buf_deinit(&pairs.bytes);
    return good || err_set(err, ERR_NOMEM, "no memory for the header of a GGUF file");
}

/* ---- the file ---- */

static bool has_room(const char *path, uint64_t bytes, struct err *err) {
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    uint64_t free_bytes = files_free_bytes(slash ? folder : ".");
    if (free_bytes >= bytes) return true;
    return err_set(
        err, ERR_FULL,
        "%s needs %.1f MB, and the disk has %.1f MB free; make room, or choose a smaller "
        "type",
        path, (double)bytes / 1e6, (double)free_bytes / 1e6);
}

static bool write_aside(const char *aside, const struct buf *header, const struct tensors *all,
                        struct err *err) {
    struct files_out f;
    unlink(aside); /* what an interrupted export has left */
    if (!files_out_open(&f, aside, err)) return false;
    if (files_out_add(&f, header->data, header->len, err) && write_tensors(&f, all, err) &&
        files_out_close(&f, err))
        return true;
    files_out_abort(&f);
    return false;
}

bool gguf_save(const char *path, const struct weights *w, const struct tokenizer *t,
               const char *name, enum gguf_type type, struct err *err) {
    char aside[4096];
    struct tensors all = {0};
    struct buf header = {0};
    if (!t)
        return err_set(err, ERR_USAGE,
                       "a GGUF file holds a tokenizer, and this model has none; put its "
                       "tokenizer.json beside its config.json");
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return err_set(err, ERR_RANGE, "%s: the path is too long", path);
    bool good =
        list_tensors(&all, w, type, err) && make_header(&header, w, t, name, type, &all, err);
    uint64_t bytes = header.len;
    for (size_t i = 0; good && i < all.n; i++) bytes += aligned(all.list[i].bytes);
    good = good && has_room(path, bytes, err) && write_aside(aside, &header, &all, err) &&
           files_rename(aside, path, err);
    buf_deinit(&header);
    free(all.list);
    free(all.rope);
    return good;
}
