/* gguf.h - a model as one GGUF file, which llama.cpp, Ollama and what is built on them read.
 * Version 3: "GGUF", counts, key-value pairs, names and shapes of tensors, their bytes at multiples of 32.
 * Source: the GGUF specification of the ggml project; names of keys and tensors are those of its converters. */
#ifndef THAW_ENGINE_FORMATS_GGUF_H
#define THAW_ENGINE_FORMATS_GGUF_H
#include "engine/data/tokenizer.h"
#include "engine/model/params.h"

/* How matrices are stored; vectors and learned positions are always F32. The numbers are the file's. */
enum gguf_type {
    GGUF_F32 = 0,
    GGUF_F16 = 1,
    GGUF_Q8_0 = 8, /* 32 numbers a block: an F16 scale and a byte each; rows no multiple of 32 become F16 */
    GGUF_BF16 = 30
};
/* "f32", "f16", "bf16", "q8_0". False: no such word. */
bool gguf_type_by_word(const char *word, enum gguf_type *out);

/* Write the model to `path` atomically, 0600; one that is there is replaced. `name` stands in general.name. Queries and
 * keys of llama's are turned from half-split to interleaved rotation, which that family's readers expect. A tokenizer
 * is needed (ERR_USAGE without one); entries that the model has beyond it become padding. */
bool gguf_save(const char *path, const struct weights *w, const struct tokenizer *t, const char *name,
               enum gguf_type type, struct err *err);
#endif
