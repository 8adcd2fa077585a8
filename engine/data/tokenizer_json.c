/* tokenizer_json.c - read tokenizer.json, or vocab.json with merges.txt.
 * What stands around the merges is read by tokenizer_steps.c. Post-processors, truncation and
 * padding only add special tokens or cut, which encode never does: they are ignored. An added
 * token, special or not, is taken for its id alone, since its spelling in a text is plain text
 * here. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/data/byte_level.h"
#include "engine/data/tokenizer_parts.h"

enum { MAX_FILE = 64 << 20 /* bytes; the largest in use have about 20 MB */ };

/* What is known while a file is turned into a tokenizer. */
struct loader {
    struct tokenizer *t;
    const struct json *vocab;
    const char **spelling; /* [n] of each id, as in the file; borrowed from the JSON tree */
    bool *added;           /* [n] */
    int n;
    uint32_t rank;       /* of the next merge */
    int32_t last_result; /* of the merge before */
    struct buf scratch;
};

/* ---- the vocabulary ---- */

static bool loader_init(struct loader *l, const struct json *vocab, const struct json *added,
                        struct err *err) {
    size_t n = json_size(vocab) + json_size(added);
    l->vocab = vocab;
    l->last_result = -1;
    if (json_kind(vocab) != JSON_KIND_OBJECT || json_size(vocab) == 0)
        return err_set(err, ERR_PARSE, "there is no \"vocab\" with tokens in it");
    if (n > TOKENIZER_MAX_VOCAB)
        return err_set(err, ERR_RANGE, "%zu tokens; at most %d are allowed", n,
                       TOKENIZER_MAX_VOCAB);
    l->spelling = calloc(n, sizeof *l->spelling);
    l->added = calloc(n, sizeof *l->added);
    if (!l->spelling || !l->added)
        return err_set(err, ERR_NOMEM, "no memory for %zu tokens", n);
    l->n = (int)n;
    return true;
}

static void loader_deinit(struct loader *l) {
    free(l->spelling);
    free(l->added);
    buf_deinit(&l->scratch);
}

/* An id within the list; -1 after a complaint. */
static int check_id(const struct loader *l, const struct json *v, const char *token,
                    struct err *err) {
    int64_t id = json_int(v, -1);
    if (id >= 0 && id < l->n) return (int)id;
    err_set(err, ERR_PARSE, "token \"%s\": its id is not a number from 0 to %d", token,
            l->n - 1);
    return -1;
}

static bool read_vocab(struct loader *l, struct err *err) {
    for (const void *it = json_first(l->vocab); it; it = json_next(l->vocab, it)) {
        int id = check_id(l, json_value(it), json_key(it), err);
        if (id < 0) return false;
        if (l->spelling[id])
            return err_set(err, ERR_PARSE, "tokens \"%s\" and \"%s\" have the same id %d",
                           l->spelling[id], json_key(it), id);
        l->spelling[id] = json_key(it);
    }
    return true;
}

/* Added tokens may repeat an entry of the vocabulary or come after it. */
static bool read_added(struct loader *l, const struct json *added, struct err *err) {
    for (size_t i = 0; i < json_size(added); i++) {
        const struct json *v = json_at(added, i), *content = json_get(v, "content");
        const char *text = json_str(content, "");
        if (!text[0] || strlen(text) != json_str_length(content))
            return err_set(err, ERR_PARSE, "added token %zu has no content", i);
        int id = check_id(l, json_get(v, "id"), text, err);
        if (id < 0) return false;
        if (l->spelling[id] && strcmp(l->spelling[id], text) != 0)
            return err_set(err, ERR_PARSE, "tokens \"%s\" and \"%s\" have the same id %d",
                           l->spelling[id], text, id);
        l->spelling[id] = text;
        l->added[id] = true;
    }
    return true;
}

/* The bytes that a spelling stands for, into l->scratch. */
static bool unspell(struct loader *l, int id, struct err *err) {
    const char *s = l->spelling[id];
    size_t n = strlen(s), space = strlen(SENTENCEPIECE_SPACE);
    buf_clear(&l->scratch);
    if (l->added[id]) return buf_str(&l->scratch, s) || err_set(err, ERR_NOMEM, "no memory");
    if (l->t->steps.kind == TOKENIZER_BYTE_LEVEL)
        return byte_level_unspell(&l->scratch, s, n) ||
               err_set(err, ERR_PARSE,
                       "token %d \"%s\" is not spelled in GPT-2's byte characters", id, s);
    int byte = sentencepiece_byte(s, n);
    if (byte >= 0) {
        l->t->byte_id[byte] = id;
        return buf_add(&l->scratch, &(char){(char)byte}, 1);
    }
    while (*s) {
        bool blank = strncmp(s, SENTENCEPIECE_SPACE, space) == 0;
        buf_add(&l->scratch, blank ? " " : s, 1);
        s += blank ? space : 1;
    }
    return !l->scratch.failed || err_set(err, ERR_NOMEM, "no memory");
}

static bool put_tokens(struct loader *l, struct err *err) {
    while (l->n && !l->spelling[l->n - 1]) l->n--; /* entries that were in both lists */
    for (int id = 0; id < l->n; id++) {
        if (!l->spelling[id])
            return err_set(err, ERR_PARSE, "there is no token with id %d", id);
        if (!unspell(l, id, err) ||
            !tokenizer_put_token(l->t, l->scratch.data, l->scratch.len, l->added[id], err))
            return false;
    }
    return true;
}

/* ---- merges ---- */

/* The id of a spelling that may be merged; -1 after a complaint. */
static int32_t find_mergeable(struct loader *l, const char *spelling, struct err *err) {
    int64_t id = json_int(json_get(l->vocab, spelling), -1);
    bool bytes_only = id >= 0 && l->t->steps.kind == TOKENIZER_SENTENCEPIECE &&
                      sentencepiece_byte(spelling, strlen(spelling)) >= 0;
    if (id >= 0 && !l->added[id] && !bytes_only) return (int32_t)id;
    err_set(err, ERR_PARSE, "merge %u: \"%s\" is %s", l->t->pairs.n, spelling,
            id < 0 ? "not in the vocabulary" : "special, it cannot be part of a merge");
    return -1;
}

/* Both parts NUL-terminated, spelled as in the vocabulary. In sentencepiece files all ways to
 * make one token stand together and are one rank, as its scores would have it. */
static bool put_merge(struct loader *l, const char *left, const char *right, struct err *err) {
    struct merge m = {.left = find_mergeable(l, left, err)};
    if (m.left < 0) return false;
    m.right = find_mergeable(l, right, err);
    if (m.right < 0) return false;
    buf_clear(&l->scratch);
    buf_str(&l->scratch, left);
    if (!buf_str(&l->scratch, right)) return err_set(err, ERR_NOMEM, "no memory for a merge");
    m.result = find_mergeable(l, l->scratch.data, err);
    if (m.result < 0) return false;
    bool same = l->t->steps.kind == TOKENIZER_SENTENCEPIECE && m.result == l->last_result;
    m.rank = same ? l->rank - 1 : l->rank++;
    l->last_result = m.result;
    return tokenizer_put_merge(l->t, m, err);
}

/* "left right": cut at the one space. `line` is writable, NUL-terminated. */
static bool put_merge_line(struct loader *l, char *line, struct err *err) {
    char *space = strchr(line, ' ');
    if (!space || space == line || !space[1] || strchr(space + 1, ' '))
        return err_set(err, ERR_PARSE,
                       "merge %u: \"%s\" is not two tokens with a space between", l->t->pairs.n,
                       line);
    *space = '\0';
    return put_merge(l, line, space + 1, err);
}

static bool put_json_merge(struct loader *l, const struct json *v, struct err *err) {
    const struct json *left = json_at(v, 0), *right = json_at(v, 1);
    if (json_size(v) == 2 && json_str_length(left) && json_str_length(right))
        return put_merge(l, json_str(left, ""), json_str(right, ""), err);
    char *line = strdup(json_str(v, ""));
    if (!line) return err_set(err, ERR_NOMEM, "no memory for a merge");
    bool done = put_merge_line(l, line, err);
    free(line);
    return done;
}

/* ---- a whole tokenizer.json ---- */

static bool build(struct loader *l, const struct json *root, struct err *err) {
    const struct json *model = json_get(root, "model"), *merges = json_get(model, "merges"),
                      *added = json_get(root, "added_tokens");
    if (!loader_init(l, json_get(model, "vocab"), added, err) || !read_vocab(l, err) ||
        !read_added(l, added, err) || !put_tokens(l, err))
        return false;
    if (json_kind(merges) != JSON_KIND_ARRAY)
        return err_set(err, ERR_PARSE, "there is no list \"merges\"");
    for (size_t i = 0; i < json_size(merges); i++)
        if (!put_json_merge(l, json_at(merges, i), err)) return false;
    return tokenizer_finish(l->t, err);
}

static struct tokenizer *from_json(const struct json *root, struct err *err) {
    struct tokenizer_steps steps;
    if (!tokenizer_steps_read(root, &steps, err)) return NULL;
    struct loader l = {.t = tokenizer_create(&steps, err)};
    bool done = l.t && build(&l, root, err);
    loader_deinit(&l);
    if (done) return l.t;
    tokenizer_destroy(l.t);
    return NULL;
}

struct tokenizer *tokenizer_parse(const char *text, size_t n, struct err *err) {
    struct json *root = json_parse(text, n, err);
    struct tokenizer *t = root ? from_json(root, err) : NULL;
    json_destroy(root);
    return t;
}

/* ---- vocab.json and merges.txt ---- */

/* One merge a line; a first line that begins with #version is none. Cuts text up. */
static bool put_merge_lines(struct loader *l, const char *path, struct buf *text,
                            struct err *err) {
    if (text->len && memchr(text->data, '\0', text->len))
        return err_set(err, ERR_PARSE, "%s: there is a NUL byte in it", path);
    char *line = text->data;
    for (int number = 1; line && *line; number++) {
        char *end = strchr(line, '\n'), *next = end ? end + 1 : NULL;
        if (end) *end = '\0';
        if (end && end > line && end[-1] == '\r') end[-1] = '\0';
        bool skip = !*line || (number == 1 && strncmp(line, "#version", 8) == 0);
        if (!skip && !put_merge_line(l, line, err))
            return err_prefix(err, "%s:%d", path, number);
        line = next;
    }
    return true;
}

/* These files do not say what is special: a token like <this> that no merge makes. */
static bool mark_specials(struct tokenizer *t, struct err *err) {
    bool *made = calloc((size_t)t->n_tokens, sizeof *made);
    if (!made) return err_set(err, ERR_NOMEM, "no memory for %d tokens", t->n_tokens);
    for (uint32_t i = 0; i < t->pairs.n; i++) made[t->merges[i].result] = true;
    for (int id = 0; id < t->n_tokens; id++) {
        size_t n;
        const char *bytes = tokenizer_bytes(t, id, &n);
        t->tokens[id].special = !made[id] && n > 2 && bytes[0] == '<' && bytes[n - 1] == '>';
    }
    free(made);
    return true;
}

static bool build_pair(struct loader *l, const struct json *vocab, const char *vocab_path,
                       const char *merges_path, struct err *err) {
    if (!loader_init(l, vocab, NULL, err) || !read_vocab(l, err) || !put_tokens(l, err))
        return err_prefix(err, "%s", vocab_path);
    struct buf merges = {0};
    bool done = files_read(merges_path, MAX_FILE, &merges, err) &&
                put_merge_lines(l, merges_path, &merges, err) && mark_specials(l->t, err) &&
                tokenizer_finish(l->t, err);
    buf_deinit(&merges);
    return done;
}

/* NULL after a complaint that names the file. */
static struct json *read_json(const char *path, struct err *err) {
    struct buf text = {0};
    struct json *root = NULL;
    if (files_read(path, MAX_FILE, &text, err)) {
        root = json_parse(text.data, text.len, err);
        if (!root) err_prefix(err, "%s", path);
    }
    buf_deinit(&text);
    return root;
}

struct tokenizer *tokenizer_load_pair(const char *vocab_json, const char *merges_txt,
                                      struct err *err) {
    struct json *vocab = read_json(vocab_json, err);
    if (!vocab) return NULL;
    struct loader l = {
        .t = tokenizer_create(&(struct tokenizer_steps){.kind = TOKENIZER_BYTE_LEVEL}, err)};
    bool done = l.t && build_pair(&l, vocab, vocab_json, merges_txt, err);
    loader_deinit(&l);
    json_destroy(vocab);
    if (done) return l.t;
    tokenizer_destroy(l.t);
    return NULL;
}

static struct tokenizer *load_files(const char *dir, struct err *err) {
    char path[4096], merges[4096];
    if (!files_join(path, sizeof path, dir, "tokenizer.json", err)) return NULL;
    if (files_exists(path)) {
        struct json *root = read_json(path, err);
        struct tokenizer *t = root ? from_json(root, err) : NULL;
        if (root && !t) err_prefix(err, "%s", path);
        json_destroy(root);
        return t;
    }
    if (!files_join(path, sizeof path, dir, "vocab.json", err) ||
        !files_join(merges, sizeof merges, dir, "merges.txt", err))
        return NULL;
    if (files_exists(path) && files_exists(merges))
        return tokenizer_load_pair(path, merges, err);
    err_set(err, ERR_IO, "%s has no tokenizer.json, and no vocab.json with merges.txt", dir);
    return NULL;
}

struct tokenizer *tokenizer_load(const char *dir, struct err *err) {
    struct tokenizer *t = load_files(dir, err);
    if (!t || tokenizer_read_folder(t, dir, err)) return t;
    tokenizer_destroy(t);
    return NULL;
}
