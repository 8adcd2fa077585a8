#include "ui/hostile_log.h"
#include "check.h"

#include <math.h>
#include <stdio.h>

void hostile_log_begin(struct hostile_log *l, void (*put_event)(void *context, struct event *e),
                       void *context) {
    *l = (struct hostile_log){.put = put_event, .context = context};
    hostile_make(&l->texts);
}

void hostile_log_deinit(struct hostile_log *l) { hostile_deinit(&l->texts); }

const char *hostile_log_text(struct hostile_log *l) {
    return hostile_text(&l->texts, l->next++);
}

static const char *take(struct hostile_log *l) { return hostile_log_text(l); }

static void put(struct hostile_log *l, struct event e) { l->put(l->context, &e); }

/* Keys of one object must differ, also where what is no UTF-8 was replaced. */
static void take_names(struct hostile_log *l) {
    for (int i = 0; i < HOSTILE_NAMES; i++)
        snprintf(l->names[i], HOSTILE_NAME_BYTES, "%d%s", i, take(l));
}

void hostile_log_plan(struct hostile_log *l) {
    take_names(l);
    struct event_group groups[] = {{l->names[0], 5}, {l->names[1], 7}, {l->names[2], 1}};
    struct event_plan stages[] = {{take(l), 10}, {take(l), 10}};
    const char *prompts[] = {take(l), take(l)};
    struct event_run run = {.name = take(l),
                            .version = take(l),
                            .blas = take(l),
                            .model = "{}",
                            .groups = groups,
                            .n_groups = 3,
                            .stages = stages,
                            .n_stages = 2,
                            .prompts = prompts,
                            .n_prompts = 2};
    struct event_source data = {take(l), 100, 10};
    put(l, (struct event){.type = EVENT_RUN, .run = run});
    put(l, (struct event){.type = EVENT_PROGRESS, .progress = {take(l), 1, 2}});
    put(l,
        (struct event){
            .type = EVENT_STAGE,
            .stage = {.index = 1, .name = take(l), .steps = 10, .data = &data, .n_data = 1}});
}

static void put_sample(struct hostile_log *l, int64_t step, int index, const char *side) {
    struct event_top top[] = {{take(l), -0.5}, {take(l), -1.5}};
    struct event_token tokens[4];
    for (int i = 0; i < 4; i++)
        tokens[i] = (struct event_token){.id = i,
                                         .text = take(l),
                                         .logprob = -1,
                                         .gain = 0.5,
                                         .rank = 1,
                                         .base_rank = 2,
                                         .top = top,
                                         .base_top = top,
                                         .n_top = 2,
                                         .n_base_top = 2};
    put(l, (struct event){.type = EVENT_SAMPLE,
                          .step = step,
                          .sample = {.prompt = take(l),
                                     .side = side,
                                     .weights = take(l),
                                     .index = index,
                                     .tokens = tokens,
                                     .n_tokens = 4,
                                     .mean_gain = 0.5,
                                     .kl = 0.1}});
}

void hostile_log_facts(struct hostile_log *l, int64_t step) {
    struct event_layer layers[3];
    struct event_score score = {2, 3, 4, 0.5};
    struct event_set sets[] = {{l->names[3], score, score, true},
                               {l->names[4], score, score, true}};
    for (int i = 0; i < 3; i++)
        layers[i] = (struct event_layer){l->names[i], i == 0, i == 0, 1, 0.1, 0.2, 0.3, 0.5, 7};
    for (int i = 1; i <= 3; i++)
        put(l, (struct event){.type = EVENT_STEP,
                              .step = step + i,
                              .stp = {.loss = 3.0 / i, .tokens = step + i}});
    step += 3;
    put(l, (struct event){.type = EVENT_LAYERS, .step = step, .layers = {layers, 3, 0.1}});
    put(l, (struct event){.type = EVENT_EVAL, .step = step, .eval = {sets, 2}});
    for (int i = 0; i < 2; i++) {
        put_sample(l, step, i, "base");
        put_sample(l, step, i, "tuned");
    }
    put(l, (struct event){.type = EVENT_FREEZE,
                          .step = step,
                          .freeze = {take(l), true, take(l), 1, (double)NAN}});
    put(l,
        (struct event){.type = EVENT_CHECKPOINT, .step = step, .checkpoint = {take(l), 9, 1}});
    put(l, (struct event){
               .type = EVENT_CONTROL, .step = step, .control = {take(l), take(l), take(l)}});
    put(l, (struct event){
               .type = EVENT_CONTROL, .step = step, .control = {"lr", take(l), take(l)}});
    put(l, (struct event){.type = EVENT_PROBLEM, .step = step, .problem = {true, take(l)}});
}
