/* test_answers.c - runs that learn answers only: the same bits whatever happens to them, and
 * what they leave behind for those who ask. */
#include "run/trainer_test.h"

#include <math.h>

#include "engine/formats/hf_model.h"

static void write_jsonl(const char *name, bool chat) {
    char path[PATH_MAX + 32];
    struct buf text = {0};
    struct err err = {0};
    for (int i = 0; i < 300; i++) {
        const char *long_text =
            i % 10 == 0 ? " and a very long question it is, too, on and on" : "";
        buf_printf(&text,
                   chat ? "{\"messages\":[{\"role\":\"user\",\"content\":\"what is %d%s\"},"
                          "{\"role\":\"assistant\",\"content\":\"number %d\"}]}\n"
                        : "{\"prompt\":\"what is %d%s\",\"completion\":\" number %d\"}\n",
                   i, long_text, i % 7);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(files_write(path, text.data, text.len, &err), &err);
    buf_deinit(&text);
}

/* The second stage learns the answers of a file. */
static struct settings *answers(const char *name, bool chat, const char *packing) {
    char spec[PATH_MAX + 32];
    struct settings *s = small_settings();
    write_jsonl(name, chat);
    snprintf(spec, sizeof spec, "jsonl:%s/%s", folder, name);
    const char *sets[] = {"answers", spec};
    int stage;
    struct err err = {0};
    must(setting_put(s, setting_find("eval.sets", &stage, NULL), -1, sets, 2, &err), &err);
    put(s, "stages.1.data", spec);
    put(s, "stages.1.packing", packing);
    put(s, "stages.1.micro_batch", "2");
    put(s, "model.context", "40");
    return s;
}

static void go_on_from(struct settings *s, const struct run_paths *p, int64_t step) {
    struct err err = {0};
    char path[PATH_MAX + 32];
    for (int64_t later = 24; later > step; later--) {
        snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, later);
        if (files_exists(path)) must(files_remove_tree(path, &err), &err);
    }
    must(engine_main(s, p, true, &err), &err);
}

static void keeps_its_bits(bool chat, const char *packing) {
    struct settings *s = answers(chat ? "chat.jsonl" : "pairs.jsonl", chat, packing);
    char name[64];
    snprintf(name, sizeof name, "one-%d-%s", chat, packing);
    struct run_paths one = train(s, name);
    snprintf(name, sizeof name, "again-%d-%s", chat, packing);
    struct run_paths again = train(s, name);
    go_on_from(s, &again, 17);
    assert_same_state(&one, &again, 24);
    go_on_from(s, &again, 5);
    assert_same_state(&one, &again, 24);
    put(s, "threads", "2");
    snprintf(name, sizeof name, "two-%d-%s", chat, packing);
    struct run_paths two = train(s, name);
    assert_same_state(&one, &two, 24);
    free(s);
}

static void test_pairs_packed(void **state) {
    (void)state;
    keeps_its_bits(false, "true");
}
static void test_pairs_alone(void **state) {
    (void)state;
    keeps_its_bits(false, "false");
}
static void test_chat_packed(void **state) {
    (void)state;
    keeps_its_bits(true, "true");
}
static void test_chat_alone(void **state) {
    (void)state;
    keeps_its_bits(true, "false");
}

/* ---- one loss, however the batch is computed ---- */

struct losses {
    int n;
    double at[32];
};

static void add_loss(void *ctx, const struct event *e) {
    struct losses *l = ctx;
    if (e->type != EVENT_STEP) return;
    assert_in_range(l->n, 0, 31);
    l->at[l->n++] = e->stp.loss;
}

/* Rows count different numbers of tokens, and the mean is over all of them. */
static void test_parts_weigh_right(void **state) {
    (void)state;
    struct settings *s = answers("weights.jsonl", false, "false");
    struct losses parts = {0}, whole = {0};
    struct run_paths p = train(s, "in-parts");
    each_event(&p, add_loss, &parts);
    put(s, "stages.1.micro_batch", "0");
    p = train(s, "as-a-whole");
    each_event(&p, add_loss, &whole);
    assert_int_equal(parts.n, 24);
    for (int i = 0; i < 24; i++)
        assert_true(fabs(parts.at[i] - whole.at[i]) <= 1e-5 * whole.at[i]);
    free(s);
}

/* ---- what is said and saved ---- */

static void find_problem(void *ctx, const struct event *e) {
    struct buf *all = ctx;
    if (e->type == EVENT_PROBLEM) buf_printf(all, "%s|", e->problem.text);
}

static void test_cuts_are_told(void **state) {
    (void)state;
    struct settings *s = answers("long.jsonl", false, "false");
    struct buf said = {0};
    put(s, "model.context", "16");
    struct run_paths p = train(s, "cut");
    each_event(&p, find_problem, &said);
    const char *first = strstr(buf_text(&said), "stage second: of ");
    assert_non_null(first);
    assert_non_null(strstr(first, "longer than the 16 tokens of a sequence and cut there"));
    assert_null(strstr(first + 1, "stage second: of "));
    buf_deinit(&said);
    free(s);
}

/* The checkpoint says how it is to be asked; that of a run without conversations does not. */
static void test_saved_format(void **state) {
    (void)state;
    struct settings *s = answers("said.jsonl", true, "true");
    put(s, "model.template", "zephyr");
    struct run_paths p = train(s, "said");
    char path[PATH_MAX + 32];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-24", p.checkpoints);
    struct tokenizer *t = tokenizer_load(path, &err);
    must(t != NULL, &err);
    assert_ptr_equal(tokenizer_chat(t), chat_find("zephyr"));
    tokenizer_destroy(t);
    free(s);
    s = answers("silent.jsonl", false, "true");
    p = train(s, "silent");
    snprintf(path, sizeof path, "%s/step-24/tokenizer_config.json", p.checkpoints);
    assert_false(files_exists(path));
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_packed),      cmocka_unit_test(test_pairs_alone),
        cmocka_unit_test(test_chat_packed),       cmocka_unit_test(test_chat_alone),
        cmocka_unit_test(test_parts_weigh_right), cmocka_unit_test(test_cuts_are_told),
        cmocka_unit_test(test_saved_format)};
    return cmocka_run_group_tests_name("answers", tests, make_folder, remove_folder);
}
