/* event_write.c - an event as one line of JSON. */
#include <math.h>
#include <string.h>

#include "engine/run/event.h"
#include "engine/run/event_parts.h"

enum {
    DIGITS = 9,        /* bring back any float32 exactly */
    TOKEN_BYTES = 160, /* of a line that a token without alternatives takes, generously */
    MODEL_DEPTH = 16
};

/* --- keys with their values */

/* Minus zero is written as 0: some readers would take "-0" for a whole number and lose its
 * sign. */
static void put_value(struct json_writer *w, double x) {
    json_put_number(w, x == 0 ? 0 : x, DIGITS);
}

static void put_real(struct json_writer *w, const char *key, double x) {
    json_put_key(w, key);
    put_value(w, x);
}

/* A number that most lines do not have: left out rather than null. */
static void put_known(struct json_writer *w, const char *key, double x) {
    if (isfinite(x)) put_real(w, key, x);
}

static void put_count(struct json_writer *w, const char *key, uint64_t x) {
    json_add_integer(w, key, x > INT64_MAX ? INT64_MAX : (int64_t)x);
}

static void put_text(struct json_writer *w, const char *key, const char *s) {
    json_add_string(w, key, s ? s : "");
}

/* --- types of events */

/* The text is parsed and written anew, so that the line stays one line and valid whatever it
 * is. */
static void put_model(struct json_writer *w, const char *text) {
    struct json *tree = text ? json_parse(text, strlen(text), NULL) : NULL;
    json_put_key(w, "model");
    event_put_tree(w, tree, MODEL_DEPTH);
    json_destroy(tree);
}

static void put_run(struct json_writer *w, const struct event_run *r) {
    put_text(w, "name", r->name);
    put_text(w, "version", r->version);
    put_text(w, "blas", r->blas);
    put_model(w, r->model);
    put_count(w, "seed", r->seed);
    put_count(w, "memory_bytes", r->memory_bytes);
    json_add_integer(w, "threads", r->threads);
    if (r->beside && r->beside[0]) put_text(w, "beside", r->beside);
    json_add_open(w, "groups", '[');
    for (int i = 0; i < r->n_groups; i++) {
        json_open(w, '{');
        put_text(w, "name", r->groups[i].name);
        put_count(w, "parameters", r->groups[i].parameters);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_add_open(w, "stages", '[');
    for (int i = 0; i < r->n_stages; i++) {
        json_open(w, '{');
        put_text(w, "name", r->stages[i].name);
        json_add_integer(w, "steps", r->stages[i].steps);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_add_open(w, "prompts", '[');
    for (int i = 0; i < r->n_prompts; i++)
        json_put_string(w, r->prompts[i] ? r->prompts[i] : "");
    json_close(w, ']');
}

static void put_stage(struct json_writer *w, const struct event_stage *s) {
    json_add_integer(w, "index", s->index);
    put_text(w, "name", s->name);
    put_text(w, "state", s->finished ? "finished" : "started");
    json_add_integer(w, "steps", s->steps);
    json_add_open(w, "data", '[');
    for (int i = 0; i < s->n_data; i++) {
        json_open(w, '{');
        put_text(w, "source", s->data[i].source);
        put_count(w, "tokens", s->data[i].tokens);
        put_count(w, "lines", s->data[i].lines);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_layers(struct json_writer *w, const struct event_layers *l) {
    json_add_open(w, "groups", '{');
    for (int i = 0; i < l->n_groups; i++) {
        const struct event_layer *g = &l->groups[i];
        json_add_open(w, g->name ? g->name : "", '{');
        put_text(w, "state", g->frozen ? "frozen" : "learn");
        if (g->proven) {
            json_add_bool(w, "same_bytes", true);
        }
        put_real(w, "grad_norm", g->grad_norm);
        put_real(w, "update", g->update);
        put_real(w, "from_base", g->from_base);
        put_known(w, "predicted_s", g->predicted_s);
        if (g->lr_scale != 0) put_real(w, "lr_scale", g->lr_scale);
        if (g->thaws_at > 0) json_add_integer(w, "thaws_at", g->thaws_at);
        json_close(w, '}');
    }
    json_close(w, '}');
    put_real(w, "step_s", l->step_s);
}

static void put_score(struct json_writer *w, const char *key, const struct event_score *s) {
    json_add_open(w, key, '{');
    put_real(w, "loss", s->loss);
    put_real(w, "bits_per_byte", s->bits_per_byte);
    put_real(w, "perplexity", s->perplexity);
    put_known(w, "accuracy", s->accuracy);
    json_close(w, '}');
}

static void put_eval(struct json_writer *w, const struct event_eval *e) {
    json_add_open(w, "sets", '{');
    for (int i = 0; i < e->n_sets; i++) {
        const struct event_set *s = &e->sets[i];
        json_add_open(w, s->name ? s->name : "", '{');
        put_score(w, "tuned", &s->tuned);
        if (s->has_base) put_score(w, "base", &s->base);
        json_close(w, '}');
    }
    json_close(w, '}');
}

static void put_top(struct json_writer *w, const char *key, const struct event_top *top,
                    int n) {
    if (n == 0) return;
    json_add_open(w, key, '[');
    for (int i = 0; i < n; i++) {
        json_open(w, '{');
        put_text(w, "text", top[i].text);
        put_real(w, "logprob", top[i].logprob);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_token(struct json_writer *w, const struct event_token *t, bool with_top) {
    json_open(w, '{');
    json_add_integer(w, "id", t->id);
    put_text(w, "text", t->text);
    put_real(w, "logprob", t->logprob);
    put_known(w, "gain", t->gain);
    if (t->rank > 0) json_add_integer(w, "rank", t->rank);
    if (t->base_rank > 0) json_add_integer(w, "base_rank", t->base_rank);
    if (with_top) {
        put_top(w, "top", t->top, t->n_top);
        put_top(w, "base_top", t->base_top, t->n_base_top);
    }
    json_close(w, '}');
}

static void put_sample(struct json_writer *w, const struct event_sample *s, size_t line_start) {
    put_text(w, "prompt", s->prompt);
    put_text(w, "side", s->side);
    put_text(w, "weights", s->weights);
    put_count(w, "seed", s->seed);
    put_real(w, "temperature", s->temperature);
    json_add_integer(w, "index", s->index);
    put_real(w, "mean_gain", s->mean_gain);
    put_real(w, "kl", s->kl);
    json_add_open(w, "tokens", '[');
    size_t widest = 0; /* bytes of the longest token so far */
    for (int i = 0; i < s->n_tokens; i++) {
        size_t before = w->out->len, left = (size_t)(s->n_tokens - i - 1) * TOKEN_BYTES;
        put_token(w, &s->tokens[i], before - line_start + left + widest < EVENT_LINE_BYTES);
        if (w->out->len - before > widest) widest = w->out->len - before;
    }
    json_close(w, ']');
}

static void put_freeze(struct json_writer *w, const struct event_freeze *f) {
    put_text(w, "group", f->group);
    put_text(w, "state", f->frozen ? "frozen" : "learn");
    put_text(w, "by", f->by);
    put_real(w, "predicted_s", f->predicted_s);
    put_real(w, "measured_s", f->measured_s);
}

static void put_control(struct json_writer *w, const struct event_control *c) {
    put_text(w, "do", c->verb);
    put_text(w, "argument", c->argument);
    put_text(w, "by", c->by);
}

static void put_ranks(struct json_writer *w, const struct event_ranks *r) {
    json_add_open(w, "ranks", '[');
    for (int i = 0; i < r->n_ranks; i++) {
        json_open(w, '{');
        put_real(w, "compute", r->ranks[i].compute);
        put_real(w, "waited", r->ranks[i].waited);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_body(struct json_writer *w, const struct event *e, size_t line_start) {
    switch (e->type) {
    case EVENT_RUN:
        put_run(w, &e->run);
        break;
    case EVENT_STAGE:
        put_stage(w, &e->stage);
        break;
    case EVENT_LAYERS:
        put_layers(w, &e->layers);
        break;
    case EVENT_EVAL:
        put_eval(w, &e->eval);
        break;
    case EVENT_SAMPLE:
        put_sample(w, &e->sample, line_start);
        break;
    case EVENT_FREEZE:
        put_freeze(w, &e->freeze);
        break;
    case EVENT_CONTROL:
        put_control(w, &e->control);
        break;
    case EVENT_CHECKPOINT:
        put_text(w, "path", e->checkpoint.path);
        put_count(w, "bytes", e->checkpoint.bytes);
        put_real(w, "seconds", e->checkpoint.seconds);
        break;
    case EVENT_PROBLEM:
        put_text(w, "severity", e->problem.error ? "error" : "warning");
        put_text(w, "text", e->problem.text);
        break;
    case EVENT_PROGRESS:
        put_text(w, "what", e->progress.what);
        put_real(w, "done", e->progress.done);
        put_real(w, "total", e->progress.total);
        break;
    case EVENT_RANKS:
        put_ranks(w, &e->ranks);
        break;
    case EVENT_END:
        put_text(w, "reason", e->end.reason);
        break;
    case EVENT_OTHER:
    case EVENT_STEP:
    case EVENT_TYPES:
        break;
    }
}

static void write_step(const struct event *e, struct buf *out) {
    for (int i = 0; i < STEP_PIECES; i++) {
        const struct step_piece *p = &step_pieces[i];
        const void *field = (const char *)e + p->offset;
        struct json_writer w = json_writer_make(out); /* the pieces bring their own commas */
        buf_str(out, p->before);
        if (p->whole) json_put_integer(&w, *(const int64_t *)field);
        else put_value(&w, *(const double *)field);
    }
    buf_str(out, step_close);
}

void event_write(const struct event *e, struct buf *out) {
    if (e->type == EVENT_STEP) {
        write_step(e, out);
    } else {
        size_t line_start = out->len;
        struct json_writer w = json_writer_make(out);
        json_open(&w, '{');
        json_add_integer(&w, "seq", e->seq);
        put_real(&w, "t", e->t);
        json_add_integer(&w, "step", e->step);
        put_text(&w, "type", event_words[e->type]);
        put_body(&w, e, line_start);
        json_close(&w, '}');
    }
    buf_add(out, "\n", 1);
}
