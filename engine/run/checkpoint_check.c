#include "engine/run/checkpoint_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/json.h"
#include "engine/core/sums.h"
#include "engine/formats/peft.h"
#include "engine/formats/safetensors.h"
#include "engine/run/run_dir.h"

enum { TRAINER_BYTES = 16 << 20 }; /* of trainer.json at most */

/* Adapters' tensors are there where trainer.json knows of them. */
static const char *const tensor_files[] = {"model.safetensors", "optimizer.safetensors",
                                           "adapter_model.safetensors"};
enum { ALWAYS = 2, N_TENSOR_FILES = sizeof tensor_files / sizeof *tensor_files };

/* That a file is there and as long as trainer.json says; cheap, and says most of what happens.
 */
static bool check_size(const char *folder, const char *name, const struct json *files,
                       struct err *err) {
    char path[PATH_MAX];
    struct stat st;
    if (!files_join(path, sizeof path, folder, name, err)) return false;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s is missing", name);
    int64_t saved = json_int(json_get(files, name), st.st_size);
    if (st.st_size == saved && saved > 0) return true;
    return err_set(err, ERR_PARSE, "%s has %lld bytes, not the %lld that were saved", name,
                   (long long)st.st_size, (long long)saved);
}

static bool check_trainer(const char *folder, struct err *err) {
    char path[PATH_MAX];
    struct buf text = {0};
    struct err why = {0};
    if (!files_join(path, sizeof path, folder, "trainer.json", err)) return false;
    if (!files_exists(path)) return err_set(err, ERR_IO, "trainer.json is missing");
    bool read = files_read(path, TRAINER_BYTES, &text, err);
    struct json *root = read ? json_parse(buf_text(&text), text.len, &why) : NULL;
    const struct json *files = json_get(root, "files");
    bool ok = json_kind(root) == JSON_KIND_OBJECT;
    if (read && !ok)
        err_set(err, ERR_PARSE, "trainer.json cannot be read: %s",
                root ? "it is no object" : why.msg);
    for (int i = 0; ok && i < N_TENSOR_FILES; i++)
        if (i < ALWAYS || json_get(files, tensor_files[i]))
            ok = check_size(folder, tensor_files[i], files, err);
    json_destroy(root);
    buf_deinit(&text);
    return ok;
}

static bool check_tensors(const char *folder, const char *name, struct err *err) {
    char path[PATH_MAX];
    struct safetensors *s = NULL;
    if (files_join(path, sizeof path, folder, name, err)) s = safetensors_open(path, err);
    safetensors_close(s);
    return s != NULL;
}

bool checkpoint_check(const char *folder, bool *summed, struct err *err) {
    bool there = false;
    bool ok = check_trainer(folder, err) && sums_check(folder, &there, err);
    for (int i = 0; ok && i < N_TENSOR_FILES; i++)
        ok = (i >= ALWAYS && !peft_is(folder)) || check_tensors(folder, tensor_files[i], err);
    if (summed) *summed = there;
    return ok;
}

int64_t checkpoint_newest_sound(const char *checkpoints, char out[PATH_MAX],
                                struct buf *skipped) {
    for (int64_t step = INT64_MAX; (step = checkpoint_below(checkpoints, step, out)) >= 0;) {
        struct err why = {0};
        if (checkpoint_check(out, NULL, &why)) return step;
        if (skipped)
            buf_printf(skipped, "%s%s (%s)", skipped->len > 0 ? ", " : "",
                       strrchr(out, '/') + 1, why.msg);
    }
    return -1;
}
