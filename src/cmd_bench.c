/* cmd_bench.c - `thaw bench`: the speed of a training step, beside what this machine can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bench/bench.h"
#include "engine/core/json.h"
#include "engine/nn/blas.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/find_config.h"
#include "src/progress_line.h"
#include "ui/format.h"

static const char about[] =
    "How long a training step takes for a model of some shape, on random text, beside this "
    "machine's limit:\n"
    "the step's matrix products alone, measured in turn with the steps, since machines drift. "
    "Times are\n"
    "medians. CONFIG (a file or a name, as for `thaw run`) gives the shape, batch, optimizer "
    "and freeze of\n"
    "its first stage; options change them. Without it a config's defaults hold.\n"
    "GROUPS: names and block ranges with commas, e.g. embed,0-9,block.11.mlp; all.";

/* ---- what is asked for ---- */

/* Options that are keys of a config: checked and explained by the one table of keys. */
enum {
    FAMILY,
    LAYERS,
    HEADS,
    KV_HEADS,
    WIDTH,
    FFN,
    BATCH,
    BLOCK,
    OPTIMIZER,
    LORA,
    THREADS,
    N_KEYS
};
static const struct {
    const char *option, *value, *path;
    const char *help; /* NULL: the key's own */
} keys[N_KEYS] = {
    [FAMILY] = {"--family", "WORD", "model.family", NULL},
    [LAYERS] = {"--layers", "N", "model.layers", NULL},
    [HEADS] = {"--heads", "N", "model.heads", NULL},
    [KV_HEADS] = {"--kv-heads", "N", "model.kv_heads", NULL},
    [WIDTH] = {"--width", "N", "model.width", NULL},
    [FFN] = {"--ffn", "N", "model.ffn", NULL},
    [BATCH] = {"--batch", "B", "stages.0.batch", NULL},
    [BLOCK] = {"--block", "T", "model.context", "Tokens in a sequence."},
    [OPTIMIZER] = {"--optimizer", "WORD", "stages.0.optimizer.kind", NULL},
    [LORA] = {"--lora", "RANK", "stages.0.adapter.rank",
              "Train adapters of this rank on q and v instead of the model."},
    [THREADS] = {"--threads", "N", "threads", "Threads that compute; 0 takes one a core."},
};

struct asked {
    const char *words[N_KEYS]; /* NULL: not given */
    const char *freeze;        /* NULL: not given */
    bool known;
    int64_t vocab, iters; /* 0: not given */
    bool json, ops, decode;
};

/* All that is measured. */
struct measured {
    struct bench_step step;
    struct buf frozen; /* GROUPS */
    int threads;
    struct bench_op ops[BENCH_OPS_MAX];
    int n_ops;
};

static void tell(void *ctx, double share) { progress_line_tell(ctx, "measuring", share); }

static bool put_key(struct settings *s, int i, const char *word, struct err *err) {
    int stage;
    const struct setting_key *k = setting_find(keys[i].path, &stage, NULL);
    return setting_put(s, k, stage, &word, 1, err) || err_prefix(err, "%s", keys[i].option);
}

static bool put_freeze(struct settings *s, const char *text, struct err *err) {
    int stage;
    const struct setting_key *k = setting_find("stages.0.freeze", &stage, NULL);
    return setting_put(s, k, stage, &text, *text != '\0', err) || err_prefix(err, "--freeze");
}

/* CONFIG's settings, or the defaults with a stage; then the options. */
static bool read_settings(const struct asked *a, const char *config, struct settings *s,
                          struct err *err) {
    char path[PATH_MAX];
    if (!config) {
        settings_init(s);
        settings_add_stage(s);
    } else if (!config_find(config, path, err) || !config_read(path, NULL, s, err))
        return false;
    if (*s->model.from)
        return err_set(
            err, ERR_USAGE,
            "%s starts from a model in a folder: give its shape with options instead", path);
    for (int i = 0; i < N_KEYS; i++)
        if (a->words[i] && !put_key(s, i, a->words[i], err)) return false;
    if (a->vocab > 0) s->model.vocab = (int)a->vocab;
    return !a->freeze || put_freeze(s, a->freeze, err);
}

static void join_freeze(const struct text_list *list, struct buf *out) {
    for (int i = 0; i < list->n; i++) buf_printf(out, "%s%s", i ? "," : "", list->text[i]);
}

/* ---- as JSON ---- */

static void put_model(struct json_writer *w, const struct model_config *c) {
    json_add_open(w, "model", '{');
    json_add_string(w, "family", family_traits[c->family].word);
    json_add_integer(w, "layers", c->layers);
    json_add_integer(w, "heads", c->heads);
    json_add_integer(w, "kv_heads", c->kv_heads);
    json_add_integer(w, "width", c->width);
    json_add_integer(w, "ffn", c->ffn);
    json_add_integer(w, "vocab", c->vocab);
    json_close(w, '}');
}

static void put_time(struct json_writer *w, const char *key, struct bench_time t) {
    json_add_open(w, key, '{');
    json_add_number(w, "median", 1e3 * t.median, 6);
    json_add_number(w, "min", 1e3 * t.min, 6);
    json_add_number(w, "max", 1e3 * t.max, 6);
    json_close(w, '}');
}

/* "embed,0-2" as ["embed","0-2"] */
static void put_frozen(struct json_writer *w, const char *groups) {
    json_add_open(w, "frozen", '[');
    while (*groups) {
        size_t n = strcspn(groups, ",");
        json_put_bytes(w, groups, n);
        groups += n + (groups[n] == ',');
    }
    json_close(w, ']');
}

static double mib(uint64_t bytes) { return (double)bytes / 1048576; }

/* What the step's products reach, and what they reach alone. */
static double step_gflops(const struct bench_step *s) {
    return 1e-9 * (double)s->flops / s->step.median;
}
static double alone_gflops(const struct bench_step *s) {
    return 1e-9 * (double)s->linear_flops / s->linear_seconds;
}

static void put_ops(struct json_writer *w, const struct measured *m) {
    json_add_open(w, "ops", '[');
    for (int i = 0; i < m->n_ops; i++) {
        const struct bench_op *op = &m->ops[i];
        double rate = op->amount / op->seconds;
        json_open(w, '{');
        json_add_string(w, "op", op->name);
        json_add_integer(w, "calls", op->calls);
        json_add_number(w, "ms", 1e3 * op->seconds, 6);
        json_add_number(w, op->product ? "gflops" : "gb_per_s", 1e-9 * rate, 6);
        json_add_number(w, "limit", 1e-9 * op->limit, 6);
        json_add_number(w, "share_of_limit", rate / op->limit, 6);
        json_add_number(w, "share_of_step", op->calls * op->seconds / m->step.step.median, 6);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_training(struct json_writer *w, const struct bench_options *o,
                         const struct measured *m) {
    const struct bench_step *s = &m->step;
    put_model(w, &o->config);
    json_add_integer(w, "batch", o->batch);
    json_add_integer(w, "block", o->block);
    json_add_integer(w, "threads", m->threads);
    json_add_string(w, "optimizer", optimizer_words[o->optim.kind]);
    put_frozen(w, buf_text(&m->frozen));
    json_add_integer(w, "parameters", (int64_t)s->parameters);
    json_add_integer(w, "learning_parameters", (int64_t)s->learning);
    json_add_integer(w, "iters", s->iters);
    put_time(w, "step_ms", s->step);
    json_add_number(w, "forward_ms", 1e3 * s->forward, 6);
    json_add_number(w, "backward_ms", 1e3 * s->backward, 6);
    json_add_number(w, "update_ms", 1e3 * s->update, 6);
    json_add_number(w, "tokens_per_s", (double)o->batch * o->block / s->step.median, 6);
    json_add_number(w, "gflop_step", 1e-9 * (double)s->flops, 9);
    json_add_number(w, "gflops", step_gflops(s), 6);
    json_add_number(w, "sgemm_gflops", alone_gflops(s), 6);
    json_add_number(w, "share_of_sgemm", step_gflops(s) / alone_gflops(s), 6);
    json_add_number(w, "square_gflops", s->square_gflops, 6);
    json_add_number(w, "activations_mib", mib(s->activations_bytes), 6);
    json_add_number(w, "peak_rss_mib", mib(s->peak_rss_bytes), 6);
    json_add_string(w, "blas", blas_describe());
    if (m->n_ops > 0) put_ops(w, m);
}

static void put_decode(struct json_writer *w, const struct bench_options *o,
                       const struct bench_decode *d) {
    double rate = (double)d->weights_bytes / d->token.median;
    put_model(w, &o->config);
    json_add_integer(w, "block", o->block);
    json_add_integer(w, "threads", d->threads);
    json_add_integer(w, "parameters", (int64_t)d->parameters);
    json_add_integer(w, "iters", d->iters);
    put_time(w, "token_ms", d->token);
    json_add_number(w, "tokens_per_s", 1 / d->token.median, 6);
    json_add_integer(w, "bytes_per_token", (int64_t)d->weights_bytes);
    json_add_number(w, "gb_per_s", 1e-9 * rate, 6);
    json_add_number(w, "copy_gb_per_s", 1e-9 * d->copy_bytes_per_s, 6);
    json_add_number(w, "share_of_copy", rate / d->copy_bytes_per_s, 6);
    json_add_number(w, "peak_rss_mib", mib(d->peak_rss_bytes), 6);
    json_add_string(w, "blas", blas_describe());
}

/* ---- for people ---- */

static void print_model(const struct bench_options *o, uint64_t parameters, int threads) {
    const struct model_config *c = &o->config;
    char count[FORMAT_MAX];
    format_count(count, (double)parameters);
    printf("model       %s, %d blocks, %d heads", family_traits[c->family].word, c->layers,
           c->heads);
    if (c->kv_heads != c->heads) printf(" (%d of keys and values)", c->kv_heads);
    printf(", width %d, ffn %d, vocab %d: %s weights\n", c->width, c->ffn, c->vocab, count);
    printf("machine     %d thread%s, %s\n", threads, threads == 1 ? "" : "s", blas_describe());
}

static void print_ops(const struct measured *m) {
    double step = m->step.step.median, rest = step;
    printf("\n%-28s %5s %9s %8s %-7s %8s %8s\n", "op", "calls", "ms", "rate", "", "of limit",
           "of step");
    for (int i = 0; i < m->n_ops; i++) {
        const struct bench_op *op = &m->ops[i];
        double rate = op->amount / op->seconds, all = op->calls * op->seconds;
        printf("%-28s %5d %9.3f %8.1f %-7s %7.0f%% %7.1f%%\n", op->name, op->calls,
               1e3 * op->seconds, 1e-9 * rate, op->product ? "GFLOP/s" : "GB/s",
               100 * rate / op->limit, 100 * all / step);
        rest -= all;
    }
    printf("%-28s %5s %9s %8s %-7s %8s %7.1f%%\n", "all else", "", "", "", "", "",
           100 * rest / step);
    printf("limits: products of 1024 x 1024, or a copy of as many bytes; each beside its op\n");
}

static void print_training(const struct bench_options *o, const struct measured *m) {
    const struct bench_step *s = &m->step;
    char speed[FORMAT_MAX], count[FORMAT_MAX], peak[FORMAT_MAX], kept[FORMAT_MAX];
    format_speed(speed, (double)o->batch * o->block / s->step.median);
    format_count(count, (double)s->learning);
    format_bytes(peak, (double)s->peak_rss_bytes);
    format_bytes(kept, (double)s->activations_bytes);
    print_model(o, s->parameters, m->threads);
    printf("batch       %d x %d tokens, %s", o->batch, o->block,
           optimizer_words[o->optim.kind]);
    if (m->frozen.len > 0) printf(", %s frozen: %s learn", buf_text(&m->frozen), count);
    printf("\n\nstep        %9.2f ms   (%.2f to %.2f in %d steps)  %s tokens/s\n",
           1e3 * s->step.median, 1e3 * s->step.min, 1e3 * s->step.max, s->iters, speed);
    printf("  forward   %9.2f ms\n  backward  %9.2f ms\n  update    %9.2f ms\n",
           1e3 * s->forward, 1e3 * s->backward, 1e3 * s->update);
    printf("speed       %9.1f GFLOP/s, %.0f%% of the %.1f that its products reach alone\n",
           step_gflops(s), 100 * step_gflops(s) / alone_gflops(s), alone_gflops(s));
    printf("            %9.2f GFLOP a step; products of 1024 x 1024 reach %.1f GFLOP/s\n",
           1e-9 * (double)s->flops, s->square_gflops);
    printf("memory      %9s at its highest; %s reserved for activations\n", peak, kept);
    if (m->n_ops > 0) print_ops(m);
}

static void print_decode(const struct bench_options *o, const struct bench_decode *d) {
    double rate = (double)d->weights_bytes / d->token.median;
    char bytes[FORMAT_MAX], peak[FORMAT_MAX];
    format_bytes(bytes, (double)d->weights_bytes);
    format_bytes(peak, (double)d->peak_rss_bytes);
    print_model(o, d->parameters, d->threads);
    printf("\ntoken       %9.3f ms   (%.3f to %.3f in %d rounds)  %.0f tokens/s\n",
           1e3 * d->token.median, 1e3 * d->token.min, 1e3 * d->token.max, d->iters,
           1 / d->token.median);
    printf("speed       %9.1f GB/s, %.0f%% of the %.1f that a copy of as many bytes reaches\n",
           1e-9 * rate, 100 * rate / d->copy_bytes_per_s, 1e-9 * d->copy_bytes_per_s);
    printf("            %9s of weights are read for a token\n", bytes);
    printf("memory      %9s at its highest\n", peak);
}

/* ---- doing it ---- */

static bool put(bool json, struct buf *out, struct err *err) {
    if (json) buf_str(out, "}\n");
    return json ? cli_put(out, err) : cli_flush(err);
}

static bool train(const struct asked *a, const struct bench_options *o, struct err *err) {
    struct measured m = {.n_ops = 0};
    struct buf out = {0};
    struct bench *b = bench_create(o, err);
    bool ok =
        b && bench_train(b, &m.step, err) && (!a->ops || bench_ops(b, m.ops, &m.n_ops, err));
    if (ok) {
        m.threads = bench_threads(b);
        bench_frozen(b, &m.frozen);
    }
    bench_destroy(b);
    progress_line_end(o->progress_ctx);
    if (ok && a->json) {
        struct json_writer w = json_writer_make(&out);
        json_open(&w, '{');
        put_training(&w, o, &m);
    } else if (ok) print_training(o, &m);
    ok = ok && put(a->json, &out, err);
    buf_deinit(&m.frozen);
    buf_deinit(&out);
    return ok;
}

static bool decode(const struct asked *a, const struct bench_options *o, struct err *err) {
    struct bench_decode d;
    struct buf out = {0};
    bool ok = bench_decode(o, &d, err);
    progress_line_end(o->progress_ctx);
    if (ok && a->json) {
        struct json_writer w = json_writer_make(&out);
        json_open(&w, '{');
        put_decode(&w, o, &d);
    } else if (ok) print_decode(o, &d);
    ok = ok && put(a->json, &out, err);
    buf_deinit(&out);
    return ok;
}

/* Shapes and groups stand on the command line: what is wrong with them is wrong use. */
static bool run_bench(const struct asked *a, const char *config, struct err *err) {
    struct progress_line progress = progress_line_begin();
    struct buf freeze = {0};
    struct settings *s = malloc(sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "not enough memory");
    bool ok = read_settings(a, config, s, err);
    if (ok) {
        bool lora = s->stages[0].adapter.rank > 0;
        join_freeze(&s->stages[0].freeze, &freeze);
        if (lora && freeze.len == 0) buf_str(&freeze, "base");
        struct bench_options o = {.config = settings_model(s),
                                  .optim = settings_optim(&s->stages[0]),
                                  .batch = s->stages[0].batch,
                                  .block = s->model.context,
                                  .freeze = buf_text(&freeze),
                                  .known = a->known,
                                  .threads = s->threads,
                                  .iters = (int)a->iters,
                                  .progress = tell,
                                  .progress_ctx = &progress};
        ok = model_config_complete(&o.config, err) &&
             (!lora || settings_adapter(s, &o.config, err)) &&
             (a->decode ? decode(a, &o, err) : train(a, &o, err));
    }
    if (!ok && !config && (err->code == ERR_RANGE || err->code == ERR_PARSE))
        err->code = ERR_USAGE;
    buf_deinit(&freeze);
    free(s);
    return ok;
}

static const char *help_of(int key) {
    int stage;
    const struct setting_key *k = setting_find(keys[key].path, &stage, NULL);
    return keys[key].help ? keys[key].help : k->help;
}

int cmd_bench(int argc, char **argv) {
    struct asked a = {.freeze = NULL};
    struct cli_texts words;
    struct err err = {0};
    int status;
    struct cli_option options[N_KEYS + 7] = {{0}};
    int n = 0;
    for (int i = 0; i < N_KEYS; i++)
        options[n++] = (struct cli_option){
            keys[i].option, keys[i].value, help_of(i), CLI_TEXT, &a.words[i], 0, 0};
    const struct cli_option others[] = {
        {"--vocab", "N", "Size of the vocabulary.", CLI_WHOLE, &a.vocab, 1, 1000000},
        {"--freeze", "GROUPS", "What does not learn.", CLI_TEXT, &a.freeze, 0, 0},
        {"--known", NULL,
         "As from a text's second epoch on: what frozen lower blocks make of it is kept.",
         CLI_FLAG, &a.known, 0, 0},
        {"--iters", "N", "Steps; as many as take about 5 s when not given, at least 5.",
         CLI_WHOLE, &a.iters, 1, 1000000},
        {"--ops", NULL, "Also each op of a step alone, beside its limit.", CLI_FLAG, &a.ops, 0,
         0},
        {"--decode", NULL, "Instead of training: generation, one text at a time.", CLI_FLAG,
         &a.decode, 0, 0},
        {"--json", NULL, "One JSON object.", CLI_FLAG, &a.json, 0, 0}};
    memcpy(options + n, others, sizeof others);
    const struct cli_spec spec = {"thaw bench [CONFIG] [--json] [--ops | --decode] [OPTIONS]",
                                  about,
                                  options,
                                  sizeof options / sizeof options[0],
                                  0,
                                  1,
                                  0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (a.ops && a.decode)
        return cli_usage("--ops is about training and --decode about generation: take one");
    if (a.known && (a.ops || a.decode))
        return cli_usage("--known is about a whole step: leave out --ops and --decode");
    return run_bench(&a, words.n ? words.at[0] : NULL, &err) ? CLI_OK : cli_fail(&err);
}
