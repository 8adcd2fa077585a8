/* event_samples.h - an event of every type, with text in it that has to be escaped. */
#ifndef THAW_TESTS_RUN_EVENT_SAMPLES_H
#define THAW_TESTS_RUN_EVENT_SAMPLES_H
#include <math.h>

#include "engine/run/event.h"

/* Fill out[0..EVENT_TYPES - 1) with the types from EVENT_RUN to EVENT_END; what they point into
 * lives for ever. */
static inline void sample_events(struct event out[EVENT_TYPES - 1]) {
    static struct event_group groups[] = {{"embed", 786432}, {"block.0.attn", 147456}};
    static struct event_plan plans[] = {{"pretrain", 3000}, {"finetune", 600}};
    static const char *prompts[] = {"fever :", "say \"\xc3\xa9\" \\ \n"};
    static struct event_source sources[] = {{"wordnet:general", 1200000, 81000},
                                            {"text:/tmp/a b", 0, 0}};
    static struct event_layer layers[] = {
        {"embed", true, true, 0, 0, 0, 1.125, 0, 0},
        {"block.0.mlp", false, false, 0.25, 0.0009765625, 0.0625, (double)NAN, 0.625, 0},
        {"block.1", true, false, 0, 0, 0, (double)NAN, (double)NAN, 1251}};
    static struct event_set sets[] = {
        {"general", {3.5, 1.75, 33.125, (double)NAN}, {2.5, 1.5, 12.25, (double)NAN}, true},
        {"domain", {4.5, 1.875, 90, 0.5}, {0, 0, 0, 0}, false}};
    static struct event_top top[] = {{" a", -0.5}, {"\x1b[2J", -1.5}};
    static struct event_top base_top[] = {{" house", -2.25}};
    static struct event_token tokens[] = {
        {263, " temper", -1.25, 2.5, 1, 1204, top, base_top, 2, 1},
        {11, "", -0.125, (double)NAN, 0, 0, NULL, NULL, 0, 0}};
    static struct event_rank ranks[] = {{1.25, 0.5}, {1.625, 0.125}};
    const double nan_now = (double)NAN;
    int i = 0;
    out[i++] =
        (struct event){.type = EVENT_RUN,
                       .run = {.name = "medical",
                               .version = "0.1.0",
                               .blas = "OpenBLAS SkylakeX",
                               .model = "{\"model_type\":\"qwen3\",\"rms_norm_eps\":1e-06,"
                                        "\"list\":[1,true,null,\"x\"]}",
                               .seed = 1337,
                               .memory_bytes = UINT64_C(3) << 32,
                               .threads = 2,
                               .beside = "medical-fork",
                               .groups = groups,
                               .n_groups = 2,
                               .stages = plans,
                               .n_stages = 2,
                               .prompts = prompts,
                               .n_prompts = 2}};
    out[i++] = (struct event){
        .type = EVENT_STAGE,
        .stage = {.index = 1, .name = "finetune", .steps = 600, .data = sources, .n_data = 2}};
    out[i++] = (struct event){.type = EVENT_STEP,
                              .stp = {.loss = 3.75,
                                      .lr = 0.001,
                                      .grad_norm = 0.5,
                                      .tokens = 4096,
                                      .tokens_per_s = 12345.5,
                                      .forward = 0.125,
                                      .backward = 0.25,
                                      .update = 0.03125,
                                      .total = 0.5}};
    out[i++] = (struct event){.type = EVENT_LAYERS,
                              .layers = {.groups = layers, .n_groups = 3, .step_s = 1.375}};
    out[i++] = (struct event){.type = EVENT_EVAL, .eval = {.sets = sets, .n_sets = 2}};
    out[i++] = (struct event){.type = EVENT_SAMPLE,
                              .sample = {.prompt = "fever :",
                                         .side = "tuned",
                                         .weights = "0123456789abcdef",
                                         .seed = 7,
                                         .temperature = 0.8,
                                         .index = 0,
                                         .tokens = tokens,
                                         .n_tokens = 2,
                                         .mean_gain = 1.5,
                                         .kl = nan_now}};
    out[i++] = (struct event){.type = EVENT_FREEZE,
                              .freeze = {"block.2", true, "screen", 1.125, nan_now}};
    out[i++] = (struct event){.type = EVENT_CONTROL, .control = {"lr", "0.0002", "send"}};
    out[i++] = (struct event){.type = EVENT_CHECKPOINT,
                              .checkpoint = {"checkpoints/step-200", 123456789, 0.75}};
    out[i++] =
        (struct event){.type = EVENT_PROBLEM, .problem = {true, "step 9: loss is not finite"}};
    out[i++] = (struct event){.type = EVENT_PROGRESS, .progress = {"tokenizer", 512, 4096}};
    out[i++] = (struct event){.type = EVENT_RANKS, .ranks = {ranks, 2}};
    out[i++] = (struct event){.type = EVENT_END, .end = {"finished"}};
    for (int k = 0; k < i; k++) {
        out[k].seq = k + 1;
        out[k].step = 370 + k;
        out[k].t = 0.5 * k;
    }
}
#endif
