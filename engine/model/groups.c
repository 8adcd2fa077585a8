/* groups.c - groups of parameters by name: "embed,0-9,block.11.mlp", both ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/params.h"

/* ---- from text to a mask ---- */

struct word {
    const char *text;
    int n; /* bytes */
};

static bool equals(struct word w, const char *s) {
    return strlen(s) == (size_t)w.n && memcmp(s, w.text, (size_t)w.n) == 0;
}

/* The next word between commas, without spaces around it. False at the end of the text. */
static bool next_word(const char **text, struct word *out) {
    if (!**text) return false;
    const char *start = *text, *end = start + strcspn(start, ",");
    *text = *end ? end + 1 : end;
    while (start < end && *start == ' ') start++;
    while (end > start && end[-1] == ' ') end--;
    *out = (struct word){start, (int)(end - start)};
    return true;
}

/* A block's number at *s, at most `layers` (enough to see that it is too large). -1: no digit.
 */
static int read_number(const char **s, const char *end, int layers) {
    if (*s == end || **s < '0' || **s > '9') return -1;
    int n = 0;
    for (; *s < end && **s >= '0' && **s <= '9'; (*s)++)
        n = n * 10 + (**s - '0') < layers ? n * 10 + (**s - '0') : layers;
    return n;
}

/* "3", "0-9" or "block.3" as blocks first..last; false, and both -1, when it is no such thing.
 */
static bool read_range(struct word w, int layers, int *first, int *last) {
    static const char prefix[] = "block.";
    const char *s = w.text, *end = w.text + w.n;
    bool named = (size_t)w.n > strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
    if (named) s += strlen(prefix);
    int a = read_number(&s, end, layers), b = a;
    if (a >= 0 && !named && s < end && *s == '-') {
        s++;
        b = read_number(&s, end, layers);
    }
    bool range = s == end && a >= 0 && a <= b;
    *first = range ? a : -1;
    *last = range ? b : -1;
    return range;
}

static bool has_adapters(const struct param_table *t) { return t->config.adapter.rank > 0; }

/* Where there are adapters: "lora" stands for them all, "base" for all else. */
static bool select_side(const struct param_table *t, struct word w, bool *mask) {
    bool lora = equals(w, "lora");
    if (!has_adapters(t) || (!lora && !equals(w, "base"))) return false;
    for (int g = 0; mask && g < t->n_groups; g++) mask[g] |= t->lora[g] == lora;
    return true;
}

static bool unknown_word(const struct param_table *t, struct word w, struct err *err) {
    int last = t->config.layers - 1;
    return err_set(err, ERR_RANGE,
                   "no group \"%.*s\" in this model; there are embed, blocks 0-%d (\"%d\", "
                   "\"0-%d\", \"block.%d.attn\", \".mlp\", \".norm\"%s), norm%s, and all",
                   w.n < 60 ? w.n : 60, w.text, last, last, last, last,
                   has_adapters(t) ? ", \".lora\"; \"lora\", \"base\"" : "",
                   t->config.tied ? " (the head is tied to embed)" : ", head");
}

/* One word; mask NULL only checks. */
static bool select_word(const struct param_table *t, struct word w, bool *mask,
                        struct err *err) {
    int first, last; /* -1: no range, and no block has that number */
    bool all = equals(w, "all"), known = all;
    if (select_side(t, w, mask)) return true;
    if (read_range(w, t->config.layers, &first, &last) && last >= t->config.layers)
        return unknown_word(t, w, err);
    for (int g = 0; g < t->n_groups; g++) {
        const struct group *group = &t->groups[g];
        bool named = all || equals(w, group->name) ||
                     (group->layer >= 0 && group->layer >= first && group->layer <= last);
        known = known || named;
        if (mask && named) mask[g] = true;
    }
    return known || unknown_word(t, w, err);
}

bool groups_select(const struct param_table *t, const char *text, bool *mask, struct err *err) {
    bool *passes[] = {NULL, mask}; /* check all words, then set: an error changes nothing */
    for (int pass = 0; pass < 2; pass++) {
        const char *rest = text + strspn(text, " ");
        struct word w;
        while (next_word(&rest, &w))
            if (!select_word(t, w, passes[pass], err)) return false;
    }
    return true;
}

int groups_find(const struct param_table *t, const char *name) {
    for (int g = 0; g < t->n_groups; g++)
        if (strcmp(t->groups[g].name, name) == 0) return g;
    return -1;
}

/* ---- from a mask to text ---- */

static void add_word(struct buf *out, size_t start, const char *word) {
    if (out->len > start) buf_str(out, ",");
    buf_str(out, word);
}

static void add_range(struct buf *out, size_t start, int first, int last) {
    char word[32];
    if (first == last) snprintf(word, sizeof word, "%d", first);
    else snprintf(word, sizeof word, "%d-%d", first, last);
    add_word(out, start, word);
}

void groups_format(const struct param_table *t, const bool *mask, struct buf *out) {
    size_t start = out->len; /* what was there before is not ours to put a comma behind */
    bool all = true, base = has_adapters(t), lora = base;
    for (int g = 0; g < t->n_groups; g++) {
        all = all && mask[g];
        base = base && mask[g] == t->own[g];
        lora = lora && mask[g] == t->lora[g];
    }
    if (all || base || lora) {
        buf_str(out, all ? "all" : base ? "base" : "lora");
        return;
    }
    int range = -1; /* first block of the run of whole blocks that is open */
    for (int g = 0; g < t->n_groups;) {
        int layer = t->groups[g].layer, end = g + 1, set = mask[g];
        while (layer >= 0 && end < t->n_groups && t->groups[end].layer == layer)
            set += mask[end++];
        bool whole = layer >= 0 && set == end - g;
        if (whole && range < 0) range = layer;
        if (!whole && range >= 0) {
            add_range(out, start, range, t->groups[g - 1].layer);
            range = -1;
        }
        for (int i = g; !whole && i < end; i++)
            if (mask[i]) add_word(out, start, t->groups[i].name);
        g = end;
    }
}

/* ---- all names ---- */

struct named_group *groups_named(const struct param_table *t, int *n, struct err *err) {
    struct named_group *all = calloc(2 * (size_t)t->n_groups, sizeof *all);
    *n = 0;
    if (!all) err_set(err, ERR_NOMEM, "not enough memory to name %d groups", t->n_groups);
    for (int g = 0; all && g < t->n_groups; g++) {
        int layer = t->groups[g].layer, last = g;
        bool block =
            layer >= 0 && t->groups[g - 1].layer != layer; /* embed stands before all */
        while (block && t->groups[last + 1].layer == layer) last++; /* norm stands behind all */
        if (block) {
            all[*n] = (struct named_group){.first = g, .last = last};
            snprintf(all[(*n)++].name, GROUP_NAME_MAX, "block.%d", layer);
        }
        all[*n] = (struct named_group){.first = g, .last = g};
        snprintf(all[(*n)++].name, GROUP_NAME_MAX, "%s", t->groups[g].name);
    }
    return all;
}
