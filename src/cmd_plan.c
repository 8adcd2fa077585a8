/* cmd_plan.c - `thaw plan`: what a step would take on several machines, from one of them. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bench/bench.h"
#include "engine/core/json.h"
#include "engine/core/tree.h"
#include "engine/run/dist_plan.h"
#include "engine/run/memory_needs.h"
#include "engine/run/number.h"
#include "engine/run/training_plan.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/config_from.h"
#include "src/find_config.h"
#include "src/find_stage.h"
#include "src/progress_line.h"
#include "ui/format.h"

static const char usage[] =
    "thaw plan CONFIG [--nodes N,N,...] [--link 1G|10G|100G|BITS] [--json]";
static const char about[] =
    "How fast a stage of CONFIG would train on several machines like this one, which share "
    "each "
    "batch and\n"
    "sum their gradients over a link. Steps with as many sequences as a machine gets are "
    "measured here for\n"
    "some seconds, on random text (or --step-seconds tells of one machine's); what the link "
    "adds is\n"
    "computed: each block's gradients are sent while the blocks below are still at work, those "
    "of frozen\n"
    "ones never. `hidden` is the share of sending during which something was computed.";

enum { PLANS_MAX = TREE_LEVELS + 1, USUAL_NODES = 16, ROUNDS = 2 };

struct asked {
    const char *nodes, *link, *stage;
    struct cli_texts changes;
    double latency_us, step_s; /* step_s 0: it is measured */
    int64_t iters;
    bool json;
};

/* One number of nodes: what each has to do, and what comes of it. */
struct plan {
    int nodes, rows; /* rows: sequences computed at a time */
    struct dist_node node;
    struct dist_step step;
    uint64_t memory_bytes; /* of a node */
};

/* All that is planned for. */
struct planning {
    const struct asked *asked;
    struct settings *settings;
    const struct stage_settings *stage;
    int stage_at, time, threads, shards; /* shards: as the config has them */
    struct param_table table;
    bool *learn; /* [n_groups] */
    enum narrow_kind *kind;
    struct dist_bucket *buckets;
    int n_buckets;
    double weights; /* bytes of all that learns */
    struct dist_link link;
    struct plan plans[PLANS_MAX];
    int n;
    int measured, to_measure;
    struct progress_line progress;
};

/* ---- what is asked for ---- */

/* "10G" as bits a second. */
static bool read_link(const char *text, double *bits, struct err *err) {
    static const char units[] = "KMG";
    char number[32];
    size_t n = strlen(text);
    const char *unit = n > 1 ? strchr(units, text[n - 1]) : NULL;
    double factor = unit ? pow(1000, (double)(unit - units + 1)) : 1;
    snprintf(number, sizeof number, "%.*s", (int)(n - (unit != NULL)), text);
    if (n < sizeof number && number_parse(number, bits) && *bits > 0 && *bits <= 1e15) {
        *bits *= factor;
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "--link must be bits a second, such as 1G or 2.5e9, not \"%s\"", text);
}

static bool add_plan(struct planning *p, int64_t nodes, struct err *err) {
    int batch = p->stage->batch;
    if (nodes < 1 || nodes > TREE_PARTS_MAX || !tree_is_whole((int)nodes))
        return err_set(err, ERR_USAGE,
                       "--nodes must be powers of two up to %d, as gradients are summed in "
                       "pairs; %lld is none",
                       TREE_PARTS_MAX, (long long)nodes);
    if (batch % nodes != 0)
        return err_set(err, ERR_USAGE,
                       "a batch of %d sequences cannot be shared by %lld nodes: set "
                       "stages.%d.batch to a multiple, or take fewer nodes",
                       batch, (long long)nodes, p->stage_at);
    if (p->n == PLANS_MAX || (p->n > 0 && nodes <= p->plans[p->n - 1].nodes))
        return err_set(err, ERR_USAGE, "--nodes must grow from one number to the next");
    p->plans[p->n++].nodes = (int)nodes;
    return true;
}

static bool read_nodes(struct planning *p, struct err *err) {
    const char *at = p->asked->nodes;
    for (int nodes = 1; !at && nodes <= USUAL_NODES; nodes *= 2)
        if (p->stage->batch % nodes == 0 && !add_plan(p, nodes, err)) return false;
    while (at && *at) {
        char word[32];
        int64_t nodes;
        size_t n = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        if (n >= sizeof word || !number_parse_whole(word, &nodes))
            return err_set(err, ERR_USAGE, "--nodes must be numbers with commas, e.g. 1,2,4");
        if (!add_plan(p, nodes, err)) return false;
        at += n + (at[n] == ',');
    }
    return p->n > 0 || err_set(err, ERR_USAGE, "--nodes names no number of nodes");
}

static double bucket_bytes(const struct planning *p) {
    double bytes = 0;
    for (int i = 0; i < p->n_buckets; i++) bytes += p->buckets[i].bytes;
    return bytes;
}

static bool find_shape(struct planning *p, struct err *err) {
    struct model_config c;
    struct settings *s = p->settings;
    if (!config_from_find(s, NULL, err) || !memory_shape(s, s->model.from, &c, err) ||
        !param_table_create(&c, &p->table, err))
        return false;
    p->time = s->model.context < c.context ? s->model.context : c.context;
    p->learn = calloc((size_t)p->table.n_groups, sizeof *p->learn);
    p->kind = calloc((size_t)p->table.n_groups, sizeof *p->kind);
    if (!p->learn || !p->kind) return err_set(err, ERR_NOMEM, "no memory to plan a step");
    struct cost_shape shape = {
        .table = &p->table, .time = p->time, .recompute = s->recompute == RECOMPUTE_BLOCKS};
    if (!plan_may_learn(&p->table, p->stage, p->learn, err) ||
        !dist_buckets(&shape, p->learn, &p->buckets, &p->n_buckets, err))
        return false;
    p->weights = bucket_bytes(p); /* they go as they are, whatever gradients go as */
    for (int i = 0; s->wire == WIRE_BFLOAT16 && i < p->n_buckets; i++) p->buckets[i].bytes /= 2;
    return true;
}

static bool prepare(struct planning *p, const char *config, struct err *err) {
    char path[PATH_MAX];
    double bits;
    const struct asked *a = p->asked;
    const struct config_options changes = {a->changes.at, a->changes.n, NULL};
    if (!config_find(config, path, err) || !config_read(path, &changes, p->settings, err) ||
        !read_link(a->link, &bits, err))
        return false;
    p->stage_at = a->stage ? stage_find(p->settings, a->stage, err) : 0;
    if (p->stage_at < 0) return false;
    p->stage = &p->settings->stages[p->stage_at];
    p->shards = p->settings->shards;
    p->link = (struct dist_link){bits / 8, 1e-6 * a->latency_us};
    struct pool *pool = pool_create(p->settings->threads, err); /* how many 0 stands for */
    p->threads = pool_threads(pool);
    pool_destroy(pool);
    return pool && read_nodes(p, err) && find_shape(p, err);
}

/* ---- what a node does ---- */

/* The settings for so many nodes: each needs a shard of the batch. */
static const struct settings *settings_for(struct planning *p, const struct plan *plan) {
    p->settings->shards = p->shards > plan->nodes ? p->shards : plan->nodes;
    return p->settings;
}

/* A node's share of the batch comes in shards, and each of these in micro batches. */
static void share_out(struct planning *p, struct plan *plan) {
    plan->rows = settings_micro_batch(settings_for(p, plan), p->stage_at);
    plan->node.parts = p->stage->batch / plan->nodes / plan->rows;
}

static void tell(void *ctx, double share) {
    struct planning *p = ctx;
    progress_line_tell(&p->progress, "measuring", (p->measured + share) / p->to_measure);
}

/* What does not learn, as GROUPS. */
static void put_frozen(const struct planning *p, struct buf *out) {
    for (int g = 0; g < p->table.n_groups; g++) p->learn[g] = !p->learn[g];
    groups_format(&p->table, p->learn, out);
    for (int g = 0; g < p->table.n_groups; g++) p->learn[g] = !p->learn[g];
}

/* Steps of so many sequences; those of the faster round stand, as the other shared the machine.
 */
static bool measure(struct planning *p, struct plan *plan, struct err *err) {
    struct buf frozen = {0};
    struct bench_step s;
    put_frozen(p, &frozen);
    struct bench_options o = {.config = p->table.config,
                              .optim = settings_optim(p->stage),
                              .batch = plan->rows,
                              .block = p->time,
                              .freeze = buf_text(&frozen),
                              .threads = p->settings->threads,
                              .iters = (int)p->asked->iters,
                              .progress = tell,
                              .progress_ctx = p};
    struct bench *b = bench_create(&o, err);
    bool ok = b && bench_train(b, &s, err);
    bench_destroy(b);
    buf_deinit(&frozen);
    double before = plan->node.forward + plan->node.backward + plan->node.update;
    if (ok && (before == 0 || s.forward + s.backward + s.update < before)) {
        plan->node.forward = s.forward;
        plan->node.backward = s.backward;
        plan->node.update = s.update;
    }
    p->measured++;
    return ok;
}

/* The first plan with as many sequences at a time: it is measured for all of them. */
static struct plan *first_alike(struct planning *p, const struct plan *plan) {
    struct plan *same = p->plans;
    while (same->rows != plan->rows) same++;
    return same;
}

/* All in turn, and again, since machines drift. */
static bool measure_all(struct planning *p, struct err *err) {
    for (int i = 0; i < p->n; i++)
        p->to_measure += first_alike(p, &p->plans[i]) == &p->plans[i] ? ROUNDS : 0;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < p->n; i++) {
            struct plan *plan = &p->plans[i], *same = first_alike(p, plan);
            int parts = plan->node.parts;
            if (same == plan && !measure(p, plan, err)) return false;
            plan->node = same->node;
            plan->node.parts = parts;
        }
    return true;
}

/* From one machine's step: divided as the products are, in proportion to the sequences. */
static void divide(const struct planning *p, struct plan *plan) {
    struct cost_shape shape = {.table = &p->table,
                               .time = p->time,
                               .recompute = p->settings->recompute == RECOMPUTE_BLOCKS};
    double forward = cost_forward(&shape, p->learn, 0),
           backward = cost_backward(&shape, p->learn);
    double seconds = p->asked->step_s * plan->rows / p->stage->batch;
    plan->node.forward = seconds * forward / (forward + backward);
    plan->node.backward = seconds * backward / (forward + backward);
}

static bool need_memory(struct planning *p, struct plan *plan, struct err *err) {
    struct memory_needs needs;
    const struct settings *s = settings_for(p, plan);
    struct memory_ask ask = memory_ask(s, &p->table, p->time, p->threads);
    ask.kind = p->kind;
    ask.sequences = plan->rows;
    memory_among(&ask, plan->nodes);
    if (!memory_kinds(&ask, s->model.from, p->kind, err) || !memory_needs(&ask, &needs, err))
        return false;
    plan->memory_bytes = needs.stages[p->stage_at].total;
    return true;
}

static bool make_plans(struct planning *p, struct err *err) {
    for (int i = 0; i < p->n; i++) share_out(p, &p->plans[i]);
    if (p->asked->step_s == 0 && !measure_all(p, err)) return false;
    double carry = 0;
    bool sent = p->n_buckets > 0 && p->plans[p->n - 1].nodes > 1; /* they grow */
    if (p->asked->step_s == 0 && sent)
        carry = bench_carry(p->settings->threads, p->link.bytes_per_s) / p->threads;
    for (int i = 0; i < p->n; i++) {
        struct plan *plan = &p->plans[i];
        if (p->asked->step_s > 0) divide(p, plan);
        if (!need_memory(p, plan, err)) return false;
        plan->node.shares = p->settings->optimizer_state == STATE_SHARDED;
        plan->node.weights = p->weights;
        plan->node.carry = carry;
        plan->step = dist_step(p->buckets, p->n_buckets, plan->node, plan->nodes, p->link);
    }
    return true;
}

/* ---- telling ---- */

static double tokens_of(const struct planning *p) { return (double)p->stage->batch * p->time; }

/* Tokens a second and node, by those of the fewest nodes that are planned. */
static double efficiency(const struct planning *p, const struct plan *plan) {
    const struct plan *one = &p->plans[0];
    return one->step.seconds * one->nodes / (plan->step.seconds * plan->nodes);
}

static void put_json(const struct planning *p, struct buf *out) {
    struct json_writer w = json_writer_make(out);
    json_open(&w, '{');
    json_add_string(&w, "stage", p->stage->name);
    json_add_integer(&w, "batch", p->stage->batch);
    json_add_integer(&w, "block", p->time);
    json_add_integer(&w, "learning_parameters", (int64_t)cost_learning(&p->table, p->learn));
    json_add_number(&w, "link_bits_per_s", 8 * p->link.bytes_per_s, 9);
    json_add_number(&w, "latency_us", 1e6 * p->link.latency_s, 6);
    json_add_bool(&w, "measured", p->asked->step_s == 0);
    json_add_open(&w, "nodes", '[');
    for (int i = 0; i < p->n; i++) {
        const struct plan *plan = &p->plans[i];
        json_open(&w, '{');
        json_add_integer(&w, "nodes", plan->nodes);
        json_add_integer(&w, "batch", p->stage->batch / plan->nodes);
        json_add_number(&w, "step_ms", 1e3 * plan->step.seconds, 6);
        json_add_number(&w, "tokens_per_s", tokens_of(p) / plan->step.seconds, 6);
        json_add_number(&w, "efficiency", efficiency(p, plan), 6);
        json_add_number(&w, "forward_ms", 1e3 * plan->node.forward, 6);
        json_add_number(&w, "backward_ms", 1e3 * plan->node.backward, 6);
        json_add_number(&w, "update_ms", 1e3 * plan->node.update, 6);
        json_add_number(&w, "carry_ms", 1e3 * plan->step.carried, 6);
        json_add_number(&w, "sent_ms", 1e3 * plan->step.sent, 6);
        json_add_number(&w, "hidden", plan->step.hidden, 6);
        json_add_number(&w, "memory_mib", (double)plan->memory_bytes / 1048576, 6);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    buf_str(out, "\n");
}

static void put_row(const struct planning *p, const struct plan *plan, struct buf *out) {
    char step[FORMAT_MAX], speed[FORMAT_MAX], sent[FORMAT_MAX] = "-", memory[FORMAT_MAX],
                                              hidden[FORMAT_MAX] = "-";
    format_seconds(step, plan->step.seconds);
    format_speed(speed, tokens_of(p) / plan->step.seconds);
    format_bytes(memory, (double)plan->memory_bytes);
    if (plan->step.sent > 0) {
        format_seconds(sent, plan->step.sent);
        snprintf(hidden, sizeof hidden, "%.0f%%", 100 * plan->step.hidden);
    }
    buf_printf(out, "%5d %7d %9s %10s %10.0f%% %9s %8s %11s\n", plan->nodes,
               p->stage->batch / plan->nodes, step, speed, 100 * efficiency(p, plan), sent,
               hidden, memory);
}

static void put_table(const struct planning *p, const char *config, struct buf *out) {
    char learning[FORMAT_MAX], bytes[FORMAT_MAX];
    format_count(learning, cost_learning(&p->table, p->learn));
    format_bytes(bytes, bucket_bytes(p));
    buf_printf(out,
               "%s, stage %s: %d x %d tokens a step, %s weights learn (%s of gradients)\n"
               "link %.4g Gbit/s, %g us a message; one machine's steps are %s\n\n"
               "%5s %7s %9s %10s %11s %9s %8s %11s\n",
               config, p->stage->name, p->stage->batch, p->time, learning, bytes,
               8e-9 * p->link.bytes_per_s, 1e6 * p->link.latency_s,
               p->asked->step_s > 0 ? "as --step-seconds says" : "measured here", "nodes",
               "batch", "step", "tokens/s", "efficiency", "sent", "hidden", "memory");
    for (int i = 0; i < p->n; i++) put_row(p, &p->plans[i], out);
}

static bool run_plan(const struct asked *a, const char *config, struct err *err) {
    struct planning p = {
        .asked = a, .progress = progress_line_begin(), .settings = malloc(sizeof *p.settings)};
    struct buf out = {0};
    if (!p.settings) return err_set(err, ERR_NOMEM, "not enough memory");
    bool ok = prepare(&p, config, err) && make_plans(&p, err);
    progress_line_end(&p.progress);
    if (ok && a->json) put_json(&p, &out);
    else if (ok) put_table(&p, config, &out);
    ok = ok && cli_put(&out, err);
    buf_deinit(&out);
    param_table_destroy(&p.table);
    free(p.learn);
    free(p.kind);
    free(p.buckets);
    free(p.settings);
    return ok;
}

int cmd_plan(int argc, char **argv) {
    struct asked a = {.link = "1G", .latency_us = 50, .iters = 5};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--nodes", "N,N,...",
         "machines, powers of two (default: 1 to 16, as the batch allows)", CLI_TEXT, &a.nodes,
         0, 0},
        {"--link", "BITS", "what each can send a second: 1G, 10G, 100G, 2.5e9 (default: 1G)",
         CLI_TEXT, &a.link, 0, 0},
        {"--latency", "US", "microseconds that a message takes beside (default: 50)", CLI_REAL,
         &a.latency_us, 0, 1e7},
        {"--stage", "STAGE", "its name, or its number from 0 (default: the first)", CLI_TEXT,
         &a.stage, 0, 0},
        {"--step-seconds", "S", "what a step takes one machine, instead of measuring it",
         CLI_REAL, &a.step_s, 1e-9, 1e6},
        {"--iters", "N", "steps that are measured of each kind, twice (default: 5)", CLI_WHOLE,
         &a.iters, 1, 1000000},
        {"--set", "KEY=VALUE", "change a key, e.g. --set stages.0.batch=16", CLI_TEXTS,
         &a.changes, 0, 0},
        {"--json", NULL, "one JSON object", CLI_FLAG, &a.json, 0, 0}};
    const struct cli_spec spec = {usage, about, options, sizeof options / sizeof options[0],
                                  1,     1,     0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    return run_plan(&a, words.at[0], &err) ? CLI_OK : cli_fail(&err);
}
