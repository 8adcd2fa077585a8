/* safetensors.h - tensors in a file: 8 bytes of header length, a JSON header, the bytes.
 * A file is checked whole before anything is used: header <= 100 MB (and <= the file), dtypes
 * known, shapes' products without overflow and equal to the byte ranges, ranges in order
 * without overlap or hole, nothing after the last. Source: the safetensors format description,
 * version 0.4. */
#ifndef THAW_ENGINE_FORMATS_SAFETENSORS_H
#define THAW_ENGINE_FORMATS_SAFETENSORS_H
#include <stdint.h>

#include "engine/core/files.h"
#include "engine/nn/narrow.h"

enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_I64, DTYPE_OTHER };
const char *dtype_word(enum dtype d);          /* "BF16"; not of DTYPE_OTHER */
enum dtype dtype_by_word(const char *word);    /* DTYPE_OTHER: none that is calculated with */
const char *dtype_torch_word(enum dtype d);    /* "bfloat16", as torch_dtype of config.json; F32, F16, BF16 */
/* As narrow.h knows the type; NARROW_NONE: it has no 16 bits. */
enum narrow_kind dtype_narrow(enum dtype d);

struct tensor {
    const char *name; /* borrowed, as long as the file */
    enum dtype dtype;
    int n_dims;
    int64_t dims[8];
    const unsigned char *data;
    size_t bytes;
    bool mapped; /* data is a file's */
};

struct safetensors; /* opaque: an open, checked file */

/* Map and check `path`. Messages name the file and what is wrong, sizes included. */
struct safetensors *safetensors_open(const char *path, struct err *err);
/* The same for bytes in memory (borrowed); `name` stands in messages. For tests and fuzzing. */
struct safetensors *safetensors_parse(const unsigned char *data, size_t n, const char *name,
                                      struct err *err);
void safetensors_close(struct safetensors *s); /* NULL is fine */

const char *safetensors_name(const struct safetensors *s); /* as given to open or parse */
size_t safetensors_count(const struct safetensors *s);
const struct tensor *safetensors_at(const struct safetensors *s, size_t i); /* in file order */
/* The tensor of that name, or NULL; a __metadata__ value, or NULL. */
const struct tensor *safetensors_find(const struct safetensors *s, const char *name);
const char *safetensors_metadata(const struct safetensors *s, const char *key);

/* Convert n elements of an F32, F16 or BF16 tensor, beginning at element `first`, to float. */
void tensor_floats(const struct tensor *t, size_t first, size_t n, float *out);
/* Those bytes are not needed soon: they take no memory where they are a file's. */
void tensor_forget(const struct tensor *t, size_t from, size_t bytes);

/* Writing: declare all tensors, then give the bytes in the same order. */
struct tensor_spec {
    const char *name;
    enum dtype dtype; /* any but OTHER */
    int n_dims;
    int64_t dims[4];
};
/* Write the header for `specs`, metadata {"format":"pt"} included, into an open file. */
bool safetensors_write_header(struct files_out *f, const struct tensor_spec *specs, size_t n,
                              struct err *err);
#endif
