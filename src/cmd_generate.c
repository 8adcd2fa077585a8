/* cmd_generate.c - `thaw generate`: text out of a model, as it comes. */
#include <stdio.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/json.h"
#include "src/commands.h"
#include "src/text_stream.h"

static const char about[] = "Let MODEL go on with a prompt. MODEL is a run, a checkpoint, a "
                            "Hugging Face folder, or a llama2.c\n"
                            ".bin with --tokenizer. The same seed gives the same text.";

struct generate_options {
    struct model_options model;
    struct sampling sampling;
    const char *prompt;
    bool json;
};

static bool print_json(const struct generate_options *o, const struct text_stream *s,
                       double seconds, struct err *err) {
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

static bool make_text(struct model *m, const struct generate_options *o, struct text_stream *s,
                      double *seconds, struct err *err) {
    struct ids made = {0};
    struct decoder *d = decoder_create(&m->hf.table, 1, &m->ex, err);
    bool ok = d && prompt_encode(m->hf.tokenizer, o->prompt, &s->ids, err);
    s->n_prompt = s->ids.n;
    struct generate_plan plan = {.prompt = s->ids.data,
                                 .n_prompt = s->n_prompt,
                                 .tokens = (int)o->sampling.tokens,
                                 .sampler = sampling_make(&o->sampling, 0),
                                 .token = text_stream_token,
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
    struct text_stream s = {.model = &m, .stops = &o->sampling.stops, .silent = o->json};
    size_t shown = strlen(o->prompt);
    while (shown > 0 && o->prompt[shown - 1] == ' ') shown--;
    if (!o->json) cli_print_text(o->prompt, shown, true);
    bool ok = make_text(&m, o, &s, &seconds, err);
    if (ok) text_stream_end(&s);
    if (ok && o->json) ok = print_json(o, &s, seconds, err);
    if (!o->json) putchar('\n');
    text_stream_deinit(&s);
    model_close(&m);
    return ok && cli_flush(err);
}

int cmd_generate(int argc, char **argv) {
    struct generate_options o = {.sampling = {.tokens = 100, SAMPLING_DEFAULTS}};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--prompt", "P", "what the text begins with; \"\" lets the model begin", CLI_TEXT,
         &o.prompt, 0, 0},
        {"--tokens", "N", "how many at most (100)", CLI_WHOLE, &o.sampling.tokens, 1, 1e6},
        SAMPLING_OPTIONS(o.sampling),
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
    if ((status = sampling_check(&o.sampling)) != CLI_OK) return status;
    if (!o.prompt) return cli_usage("generate needs --prompt P, e.g. --prompt \"fever :\"");
    return run_generate(words.at[0], &o, &err) ? CLI_OK : cli_fail(&err);
}
