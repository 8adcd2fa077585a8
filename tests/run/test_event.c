#include "engine/core/json.h"
#include "engine/core/rng.h"
#include "engine/run/event.h"
#include "tests/run/event_samples.h"
#include "tests/run/run_test.h"

enum { N_SAMPLES = EVENT_TYPES - 1 };

/* --- round trips */

static void parse_back(const struct buf *line, struct event *out) {
    struct err err = {0};
    assert_ok(event_parse(buf_text(line), line->len, out, &err), err);
}

/* Written, read and written again: the same line, so nothing was lost or changed on the way. */
static void test_round_trip(void **state) {
    (void)state;
    struct event events[N_SAMPLES];
    sample_events(events);
    for (int i = 0; i < N_SAMPLES; i++) {
        struct buf line = {0}, again = {0};
        struct event back;
        event_write(&events[i], &line);
        assert_ptr_equal(memchr(line.data, '\n', line.len), line.data + line.len - 1);
        parse_back(&line, &back);
        assert_int_equal(back.type, i + 1);
        assert_int_equal(back.seq, events[i].seq);
        assert_int_equal(back.step, events[i].step);
        assert_true(back.t == events[i].t);
        event_write(&back, &again);
        assert_string_equal(buf_text(&line), buf_text(&again));
        event_deinit(&back);
        buf_deinit(&line);
        buf_deinit(&again);
    }
}

/* The event of `type`, written and read back; to be released. */
static struct event round_trip(enum event_type type) {
    struct event events[N_SAMPLES], back;
    struct buf line = {0};
    sample_events(events);
    event_write(&events[type - 1], &line);
    parse_back(&line, &back);
    buf_deinit(&line);
    return back;
}

static void test_run_fields(void **state) {
    (void)state;
    struct event e = round_trip(EVENT_RUN);
    assert_string_equal(e.run.name, "medical");
    assert_string_equal(e.run.model, "{\"model_type\":\"qwen3\",\"rms_norm_eps\":1e-06,"
                                     "\"list\":[1,true,null,\"x\"]}");
    assert_int_equal(e.run.seed, 1337);
    assert_int_equal(e.run.memory_bytes, UINT64_C(3) << 32);
    assert_int_equal(e.run.n_groups, 2);
    assert_string_equal(e.run.groups[1].name, "block.0.attn");
    assert_int_equal(e.run.groups[1].parameters, 147456);
    assert_int_equal(e.run.n_stages, 2);
    assert_string_equal(e.run.stages[0].name, "pretrain");
    assert_int_equal(e.run.stages[1].steps, 600);
    assert_int_equal(e.run.n_prompts, 2);
    assert_string_equal(e.run.prompts[1], "say \"\xc3\xa9\" \\ \n");
    event_deinit(&e);
    e = round_trip(EVENT_STAGE);
    assert_false(e.stage.finished);
    assert_int_equal(e.stage.n_data, 2);
    assert_int_equal(e.stage.data[0].tokens, 1200000);
    event_deinit(&e);
}

static void test_figures(void **state) {
    (void)state;
    struct event e = round_trip(EVENT_STEP);
    assert_true(e.stp.loss == 3.75 && e.stp.lr == 0.001 && e.stp.total == 0.5);
    assert_int_equal(e.stp.tokens, 4096);
    assert_null(e.memory); /* the quick way allocates nothing */
    event_deinit(&e);
    e = round_trip(EVENT_LAYERS);
    assert_int_equal(e.layers.n_groups, 3);
    assert_true(e.layers.groups[0].frozen && e.layers.groups[0].proven);
    assert_true(e.layers.groups[0].predicted_s == 1.125);
    assert_string_equal(e.layers.groups[1].name, "block.0.mlp");
    assert_false(e.layers.groups[1].frozen || e.layers.groups[1].proven);
    assert_true(e.layers.groups[1].from_base == 0.0625 &&
                isnan(e.layers.groups[1].predicted_s));
    assert_true(e.layers.groups[0].lr_scale == 0 && e.layers.groups[1].lr_scale == 0.625);
    assert_true(isnan(e.layers.groups[2].lr_scale) && e.layers.groups[2].thaws_at == 1251);
    assert_int_equal(e.layers.groups[1].thaws_at, 0);
    event_deinit(&e);
    e = round_trip(EVENT_EVAL);
    assert_int_equal(e.eval.n_sets, 2);
    assert_true(e.eval.sets[0].has_base && e.eval.sets[0].base.perplexity == 12.25);
    assert_true(isnan(e.eval.sets[0].tuned.accuracy));
    assert_false(e.eval.sets[1].has_base);
    assert_true(e.eval.sets[1].tuned.accuracy == 0.5);
    event_deinit(&e);
}

static void test_sample_fields(void **state) {
    (void)state;
    struct event e = round_trip(EVENT_SAMPLE);
    const struct event_sample *s = &e.sample;
    assert_string_equal(s->side, "tuned");
    assert_int_equal(s->seed, 7);
    assert_true(s->temperature == 0.8 && s->mean_gain == 1.5 && isnan(s->kl));
    assert_int_equal(s->n_tokens, 2);
    assert_int_equal(s->tokens[0].id, 263);
    assert_true(s->tokens[0].gain == 2.5 && isnan(s->tokens[1].gain));
    assert_int_equal(s->tokens[0].base_rank, 1204);
    assert_int_equal(s->tokens[0].n_top, 2);
    assert_string_equal(s->tokens[0].top[1].text, "\x1b[2J");
    assert_true(s->tokens[0].base_top[0].logprob == -2.25);
    assert_int_equal(s->tokens[1].n_top, 0);
    event_deinit(&e);
}

/* --- the format that others rely on (design, "Events") */

static const struct keys_case {
    enum event_type type;
    const char *keys[9]; /* "a.b" is b inside a */
} keys_cases[] = {
    {EVENT_RUN,
     {"name", "model.model_type", "groups", "stages", "seed", "threads", "blas", "version"}},
    {EVENT_STAGE, {"index", "name", "state", "steps", "data"}},
    {EVENT_STEP,
     {"loss", "lr", "grad_norm", "tokens", "tokens_per_s", "seconds.forward",
      "seconds.backward", "seconds.update", "seconds.total"}},
    {EVENT_LAYERS, {"groups.embed"}},
    {EVENT_EVAL, {"sets.general", "sets.domain"}},
    {EVENT_SAMPLE, {"prompt", "side", "weights", "seed", "temperature", "tokens"}},
    {EVENT_FREEZE, {"group", "state", "by", "predicted_s", "measured_s"}},
    {EVENT_CONTROL, {"do", "argument", "by"}},
    {EVENT_CHECKPOINT, {"path", "bytes", "seconds"}},
    {EVENT_PROBLEM, {"severity", "text"}},
    {EVENT_PROGRESS, {"what", "done", "total"}},
    {EVENT_RANKS, {"ranks"}},
    {EVENT_END, {"reason"}},
};

/* Whether the object has the member at all, null included. */
static bool has(const struct json *v, const char *path) {
    const char *dot = strchr(path, '.');
    size_t n = dot ? (size_t)(dot - path) : strlen(path);
    for (const void *it = json_first(v); it; it = json_next(v, it)) {
        if (strlen(json_key(it)) != n || strncmp(json_key(it), path, n) != 0) continue;
        return !dot || has(json_value(it), dot + 1);
    }
    return false;
}

static void test_keys(void **state) {
    (void)state;
    struct event events[N_SAMPLES];
    sample_events(events);
    for (size_t i = 0; i < COUNT(keys_cases); i++) {
        struct buf line = {0};
        event_write(&events[keys_cases[i].type - 1], &line);
        struct json *v = json_parse(buf_text(&line), line.len, NULL);
        assert_string_equal(json_str(json_get(v, "type"), ""), event_words[keys_cases[i].type]);
        for (const char *const *key = keys_cases[i].keys; key < keys_cases[i].keys + 9 && *key;
             key++)
            if (!has(v, *key)) fail_msg("%s lacks %s", buf_text(&line), *key);
        json_destroy(v);
        buf_deinit(&line);
    }
}

static void test_deeper_keys(void **state) {
    (void)state;
    struct event events[N_SAMPLES];
    sample_events(events);
    struct buf line = {0};
    event_write(&events[EVENT_LAYERS - 1], &line);
    event_write(&events[EVENT_EVAL - 1], &line);
    event_write(&events[EVENT_SAMPLE - 1], &line);
    static const char *const parts[] = {
        "\"embed\":{\"state\":\"frozen\",\"same_bytes\":true,\"grad_norm\":0,\"update\":0,"
        "\"from_base\":0,\"predicted_s\":1.125}",
        "\"block.0.mlp\":{\"state\":\"learn\",\"grad_norm\":0.25,",
        "\"from_base\":0.0625,\"lr_scale\":0.625}",
        "\"lr_scale\":null,\"thaws_at\":1251}",
        "\"general\":{\"tuned\":{\"loss\":3.5,\"bits_per_byte\":1.75,\"perplexity\":33.125},"
        "\"base\":{\"loss\":2.5,",
        "{\"id\":263,\"text\":\" temper\",\"logprob\":-1.25,\"gain\":2.5,",
        "\"top\":[{\"text\":\" a\",\"logprob\":-0.5},{\"text\":\"\\u001b[2J\",",
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!strstr(buf_text(&line), parts[i]))
            fail_msg("%s lacks %s", buf_text(&line), parts[i]);
    buf_deinit(&line);
}

/* --- lines of others */

static struct event parse_text(const char *line) {
    struct event e;
    struct err err = {0};
    assert_ok(event_parse(line, strlen(line), &e, &err), err);
    return e;
}

static void test_unknown(void **state) {
    (void)state;
    struct event e = parse_text("{\"seq\":4,\"type\":\"weather\",\"sun\":true}");
    assert_int_equal(e.type, EVENT_OTHER);
    assert_int_equal(e.seq, 4);
    event_deinit(&e);
    e = parse_text(
        "{\"new\":{\"x\":[1]},\"type\":\"end\",\"reason\":\"stopped\",\"step\":3}\n");
    assert_int_equal(e.type, EVENT_END);
    assert_string_equal(e.end.reason, "stopped");
    assert_int_equal(e.step, 3);
    event_deinit(&e);
}

/* Members of another type count as absent. */
static void test_wrong_types(void **state) {
    (void)state;
    struct event e =
        parse_text("{\"type\":\"sample\",\"prompt\":3,\"tokens\":{\"a\":1},\"seed\":-4}");
    assert_string_equal(e.sample.prompt, "");
    assert_int_equal(e.sample.n_tokens, 0);
    assert_int_equal(e.sample.seed, 0);
    assert_int_equal(e.sample.index, -1);
    assert_true(isnan(e.sample.temperature));
    event_deinit(&e);
    e = parse_text("{\"type\":\"sample\",\"tokens\":[7,{\"top\":[null,{\"text\":\"x\"}]},[]]}");
    assert_int_equal(e.sample.n_tokens, 3);
    assert_string_equal(e.sample.tokens[0].text, "");
    assert_int_equal(e.sample.tokens[1].n_top, 2);
    assert_string_equal(e.sample.tokens[1].top[1].text, "x");
    event_deinit(&e);
    e = parse_text("{\"type\":\"layers\",\"groups\":[\"embed\"]}");
    assert_int_equal(e.layers.n_groups, 0);
    event_deinit(&e);
    e = parse_text("{\"type\":\"run\",\"model\":\"none\",\"threads\":1e12}");
    assert_string_equal(e.run.model, "");
    assert_int_equal(e.run.threads, INT32_MAX);
    event_deinit(&e);
    e = parse_text("{\"type\":\"step\",\"seconds\":4}");
    assert_true(isnan(e.stp.loss) && isnan(e.stp.total));
    event_deinit(&e);
}

static void test_no_events(void **state) {
    (void)state;
    static const char *const lines[] = {"",
                                        "\n",
                                        "{",
                                        "[]",
                                        "3",
                                        "null",
                                        "{}",
                                        "{\"type\":3}",
                                        "{\"seq\":1,\"type\":\"step\",\"lo",
                                        "{\"type\":\"end\"} {\"type\":\"end\"}",
                                        "\xff\xfe{\"type\":\"end\"}"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct event e;
        struct err err = {0};
        if (event_parse(lines[i], strlen(lines[i]), &e, &err)) fail_msg("taken: %s", lines[i]);
        assert_int_equal(err.code, ERR_PARSE);
        assert_null(e.memory);
    }
}

/* --- the quick way for steps */

static double any_double(struct rng *r) {
    double x = ldexp(rng_uniform(r) - 0.5, (int)rng_below(r, 80) - 40);
    return rng_below(r, 20) == 0 ? (double)NAN : x;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static bool same_step(const struct event_step *a, const struct event_step *b) {
    return same(a->loss, b->loss) && same(a->lr, b->lr) && same(a->grad_norm, b->grad_norm) &&
           same(a->tokens_per_s, b->tokens_per_s) && a->tokens == b->tokens &&
           same(a->forward, b->forward) && same(a->backward, b->backward) &&
           same(a->update, b->update) && same(a->total, b->total);
}

/* A space behind the brace sends the line to the JSON library: both must read the same. */
static void test_quick_as_slow(void **state) {
    (void)state;
    struct rng r = rng_make(11, 0, 0);
    struct buf line = {0}, spaced = {0};
    for (int i = 0; i < 5000; i++) {
        struct event e = {.type = EVENT_STEP, .seq = i, .step = i * 3, .t = 0.25 * i}, quick,
                     slow;
        e.stp = (struct event_step){any_double(&r),
                                    any_double(&r),
                                    any_double(&r),
                                    any_double(&r),
                                    (int64_t)rng_below(&r, INT64_MAX),
                                    any_double(&r),
                                    any_double(&r),
                                    any_double(&r),
                                    any_double(&r)};
        buf_clear(&line);
        buf_clear(&spaced);
        event_write(&e, &line);
        buf_printf(&spaced, "{ %s", line.data + 1);
        parse_back(&line, &quick);
        parse_back(&spaced, &slow);
        assert_null(quick.memory);
        assert_non_null(slow.memory);
        if (!same_step(&quick.stp, &slow.stp)) fail_msg("%s", line.data);
        assert_true(quick.seq == slow.seq && quick.step == slow.step && quick.t == slow.t);
        event_deinit(&slow);
    }
    buf_deinit(&line);
    buf_deinit(&spaced);
}

/* Nine digits bring a float32 back as it was. */
static void test_float_is_exact(void **state) {
    (void)state;
    struct rng r = rng_make(12, 0, 0);
    struct buf line = {0};
    for (int i = 0; i < 5000; i++) {
        float loss = (float)(rng_uniform(&r) * 10);
        struct event e = {.type = EVENT_STEP, .stp.loss = (double)loss}, back;
        buf_clear(&line);
        event_write(&e, &line);
        parse_back(&line, &back);
        assert_true((float)back.stp.loss == loss);
    }
    buf_deinit(&line);
}

static void test_not_finite(void **state) {
    (void)state;
    struct event e = {.type = EVENT_STEP, .stp = {.loss = (double)INFINITY, .lr = (double)NAN}},
                 back;
    struct buf line = {0};
    event_write(&e, &line);
    assert_non_null(strstr(line.data, "\"loss\":null,\"lr\":null"));
    parse_back(&line, &back);
    assert_true(isnan(back.stp.loss) && isnan(back.stp.lr));
    buf_deinit(&line);
}

/* --- odd content */

/* However long the text, the line stays within a write; it is the alternatives that go. */
static void test_long_sample(void **state) {
    (void)state;
    enum { TOKENS = 250, TOP = 10 };
    static struct event_token tokens[TOKENS];
    struct event_top top[TOP];
    for (int i = 0; i < TOP; i++) top[i] = (struct event_top){" alternative", -1.5 * i};
    for (int i = 0; i < TOKENS; i++)
        tokens[i] = (struct event_token){.id = i,
                                         .text = " word",
                                         .top = top,
                                         .n_top = TOP,
                                         .base_top = top,
                                         .n_base_top = TOP};
    struct event e = {.type = EVENT_SAMPLE, .sample = {.tokens = tokens, .n_tokens = TOKENS}},
                 back;
    struct buf line = {0};
    event_write(&e, &line);
    assert_true(line.len <= 1 << 16);
    parse_back(&line, &back);
    assert_int_equal(back.sample.n_tokens, TOKENS);
    assert_int_equal(back.sample.tokens[0].n_base_top, TOP);
    assert_int_equal(back.sample.tokens[TOKENS - 1].n_top, 0);
    assert_string_equal(back.sample.tokens[TOKENS - 1].text, " word");
    event_deinit(&back);
    buf_deinit(&line);
}

/* The model's text is taken in as JSON, so it can't break out of its place or its line. */
static void test_model_text(void **state) {
    (void)state;
    static const struct {
        const char *given, *back;
    } cases[] = {
        {"{\n  \"a\": 1\n}\n", "{\"a\":1}"},
        {"{\"eps\":0.1,\"big\":12345678901234567}", "{\"eps\":0.1,\"big\":12345678901234567}"},
        {"no json\"}", ""},
        {"[1]", ""},
        {NULL, ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct event e = {.type = EVENT_RUN, .run.model = cases[i].given}, back;
        struct buf line = {0};
        event_write(&e, &line);
        parse_back(&line, &back);
        assert_string_equal(back.run.model, cases[i].back);
        assert_string_equal(back.run.name, "");
        event_deinit(&back);
        buf_deinit(&line);
    }
}

static void test_invalid_utf8(void **state) {
    (void)state;
    struct event e = {.type = EVENT_PROBLEM, .problem.text = "a\xff\x80 b\xc3"}, back;
    struct buf line = {0};
    event_write(&e, &line);
    parse_back(&line, &back);
    assert_string_equal(back.problem.text, "a\xef\xbf\xbd\xef\xbf\xbd b\xef\xbf\xbd");
    event_deinit(&back);
    buf_deinit(&line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_run_fields),
        cmocka_unit_test(test_figures),        cmocka_unit_test(test_sample_fields),
        cmocka_unit_test(test_keys),           cmocka_unit_test(test_deeper_keys),
        cmocka_unit_test(test_unknown),        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_no_events),      cmocka_unit_test(test_quick_as_slow),
        cmocka_unit_test(test_float_is_exact), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_long_sample),    cmocka_unit_test(test_model_text),
        cmocka_unit_test(test_invalid_utf8),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
