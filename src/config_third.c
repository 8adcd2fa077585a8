#include "src/config_third.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/third.h"
#include "src/model_arg.h"

/* Both tokenizers are there, so it can be told now. */
static bool same_tokens(const char *folder, const char *from, struct err *err) {
    struct tokenizer *run = tokenizer_load(from, err);
    struct tokenizer *third = run ? tokenizer_load(folder, err) : NULL;
    bool ok = third && third_reads(folder, third, run, err);
    tokenizer_destroy(third);
    tokenizer_destroy(run);
    return ok;
}

static bool find(const struct settings *s, const char *runs_dir, char out[PATH_MAX],
                 struct err *err) {
    char from[PATH_MAX];
    if (!model_find_folder("compare.third", s->compare.third, runs_dir, out, err)) return false;
    if (!s->model.from[0]) return true;
    return model_find_folder("model.from", s->model.from, runs_dir, from, err) &&
           same_tokens(out, from, err);
}

bool config_third_find(struct settings *s, const char *runs_dir, struct err *err) {
    char folder[PATH_MAX];
    if (!s->compare.third[0]) return true;
    if (!find(s, runs_dir, folder, err)) return false;
    if (strlen(folder) >= sizeof s->compare.third)
        return err_set(err, ERR_RANGE, "compare.third: the path %s is too long", folder);
    memcpy(s->compare.third, folder, strlen(folder) + 1);
    return true;
}

bool config_third_there(const struct settings *s, char *path, struct err *err) {
    char folder[PATH_MAX];
    snprintf(path, TEXT_MAX_BYTES, "compare.third");
    return !s->compare.third[0] || find(s, NULL, folder, err);
}
