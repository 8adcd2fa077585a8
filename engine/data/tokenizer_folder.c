/* tokenizer_folder.c - what stands beside a tokenizer.json: which tokens end a text, and how
 * conversations are written. */
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/data/chat.h"
#include "engine/data/tokenizer_parts.h"

enum { MAX_FILE = 16 << 20 /* bytes; most of it are added tokens */ };

/* ---- reading ---- */

/* Read DIR/name when it is there; *out stays empty when it is not. */
static bool read_text(const char *dir, const char *name, struct buf *out, struct err *err) {
    char path[4096];
    if (!files_join(path, sizeof path, dir, name, err)) return false;
    return !files_exists(path) || files_read(path, MAX_FILE, out, err);
}

/* The same as a tree; *out is NULL when there is no such file. */
static bool read_tree(const char *dir, const char *name, struct json **out, struct err *err) {
    struct buf text = {0};
    bool ok = read_text(dir, name, &text, err);
    *out = ok && text.len > 0 ? json_parse(text.data, text.len, err) : NULL;
    if (ok && text.len > 0 && !*out) ok = err_prefix(err, "%s/%s", dir, name);
    buf_deinit(&text);
    return ok;
}

/* A number, or a list of them. */
static void add_ends(struct tokenizer *t, const struct json *v) {
    for (size_t i = 0; i < json_size(v); i++) tokenizer_add_end(t, json_int(json_at(v, i), -1));
    tokenizer_add_end(t, json_int(v, -1));
}

/* A token's spelling, or an object that has it as its content. */
static void add_spelled_end(struct tokenizer *t, const struct json *v) {
    const struct json *word = json_get(v, "content") ? json_get(v, "content") : v;
    size_t n = json_str_length(word), length;
    int32_t id = tokenizer_special(t, json_str(word, ""), n, &length);
    if (id >= 0 && length == n) tokenizer_add_end(t, id);
}

static void find_chat(struct tokenizer *t, const char *jinja) {
    if (!jinja || !*jinja || t->chat) return;
    t->chat = chat_of_jinja(jinja);
    t->foreign_chat = !t->chat;
}

/* A model may have several templates: that for conversations is called default. */
static const char *jinja_of(const struct json *v) {
    const struct json *first = json_get(json_at(v, 0), "template");
    for (size_t i = 0; i < json_size(v); i++)
        if (strcmp(json_str(json_get(json_at(v, i), "name"), ""), "default") == 0)
            first = json_get(json_at(v, i), "template");
    return json_str(v, json_str(first, NULL));
}

bool tokenizer_read_folder(struct tokenizer *t, const char *dir, struct err *err) {
    static const char *const with_ids[] = {"generation_config.json", "config.json"};
    struct json *root;
    struct buf jinja = {0};
    for (int i = 0; i < 2; i++) {
        if (!read_tree(dir, with_ids[i], &root, err)) return false;
        add_ends(t, json_get(root, "eos_token_id"));
        json_destroy(root);
    }
    if (!read_tree(dir, "tokenizer_config.json", &root, err)) return false;
    add_spelled_end(t, json_get(root, "eos_token"));
    bool ok = read_text(dir, "chat_template.jinja", &jinja, err);
    if (ok) find_chat(t, buf_text(&jinja));
    if (ok) find_chat(t, jinja_of(json_get(root, "chat_template")));
    buf_deinit(&jinja);
    json_destroy(root);
    return ok;
}

/* ---- writing ---- */

static bool write_text(const char *dir, const char *name, struct buf *text, uint64_t *bytes,
                       struct err *err) {
    char path[4096];
    buf_str(text, "\n");
    bool ok = files_join(path, sizeof path, dir, name, err) &&
              (!text->failed || err_set(err, ERR_NOMEM, "no memory to write %s", path)) &&
              files_write(path, text->data, text->len, err);
    *bytes += text->len;
    buf_deinit(text);
    return ok;
}

static bool save_generation(const struct tokenizer *t, const char *dir, uint64_t *bytes,
                            struct err *err) {
    struct buf text = {0};
    struct json_writer w = json_writer_make(&text);
    w.indent = 2;
    json_open(&w, '{');
    if (t->eot >= 0) json_add_integer(&w, "bos_token_id", t->eot);
    json_add_open(&w, "eos_token_id", '[');
    for (int i = 0; i < t->n_ends; i++) json_put_integer(&w, t->ends[i]);
    json_close(&w, ']');
    json_close(&w, '}');
    return write_text(dir, "generation_config.json", &text, bytes, err);
}

static void add_token(struct json_writer *w, const char *key, const struct tokenizer *t,
                      int id) {
    size_t n;
    const char *word = tokenizer_bytes(t, id, &n);
    if (word) json_add_bytes(w, key, word, n);
}

static bool save_chat(const struct tokenizer *t, const char *dir, uint64_t *bytes,
                      struct err *err) {
    struct buf text = {0};
    struct json_writer w = json_writer_make(&text);
    w.indent = 2;
    json_open(&w, '{');
    json_add_string(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    add_token(&w, "bos_token", t, t->eot);
    add_token(&w, "eos_token", t, tokenizer_end(t));
    json_add_string(&w, "chat_template", t->chat->jinja);
    json_close(&w, '}');
    return write_text(dir, "tokenizer_config.json", &text, bytes, err);
}

bool tokenizer_save_folder(const struct tokenizer *t, const char *dir, uint64_t *bytes,
                           struct err *err) {
    bool other_ends = t->n_ends > 1 || tokenizer_end(t) != t->eot;
    return (!other_ends || save_generation(t, dir, bytes, err)) &&
           (!t->chat || save_chat(t, dir, bytes, err));
}
