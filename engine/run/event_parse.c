/* event_parse.c - an event back from its line. Whatever the line holds, the result is sound:
 * absent or ill-typed members become 0, NaN or "". */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "engine/run/event.h"
#include "engine/run/event_parts.h"
#include "engine/run/number.h"

enum { LINE_BYTES_MAX = 64 << 20, MODEL_DEPTH = 16 };

/* --- members */

static double real_of(const struct json *v, const char *key) {
    return json_number(json_get(v, key), (double)NAN);
}

static int64_t whole_of(const struct json *v, const char *key) {
    return json_int(json_get(v, key), 0);
}

static uint64_t count_of(const struct json *v, const char *key) {
    int64_t x = whole_of(v, key);
    return x > 0 ? (uint64_t)x : 0;
}

static int int_of(const struct json *v, const char *key, int otherwise) {
    int64_t x = json_int(json_get(v, key), otherwise);
    return x > INT_MAX ? INT_MAX : x < INT_MIN ? INT_MIN : (int)x;
}

static const char *text_of(const struct json *v, const char *key) {
    return json_str(json_get(v, key), "");
}

static bool word_is(const struct json *v, const char *key, const char *word) {
    return strcmp(text_of(v, key), word) == 0;
}

/* An array with an item for each of v's; *n is 0 when there are none or no memory is left. */
static void *items_for(struct event_memory *m, const struct json *v, enum json_kind kind,
                       size_t size, int *n) {
    size_t count = json_kind(v) == kind ? json_size(v) : 0;
    void *items = event_memory_take(m, count, size);
    *n = items ? (int)count : 0;
    return items;
}

/* --- types of events */

static void parse_run(const struct json *v, struct event_memory *m, struct event_run *r) {
    r->name = text_of(v, "name");
    r->version = text_of(v, "version");
    r->blas = text_of(v, "blas");
    r->beside = text_of(v, "beside");
    r->seed = count_of(v, "seed");
    r->memory_bytes = count_of(v, "memory_bytes");
    r->threads = int_of(v, "threads", 0);
    if (json_kind(json_get(v, "model")) == JSON_KIND_OBJECT) {
        struct json_writer w = json_writer_make(&m->model);
        event_put_tree(&w, json_get(v, "model"), MODEL_DEPTH);
    }
    r->model = buf_text(&m->model);
    const struct json *groups = json_get(v, "groups"), *stages = json_get(v, "stages"),
                      *prompts = json_get(v, "prompts");
    r->groups = items_for(m, groups, JSON_KIND_ARRAY, sizeof *r->groups, &r->n_groups);
    for (int i = 0; i < r->n_groups; i++) {
        const struct json *g = json_at(groups, (size_t)i);
        r->groups[i] = (struct event_group){text_of(g, "name"), count_of(g, "parameters")};
    }
    r->stages = items_for(m, stages, JSON_KIND_ARRAY, sizeof *r->stages, &r->n_stages);
    for (int i = 0; i < r->n_stages; i++) {
        const struct json *s = json_at(stages, (size_t)i);
        r->stages[i] = (struct event_plan){text_of(s, "name"), whole_of(s, "steps")};
    }
    r->prompts = items_for(m, prompts, JSON_KIND_ARRAY, sizeof *r->prompts, &r->n_prompts);
    for (int i = 0; i < r->n_prompts; i++)
        r->prompts[i] = json_str(json_at(prompts, (size_t)i), "");
}

static void parse_stage(const struct json *v, struct event_memory *m, struct event_stage *s) {
    s->index = int_of(v, "index", 0);
    s->name = text_of(v, "name");
    s->finished = word_is(v, "state", "finished");
    s->steps = whole_of(v, "steps");
    const struct json *data = json_get(v, "data");
    s->data = items_for(m, data, JSON_KIND_ARRAY, sizeof *s->data, &s->n_data);
    for (int i = 0; i < s->n_data; i++) {
        const struct json *d = json_at(data, (size_t)i);
        s->data[i] = (struct event_source){text_of(d, "source"), count_of(d, "tokens"),
                                           count_of(d, "lines")};
    }
}

static void parse_layers(const struct json *v, struct event_memory *m, struct event_layers *l) {
    const struct json *groups = json_get(v, "groups");
    l->groups = items_for(m, groups, JSON_KIND_OBJECT, sizeof *l->groups, &l->n_groups);
    const void *it = l->n_groups ? json_first(groups) : NULL;
    for (int i = 0; it; i++, it = json_next(groups, it)) {
        const struct json *g = json_value(it);
        l->groups[i] = (struct event_layer){
            .name = json_key(it),
            .frozen = word_is(g, "state", "frozen"),
            .proven = json_bool(json_get(g, "same_bytes"), false),
            .grad_norm = real_of(g, "grad_norm"),
            .update = real_of(g, "update"),
            .from_base = real_of(g, "from_base"),
            .predicted_s = real_of(g, "predicted_s"),
            .lr_scale = json_get(g, "lr_scale") ? real_of(g, "lr_scale") : 0,
            .thaws_at = whole_of(g, "thaws_at"),
        };
    }
    l->step_s = real_of(v, "step_s");
}

static struct event_score score_of(const struct json *v) {
    return (struct event_score){.loss = real_of(v, "loss"),
                                .bits_per_byte = real_of(v, "bits_per_byte"),
                                .perplexity = real_of(v, "perplexity"),
                                .accuracy = real_of(v, "accuracy")};
}

static void parse_eval(const struct json *v, struct event_memory *m, struct event_eval *e) {
    const struct json *sets = json_get(v, "sets");
    e->sets = items_for(m, sets, JSON_KIND_OBJECT, sizeof *e->sets, &e->n_sets);
    const void *it = e->n_sets ? json_first(sets) : NULL;
    for (int i = 0; it; i++, it = json_next(sets, it)) {
        const struct json *set = json_value(it), *base = json_get(set, "base");
        e->sets[i] = (struct event_set){.name = json_key(it),
                                        .tuned = score_of(json_get(set, "tuned")),
                                        .base = score_of(base),
                                        .has_base = json_kind(base) == JSON_KIND_OBJECT};
    }
}

static struct event_top *top_of(const struct json *v, struct event_memory *m, int *n) {
    struct event_top *top = items_for(m, v, JSON_KIND_ARRAY, sizeof *top, n);
    for (int i = 0; i < *n; i++) {
        const struct json *t = json_at(v, (size_t)i);
        top[i] = (struct event_top){text_of(t, "text"), real_of(t, "logprob")};
    }
    return top;
}

static void parse_sample(const struct json *v, struct event_memory *m, struct event_sample *s) {
    s->prompt = text_of(v, "prompt");
    s->side = text_of(v, "side");
    s->weights = text_of(v, "weights");
    s->seed = count_of(v, "seed");
    s->temperature = real_of(v, "temperature");
    s->index = int_of(v, "index", -1);
    s->mean_gain = real_of(v, "mean_gain");
    s->kl = real_of(v, "kl");
    const struct json *tokens = json_get(v, "tokens");
    s->tokens = items_for(m, tokens, JSON_KIND_ARRAY, sizeof *s->tokens, &s->n_tokens);
    for (int i = 0; i < s->n_tokens; i++) {
        const struct json *t = json_at(tokens, (size_t)i);
        struct event_token *out = &s->tokens[i];
        *out = (struct event_token){.id = int_of(t, "id", 0),
                                    .text = text_of(t, "text"),
                                    .logprob = real_of(t, "logprob"),
                                    .gain = real_of(t, "gain"),
                                    .rank = int_of(t, "rank", 0),
                                    .base_rank = int_of(t, "base_rank", 0)};
        out->top = top_of(json_get(t, "top"), m, &out->n_top);
        out->base_top = top_of(json_get(t, "base_top"), m, &out->n_base_top);
    }
}

static void parse_step(const struct json *v, struct event_step *s) {
    const struct json *seconds = json_get(v, "seconds");
    *s = (struct event_step){.loss = real_of(v, "loss"),
                             .lr = real_of(v, "lr"),
                             .grad_norm = real_of(v, "grad_norm"),
                             .tokens_per_s = real_of(v, "tokens_per_s"),
                             .tokens = whole_of(v, "tokens"),
                             .forward = real_of(seconds, "forward"),
                             .backward = real_of(seconds, "backward"),
                             .update = real_of(seconds, "update"),
                             .total = real_of(seconds, "total")};
}

static void parse_freeze(const struct json *v, struct event_freeze *f) {
    *f = (struct event_freeze){.group = text_of(v, "group"),
                               .frozen = word_is(v, "state", "frozen"),
                               .by = text_of(v, "by"),
                               .predicted_s = real_of(v, "predicted_s"),
                               .measured_s = real_of(v, "measured_s")};
}

static void parse_ranks(const struct json *v, struct event_memory *m, struct event_ranks *r) {
    const struct json *ranks = json_get(v, "ranks");
    r->ranks = items_for(m, ranks, JSON_KIND_ARRAY, sizeof *r->ranks, &r->n_ranks);
    for (int i = 0; i < r->n_ranks; i++) {
        const struct json *rank = json_at(ranks, (size_t)i);
        r->ranks[i] = (struct event_rank){real_of(rank, "compute"), real_of(rank, "waited")};
    }
}

static void parse_body(const struct json *v, struct event_memory *m, struct event *e) {
    switch (e->type) {
    case EVENT_RUN:
        parse_run(v, m, &e->run);
        break;
    case EVENT_STAGE:
        parse_stage(v, m, &e->stage);
        break;
    case EVENT_STEP:
        parse_step(v, &e->stp);
        break;
    case EVENT_LAYERS:
        parse_layers(v, m, &e->layers);
        break;
    case EVENT_EVAL:
        parse_eval(v, m, &e->eval);
        break;
    case EVENT_SAMPLE:
        parse_sample(v, m, &e->sample);
        break;
    case EVENT_FREEZE:
        parse_freeze(v, &e->freeze);
        break;
    case EVENT_CONTROL:
        e->control = (struct event_control){.verb = text_of(v, "do"),
                                            .argument = text_of(v, "argument"),
                                            .by = text_of(v, "by")};
        break;
    case EVENT_CHECKPOINT:
        e->checkpoint = (struct event_checkpoint){.path = text_of(v, "path"),
                                                  .bytes = count_of(v, "bytes"),
                                                  .seconds = real_of(v, "seconds")};
        break;
    case EVENT_PROBLEM:
        e->problem = (struct event_problem){.error = word_is(v, "severity", "error"),
                                            .text = text_of(v, "text")};
        break;
    case EVENT_PROGRESS:
        e->progress = (struct event_progress){.what = text_of(v, "what"),
                                              .done = real_of(v, "done"),
                                              .total = real_of(v, "total")};
        break;
    case EVENT_RANKS:
        parse_ranks(v, m, &e->ranks);
        break;
    case EVENT_END:
        e->end.reason = text_of(v, "reason");
        break;
    case EVENT_OTHER:
    case EVENT_TYPES:
        break;
    }
}

/* --- lines */

static bool skip(const char **at, const char *end, const char *text) {
    size_t n = strlen(text);
    if ((size_t)(end - *at) < n || memcmp(*at, text, n) != 0) return false;
    *at += n;
    return true;
}

static size_t scan_real(const char *s, size_t n, double *x) {
    *x = (double)NAN;
    return n >= 4 && memcmp(s, "null", 4) == 0 ? 4 : number_scan(s, n, x);
}

bool event_parse_step(const char *line, size_t n, struct event *out) {
    const char *at = line, *end = line + n;
    struct event e = {.type = EVENT_STEP};
    for (int i = 0; i < STEP_PIECES; i++) {
        const struct step_piece *p = &step_pieces[i];
        void *field = (char *)&e + p->offset;
        if (!skip(&at, end, p->before)) return false;
        size_t used = p->whole ? number_scan_whole(at, (size_t)(end - at), field)
                               : scan_real(at, (size_t)(end - at), field);
        if (used == 0) return false;
        at += used;
    }
    if (!skip(&at, end, step_close) || isnan(e.t)) return false;
    skip(&at, end, "\n");
    if (at != end) return false;
    *out = e;
    return true;
}

static enum event_type type_of(const char *word) {
    for (int i = EVENT_OTHER + 1; i < EVENT_TYPES; i++)
        if (strcmp(word, event_words[i]) == 0) return (enum event_type)i;
    return EVENT_OTHER;
}

bool event_parse(const char *line, size_t n, struct event *out, struct err *err) {
    *out = (struct event){0};
    if (event_parse_step(line, n, out)) return true;
    if (n > LINE_BYTES_MAX) return err_set(err, ERR_PARSE, "the line is too long for an event");
    struct event_memory *m = event_memory_create();
    if (!m) return err_set(err, ERR_NOMEM, "not enough memory to read an event");
    m->tree = json_parse(line, n, err);
    const struct json *type = json_get(m->tree, "type");
    if (json_kind(type) != JSON_KIND_STRING) {
        if (m->tree) err_set(err, ERR_PARSE, "no event: an object with a \"type\" is expected");
        event_memory_destroy(m);
        return false;
    }
    struct event e = {.seq = whole_of(m->tree, "seq"),
                      .step = whole_of(m->tree, "step"),
                      .t = json_number(json_get(m->tree, "t"), 0),
                      .type = type_of(json_str(type, "")),
                      .memory = m};
    parse_body(m->tree, m, &e);
    *out = e;
    return true;
}
