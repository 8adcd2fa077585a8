#include <stdio.h>
#include <string.h>

#include "engine/core/json.h"
#include "engine/formats/weights_file.h"

enum { INDEX_MAX_BYTES = 64 << 20, PATH_BYTES = 4096 };

static bool has_file(const char *dir, const char *name) {
    char path[PATH_BYTES];
    return files_join(path, sizeof path, dir, name, NULL) && files_exists(path);
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

bool shards_open(const char *dir, struct shards *s, struct err *err) {
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                          "pytorch_model.pt", "consolidated.00.pth"};
    *s = (struct shards){.n = 0};
    if (has_file(dir, SHARDS_SINGLE)) return open_shard(s, dir, SHARDS_SINGLE, err);
    if (has_file(dir, SHARDS_INDEX)) return open_index(s, dir, SHARDS_INDEX, err);
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

void shards_close(struct shards *s) {
    for (int i = 0; i < s->n; i++) safetensors_close(s->files[i]);
    s->n = 0;
}
