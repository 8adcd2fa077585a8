/* cmd_generate.c - `thaw generate`: text out of a model, as it comes. */
#include <stdio.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/json.h"
#include "engine/run/sample.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"

static const char about[] = "Let MODEL go on with a prompt. MODEL is a run, a checkpoint, a "
                            "Hugging Face folder, or a llama2.c\n"
                            ".bin with --tokenizer. The same seed gives the same text.";

struct generate_options {
    struct model_options model;
    const char *prompt;
    int64_t tokens, top_k, seed;
    double temperature, top_p, min_p, penalty;
    struct cli_texts stops;
    bool json;
};

/* What is printed while the text comes: all but what may become one of the texts to stop at. */
struct stream {
    const struct model *model;
    const struct cli_texts *stops;
    struct ids ids; /* the prompt's, then those that were made */
    size_t n_prompt;
    struct token_text state;
    struct buf text; /* of all tokens so far, up to where it stops */
    size_t shown;    /* bytes of it that are printed */
    bool silent;
};

/* Print up to byte `end`. */
static void show(struct stream *s, size_t end) {
    if (!s->silent && end > s->shown) {
        cli_print_text(buf_text(&s->text) + s->shown, end - s->shown, true);
        fflush(stdout);
    }
    s->shown = end;
}

/* Bytes at the text's end that begin `stop`, but do not make it. */
static size_t begun(const struct buf *text, const char *stop) {
    size_t n = strlen(stop) - 1;
    if (n > text->len) n = text->len;
    while (n > 0 && memcmp(buf_text(text) + text->len - n, stop, n) != 0) n--;
    return n;
}

/* Whether the text has come to one of its stops: then it ends before the first. *held: bytes at
 * its end that may yet become one. */
static bool stops_here(struct stream *s, size_t *held) {
    const char *text = buf_text(&s->text), *first = NULL;
    *held = 0;
    for (int i = 0; i < s->stops->n; i++) {
        const char *found = memmem(text, s->text.len, s->stops->at[i], strlen(s->stops->at[i]));
        if (found && (!first || found < first)) first = found;
        size_t n = begun(&s->text, s->stops->at[i]);
        if (n > *held) *held = n;
    }
    if (first) s->text.len = (size_t)(first - text);
    return first != NULL;
}

static bool on_token(void *ctx, int32_t id) {
    struct stream *s = ctx;
    size_t held;
    if (!ids_push(&s->ids, id, NULL)) return false;
    model_token_text(s->model, &s->state, s->ids.data, s->ids.n + 1, s->ids.n - 1, &s->text);
    bool stops = stops_here(s, &held);
    if (stops) s->state.n_pending = 0;
    show(s, stops ? s->text.len : s->text.len - held);
    return !stops && !ferror(stdout);
}

/* What was held back, and what is left of a character that never became whole. */
static void end_text(struct stream *s) {
    if (s->state.n_pending > 0) buf_str(&s->text, "\xEF\xBF\xBD");
    show(s, s->text.len);
}

static bool print_json(const struct generate_options *o, const struct stream *s, double seconds,
                       struct err *err) {
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    size_t n = s->ids.n - s->n_prompt;
    json_open(&w, '{');
    json_add_string(&w, "prompt", o->prompt);
    json_add_bytes(&w, "text", buf_text(&s->text), s->text.len);
    json_add_open(&w, "ids", '[');
    for (size_t i = s->n_prompt; i < s->ids.n; i++) json_put_integer(&w, s->ids.data[i]);
    json_close(&w, ']');
    json_add_number(&w, "tokens_per_s", seconds > 0 ? (double)n / seconds : 0, 6);
    json_close(&w, '}');
    buf_str(&out, "\n");
    bool ok = cli_put(&out, err);
    buf_deinit(&out);
    return ok;
}

static bool make_text(struct model *m, const struct generate_options *o, struct stream *s,
                      double *seconds, struct err *err) {
    struct ids made = {0};
    struct decoder *d = decoder_create(&m->hf.table, 1, &m->ex, err);
    bool ok = d && prompt_encode(m->hf.tokenizer, o->prompt, &s->ids, err);
    s->n_prompt = s->ids.n;
    struct generate_plan plan = {.prompt = s->ids.data,
                                 .n_prompt = s->n_prompt,
                                 .tokens = (int)o->tokens,
                                 .sampler = {.temperature = o->temperature,
                                             .top_k = (int)o->top_k,
                                             .rng = rng_make((uint64_t)o->seed, 0, 0),
                                             .top_p = o->top_p,
                                             .min_p = o->min_p,
                                             .penalty = o->penalty},
                                 .token = on_token,
                                 .ctx = s,
                                 .out = &made};
    double start = clock_now();
    ok = ok && generate(d, &m->hf.weights, m->hf.tokenizer, &plan, 1, err);
    *seconds = clock_now() - start;
    decoder_destroy(d);
    ids_deinit(&made);
    return ok;
}

static bool run_generate(const char *word, const struct generate_options *o, struct err *err) {
    struct model m;
    double seconds = 0;
    if (!model_open(word, &o->model, &m, err)) return false;
    struct stream s = {.model = &m, .stops = &o->stops, .silent = o->json};
    size_t shown = strlen(o->prompt);
    while (shown > 0 && o->prompt[shown - 1] == ' ') shown--;
    if (!o->json) cli_print_text(o->prompt, shown, true);
    bool ok = make_text(&m, o, &s, &seconds, err);
    if (ok) end_text(&s);
    if (ok && o->json) ok = print_json(o, &s, seconds, err);
    if (!o->json) putchar('\n');
    ids_deinit(&s.ids);
    buf_deinit(&s.text);
    model_close(&m);
    return ok && cli_flush(err);
}

int cmd_generate(int argc, char **argv) {
    struct generate_options o = {
        .tokens = 100, .top_k = 40, .seed = 1, .temperature = 0.8, .top_p = 1, .penalty = 1};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--prompt", "P", "what the text begins with; \"\" lets the model begin", CLI_TEXT,
         &o.prompt, 0, 0},
        {"--tokens", "N", "how many at most (100)", CLI_WHOLE, &o.tokens, 1, 1e6},
        {"--temperature", "T", "how daring; 0 takes the likeliest (0.8)", CLI_REAL,
         &o.temperature, 0, 100},
        {"--top-k", "K", "draw from the K likeliest; 0: from all (40)", CLI_WHOLE, &o.top_k, 0,
         1e6},
        {"--top-p", "P",
         "draw from the likeliest that together have this share; 1: from all (1)", CLI_REAL,
         &o.top_p, 0.001, 1},
        {"--min-p", "P", "only what has this much of the likeliest's share; 0: all (0)",
         CLI_REAL, &o.min_p, 0, 1},
        {"--repetition-penalty", "X", "above 1 makes what was there before less likely (1)",
         CLI_REAL, &o.penalty, 0.1, 10},
        {"--stop", "TEXT", "end before this text; may be given several times", CLI_TEXTS,
         &o.stops, 0, 0},
        {"--seed", "S", "of the draw (1)", CLI_WHOLE, &o.seed, 0, 9007199254740991.0},
        {"--json", NULL, "one JSON object at the end instead of text", CLI_FLAG, &o.json, 0, 0},
        MODEL_OPTIONS(o.model),
    };
    const struct cli_spec spec = {"thaw generate MODEL --prompt P [OPTIONS]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  1,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    for (int i = 0; i < o.stops.n; i++)
        if (!o.stops.at[i][0]) return cli_usage("--stop needs a text, e.g. --stop ';'");
    if (!o.prompt) return cli_usage("generate needs --prompt P, e.g. --prompt \"fever :\"");
    return run_generate(words.at[0], &o, &err) ? CLI_OK : cli_fail(&err);
}
