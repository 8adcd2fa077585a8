/* test_verify.c - a sound run has no finding but good ones; each kind of damage has its own. */
#include "run/trainer_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "engine/run/verify.h"

static struct settings *settings;

/* All findings, one a line: "bad base: ... | ...". */
static void gather(void *ctx, const struct verify_finding *f) {
    buf_printf(ctx, "%s %s: %s | %s\n", verify_words[f->grade], f->where, f->what, f->advice);
}

static struct buf look(const struct run_paths *p, int64_t resume_step) {
    struct buf out = {0};
    assert_int_equal(run_verify(p, settings->n_stages, gather, &out), resume_step);
    return out;
}

/* That a look at the run says each of the words, and of bad things just so many. */
static void finds(const struct run_paths *p, int64_t step, int bad, const char *words) {
    struct buf out = look(p, step);
    int n = 0;
    for (const char *at = buf_text(&out); (at = strstr(at, "bad ")); at++)
        n += at == buf_text(&out) || at[-1] == '\n';
    if (n != bad || !strstr(buf_text(&out), words))
        fail_msg("%d bad and \"%s\" expected, not:\n%s", bad, words, buf_text(&out));
    buf_deinit(&out);
}

/* Put what edit() makes of the log in its place. */
static void edit_log(const struct run_paths *p,
                     void (*edit)(const struct buf *in, struct buf *out)) {
    struct buf in = {0}, out = {0};
    struct err err = {0};
    must(files_read(p->events, 1 << 24, &in, &err), &err);
    edit(&in, &out);
    must(files_write(p->events, out.data, out.len, &err), &err);
    buf_deinit(&in);
    buf_deinit(&out);
}

static const char *line_of(const struct buf *in, const char *words) {
    const char *at = strstr(in->data, words);
    assert_non_null(at);
    while (at > in->data && at[-1] != '\n') at--;
    return at;
}

static void drop_step_7(const struct buf *in, struct buf *out) {
    const char *line = line_of(in, "\"step\":7,\"type\":\"step\"");
    const char *next = strchr(line, '\n') + 1;
    buf_add(out, in->data, (size_t)(line - in->data));
    buf_str(out, next);
}

static void break_a_line(const struct buf *in, struct buf *out) {
    const char *line = line_of(in, "\"type\":\"layers\"");
    buf_add(out, in->data, (size_t)(line - in->data));
    buf_str(out, "x");
    buf_str(out, line);
}

static void tear(const struct buf *in, struct buf *out) {
    buf_add(out, in->data, in->len);
    buf_str(out, "{\"seq\":99");
}

static void test_sound(void **state) {
    (void)state;
    struct run_paths p = train(settings, "sound");
    struct err err = {0};
    finds(&p, 24, 0, "ok checkpoints/step-24: every byte is as it was saved | \n");
    finds(&p, 24, 0, "ok base: every byte is as it was saved | \n");
    finds(&p, 24, 0, "numbered without a gap");
    must(engine_main(settings, &p, true, &err), &err); /* resumed: steps may begin anew */
    finds(&p, 24, 0, "numbered without a gap");
}

static void test_log(void **state) {
    (void)state;
    struct run_paths p = train(settings, "log");
    edit_log(&p, tear);
    finds(&p, 24, 0, "note events.jsonl: its last line is torn (9 bytes without an end)");
    p = train(settings, "hole");
    edit_log(&p, drop_step_7);
    finds(&p, 24, 2, "the numbering breaks at 1 places");
    finds(&p, 24, 2, "has step 8, not 7");
    p = train(settings, "broken-line");
    edit_log(&p, break_a_line);
    finds(&p, 24, 2, "1 lines are no events, the first is line ");
    assert_int_equal(unlink(p.events), 0);
    finds(&p, 24, 1, "bad events.jsonl: cannot open");
}

static void test_checkpoint_and_base(void **state) {
    (void)state;
    struct run_paths p = train(settings, "damaged");
    char path[PATH_MAX + 64];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-24/tokenizer.json", p.checkpoints);
    assert_int_equal(unlink(path), 0);
    finds(&p, 22, 1,
          "bad checkpoints/step-24: tokenizer.json is missing | it is passed over; remove it: "
          "rm ");
    snprintf(path, sizeof path, "%s/model.safetensors", p.base);
    assert_int_equal(truncate(path, 1000), 0);
    finds(&p, 22, 2, "bad base: model.safetensors has other bytes");
    finds(&p, 22, 2, "the last stage cannot go on without it");
    must(files_remove_tree(p.base, &err), &err);
    finds(&p, 22, 2, "bad base: is missing");
    must(files_remove_tree(p.checkpoints, &err), &err);
    finds(&p, -1, 0, "note checkpoints: there is none yet | a run that goes on begins");
}

static int setup(void **state) {
    if (make_folder(state) != 0) return -1;
    settings = small_settings();
    return 0;
}

static int teardown(void **state) {
    free(settings);
    return remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_checkpoint_and_base),
    };
    return cmocka_run_group_tests_name("verify", tests, setup, teardown);
}
