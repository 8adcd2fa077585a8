/* cmd_chat.c - `thaw chat`: a conversation with a model, or with two, line by line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/text.h"
#include "src/commands.h"
#include "src/talk_print.h"

static const char about[] =
    "Each line is said to MODEL, which answers with all that was said before in mind. Lines "
    "that begin with /\n"
    "are for thaw: /reset forgets what was said, /system TEXT says how to answer (without "
    "TEXT: no longer),\n"
    "/quit or Ctrl-D leaves. Ctrl-C ends an answer. With --against a second model gets the "
    "same lines, and both\n"
    "answers stand beside each other. It works in a pipe: a line in, an answer out.";

struct chat_options {
    struct model_options model;
    struct sampling sampling;
    const char *against, *system, *template;
    bool json;
};

struct chat {
    const struct chat_options *o;
    const char *names[2];
    struct talk sides[2]; /* MODEL; the other one */
    int n_sides;
    bool terminal; /* a person is at it */
    uint64_t turn;
};

/* ---- signals ---- */

static volatile sig_atomic_t interrupted; /* a handler can write nowhere else */

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

/* Reading a line is broken off by it, too. */
static void catch_interrupts(void) {
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
}

/* ---- what is said beside the answers ---- */

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...) {
    char text[1024];
    struct buf out = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    text_sanitise(&out, text, strlen(text), false);
    fflush(stdout);
    fprintf(stderr, "(%s)\n", buf_text(&out));
    buf_deinit(&out);
}

static void tell_side(const struct chat *c, int i) {
    const struct talk *t = &c->sides[i];
    if (tokenizer_chat_foreign(t->model.hf.tokenizer))
        note("%s has a chat template that is none of %s: each line is a prompt that it goes on "
             "with; --template names one that suits it",
             c->names[i], CHAT_CHOICE);
    else if (!t->chat)
        note("%s has no chat template: each line is a prompt that it goes on with, and nothing "
             "is remembered; --template makes it a conversation",
             c->names[i]);
    else if (c->terminal) note("%s, asked as %s", c->names[i], chat_word(t->chat));
}

static void tell_dropped(const struct chat *c, int i, size_t dropped) {
    if (dropped > 0)
        note("%s: the oldest %zu turns no longer fit into its %d tokens and were dropped",
             c->names[i], dropped, c->sides[i].model.hf.table.config.context);
}

/* ---- an answer ---- */

static bool answer_side(struct chat *c, int i, const char *line, bool silent,
                        struct talk_answer *out, struct err *err) {
    struct talk_plan plan = {
        .sampling = &c->o->sampling, .turn = c->turn, .silent = silent, .halt = &interrupted};
    if (!talk_answer(&c->sides[i], line, &plan, out, err))
        return c->n_sides > 1 ? err_prefix(err, "%s", c->names[i]) : false;
    if (!c->o->json) tell_dropped(c, i, out->dropped);
    return true;
}

/* One answer behind the other, as they come. */
static bool answer_in_turn(struct chat *c, const char *line, struct err *err) {
    struct talk_answer a;
    bool ok = true;
    for (int i = c->n_sides - 1; ok && i >= 0; i--) { /* base first */
        if (c->n_sides > 1) cli_print("%s:", c->names[i]);
        ok = answer_side(c, i, line, false, &a, err);
        if (!ok) break;
        putchar('\n');
        text_stream_deinit(&a.stream);
        ok = cli_flush(err);
    }
    return ok;
}

/* All answers, then what is made of them. */
static bool answer_at_once(struct chat *c, const char *line, int columns, struct err *err) {
    struct talk_answer a[2] = {0};
    bool ok = true;
    for (int i = c->n_sides - 1; ok && i >= 0; i--)
        ok = answer_side(c, i, line, true, &a[i], err);
    if (ok && c->o->json) ok = talk_print_json(line, &a[0], c->n_sides > 1 ? &a[1] : NULL, err);
    else if (ok)
        ok = talk_print_beside(c->names[1], &a[1].stream.text, c->names[0], &a[0].stream.text,
                               columns, err);
    for (int i = 0; i < 2; i++) text_stream_deinit(&a[i].stream);
    return ok;
}

/* A line that does not fit is told, and the conversation goes on. */
static bool answer(struct chat *c, const char *line, struct err *err) {
    struct err why = {0};
    int columns = c->n_sides > 1 ? talk_columns() : 0;
    bool at_once = c->o->json || columns >= TALK_COLUMNS_LEAST;
    interrupted = 0;
    bool ok = at_once ? answer_at_once(c, line, columns, &why) : answer_in_turn(c, line, &why);
    c->turn++;
    if (ok) return true;
    if (why.code != ERR_RANGE) return err_set(err, why.code, "%s", why.msg);
    if (c->o->json) return talk_print_refusal(line, why.msg, err);
    note("%s", why.msg);
    return true;
}

/* ---- lines for thaw ---- */

static bool set_system(struct chat *c, const char *text, struct err *err) {
    for (int i = 0; i < c->n_sides; i++) {
        if (!c->sides[i].chat)
            note("%s has no chat template: it is not told that", c->names[i]);
        else if (!talk_set_system(&c->sides[i], text, err)) return false;
    }
    return true;
}

/* Whether `line` is this command; *rest is what follows it. */
static bool is_command(const char *line, const char *command, const char **rest) {
    size_t n = strlen(command);
    if (strncmp(line, command, n) != 0 || (line[n] && line[n] != ' ')) return false;
    *rest = line + n + strspn(line + n, " ");
    return true;
}

/* What to do with a line; *over: it was the last. */
static bool obey(struct chat *c, const char *line, bool *over, struct err *err) {
    const char *rest;
    *over = is_command(line, "/quit", &rest);
    if (*over) return true;
    if (is_command(line, "/system", &rest)) return set_system(c, rest, err);
    if (!is_command(line, "/reset", &rest)) {
        note("there is no %s; /reset, /system TEXT and /quit are for thaw, and // says a line "
             "that begins with /",
             line);
        return true;
    }
    for (int i = 0; i < c->n_sides; i++) talk_forget(&c->sides[i]);
    c->turn = 0;
    return true;
}

static bool take_line(struct chat *c, const char *line, bool *over, struct err *err) {
    if (line[strspn(line, " \t")] == '\0') return true;
    if (line[0] == '/' && line[1] != '/') return obey(c, line, over, err);
    return answer(c, line[0] == '/' ? line + 1 : line, err);
}

/* ---- the conversation ---- */

/* The next line without its end; false at the end of the input. */
static bool read_line(struct chat *c, char **line, size_t *size) {
    for (;;) {
        if (c->terminal) fputs("> ", stdout);
        fflush(stdout);
        interrupted = 0;
        errno = 0;
        ssize_t n = getline(line, size, stdin);
        if (n < 0 && errno == EINTR && interrupted) {
            clearerr(stdin);
            putchar('\n');
            note("/quit or Ctrl-D leaves");
            continue;
        }
        if (n < 0) return false;
        while (n > 0 && ((*line)[n - 1] == '\n' || (*line)[n - 1] == '\r')) (*line)[--n] = '\0';
        return true;
    }
}

static bool converse(struct chat *c, struct err *err) {
    char *line = NULL;
    size_t size = 0;
    bool over = false, ok = true;
    catch_interrupts();
    while (ok && !over && read_line(c, &line, &size)) ok = take_line(c, line, &over, err);
    if (c->terminal && !over) putchar('\n');
    free(line);
    return ok && cli_flush(err);
}

/* The other model is asked as MODEL is, unless its own files say otherwise. */
static bool open_sides(struct chat *c, const char *word, const struct chat_template *chat,
                       struct err *err) {
    const struct chat_options *o = c->o;
    c->n_sides = 1;
    c->names[0] = word;
    if (!talk_open(word, &o->model, chat, &c->sides[0], err)) return false;
    if (!o->against) return true;
    c->n_sides = 2;
    c->names[1] = o->against;
    if (!talk_open(o->against, &o->model, chat, &c->sides[1], err)) return false;
    struct talk *other = &c->sides[1];
    if (other->chat || !c->sides[0].chat) return true;
    other->chat = c->sides[0].chat;
    tokenizer_set_chat(other->model.hf.tokenizer, other->chat);
    return true;
}

static bool run_chat(const char *word, const struct chat_options *o, struct err *err) {
    struct chat c = {.o = o, .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
    const struct chat_template *chat = o->template ? chat_find(o->template) : NULL;
    bool ok = open_sides(&c, word, chat, err);
    for (int i = 0; ok && i < c.n_sides; i++) tell_side(&c, i);
    ok = ok && (!o->system || set_system(&c, o->system, err)) && converse(&c, err);
    for (int i = 0; i < 2; i++) talk_close(&c.sides[i]);
    return ok;
}

int cmd_chat(int argc, char **argv) {
    struct chat_options o = {.sampling = {.tokens = 256, SAMPLING_DEFAULTS}};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--against", "MODEL", "a second model that gets the same lines, e.g. RUN/base",
         CLI_TEXT, &o.against, 0, 0},
        {"--system", "TEXT", "how to answer, said before all else", CLI_TEXT, &o.system, 0, 0},
        {"--template", "T",
         "how turns are written: " CHAT_CHOICE " (default: as the model's files have it)",
         CLI_TEXT, &o.template, 0, 0},
        {"--tokens", "N", "length of an answer at most (256)", CLI_WHOLE, &o.sampling.tokens, 1,
         1e6},
        SAMPLING_OPTIONS(o.sampling),
        {"--json", NULL, "one JSON object an answer", CLI_FLAG, &o.json, 0, 0},
        MODEL_OPTIONS(o.model),
    };
    const struct cli_spec spec = {"thaw chat MODEL [--against MODEL] [OPTIONS]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  1,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (o.template && !chat_find(o.template))
        return cli_usage("--template must be " CHAT_CHOICE ", not \"%s\"", o.template);
    if ((status = sampling_check(&o.sampling)) != CLI_OK) return status;
    return run_chat(words.at[0], &o, &err) ? CLI_OK : cli_fail(&err);
}
