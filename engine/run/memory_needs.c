#include "engine/run/memory_needs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/tree.h"
#include "engine/formats/hf_model.h"
#include "engine/model/decode.h"
#include "engine/model/factored.h"
#include "engine/run/sample.h"
#include "engine/run/training_plan.h"

/* ---- the plan ---- */

int memory_half_sets(const struct settings *s, int processes) {
    return 2 * (1 + tree_levels(s->shards / processes)) + (processes > 1);
}

void memory_among(struct memory_ask *a, int processes) {
    a->half_sets = memory_half_sets(a->settings, processes);
    a->moment_parts = a->settings->optimizer_state == STATE_SHARDED ? processes : 1;
}

struct memory_ask memory_ask(const struct settings *s, const struct param_table *t, int time,
                             int threads) {
    bool muon = false;
    struct memory_ask a = {.settings = s,
                           .table = t,
                           .time = time,
                           .threads = threads,
                           .sequences = 1,
                           .recompute = s->recompute == RECOMPUTE_BLOCKS,
                           .half_sets = memory_half_sets(s, 1),
                           .moment_parts = 1};
    for (int i = 0; i < s->n_stages; i++) {
        int n = settings_micro_batch(s, i);
        if (n > a.sequences) a.sequences = n;
        muon = muon || s->stages[i].optimizer.kind == OPTIMIZER_MUON;
    }
    struct model_config c = t->config;
    c.context = time; /* no text is made longer than that */
    a.beside = decoder_bytes(&c, generate_together(s->compare.prompts.n)) +
               (muon ? (size_t)threads * muon_scratch(t) * sizeof(real) : 0);
    return a;
}

bool memory_shape(const struct settings *s, const char *folder, struct model_config *out,
                  struct err *err) {
    bool ok = true;
    if (*folder) ok = hf_model_shape(folder, out, err);
    else {
        *out = settings_model(s);
        ok = model_config_complete(out, err);
    }
    return ok && settings_adapter(s, out, err);
}

bool memory_any_narrow(const struct memory_ask *a) {
    bool any = false;
    for (int g = 0; a->kind && g < a->table->n_groups; g++) any = any || a->kind[g];
    return any;
}

/* What learns in a stage, by the config and what is to be frozen beside it. */
static bool learn_of(const struct memory_ask *a, int stage, bool *learn, struct err *err) {
    if (!plan_may_learn(a->table, &a->settings->stages[stage], learn, err)) return false;
    for (int g = 0; a->frozen_too && g < a->table->n_groups; g++)
        learn[g] = learn[g] && !a->frozen_too[g];
    return true;
}

/* Whether a stage lets the head's matrix learn; no where memory for a mask is missing. */
static bool head_learns(const struct memory_ask *a) {
    bool *learn = calloc((size_t)a->table->n_groups, sizeof *learn), any = false;
    int head = a->table->params[factored_param(a->table)].group;
    for (int i = 0; learn && i < a->settings->n_stages; i++)
        any = (learn_of(a, i, learn, NULL) && learn[head]) || any;
    free(learn);
    return any;
}

static bool steps_are_one_part(const struct memory_ask *a) {
    for (int i = 0; i < a->settings->n_stages; i++)
        if (a->settings->stages[i].batch > a->sequences) return false;
    return true;
}

/* With so few rows that the gradient of the head's matrix is left as factors. */
static bool leaves_factors(const struct memory_ask *a) {
    return steps_are_one_part(a) &&
           factored_pays(&a->table->config, (size_t)a->sequences * (size_t)a->time) &&
           head_learns(a);
}

struct transformer_plan memory_transformer(const struct memory_ask *a) {
    return (struct transformer_plan){.batch = a->sequences,
                                     .time = a->time,
                                     .backward = true,
                                     .recompute = a->recompute,
                                     .factors = leaves_factors(a),
                                     .in_grads = steps_are_one_part(a),
                                     .narrow = memory_any_narrow(a)};
}

static uint64_t as_reals(const struct param_table *t, int g) {
    return group_bytes(&t->groups[g], NARROW_NONE);
}

/* But for a matrix whose gradient is left as factors: they are among the activations. */
static uint64_t gradient_bytes(const struct memory_ask *a, int g) {
    const struct param_table *t = a->table;
    const struct param *head = &t->params[factored_param(t)];
    uint64_t all = as_reals(t, g);
    if (g != head->group || !leaves_factors(a)) return all;
    return all - (uint64_t)head->rows * (uint64_t)head->cols * sizeof(real);
}

enum { SHELVE_FROM = 64 << 20 }; /* bytes of weights: less is not worth a file */

bool memory_shelves_base(const struct settings *s, const struct param_table *t) {
    return s->stages[s->n_stages - 1].l2_sp == 0 && t->parameters * sizeof(real) >= SHELVE_FROM;
}

/* What the base takes beside the weights, of what learns. */
static uint64_t base_bytes(const struct memory_ask *a, const bool *learn) {
    uint64_t sum = 0, most = 0;
    for (int g = 0; g < a->table->n_groups; g++) {
        uint64_t bytes = learn[g] ? as_reals(a->table, g) : 0;
        sum += bytes;
        if (bytes > most) most = bytes;
    }
    return memory_shelves_base(a->settings, a->table) ? most : sum;
}

/* A stage on top of the one before; ever[n_groups]: what has learned so far. */
static struct memory_stage stage_of(const struct memory_ask *a, int i, const bool *learn,
                                    bool *ever, struct memory_stage before) {
    const struct param_table *t = a->table;
    struct model_config c = t->config;
    struct memory_stage now = {.activations = before.activations};
    c.context = a->time; /* no text is made longer than that */
    uint64_t activations = transformer_bytes_above(&c, memory_transformer(a), a->threads,
                                                   transformer_cut(t, learn));
    activations -= transformer_bytes_in_grads(t, memory_transformer(a), learn);
    if (activations > now.activations) now.activations = activations;
    for (int g = 0; g < t->n_groups; g++) {
        ever[g] = ever[g] || learn[g];
        if (ever[g]) now.gradients += (uint64_t)a->half_sets * gradient_bytes(a, g) / 2;
        if (ever[g]) now.moments += 2 * as_reals(t, g) / (uint64_t)a->moment_parts;
    }
    if (i == a->settings->n_stages - 1) now.base = base_bytes(a, learn);
    return now;
}

bool memory_needs(const struct memory_ask *a, struct memory_needs *out, struct err *err) {
    const struct param_table *t = a->table;
    bool *learn = calloc(2 * (size_t)t->n_groups, sizeof *learn), *ever = learn + t->n_groups;
    bool ok = learn || err_set(err, ERR_NOMEM, "no memory to plan the memory");
    struct memory_stage before = {0};
    *out = (struct memory_needs){.beside = a->beside, .n = a->settings->n_stages};
    for (int g = 0; g < t->n_groups; g++)
        out->weights += group_bytes(&t->groups[g], a->kind ? a->kind[g] : NARROW_NONE);
    for (int i = 0; ok && i < out->n; i++) {
        ok = learn_of(a, i, learn, err);
        if (!ok) break;
        struct memory_stage now = stage_of(a, i, learn, ever, before);
        now.total = out->weights + out->beside + now.gradients + now.moments + now.base +
                    now.activations;
        before = out->stages[i] = now;
    }
    free(learn);
    return ok;
}

/* ---- what there is ---- */

uint64_t memory_available(void) {
    char line[128];
    double kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && kib == 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lf", &kib) != 1) kib = 0;
    if (f) fclose(f);
    if (kib > 0) return (uint64_t)(kib * 1024);
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- with what it would fit ---- */

static bool fits(const struct memory_ask *a, uint64_t available) {
    struct memory_needs needs;
    return memory_needs(a, &needs, NULL) && needs.stages[needs.n - 1].total <= available;
}

static int common_divisor(int a, int b) { return b == 0 ? a : common_divisor(b, a % b); }

/* The most sequences at a time with which it fits, fewer than now; 0: none. They divide the
 * shards of every stage. */
static int fewer_sequences(struct memory_ask a, uint64_t available) {
    int common = 0;
    for (int i = 0; i < a.settings->n_stages; i++)
        common = common_divisor(settings_shard(a.settings, i), common);
    for (int n = a.sequences - 1; n > 0; n--) {
        a.sequences = n;
        if (common % n == 0 && fits(&a, available)) return n;
    }
    return 0;
}

/* Freeze from the bottom upwards until it fits; `frozen` has the groups then. Only for a model
 * that has learned already: one from nothing would learn nothing. */
static bool freeze_more(struct memory_ask a, uint64_t available, bool *frozen) {
    const struct param_table *t = a.table;
    if (!a.settings->model.from[0] || a.settings->model.fresh) return false;
    memset(frozen, 0, (size_t)t->n_groups * sizeof *frozen);
    a.frozen_too = frozen;
    for (int layer = -1; layer < t->config.layers; layer++) {
        for (int g = 0; g < t->n_groups; g++)
            if (g == 0 || (layer >= 0 && t->groups[g].layer == layer)) frozen[g] = true;
        if (fits(&a, available)) return true;
    }
    return false;
}

/* "embed,0-7" as a list of YAML: [embed, "0-7"]. */
static void put_freeze(const struct param_table *t, const bool *frozen, struct buf *out) {
    struct buf text = {0};
    groups_format(t, frozen, &text);
    buf_str(out, "freeze: [\"");
    for (const char *c = buf_text(&text); *c; c++)
        buf_printf(out, *c == ',' ? "\", \"" : "%c", *c);
    buf_str(out, "\"]");
    buf_deinit(&text);
}

/* One change that is enough, each that there is; else all of them together; else nothing. */
static void put_changes(const struct memory_ask *a, uint64_t available, bool *frozen,
                        struct buf *out) {
    int n = fewer_sequences(*a, available);
    struct memory_ask again = *a;
    again.recompute = true;
    bool recompute = !a->recompute && fits(&again, available);
    if (n > 0) buf_printf(out, "micro_batch: %d", n);
    if (recompute) buf_printf(out, "%srecompute: blocks", out->len ? ", or " : "");
    if (freeze_more(*a, available, frozen)) {
        if (out->len) buf_str(out, ", or ");
        put_freeze(a->table, frozen, out);
    }
    again.sequences = 1;
    if (out->len > 0) return;
    if (fits(&again, available)) {
        buf_str(out, "micro_batch: 1 and recompute: blocks");
    } else if (freeze_more(again, available, frozen)) {
        buf_str(out, "micro_batch: 1, recompute: blocks and ");
        put_freeze(a->table, frozen, out);
    }
}

static bool refuse(const struct memory_needs *needs, uint64_t available, const char *changes,
                   struct err *err) {
    const struct memory_stage *s = &needs->stages[needs->n - 1];
    bool large = s->total >= UINT64_C(1) << 30;
    double unit = large ? 1073741824.0 : 1048576.0;
    return err_set(err, ERR_NOMEM,
                   "%.1f %s are needed (weights %.1f, gradients %.1f, moments %.1f, base %.1f, "
                   "activations %.1f) and %.1f are available; %s%s",
                   (double)s->total / unit, large ? "GiB" : "MiB",
                   (double)needs->weights / unit, (double)s->gradients / unit,
                   (double)s->moments / unit, (double)s->base / unit,
                   (double)s->activations / unit, (double)available / unit,
                   *changes ? "it fits with " : "take a smaller model or context", changes);
}

bool memory_fits(const struct memory_ask *a, uint64_t available, struct err *err) {
    struct memory_needs needs;
    struct buf changes = {0};
    if (!memory_needs(a, &needs, err)) return false;
    if (needs.stages[needs.n - 1].total <= available) return true;
    bool *frozen = calloc((size_t)a->table->n_groups, sizeof *frozen);
    if (frozen) put_changes(a, available, frozen, &changes);
    refuse(&needs, available, buf_text(&changes), err);
    buf_deinit(&changes);
    free(frozen);
    return false;
}

/* ---- what stays narrow ---- */

bool memory_kinds(const struct memory_ask *a, const char *folder, enum narrow_kind *kind,
                  struct err *err) {
    const struct param_table *t = a->table;
    struct memory_ask plain = *a;
    plain.kind = NULL;
    for (int g = 0; g < t->n_groups; g++) kind[g] = NARROW_NONE;
    if (!*folder || a->settings->model.fresh ||
        a->settings->model.frozen_storage == STORAGE_F32 ||
        !transformer_widens(&t->config, memory_transformer(&plain)))
        return true;
    bool *learn = calloc((size_t)t->n_groups, sizeof *learn);
    bool ok = learn || err_set(err, ERR_NOMEM, "no memory to plan the memory");
    ok = ok && hf_model_kinds(folder, t, kind, err);
    for (int i = 0; ok && i < a->settings->n_stages; i++) {
        ok = learn_of(a, i, learn, err);
        for (int g = 0; ok && g < t->n_groups; g++)
            if (learn[g]) kind[g] = NARROW_NONE;
    }
    free(learn);
    return ok;
}
