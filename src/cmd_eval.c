/* cmd_eval.c - `thaw eval`: a model's loss on the held-out part of a source. */
#include <math.h>
#include <stdio.h>

#include "engine/core/json.h"
#include "engine/data/tokens_file.h"
#include "engine/run/evaluate.h"
#include "engine/run/sample.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/model_arg.h"
#include "src/progress_line.h"

static const char about[] = "The loss of MODEL on the validation part of a source: text that "
                            "training never sees. The text is\n"
                            "cut into windows of the model's context. SOURCE is text:PATH, "
                            "wordnet:DOMAIN or another that `thaw data --help` lists.";

enum { EVAL_TOKENS = 4096 }; /* at a time, in as many windows as that makes */

struct eval_options {
    struct model_options model;
    const char *data;
    int64_t tokens;
    bool all, json, answers;
};

/* What is told; chrf is NAN where it was not asked for, or nothing is asked. */
struct eval_result {
    struct event_score score;
    double chrf;
    size_t tokens, questions;
};

static bool print_result(const struct eval_options *o, const struct eval_result *r,
                         struct err *err) {
    struct event_score s = r->score;
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    if (!o->json) {
        cli_print("%s: loss %.4f nats a token, %.4f bits a byte, perplexity %.4g, %zu tokens",
                  o->data, s.loss, s.bits_per_byte, s.perplexity, r->tokens);
        if (!isnan(s.accuracy))
            cli_print("%.0f %% of its questions answered exactly", 100 * s.accuracy);
        if (!isnan(r->chrf))
            cli_print("chrF %.1f of the %zu answers that it writes", r->chrf, r->questions);
        return cli_flush(err);
    }
    json_open(&w, '{');
    json_add_string(&w, "set", o->data);
    json_add_number(&w, "loss", s.loss, 9);
    json_add_number(&w, "bits_per_byte", s.bits_per_byte, 9);
    json_add_number(&w, "perplexity", s.perplexity, 9);
    if (!isnan(s.accuracy)) json_add_number(&w, "accuracy", s.accuracy, 9);
    if (!isnan(r->chrf)) json_add_number(&w, "chrf", r->chrf, 6);
    if (!isnan(r->chrf)) json_add_integer(&w, "questions", (int64_t)r->questions);
    json_add_integer(&w, "tokens", (int64_t)r->tokens);
    json_close(&w, '}');
    buf_str(&out, "\n");
    bool ok = cli_put(&out, err);
    buf_deinit(&out);
    return ok;
}

/* Of tokens that were made for this model only what is asked about is read. */
static bool read_corpus(struct model *m, const struct eval_options *o, struct source_text *text,
                        struct corpus *out, struct err *err) {
    const char *tokens = tokens_path(o->data);
    struct tokens_about file;
    if (tokens && !o->all) {
        if (!tokens_about(tokens, &file, err)) return false;
        struct corpus_form form = {.alone = file.alone, .chat = file.chat};
        if (file.fingerprint == tokenizer_fingerprint(m->hf.tokenizer))
            return tokens_corpus(tokens, SPLIT_VAL, form, m->hf.tokenizer, NULL, NULL, out,
                                 err);
    }
    return source_read(o->data, text, err) &&
           (corpus_build(text, o->all ? SPLIT_ALL : SPLIT_VAL, m->hf.tokenizer, NULL, NULL, out,
                         err) ||
            err_prefix(err, "%s", o->data));
}

static bool read_windows(struct model *m, const struct eval_options *o,
                         struct eval_windows *out, struct err *err) {
    struct source_text text = {.units = NULL};
    struct corpus corpus = {.tokens = NULL};
    bool ok = read_corpus(m, o, &text, &corpus, err) &&
              eval_windows_make(&corpus, m->hf.tokenizer, m->hf.table.config.context, o->tokens,
                                o->data, out, err);
    source_deinit(&text);
    corpus_deinit(&corpus);
    return ok;
}

/* Leaves *chrf as it is where the text asks nothing. */
static bool compare_answers(struct model *m, const struct probes *p, double *chrf,
                            struct err *err) {
    struct chrf shared = {{0}, {0}, {0}};
    if (p->n == 0) return true;
    struct decoder *d =
        decoder_create_short(&m->hf.table, generate_together((int)p->n), p->time, &m->ex, err);
    bool ok = d && probes_write(d, &m->hf.weights, m->hf.tokenizer, p, &shared, err);
    decoder_destroy(d);
    if (ok) *chrf = chrf_score(&shared);
    return ok;
}

static void tell_evaluating(void *ctx, double share) {
    progress_line_tell(ctx, "evaluating", share);
}

static struct event_score score(struct model *m, struct transformer *tf,
                                const struct eval_windows *windows, int rows) {
    struct progress_line progress = progress_line_begin();
    struct event_score s =
        evaluate(tf, &m->hf.weights, windows, rows, tell_evaluating, &progress);
    progress_line_end(&progress);
    return s;
}

static bool run_eval(const char *word, const struct eval_options *o, struct err *err) {
    struct model m;
    struct eval_windows windows = {.x = NULL};
    if (!model_open(word, &o->model, &m, err)) return false;
    struct transformer *tf = NULL;
    bool ok = read_windows(&m, o, &windows, err);
    int rows = ok && windows.time < EVAL_TOKENS ? EVAL_TOKENS / windows.time : 1;
    if (ok)
        tf = transformer_create(&m.hf.table,
                                (struct transformer_plan){.batch = rows, .time = windows.time},
                                &m.ex, err);
    if (tf) {
        size_t cells = windows.n * (size_t)windows.time;
        struct eval_result r = {.score = score(&m, tf, &windows, rows),
                                .chrf = (double)NAN,
                                .tokens = targets_counted(windows.y, cells),
                                .questions = windows.probes.n};
        ok = (!o->answers || compare_answers(&m, &windows.probes, &r.chrf, err)) &&
             print_result(o, &r, err);
    }
    transformer_destroy(tf);
    eval_windows_deinit(&windows);
    model_close(&m);
    return ok && tf;
}

int cmd_eval(int argc, char **argv) {
    struct eval_options o = {.tokens = 0};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--data", "SOURCE", "whose validation part is read", CLI_TEXT, &o.data, 0, 0},
        {"--tokens", "N", "how many at most (0: all)", CLI_WHOLE, &o.tokens, 0, 1e12},
        {"--all", NULL, "all of SOURCE: for text of your own that was never trained on",
         CLI_FLAG, &o.all, 0, 0},
        {"--answers", NULL, "chrF (0 to 100) of the answers that it writes to what SOURCE asks",
         CLI_FLAG, &o.answers, 0, 0},
        {"--json", NULL, "one JSON object", CLI_FLAG, &o.json, 0, 0},
        MODEL_OPTIONS(o.model),
    };
    const struct cli_spec spec = {"thaw eval MODEL --data SOURCE [--answers] [--json]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  1,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!o.data) return cli_usage("eval needs --data SOURCE, e.g. --data wordnet:medicine");
    if (!source_check(o.data, &err)) return cli_fail(&err);
    return run_eval(words.at[0], &o, &err) ? CLI_OK : cli_fail(&err);
}
