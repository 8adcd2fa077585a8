/* foreign.h - folders as others write them: made by hand, without thaw's own writers of models.
 */
#ifndef THAW_TESTS_FORMATS_FOREIGN_H
#define THAW_TESTS_FORMATS_FOREIGN_H
#include <math.h>

#include "tests/formats/fixtures.h"

/* What a foreign folder is like. */
struct foreign {
    struct model_config config; /* completed by foreign_make() */
    enum dtype dtype;
    bool bare;        /* GPT-2's names without "transformer." */
    bool head_too;    /* a tied model's head is written out as well */
    bool vectors_f32; /* vectors are F32 whatever the matrices are */
};

static inline enum dtype foreign_dtype(const struct foreign *f, const struct param *p) {
    return p->vector && f->vectors_f32 ? DTYPE_F32 : f->dtype;
}

static inline const char *foreign_name(const struct foreign *f, const struct param *p) {
    return f->bare ? p->name + strlen("transformer.") : p->name;
}

/* Small numbers, exact in their type: random bits, but for the exponents of large ones. */
static inline void foreign_bytes(enum dtype dtype, size_t n, struct rng *r, struct buf *out) {
    for (size_t i = 0; i < n; i++) {
        float x = (float)(0.05 * rng_normal(r));
        uint16_t narrow;
        if (dtype == DTYPE_F32) {
            buf_add(out, &x, sizeof x);
            continue;
        }
        narrow_round(&narrow, &x, 1, dtype_narrow(dtype));
        buf_add(out, &narrow, sizeof narrow);
    }
}

static inline void foreign_spec(const struct foreign *f, const struct param *p,
                                struct tensor_spec *spec) {
    bool turned = p->transposed;
    *spec =
        (struct tensor_spec){.name = foreign_name(f, p),
                             .dtype = foreign_dtype(f, p),
                             .n_dims = p->vector ? 1 : 2,
                             .dims = {turned ? p->cols : p->rows, turned ? p->rows : p->cols}};
    if (p->vector) spec->dims[0] = p->cols;
}

/* One file with parameters [from, to) of the table. */
static inline void foreign_file(const char *path, const struct foreign *f,
                                const struct param_table *t, int from, int to, bool head) {
    struct tensor_spec specs[64];
    struct files_out file;
    struct err err = {0};
    size_t n = 0;
    for (int i = from; i < to; i++) foreign_spec(f, &t->params[i], &specs[n++]);
    if (head) {
        foreign_spec(f, &t->params[0], &specs[n]);
        specs[n++].name = "lm_head.weight";
    }
    require(files_out_open(&file, path, &err) &&
                safetensors_write_header(&file, specs, n, &err),
            &err);
    for (size_t i = 0; i < n; i++) {
        struct buf bytes = {0};
        size_t elements = 1;
        int which = head && i == n - 1 ? 0 : from + (int)i; /* the head is the embedding */
        struct rng r = rng_make(11, (uint64_t)which, 0);
        for (int d = 0; d < specs[i].n_dims; d++) elements *= (size_t)specs[i].dims[d];
        foreign_bytes(specs[i].dtype, elements, &r, &bytes);
        require(files_out_add(&file, bytes.data, bytes.len, &err), &err);
        buf_deinit(&bytes);
    }
    require(files_out_close(&file, &err), &err);
}

/* config.json as another program might write it: on one line, with keys that thaw does not
 * know. */
static inline void foreign_config(const char *dir, const struct foreign *f) {
    struct buf text = {0}, all = {0};
    model_config_write_as(&f->config, 3, dtype_torch_word(f->dtype), &text);
    buf_printf(&all, "{\"_name_or_path\": \"somebody/model\", %s", buf_text(&text) + 1);
    write_text(dir, "config.json", buf_text(&all));
    buf_deinit(&text);
    buf_deinit(&all);
}

/* The folder `dir`, which exists, with its table. Small files beside the weights are only kept,
 * not read. */
static inline void foreign_make(const char *dir, struct foreign *f, struct param_table *t) {
    struct err err = {0};
    require(model_config_complete(&f->config, &err) && param_table_create(&f->config, t, &err),
            &err);
    foreign_file(inside(dir, "model.safetensors"), f, t, 0, t->n_params, f->head_too);
    foreign_config(dir, f);
    write_text(dir, "tokenizer_config.json", "{\"model_max_length\":  8}");
    write_text(dir, "generation_config.json", "{}\n");
}

/* Each tensor of one file is in the other, bit for bit. */
static inline void assert_same_tensors(const char *a, const char *b) {
    struct err err = {0};
    struct safetensors *left = safetensors_open(a, &err);
    struct safetensors *right = left ? safetensors_open(b, &err) : NULL;
    require(right != NULL, &err);
    assert_int_equal(safetensors_count(left), safetensors_count(right));
    for (size_t i = 0; i < safetensors_count(left); i++) {
        const struct tensor *l = safetensors_at(left, i);
        const struct tensor *r = safetensors_find(right, l->name);
        if (!r) fail_msg("%s has no %s", b, l->name);
        assert_int_equal(l->dtype, r->dtype);
        assert_int_equal(l->n_dims, r->n_dims);
        assert_memory_equal(l->dims, r->dims, (size_t)l->n_dims * sizeof l->dims[0]);
        assert_int_equal(l->bytes, r->bytes);
        assert_memory_equal(l->data, r->data, l->bytes);
    }
    safetensors_close(left);
    safetensors_close(right);
}
#endif
