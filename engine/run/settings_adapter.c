/* settings_adapter.c - the adapters that stages ask for, as the model has them. */
#include <string.h>

#include "engine/run/settings.h"

const struct stage_settings *settings_adapted_stage(const struct settings *s) {
    for (int i = 0; i < s->n_stages; i++)
        if (s->stages[i].adapter.rank > 0) return &s->stages[i];
    return NULL;
}

static bool read_targets(const struct model_config *c, const struct text_list *words,
                         uint8_t *out, struct err *err) {
    static const char *const usual[] = {"q", "v"};
    int n = words->n > 0 ? words->n : 2;
    *out = 0;
    for (int i = 0; i < n; i++) {
        uint8_t bits;
        if (!adapter_word(c, words->n > 0 ? words->text[i] : usual[i], &bits, err))
            return err_prefix(err, "adapter.targets");
        *out = (uint8_t)(*out | bits);
    }
    return true;
}

static bool read_blocks(const struct model_config *c, const struct text_list *ranges,
                        uint8_t targets, struct adapter *out, struct err *err) {
    for (int i = 0; i < ranges->n || i == 0; i++) {
        int first = 0, last = c->layers - 1;
        if (ranges->n > 0 && !adapter_blocks(c, ranges->text[i], &first, &last, err))
            return err_prefix(err, "adapter.blocks");
        memset(out->targets + first, targets, (size_t)(last - first) + 1);
    }
    return true;
}

/* A folder's own adapters go on learning where a stage asks for the same. */
static bool refuse_other(const struct model_config *has, const struct model_config *asked,
                         struct err *err) {
    struct buf own = {0}, wanted = {0};
    adapter_describe(has, &own);
    adapter_describe(asked, &wanted);
    err_set(
        err, ERR_RANGE,
        "the model has adapters already (%s), a stage asks for others (%s): ask for the same, "
        "or merge them first (thaw export --to hf --merge)",
        buf_text(&own), buf_text(&wanted));
    buf_deinit(&own);
    buf_deinit(&wanted);
    return false;
}

bool settings_adapter(const struct settings *s, struct model_config *c, struct err *err) {
    const struct stage_settings *st = settings_adapted_stage(s);
    struct model_config asked = *c;
    uint8_t targets;
    if (!st) return true;
    if (st->adapter.rank > c->width)
        return err_set(
            err, ERR_RANGE,
            "adapter.rank is %d, and the model is %d wide: an adapter is meant to be "
            "narrow; 4 to 64 are usual",
            st->adapter.rank, c->width);
    asked.adapter = (struct adapter){.rank = st->adapter.rank,
                                     .alpha = st->adapter.alpha,
                                     .dropout = st->adapter.dropout,
                                     .rs = st->adapter.rs};
    if (!read_targets(c, &st->adapter.targets, &targets, err) ||
        !read_blocks(c, &st->adapter.blocks, targets, &asked.adapter, err))
        return false;
    if (c->adapter.rank > 0 && !adapter_same(c, &asked)) return refuse_other(c, &asked, err);
    c->adapter = asked.adapter;
    return true;
}
