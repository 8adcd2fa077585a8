/* history_facts.c - questions to the fold: sums, states, what is left. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ui/history.h"

int history_find_group(const struct history *h, const char *name) {
    for (int i = 0; i < h->n_groups; i++)
        if (strcmp(h->groups[i].name, name) == 0) return i;
    return -1;
}

enum group_state history_group_state(const struct history *h, int group) {
    const struct history_group *g = &h->groups[group];
    if (g->n_parts == 0)
        return !g->known ? GROUP_UNKNOWN : g->frozen ? GROUP_FROZEN : GROUP_LEARNS;
    int known = 0, frozen = 0;
    for (int i = group + 1; i < h->n_groups; i++) {
        if (h->groups[i].parent != group) continue;
        known += h->groups[i].known;
        frozen += h->groups[i].known && h->groups[i].frozen;
    }
    if (known == 0) return !g->known ? GROUP_UNKNOWN : g->frozen ? GROUP_FROZEN : GROUP_LEARNS;
    return frozen == 0 ? GROUP_LEARNS : frozen == g->n_parts ? GROUP_FROZEN : GROUP_PARTLY;
}

int history_roots(const struct history *h, int *learning) {
    int n = 0;
    *learning = 0;
    for (int i = 0; i < h->n_groups; i++) {
        if (h->groups[i].parent >= 0) continue;
        enum group_state state = history_group_state(h, i);
        *learning += state == GROUP_LEARNS || state == GROUP_PARTLY;
        n++;
    }
    return n;
}

static void take_group(const struct history *h, int group, bool *take) {
    if (h->groups[group].n_parts == 0) take[group] = true;
    for (int i = group + 1; i < h->n_groups && h->groups[group].n_parts > 0; i++)
        if (h->groups[i].parent == group) take[i] = true;
}

/* "3" or "0-3": numbers of blocks. */
static bool take_blocks(const struct history *h, const char *word, size_t n, bool *take) {
    char name[32], *end;
    if (n >= sizeof name) return false;
    memcpy(name, word, n);
    name[n] = '\0';
    if (name[0] < '0' || name[0] > '9') return false;
    long from = strtol(name, &end, 10), to = from;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') to = strtol(end + 1, &end, 10);
    if (*end) return false;
    bool any = false;
    for (int i = 0; i < h->n_groups; i++) {
        const struct history_group *g = &h->groups[i];
        if (g->parent >= 0 || strncmp(g->name, "block.", 6) != 0) continue;
        long block = strtol(g->name + 6, NULL, 10);
        if (block < from || block > to) continue;
        take_group(h, i, take);
        any = true;
    }
    return any;
}

/* "lora" and "base" where there are adapters: groups that end in ".lora", and all others. */
static bool take_side(const struct history *h, const char *word, size_t n, bool *take) {
    bool lora = n == 4 && strncmp(word, "lora", 4) == 0, any = false;
    if (!lora && !(n == 4 && strncmp(word, "base", 4) == 0)) return false;
    for (int i = 0; i < h->n_groups; i++) {
        const char *part = strrchr(h->groups[i].name, '.');
        bool is_lora = part && strcmp(part, ".lora") == 0;
        any |= is_lora;
        take[i] |= h->groups[i].n_parts == 0 && is_lora == lora;
    }
    return any;
}

static bool take_word(const struct history *h, const char *word, size_t n, bool *take) {
    bool all = n == 3 && strncmp(word, "all", 3) == 0;
    for (int i = 0; i < h->n_groups; i++) {
        const char *name = h->groups[i].name;
        bool named = strlen(name) == n && strncmp(name, word, n) == 0;
        if (named || (all && h->groups[i].parent < 0)) take_group(h, i, take);
        if (named) return true;
    }
    return all || take_blocks(h, word, n, take) || take_side(h, word, n, take);
}

bool history_select(const struct history *h, const char *text, bool *take) {
    while (*text) {
        size_t n = strcspn(text, ", ");
        if (n > 0 && !take_word(h, text, n, take)) return false;
        text += n;
        text += strspn(text, ", ");
    }
    return true;
}

double history_smooth(const struct history *h, int smoothing) {
    return h->train.n > 0 ? (double)h->smooth[smoothing][h->train.n - 1] : (double)NAN;
}

double history_pace(const struct history *h) {
    int n = h->n_pace < HISTORY_PACE ? h->n_pace : HISTORY_PACE;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += h->pace[i];
    return n > 0 ? sum / n : h->last.total;
}

double history_spent(const struct history *h, enum spent part) {
    int n = h->n_spent < HISTORY_SPENT ? h->n_spent : HISTORY_SPENT;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)h->spent[i][part];
    return n > 0 ? sum / n : (double)NAN;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double history_stage_speed(const struct history *h, int stage) {
    enum { MOST = 255 };
    float some[MOST];
    size_t n = 0, to = h->train.n;
    if (stage < 0) return NAN;
    double first = (double)h->stages[stage].first + 1;
    size_t from = series_find(&h->train, UNIT_STEPS, first);
    if (stage + 1 < h->n_stages && h->stages[stage + 1].first >= 0)
        to = series_find(&h->train, UNIT_STEPS, (double)h->stages[stage + 1].first + 1);
    size_t points = to > from ? to - from : 0, taken = points < MOST ? points : MOST;
    for (size_t i = 0; i < taken; i++) {
        float speed = h->speed.y[from + i * points / taken];
        if (isfinite(speed)) some[n++] = speed;
    }
    if (n == 0) return NAN;
    qsort(some, n, sizeof some[0], by_size);
    return (double)some[n / 2];
}

int64_t history_stage_step(const struct history *h) {
    if (h->stage < 0) return 0;
    int64_t done = h->step - h->stages[h->stage].first;
    return done > 0 ? done : 0;
}

int64_t history_left(const struct history *h, bool whole) {
    if (h->state == RUN_ENDED) return 0;
    int64_t left = 0;
    if (h->stage >= 0) {
        left = h->stages[h->stage].steps - history_stage_step(h);
        if (left < 0 || h->stages[h->stage].finished) left = 0;
    }
    for (int i = h->stage + 1; i < h->n_stages; i++)
        if (whole || h->stage < 0) left += h->stages[i].steps;
    return left;
}

int history_main_set(const struct history *h) {
    bool last_stage = h->stage >= 0 && h->stage == h->n_stages - 1;
    return last_stage ? h->n_sets - 1 : h->n_sets > 0 ? 0 : -1;
}

void history_now(const struct history *h, double x[UNIT_COUNT]) {
    for (int u = 0; u < UNIT_COUNT; u++)
        x[u] = h->train.n > 0 ? h->train.x[u][h->train.n - 1] : 0;
}
