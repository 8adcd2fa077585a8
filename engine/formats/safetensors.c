#include "engine/formats/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors' bytes are little-endian");
_Static_assert(sizeof(float) == 4, "F32 is copied as it is");

enum {
    LENGTH_BYTES = 8,               /* in front of the header: its length */
    HEADER_MAX = 100 * 1000 * 1000, /* the format's own cap */
    DIMS_MAX = 8
};

#define AGAIN "; the file is damaged: copy or download it again"

struct safetensors {
    char *name;          /* for messages */
    struct mapping map;  /* empty when the bytes are borrowed */
    struct json *header; /* owns the tensors' names and the metadata */
    struct tensor *tensors;
    size_t n;
};

/* What follows the header. */
struct area {
    const unsigned char *data;
    size_t bytes, before; /* before: bytes of the file in front of it */
};

static const struct dtype_kind {
    const char *word;
    enum dtype dtype;
    size_t bytes; /* of one element */
} dtype_kinds[] = {
    {"F32", DTYPE_F32, 4},    {"F16", DTYPE_F16, 2},       {"BF16", DTYPE_BF16, 2},
    {"I64", DTYPE_I64, 8},    {"F64", DTYPE_OTHER, 8},     {"U64", DTYPE_OTHER, 8},
    {"I32", DTYPE_OTHER, 4},  {"U32", DTYPE_OTHER, 4},     {"I16", DTYPE_OTHER, 2},
    {"U16", DTYPE_OTHER, 2},  {"I8", DTYPE_OTHER, 1},      {"U8", DTYPE_OTHER, 1},
    {"BOOL", DTYPE_OTHER, 1}, {"F8_E4M3", DTYPE_OTHER, 1}, {"F8_E5M2", DTYPE_OTHER, 1},
};

enum { N_DTYPE_KINDS = sizeof dtype_kinds / sizeof dtype_kinds[0] };

static const struct dtype_kind *kind_by_word(const char *word) {
    for (size_t i = 0; i < N_DTYPE_KINDS; i++)
        if (strcmp(dtype_kinds[i].word, word) == 0) return &dtype_kinds[i];
    return NULL;
}

static const struct dtype_kind *kind_by_dtype(enum dtype dtype) {
    for (size_t i = 0; i < N_DTYPE_KINDS; i++)
        if (dtype_kinds[i].dtype == dtype) return &dtype_kinds[i];
    return NULL;
}

const char *dtype_word(enum dtype d) { return kind_by_dtype(d)->word; }

enum dtype dtype_by_word(const char *word) {
    const struct dtype_kind *kind = kind_by_word(word);
    return kind ? kind->dtype : DTYPE_OTHER;
}

const char *dtype_torch_word(enum dtype d) {
    return d == DTYPE_F16 ? "float16" : d == DTYPE_BF16 ? "bfloat16" : "float32";
}

enum narrow_kind dtype_narrow(enum dtype d) {
    return d == DTYPE_F16 ? NARROW_F16 : d == DTYPE_BF16 ? NARROW_BF16 : NARROW_NONE;
}

/* ---- reading ---- */

/* The header's length, once it is known to lie inside the file. */
static bool read_length(const unsigned char *data, size_t n, const char *name, size_t *length,
                        struct err *err) {
    if (n < LENGTH_BYTES)
        return err_set(err, ERR_PARSE,
                       "%s: %zu bytes are too few for a safetensors file, which begins with 8 "
                       "bytes of header length" AGAIN,
                       name, n);
    if (memcmp(data, "version ", LENGTH_BYTES) == 0)
        return err_set(err, ERR_PARSE,
                       "%s: this is a Git LFS pointer, not the file itself; fetch it with `git "
                       "lfs pull`",
                       name);
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) value = value << 8 | data[i];
    if (value > HEADER_MAX)
        return err_set(err, ERR_PARSE,
                       "%s: a header of %" PRIu64 " bytes is more than the %d that the format "
                       "allows; this is no safetensors file",
                       name, value, HEADER_MAX);
    if (value > n - LENGTH_BYTES)
        return err_set(
            err, ERR_PARSE,
            "%s: the file has %zu bytes, its header alone should have 8 + %" PRIu64 AGAIN, name,
            n, value);
    if (value == 0 || data[LENGTH_BYTES] != '{')
        return err_set(err, ERR_PARSE,
                       "%s: the header is no JSON object; this is no safetensors file", name);
    *length = (size_t)value;
    return true;
}

/* Fill dims, and *bytes with their product times the element's size. */
static bool read_shape(const struct json *shape, size_t element, struct tensor *t,
                       size_t *bytes, const char *name, struct err *err) {
    size_t n = json_size(shape);
    if (json_kind(shape) != JSON_KIND_ARRAY || n > DIMS_MAX)
        return err_set(err, ERR_PARSE,
                       "%s: tensor '%.80s': the shape is no list of at most %d numbers" AGAIN,
                       name, t->name, DIMS_MAX);
    *bytes = element;
    for (size_t i = 0; i < n; i++) {
        t->dims[i] = json_int(json_at(shape, i), -1);
        if (t->dims[i] < 0)
            return err_set(
                err, ERR_PARSE,
                "%s: tensor '%.80s': dimension %zu is no whole number from 0 on" AGAIN, name,
                t->name, i);
        if (__builtin_mul_overflow(*bytes, (size_t)t->dims[i], bytes))
            return err_set(
                err, ERR_PARSE,
                "%s: tensor '%.80s': the product of the shape is too large to count" AGAIN,
                name, t->name);
    }
    t->n_dims = (int)n;
    return true;
}

/* The byte range, inside the area and as long as the shape says. */
static bool read_range(const struct json *offsets, size_t bytes, const struct area *a,
                       struct tensor *t, const char *name, struct err *err) {
    int64_t begin = json_int(json_at(offsets, 0), -1), end = json_int(json_at(offsets, 1), -1);
    if (json_size(offsets) != 2 || begin < 0 || end < begin)
        return err_set(
            err, ERR_PARSE,
            "%s: tensor '%.80s': data_offsets are not two rising numbers from 0 on" AGAIN, name,
            t->name);
    if ((uint64_t)(end - begin) != bytes)
        return err_set(
            err, ERR_PARSE,
            "%s: tensor '%.80s': its shape takes %zu bytes, its data_offsets give it "
            "%" PRId64 AGAIN,
            name, t->name, bytes, end - begin);
    if ((uint64_t)end > a->bytes)
        return err_set(err, ERR_PARSE,
                       "%s: the file has %zu bytes and is cut off: tensor '%.80s' ends at byte "
                       "%" PRIu64 AGAIN,
                       name, a->before + a->bytes, t->name, (uint64_t)end + a->before);
    t->data = a->data + begin;
    t->bytes = bytes;
    return true;
}

static bool read_tensor(const struct json *v, const struct area *a, struct tensor *t,
                        const char *name, struct err *err) {
    if (json_kind(v) != JSON_KIND_OBJECT)
        return err_set(err, ERR_PARSE, "%s: '%.80s' in the header is no JSON object" AGAIN,
                       name, t->name);
    const char *word = json_str(json_get(v, "dtype"), "");
    const struct dtype_kind *kind = kind_by_word(word);
    if (!kind)
        return err_set(
            err, ERR_PARSE,
            "%s: tensor '%.80s': dtype '%.20s' is unknown; save it as F32, F16 or BF16", name,
            t->name, word);
    t->dtype = kind->dtype;
    size_t bytes = 0;
    return read_shape(json_get(v, "shape"), kind->bytes, t, &bytes, name, err) &&
           read_range(json_get(v, "data_offsets"), bytes, a, t, name, err);
}

static bool check_metadata(const struct json *v, const char *name, struct err *err) {
    bool good = json_kind(v) == JSON_KIND_OBJECT;
    for (const void *it = json_first(v); good && it; it = json_next(v, it))
        good = json_kind(json_value(it)) == JSON_KIND_STRING;
    return good ||
           err_set(err, ERR_PARSE, "%s: __metadata__ is no JSON object of strings" AGAIN, name);
}

static bool read_entries(struct safetensors *s, const struct area *a, struct err *err) {
    size_t members = json_size(s->header);
    s->tensors = calloc(members ? members : 1, sizeof *s->tensors);
    if (!s->tensors)
        return err_set(err, ERR_NOMEM, "%s: no memory for %zu tensors", s->name, members);
    for (const void *it = json_first(s->header); it; it = json_next(s->header, it)) {
        const char *key = json_key(it);
        if (strcmp(key, "__metadata__") == 0) {
            if (!check_metadata(json_value(it), s->name, err)) return false;
            continue;
        }
        struct tensor *t = &s->tensors[s->n++];
        t->name = key;
        if (!read_tensor(json_value(it), a, t, s->name, err)) return false;
    }
    return true;
}

/* By place in the file; an empty tensor stands before the one that begins at the same byte. */
static int by_place(const void *left, const void *right) {
    const struct tensor *l = left, *r = right;
    if (l->data != r->data) return l->data < r->data ? -1 : 1;
    return l->bytes < r->bytes ? -1 : l->bytes > r->bytes;
}

/* The tensors in order fill the area: no overlap, no hole, nothing left over. */
static bool check_ranges(struct safetensors *s, const struct area *a, struct err *err) {
    if (s->n) qsort(s->tensors, s->n, sizeof *s->tensors, by_place);
    const unsigned char *end = a->data;
    for (size_t i = 0; i < s->n; i++) {
        const struct tensor *t = &s->tensors[i];
        if (t->data < end) /* only a tensor that is not the first can begin too early */
            return err_set(err, ERR_PARSE,
                           "%s: the bytes of tensors '%.80s' and '%.80s' overlap" AGAIN,
                           s->name, s->tensors[i - 1].name, t->name);
        if (t->data > end)
            return err_set(err, ERR_PARSE,
                           "%s: %zu bytes before tensor '%.80s' belong to none" AGAIN, s->name,
                           (size_t)(t->data - end), t->name);
        end = t->data + t->bytes;
    }
    size_t described = a->before + (size_t)(end - a->data), has = a->before + a->bytes;
    if (described != has)
        return err_set(
            err, ERR_PARSE,
            "%s: the file has %zu bytes, its header describes %zu: %zu too many" AGAIN, s->name,
            has, described, has - described);
    return true;
}

struct safetensors *safetensors_parse(const unsigned char *data, size_t n, const char *name,
                                      struct err *err) {
    size_t length = 0;
    if (!read_length(data, n, name, &length, err)) return NULL;
    size_t before = LENGTH_BYTES + length;
    struct area a = {.data = data + before, .bytes = n - before, .before = before};
    struct safetensors *s = calloc(1, sizeof *s);
    if (!s || !(s->name = strdup(name))) {
        err_set(err, ERR_NOMEM, "%s: no memory to read it", name);
        goto fail;
    }
    s->header = json_parse((const char *)data + LENGTH_BYTES, length, err);
    if (!s->header) {
        err_prefix(err, "%s: the header is damaged, copy or download the file again", name);
        goto fail;
    }
    if (!read_entries(s, &a, err) || !check_ranges(s, &a, err)) goto fail;
    return s;
fail:
    safetensors_close(s);
    return NULL;
}

struct safetensors *safetensors_open(const char *path, struct err *err) {
    struct mapping map = {0};
    if (!files_map(path, &map, err)) return NULL;
    struct safetensors *s = safetensors_parse(map.data, map.size, path, err);
    if (!s) {
        files_unmap(&map);
        return NULL;
    }
    s->map = map;
    for (size_t i = 0; i < s->n; i++) s->tensors[i].mapped = true;
    return s;
}

void safetensors_close(struct safetensors *s) {
    if (!s) return;
    json_destroy(s->header);
    files_unmap(&s->map);
    free(s->tensors);
    free(s->name);
    free(s);
}

const char *safetensors_name(const struct safetensors *s) { return s->name; }

size_t safetensors_count(const struct safetensors *s) { return s->n; }

const struct tensor *safetensors_at(const struct safetensors *s, size_t i) {
    return i < s->n ? &s->tensors[i] : NULL;
}

const struct tensor *safetensors_find(const struct safetensors *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->tensors[i].name, name) == 0) return &s->tensors[i];
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *s, const char *key) {
    return json_str(json_get(json_get(s->header, "__metadata__"), key), NULL);
}

/* ---- numbers ---- */

void tensor_forget(const struct tensor *t, size_t from, size_t bytes) {
    if (t->mapped) files_forget(t->data + from, bytes);
}

void tensor_floats(const struct tensor *t, size_t first, size_t n, float *out) {
    if (n == 0) return;
    if (t->dtype == DTYPE_F32) {
        memcpy(out, t->data + first * 4, n * 4);
        return;
    }
    narrow_widen(out, t->data + first * 2, n, dtype_narrow(t->dtype));
}

/* ---- writing ---- */

/* One member of the header; *offset advances by the tensor's bytes. */
static void put_spec(struct json_writer *w, const struct tensor_spec *spec, uint64_t *offset) {
    const struct dtype_kind *kind = kind_by_dtype(spec->dtype);
    uint64_t bytes = kind->bytes;
    json_add_open(w, spec->name, '{');
    json_add_string(w, "dtype", kind->word);
    json_add_open(w, "shape", '[');
    for (int i = 0; i < spec->n_dims; i++) {
        json_put_integer(w, spec->dims[i]);
        bytes *= (uint64_t)spec->dims[i];
    }
    json_close(w, ']');
    json_add_open(w, "data_offsets", '[');
    json_put_integer(w, (int64_t)*offset);
    *offset += bytes;
    json_put_integer(w, (int64_t)*offset);
    json_close(w, ']');
    json_close(w, '}');
}

bool safetensors_write_header(struct files_out *f, const struct tensor_spec *specs, size_t n,
                              struct err *err) {
    struct buf text = {0};
    struct json_writer w = json_writer_make(&text);
    uint64_t offset = 0;
    json_open(&w, '{');
    json_add_open(&w, "__metadata__", '{');
    json_add_string(&w, "format", "pt");
    json_close(&w, '}');
    for (size_t i = 0; i < n; i++) put_spec(&w, &specs[i], &offset);
    json_close(&w, '}');
    while (!text.failed && text.len % 8) buf_str(&text, " "); /* the data begins aligned */
    unsigned char length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        length[i] = (unsigned char)((uint64_t)text.len >> 8 * i);
    bool good = text.failed ? err_set(err, ERR_NOMEM, "%s: no memory for the header", f->path)
                            : files_out_add(f, length, sizeof length, err) &&
                                  files_out_add(f, text.data, text.len, err);
    buf_deinit(&text);
    return good;
}
