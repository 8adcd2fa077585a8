#include "engine/formats/peft.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/json.h"
#include "engine/formats/hf_model.h"
#include "engine/formats/weights_file.h"

enum { CONFIG_MAX_BYTES = 1 << 20 };

static const char config_name[] = "adapter_config.json";
static const char tensors_name[] = "adapter_model.safetensors";
static const char name_prefix[] = "base_model.model.";

static bool has_file(const char *dir, const char *name) {
    char path[PATH_MAX];
    return files_join(path, sizeof path, dir, name, NULL) && files_exists(path);
}

bool peft_is(const char *dir) { return has_file(dir, config_name); }

/* ---- reading the config ---- */

/* NULL with err. Owner: the caller, with json_destroy(). */
static struct json *read_config(const char *dir, struct err *err) {
    char path[PATH_MAX];
    struct buf text = {0};
    struct json *root = NULL;
    if (files_join(path, sizeof path, dir, config_name, err) &&
        files_read(path, CONFIG_MAX_BYTES, &text, err) &&
        !(root = json_parse(buf_text(&text), text.len, err)))
        err_prefix(err, "%s", path);
    buf_deinit(&text);
    return root;
}

static bool is_model(const char *path) { return has_file(path, "config.json"); }

bool peft_base(const char *dir, const char *given, char out[PATH_MAX], struct err *err) {
    if (given) return files_join(out, PATH_MAX, "", given, err);
    if (!peft_is(dir) || is_model(dir)) return files_join(out, PATH_MAX, "", dir, err);
    struct json *root = read_config(dir, err);
    if (!root) return false;
    const char *named = json_str(json_get(root, "base_model_name_or_path"), "");
    bool found = *named && ((files_join(out, PATH_MAX, dir, named, NULL) && is_model(out)) ||
                            (files_join(out, PATH_MAX, "", named, NULL) && is_model(out)));
    if (!found)
        err_set(err, ERR_IO,
                "%s: the model of this adapter, \"%.120s\", is no folder on this machine: give "
                "it with --base MODEL",
                dir, named);
    json_destroy(root);
    return found;
}

static bool is_empty(const struct json *v) {
    return json_kind(v) == JSON_KIND_NULL || json_size(v) == 0;
}

/* A word that says how A and B began is fine, one that says that the base was changed is not.
 */
static bool began_on_base(const struct json *init) {
    static const char *const fine[] = {"", "gaussian", "eva", "orthogonal"};
    const char *word = json_str(init, "");
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        if (strcmp(word, fine[i]) == 0) return true;
    return false;
}

/* What of the config thaw has no place for, as a sentence, or NULL. */
static const char *unsupported(const struct json *c) {
    const char *type = json_str(json_get(c, "peft_type"), "LORA");
    if (strcmp(type, "LORA") != 0)
        return "its peft_type is another than LORA, the only one supported";
    if (json_bool(json_get(c, "use_dora"), false)) return "use_dora (DoRA) is not supported";
    if (strcmp(json_str(json_get(c, "bias"), "none"), "none") != 0 ||
        json_bool(json_get(c, "lora_bias"), false))
        return "biases that learn (bias, lora_bias) are not supported";
    if (!is_empty(json_get(c, "modules_to_save")))
        return "modules_to_save, modules saved whole, are not supported";
    if (!is_empty(json_get(c, "trainable_token_indices")) ||
        !is_empty(json_get(c, "target_parameters")))
        return "trainable_token_indices and target_parameters are not supported";
    if (!is_empty(json_get(c, "rank_pattern")) || !is_empty(json_get(c, "alpha_pattern")))
        return "rank_pattern and alpha_pattern are not supported: all maps must have one rank";
    if (!is_empty(json_get(c, "layer_replication")))
        return "layer_replication is not supported";
    if (!began_on_base(json_get(c, "init_lora_weights")))
        return "its init_lora_weights changed the base model as well, which is not supported";
    return NULL;
}

static bool read_scale(const char *dir, const struct json *c, struct adapter *out,
                       struct err *err) {
    const char *why = unsupported(c);
    if (why) return err_set(err, ERR_PARSE, "%s: %s", dir, why);
    int64_t rank = json_int(json_get(c, "r"), 0);
    out->alpha = json_number(json_get(c, "lora_alpha"), 0);
    out->dropout = json_number(json_get(c, "lora_dropout"), 0);
    out->rs = json_bool(json_get(c, "use_rslora"), false);
    out->rank = rank > 0 && rank <= ADAPTER_RANK_MAX ? (int)rank : 0;
    if (out->rank && isfinite(out->alpha) && out->dropout >= 0 && out->dropout < 1) return true;
    return err_set(err, ERR_PARSE,
                   "%s: r must be 1 to %d, lora_alpha a number and lora_dropout at least 0 and "
                   "below 1 in %s",
                   dir, ADAPTER_RANK_MAX, config_name);
}

/* ---- reading the names ---- */

/* "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" as block and target. */
static bool read_name(const struct model_config *c, const char *name, int *layer, int *target) {
    struct adapter_target targets[ADAPTER_TARGETS];
    char at[PARAM_NAME_MAX], full[2 * PARAM_NAME_MAX];
    int n = adapter_targets(c, targets);
    const char *start = family_traits[c->family].rotary ? "base_model.model.model.layers."
                                                        : "base_model.model.transformer.h.";
    if (strncmp(name, start, strlen(start)) != 0) return false;
    long block = strtol(name + strlen(start), NULL, 10);
    if (block < 0 || block >= c->layers) return false;
    *layer = (int)block;
    adapter_block_name(c, *layer, at, sizeof at);
    for (*target = 0; *target < n; ++*target)
        for (int i = 0; i < 2; i++) {
            snprintf(full, sizeof full, "%s%s%s.lora_%c.weight", name_prefix, at,
                     targets[*target].module, "AB"[i]);
            if (strcmp(name, full) == 0) return true;
        }
    return false;
}

static bool read_targets(const struct safetensors *s, struct model_config *c, struct err *err) {
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const char *name = safetensors_at(s, i)->name;
        int layer, target;
        if (!read_name(c, name, &layer, &target))
            return err_set(err, ERR_PARSE,
                           "%s: tensor '%.100s' is no adapter of a linear map in a block of "
                           "this %s model of %d blocks",
                           safetensors_name(s), name, family_traits[c->family].word, c->layers);
        c->adapter.targets[layer] = (uint8_t)(c->adapter.targets[layer] | 1u << target);
    }
    return safetensors_count(s) > 0 ||
           err_set(err, ERR_PARSE, "%s: there are no tensors in it", safetensors_name(s));
}

static struct safetensors *open_tensors(const char *dir, struct err *err) {
    char path[PATH_MAX];
    if (!has_file(dir, tensors_name)) {
        err_set(err, ERR_IO,
                "%s: no %s beside its %s; save the adapter with safe_serialization=True", dir,
                tensors_name, config_name);
        return NULL;
    }
    return files_join(path, sizeof path, dir, tensors_name, err) ? safetensors_open(path, err)
                                                                 : NULL;
}

bool peft_shape(const char *dir, struct model_config *c, struct err *err) {
    c->adapter = (struct adapter){.rank = 0};
    if (!peft_is(dir)) return true;
    struct json *root = read_config(dir, err);
    struct safetensors *s = NULL;
    bool ok = root && read_scale(dir, root, &c->adapter, err) &&
              (s = open_tensors(dir, err)) != NULL && read_targets(s, c, err);
    safetensors_close(s);
    json_destroy(root);
    return ok;
}

bool peft_load(const char *dir, struct weights *out, struct err *err) {
    struct safetensors *s = open_tensors(dir, err);
    bool ok = s && weights_load(s, "", out->table->lora, out, err);
    safetensors_close(s);
    return ok;
}

/* ---- writing ---- */

/* Whether every block that has any has the same. */
static bool is_uniform(const struct model_config *c, unsigned *bits) {
    bool same = true;
    *bits = 0;
    for (int l = 0; l < c->layers; l++) {
        unsigned here = c->adapter.targets[l];
        same &= !here || !*bits || here == *bits;
        *bits |= here;
    }
    return same;
}

/* A module without the part of the block that it is in, where no other has the same name. */
static const char *short_name(const struct adapter_target *targets, int n, int i) {
    const char *name = strrchr(targets[i].module, '.') + 1;
    for (int k = 0; k < n; k++)
        if (k != i && strcmp(strrchr(targets[k].module, '.') + 1, name) == 0)
            return targets[i].module;
    return name;
}

/* PEFT takes a module whose name ends in one of these. */
static void put_targets(struct json_writer *w, const struct model_config *c) {
    struct adapter_target targets[ADAPTER_TARGETS];
    int n = adapter_targets(c, targets);
    unsigned bits;
    bool uniform = is_uniform(c, &bits);
    char at[PARAM_NAME_MAX], full[2 * PARAM_NAME_MAX];
    json_add_open(w, "target_modules", '[');
    for (int l = 0; l < (uniform ? 1 : c->layers); l++)
        for (int i = 0; i < n; i++) {
            adapter_block_name(c, l, at, sizeof at);
            snprintf(full, sizeof full, "%s%s", uniform ? "" : at,
                     uniform ? short_name(targets, n, i) : targets[i].module);
            if ((uniform ? bits : c->adapter.targets[l]) >> i & 1) json_put_string(w, full);
        }
    json_close(w, ']');
    int adapted = 0;
    for (int l = 0; l < c->layers; l++) adapted += c->adapter.targets[l] != 0;
    if (!uniform || adapted == c->layers) {
        json_add_null(w, "layers_to_transform");
        return;
    }
    json_add_open(w, "layers_to_transform", '[');
    for (int l = 0; l < c->layers; l++)
        if (c->adapter.targets[l]) json_put_integer(w, l);
    json_close(w, ']');
}

/* "0.1" where that is the very number, else all its digits. */
static void add_real(struct json_writer *w, const char *key, double x) {
    char text[32];
    snprintf(text, sizeof text, "%.15g", x);
    json_add_number(w, key, x, strtod(text, NULL) == x ? 15 : 17);
}

static void put_config(struct json_writer *w, const struct model_config *c, const char *base) {
    const struct adapter *a = &c->adapter;
    json_open(w, '{');
    json_add_string(w, "peft_type", "LORA");
    json_add_string(w, "task_type", "CAUSAL_LM");
    json_add_string(w, "base_model_name_or_path", base);
    json_add_integer(w, "r", a->rank);
    add_real(w, "lora_alpha", a->alpha);
    add_real(w, "lora_dropout", a->dropout);
    json_add_bool(w, "use_rslora", a->rs);
    put_targets(w, c);
    json_add_bool(w, "fan_in_fan_out", !family_traits[c->family].rotary);
    json_add_string(w, "bias", "none");
    json_add_null(w, "modules_to_save");
    json_add_bool(w, "init_lora_weights", true);
    json_add_bool(w, "use_dora", false);
    json_add_bool(w, "inference_mode", true);
    json_close(w, '}');
}

bool peft_save(const char *dir, const struct weights *w, const char *base, uint64_t *bytes,
               struct err *err) {
    char path[PATH_MAX];
    const char *prefix = "";
    uint64_t tensors = 0;
    struct buf text = {0};
    struct json_writer json = json_writer_make(&text);
    json.indent = 2;
    put_config(&json, &w->table->config, base);
    buf_str(&text, "\n");
    bool ok = files_join(path, sizeof path, dir, tensors_name, err) &&
              weights_save(path, &w, &prefix, 1, w->table->lora, &tensors, err) &&
              files_join(path, sizeof path, dir, config_name, err) &&
              (!text.failed || err_set(err, ERR_NOMEM, "%s: no memory for it", path)) &&
              files_write(path, text.data, text.len, err);
    if (bytes) *bytes = tensors + text.len;
    buf_deinit(&text);
    return ok;
}
