#include "ui/wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wishes_init(struct wishes *w) { *w = (struct wishes){.next_id = 1}; }

/* --- sets of groups */

static bool has(const struct group_set *s, int g) { return s->bits[g / 64] >> (g % 64) & 1; }
static void put(struct group_set *s, int g) { s->bits[g / 64] |= (uint64_t)1 << (g % 64); }

void group_set_add(struct group_set *s, const struct history *h, int group) {
    if (h->groups[group].n_parts == 0) put(s, group);
    else
        for (int i = group + 1; i < h->n_groups; i++)
            if (h->groups[i].parent == group) put(s, i);
}

/* Whether all of a group is in the set. */
static bool has_whole(const struct group_set *s, const struct history *h, int group) {
    if (h->groups[group].n_parts == 0) return has(s, group);
    for (int i = group + 1; i < h->n_groups; i++)
        if (h->groups[i].parent == group && !has(s, i)) return false;
    return true;
}

/* The number of "block.N", -1 for other names. */
static long block_number(const struct history_group *g) {
    if (g->parent >= 0 || strncmp(g->name, "block.", 6) != 0) return -1;
    char *end;
    long n = strtol(g->name + 6, &end, 10);
    return *end || end == g->name + 6 ? -1 : n;
}

static int next_root(const struct history *h, int g) {
    do g++;
    while (g < h->n_groups && h->groups[g].parent >= 0);
    return g;
}

/* The last root of the run of whole consecutive blocks that begins at g. */
static int last_of_range(const struct group_set *s, const struct history *h, int g) {
    for (;;) {
        int next = next_root(h, g);
        if (next >= h->n_groups ||
            block_number(&h->groups[next]) != block_number(&h->groups[g]) + 1 ||
            !has_whole(s, h, next))
            return g;
        g = next;
    }
}

void group_set_text(const struct group_set *s, const struct history *h, int *from, char *out,
                    size_t size) {
    size_t used = 0;
    out[0] = '\0';
    while (*from < h->n_groups) {
        int g = *from, next = g + 1;
        char word[48] = "";
        const struct history_group *group = &h->groups[g];
        if (has_whole(s, h, g)) {
            long block = block_number(group);
            int last = block >= 0 ? last_of_range(s, h, g) : g;
            if (last > g)
                snprintf(word, sizeof word, "%ld-%ld", block, block_number(&h->groups[last]));
            else snprintf(word, sizeof word, "%s", group->name);
            if (group->parent < 0) next = next_root(h, last);
        }
        size_t n = strlen(word);
        if (n > 0) {
            if (used + n + 2 > size) return;
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "", word);
        }
        *from = next;
    }
}

/* --- asking */

bool wishes_ask_command(struct wishes *w, const struct history *h, struct outbox *out,
                        const struct command *c) {
    if (out->n >= out->max || w->n_pending >= WISHES_PENDING) return false;
    struct pending *p = &w->pending[w->n_pending++];
    *p = (struct pending){.command = *c};
    p->command.id = w->next_id++;
    snprintf(p->command.by, sizeof p->command.by, "screen");
    out->commands[out->n++] = p->command;
    if (c->kind != COMMAND_FREEZE && c->kind != COMMAND_UNFREEZE) return true;
    bool take[HISTORY_GROUPS] = {false};
    p->freeze.frozen = c->kind == COMMAND_FREEZE;
    if (history_select(h, c->text, take))
        for (int g = 0; g < h->n_groups; g++)
            if (take[g]) put(&p->freeze.groups, g);
    return true;
}

bool wishes_ask(struct wishes *w, const struct history *h, struct outbox *out,
                enum command_kind kind, const char *text) {
    struct command c = {.kind = kind};
    snprintf(c.text, sizeof c.text, "%s", text ? text : "");
    return wishes_ask_command(w, h, out, &c);
}

/* What a part is, or will be when all that is asked has come true. */
static bool will_be_frozen(const struct wishes *w, const struct history *h, int part) {
    for (int i = w->n_pending - 1; i >= 0; i--)
        if (has(&w->pending[i].freeze.groups, part)) return w->pending[i].freeze.frozen;
    return h->groups[part].frozen;
}

bool wishes_queued(const struct wishes *w, const struct history *h, int group,
                   enum group_state *then) {
    struct group_set parts = {{0}};
    group_set_add(&parts, h, group);
    bool any = false, frozen = true, learns = true;
    for (int g = 0; g < h->n_groups; g++) {
        if (!has(&parts, g)) continue;
        bool will = will_be_frozen(w, h, g);
        any |= will != h->groups[g].frozen;
        frozen &= will;
        learns &= !will;
    }
    *then = frozen ? GROUP_FROZEN : learns ? GROUP_LEARNS : GROUP_PARTLY;
    return any;
}

static bool ask_freeze(struct wishes *w, const struct history *h, struct outbox *out,
                       const struct freeze_wish *f) {
    char text[sizeof((struct command *)0)->text];
    bool asked = false;
    for (int from = 0; from < h->n_groups;) {
        group_set_text(&f->groups, h, &from, text, sizeof text);
        if (!text[0]) break;
        if (!wishes_ask(w, h, out, f->frozen ? COMMAND_FREEZE : COMMAND_UNFREEZE, text)) break;
        asked = true;
    }
    return asked;
}

static void push(struct freeze_wish *stack, int *n, const struct freeze_wish *f) {
    if (*n == WISHES_UNDO) memmove(stack, stack + 1, (size_t)-- * n * sizeof *stack);
    stack[(*n)++] = *f;
}

bool wishes_freeze(struct wishes *w, const struct history *h, struct outbox *out,
                   const struct group_set *groups, bool frozen) {
    struct freeze_wish f = {.frozen = frozen};
    bool any = false;
    for (int g = 0; g < h->n_groups; g++) {
        if (!has(groups, g) || will_be_frozen(w, h, g) == frozen) continue;
        put(&f.groups, g);
        any = true;
    }
    if (!any || !ask_freeze(w, h, out, &f)) return false;
    push(w->undo, &w->n_undo, &f);
    w->n_redo = 0;
    return true;
}

bool wishes_undo(struct wishes *w, const struct history *h, struct outbox *out) {
    if (w->n_undo == 0) return false;
    struct freeze_wish f = w->undo[w->n_undo - 1], back = f;
    back.frozen = !f.frozen;
    if (!ask_freeze(w, h, out, &back)) return false;
    w->n_undo--;
    push(w->redo, &w->n_redo, &f);
    return true;
}

bool wishes_redo(struct wishes *w, const struct history *h, struct outbox *out) {
    if (w->n_redo == 0) return false;
    struct freeze_wish f = w->redo[w->n_redo - 1];
    if (!ask_freeze(w, h, out, &f)) return false;
    w->n_redo--;
    push(w->undo, &w->n_undo, &f);
    return true;
}

/* --- answers and facts */

static void drop(struct wishes *w, int i) {
    memmove(&w->pending[i], &w->pending[i + 1],
            (size_t)(--w->n_pending - i) * sizeof w->pending[0]);
}

static bool same_groups(const struct freeze_wish *a, const struct freeze_wish *b) {
    return memcmp(&a->groups, &b->groups, sizeof a->groups) == 0;
}

/* The engine refused: what was not done cannot be undone, what was not undone still can. */
static void take_back(struct wishes *w, const struct freeze_wish *refused) {
    for (int i = w->n_undo - 1; i >= 0; i--) {
        if (!same_groups(&w->undo[i], refused) || w->undo[i].frozen != refused->frozen)
            continue;
        memmove(&w->undo[i], &w->undo[i + 1], (size_t)(--w->n_undo - i) * sizeof w->undo[0]);
        return;
    }
    for (int i = w->n_redo - 1; i >= 0; i--) {
        if (!same_groups(&w->redo[i], refused) || w->redo[i].frozen == refused->frozen)
            continue;
        struct freeze_wish f = w->redo[i];
        memmove(&w->redo[i], &w->redo[i + 1], (size_t)(--w->n_redo - i) * sizeof w->redo[0]);
        push(w->undo, &w->n_undo, &f);
        return;
    }
}

bool wishes_answer(struct wishes *w, const struct answer *a, struct pending *p) {
    for (int i = 0; i < w->n_pending; i++) {
        if (w->pending[i].command.id != a->id) continue;
        w->pending[i].answered = true;
        w->pending[i].holds_from = a->step;
        *p = w->pending[i];
        bool freezes = p->command.kind == COMMAND_FREEZE || p->command.kind == COMMAND_UNFREEZE;
        if (!a->ok && freezes) take_back(w, &p->freeze);
        if (!a->ok || !freezes) drop(w, i);
        return true;
    }
    return false;
}

static bool fulfilled(const struct pending *p, const struct history *h) {
    for (int g = 0; g < h->n_groups; g++)
        if (has(&p->freeze.groups, g) && h->groups[g].frozen != p->freeze.frozen) return false;
    return true;
}

void wishes_settle(struct wishes *w, const struct history *h) {
    for (int i = 0; i < w->n_pending;) {
        const struct pending *p = &w->pending[i];
        bool freezes = p->command.kind == COMMAND_FREEZE || p->command.kind == COMMAND_UNFREEZE;
        bool over = p->answered && (fulfilled(p, h) || h->step > p->holds_from + 1);
        if (freezes && (over || h->state == RUN_ENDED)) drop(w, i);
        else i++;
    }
}
