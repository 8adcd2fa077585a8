#include "engine/formats/hf_model.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/formats/peft.h"
#include "engine/formats/weights_file.h"

enum { CONFIG_MAX_BYTES = 1 << 20, PATH_BYTES = 4096 };

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

/* Open, and see that all of the model's own is there and nothing more. */
static bool open_checked(const char *dir, const struct param_table *t, struct shards *files,
                         struct err *err) {
    if (shards_open(dir, files, err) && shards_check(files, "", t, t->own, err) &&
        shards_check_extra(files, t, err))
        return true;
    shards_close(files);
    return false;
}

static bool load_weights(const char *dir, struct hf_model *m, struct err *err) {
    struct shards files;
    if (!open_checked(dir, &m->table, &files, err)) return false;
    bool good = weights_create(&m->table, &m->weights, err) &&
                shards_load(&files, "", m->table.own, &m->weights, err);
    shards_close(&files);
    return good;
}

bool hf_model_weights(const char *dir, struct weights *out, struct err *err) {
    struct shards files;
    char base[PATH_MAX];
    if (!peft_base(dir, NULL, base, err) || !open_checked(base, out->table, &files, err))
        return false;
    bool good = shards_load(&files, "", out->table->own, out, err);
    shards_close(&files);
    return good && (!peft_is(dir) || peft_load(dir, out, err));
}

/* The kind of a group's matrices in the files. */
static enum narrow_kind kind_of(const struct shards *files, const struct param_table *t,
                                int g) {
    const struct group *group = &t->groups[g];
    enum narrow_kind kind = NARROW_NONE;
    for (int i = group->first, n = 0; i < group->first + group->n; i++) {
        const char *file;
        if (t->params[i].vector) continue;
        enum dtype dtype = shards_find(files, "", t->params[i].name, &file)->dtype;
        if (n++ > 0 && dtype_narrow(dtype) != kind) return NARROW_NONE;
        kind = dtype_narrow(dtype);
    }
    return kind;
}

bool hf_model_kinds(const char *dir, const struct param_table *t, enum narrow_kind *kind,
                    struct err *err) {
    struct shards files;
    char base[PATH_MAX];
    if (!peft_base(dir, NULL, base, err) || !open_checked(base, t, &files, err)) return false;
    for (int g = 0; g < t->n_groups; g++)
        kind[g] = weights_narrows(t, g) ? kind_of(&files, t, g) : NARROW_NONE;
    shards_close(&files);
    return true;
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

static bool save_config(const char *dir, const struct model_config *c, int eot, enum dtype type,
                        uint64_t *bytes, struct err *err) {
    char path[PATH_BYTES];
    struct buf text = {0};
    model_config_write_as(c, eot, dtype_torch_word(type), &text);
    bool good = files_join(path, sizeof path, dir, "config.json", err) &&
                (!text.failed || err_set(err, ERR_NOMEM, "%s: no memory for it", path)) &&
                files_write(path, buf_text(&text), text.len, err);
    *bytes += text.len;
    buf_deinit(&text);
    return good;
}

/* Unless it is there as it came. */
static bool save_tokenizer(const char *dir, const struct tokenizer *t, const struct imported *m,
                           uint64_t *bytes, struct err *err) {
    char path[PATH_BYTES];
    struct stat st;
    if (!t) return true;
    if (m && imported_has_tokenizer(m))
        return !tokenizer_chat_given(t) || tokenizer_save_folder(t, dir, bytes, err);
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
    const struct imported *m = w->table->imported;
    int eot = t ? tokenizer_eot(t) : -1;
    uint64_t sum = 0, thin = 0;
    bool adapters = w->table->config.adapter.rank > 0 && !w->plain;
    if (!files_join(path, sizeof path, dir, SHARDS_SINGLE, err) ||
        !weights_save(path, &w, &prefix, 1, w->table->own, &sum, err) ||
        (adapters && !peft_save(dir, w, ".", &thin, err)) ||
        !save_config(dir, &w->table->config, eot, DTYPE_F32, &sum, err) ||
        (m && !imported_save_kept(m, dir, &sum, err)) || !save_tokenizer(dir, t, m, &sum, err))
        return false;
    if (bytes) *bytes = sum + thin;
    return true;
}

bool hf_model_save_as(const char *dir, const struct weights *w, const struct tokenizer *t,
                      const enum dtype *type, struct err *err) {
    char path[PATH_BYTES];
    const struct imported *m = w->table->imported;
    int eot = t ? tokenizer_eot(t) : -1;
    uint64_t bytes = 0; /* nobody asks */
    return files_join(path, sizeof path, dir, SHARDS_SINGLE, err) &&
           weights_save_as(path, w, m, type, err) &&
           (m ? imported_save_as_came(m, dir, type, err)
              : save_config(dir, &w->table->config, eot, type ? *type : DTYPE_F32, &bytes,
                            err)) &&
           save_tokenizer(dir, t, m, &bytes, err);
}
