/* cmd_score.c - `thaw score`: a model's opinion of given text, token by token. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/run/sample.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"
#include "src/progress_line.h"

static const char about[] =
    "How likely MODEL finds the text of FILE: the log-probability of every token (natural "
    "logarithm),\n"
    "the loss in nats a token, bits per byte and perplexity. The first token is given, not "
    "predicted;\n"
    "a llama2.c model begins with BOS, so there the text's first token is predicted, too.";

enum { SCORE_BYTES_MAX = 64 << 20 };

/* The text as the model reads it, and what it thought of it. */
struct scored {
    struct ids ids;
    double *logprob;       /* [ids.n], nats; [0] is NaN */
    double loss, per_byte; /* nats a token; bits a byte of the predicted tokens */
};

static void scored_deinit(struct scored *s) {
    ids_deinit(&s->ids);
    free(s->logprob);
}

/* Bytes of text that ids[1..n) stand for. */
static double predicted_bytes(const struct model *m, const struct ids *ids) {
    struct token_text state = {0};
    struct buf text = {0};
    double bytes = 0;
    for (size_t i = 1; i < ids->n; i++) {
        size_t n = 0;
        tokenizer_bytes(m->hf.tokenizer, ids->data[i], &n);
        bytes += (double)n;
    }
    if (m->sentencepiece && ids->n > 1) { /* the blank that its tokenizer added */
        size_t n = 0;
        tokenizer_bytes(m->hf.tokenizer, ids->data[1], &n);
        model_token_text(m, &state, ids->data, ids->n, 1, &text);
        bytes -= (double)n - (double)text.len;
    }
    buf_deinit(&text);
    return bytes;
}

static void sum_up(const struct model *m, struct scored *s) {
    double sum = 0;
    for (size_t i = 1; i < s->ids.n; i++) sum -= s->logprob[i];
    s->loss = sum / (double)(s->ids.n - 1);
    s->per_byte = sum / log(2.0) / predicted_bytes(m, &s->ids);
}

static void tell_scoring(void *ctx, double share) { progress_line_tell(ctx, "scoring", share); }

static bool score_text(struct model *m, const struct buf *text, const char *name,
                       struct scored *out, struct err *err) {
    int context = m->hf.table.config.context;
    if (!model_encode(m, buf_text(text), text->len, &out->ids, err)) return false;
    size_t n = out->ids.n;
    if (n < 2)
        return err_set(err, ERR_RANGE, "%s: %zu token%s cannot be scored, give a longer text",
                       name, n, n == 1 ? "" : "s");
    int time = n - 1 < (size_t)context ? (int)(n - 1) : context;
    struct transformer *tf = transformer_create(
        &m->hf.table, (struct transformer_plan){.batch = 1, .time = time}, &m->ex, err);
    out->logprob = malloc(n * sizeof *out->logprob);
    struct progress_line progress = progress_line_begin();
    bool ok = tf && (out->logprob || err_set(err, ERR_NOMEM, "%s: no memory", name)) &&
              score_ids(tf, &m->hf.weights, out->ids.data, n, context, out->logprob,
                        tell_scoring, &progress, err);
    progress_line_end(&progress);
    transformer_destroy(tf);
    if (ok) sum_up(m, out);
    return ok;
}

static void put_tokens(struct json_writer *w, const struct model *m, const struct scored *s) {
    struct token_text state = {0};
    struct buf text = {0};
    json_open(w, '[');
    for (size_t i = 0; i < s->ids.n; i++) {
        buf_clear(&text);
        model_token_text(m, &state, s->ids.data, s->ids.n, i, &text);
        json_open(w, '{');
        json_add_integer(w, "id", s->ids.data[i]);
        json_add_bytes(w, "text", buf_text(&text), text.len);
        json_add_number(w, "logprob", s->logprob[i], 9);
        json_close(w, '}');
    }
    json_close(w, ']');
    w->out->failed |= text.failed;
    buf_deinit(&text);
}

static void put_json(struct buf *out, const struct model *m, const struct scored *s) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_number(&w, "loss", s->loss, 9);
    json_add_number(&w, "bits_per_byte", s->per_byte, 9);
    json_add_number(&w, "perplexity", exp(s->loss), 9);
    json_put_key(&w, "tokens");
    put_tokens(&w, m, s);
    json_close(&w, '}');
    buf_str(out, "\n");
}

static void print_tokens(const struct model *m, const struct scored *s) {
    struct token_text state = {0};
    struct buf text = {0};
    for (size_t i = 0; i < s->ids.n; i++) {
        buf_clear(&text);
        model_token_text(m, &state, s->ids.data, s->ids.n, i, &text);
        if (i == 0) printf("       -  ");
        else printf("%8.3f  ", s->logprob[i]);
        cli_print_text(buf_text(&text), text.len, false);
        putchar('\n');
    }
    buf_deinit(&text);
    printf("loss %.4f nats a token, %.4f bits a byte, perplexity %.4g, %zu tokens predicted\n",
           s->loss, s->per_byte, exp(s->loss), s->ids.n - 1);
}

static bool run_score(const char *word, const struct model_options *o, const char *file,
                      bool json, struct err *err) {
    struct model m;
    struct buf text = {0}, out = {0};
    struct scored s = {.logprob = NULL};
    if (!files_read(file, SCORE_BYTES_MAX, &text, err)) return false;
    bool ok = model_open(word, o, &m, err);
    if (ok) {
        ok = score_text(&m, &text, file, &s, err);
        if (ok && json) put_json(&out, &m, &s);
        if (ok && !json) print_tokens(&m, &s);
        ok = ok && cli_put(&out, err);
        model_close(&m);
    }
    scored_deinit(&s);
    buf_deinit(&text);
    buf_deinit(&out);
    return ok;
}

int cmd_score(int argc, char **argv) {
    struct model_options model = {.tokenizer = NULL};
    const char *file = NULL;
    bool json = false;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--text", "FILE", "the text", CLI_TEXT, &file, 0, 0},
        {"--json", NULL, "one JSON object", CLI_FLAG, &json, 0, 0},
        MODEL_OPTIONS(model),
    };
    const struct cli_spec spec = {"thaw score MODEL --text FILE [--json]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  1,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!file) return cli_usage("score needs --text FILE");
    return run_score(words.at[0], &model, file, json, &err) ? CLI_OK : cli_fail(&err);
}
