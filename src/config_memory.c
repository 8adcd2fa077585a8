#include "src/config_memory.h"

#include <stdlib.h>
#include <string.h>

#include "engine/run/third.h"

/* A model's table and what is asked about it. */
struct planned {
    struct param_table table;
    enum narrow_kind *kind;
    struct memory_ask ask;
};

static double mib(uint64_t bytes) { return (double)bytes / 1048576.0; }

static void put_table(const struct settings *s, const struct memory_needs *n,
                      uint64_t available, struct buf *out) {
    static const char *const heads[] = {"weights",     "gradients", "moments", "base",
                                        "activations", "other",     "in all"};
    enum { COLUMNS = sizeof heads / sizeof *heads, NAME = 12, NUMBER = 9 };
    int width[COLUMNS];
    buf_printf(out, "memory by stage, in MiB; %.0f are available\n%-*s", mib(available), NAME,
               "");
    for (int i = 0; i < COLUMNS; i++) {
        width[i] = strlen(heads[i]) < NUMBER ? NUMBER : (int)strlen(heads[i]);
        buf_printf(out, " %*s", width[i], heads[i]);
    }
    for (int i = 0; i < n->n; i++) {
        const struct memory_stage *t = &n->stages[i];
        const uint64_t row[COLUMNS] = {n->weights,     t->gradients, t->moments, t->base,
                                       t->activations, n->beside,    t->total};
        buf_printf(out, "\n%-*.*s", NAME, NAME, s->stages[i].name);
        for (int c = 0; c < COLUMNS; c++) buf_printf(out, " %*.1f", width[c], mib(row[c]));
    }
    buf_str(out, "\n");
}

/* As the engine will ask, with its threads. */
static bool plan(const struct settings *s, int threads, struct planned *p, struct err *err) {
    struct model_config c;
    struct third_memory third = {0};
    if (!memory_shape(s, s->model.from, &c, err) || !param_table_create(&c, &p->table, err))
        return false;
    int time = s->model.context < c.context ? s->model.context : c.context;
    p->kind = calloc((size_t)p->table.n_groups, sizeof *p->kind);
    if (!p->kind) return err_set(err, ERR_NOMEM, "no memory to plan the memory");
    p->ask = memory_ask(s, &p->table, time, threads);
    p->ask.kind = p->kind;
    if (s->compare.third[0] &&
        third_plan(s->compare.third, s->compare.prompts.n, time, threads, &third, NULL))
        p->ask.beside += third.weights + third.work;
    return memory_kinds(&p->ask, s->model.from, p->kind, err);
}

bool config_memory(const struct settings *s, uint64_t available, struct buf *out,
                   struct err *err) {
    struct planned p = {.kind = NULL};
    struct memory_needs needs;
    struct pool *pool = pool_create(s->threads, err); /* tells how many 0 stands for */
    int threads = pool_threads(pool);
    pool_destroy(pool);
    bool ok = pool && plan(s, threads, &p, err) && memory_needs(&p.ask, &needs, err);
    size_t before = out->len;
    if (ok) put_table(s, &needs, available, out);
    bool room = ok && needs.stages[needs.n - 1].total <= available;
    ok = ok && memory_fits(&p.ask, available, err);
    if (room && !ok)
        out->len = before; /* memory for the planning was missing: no more to tell */
    free(p.kind);
    param_table_destroy(&p.table);
    return ok;
}
