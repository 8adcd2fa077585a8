/* test_together.c - runs of several processes, here as threads with a wire in memory: the
 * weights are to the bit those of one process with as many shards, whatever happens on the way.
 */
#include "dist/memory_wire.h"
#include "run/trainer_test.h"

enum { CREW_MAX = 4 };

/* One that follows. */
struct follower {
    struct desk desk;
    pthread_t thread;
    const char *other_text; /* read in the place of the first stage's; NULL: the same */
    bool ok;
    struct err err;
};

static void say_nothing(void *ctx, const struct event *e) { (void)ctx, (void)e; }

static bool follow(struct follower *f, struct ranks *r, struct settings *s) {
    char from[PATH_MAX] = "";
    int64_t step = 0;
    struct event_log log;
    struct trainer *t = malloc(sizeof *t);
    event_log_listen(&log, say_nothing, NULL);
    bool met = t && together_meet(r, s, from, &step, &f->err);
    if (f->other_text) put(s, "stages.0.data", f->other_text);
    struct trainer_plan plan = {
        .settings = s, .log = &log, .resume_from = from, .resume_step = step, .ranks = r};
    bool made = met && trainer_create(t, &plan, &f->err);
    bool ok = met && together_agree(r, t, made, &f->err) && trainer_follow(t, &f->err);
    if (made) trainer_destroy(t);
    free(t);
    return ok;
}

static void *live(void *ctx) {
    struct follower *f = ctx;
    const struct wire wire = {&memory_wire, &f->desk};
    struct settings *s = calloc(1, sizeof *s);
    struct ranks *r = ranks_join(&wire, &f->err);
    f->ok = s && r && follow(f, r, s);
    ranks_leave(r, true);
    free(s);
    return NULL;
}

static struct office *office;
static struct follower followers[CREW_MAX];
static struct desk leader;

static struct ranks *gather_crew(int count, const char *other_text) {
    const struct wire wire = {&memory_wire, &leader};
    struct err err = {0};
    office->count = count;
    leader = (struct desk){.office = office, .rank = 0};
    for (int i = 1; i < count; i++) {
        followers[i] = (struct follower){.desk = {.office = office, .rank = i}};
        if (i == count - 1) followers[i].other_text = other_text;
        assert_int_equal(pthread_create(&followers[i].thread, NULL, live, &followers[i]), 0);
    }
    struct ranks *r = ranks_join(&wire, &err);
    if (!r) fail_msg("%s", err.msg);
    return r;
}

/* Of shared moments each has its own part alone, however often they were saved. */
static void assert_only_own_moments(const struct trainer *t) {
    const struct optim_share *s = t->optim.share;
    size_t own = 0;
    for (int g = 0; s && g < t->table.n_groups; g++)
        for (size_t i = 0; i < t->table.groups[g].reals; i++) {
            if (i >= s->from[g] && i < s->to[g]) own += t->optim.m.group[g][i] != 0;
            else assert_true(t->optim.m.group[g][i] == 0 && t->optim.v.group[g][i] == 0);
        }
    assert_true(!s || own > 0);
}

static void dismiss_crew(struct ranks *r, int count) {
    for (int i = 1; i < count; i++) pthread_join(followers[i].thread, NULL);
    ranks_leave(r, true);
}

/* Obey, then train on to the end, `count` together. */
static void train_on(struct settings *s, const struct run_paths *paths, int count,
                     const struct command *c, size_t n) {
    struct session session;
    struct err err = {0};
    struct ranks *r = gather_crew(count, NULL);
    session_open(&session, s, paths);
    session.plan.ranks = r;
    must(together_meet(r, s, session.from, &session.plan.resume_step, &err), &err);
    bool made = trainer_create(session.t, &session.plan, &err);
    must(together_agree(r, session.t, made, &err), &err);
    if (n > 0) session_ask(&session, c, n);
    must(trainer_run(session.t, &err), &err);
    assert_only_own_moments(session.t);
    together_end(session.t);
    session_close(&session);
    dismiss_crew(r, count);
    for (int i = 1; i < count; i++)
        if (!followers[i].ok) fail_msg("rank %d: %s", i, followers[i].err.msg);
    assert_int_equal(office->n, 0); /* all that was sent was heard */
}

static struct run_paths train_together(struct settings *s, const char *name, int count,
                                       const struct command *c, size_t n) {
    struct run_paths paths;
    fresh_paths(name, &paths);
    train_on(s, &paths, count, c, n);
    return paths;
}

static struct settings *shared_settings(void) {
    struct settings *s = small_settings();
    put(s, "stages.0.batch", "8");
    put(s, "stages.1.batch", "8");
    put(s, "shards", "4");
    return s;
}

/* One, two and four processes, each with all moments and with a part of them; what is asked for
 * is asked of the first. */
static void check_all(struct settings *s, const char *name, const struct command *c, size_t n) {
    char word[64];
    struct run_paths one, p;
    snprintf(word, sizeof word, "%s-1", name);
    fresh_paths(word, &one);
    train_with(s, &one, c, n);
    for (int i = 1; i < 5; i++) {
        int count = i < 3 ? 2 : 4;
        put(s, "optimizer_state", i % 2 ? "whole" : "sharded");
        snprintf(word, sizeof word, "%s-%d-%d", name, count, i % 2);
        p = train_together(s, word, count, c, n);
        assert_same_state(&one, &p, 24);
    }
    put(s, "optimizer_state", "whole");
}

static void test_same_bits(void **state) {
    (void)state;
    struct settings *s = shared_settings();
    check_all(s, "plain", NULL, 0);
    put(s, "stages.0.optimizer.kind", "muon"); /* and AdamW after it */
    put(s, "stages.1.l2_sp", "0.5");
    put(s, "stages.1.thaw.every", "4");
    put(s, "recompute", "blocks");
    check_all(s, "plans", NULL, 0);
    free(s);
}

static void test_adapters(void **state) {
    (void)state;
    struct settings *s = shared_settings();
    put(s, "stages.1.adapter.rank", "3");
    put(s, "stages.1.adapter.dropout", "0.2");
    put(s, "stages.1.micro_batch", "1");
    s->stages[1].freeze.n = 0;
    check_all(s, "adapters", NULL, 0);
    free(s);
}

static void test_commands(void **state) {
    (void)state;
    static const struct command all[] = {
        {.kind = COMMAND_FREEZE, .text = "embed,1", .by = "test"},
        {.kind = COMMAND_LR, .number = 0.0005, .by = "test"},
        {.kind = COMMAND_EVAL, .by = "test"},
        {.kind = COMMAND_UNFREEZE, .text = "block.1.mlp", .by = "test"},
        {.kind = COMMAND_SAMPLE, .text = "river :", .by = "test"}};
    struct settings *s = shared_settings();
    check_all(s, "commands", all, sizeof all / sizeof *all);
    free(s);
}

/* Forget the checkpoints behind a step, as if the run had been killed. */
static void cut_back(const struct run_paths *p, int64_t step) {
    for (int64_t i = step + 1; i <= 24; i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, i);
        assert_true(files_remove_tree(path, NULL));
    }
}

/* With as many as before, with more, and alone; in a stage, and between two. */
static void check_resume_with_others(const char *optimizer_state) {
    static const struct {
        int64_t step;
        int count;
    } cases[] = {{17, 2}, {10, 4}, {12, 4}, {20, 1}, {5, 2}};
    struct settings *s = shared_settings();
    put(s, "stages.1.l2_sp", "0.5");
    put(s, "optimizer_state", optimizer_state);
    struct run_paths one = train(s, "resumed-1"), p;
    p = train_together(s, "resumed-4", 4, NULL, 0);
    assert_same_state(&one, &p, 24);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cut_back(&p, cases[i].step);
        if (cases[i].count > 1) train_on(s, &p, cases[i].count, NULL, 0);
        else train_with(s, &p, NULL, 0);
        assert_same_state(&one, &p, 24);
    }
    free(s);
}

static void test_resume_with_others(void **state) {
    (void)state;
    check_resume_with_others("whole");
    check_resume_with_others("sharded");
}

struct last_loss {
    double loss;
};
static void keep_loss(void *ctx, const struct event *e) {
    if (e->type == EVENT_STEP) ((struct last_loss *)ctx)->loss = e->stp.loss;
}

/* Rounded gradients learn as well, by other bits; with as many processes they are the same
 * again. */
static void check_narrow_wire(const char *optimizer_state) {
    struct settings *s = shared_settings();
    put(s, "optimizer_state", optimizer_state);
    struct run_paths plain = train(s, "float-wire"), narrow, same;
    struct last_loss a, b;
    put(s, "wire", "bfloat16");
    narrow = train_together(s, "narrow-wire", 2, NULL, 0);
    struct buf x = bytes_of(&plain, 24, "model.safetensors"),
               y = bytes_of(&narrow, 24, "model.safetensors");
    assert_int_equal(x.len, y.len);
    assert_memory_not_equal(x.data, y.data, x.len);
    each_event(&plain, keep_loss, &a);
    each_event(&narrow, keep_loss, &b);
    if (!(b.loss > 0.99 * a.loss && b.loss < 1.01 * a.loss))
        fail_msg("%g instead of %g", b.loss, a.loss);
    same = train_together(s, "narrow-again", 2, NULL, 0);
    cut_back(&same, 17);
    train_on(s, &same, 2, NULL, 0);
    assert_same_state(&narrow, &same, 24);
    buf_deinit(&x);
    buf_deinit(&y);
    free(s);
}

static void test_narrow_wire(void **state) {
    (void)state;
    check_narrow_wire("whole");
    check_narrow_wire("sharded");
}

/* Back from the second stage into the first, from a resume in it. */
static void test_rollback(void **state) {
    (void)state;
    static const struct command back = {
        .kind = COMMAND_ROLLBACK, .has_step = true, .step = 5, .by = "test"};
    struct settings *s = shared_settings();
    struct run_paths one = train(s, "straight"), p;
    for (int sharded = 0; sharded < 2; sharded++) {
        put(s, "optimizer_state", sharded ? "sharded" : "whole");
        p = train_together(s, "back", 2, NULL, 0);
        cut_back(&p, 17);
        train_on(s, &p, 2, &back, 1);
        assert_same_state(&one, &p, 24);
    }
    free(s);
}

/* The best weights come back into rank 0's memory, and are saved from there. */
static void test_early_stop(void **state) {
    (void)state;
    struct settings *s = shared_settings();
    char path[PATH_MAX];
    put(s, "eval.every", "2");
    put(s, "stages.0.early_stop.set", s->eval.sets[0].name);
    put(s, "stages.0.early_stop.patience", "2");
    put(s, "stages.0.early_stop.min_delta", "9");
    struct run_paths one = train(s, "stopped-early"), p;
    int64_t end = checkpoint_newest(one.checkpoints, path, NULL, 0);
    assert_true(end > 0 && end < 24);
    put(s, "optimizer_state", "sharded");
    p = train_together(s, "stopped-together", 2, NULL, 0);
    assert_int_equal(checkpoint_newest(p.checkpoints, path, NULL, 0), end);
    assert_same_state(&one, &p, end);
    free(s);
}

static void count_ranks(void *ctx, const struct event *e) {
    int *n = ctx;
    if (e->type != EVENT_RANKS) return;
    assert_int_equal(e->ranks.n_ranks, 2);
    for (int i = 0; i < 2; i++)
        assert_true(e->ranks.ranks[i].compute > 0 && e->ranks.ranks[i].waited >= 0);
    ++*n;
}

static void test_tells_of_the_ranks(void **state) {
    (void)state;
    struct settings *s = shared_settings();
    int n = 0;
    struct run_paths p = train_together(s, "told", 2, NULL, 0);
    each_event(&p, count_ranks, &n);
    assert_true(n >= 1);
    free(s);
}

/* ---- what does not go together ---- */

static void check_refused(struct settings *s, int count, const char *other, const char *says) {
    struct session session;
    struct err err = {0};
    struct run_paths paths;
    struct ranks *r = gather_crew(count, other);
    fresh_paths("refused", &paths);
    session_open(&session, s, &paths);
    session.plan.ranks = r;
    bool ok = together_meet(r, s, session.from, &session.plan.resume_step, &err), made = false;
    if (ok) {
        made = trainer_create(session.t, &session.plan, &err);
        ok = together_agree(r, session.t, made, &err);
    }
    assert_false(ok);
    if (!strstr(err.msg, says)) fail_msg("%s", err.msg);
    if (!made) *session.t = (struct trainer){0};
    session_close(&session);
    dismiss_crew(r, count);
    for (int i = 1; i < count; i++) assert_false(followers[i].ok);
}

static void test_refusals(void **state) {
    (void)state;
    char other[PATH_MAX + 32], absent[PATH_MAX + 32];
    struct settings *s = shared_settings();
    snprintf(other, sizeof other, "text:%s/domain.txt", folder);
    snprintf(absent, sizeof absent, "text:%s/nothing.txt", folder);
    check_refused(s, 2, other, "rank 1 reads other text than rank 0");
    check_refused(s, 4, absent, "rank 3: ");
    check_refused(s, 3, NULL, "3 processes cannot share a batch evenly");
    put(s, "shards", "2");
    check_refused(s, 4, NULL, "4 processes cannot share a batch of 2 shards: start 2, or set");
    free(s);
}

static int open_office(void **state) {
    office = calloc(1, sizeof *office);
    if (!office || pthread_mutex_init(&office->mutex, NULL) != 0) return -1;
    office->dead = -1;
    return make_folder(state);
}

static int close_office(void **state) {
    office_close(office);
    free(office);
    return remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),   cmocka_unit_test(test_adapters),
        cmocka_unit_test(test_commands),    cmocka_unit_test(test_resume_with_others),
        cmocka_unit_test(test_narrow_wire), cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_early_stop),  cmocka_unit_test(test_tells_of_the_ranks),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("together", tests, open_office, close_office);
}
