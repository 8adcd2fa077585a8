#include "engine/run/settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/spelling.h"
#include "engine/run/number.h"

static const char stage_prefix[] = "stages.*.";

static bool of_stage(const struct setting_key *k) {
    return strncmp(k->path, stage_prefix, sizeof stage_prefix - 1) == 0;
}

/* --- finding a key */

/* What may stand in front of a dot; with the keys, all that can be written at a level. */
static const char *const sections[] = {"model",
                                       "stages",
                                       "compare",
                                       "eval",
                                       "checkpoint",
                                       "checkpoint.keep",
                                       "stages.*.replay",
                                       "stages.*.thaw",
                                       "stages.*.early_stop",
                                       "stages.*.optimizer",
                                       "stages.*.schedule",
                                       "stages.*.adapter"};
enum { N_SECTIONS = sizeof sections / sizeof sections[0], PATH_BYTES = SPELLING_MAX };

static int level(const char *path) {
    int dots = 0;
    for (; *path; path++) dots += *path == '.';
    return dots;
}

/* A known key is worth naming when at most half of what was written last has to change, or when
 * one begins with the other ("lrate"). */
static bool is_near(const char *path, const char *known, int distance) {
    const char *dot = strrchr(path, '.');
    int last = (int)strlen(dot ? dot + 1 : path);
    size_t shorter = strlen(path) < strlen(known) ? strlen(path) : strlen(known);
    return 2 * distance <= last || strncmp(path, known, shorter) == 0;
}

static const char *nearest_key(const char *path) {
    const char *best = NULL;
    int best_distance = 0;
    for (int i = 0; i < n_setting_keys + N_SECTIONS; i++) {
        const char *known =
            i < n_setting_keys ? setting_keys[i].path : sections[i - n_setting_keys];
        if (level(known) != level(path)) continue;
        int distance = spelling_distance(path, known);
        if (best && distance >= best_distance) continue;
        best = known;
        best_distance = distance;
    }
    return best && is_near(path, best, best_distance) ? best : NULL;
}

/* "stages.1.steps" as "stages.*.steps", with the number in *stage; others unchanged, -1. */
static void generic_path(const char *path, char out[PATH_BYTES], int *stage) {
    int used = 0, number = 0;
    *stage = -1;
    if (sscanf(path, "stages.%4d%n", &number, &used) == 1 && number >= 0 &&
        (path[used] == '.' || path[used] == '\0')) {
        *stage = number;
        snprintf(out, PATH_BYTES, "stages.*%s", path + used);
    } else {
        snprintf(out, PATH_BYTES, "%s", path);
    }
}

/* A number in the place of checkpoint.keep's mapping is how many of the last are kept, a list
 * in the place of thaw's is when what is thawed. */
static const char *written_out(const char *path) {
    if (strcmp(path, "stages.*.thaw") == 0) return "stages.*.thaw.at";
    return strcmp(path, "checkpoint.keep") == 0 ? "checkpoint.keep.last" : path;
}

const struct setting_key *setting_find(const char *path, int *stage, const char **nearest) {
    char generic[PATH_BYTES];
    generic_path(path, generic, stage);
    const char *whole = written_out(generic);
    for (int i = 0; i < n_setting_keys; i++) {
        bool found = strcmp(whole, setting_keys[i].path) == 0;
        if (!found) continue;
        if (nearest) *nearest = setting_keys[i].path;
        return &setting_keys[i];
    }
    if (nearest) *nearest = nearest_key(generic);
    return NULL;
}

/* --- setting a value */

static const char *last_part(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* "1 to 512 blocks" */
static void describe_range(const struct setting_key *k, struct buf *out) {
    number_write(out, k->min);
    buf_str(out, " to ");
    number_write(out, k->max);
    if (*k->unit) buf_printf(out, " %s", k->unit);
}

static bool refuse(const struct setting_key *k, enum err_code code, const char *kind,
                   const char *word, struct err *err) {
    struct buf range = {0};
    describe_range(k, &range);
    err_set(err, code, "%s must be %s%s, not \"%s\"", last_part(k->path), kind,
            buf_text(&range), word);
    buf_deinit(&range);
    return false;
}

static bool in_range(const struct setting_key *k, double x) {
    return x >= k->min && x <= k->max;
}

static bool put_whole(char *field, const struct setting_key *k, const char *word,
                      struct err *err) {
    int64_t x;
    if (!number_parse_whole(word, &x))
        return refuse(k, ERR_PARSE, "a whole number, ", word, err);
    if (!in_range(k, (double)x)) return refuse(k, ERR_RANGE, "", word, err);
    int narrow = (int)x;
    if (k->type == SETTING_INT) memcpy(field, &narrow, sizeof narrow);
    else memcpy(field, &x, sizeof x);
    return true;
}

static bool put_real(char *field, const struct setting_key *k, const char *word,
                     struct err *err) {
    double x;
    if (!number_parse(word, &x)) return refuse(k, ERR_PARSE, "a number, ", word, err);
    if (!in_range(k, x)) return refuse(k, ERR_RANGE, "", word, err);
    memcpy(field, &x, sizeof x);
    return true;
}

static bool put_bool(char *field, const struct setting_key *k, const char *word,
                     struct err *err) {
    bool x = strcmp(word, "true") == 0;
    if (!x && strcmp(word, "false") != 0)
        return err_set(err, ERR_PARSE, "%s must be true or false, not \"%s\"",
                       last_part(k->path), word);
    memcpy(field, &x, sizeof x);
    return true;
}

static bool put_word(char *field, const struct setting_key *k, const char *word,
                     struct err *err) {
    struct buf known = {0};
    for (int i = 0; i < k->n_words; i++) {
        if (strcmp(word, k->words[i]) == 0) {
            buf_deinit(&known);
            memcpy(field, &i, sizeof i);
            return true;
        }
        buf_printf(&known, "%s%s",
                   i == 0                ? ""
                   : i + 1 == k->n_words ? " or "
                                         : ", ",
                   k->words[i]);
    }
    err_set(err, ERR_PARSE, "%s must be %s, not \"%s\"", last_part(k->path), buf_text(&known),
            word);
    buf_deinit(&known);
    return false;
}

/* Copy a text into `size` bytes with its NUL. */
static bool put_text(char *field, size_t size, const struct setting_key *k, const char *word,
                     struct err *err) {
    size_t n = strlen(word);
    if (n >= size)
        return err_set(err, ERR_RANGE, "%s must be at most %zu bytes long, not %zu",
                       last_part(k->path), size - 1, n);
    memcpy(field, word, n + 1);
    return true;
}

static bool put_texts(char *field, const struct setting_key *k, const char *const *words, int n,
                      struct err *err) {
    struct text_list list = {.n = n};
    for (int i = 0; i < n; i++)
        if (!put_text(list.text[i], sizeof list.text[i], k, words[i], err)) return false;
    memcpy(field, &list, sizeof list);
    return true;
}

static bool put_sets(struct settings *s, const struct setting_key *k, const char *const *words,
                     int n, struct err *err) {
    struct eval_set sets[SETS_MAX] = {0};
    if (n % 2 != 0)
        return err_set(err, ERR_PARSE, "%s must give each name a source", last_part(k->path));
    for (int i = 0; i < n / 2; i++) {
        if (!put_text(sets[i].name, sizeof sets[i].name, k, words[2 * i], err) ||
            !put_text(sets[i].source, sizeof sets[i].source, k, words[2 * i + 1], err))
            return false;
    }
    memcpy(s->eval.sets, sets, sizeof sets);
    s->eval.n_sets = n / 2;
    return true;
}

/* Which of an item's two halves is its GROUPS. */
static int groups_half(const struct setting_key *k) {
    return strcmp(k->words[0], "groups") == 0 ? 0 : 1;
}

static bool put_groups(char *field, const struct setting_key *k, const char *const *words,
                       int n, struct err *err) {
    struct group_numbers list = {.n = n / 2};
    if (n % 2 != 0 || n / 2 > GROUP_TEXTS_MAX)
        return err_set(err, ERR_RANGE, "%s must be up to %d GROUPS with a number each",
                       last_part(k->path), GROUP_TEXTS_MAX);
    for (int i = 0; i < list.n; i++) {
        const char *const *item = words + (size_t)2 * (size_t)i;
        const char *number = item[1 - groups_half(k)];
        struct group_number *to = &list.at[i];
        int64_t whole;
        if (!put_text(to->groups, sizeof to->groups, k, item[groups_half(k)], err))
            return false;
        if (*k->unit && !number_parse_whole(number, &whole))
            return refuse(k, ERR_PARSE, "a whole number, ", number, err);
        if (!put_real((char *)&to->number, k, number, err)) return false;
    }
    memcpy(field, &list, sizeof list);
    return true;
}

static bool check_count(const struct setting_key *k, int n, struct err *err) {
    if (k->type == SETTING_GROUPS) return true; /* put_groups() counts items of two */
    bool list = k->type == SETTING_TEXTS || k->type == SETTING_SETS;
    int items = k->type == SETTING_SETS ? (n + 1) / 2 : n;
    if (!list && n != 1)
        return err_set(err, ERR_PARSE, "%s must be one value, not a list", last_part(k->path));
    if (list && !in_range(k, items))
        return err_set(err, ERR_RANGE, "%s must have %.0f to %.0f %s, not %d",
                       last_part(k->path), k->min, k->max, k->unit, items);
    return true;
}

/* A text has its least length in `min`; its greatest is its field's. */
static bool put_one_text(char *field, const struct setting_key *k, const char *word,
                         struct err *err) {
    if (strlen(word) < (size_t)k->min)
        return err_set(err, ERR_RANGE, "%s must not be empty", last_part(k->path));
    return put_text(field, k->size, k, word, err);
}

bool setting_put(struct settings *s, const struct setting_key *k, int stage,
                 const char *const *words, int n, struct err *err) {
    char *base = (char *)s;
    if (of_stage(k)) {
        if (stage < 0 || stage >= s->n_stages)
            return err_set(err, ERR_RANGE, "there is no stage %d; the stages are 0 to %d",
                           stage, s->n_stages - 1);
        base = (char *)&s->stages[stage];
    }
    if (!check_count(k, n, err)) return false;
    char *field = base + k->offset;
    switch (k->type) {
    case SETTING_INT:
    case SETTING_INT64:
        return put_whole(field, k, words[0], err);
    case SETTING_REAL:
        return put_real(field, k, words[0], err);
    case SETTING_BOOL:
        return put_bool(field, k, words[0], err);
    case SETTING_WORD:
        return put_word(field, k, words[0], err);
    case SETTING_TEXT:
        return put_one_text(field, k, words[0], err);
    case SETTING_TEXTS:
        return put_texts(field, k, words, n, err);
    case SETTING_GROUPS:
        return put_groups(field, k, words, n, err);
    case SETTING_SETS:
        break;
    }
    return put_sets(s, k, words, n, err);
}

/* --- getting it back */

static int add_word(struct buf *out, const char *word) {
    buf_add(out, word, strlen(word) + 1);
    return 1;
}

static int get_number(const char *field, const struct setting_key *k, struct buf *out) {
    int narrow;
    int64_t whole;
    double fraction;
    if (k->type == SETTING_INT) {
        memcpy(&narrow, field, sizeof narrow);
        buf_printf(out, "%d", narrow);
    } else if (k->type == SETTING_INT64) {
        memcpy(&whole, field, sizeof whole);
        buf_printf(out, "%lld", (long long)whole);
    } else {
        memcpy(&fraction, field, sizeof fraction);
        number_write(out, fraction);
    }
    buf_add(out, "", 1);
    return 1;
}

static int get_texts(const char *field, struct buf *out) {
    const struct text_list *list = (const struct text_list *)(const void *)field;
    for (int i = 0; i < list->n; i++) add_word(out, list->text[i]);
    return list->n;
}

static int get_groups(const char *field, const struct setting_key *k, struct buf *out) {
    const struct group_numbers *list = (const struct group_numbers *)(const void *)field;
    for (int i = 0; i < list->n; i++)
        for (int half = 0; half < 2; half++) {
            if (half == groups_half(k)) buf_str(out, list->at[i].groups);
            else number_write(out, list->at[i].number);
            buf_add(out, "", 1);
        }
    return 2 * list->n;
}

int setting_get(const struct settings *s, const struct setting_key *k, int stage,
                struct buf *out) {
    const char *base = of_stage(k) ? (const char *)&s->stages[stage] : (const char *)s;
    const char *field = base + k->offset;
    int index;
    bool yes;
    switch (k->type) {
    case SETTING_INT:
    case SETTING_INT64:
    case SETTING_REAL:
        return get_number(field, k, out);
    case SETTING_BOOL:
        memcpy(&yes, field, sizeof yes);
        return add_word(out, yes ? "true" : "false");
    case SETTING_WORD:
        memcpy(&index, field, sizeof index);
        return add_word(out, k->words[index]);
    case SETTING_TEXT:
        return add_word(out, field);
    case SETTING_TEXTS:
        return get_texts(field, out);
    case SETTING_GROUPS:
        return get_groups(field, k, out);
    case SETTING_SETS:
        break;
    }
    for (int i = 0; i < s->eval.n_sets; i++) {
        add_word(out, s->eval.sets[i].name);
        add_word(out, s->eval.sets[i].source);
    }
    return 2 * s->eval.n_sets;
}

/* --- defaults */

static void put_defaults(struct settings *s, bool stages, int stage) {
    for (int i = 0; i < n_setting_keys; i++) {
        const struct setting_key *k = &setting_keys[i];
        if (of_stage(k) != stages || !*k->initial)
            continue; /* empty is how memory was zeroed */
        bool ok = setting_put(s, k, stage, &k->initial, 1, NULL);
        assert(ok);
        (void)ok;
    }
}

void settings_init(struct settings *s) {
    memset(s, 0, sizeof *s);
    put_defaults(s, false, -1);
}

struct stage_settings *settings_add_stage(struct settings *s) {
    if (s->n_stages == STAGES_MAX) return NULL;
    int stage = s->n_stages++;
    struct stage_settings *st = &s->stages[stage];
    memset(st, 0, sizeof *st);
    snprintf(st->name, sizeof st->name, "stage %d", stage + 1);
    put_defaults(s, true, stage);
    return st;
}

struct model_config settings_model(const struct settings *s) {
    return (struct model_config){.family = s->model.family,
                                 .layers = s->model.layers,
                                 .heads = s->model.heads,
                                 .kv_heads = s->model.kv_heads,
                                 .width = s->model.width,
                                 .head_dim = s->model.head_dim,
                                 .ffn = s->model.ffn,
                                 .context = s->model.context,
                                 .vocab = s->model.vocab,
                                 .tied = s->model.tied};
}

struct schedule settings_schedule(const struct stage_settings *st) {
    return (struct schedule){.kind = st->schedule.kind,
                             .steps = st->steps,
                             .warmup = st->schedule.warmup,
                             .lr = st->optimizer.lr,
                             .final_share = st->schedule.final_share,
                             .decay_share = st->schedule.decay_share};
}

struct optim_settings settings_optim(const struct stage_settings *st) {
    return (struct optim_settings){.kind = st->optimizer.kind,
                                   .beta1 = st->optimizer.beta1,
                                   .beta2 = st->optimizer.beta2,
                                   .eps = st->optimizer.eps,
                                   .decay = st->optimizer.decay,
                                   .momentum = st->optimizer.momentum,
                                   .l2_sp = st->l2_sp};
}

int settings_best_set(const struct settings *s) {
    const struct text_list *data = &s->stages[s->n_stages - 1].data;
    for (int i = 0; i < s->eval.n_sets; i++)
        if (data->n > 0 && strcmp(s->eval.sets[i].source, data->text[0]) == 0) return i;
    return s->eval.n_sets - 1;
}

static bool names_source(const struct text_list *list, const char *source) {
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->text[i], source) == 0) return true;
    return false;
}

int settings_stage_of(const struct settings *s, const char *source) {
    for (int i = 0; i < s->n_stages; i++)
        if (names_source(&s->stages[i].data, source) ||
            names_source(&s->stages[i].replay.data, source))
            return i;
    return s->n_stages - 1;
}

int settings_early_set(const struct settings *s, int stage) {
    const char *name = s->stages[stage].early_stop.set;
    for (int i = 0; i < s->eval.n_sets; i++)
        if (strcmp(s->eval.sets[i].name, name) == 0) return i;
    return settings_best_set(s);
}

int settings_shard(const struct settings *s, int stage) {
    return s->stages[stage].batch / s->shards;
}

int settings_micro_batch(const struct settings *s, int stage) {
    int wanted = s->stages[stage].micro_batch, shard = settings_shard(s, stage);
    return wanted > 0 && wanted < shard ? wanted : shard;
}
