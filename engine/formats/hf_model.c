#include "engine/formats/hf_model.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/json.h"
#include "engine/formats/peft.h"
#include "engine/formats/weights_file.h"

enum { CONFIG_MAX_BYTES = 1 << 20, INDEX_MAX_BYTES = 64 << 20, PATH_BYTES = 4096 };

/* ---- loading ---- */

static bool has_file(const char *dir, const char *name) {
    char path[PATH_BYTES];
    return files_join(path, sizeof path, dir, name, NULL) && files_exists(path);
}

static bool read_shape(const char *dir, struct model_config *out, struct err *err) {
    char path[PATH_BYTES];
    struct buf text = {0};
    bool good = files_join(path, sizeof path, dir, "config.json", err) &&
                files_read(path, CONFIG_MAX_BYTES, &text, err);
    if (good && !model_config_parse(buf_text(&text), text.len, out, err))
        good = err_prefix(err, "%s", dir);
    buf_deinit(&text);
    return good;
}

bool hf_model_shape(const char *dir, struct model_config *out, struct err *err) {
    char base[PATH_MAX];
    return peft_base(dir, NULL, base, err) && read_shape(base, out, err) &&
           peft_shape(dir, out, err);
}

static bool open_shard(struct shards *s, const char *dir, const char *name, struct err *err) {
    char path[PATH_BYTES];
    if (!files_join(path, sizeof path, dir, name, err)) return false;
    for (int i = 0; i < s->n; i++)
        if (strcmp(safetensors_name(s->files[i]), path) == 0) return true; /* open already */
    if (s->n == SHARDS_MAX)
        return err_set(err, ERR_RANGE, "%s: a model in more than %d files is not supported",
                       dir, SHARDS_MAX);
    s->files[s->n] = safetensors_open(path, err);
    if (!s->files[s->n]) return false;
    s->n++;
    return true;
}

/* Open each file that the index names. The names are foreign: none may leave the folder. */
static bool open_index(struct shards *s, const char *dir, const char *index, struct err *err) {
    char path[PATH_BYTES];
    struct buf text = {0};
    struct json *root = NULL;
    bool good = files_join(path, sizeof path, dir, index, err) &&
                files_read(path, INDEX_MAX_BYTES, &text, err);
    if (good && !(root = json_parse(buf_text(&text), text.len, err)))
        good = err_prefix(err, "%s", path);
    const struct json *map = json_get(root, "weight_map");
    if (good && (json_kind(map) != JSON_KIND_OBJECT || json_size(map) == 0))
        good =
            err_set(err, ERR_PARSE, "%s: no weight_map in it; download the file again", path);
    for (const void *it = good ? json_first(map) : NULL; good && it; it = json_next(map, it)) {
        const char *name = json_str(json_value(it), "");
        if (!name[0] || strchr(name, '/'))
            good = err_set(err, ERR_PARSE,
                           "%s: '%.80s' is no name of a file beside it; download the "
                           "file again",
                           path, name);
        else good = open_shard(s, dir, name, err);
    }
    json_destroy(root);
    buf_deinit(&text);
    return good;
}

/* Open the file or files with the weights, or say why there are none. */
static bool open_weights(struct shards *s, const char *dir, struct err *err) {
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                          "pytorch_model.pt", "consolidated.00.pth"};
    static const char index[] = "model.safetensors.index.json";
    if (has_file(dir, "model.safetensors")) return open_shard(s, dir, "model.safetensors", err);
    if (has_file(dir, index)) return open_index(s, dir, index, err);
    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++)
        if (has_file(dir, pickles[i]))
            return err_set(
                err, ERR_IO,
                "%s: %s is a pickle, which can run any program when it is read, so thaw "
                "does not; save it as model.safetensors, e.g. with "
                "save_pretrained(..., safe_serialization=True)",
                dir, pickles[i]);
    return err_set(err, ERR_IO,
                   "%s: no model.safetensors in this folder; give the folder of a "
                   "Hugging Face model",
                   dir);
}

static bool load_weights(const char *dir, struct hf_model *m, struct err *err) {
    struct shards files = {.n = 0};
    const bool *own = m->table.own;
    bool good = open_weights(&files, dir, err) &&
                shards_check(&files, "", &m->table, own, err) &&
                shards_check_extra(&files, &m->table, err) &&
                weights_create(&m->table, &m->weights, err) &&
                shards_load(&files, "", own, &m->weights, err);
    shards_close(&files);
    return good;
}

/* A folder without tokenizer files is fine; one with a tokenizer of another model is not. */
static bool load_tokenizer(const char *dir, struct hf_model *m, struct err *err) {
    if (!has_file(dir, "tokenizer.json") && !has_file(dir, "vocab.json")) return true;
    m->tokenizer = tokenizer_load(dir, err);
    if (!m->tokenizer) return false;
    int has = tokenizer_vocab(m->tokenizer), takes = m->table.config.vocab;
    return has <= takes || err_set(err, ERR_RANGE,
                                   "%s: the tokenizer has %d tokens, the model only %d; take "
                                   "both from the same model",
                                   dir, has, takes);
}

/* Adapters that change nothing need not run. */
static bool load_adapters(const char *dir, struct hf_model *m, struct err *err) {
    if (m->table.config.adapter.rank == 0) return true;
    if (!peft_load(dir, &m->weights, err)) return false;
    m->weights.plain = weights_adapters_blank(&m->weights);
    return true;
}

bool hf_model_load(const char *dir, struct hf_model *out, struct err *err) {
    return hf_model_load_on(dir, NULL, out, err);
}

bool hf_model_load_on(const char *dir, const char *given, struct hf_model *out,
                      struct err *err) {
    char base[PATH_MAX];
    *out = (struct hf_model){0};
    if (!files_is_dir(dir))
        return err_set(err, ERR_IO,
                       "%s: there is no such folder; give one with config.json and "
                       "model.safetensors",
                       dir);
    struct model_config config;
    if (peft_base(dir, given, base, err) && read_shape(base, &config, err) &&
        peft_shape(dir, &config, err) && param_table_create(&config, &out->table, err) &&
        load_weights(base, out, err) && load_adapters(dir, out, err) &&
        load_tokenizer(base, out, err))
        return true;
    hf_model_destroy(out);
    return false;
}

void hf_model_destroy(struct hf_model *m) {
    tokenizer_destroy(m->tokenizer);
    weights_destroy(&m->weights);
    param_table_destroy(&m->table);
    *m = (struct hf_model){0};
}

/* ---- saving ---- */

static bool save_config(const char *dir, const struct model_config *c, int eot, uint64_t *bytes,
                        struct err *err) {
    char path[PATH_BYTES];
    struct buf text = {0};
    model_config_write(c, eot, &text);
    bool good = files_join(path, sizeof path, dir, "config.json", err) &&
                (!text.failed || err_set(err, ERR_NOMEM, "%s: no memory for it", path)) &&
                files_write(path, buf_text(&text), text.len, err);
    *bytes += text.len;
    buf_deinit(&text);
    return good;
}

static bool save_tokenizer(const char *dir, const struct tokenizer *t, uint64_t *bytes,
                           struct err *err) {
    if (!t) return true;
    char path[PATH_BYTES];
    struct stat st;
    if (!files_join(path, sizeof path, dir, "tokenizer.json", err) ||
        !tokenizer_save(t, path, err))
        return false;
    if (stat(path, &st) != 0) return err_errno(err, "%s: cannot be read back", path);
    *bytes += (uint64_t)st.st_size;
    return tokenizer_save_folder(t, dir, bytes, err);
}

/* The weights come first: where a model stands already, theirs is the file that refuses to be
 * overwritten, before anything else has changed. */
bool hf_model_save(const char *dir, const struct weights *w, const struct tokenizer *t,
                   uint64_t *bytes, struct err *err) {
    char path[PATH_BYTES];
    const char *prefix = "";
    uint64_t sum = 0, thin = 0;
    bool adapters = w->table->config.adapter.rank > 0 && !w->plain;
    if (!files_join(path, sizeof path, dir, "model.safetensors", err) ||
        !weights_save(path, &w, &prefix, 1, w->table->own, &sum, err) ||
        (adapters && !peft_save(dir, w, ".", &thin, err)) ||
        !save_config(dir, &w->table->config, t ? tokenizer_eot(t) : -1, &sum, err) ||
        !save_tokenizer(dir, t, &sum, err))
        return false;
    if (bytes) *bytes = sum + thin;
    return true;
}
