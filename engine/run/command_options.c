#include "engine/run/command_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/text.h"
#include "engine/run/number.h"
#include "engine/run/run_dir.h"

enum option_id { OPTION_SEED, OPTION_TEMPERATURE, OPTION_NAME, OPTION_FREEZE, OPTION_LR };

/* The words of one verb stand in the order in which they are told. */
static const struct option {
    enum command_kind kind;
    enum option_id id;
    const char *word, *value; /* word + 2: its JSON key */
} options[] = {
    {COMMAND_FORK, OPTION_NAME, "--name", "N"},
    {COMMAND_FORK, OPTION_FREEZE, "--freeze", "GROUPS"},
    {COMMAND_FORK, OPTION_LR, "--lr", "X"},
    {COMMAND_ROLLBACK, OPTION_LR, "--lr", "X"},
    {COMMAND_SAMPLE, OPTION_SEED, "--seed", "N"},
    {COMMAND_SAMPLE, OPTION_TEMPERATURE, "--temperature", "X"},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

/* The last whole number that every reader of JSON keeps. */
static const int64_t seed_max = INT64_C(9007199254740991);

bool command_option(enum command_kind kind, int i, const char **word, const char **value) {
    for (int k = 0; k < N_OPTIONS; k++) {
        if (options[k].kind != kind || i-- > 0) continue;
        *word = options[k].word;
        *value = options[k].value;
        return true;
    }
    return false;
}

static const char *key_of(const struct option *o) { return o->word + 2; }

static bool is_set(const struct command *c, enum option_id id) {
    switch (id) {
    case OPTION_SEED:
        return c->has_seed;
    case OPTION_TEMPERATURE:
        return c->has_temperature;
    case OPTION_NAME:
        return c->name[0] != '\0';
    case OPTION_FREEZE:
        return c->has_freeze;
    case OPTION_LR:
        break;
    }
    return c->has_lr;
}

static bool is_text(enum option_id id) { return id == OPTION_NAME || id == OPTION_FREEZE; }

/* ---- values */

static bool set_text(struct command *c, const struct option *o, const char *text, size_t n,
                     struct err *err) {
    bool name = o->id == OPTION_NAME;
    char *to = name ? c->name : c->text;
    size_t size = name ? sizeof c->name : sizeof c->text;
    if (n == 0) return err_set(err, ERR_USAGE, "%s needs %s", o->word, o->value);
    if (n >= size || memchr(text, '\0', n) || text_valid_prefix(text, n) < n)
        return err_set(err, ERR_USAGE, "%s must be at most %zu bytes of text in UTF-8",
                       key_of(o), size - 1);
    memcpy(to, text, n);
    to[n] = '\0';
    c->has_freeze |= !name;
    return true;
}

static void set_real(struct command *c, enum option_id id, double x) {
    bool lr = id == OPTION_LR;
    *(lr ? &c->number : &c->temperature) = x + 0.0; /* -0 is written as 0, as it is read */
    *(lr ? &c->has_lr : &c->has_temperature) = true;
}

static double real_of(const struct command *c, enum option_id id) {
    return id == OPTION_LR ? c->number : c->temperature;
}

bool command_options_check(const struct command *c, struct err *err) {
    if (c->has_temperature && !(c->temperature >= 0 && c->temperature <= 100))
        return err_set(err, ERR_USAGE, "temperature must be 0 to 100");
    if (c->has_seed && c->seed > (uint64_t)seed_max)
        return err_set(err, ERR_USAGE, "seed must be 0 to %lld", (long long)seed_max);
    if (c->has_lr && !(c->number > 0 && c->number <= 1))
        return err_set(err, ERR_USAGE, "lr must be above 0 and at most 1");
    struct err why = {0};
    return !c->name[0] || run_name_ok(c->name, &why) || err_set(err, ERR_USAGE, "%s", why.msg);
}

/* ---- words */

/* "--seed and --temperature" */
static void list_known(enum command_kind kind, struct buf *out) {
    const char *word, *value, *after;
    for (int i = 0; command_option(kind, i, &word, &value); i++) {
        bool last = !command_option(kind, i + 1, &after, &value);
        buf_printf(out, "%s%s", i == 0 ? "" : last ? " and " : ", ", word);
    }
}

static bool refuse(const struct command *c, const char *word, struct err *err) {
    struct buf known = {0};
    const char *verb = command_infos[c->kind].word;
    list_known(c->kind, &known);
    if (known.len == 0) err_set(err, ERR_USAGE, "%s takes no argument", verb);
    else
        err_set(err, ERR_USAGE, "%s has no option %s; it has %s", verb, word, buf_text(&known));
    buf_deinit(&known);
    return false;
}

static bool read_value(struct command *c, const struct option *o, const char *word,
                       struct err *err) {
    int64_t whole;
    double x;
    if (is_text(o->id)) return set_text(c, o, word, strlen(word), err);
    if (o->id == OPTION_SEED) {
        if (!number_parse_whole(word, &whole) || whole < 0)
            return err_set(err, ERR_USAGE, "seed must be a whole number, 0 or more, not \"%s\"",
                           word);
        c->seed = (uint64_t)whole;
        return c->has_seed = true;
    }
    if (!number_parse(word, &x))
        return err_set(err, ERR_USAGE, "%s must be a number, not \"%s\"", key_of(o), word);
    set_real(c, o->id, x);
    return true;
}

bool command_options_read(struct command *c, const char *const *words, int n, int *used,
                          struct err *err) {
    int i = 0;
    for (; i < n && strncmp(words[i], "--", 2) == 0; i += 2) {
        const struct option *o = NULL;
        if (words[i][2] == '\0') {
            i++;
            break;
        }
        for (int k = 0; k < N_OPTIONS && !o; k++)
            if (options[k].kind == c->kind && strcmp(options[k].word, words[i]) == 0)
                o = &options[k];
        if (!o) return refuse(c, words[i], err);
        if (i + 1 == n) return err_set(err, ERR_USAGE, "%s needs a value", words[i]);
        if (!read_value(c, o, words[i + 1], err)) return false;
    }
    *used = i;
    return true;
}

void command_options_words(const struct command *c, const char *before, struct buf *out) {
    for (int k = 0; k < N_OPTIONS; k++) {
        const struct option *o = &options[k];
        if (o->kind != c->kind || !is_set(c, o->id)) continue;
        buf_printf(out, "%s%s ", before, o->word);
        if (is_text(o->id)) buf_str(out, o->id == OPTION_NAME ? c->name : c->text);
        else if (o->id == OPTION_SEED) buf_printf(out, "%" PRIu64, c->seed);
        else number_write(out, real_of(c, o->id));
        before = " ";
    }
}

/* ---- JSON */

static bool take(const struct json *value, struct command *c, const struct option *o,
                 struct err *err) {
    bool text = is_text(o->id);
    if (o->id == OPTION_SEED) {
        int64_t seed = json_int(value, -1);
        c->has_seed = true;
        c->seed = (uint64_t)seed;
        return seed >= 0 ||
               err_set(err, ERR_USAGE, "\"seed\" must be a whole number, 0 or more");
    }
    if (json_kind(value) != (text ? JSON_KIND_STRING : JSON_KIND_NUMBER))
        return err_set(err, ERR_USAGE, "\"%s\" must be a %s", key_of(o),
                       text ? "text" : "number");
    if (text) return set_text(c, o, json_str(value, ""), json_str_length(value), err);
    set_real(c, o->id, json_number(value, 0));
    return true;
}

bool command_options_take(const struct json *v, struct command *c, struct err *err) {
    for (int k = 0; k < N_OPTIONS; k++) {
        const struct json *value =
            options[k].kind == c->kind ? json_get(v, key_of(&options[k])) : NULL;
        if (json_kind(value) != JSON_KIND_NULL && !take(value, c, &options[k], err))
            return false;
    }
    return true;
}

void command_options_put(const struct command *c, struct json_writer *w) {
    for (int k = 0; k < N_OPTIONS; k++) {
        const struct option *o = &options[k];
        if (o->kind != c->kind || !is_set(c, o->id)) continue;
        double x = real_of(c, o->id);
        json_put_key(w, key_of(o));
        if (is_text(o->id)) json_put_string(w, o->id == OPTION_NAME ? c->name : c->text);
        else if (o->id == OPTION_SEED) json_put_integer(w, (int64_t)c->seed);
        else json_put_number(w, x, number_digits(x));
    }
}
