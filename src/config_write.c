/* config_write.c - settings as YAML, every key of the table in its order. */
#include <stdio.h>
#include <string.h>

#include "src/config_file.h"
#include "src/config_yaml.h"

enum { PART_BYTES = 96 };

/* Whether word i of a value is a text: of GROUPS with numbers, one of each two. */
static bool is_text(const struct setting_key *k, int i) {
    if (k->type == SETTING_GROUPS) return strcmp(k->words[i % 2], "groups") == 0;
    return k->type == SETTING_TEXTS || k->type == SETTING_SETS || k->type == SETTING_TEXT ||
           k->type == SETTING_WORD;
}

static void put_setting(struct yaml_sink *out, const struct settings *s,
                        const struct setting_key *k, const char *name, int stage, bool *ok) {
    struct buf words = {0};
    int n = setting_get(s, k, stage, &words);
    bool list = k->type == SETTING_TEXTS;
    bool many = list || k->type == SETTING_SETS || k->type == SETTING_GROUPS;
    enum yaml_kind kind = list ? YAML_LIST : YAML_MAPPING;
    const char *word = buf_text(&words);
    *ok = *ok && !words.failed;
    yaml_put_text(out, name);
    if (many) yaml_put_open(out, kind, true);
    for (int i = 0; *ok && i < n; i++, word += strlen(word) + 1) {
        if (is_text(k, i)) yaml_put_text(out, word);
        else yaml_put_bare(out, word);
    }
    if (many) yaml_put_close(out, kind);
    buf_deinit(&words);
}

/* The first key from `i` on whose path does not begin as key i's does, up to `depth` bytes. */
static int level_end(int i, size_t depth) {
    const char *prefix = setting_keys[i].path;
    while (i < n_setting_keys && strncmp(setting_keys[i].path, prefix, depth) == 0) i++;
    return i;
}

/* One level of the file: the keys [i, end), whose paths are the same for `depth` bytes. */
static void put_level(struct yaml_sink *out, const struct settings *s, int i, int end,
                      size_t depth, int stage, bool *ok) {
    yaml_put_open(out, YAML_MAPPING, false);
    while (i < end) {
        const char *rest = setting_keys[i].path + depth, *dot = strchr(rest, '.');
        char name[PART_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "."), rest);
        if (!dot) {
            put_setting(out, s, &setting_keys[i++], name, stage, ok);
            continue;
        }
        size_t inner = depth + (size_t)(dot - rest) + 1;
        int next = level_end(i, inner);
        bool stages = dot[1] == '*';
        yaml_put_text(out, name);
        if (stages) yaml_put_open(out, YAML_LIST, s->n_stages == 0);
        for (int k = 0; stages && k < s->n_stages; k++)
            put_level(out, s, i, next, inner + 2, k, ok);
        if (stages) yaml_put_close(out, YAML_LIST);
        else put_level(out, s, i, next, inner, stage, ok);
        i = next;
    }
    yaml_put_close(out, YAML_MAPPING);
}

bool config_write(const struct settings *s, struct buf *out, struct err *err) {
    bool ok = true;
    struct yaml_sink *sink = yaml_sink_create(out);
    if (sink) put_level(sink, s, 0, n_setting_keys, 0, -1, &ok);
    ok = yaml_sink_finish(sink) && ok;
    return ok || err_set(err, ERR_NOMEM, "not enough memory to write the config");
}
