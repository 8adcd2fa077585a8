#include "engine/run/command.h"

#include <string.h>

#include "engine/core/json.h"
#include "engine/core/text.h"
#include "engine/run/number.h"

const struct command_info command_infos[COMMAND_COUNT] = {
    [COMMAND_FREEZE] = {"freeze", "groups", ARGUMENT_GROUPS,
                        "stop learning in GROUPS from the next step on"},
    [COMMAND_UNFREEZE] = {"unfreeze", "groups", ARGUMENT_GROUPS,
                          "learn again in GROUPS from the next step on"},
    [COMMAND_LR] = {"lr", "lr", ARGUMENT_NUMBER,
                    "set the learning rate now; the schedule goes on from there"},
    [COMMAND_PAUSE] = {"pause", NULL, ARGUMENT_NONE, "wait after this step until resume"},
    [COMMAND_RESUME] = {"resume", NULL, ARGUMENT_NONE, "go on after a pause"},
    [COMMAND_SINGLE_STEP] = {"single-step", NULL, ARGUMENT_NONE, "make one step, then pause"},
    [COMMAND_NEXT_STAGE] = {"next-stage", NULL, ARGUMENT_NONE,
                            "end this stage now and begin the next"},
    [COMMAND_CHECKPOINT] = {"checkpoint", NULL, ARGUMENT_NONE, "write a checkpoint now"},
    [COMMAND_SAMPLE] = {"sample", "prompt", ARGUMENT_TEXT,
                        "answer PROMPT now; --seed N and --temperature X may stand before it"},
    [COMMAND_EVAL] = {"eval", NULL, ARGUMENT_NONE, "evaluate every set now"},
    [COMMAND_STOP] = {"stop", NULL, ARGUMENT_NONE, "write a checkpoint and end the run"},
};

/* The last whole number that every reader of JSON keeps. */
static const int64_t seed_max = INT64_C(9007199254740991);

static const char *placeholder(enum command_argument type) {
    switch (type) {
    case ARGUMENT_GROUPS:
        return " GROUPS";
    case ARGUMENT_NUMBER:
        return " NUMBER";
    case ARGUMENT_TEXT:
        return " [--seed N] [--temperature X] PROMPT";
    case ARGUMENT_NONE:
        break;
    }
    return "";
}

/* Find the verb and begin *out with it. */
static bool begin(const char *verb, struct command *out, struct err *err) {
    struct buf known = {0};
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(verb, command_infos[i].word) == 0) {
            buf_deinit(&known);
            *out = (struct command){.kind = (enum command_kind)i};
            return true;
        }
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", command_infos[i].word);
    }
    err_set(err, ERR_USAGE, "there is no command \"%s\"; there are %s", verb, buf_text(&known));
    buf_deinit(&known);
    return false;
}

/* What holds for a command wherever it comes from. */
static bool check(const struct command *c, struct err *err) {
    const struct command_info *info = &command_infos[c->kind];
    bool text = info->type == ARGUMENT_GROUPS || info->type == ARGUMENT_TEXT;
    if (text && !c->text[0])
        return err_set(err, ERR_USAGE, "%s needs %s: %s%s", info->word, info->key, info->word,
                       placeholder(info->type));
    if (info->type == ARGUMENT_NUMBER && !(c->number > 0 && c->number <= 1))
        return err_set(err, ERR_USAGE, "%s must be above 0 and at most 1", info->word);
    if (c->has_temperature && !(c->temperature >= 0 && c->temperature <= 100))
        return err_set(err, ERR_USAGE, "temperature must be 0 to 100");
    if (c->has_seed && c->seed > (uint64_t)seed_max)
        return err_set(err, ERR_USAGE, "seed must be 0 to %lld", (long long)seed_max);
    return true;
}

static bool keep_text(struct command *c, const char *text, size_t n, struct err *err) {
    if (n >= sizeof c->text || memchr(text, '\0', n))
        return err_set(err, ERR_USAGE, "%s must be at most %zu bytes of text",
                       command_infos[c->kind].key, sizeof c->text - 1);
    if (text_valid_prefix(text, n) < n)
        return err_set(err, ERR_USAGE, "%s must be valid UTF-8", command_infos[c->kind].key);
    memcpy(c->text, text, n);
    c->text[n] = '\0';
    return true;
}

/* As much of a text as fits, without half a character at its end. */
static void keep_start(char *out, size_t size, const char *text) {
    size_t n = strnlen(text, size - 1);
    n -= text_incomplete_tail(text, n);
    memcpy(out, text, n);
    out[n] = '\0';
}

/* --- words */

static bool read_seed(struct command *c, const char *word, struct err *err) {
    int64_t seed;
    if (!number_parse_whole(word, &seed) || seed < 0)
        return err_set(err, ERR_USAGE, "seed must be a whole number, 0 or more, not \"%s\"",
                       word);
    c->seed = (uint64_t)seed;
    c->has_seed = true;
    return true;
}

static bool read_temperature(struct command *c, const char *word, struct err *err) {
    if (!number_parse(word, &c->temperature))
        return err_set(err, ERR_USAGE, "temperature must be a number, not \"%s\"", word);
    c->has_temperature = true;
    return true;
}

/* The options in front of a prompt; *used counts their words. "--" ends them. */
static bool read_options(struct command *c, const char *const *words, int n, int *used,
                         struct err *err) {
    int i = 0;
    for (; i < n && strncmp(words[i], "--", 2) == 0; i += 2) {
        if (words[i][2] == '\0') {
            i++;
            break;
        }
        bool seed = strcmp(words[i], "--seed") == 0;
        if (!seed && strcmp(words[i], "--temperature") != 0)
            return err_set(err, ERR_USAGE,
                           "sample has no option %s; it has --seed and --temperature",
                           words[i]);
        if (i + 1 == n) return err_set(err, ERR_USAGE, "%s needs a value", words[i]);
        if (seed ? !read_seed(c, words[i + 1], err) : !read_temperature(c, words[i + 1], err))
            return false;
    }
    *used = i;
    return true;
}

/* The words as one text; groups are joined by commas, of which a word may bring its own. */
static bool join(struct command *c, const char *const *words, int n, char between,
                 struct err *err) {
    struct buf text = {0};
    for (int i = 0; i < n; i++) {
        bool given = text.len > 0 && buf_text(&text)[text.len - 1] == between;
        bool gives = words[i][0] == between;
        if (i > 0 && !(between == ',' && (given || gives))) buf_add(&text, &between, 1);
        buf_str(&text, words[i]);
    }
    bool ok = text.failed ? err_set(err, ERR_NOMEM, "not enough memory for a command")
                          : keep_text(c, buf_text(&text), text.len, err);
    buf_deinit(&text);
    return ok;
}

static bool read_number(struct command *c, const char *const *words, int n, struct err *err) {
    const char *word = command_infos[c->kind].word;
    if (n != 1) return err_set(err, ERR_USAGE, "%s needs one number: %s 2e-4", word, word);
    if (!number_parse(words[0], &c->number))
        return err_set(err, ERR_USAGE, "%s must be a number, not \"%s\"", word, words[0]);
    return true;
}

static bool read_argument(struct command *c, const char *const *words, int n, struct err *err) {
    int used = 0;
    switch (command_infos[c->kind].type) {
    case ARGUMENT_NONE:
        break;
    case ARGUMENT_GROUPS:
        return join(c, words, n, ',', err);
    case ARGUMENT_NUMBER:
        return read_number(c, words, n, err);
    case ARGUMENT_TEXT:
        return read_options(c, words, n, &used, err) &&
               join(c, words + used, n - used, ' ', err);
    }
    return n == 0 ||
           err_set(err, ERR_USAGE, "%s takes no argument", command_infos[c->kind].word);
}

bool command_from_words(const char *const *words, int n, struct command *out, struct err *err) {
    if (n == 0) return err_set(err, ERR_USAGE, "which command? e.g. freeze 0-3");
    return begin(words[0], out, err) && read_argument(out, words + 1, n - 1, err) &&
           check(out, err);
}

/* --- JSON */

static bool take_argument(const struct json *v, struct command *c, struct err *err) {
    const struct command_info *info = &command_infos[c->kind];
    if (info->type == ARGUMENT_NONE) return true;
    const struct json *argument = json_get(v, info->key);
    bool number = info->type == ARGUMENT_NUMBER;
    if (json_kind(argument) != (number ? JSON_KIND_NUMBER : JSON_KIND_STRING))
        return err_set(err, ERR_USAGE, "%s needs \"%s\": %s", info->word, info->key,
                       number ? "a number" : "a text");
    c->number = json_number(argument, 0);
    return number || keep_text(c, json_str(argument, ""), json_str_length(argument), err);
}

static bool take_sampling(const struct json *v, struct command *c, struct err *err) {
    const struct json *seed = json_get(v, "seed"), *temperature = json_get(v, "temperature");
    int64_t number = json_int(seed, -1);
    c->has_seed = json_kind(seed) != JSON_KIND_NULL;
    c->has_temperature = json_kind(temperature) != JSON_KIND_NULL;
    if (c->has_seed && number < 0)
        return err_set(err, ERR_USAGE, "\"seed\" must be a whole number, 0 or more");
    c->seed = c->has_seed ? (uint64_t)number : 0;
    c->temperature = json_number(temperature, c->has_temperature ? -1 : 0);
    return true;
}

static bool from_tree(const struct json *v, struct command *out, struct err *err) {
    const struct json *verb = json_get(v, "do");
    int64_t id = json_int(json_get(v, "id"), 0);
    if (json_kind(verb) != JSON_KIND_STRING) {
        out->id = id;
        return err_set(err, ERR_PARSE, "a command is an object with a \"do\"");
    }
    bool known = begin(json_str(verb, ""), out, err);
    out->id = id;
    if (!known) return false;
    keep_start(out->by, sizeof out->by, json_str(json_get(v, "by"), ""));
    return take_argument(v, out, err) &&
           (out->kind != COMMAND_SAMPLE || take_sampling(v, out, err)) && check(out, err);
}

bool command_from_json(const char *line, size_t n, struct command *out, struct err *err) {
    *out = (struct command){0};
    struct json *v = json_parse(line, n, err);
    bool ok = v && from_tree(v, out, err);
    json_destroy(v);
    return ok;
}

static void close_line(struct json_writer *w) {
    json_close(w, '}');
    buf_add(w->out, "\n", 1);
}

void command_to_json(const struct command *c, struct buf *out) {
    const struct command_info *info = &command_infos[c->kind];
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_integer(&w, "id", c->id);
    json_add_string(&w, "do", info->word);
    if (info->key) json_put_key(&w, info->key);
    if (info->type == ARGUMENT_NUMBER) json_put_number(&w, c->number, number_digits(c->number));
    else if (info->key) json_put_string(&w, c->text);
    if (c->kind == COMMAND_SAMPLE && c->has_seed) {
        json_add_integer(&w, "seed", (int64_t)c->seed);
    }
    if (c->kind == COMMAND_SAMPLE && c->has_temperature) {
        json_add_number(&w, "temperature", c->temperature, number_digits(c->temperature));
    }
    if (c->by[0]) {
        json_add_string(&w, "by", c->by);
    }
    close_line(&w);
}

void answer_to_json(const struct answer *a, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_integer(&w, "id", a->id);
    json_add_bool(&w, "ok", a->ok);
    json_put_key(&w, a->ok ? "step" : "error");
    if (a->ok) json_put_integer(&w, a->step);
    else json_put_string(&w, a->error);
    close_line(&w);
}

bool answer_from_json(const char *line, size_t n, struct answer *out, struct err *err) {
    *out = (struct answer){0};
    struct json *v = json_parse(line, n, err);
    if (!v) return false;
    const struct json *ok = json_get(v, "ok");
    bool sound = json_kind(ok) == JSON_KIND_BOOL;
    out->id = json_int(json_get(v, "id"), 0);
    out->ok = json_bool(ok, false);
    out->step = json_int(json_get(v, "step"), 0);
    keep_start(out->error, sizeof out->error, json_str(json_get(v, "error"), ""));
    json_destroy(v);
    return sound || err_set(err, ERR_PARSE, "an answer is an object with an \"ok\"");
}

void notice_to_json(const char *text, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_string(&w, "notice", text);
    close_line(&w);
}

bool notice_from_json(const char *line, size_t n, char out[NOTICE_MAX]) {
    struct json *v = json_parse(line, n, NULL);
    const char *text = json_str(json_get(v, "notice"), NULL);
    if (text) keep_start(out, NOTICE_MAX, text);
    json_destroy(v);
    return text != NULL;
}
