/* cmd_compare.c - `thaw compare`: base and tuned model side by side, on prompts and on given
 * text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/run/comparison.h"
#include "engine/run/run_dir.h"
#include "engine/run/sample.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/model_arg.h"
#include "src/progress_line.h"

static const char about[] = "Both models answer each prompt with the same seed. The gain says "
                            "how much better TUNED knows its\n"
                            "own answer than BASE does, in nats a token; KL how far apart they "
                            "are. With --text both read the\n"
                            "same FILE, token by token. `thaw compare RUN` compares a run's "
                            "base with its newest checkpoint, on\n"
                            "the prompts of its config when none is given.";

enum { COMPARE_BYTES_MAX = 1 << 20 };

struct compare_options {
    struct model_options model;
    struct cli_texts prompts;
    const char *text;
    int64_t tokens, top_k, seed;
    double temperature;
    bool chat; /* as the run's config has prompts asked */
    bool json;
};

/* The two models; `tf` runs both when they have one shape and one vocabulary. */
struct pair {
    struct model base, tuned;
    struct transformer *tf; /* NULL: they cannot be compared token by token */
};

/* One answer. */
struct answer_text {
    struct prompt_answer answer;
    struct buf text;
};

/* ---- the models ---- */

static bool same_shape(const struct model *a, const struct model *b) {
    const struct model_config *x = &a->hf.table.config, *y = &b->hf.table.config;
    return x->family == y->family && x->layers == y->layers && x->heads == y->heads &&
           x->kv_heads == y->kv_heads && x->width == y->width && x->head_dim == y->head_dim &&
           x->ffn == y->ffn && x->context == y->context && x->vocab == y->vocab &&
           x->tied == y->tied &&
           tokenizer_fingerprint(a->hf.tokenizer) == tokenizer_fingerprint(b->hf.tokenizer);
}

/* The one whose transformer runs both: it has memory for the adapters of either. NULL where
 * both have some, and not the same. */
static struct model *wider(struct model *a, struct model *b) {
    if (a->hf.table.config.adapter.rank == 0) return b;
    bool same = adapter_same(&a->hf.table.config, &b->hf.table.config);
    return b->hf.table.config.adapter.rank == 0 ? a : same ? b : NULL;
}

static bool open_pair(const char *base, const char *tuned, const struct model_options *o,
                      struct pair *out, struct err *err) {
    *out = (struct pair){.tf = NULL};
    if (!model_open_path(base, o, &out->base, err) ||
        !model_open_path(tuned, o, &out->tuned, err))
        return false;
    struct model *both = wider(&out->base, &out->tuned);
    if (!both || !same_shape(&out->base, &out->tuned)) return true;
    struct transformer_plan plan = {.batch = 1, .time = out->tuned.hf.table.config.context};
    out->tf = transformer_create(&both->hf.table, plan, &out->tuned.ex, err);
    return out->tf != NULL;
}

static void close_pair(struct pair *p) {
    transformer_destroy(p->tf);
    model_close(&p->base);
    model_close(&p->tuned);
}

/* ---- answers ---- */

static void answer_deinit(struct answer_text *a) {
    ids_deinit(&a->answer.ids);
    buf_deinit(&a->text);
}

static bool begin_answer(struct model *m, const struct compare_options *o, const char *prompt,
                         struct answer_text *out, struct err *err) {
    out->answer.sampler = (struct sampler){.temperature = o->temperature,
                                           .top_k = (int)o->top_k,
                                           .rng = rng_make((uint64_t)o->seed, 0, 0)};
    int context = m->hf.table.config.context;
    return (o->chat ? question_encode_within : prompt_encode_within)(
        m->hf.tokenizer, prompt, context, &out->answer.ids, err);
}

static void read_answer(const struct model *m, struct answer_text *a) {
    struct token_text state = {0};
    const struct ids *ids = &a->answer.ids;
    for (size_t i = a->answer.n_prompt; i < ids->n; i++)
        model_token_text(m, &state, ids->data, ids->n, i, &a->text);
}

/* What `m` answers to all prompts; no more than fits into one context with the prompt, so that
 * both sides can be compared. */
static bool answer_all(struct model *m, const struct compare_options *o,
                       struct answer_text *out, struct err *err) {
    struct prompt_answer *answers[CLI_TEXTS_MAX];
    int n = o->prompts.n;
    struct decoder *d = decoder_create(&m->hf.table, generate_together(n), &m->ex, err);
    bool ok = d != NULL;
    for (int i = 0; ok && i < n; i++) {
        answers[i] = &out[i].answer;
        ok = begin_answer(m, o, o->prompts.at[i], &out[i], err);
    }
    ok = ok && answer_prompts(d, &m->hf.weights, m->hf.tokenizer, answers, n, (int)o->tokens,
                              m->hf.table.config.context, err);
    decoder_destroy(d);
    for (int i = 0; ok && i < n; i++) read_answer(m, &out[i]);
    return ok;
}

/* ---- telling: the prompts ---- */

static void put_side(struct json_writer *w, const char *side, const struct answer_text *a) {
    json_add_open(w, side, '{');
    json_add_bytes(w, "text", buf_text(&a->text), a->text.len);
    json_close(w, '}');
}

static void put_prompt(struct json_writer *w, const char *prompt,
                       const struct answer_text *base, const struct answer_text *tuned,
                       double gain, double kl) {
    json_open(w, '{');
    json_add_string(w, "prompt", prompt);
    put_side(w, "base", base);
    put_side(w, "tuned", tuned);
    json_add_number(w, "mean_gain", gain, 6);
    json_add_number(w, "kl", kl, 6);
    json_close(w, '}');
}

static void print_side(const char *side, const char *prompt, const struct answer_text *a) {
    printf("%-6s ", side);
    cli_print_text(prompt, strlen(prompt), false);
    cli_print_text(buf_text(&a->text), a->text.len, false);
    putchar('\n');
}

static bool compare_prompt(struct pair *p, const struct compare_options *o, const char *prompt,
                           const struct answer_text *base, const struct answer_text *tuned,
                           struct json_writer *w, struct err *err) {
    struct comparison c = {.mean_gain = (double)NAN, .kl = (double)NAN};
    const struct prompt_answer *a = &tuned->answer;
    if (p->tf &&
        !compare_ids((struct compared){p->tf, &p->tuned.hf.weights},
                     (struct compared){p->tf, &p->base.hf.weights}, p->tuned.hf.tokenizer,
                     a->ids.data, a->n_prompt, a->ids.n, &c, err))
        return false;
    if (o->json) {
        put_prompt(w, prompt, base, tuned, c.mean_gain, c.kl);
    } else {
        print_side("base", prompt, base);
        print_side("tuned", prompt, tuned);
        if (p->tf) printf("%-6s %+.2f nats a token, KL %.2f\n", "gain", c.mean_gain, c.kl);
        putchar('\n');
    }
    comparison_deinit(&c);
    return true;
}

static bool compare_prompts(struct pair *p, const struct compare_options *o,
                            struct json_writer *w, struct err *err) {
    int n = o->prompts.n;
    struct answer_text *base = calloc(2 * (size_t)n, sizeof *base), *tuned = base + n;
    if (!base) return err_set(err, ERR_NOMEM, "no memory for %d prompts", n);
    bool ok = answer_all(&p->base, o, base, err) && answer_all(&p->tuned, o, tuned, err);
    for (int i = 0; ok && i < n; i++)
        ok = compare_prompt(p, o, o->prompts.at[i], &base[i], &tuned[i], w, err);
    for (int i = 0; i < 2 * n; i++) answer_deinit(&base[i]);
    free(base);
    return ok;
}

/* ---- telling: a given text ---- */

static void tell_base(void *ctx, double share) {
    progress_line_tell(ctx, "the base scores the text", share);
}

static void tell_tuned(void *ctx, double share) {
    progress_line_tell(ctx, "the tuned model scores it", share);
}

/* Both models on the same ids: logprob[0..n) of base, then of tuned. */
static bool score_both(struct pair *p, const struct ids *ids, double *logprob,
                       struct err *err) {
    int context = p->tuned.hf.table.config.context;
    struct progress_line progress = progress_line_begin();
    bool ok = score_ids(p->tf, &p->base.hf.weights, ids->data, ids->n, context, logprob,
                        tell_base, &progress, err) &&
              score_ids(p->tf, &p->tuned.hf.weights, ids->data, ids->n, context,
                        logprob + ids->n, tell_tuned, &progress, err);
    progress_line_end(&progress);
    return ok;
}

static void put_text_token(struct json_writer *w, int32_t id, const struct buf *text,
                           double base, double tuned) {
    json_open(w, '{');
    json_add_integer(w, "id", id);
    json_add_bytes(w, "text", buf_text(text), text->len);
    json_add_number(w, "base", base, 9);
    json_add_number(w, "tuned", tuned, 9);
    json_add_number(w, "gain", tuned - base, 6);
    json_close(w, '}');
}

static void print_text_token(const struct buf *text, double base, double tuned) {
    if (isfinite(base)) printf("%8.3f %8.3f %+8.3f  ", base, tuned, tuned - base);
    else printf("%8s %8s %8s  ", "-", "-", "-");
    cli_print_text(buf_text(text), text->len, false);
    putchar('\n');
}

static void tell_text(const struct pair *p, const struct compare_options *o,
                      const struct ids *ids, const double *logprob, struct json_writer *w) {
    struct token_text state = {0};
    struct buf text = {0};
    double base = 0, tuned = 0, count = (double)(ids->n - 1);
    if (o->json) {
        json_add_open(w, "text", '{');
        json_add_open(w, "tokens", '[');
    } else {
        printf("%8s %8s %8s  (log-probabilities, nats)\n", "base", "tuned", "gain");
    }
    for (size_t i = 0; i < ids->n; i++) {
        double b = logprob[i], t = logprob[ids->n + i];
        buf_clear(&text);
        model_token_text(&p->tuned, &state, ids->data, ids->n, i, &text);
        if (o->json) put_text_token(w, ids->data[i], &text, b, t);
        else print_text_token(&text, b, t);
        base -= i > 0 ? b / count : 0;
        tuned -= i > 0 ? t / count : 0;
    }
    buf_deinit(&text);
    if (!o->json) {
        printf("loss: base %.4f, tuned %.4f nats a token; gain %+.4f\n", base, tuned,
               base - tuned);
        return;
    }
    json_close(w, ']');
    json_add_number(w, "base_loss", base, 9);
    json_add_number(w, "tuned_loss", tuned, 9);
    json_add_number(w, "mean_gain", base - tuned, 6);
    json_close(w, '}');
}

static bool compare_text(struct pair *p, const struct compare_options *o, struct json_writer *w,
                         struct err *err) {
    struct buf text = {0};
    struct ids ids = {0};
    double *logprob = NULL;
    if (!p->tf)
        return err_set(
            err, ERR_USAGE,
            "--text needs two models of one shape and one vocabulary: %s and %s differ",
            p->base.path, p->tuned.path);
    bool ok = files_read(o->text, COMPARE_BYTES_MAX, &text, err) &&
              model_encode(&p->tuned, buf_text(&text), text.len, &ids, err);
    if (ok && ids.n < 2)
        ok = err_set(err, ERR_RANGE, "%s: too short, two tokens are needed", o->text);
    if (ok && !(logprob = malloc(2 * ids.n * sizeof *logprob)))
        ok = err_set(err, ERR_NOMEM, "%s: no memory for %zu tokens", o->text, ids.n);
    ok = ok && score_both(p, &ids, logprob, err);
    if (ok) tell_text(p, o, &ids, logprob, w);
    free(logprob);
    ids_deinit(&ids);
    buf_deinit(&text);
    return ok;
}

/* ---- the whole ---- */

static bool compare_all(struct pair *p, const struct compare_options *o, struct err *err) {
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    if (o->json) {
        json_open(&w, '{');
        json_add_open(&w, "prompts", '[');
    }
    bool ok = o->prompts.n == 0 || compare_prompts(p, o, &w, err);
    if (o->json) json_close(&w, ']');
    if (ok && o->text) ok = compare_text(p, o, &w, err);
    if (o->json) {
        json_close(&w, '}');
        buf_str(&out, "\n");
    }
    ok = ok && cli_put(&out, err);
    buf_deinit(&out);
    return ok;
}

/* `compare RUN`: its base and its newest checkpoint; its prompts when none was given. They stay
 * borrowed from *s. */
static bool from_run(const char *word, struct compare_options *o, struct settings *s,
                     char base[PATH_MAX], char tuned[PATH_MAX], struct err *err) {
    char runs[PATH_MAX];
    struct run_paths run;
    if (!runs_dir(o->model.runs_dir, runs, err) || !run_dir_find(runs, word, &run, err) ||
        !files_join(base, PATH_MAX, "", run.base, err))
        return false;
    if (!files_is_dir(base))
        return err_set(err, ERR_USAGE, "%s has no base yet: its last stage has not begun",
                       word);
    if (checkpoint_newest(run.checkpoints, tuned, NULL, 0) < 0)
        return err_set(err, ERR_USAGE,
                       "%s has no checkpoint yet; `thaw send %s checkpoint` writes one", word,
                       word);
    if (!config_read(run.config, NULL, s, err)) return false;
    o->chat = s->compare.chat;
    if (o->prompts.n > 0 || o->text) return true;
    for (int i = 0; i < s->compare.prompts.n; i++)
        o->prompts.at[o->prompts.n++] = s->compare.prompts.text[i];
    return true;
}

static bool run_compare(const struct cli_texts *words, struct compare_options *o,
                        struct err *err) {
    char base[PATH_MAX], tuned[PATH_MAX];
    struct settings *s = malloc(sizeof *s);
    struct pair p = {.tf = NULL};
    if (!s) return err_set(err, ERR_NOMEM, "not enough memory");
    bool ok = words->n == 1 ? from_run(words->at[0], o, s, base, tuned, err)
                            : model_find(words->at[0], o->model.runs_dir, base, err) &&
                                  model_find(words->at[1], o->model.runs_dir, tuned, err);
    if (ok && o->prompts.n == 0 && !o->text)
        ok = err_set(err, ERR_USAGE, "compare needs --prompt P or --text FILE");
    ok = ok && open_pair(base, tuned, &o->model, &p, err) && compare_all(&p, o, err);
    close_pair(&p);
    free(s);
    return ok;
}

int cmd_compare(int argc, char **argv) {
    struct compare_options o = {.tokens = 40, .top_k = 40, .seed = 1, .temperature = 0.8};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--prompt", "P", "a prompt; may be given several times", CLI_TEXTS, &o.prompts, 0, 0},
        {"--text", "FILE", "a text that both read", CLI_TEXT, &o.text, 0, 0},
        {"--tokens", "N", "length of an answer at most (40)", CLI_WHOLE, &o.tokens, 1, 1e6},
        {"--temperature", "T", "how daring; 0 takes the likeliest (0.8)", CLI_REAL,
         &o.temperature, 0, 100},
        {"--top-k", "K", "draw from the K likeliest; 0: from all (40)", CLI_WHOLE, &o.top_k, 0,
         1e6},
        {"--seed", "S", "of the draw, the same for both (1)", CLI_WHOLE, &o.seed, 0,
         9007199254740991.0},
        {"--json", NULL, "one JSON object", CLI_FLAG, &o.json, 0, 0},
        MODEL_OPTIONS(o.model),
    };
    const struct cli_spec spec = {"thaw compare BASE TUNED [--prompt P]... [--text FILE] "
                                  "[--json]\n       thaw compare RUN ...",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  1,
                                  2,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    return run_compare(&words, &o, &err) ? CLI_OK : cli_fail(&err);
}
