/* idle.c - a run that has ended opens for looking closer: own prompts are answered from its
 * last checkpoint and its base; nothing trains, and nothing but the answers is written. */
#include <string.h>

#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "engine/formats/hf_model.h"
#include "engine/run/sample.h"
#include "engine/run/trainer.h"

/* How long nobody may be connected: before the first screen comes, and after the last has gone.
 */
static const double first_s = 30, alone_s = 0.3, look_s = 0.1;

/* A loaded model's weights as the trainer's own. */
static bool take_weights(struct trainer *t, const struct hf_model *m, struct weights *out,
                         struct err *err) {
    if (!weights_create(&t->table, out, err)) return false;
    if (!weights_copy(out, &m->weights))
        return err_set(err, ERR_PARSE, "base and checkpoint are not of the same shape");
    out->plain = weights_adapters_blank(out);
    return true;
}

/* The checkpoint's model tells the shape, and brings the tokenizer. */
static bool load_tuned(struct trainer *t, const char *folder, struct err *err) {
    struct hf_model m = {0};
    if (!hf_model_load(folder, &m, err)) return false;
    bool ok = param_table_create(&m.table.config, &t->table, err) &&
              take_weights(t, &m, &t->weights, err);
    int wanted = t->settings->model.context, reach = m.table.config.context;
    t->time = wanted < reach ? wanted : reach;
    t->tokenizer = m.tokenizer;
    m.tokenizer = NULL;
    hf_model_destroy(&m);
    return ok && (t->tokenizer || err_set(err, ERR_PARSE, "%s has no tokenizer", folder));
}

/* Without one, as before the last stage, the tuned model answers alone. */
static bool load_base(struct trainer *t, struct err *err) {
    struct hf_model m = {0};
    if (!files_is_dir(t->paths->base)) return true;
    if (!hf_model_load(t->paths->base, &m, err)) return false;
    t->has_base = take_weights(t, &m, &t->base, err);
    hf_model_destroy(&m);
    return t->has_base;
}

bool trainer_create_idle(struct trainer *t, const struct trainer_plan *plan, struct err *err) {
    *t = (struct trainer){.settings = plan->settings,
                          .paths = plan->paths,
                          .log = plan->log,
                          .control = plan->control,
                          .stop_signal = plan->stop_signal,
                          .scored_step = -1,
                          .idle = true};
    t->state.step = plan->resume_step;
    if ((t->ex.pool = pool_create(t->settings->threads, err)) &&
        load_tuned(t, plan->resume_from, err) && load_base(t, err)) {
        const struct transformer_plan forward = {.batch = 1, .time = t->time};
        t->transformer = transformer_create(&t->table, forward, &t->ex, err);
        if (t->transformer)
            t->decoder =
                decoder_create_short(&t->table, generate_together(1), t->time, &t->ex, err);
    }
    if (t->decoder) return true;
    trainer_destroy(t);
    return false;
}

void trainer_answer(struct trainer *t) {
    double heard = clock_now(), patience = first_s;
    while (!trainer_asked_to_stop(t) && clock_now() - heard < patience) {
        obey_waiting(t);
        if (control_clients(t->control) > 0) {
            heard = clock_now();
            patience = alone_s;
        }
        control_wait(t->control, look_s);
    }
}
