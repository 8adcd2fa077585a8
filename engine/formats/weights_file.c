#include "engine/formats/weights_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/formats/hf_model.h"

_Static_assert(sizeof(real) == sizeof(float),
               "files hold F32; the double build has no formats");

enum {
    NAME_MAX_BYTES = PARAM_NAME_MAX + 32, /* a prefix and a parameter's name */
    STRIP = 16 /* columns transposed at once: one cache line of floats */
};

static const char gpt2_prefix[] = "transformer.";

void shards_close(struct shards *s) {
    for (int i = 0; i < s->n; i++) safetensors_close(s->files[i]);
    s->n = 0;
}

/* ---- finding ---- */

/* Where `name` begins without GPT-2's prefix. */
static const char *bare(const char *name) {
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

/* The tensor of a parameter's name, and the file it is in. */
static const struct tensor *find(const struct shards *s, const char *prefix, const char *name,
                                 const char **file) {
    const struct tensor *t = find_exactly(s, prefix, name, file);
    return t || bare(name) == name ? t : find_exactly(s, prefix, bare(name), file);
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

/* A parameter's shape in the file; returns the number of dimensions. */
static int file_dims(const struct param *p, int64_t dims[2]) {
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
    int n = file_dims(p, dims);
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

bool shards_check(const struct shards *s, const char *prefix, const struct param_table *t,
                  const bool *groups, struct err *err) {
    for (int i = 0; i < t->n_params; i++) {
        if (!wanted(groups, &t->params[i])) continue;
        const char *file = "";
        const struct tensor *tensor = find(s, prefix, t->params[i].name, &file);
        if (!tensor) return missing(s, prefix, &t->params[i], t, err);
        if (!check_tensor(tensor, &t->params[i], file, err)) return false;
    }
    return true;
}

bool shards_load(const struct shards *s, const char *prefix, const bool *groups,
                 struct weights *out, struct err *err) {
    if (!shards_check(s, prefix, out->table, groups, err)) return false;
    for (int i = 0; i < out->table->n_params; i++) {
        const struct param *p = &out->table->params[i];
        if (!wanted(groups, p)) continue;
        const char *file = "";
        const struct tensor *t = find(s, prefix, p->name, &file);
        float *W = weights_param(out, i);
        if (!p->transposed) tensor_floats(t, 0, (size_t)p->rows * (size_t)p->cols, W);
        else if (!load_transposed(t, p, W, err)) return false;
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
        if (!t->params[i].adapter && strcmp(bare(name), bare(t->params[i].name)) == 0)
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

/* ---- saving ---- */

/* The file's [in,out] from W[out,in], some rows of the file at a time. */
static bool save_transposed(struct files_out *f, const struct param *p, const float *W,
                            struct err *err) {
    size_t out = (size_t)p->rows, in = (size_t)p->cols;
    float *strip = malloc(STRIP * out * sizeof *strip);
    if (!strip) return err_set(err, ERR_NOMEM, "%s: no memory to turn '%s'", f->path, p->name);
    bool good = true;
    for (size_t first = 0; good && first < in; first += STRIP) {
        size_t n = in - first < STRIP ? in - first : STRIP;
        for (size_t o = 0; o < out; o++)
            for (size_t i = 0; i < n; i++) strip[i * out + o] = W[o * in + first + i];
        good = files_out_add(f, strip, n * out * sizeof *strip, err);
    }
    free(strip);
    return good;
}

static bool save_set(struct files_out *f, const struct weights *w, const bool *groups,
                     struct err *err) {
    for (int i = 0; i < w->table->n_params; i++) {
        const struct param *p = &w->table->params[i];
        if (!wanted(groups, p)) continue;
        const float *W = weights_param(w, i);
        size_t bytes = (size_t)p->rows * (size_t)p->cols * sizeof *W;
        if (!(p->transposed ? save_transposed(f, p, W, err) : files_out_add(f, W, bytes, err)))
            return false;
    }
    return true;
}

/* Names and shapes of all sets, in order; names[] holds the names' bytes. Returns how many. */
static size_t fill_specs(const struct weights *const *sets, const char *const *prefixes,
                         int n_sets, const bool *groups, struct tensor_spec *specs,
                         char (*names)[NAME_MAX_BYTES]) {
    size_t at = 0;
    for (int s = 0; s < n_sets; s++)
        for (int i = 0; i < sets[s]->table->n_params; i++) {
            const struct param *p = &sets[s]->table->params[i];
            if (!wanted(groups, p)) continue;
            snprintf(names[at], NAME_MAX_BYTES, "%s%s", prefixes[s], p->name);
            specs[at] = (struct tensor_spec){.name = names[at], .dtype = DTYPE_F32};
            specs[at].n_dims = file_dims(p, specs[at].dims);
            at++;
        }
    return at;
}

static bool save_header(struct files_out *f, const struct weights *const *sets,
                        const char *const *prefixes, int n_sets, const bool *groups,
                        struct err *err) {
    size_t n = 0;
    for (int s = 0; s < n_sets; s++) n += (size_t)sets[s]->table->n_params;
    struct tensor_spec *specs = calloc(n + 1, sizeof *specs);
    char(*names)[NAME_MAX_BYTES] = calloc(n + 1, sizeof *names);
    bool good = specs && names;
    if (good) {
        n = fill_specs(sets, prefixes, n_sets, groups, specs, names);
        good = safetensors_write_header(f, specs, n, err);
    } else {
        err_set(err, ERR_NOMEM, "%s: no memory for the names of %zu tensors", f->path, n);
    }
    free(names);
    free(specs);
    return good;
}

bool weights_save(const char *path, const struct weights *const *sets,
                  const char *const *prefixes, int n_sets, const bool *groups, uint64_t *bytes,
                  struct err *err) {
    struct files_out f;
    if (!files_out_open(&f, path, err)) return false;
    bool good = save_header(&f, sets, prefixes, n_sets, groups, err);
    for (int s = 0; good && s < n_sets; s++) good = save_set(&f, sets[s], groups, err);
    if (good && bytes) *bytes = f.bytes;
    if (good && files_out_close(&f, err)) return true;
    files_out_abort(&f);
    return false;
}
