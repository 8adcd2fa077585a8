/* tokenizer_steps.c - what a tokenizer.json asks for around its merges: how text is normalised,
 * cut, spelled and put together again. Four ways are understood: bytes with the cuts of GPT-2,
 * of SmolLM (digits alone), of Qwen2 and of Llama 3; and Llama 2's sentencepiece, in the
 * spelling of older and of newer files. What else a file asks for is refused by its name. */
#include <string.h>

#include "engine/core/json.h"
#include "engine/data/tokenizer_parts.h"

static const char *type_of(const struct json *v) { return json_str(json_get(v, "type"), ""); }

static bool is_type(const struct json *v, const char *type) {
    return strcmp(type_of(v), type) == 0;
}

static bool is_null(const struct json *v) { return json_kind(v) == JSON_KIND_NULL; }

static bool refuse(struct err *err, const char *what, const char *name) {
    return err_set(err, ERR_PARSE, "%s \"%s\" is not supported", what, name);
}

static bool check_model(const struct json *model, struct tokenizer_steps *s, struct err *err) {
    static const char *const texts[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    bool sentencepiece = s->kind == TOKENIZER_SENTENCEPIECE;
    const char *type = json_str(json_get(model, "type"), "BPE");
    if (json_kind(model) != JSON_KIND_OBJECT)
        return err_set(err, ERR_PARSE, "there is no \"model\": is this a tokenizer.json?");
    if (strcmp(type, "BPE") != 0) return refuse(err, "model type", type);
    for (int i = 0; i < 2; i++)
        if (json_str(json_get(model, texts[i]), "")[0])
            return refuse(err, "model setting", texts[i]);
    if (json_number(json_get(model, "dropout"), 0) != 0)
        return refuse(err, "model setting", "dropout");
    s->ignore_merges = json_bool(json_get(model, "ignore_merges"), false);
    if (s->ignore_merges && sentencepiece) return refuse(err, "model setting", "ignore_merges");
    if (json_bool(json_get(model, "byte_fallback"), false) != sentencepiece)
        return refuse(err, "model setting", "byte_fallback");
    return true;
}

/* A ByteLevel step, which must cut itself or not. */
static bool check_byte_step(const struct json *step, bool cuts, struct err *err) {
    if (!is_type(step, "ByteLevel")) return refuse(err, "pre_tokenizer", type_of(step));
    if (json_bool(json_get(step, "add_prefix_space"), true))
        return refuse(err, "pre_tokenizer setting", "add_prefix_space");
    if (json_bool(json_get(step, "use_regex"), true) != cuts)
        return refuse(err, "pre_tokenizer setting",
                      cuts ? "use_regex false" : "use_regex true");
    return true;
}

/* The pattern by which a Split step cuts: one of those that are known, letter for letter. */
static bool read_split(const struct json *step, struct tokenizer_steps *s, struct err *err) {
    const char *regex = json_str(json_get(json_get(step, "pattern"), "Regex"), "");
    const char *behavior = json_str(json_get(step, "behavior"), "");
    if (strcmp(behavior, "Isolated") != 0) return refuse(err, "Split behavior", behavior);
    if (json_bool(json_get(step, "invert"), false))
        return refuse(err, "Split setting", "invert");
    for (int k = 0; k < PRETOKEN_COUNT; k++) {
        const char *known = pretoken_infos[k].split;
        if (!known || strcmp(known, regex) != 0) continue;
        s->pretoken = (enum pretoken_kind)k;
        return true;
    }
    return refuse(err, "Split pattern", regex);
}

static bool read_pre_tokenizer(const struct json *pre, struct tokenizer_steps *s,
                               struct err *err) {
    if (is_null(pre)) return err_set(err, ERR_PARSE, "there is no \"pre_tokenizer\"");
    if (!is_type(pre, "Sequence")) return check_byte_step(pre, true, err);
    const struct json *list = json_get(pre, "pretokenizers"), *first = json_at(list, 0);
    if (json_size(list) != 2)
        return err_set(err, ERR_PARSE, "a pre_tokenizer of %zu steps is not supported; two are",
                       json_size(list));
    if (is_type(first, "Digits")) {
        s->pretoken = PRETOKEN_DIGITS;
        if (!json_bool(json_get(first, "individual_digits"), false))
            return refuse(err, "Digits setting", "individual_digits false");
        return check_byte_step(json_at(list, 1), true, err);
    }
    if (!is_type(first, "Split")) return refuse(err, "pre_tokenizer", type_of(first));
    return read_split(first, s, err) && check_byte_step(json_at(list, 1), false, err);
}

static bool read_byte_level(const struct json *root, struct tokenizer_steps *s,
                            struct err *err) {
    const struct json *normalizer = json_get(root, "normalizer"),
                      *decoder = json_get(root, "decoder");
    s->nfc = is_type(normalizer, "NFC");
    if (!is_null(normalizer) && !s->nfc) return refuse(err, "normalizer", type_of(normalizer));
    if (!read_pre_tokenizer(json_get(root, "pre_tokenizer"), s, err)) return false;
    if (!is_null(decoder) && !is_type(decoder, "ByteLevel"))
        return refuse(err, "decoder", type_of(decoder));
    return check_model(json_get(root, "model"), s, err);
}

/* Llama 2's normalizer: a leading "▁", and "▁" for every space. */
static bool is_sentencepiece(const struct json *root) {
    const struct json *list = json_get(json_get(root, "normalizer"), "normalizers"),
                      *prepend = json_at(list, 0), *replace = json_at(list, 1);
    return json_size(list) == 2 && is_type(prepend, "Prepend") &&
           strcmp(json_str(json_get(prepend, "prepend"), ""), SENTENCEPIECE_SPACE) == 0 &&
           is_type(replace, "Replace") &&
           strcmp(json_str(json_get(json_get(replace, "pattern"), "String"), ""), " ") == 0 &&
           strcmp(json_str(json_get(replace, "content"), ""), SENTENCEPIECE_SPACE) == 0;
}

/* The words of prepend_scheme; with "first" only a text's beginning counts, which is all that
 * is encoded here. */
static const char *const front_words[] = {
    [FRONT_SPACE_ONCE] = "first", [FRONT_NOTHING] = "never"};

/* The same as newer files have it: one step that leaves the text in one piece. */
static bool read_metaspace(const struct json *step, struct tokenizer_steps *s,
                           struct err *err) {
    bool space = json_bool(json_get(step, "add_prefix_space"), true);
    const char *scheme = json_str(json_get(step, "prepend_scheme"), space ? "always" : "never");
    const char *replacement = json_str(json_get(step, "replacement"), SENTENCEPIECE_SPACE);
    s->kind = TOKENIZER_SENTENCEPIECE;
    s->front =
        strcmp(scheme, front_words[FRONT_NOTHING]) == 0 ? FRONT_NOTHING : FRONT_SPACE_ONCE;
    if (strcmp(replacement, SENTENCEPIECE_SPACE) != 0)
        return refuse(err, "Metaspace replacement", replacement);
    if (json_bool(json_get(step, "split"), true))
        return refuse(err, "pre_tokenizer Metaspace with setting", "split");
    if (strcmp(scheme, "always") != 0 && strcmp(scheme, front_words[s->front]) != 0)
        return refuse(err, "prepend_scheme", scheme);
    return true;
}

bool tokenizer_steps_read(const struct json *root, struct tokenizer_steps *out,
                          struct err *err) {
    const struct json *pre = json_get(root, "pre_tokenizer");
    *out = (struct tokenizer_steps){.kind = TOKENIZER_BYTE_LEVEL};
    if (is_null(json_get(root, "normalizer")) && is_type(pre, "Metaspace"))
        return read_metaspace(pre, out, err) && check_model(json_get(root, "model"), out, err);
    if (!is_sentencepiece(root)) return read_byte_level(root, out, err);
    out->kind = TOKENIZER_SENTENCEPIECE;
    if (!is_null(pre)) return refuse(err, "pre_tokenizer", type_of(pre));
    return check_model(json_get(root, "model"), out, err);
}

/* ---- writing them ---- */

static void open_typed(struct json_writer *w, const char *key, const char *type) {
    if (key) json_put_key(w, key);
    json_open(w, '{');
    json_add_string(w, "type", type);
}

static void put_byte_level(struct json_writer *w, const char *key, bool add_prefix_space,
                           bool cuts) {
    open_typed(w, key, "ByteLevel");
    json_add_bool(w, "add_prefix_space", add_prefix_space);
    json_add_bool(w, "trim_offsets", true);
    json_add_bool(w, "use_regex", cuts);
    json_close(w, '}');
}

static void put_replace(struct json_writer *w, const char *from, const char *to) {
    open_typed(w, NULL, "Replace");
    json_add_open(w, "pattern", '{');
    json_add_string(w, "String", from);
    json_close(w, '}');
    json_add_string(w, "content", to);
    json_close(w, '}');
}

/* The step before ByteLevel's. */
static void put_first_cut(struct json_writer *w, enum pretoken_kind kind) {
    const char *split = pretoken_infos[kind].split;
    open_typed(w, NULL, split ? "Split" : "Digits");
    if (split) {
        json_add_open(w, "pattern", '{');
        json_add_string(w, "Regex", split);
        json_close(w, '}');
        json_add_string(w, "behavior", "Isolated");
        json_add_bool(w, "invert", false);
    } else {
        json_add_bool(w, "individual_digits", true);
    }
    json_close(w, '}');
}

static void put_pre_tokenizer(struct json_writer *w, enum pretoken_kind kind) {
    if (kind == PRETOKEN_GPT2) {
        put_byte_level(w, "pre_tokenizer", false, true);
        return;
    }
    open_typed(w, "pre_tokenizer", "Sequence");
    json_add_open(w, "pretokenizers", '[');
    put_first_cut(w, kind);
    put_byte_level(w, NULL, false, !pretoken_infos[kind].split);
    json_close(w, ']');
    json_close(w, '}');
}

static void put_byte_level_steps(struct json_writer *w, const struct tokenizer_steps *s) {
    if (s->nfc) {
        open_typed(w, "normalizer", "NFC");
        json_close(w, '}');
    } else {
        json_add_null(w, "normalizer");
    }
    put_pre_tokenizer(w, s->pretoken);
    json_add_null(w, "post_processor");
    put_byte_level(w, "decoder", true,
                   true); /* what its flags are does not matter to a decoder */
}

/* How text is turned: Llama 2's normalizer, or for another front the newer step. */
static void put_turning(struct json_writer *w, enum sentencepiece_front front) {
    if (front == FRONT_SPACE) {
        open_typed(w, "normalizer", "Sequence");
        json_add_open(w, "normalizers", '[');
        open_typed(w, NULL, "Prepend");
        json_add_string(w, "prepend", SENTENCEPIECE_SPACE);
        json_close(w, '}');
        put_replace(w, " ", SENTENCEPIECE_SPACE);
        json_close(w, ']');
        json_close(w, '}');
        json_add_null(w, "pre_tokenizer");
        return;
    }
    json_add_null(w, "normalizer");
    open_typed(w, "pre_tokenizer", "Metaspace");
    json_add_string(w, "replacement", SENTENCEPIECE_SPACE);
    json_add_string(w, "prepend_scheme", front_words[front]);
    json_add_bool(w, "split", false);
    json_close(w, '}');
}

static void put_sentencepiece_steps(struct json_writer *w, enum sentencepiece_front front) {
    put_turning(w, front);
    json_add_null(w, "post_processor");
    open_typed(w, "decoder", "Sequence");
    json_add_open(w, "decoders", '[');
    put_replace(w, SENTENCEPIECE_SPACE, " ");
    open_typed(w, NULL, "ByteFallback");
    json_close(w, '}');
    open_typed(w, NULL, "Fuse");
    json_close(w, '}');
    if (front != FRONT_NOTHING) {
        open_typed(w, NULL, "Strip");
        json_add_string(w, "content", " ");
        json_add_integer(w, "start", 1);
        json_add_integer(w, "stop", 0);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

void tokenizer_steps_write(struct json_writer *w, const struct tokenizer_steps *s) {
    if (s->kind == TOKENIZER_SENTENCEPIECE) put_sentencepiece_steps(w, s->front);
    else put_byte_level_steps(w, s);
}
