/* test_report.c - a run's page, from logs made here: what it tells, that it is well-formed
 * whatever the run's texts hold, and that its size does not follow the run's. */
#include <math.h>
#include <unistd.h>

#include "engine/run/event_log.h"
#include "run/run_test.h"
#include "src/report/figure.h"
#include "src/report/html.h"
#include "src/report/page.h"
#include "src/xml_check.h"

/* ---- runs ---- */

static struct run_paths runs[2];
static struct event_log event_log;

static void begin(void **state, int run, const char *name) {
    struct err err = {0};
    assert_ok(run_paths_of(in_folder(state, name), &runs[run], &err), err);
    assert_ok(files_make_dirs(runs[run].dir, 0700, &err), err);
    assert_ok(event_log_open(&event_log, runs[run].events, &err), err);
}

static void put(struct event e) {
    struct err err = {0};
    assert_ok(event_log_put(&event_log, &e, &err), err);
}

static void put_run(int64_t step, const char *name, const char *prompt) {
    struct event_group groups[] = {
        {"embed", 1000}, {"block.0", 2000}, {"block.1", 2000}, {"norm", 10}};
    struct event_plan stages[] = {{"pretrain", 20}, {"finetune", 20}};
    put((struct event){
        .type = EVENT_RUN,
        .step = step,
        .run = {.name = name,
                .version = "0.1.0",
                .blas = "none",
                .model = "{\"model_type\":\"qwen3\",\"hidden_size\":32,\"num_hidden_layers\":2,"
                         "\"num_attention_heads\":2,\"num_key_value_heads\":2,\"head_dim\":16,"
                         "\"intermediate_size\":128,\"vocab_size\":290,"
                         "\"max_position_embeddings\":32,\"rms_norm_eps\":1e-06,"
                         "\"rope_theta\":10000,\"tie_word_embeddings\":true}",
                .seed = 7,
                .threads = 2,
                .groups = groups,
                .n_groups = COUNT(groups),
                .stages = stages,
                .n_stages = COUNT(stages),
                .prompts = &prompt,
                .n_prompts = 1}});
}

static void put_stage(int index, const char *name, int64_t step, const char *source) {
    struct event_source data = {source, 4578701, 234140};
    put((struct event){
        .type = EVENT_STAGE,
        .step = step,
        .stage = {.index = index, .name = name, .steps = 20, .data = &data, .n_data = 1}});
}

static void put_step(int64_t step, double loss) {
    put((struct event){.type = EVENT_STEP,
                       .step = step,
                       .stp = {.loss = loss,
                               .lr = 0.001,
                               .grad_norm = 0.5,
                               .tokens = step * 64,
                               .tokens_per_s = 1000,
                               .total = 0.25}});
}

static void put_eval(int64_t step, const char *name, double loss, double base) {
    struct event_set set = {
        .name = name,
        .tuned = {loss, loss / 2, exp(loss), NAN},
        .base = {base, base / 2, exp(base), NAN},
        .has_base = isfinite(base),
    };
    put((struct event){.type = EVENT_EVAL, .step = step, .eval = {&set, 1}});
}

static void put_freeze(int64_t step, const char *group, bool frozen) {
    put((struct event){
        .type = EVENT_FREEZE, .step = step, .freeze = {group, frozen, "screen", NAN, NAN}});
}

static struct event_layer layer(const char *name, bool frozen, double from_base) {
    return (struct event_layer){
        .name = name, .frozen = frozen, .proven = frozen, .from_base = from_base};
}

static void put_layers(int64_t step, bool embed_frozen) {
    struct event_layer layers[] = {layer("embed", embed_frozen, 0),
                                   layer("block.0", false, 0.25), layer("block.1", false, 0.5),
                                   layer("norm", false, 0.125)};
    put((struct event){
        .type = EVENT_LAYERS, .step = step, .layers = {layers, COUNT(layers), 0.1}});
}

static void put_sample(int64_t step, const char *prompt, const char *side, const char *text,
                       double gain) {
    struct event_token tokens[] = {
        {.id = 1, .text = text, .logprob = -1, .gain = gain, .rank = 1, .base_rank = 12},
        {.id = 2, .text = " plain", .logprob = -1, .gain = isfinite(gain) ? 0 : gain}};
    put((struct event){.type = EVENT_SAMPLE,
                       .step = step,
                       .sample = {.prompt = prompt,
                                  .side = side,
                                  .weights = "9f3ac1e2",
                                  .tokens = tokens,
                                  .n_tokens = 2,
                                  .mean_gain = gain,
                                  .kl = 0.5}});
}

static void put_problem(int64_t step, const char *text) {
    put((struct event){.type = EVENT_PROBLEM, .step = step, .problem = {false, text}});
}

/* Forty steps in two stages, whose texts are the caller's; the log stays open. */
static void train(const char *set, const char *source, const char *prompt, const char *text) {
    put_run(0, set, prompt);
    put_stage(0, "pretrain", 0, source);
    put_layers(0, false);
    for (int64_t step = 1; step <= 20; step++) put_step(step, 4 - 0.1 * (double)step);
    put_eval(20, set, 2.5, (double)NAN);
    put_stage(1, "finetune", 20, source);
    put_freeze(21, "embed", true);
    put_sample(20, prompt, "base", text, (double)NAN);
    for (int64_t step = 21; step <= 40; step++) put_step(step, 3 - 0.05 * (double)step);
    put_layers(40, true);
    put_eval(40, set, 1.25, 2.5);
    put_sample(40, prompt, "tuned", text, 2);
    put((struct event){.type = EVENT_END, .step = 40, .end = {"finished"}});
}

/* The page of n runs; well-formed, with nothing that is fetched or run. */
static void page_of(int n, struct buf *page) {
    struct err err = {0};
    int elements = 0;
    event_log_close(&event_log);
    assert_ok(report_make(runs, n, page, &err), err);
    const char *bad = xml_check(page->data, page->len, &elements);
    if (bad) fail_msg("%s", bad);
    assert_in_range(elements, 100, 100000);
    static const char *const never[] = {"<script", "<link",  "<img",       " src=\"",  "url(",
                                        "@import", "https:", "onerror=\"", "onload=\""};
    for (size_t i = 0; i < COUNT(never); i++)
        if (strstr(page->data, never[i])) fail_msg("the page has %s", never[i]);
}

static void has(const struct buf *page, const char *words) {
    if (!strstr(buf_text(page), words)) fail_msg("the page does not say: %s", words);
}

static void has_not(const struct buf *page, const char *words) {
    if (strstr(buf_text(page), words)) fail_msg("the page says: %s", words);
}

/* ---- escaping ---- */

static const struct text_case {
    const char *name, *text, *want;
} texts[] = {
    {"text: plain", "fever", "fever"},
    {"text: markup", "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"},
    {"text: an element", "</td><script>", "&lt;/td&gt;&lt;script&gt;"},
    {"text: control characters", "a\x1b[2J\x07", "a\\e[2J\\x07"},
    {"text: bidi",
     "a\xE2\x80\xAE"
     "b",
     "a\\u202eb"},
    {"text: invalid UTF-8",
     "a\xFF"
     "b",
     "a\xEF\xBF\xBD"
     "b"},
    {"text: what XML forbids", "\xEF\xBF\xBE\xEF\xBF\xBF", "\\ufffe\\uffff"},
    {"text: other scripts stay", "\xD7\x97\xD7\x9D \xE7\x86\xB1",
     "\xD7\x97\xD7\x9D \xE7\x86\xB1"},
};

static void test_text(void **state) {
    const struct text_case *c = *state;
    struct buf out = {0};
    html_put(&out, "<i title=\"%s\">%d %.2f</i>", c->text, 7, 0.5);
    char want[200];
    snprintf(want, sizeof want, "<i title=\"%s\">7 0.50</i>", c->want);
    assert_string_equal(buf_text(&out), want);
    buf_deinit(&out);
}

/* ---- axes ---- */

static const struct tick_case {
    const char *name;
    double lo, hi;
    bool log;
    int most, n;
    double first, last;
} ticks[] = {
    {"ticks: steps", 0, 510, false, 6, 6, 0, 500},
    {"ticks: a loss", 1.5, 4, false, 7, 6, 1.5, 4},
    {"ticks: within a decade", 3, 9, true, 7, 7, 3, 9},
    {"ticks: decades", 0.001, 1000, true, 7, 7, 0.001, 1000},
    {"ticks: a tiny span", 1, 1.0001, false, 5, 5, 1, 1.00008},
};

static void test_ticks(void **state) {
    const struct tick_case *c = *state;
    double at[12], step;
    int n = figure_ticks(c->lo, c->hi, c->log, c->most, at, &step);
    assert_int_equal(n, c->n);
    assert_true(fabs(at[0] - c->first) < 1e-9);
    assert_true(fabs(at[n - 1] - c->last) < 1e-6);
}

/* ---- colours ---- */

/* The relative luminance of a variable, after the place where `scheme` begins (WCAG 2.1). */
static double luminance(const char *scheme, const char *name) {
    static const double weight[] = {0.0722, 0.7152, 0.2126};
    char word[32], digits[8] = "";
    snprintf(word, sizeof word, "--%s:#", name);
    const char *at = strstr(scheme, word);
    assert_non_null(at);
    snprintf(digits, sizeof digits, "%.*s", (int)strspn(at + strlen(word), "0123456789abcdef"),
             at + strlen(word));
    long rgb = strtol(digits, NULL, 16);
    if (strlen(digits) == 3) /* each digit stands for two */
        rgb = 0x110000 * (rgb >> 8) + 0x1100 * (rgb >> 4 & 15) + 0x11 * (rgb & 15);
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = (double)(rgb >> 8 * i & 255) / 255;
        sum += weight[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

/* Text keeps 4.5:1 to what it stands on, other things 3:1; light and dark. */
static void test_contrast(void **state) {
    static const struct {
        const char *ink, *paper;
        double least;
    } pairs[] = {{"ink", "paper", 7},      {"ink", "soft", 7},    {"dim", "paper", 4.5},
                 {"dim", "soft", 4.5},     {"ink", "g1", 4.5},    {"ink", "g2", 4.5},
                 {"ink", "g3", 4.5},       {"ink", "g4", 4.5},    {"ink", "w1", 4.5},
                 {"ink", "w2", 4.5},       {"bad", "paper", 4.5}, {"good", "paper", 4.5},
                 {"accent", "paper", 4.5}, {"k0", "paper", 4.5},  {"k1", "paper", 4.5},
                 {"k2", "paper", 4.5},     {"k3", "paper", 4.5},  {"k4", "paper", 4.5},
                 {"k5", "paper", 4.5},     {"k6", "paper", 4.5},  {"k7", "paper", 4.5},
                 {"learns", "paper", 3},   {"frozen", "paper", 3}};
    (void)state;
    assert_non_null(strstr(report_style[1], "prefers-color-scheme:dark"));
    for (size_t i = 0; i < 2 * COUNT(pairs); i++) {
        const char *scheme = report_style[i % 2];
        double a = luminance(scheme, pairs[i / 2].ink),
               b = luminance(scheme, pairs[i / 2].paper);
        double ratio = (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05);
        if (ratio < pairs[i / 2].least)
            fail_msg("%s on %s (%s): %.2f", pairs[i / 2].ink, pairs[i / 2].paper,
                     i % 2 ? "dark" : "light", ratio);
    }
}

/* ---- pages ---- */

static void test_page(void **state) {
    struct buf page = {0};
    begin(state, 0, "fever");
    train("domain", "wordnet:medicine", "fever :", "temperature");
    page_of(1, &page);
    has(&page, "<title>thaw: fever</title>");
    has(&page, "wordnet:medicine</bdi> <span class=\"dim\">(4.6M tokens, 234.1k lines)");
    has(&page, "qwen3, 2 blocks, width 32, 2 heads");
    has(&page, "12.2 \xE2\x86\x92 3.5"); /* perplexity: e^2.5, e^1.25 */
    has(&page, "class=\"better\">learned");
    has(&page, "domain: 1.25 at step 40");
    has(&page,
        "title=\"+2.00 nats; base 4.98%, no. 12; tuned 36.8%, no. 1\">temperature</span>");
    has(&page, "learned from step 1 to 20, frozen from step 21 to 40");
    has(&page, "same bytes as the base");
    has(&page, "The last stage alone");
    has(&page, "folder holds no config");
    has_not(&page, "Problems");
    buf_deinit(&page);
}

/* Every text that can come from outside, with all that could end an element, an attribute or
 * the page, move the cursor, or turn the writing round. */
static void test_hostile(void **state) {
    static const char bad[] = "</title></style><script>alert(1)</script><img src=x "
                              "onerror=\"alert(1)\">&\"'\x1b[31m\xE2\x80\xAE\xEF\xBF\xBF]]>-->";
    struct buf page = {0};
    struct err err = {0};
    begin(state, 0, "<b onload=\"x\">&'");
    put_run(0, bad, bad);
    train(bad, bad, bad, bad);
    put_stage(1, bad, 40, bad);
    put_problem(40, bad);
    put((struct event){.type = EVENT_CONTROL, .step = 40, .control = {"lr", bad, bad}});
    put_freeze(41, bad, true);
    put_sample(40, bad, bad, bad, -2);
    put((struct event){.type = EVENT_END, .step = 40, .end = {bad}});
    assert_ok(files_write(runs[0].config, bad, sizeof bad - 1, &err), err);
    page_of(1, &page);
    has(&page, "&lt;script&gt;alert(1)");
    has(&page, "\\e[31m\\u202e");
    has(&page, "Problems");
    has(&page, "thaw run &#39;&lt;b onload=&quot;x&quot;&gt;&amp;&#39;\\&#39;&#39;.yaml&#39;");
    buf_deinit(&page);
    page = (struct buf){0};
    begin(state, 1, "other");
    train(bad, bad, bad, bad);
    page_of(2, &page);
    buf_deinit(&page);
}

/* Steps from 31 on were lost with their engine and made again; so was the thaw at 35. */
static void test_resumed(void **state) {
    struct fold f;
    struct err err = {0};
    begin(state, 0, "resumed");
    train("domain", "s", "p", "t");
    put_freeze(35, "embed", false);
    put_run(30, "domain", "p");
    put_stage(1, "finetune", 30, "s");
    for (int64_t step = 31; step <= 33; step++) put_step(step, 1);
    put_layers(33, true);
    event_log_close(&event_log);
    assert_ok(fold_read(&f, &runs[0], &err), err);
    assert_int_equal(f.history.train.n, 33);
    assert_int_equal(fold_state(&f, 0, 0), GROUP_UNKNOWN);
    assert_int_equal(fold_state(&f, 0, 20), GROUP_LEARNS);
    assert_int_equal(fold_state(&f, 0, 21), GROUP_FROZEN);
    assert_int_equal(fold_state(&f, 0, 36), GROUP_FROZEN);
    assert_string_equal(fold_state_word(&f), "in training");
    fold_free(&f);
}

static void test_long(void **state) {
    struct buf page = {0};
    begin(state, 0, "long");
    put_run(0, "long", "p");
    put_stage(0, "pretrain", 0, "s");
    for (int64_t step = 1; step <= 30000; step++) {
        put_step(step, 2 + sin((double)step));
        if (step % 10 == 0) put_eval(step, "domain", 2, (double)NAN);
        if (step % 5 == 0) put_freeze(step, "embed", step % 2);
    }
    page_of(1, &page);
    assert_in_range(page.len, 20000, 400000);
    has(&page, "earlier lines are left out");
    buf_deinit(&page);
}

static void test_not_begun(void **state) {
    struct buf page = {0};
    struct err err = {0};
    begin(state, 0, "empty");
    event_log_close(&event_log);
    assert_false(report_make(runs, 1, &page, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, "nothing to report yet");
    begin(state, 0, "planned");
    put_run(0, "planned", "p");
    page_of(1, &page);
    has(&page, "there is no step to show yet");
    buf_deinit(&page);
}

static void test_compared(void **state) {
    static const char *const rate[] = {"0.001", "0.002"};
    struct buf page = {0};
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        char config[200];
        begin(state, i, i ? "warm" : "cold");
        train("domain", "s", "p", i ? "yes" : "no");
        if (i) put_eval(40, "domain", 1, 2.5);
        event_log_close(&event_log);
        snprintf(config, sizeof config,
                 "name: x\nstages: [{name: a, data: [\"text:x\"], optimizer: {lr: %s}}]\n",
                 rate[i]);
        assert_ok(files_write(runs[i].config, config, strlen(config), &err), err);
    }
    page_of(2, &page);
    has(&page, "<title>thaw: cold and warm</title>");
    has(&page, "<th scope=\"row\">stages.0.optimizer.lr</th><td>0.001</td><td>0.002</td>");
    has(&page, "Loss on domain");
    has(&page, "perplexity 2.7 <span class=\"dim\">(base 12.2)</span> lowest");
    has(&page, "<a href=\"#run-1\"><bdi>warm</bdi></a>");
    buf_deinit(&page);
}

static void test_write(void **state) {
    struct buf page = {0}, file = {0};
    struct err err = {0};
    const char *path = in_folder(state, "page.html");
    begin(state, 0, "written");
    train("domain", "s", "p", "t");
    page_of(1, &page);
    assert_ok(report_write(runs, 1, path, &err), err);
    assert_ok(files_read(path, 1 << 20, &file, &err), err);
    assert_string_equal(buf_text(&page), buf_text(&file));
    assert_false(report_write(runs, 1, in_folder(state, "no/folder/x.html"), &err));
    buf_deinit(&page);
    buf_deinit(&file);
}

int main(void) {
    const struct CMUnitTest pages[] = {
        cmocka_unit_test(test_page),     cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_resumed),  cmocka_unit_test(test_long),
        cmocka_unit_test(test_compared), cmocka_unit_test(test_not_begun),
        cmocka_unit_test(test_write),
    };
    struct CMUnitTest rows[COUNT(texts) + COUNT(ticks) + 1];
    for (size_t i = 0; i < COUNT(texts); i++)
        rows[i] = (struct CMUnitTest){
            .name = texts[i].name, .test_func = test_text, .initial_state = (void *)&texts[i]};
    for (size_t i = 0; i < COUNT(ticks); i++)
        rows[COUNT(texts) + i] = (struct CMUnitTest){
            .name = ticks[i].name, .test_func = test_ticks, .initial_state = (void *)&ticks[i]};
    rows[COUNT(texts) + COUNT(ticks)] = (struct CMUnitTest)cmocka_unit_test(test_contrast);
    int failed = cmocka_run_group_tests_name("report: words and axes", rows, NULL, NULL);
    return failed + cmocka_run_group_tests_name("report", pages, folder_setup, folder_teardown);
}
