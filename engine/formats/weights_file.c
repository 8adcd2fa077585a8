#include "engine/formats/weights_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/formats/hf_model.h"

_Static_assert(sizeof(real) == sizeof(float),
               "files hold F32; the double build has no formats");

static const char gpt2_prefix[] = "transformer.";

/* ---- finding ---- */

const char *shards_bare(const char *name) {
    size_t n = sizeof gpt2_prefix - 1;
    return strncmp(name, gpt2_prefix, n) == 0 ? name + n : name;
}

static const struct tensor *find_exactly(const struct shards *s, const char *prefix,
                                         const char *name, const char **file) {
    char full[NAME_MAX_BYTES];
    if (snprintf(full, sizeof full, "%s%s", prefix, name) >= (int)sizeof full) return NULL;
    for (int i = 0; i < s->n; i++) {
        const struct tensor *t = safetensors_find(s->files[i], full);
        if (!t) continue;
        *file = safetensors_name(s->files[i]);
        return t;
    }
    return NULL;
}

const struct tensor *shards_find(const struct shards *s, const char *prefix, const char *name,
                                 const char **file) {
    const struct tensor *t = find_exactly(s, prefix, name, file);
    return t || shards_bare(name) == name ? t
                                          : find_exactly(s, prefix, shards_bare(name), file);
}

static bool missing(const struct shards *s, const char *prefix, const struct param *p,
                    const struct param_table *t, struct err *err) {
    const struct safetensors *file = s->files[0];
    const struct tensor *first = safetensors_at(file, 0);
    return err_set(
        err, ERR_PARSE,
        "%s: no tensor '%s%s' (there are %zu others, the first is '%.80s'); this is no "
        "%s model, or not that of its config.json",
        safetensors_name(file), prefix, p->name, safetensors_count(file),
        first ? first->name : "", family_traits[t->config.family].word);
}

/* ---- shapes ---- */

int shards_dims(const struct param *p, int64_t dims[2]) {
    if (p->vector) {
        dims[0] = p->cols;
        return 1;
    }
    dims[0] = p->transposed ? p->cols : p->rows;
    dims[1] = p->transposed ? p->rows : p->cols;
    return 2;
}

static void shape_text(const int64_t *dims, int n, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (used < size) snprintf(out + used, size - used, "]");
}

static bool check_tensor(const struct tensor *t, const struct param *p, const char *file,
                         struct err *err) {
    if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 && t->dtype != DTYPE_BF16)
        return err_set(err, ERR_PARSE,
                       "%s: tensor '%s' is not F32, F16 or BF16; save it as one", file,
                       t->name);
    int64_t dims[2];
    int n = shards_dims(p, dims);
    if (t->n_dims == n && memcmp(t->dims, dims, (size_t)n * sizeof dims[0]) == 0) return true;
    char has[200], wants[64];
    shape_text(t->dims, t->n_dims, has, sizeof has);
    shape_text(dims, n, wants, sizeof wants);
    return err_set(
        err, ERR_PARSE,
        "%s: tensor '%s' has shape %s where config.json asks for %s; take both files "
        "from the same model",
        file, t->name, has, wants);
}

/* ---- loading ---- */

/* W[out,in] from the file's [in,out], some rows of the file at a time. */
static bool load_transposed(const struct tensor *t, const struct param *p, float *W,
                            struct err *err) {
    size_t out = (size_t)p->rows, in = (size_t)p->cols;
    float *strip = malloc(STRIP * out * sizeof *strip);
    if (!strip) return err_set(err, ERR_NOMEM, "no memory to turn tensor '%s'", t->name);
    for (size_t first = 0; first < in; first += STRIP) {
        size_t n = in - first < STRIP ? in - first : STRIP;
        tensor_floats(t, first * out, n * out, strip);
        for (size_t o = 0; o < out; o++)
            for (size_t i = 0; i < n; i++) W[o * in + first + i] = strip[i * out + o];
    }
    free(strip);
    return true;
}

static bool wanted(const bool *groups, const struct param *p) {
    return !groups || groups[p->group];
}

/* The same of numbers of 16 bits, which stay such; turned or not. */
static void load_narrow(const struct tensor *t, const struct param *p, uint16_t *W) {
    size_t out = (size_t)p->rows, in = (size_t)p->cols;
    if (!p->transposed) memcpy(W, t->data, t->bytes);
    for (size_t first = 0; p->transposed && first < in; first += 2 * STRIP) {
        size_t n = in - first < 2 * STRIP ? in - first : 2 * STRIP;
        for (size_t o = 0; o < out; o++)
            for (size_t i = 0; i < n; i++)
                memcpy(&W[o * in + first + i], t->data + 2 * ((first + i) * out + o), 2);
    }
}

/* A piece at a time, so that a large file and what is read of it are never both in memory. */
static void load_straight(const struct tensor *t, size_t n, float *W) {
    enum { AT_ONCE = 1 << 20 };
    size_t each = n ? t->bytes / n : 0;
    for (size_t first = 0; first < n; first += AT_ONCE) {
        size_t piece = n - first < AT_ONCE ? n - first : AT_ONCE;
        tensor_floats(t, first, piece, W + first);
        tensor_forget(t, first * each, piece * each);
    }
}

static bool load_param(const struct tensor *t, struct weights *out, int i, struct err *err) {
    const struct param *p = &out->table->params[i];
    uint16_t *narrow = weights_narrow_param(out, i);
    if (narrow && dtype_narrow(t->dtype) == out->kind[p->group]) {
        load_narrow(t, p, narrow);
        return true;
    }
    if (narrow) weights_widen(out, p->group); /* it is no such number in this file */
    float *W = weights_param(out, i);
    if (p->transposed) return load_transposed(t, p, W, err);
    load_straight(t, (size_t)p->rows * (size_t)p->cols, W);
    return true;
}

bool shards_check(const struct shards *s, const char *prefix, const struct param_table *t,
                  const bool *groups, struct err *err) {
    for (int i = 0; i < t->n_params; i++) {
        if (!wanted(groups, &t->params[i])) continue;
        const char *file = "";
        const struct tensor *tensor = shards_find(s, prefix, t->params[i].name, &file);
        if (!tensor) return missing(s, prefix, &t->params[i], t, err);
        if (!check_tensor(tensor, &t->params[i], file, err)) return false;
    }
    return true;
}

bool shards_load(const struct shards *s, const char *prefix, const bool *groups,
                 struct weights *out, struct err *err) {
    if (!shards_check(s, prefix, out->table, groups, err)) return false;
    for (int i = 0; i < out->table->n_params; i++) {
        if (!wanted(groups, &out->table->params[i])) continue;
        const char *file = "";
        const struct tensor *t = shards_find(s, prefix, out->table->params[i].name, &file);
        if (!load_param(t, out, i, err)) return false;
        tensor_forget(t, 0, t->bytes);
    }
    return true;
}

bool weights_load(const struct safetensors *s, const char *prefix, const bool *groups,
                  struct weights *out, struct err *err) {
    struct shards one = {.files = {(struct safetensors *)s}, .n = 1}; /* only read */
    return shards_load(&one, prefix, groups, out, err);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* What a file may hold beside the parameters. GPT-2's masks share the ending ".attn.bias" with
 * no parameter: those end in c_attn.bias and c_proj.bias. */
static bool computable(const char *name, const struct param_table *t) {
    return ends_with(name, ".attn.bias") || ends_with(name, ".attn.masked_bias") ||
           ends_with(name, ".rotary_emb.inv_freq") ||
           (t->config.tied && strcmp(name, "lm_head.weight") == 0);
}

static bool is_param(const char *name, const struct param_table *t) {
    for (int i = 0; i < t->n_params; i++)
        if (!t->params[i].adapter &&
            strcmp(shards_bare(name), shards_bare(t->params[i].name)) == 0)
            return true;
    return false;
}

bool shards_check_extra(const struct shards *s, const struct param_table *t, struct err *err) {
    for (int f = 0; f < s->n; f++)
        for (size_t i = 0; i < safetensors_count(s->files[f]); i++) {
            const char *name = safetensors_at(s->files[f], i)->name;
            if (!computable(name, t) && !is_param(name, t))
                return err_set(
                    err, ERR_PARSE,
                    "%s: tensor '%.80s' has no place in the %s model of its config.json; "
                    "take both files from the same model",
                    safetensors_name(s->files[f]), name, family_traits[t->config.family].word);
        }
    return true;
}
