/* weights_save.c - weights as a file: their names, their shapes, their bytes in the number type
 * asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/formats/hf_model.h"
#include "engine/formats/imported.h"
#include "engine/formats/weights_file.h"

/* What goes into a file, tensor by tensor. */
struct entry {
    char name[NAME_MAX_BYTES];
    const struct weights *w;
    int param;
    enum dtype dtype;
};

struct entries {
    struct entry *list;
    size_t n;
};

/* ---- bytes ---- */

enum { AT_ONCE = 8192 }; /* numbers converted together */

static bool add_values(struct files_out *f, const float *x, size_t n, enum dtype dtype,
                       struct err *err) {
    uint16_t narrow[AT_ONCE];
    if (dtype == DTYPE_F32) return files_out_add(f, x, n * sizeof *x, err);
    for (size_t from = 0; from < n; from += AT_ONCE) {
        size_t part = n - from < AT_ONCE ? n - from : AT_ONCE;
        narrow_round(narrow, x + from, part, dtype_narrow(dtype));
        if (!files_out_add(f, narrow, part * sizeof *narrow, err)) return false;
    }
    return true;
}

/* The file's [in,out] from W[out,in], some rows of the file at a time. */
static bool add_turned(struct files_out *f, const struct entry *e, struct err *err) {
    const struct param *p = &e->w->table->params[e->param];
    size_t out = (size_t)p->rows, in = (size_t)p->cols;
    float scratch[STRIP], *strip = malloc(STRIP * out * sizeof *strip);
    if (!strip) return err_set(err, ERR_NOMEM, "%s: no memory to turn '%s'", f->path, p->name);
    bool good = true;
    for (size_t first = 0; good && first < in; first += STRIP) {
        size_t n = in - first < STRIP ? in - first : STRIP;
        for (size_t o = 0; o < out; o++) {
            const float *W = weights_reals(e->w, e->param, o * in + first, n, scratch);
            for (size_t i = 0; i < n; i++) strip[i * out + o] = W[i];
        }
        good = add_values(f, strip, n * out, e->dtype, err);
    }
    free(strip);
    return good;
}

static bool add_entry(struct files_out *f, const struct entry *e, struct err *err) {
    const struct param *p = &e->w->table->params[e->param];
    size_t all = (size_t)p->rows * (size_t)p->cols;
    float scratch[AT_ONCE];
    if (p->transposed) return add_turned(f, e, err);
    if (!weights_narrow_param(e->w, e->param))
        return add_values(f, weights_param(e->w, e->param), all, e->dtype, err);
    bool good = true;
    for (size_t from = 0, n; good && from < all; from += n) {
        n = all - from < AT_ONCE ? all - from : AT_ONCE;
        good = add_values(f, weights_reals(e->w, e->param, from, n, scratch), n, e->dtype, err);
    }
    return good;
}

/* ---- the file ---- */

static bool save_header(struct files_out *f, const struct entries *all, struct err *err) {
    struct tensor_spec *specs = calloc(all->n + 1, sizeof *specs);
    if (!specs)
        return err_set(err, ERR_NOMEM, "%s: no memory for the names of %zu tensors", f->path,
                       all->n);
    for (size_t i = 0; i < all->n; i++) {
        const struct entry *e = &all->list[i];
        specs[i] = (struct tensor_spec){.name = e->name, .dtype = e->dtype};
        specs[i].n_dims = shards_dims(&e->w->table->params[e->param], specs[i].dims);
    }
    bool good = safetensors_write_header(f, specs, all->n, err);
    free(specs);
    return good;
}

/* Before the first tensor of a group is read. */
static bool fetch_for(const struct entries *all, size_t i, struct err *err) {
    const struct entry *e = &all->list[i], *before = i > 0 ? e - 1 : NULL;
    int group = e->w->table->params[e->param].group;
    if (!e->w->fetch) return true;
    bool known =
        before && before->w == e->w && before->w->table->params[before->param].group == group;
    return known || e->w->fetch(e->w, group, err);
}

static bool save_entries(const char *path, const struct entries *all, uint64_t *bytes,
                         struct err *err) {
    struct files_out f;
    if (!files_out_open(&f, path, err)) return false;
    bool good = save_header(&f, all, err);
    for (size_t i = 0; good && i < all->n; i++)
        good = fetch_for(all, i, err) && add_entry(&f, &all->list[i], err);
    if (good && bytes) *bytes = f.bytes;
    if (good && files_out_close(&f, err)) return true;
    files_out_abort(&f);
    return false;
}

static bool make_room(struct entries *all, size_t n, const char *path, struct err *err) {
    *all = (struct entries){.list = calloc(n + 1, sizeof *all->list)};
    return all->list ||
           err_set(err, ERR_NOMEM, "%s: no memory for the names of %zu tensors", path, n);
}

static void put(struct entries *all, const struct weights *w, int param, const char *prefix,
                const char *name, enum dtype dtype) {
    struct entry *e = &all->list[all->n++];
    *e = (struct entry){.w = w, .param = param, .dtype = dtype};
    snprintf(e->name, sizeof e->name, "%s%s", prefix, name);
}

/* What is narrow in memory is that in the file too, and so comes back as it was. */
static enum dtype type_in_memory(const struct weights *w, int param) {
    if (!weights_narrow_param(w, param)) return DTYPE_F32;
    bool bf16 = w->kind[w->table->params[param].group] == NARROW_BF16;
    return bf16 ? DTYPE_BF16 : DTYPE_F16;
}

bool weights_save(const char *path, const struct weights *const *sets,
                  const char *const *prefixes, int n_sets, const bool *groups, uint64_t *bytes,
                  struct err *err) {
    struct entries all;
    size_t n = 0;
    for (int s = 0; s < n_sets; s++) n += (size_t)sets[s]->table->n_params;
    if (!make_room(&all, n, path, err)) return false;
    for (int s = 0; s < n_sets; s++)
        for (int i = 0; i < sets[s]->table->n_params; i++) {
            const struct param *p = &sets[s]->table->params[i];
            if (!groups || groups[p->group])
                put(&all, sets[s], i, prefixes[s], p->name, type_in_memory(sets[s], i));
        }
    bool good = save_entries(path, &all, bytes, err);
    free(all.list);
    return good;
}

bool weights_save_as(const char *path, const struct weights *w, const struct imported *m,
                     const enum dtype *type, struct err *err) {
    struct entries all;
    const struct param_table *t = w->table;
    enum dtype head;
    if (!make_room(&all, (size_t)t->n_params + 1, path, err)) return false;
    for (int i = 0; i < t->n_params; i++) {
        if (t->params[i].adapter) continue;
        const char *name = m ? imported_name(m, i) : t->params[i].name;
        enum dtype own = m ? imported_dtype(m, i) : DTYPE_F32;
        put(&all, w, i, "", name, type ? *type : own);
    }
    if (m && imported_head(m, &head))
        put(&all, w, 0, "", "lm_head.weight", type ? *type : head);
    bool good = save_entries(path, &all, NULL, err);
    free(all.list);
    return good;
}
