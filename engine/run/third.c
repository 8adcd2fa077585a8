#include "engine/run/third.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/sample.h"

static struct transformer_plan one_text(int time) {
    return (struct transformer_plan){.batch = 1, .time = time};
}

bool third_plan(const char *folder, int n_prompts, int time, int threads,
                struct third_memory *out, struct err *err) {
    struct model_config c;
    struct param_table table;
    *out = (struct third_memory){0};
    if (!hf_model_shape(folder, &c, err) || !param_table_create(&c, &table, err))
        return err_prefix(err, "compare.third");
    for (int g = 0; g < table.n_groups; g++)
        out->weights += table.groups[g].reals * sizeof(real);
    param_table_destroy(&table);
    if (c.context > time) c.context = time; /* no text is made longer than that */
    out->work = transformer_bytes(&c, one_text(time), threads) +
                decoder_bytes(&c, generate_together(n_prompts));
    return true;
}

/* The part of a path that ends at `end`, as a pointer to its first byte. */
static const char *part_before(const char *path, const char *end) {
    while (end > path && end[-1] != '/') end--;
    return end;
}

void third_name(const char *folder, char out[NAME_MAX_BYTES]) {
    const char *end = folder + strlen(folder);
    while (end > folder + 1 && end[-1] == '/') end--;
    const char *last = part_before(folder, end), *run = last;
    int n = (int)(end - last), run_n = 0;
    bool step = strncmp(last, "step-", 5) == 0;
    bool plain = !step && !(n == 4 && strncmp(last, "base", 4) == 0) &&
                 !(n == 5 && strncmp(last, "tuned", 5) == 0);
    for (bool again = !plain; again && run > folder + 1;) {
        const char *stop = run - 1;
        run = part_before(folder, stop);
        run_n = (int)(stop - run);
        again = run_n == 11 && strncmp(run, "checkpoints", 11) == 0;
    }
    if (run_n == 0) snprintf(out, NAME_MAX_BYTES, plain ? "%.*s" : "model %.*s", n, last);
    else snprintf(out, NAME_MAX_BYTES, "%.*s/%.*s", run_n, run, n, last);
}

bool third_reads(const char *folder, const struct tokenizer *third, const struct tokenizer *run,
                 struct err *err) {
    if (!third)
        return err_set(
            err, ERR_RANGE,
            "compare.third: there is no tokenizer in %s, so what it reads is not known",
            folder);
    if (tokenizer_fingerprint(third) == tokenizer_fingerprint(run)) return true;
    return err_set(
        err, ERR_RANGE,
        "compare.third: %s cuts text into other tokens (%d of them, this run's model has "
        "%d); take a model with the run's own tokenizer",
        folder, tokenizer_vocab(third), tokenizer_vocab(run));
}

static bool fits(const struct third *m, const char *folder, int time, int vocab,
                 const struct tokenizer *t, struct err *err) {
    const struct model_config *c = &m->model.table.config;
    if (!third_reads(folder, m->model.tokenizer, t, err)) return false;
    if (c->vocab != vocab)
        return err_set(
            err, ERR_RANGE,
            "compare.third: %s foretells %d tokens and this run's model %d, so their "
            "chances cannot be compared",
            folder, c->vocab, vocab);
    return c->context >= time ||
           err_set(
               err, ERR_RANGE,
               "compare.third: %s reads %d tokens at once, this run's texts have up to %d; set "
               "model.context lower, or take another model",
               folder, c->context, time);
}

bool third_load(struct third *m, const char *folder, int n_prompts, int time, int vocab,
                const struct tokenizer *t, struct exec *ex, struct err *err) {
    *m = (struct third){.there = true};
    third_name(folder, m->name);
    bool loaded = hf_model_load(folder, &m->model, err) || err_prefix(err, "compare.third");
    if (loaded && fits(m, folder, time, vocab, t, err) &&
        (m->transformer = transformer_create(&m->model.table, one_text(time), ex, err)) &&
        (m->decoder = decoder_create_short(&m->model.table, generate_together(n_prompts), time,
                                           ex, err))) {
        tokenizer_destroy(m->model.tokenizer); /* the run's is the same */
        m->model.tokenizer = NULL;
        snprintf(m->fingerprint, sizeof m->fingerprint, "%016" PRIx64,
                 weights_fingerprint(&m->model.weights));
        return true;
    }
    third_destroy(m);
    return false;
}

void third_destroy(struct third *m) {
    decoder_destroy(m->decoder);
    transformer_destroy(m->transformer);
    hf_model_destroy(&m->model);
    *m = (struct third){.there = false};
}
