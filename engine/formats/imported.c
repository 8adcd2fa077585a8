#include "engine/formats/imported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/json.h"
#include "engine/formats/weights_file.h"

enum { PATH_BYTES = 4096, KEPT_MAX_BYTES = 64 << 20 };

#define CONFIG_NAME "config.json"
#define HEAD_NAME "lm_head.weight"

/* What tokenizers and generation read, beside config.json and the weights. */
static const char *const kept_names[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "generation_config.json",
    "chat_template.jinja",
};
enum { N_KEPT = sizeof kept_names / sizeof *kept_names };

struct came_as {
    char name[PARAM_NAME_MAX];
    enum dtype dtype;
};

struct imported {
    struct came_as *params; /* [n_params] in the table's order */
    int n_params;
    bool head; /* of a tied model, as a tensor of its own */
    enum dtype head_dtype;
    struct buf config;       /* config.json */
    struct buf kept[N_KEPT]; /* data NULL: was not there */
};

/* ---- reading ---- */

static bool read_there(const char *dir, const char *name, struct buf *out, struct err *err) {
    char path[PATH_BYTES];
    if (!files_join(path, sizeof path, dir, name, err)) return false;
    if (!files_exists(path)) return true;
    return buf_add(out, "", 0) && files_read(path, KEPT_MAX_BYTES, out, err);
}

bool imported_is_kept(const char *dir) {
    char path[PATH_BYTES];
    return files_join(path, sizeof path, dir, IMPORTED_NAME, NULL) && files_exists(path);
}

static void came(struct imported *m, int i, const char *name, enum dtype dtype) {
    snprintf(m->params[i].name, sizeof m->params[i].name, "%s", name);
    m->params[i].dtype = dtype;
}

/* From the files themselves. */
static bool read_tensors(const char *dir, const struct param_table *t, struct imported *m,
                         struct err *err) {
    struct shards files;
    const char *file;
    bool good = shards_open(dir, &files, err);
    for (int i = 0; good && i < m->n_params; i++) {
        const struct tensor *tensor = shards_find(&files, "", t->params[i].name, &file);
        if (tensor) came(m, i, tensor->name, tensor->dtype);
    }
    const struct tensor *head = good ? shards_find(&files, "", HEAD_NAME, &file) : NULL;
    m->head = t->config.tied && head;
    if (m->head) m->head_dtype = head->dtype;
    shards_close(&files);
    return good && read_there(dir, CONFIG_NAME, &m->config, err);
}

/* What imported.json says of a tensor, under either of the names that GPT-2's have. */
static const char *written(const struct json *tensors, const char *name, const char **as) {
    const char *word = json_str(json_get(tensors, *as = name), NULL);
    return word ? word : json_str(json_get(tensors, *as = shards_bare(name)), NULL);
}

static bool take_json(const struct json *root, const struct param_table *t, struct imported *m,
                      struct err *err) {
    const struct json *tensors = json_get(root, "tensors");
    const char *config = json_str(json_get(root, "config"), NULL), *as;
    bool known = config && json_size(tensors) > 0;
    for (int i = 0; known && i < m->n_params; i++) {
        const char *word = written(tensors, t->params[i].name, &as);
        if (word) came(m, i, as, dtype_by_word(word));
        known = m->params[i].dtype != DTYPE_OTHER;
    }
    const char *head = json_str(json_get(tensors, HEAD_NAME), NULL);
    m->head = t->config.tied && head;
    if (m->head) m->head_dtype = dtype_by_word(head);
    if (!known) return err_set(err, ERR_PARSE, "config or tensors is missing or wrong");
    return buf_str(&m->config, config) || err_set(err, ERR_NOMEM, "no memory for config.json");
}

static bool read_kept(const char *dir, const struct param_table *t, struct imported *m,
                      struct err *err) {
    struct buf text = {0};
    struct json *root = NULL;
    bool good = read_there(dir, IMPORTED_NAME, &text, err) &&
                (root = json_parse(buf_text(&text), text.len, err)) &&
                take_json(root, t, m, err);
    json_destroy(root);
    buf_deinit(&text);
    return good || err_prefix(err, "%s/%s", dir, IMPORTED_NAME);
}

struct imported *imported_open(const char *dir, const struct param_table *t, struct err *err) {
    struct imported *m = calloc(1, sizeof *m);
    if (m) m->params = calloc((size_t)t->n_params, sizeof *m->params);
    if (!m || !m->params) {
        imported_destroy(m);
        err_set(err, ERR_NOMEM, "no memory for the names of %d tensors", t->n_params);
        return NULL;
    }
    m->n_params = t->n_params;
    for (int i = 0; i < t->n_params; i++) came(m, i, t->params[i].name, DTYPE_F32);
    bool good =
        imported_is_kept(dir) ? read_kept(dir, t, m, err) : read_tensors(dir, t, m, err);
    for (int i = 0; good && i < N_KEPT; i++)
        good = read_there(dir, kept_names[i], &m->kept[i], err);
    if (good) return m;
    imported_destroy(m);
    return NULL;
}

void imported_destroy(struct imported *m) {
    if (!m) return;
    for (int i = 0; i < N_KEPT; i++) buf_deinit(&m->kept[i]);
    buf_deinit(&m->config);
    free(m->params);
    free(m);
}

/* ---- asking ---- */

const char *imported_name(const struct imported *m, int param) { return m->params[param].name; }

enum dtype imported_dtype(const struct imported *m, int param) {
    return m->params[param].dtype;
}

bool imported_head(const struct imported *m, enum dtype *out) {
    *out = m->head_dtype;
    return m->head;
}

bool imported_has_tokenizer(const struct imported *m) { return m->kept[0].data != NULL; }

/* ---- writing ---- */

static bool write_file(const char *dir, const char *name, const struct buf *text,
                       uint64_t *bytes, struct err *err) {
    char path[PATH_BYTES];
    if (bytes) *bytes += text->len;
    return files_join(path, sizeof path, dir, name, err) &&
           (!text->failed || err_set(err, ERR_NOMEM, "%s: no memory for it", path)) &&
           files_write(path, buf_text(text), text->len, err);
}

static bool write_small(const struct imported *m, const char *dir, uint64_t *bytes,
                        struct err *err) {
    for (int i = 0; i < N_KEPT; i++)
        if (m->kept[i].data && !write_file(dir, kept_names[i], &m->kept[i], bytes, err))
            return false;
    return true;
}

bool imported_save_kept(const struct imported *m, const char *dir, uint64_t *bytes,
                        struct err *err) {
    struct buf text = {0};
    struct json_writer w = json_writer_make(&text);
    w.indent = 1;
    json_open(&w, '{');
    json_add_bytes(&w, "config", buf_text(&m->config), m->config.len);
    json_add_open(&w, "tensors", '{');
    for (int i = 0; i < m->n_params; i++)
        json_add_string(&w, m->params[i].name, dtype_word(m->params[i].dtype));
    if (m->head) json_add_string(&w, HEAD_NAME, dtype_word(m->head_dtype));
    json_close(&w, '}');
    json_close(&w, '}');
    buf_str(&text, "\n");
    bool good =
        write_file(dir, IMPORTED_NAME, &text, bytes, err) && write_small(m, dir, bytes, err);
    buf_deinit(&text);
    return good;
}

/* config.json with another word for the type, under the key that it has. */
static bool change_type(const struct buf *config, const char *word, struct buf *out,
                        struct err *err) {
    struct json *root = json_parse(buf_text(config), config->len, err);
    if (!root) return err_prefix(err, CONFIG_NAME);
    struct json_writer w = json_writer_make(out);
    w.indent = 2;
    json_open(&w, '{');
    for (const void *it = json_first(root); it; it = json_next(root, it)) {
        const char *key = json_key(it);
        bool type = strcmp(key, "torch_dtype") == 0 || strcmp(key, "dtype") == 0;
        json_put_key(&w, key);
        if (type) json_put_string(&w, word);
        else json_put_value(&w, json_value(it));
    }
    json_close(&w, '}');
    buf_str(out, "\n");
    json_destroy(root);
    return true;
}

bool imported_save_as_came(const struct imported *m, const char *dir, const enum dtype *type,
                           struct err *err) {
    struct buf changed = {0};
    bool good = (!type || change_type(&m->config, dtype_torch_word(*type), &changed, err)) &&
                write_file(dir, CONFIG_NAME, type ? &changed : &m->config, NULL, err) &&
                write_small(m, dir, NULL, err);
    buf_deinit(&changed);
    return good;
}

/* ---- the whole folder ---- */

static bool copy_file(const char *from, const char *to, const char *name, struct err *err) {
    char path[PATH_BYTES];
    struct mapping map = {0};
    struct files_out f;
    if (!files_join(path, sizeof path, from, name, err) || !files_map(path, &map, err) ||
        !files_join(path, sizeof path, to, name, err))
        return false;
    bool good = files_out_open(&f, path, err);
    if (good) {
        good = files_out_add(&f, map.data, map.size, err) && files_out_close(&f, err);
        if (!good) files_out_abort(&f);
    }
    files_unmap(&map);
    return good;
}

static bool copy_there(const char *from, const char *to, const char *name, struct err *err) {
    char path[PATH_BYTES];
    if (!files_join(path, sizeof path, from, name, err)) return false;
    return !files_exists(path) || copy_file(from, to, name, err);
}

bool imported_copy(const char *from, const char *to, struct err *err) {
    struct shards files;
    bool good = shards_open(from, &files, err);
    bool single =
        good && strcmp(strrchr(safetensors_name(files.files[0]), '/') + 1, SHARDS_SINGLE) == 0;
    for (int i = 0; good && i < files.n; i++)
        good = copy_file(from, to, strrchr(safetensors_name(files.files[i]), '/') + 1, err);
    shards_close(&files);
    good = good && (single || copy_file(from, to, SHARDS_INDEX, err)) &&
           copy_file(from, to, CONFIG_NAME, err);
    for (int i = 0; good && i < N_KEPT; i++) good = copy_there(from, to, kept_names[i], err);
    return good;
}
