#include "engine/run/command.h"

#include <inttypes.h>
#include <string.h>

#include "engine/core/json.h"
#include "engine/core/text.h"
#include "engine/run/command_options.h"
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
    [COMMAND_FORK] = {"fork", NULL, ARGUMENT_NONE,
                      "go on from here in a second run as well; --name N, --freeze GROUPS and "
                      "--lr X may stand behind it"},
    [COMMAND_ROLLBACK] = {"rollback", "step", ARGUMENT_STEP,
                          "go back to the checkpoint of STEP, else to the last one; --lr X may "
                          "stand behind it"},
    [COMMAND_SAMPLE] = {"sample", "prompt", ARGUMENT_TEXT,
                        "answer PROMPT now; --seed N and --temperature X may stand before it"},
    [COMMAND_EVAL] = {"eval", NULL, ARGUMENT_NONE, "evaluate every set now"},
    [COMMAND_STOP] = {"stop", NULL, ARGUMENT_NONE, "write a checkpoint and end the run"},
};

static const char *placeholder(enum command_argument type) {
    switch (type) {
    case ARGUMENT_GROUPS:
        return " GROUPS";
    case ARGUMENT_NUMBER:
        return " NUMBER";
    case ARGUMENT_TEXT:
        return " [--seed N] [--temperature X] PROMPT";
    case ARGUMENT_STEP:
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
    if (c->has_step && c->step < 0)
        return err_set(err, ERR_USAGE, "step must be a whole number, 0 or more");
    return command_options_check(c, err);
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

/* Options stand on either side of the step. */
static bool read_step(struct command *c, const char *const *words, int n, struct err *err) {
    int front = 0, back = 0;
    if (!command_options_read(c, words, n, &front, err)) return false;
    if (front == n) return true;
    c->has_step = number_parse_whole(words[front], &c->step);
    if (!c->has_step)
        return err_set(err, ERR_USAGE, "step must be a whole number, not \"%s\"", words[front]);
    words += front + 1;
    n -= front + 1;
    return command_options_read(c, words, n, &back, err) &&
           (back == n ||
            err_set(err, ERR_USAGE, "%s takes one step, and \"%s\" is one more word",
                    command_infos[c->kind].word, words[back]));
}

static bool read_argument(struct command *c, const char *const *words, int n, struct err *err) {
    int used = 0;
    const char *word = command_infos[c->kind].word;
    switch (command_infos[c->kind].type) {
    case ARGUMENT_NONE:
        if (!command_options_read(c, words, n, &used, err)) return false;
        break;
    case ARGUMENT_STEP:
        return read_step(c, words, n, err);
    case ARGUMENT_GROUPS:
        return join(c, words, n, ',', err);
    case ARGUMENT_NUMBER:
        return read_number(c, words, n, err);
    case ARGUMENT_TEXT:
        return command_options_read(c, words, n, &used, err) &&
               join(c, words + used, n - used, ' ', err);
    }
    if (used == n) return true;
    const char *option, *value;
    if (command_option(c->kind, 0, &option, &value))
        return err_set(err, ERR_USAGE, "%s takes options alone, such as %s %s, not \"%s\"",
                       word, option, value, words[used]);
    return err_set(err, ERR_USAGE, "%s takes no argument", word);
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
    if (info->type == ARGUMENT_STEP) {
        c->has_step = json_kind(argument) != JSON_KIND_NULL;
        c->step = c->has_step ? json_int(argument, -1) : 0;
        return true;
    }
    bool number = info->type == ARGUMENT_NUMBER;
    if (json_kind(argument) != (number ? JSON_KIND_NUMBER : JSON_KIND_STRING))
        return err_set(err, ERR_USAGE, "%s needs \"%s\": %s", info->word, info->key,
                       number ? "a number" : "a text");
    c->number = json_number(argument, 0);
    return number || keep_text(c, json_str(argument, ""), json_str_length(argument), err);
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
    return take_argument(v, out, err) && command_options_take(v, out, err) && check(out, err);
}

bool command_from_json(const char *line, size_t n, struct command *out, struct err *err) {
    *out = (struct command){0};
    struct json *v = json_parse(line, n, err);
    bool ok = v && from_tree(v, out, err);
    json_destroy(v);
    return ok;
}

void command_arguments(const struct command *c, struct buf *out) {
    const struct command_info *info = &command_infos[c->kind];
    bool prompt = info->type == ARGUMENT_TEXT; /* its options stand before it */
    size_t before = out->len;
    if (prompt) command_options_words(c, "", out);
    if (prompt) buf_printf(out, "%s\"%s\"", out->len > before ? " " : "", c->text);
    else if (info->type == ARGUMENT_NUMBER) number_write(out, c->number);
    else if (info->type == ARGUMENT_GROUPS) buf_str(out, c->text);
    else if (c->has_step) buf_printf(out, "%" PRId64, c->step);
    if (!prompt) command_options_words(c, out->len > before ? " " : "", out);
}

void command_to_words(const struct command *c, struct buf *out) {
    buf_str(out, command_infos[c->kind].word);
    size_t before = out->len + 1;
    buf_str(out, " ");
    command_arguments(c, out);
    if (out->len == before && !out->failed) out->data[--out->len] = '\0';
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
    if (info->type == ARGUMENT_STEP) {
        if (c->has_step) json_add_integer(&w, info->key, c->step);
    } else if (info->type == ARGUMENT_NUMBER) {
        json_add_number(&w, info->key, c->number, number_digits(c->number));
    } else if (info->key) {
        json_add_string(&w, info->key, c->text);
    }
    command_options_put(c, &w);
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
    if (a->ok && a->run[0]) json_add_string(&w, "run", a->run);
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
    keep_start(out->run, sizeof out->run, json_str(json_get(v, "run"), ""));
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
