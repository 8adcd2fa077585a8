#include "src/report/fold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/run/event_log.h"
#include "src/config_file.h"

/* ---- facts beside the history ---- */

static void keep_source(struct fold *f, struct fold_source *to,
                        const struct event_source *from) {
    free(to->text);
    *to = (struct fold_source){strdup(from->source), from->tokens, from->lines};
    f->failed |= to->text == NULL;
}

static void observe_stage(struct fold *f, const struct event_stage *s) {
    if (s->finished || s->index < 0 || s->index >= HISTORY_STAGES) return;
    for (int i = 0; i < s->n_data && i < 2; i++)
        keep_source(f, &f->sources[s->index][i], &s->data[i]);
}

/* Turns from this step on belong to steps that are made again. */
static void rewind_to(struct fold *f, int64_t step) {
    while (f->n_turns > 0 && f->turns[f->n_turns - 1].step > step) f->n_turns--;
}

static void observe_run(struct fold *f, const struct event *e) {
    const struct event_run *r = &e->run;
    struct model_config model;
    rewind_to(f, e->step + 1);
    if (model_config_parse(r->model, strlen(r->model), &model, NULL)) {
        f->model = model;
        f->has_model = true;
    }
    snprintf(f->beside, sizeof f->beside, "%s", r->beside ? r->beside : "");
}

static void add_turn(struct fold *f, struct fold_turn turn) {
    if (f->n_turns == f->turns_capacity) {
        int capacity = f->turns_capacity ? 2 * f->turns_capacity : 64;
        struct fold_turn *turns = realloc(f->turns, (size_t)capacity * sizeof *turns);
        f->failed |= turns == NULL;
        if (!turns) return;
        f->turns = turns;
        f->turns_capacity = capacity;
    }
    f->turns[f->n_turns++] = turn;
}

enum group_state fold_state(const struct fold *f, int group, int64_t step) {
    enum group_state state = GROUP_UNKNOWN;
    for (int i = 0; i < f->n_turns; i++)
        if (f->turns[i].group == group && f->turns[i].step <= step) state = f->turns[i].state;
    return state;
}

/* What a `freeze` or `layers` event has changed. newest[]: the state that each group was last
 * told to have; there are HISTORY_GROUPS at most. */
static void observe_plan(struct fold *f, int64_t step, enum group_state *newest) {
    const struct history *h = &f->history;
    for (int g = 0; g < h->n_groups; g++) {
        enum group_state state = history_group_state(h, g);
        if (h->groups[g].parent >= 0 || state == GROUP_UNKNOWN || state == newest[g]) continue;
        newest[g] = state;
        add_turn(f, (struct fold_turn){step, g, state});
    }
}

static void observe(struct fold *f, const struct event *e, enum group_state *newest) {
    bool had_groups = f->history.n_groups > 0;
    history_observe(&f->history, e);
    switch (e->type) {
    case EVENT_RUN:
        observe_run(f, e);
        for (int g = 0; g < HISTORY_GROUPS; g++)
            newest[g] = had_groups ? fold_state(f, g, e->step + 1) : GROUP_UNKNOWN;
        break;
    case EVENT_STAGE:
        observe_stage(f, &e->stage);
        break;
    case EVENT_LAYERS: /* of the steps up to this one; a plan of its own begins with the next */
    case EVENT_FREEZE:
        observe_plan(f, e->type == EVENT_FREEZE ? e->step : e->step + 1, newest);
        break;
    default:
        break;
    }
}

static bool read_log(struct fold *f, const char *path, struct err *err) {
    enum group_state newest[HISTORY_GROUPS] = {GROUP_UNKNOWN};
    struct event_reader *r = event_reader_open(path, err);
    struct event e;
    int got = r ? 1 : -1;
    while (got > 0 && !f->failed && !f->history.failed) {
        got = event_reader_next(r, &e, err);
        if (got > 0) observe(f, &e, newest);
    }
    event_reader_close(r);
    if (f->failed || f->history.failed)
        return err_set(err, ERR_NOMEM, "not enough memory for what %s tells", path);
    return got == 0;
}

/* ---- config, folder ---- */

/* Without it a page is still worth having: it then says that there is none. */
static void read_config(struct fold *f, const struct run_paths *run) {
    f->settings = malloc(sizeof *f->settings);
    bool ok =
        f->settings && files_read(run->config, CONFIG_BYTES_MAX, &f->config, NULL) &&
        config_parse(buf_text(&f->config), f->config.len, run->config, NULL, f->settings, NULL);
    if (ok) return;
    free(f->settings);
    f->settings = NULL;
}

bool fold_read(struct fold *f, const struct run_paths *run, struct err *err) {
    const char *slash = strrchr(run->dir, '/');
    struct stat st;
    *f = (struct fold){.name = ""};
    history_init(&f->history);
    snprintf(f->name, sizeof f->name, "%.255s", slash && slash[1] ? slash + 1 : run->dir);
    if (stat(run->events, &st) == 0)
        f->modified = (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec;
    bool ok = read_log(f, run->events, err);
    if (ok && !f->history.has_run)
        ok = err_set(err, ERR_RANGE, "%s has nothing to report yet: its log tells of no run",
                     f->name);
    if (ok) read_config(f, run);
    else fold_free(f);
    return ok;
}

void fold_free(struct fold *f) {
    for (int i = 0; i < HISTORY_STAGES; i++)
        for (int k = 0; k < 2; k++) free(f->sources[i][k].text);
    history_deinit(&f->history);
    free(f->turns);
    buf_deinit(&f->config);
    free(f->settings);
    *f = (struct fold){.name = ""};
}

/* ---- questions ---- */

int64_t fold_planned(const struct fold *f) {
    int64_t steps = 0;
    for (int i = 0; i < f->history.n_stages; i++) steps += f->history.stages[i].steps;
    return steps;
}

double fold_last_step(const struct fold *f) {
    return f->history.step > 0 ? (double)f->history.step : 1;
}

const char *fold_state_word(const struct fold *f) {
    const struct history *h = &f->history;
    if (h->state == RUN_ENDED) return h->end_reason;
    return h->state == RUN_PAUSED ? "paused" : "in training";
}

void fold_model_line(const struct fold *f, char *out, size_t size) {
    const struct model_config *c = &f->model;
    if (!f->has_model) snprintf(out, size, "not told");
    else
        snprintf(out, size,
                 "%s, %d blocks, width %d, %d heads, feed-forward %d, context %d, vocabulary "
                 "%d%s",
                 family_traits[c->family].word, c->layers, c->width, c->heads, c->ffn,
                 c->context, c->vocab, c->tied ? ", output tied to the embedding" : "");
}

double fold_perplexity(const struct event_score *s) {
    return isfinite(s->perplexity) ? s->perplexity : exp(s->loss);
}
