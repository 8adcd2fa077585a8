#include <stdio.h>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/data/chat.h"
#include "engine/data/source_pieces.h"
#include "engine/data/tokenize.h"
#include "engine/data/tokens_format.h"
#include "tests/data/data_test.h"

/* ---- texts ---- */

static const char *const words[] = {"the ",  "fever",   " of",    " a",     "\xc3\xa4hre",
                                    " 1234", " heals.", " don't", "  two ", "river"};

/* Text of several pieces (source_pieces.h): `gap` between units of one to twelve words. */
static const char *put_long(const char *name, size_t bytes, const char *gap) {
    struct rng r = rng_make(3, bytes, gap[1] != '\0');
    struct buf b = {0};
    while (b.len < bytes) {
        for (uint64_t n = 1 + rng_below(&r, 12); n > 0; n--)
            buf_str(&b, words[rng_below(&r, COUNT(words))]);
        buf_str(&b, gap);
    }
    const char *path = put_file(name, b.data, b.len);
    buf_deinit(&b);
    return path;
}

/* Texts, prompts with completions, conversations: first many of the former, so that what is
 * learned is only told apart in a later piece. */
static void put_jsonl(const char *name, bool turns) {
    struct buf b = {0};
    for (int i = 0; i < 9000; i++)
        buf_printf(&b, "{\"text\": \"number %d of the texts that are all learned\"}\n", i);
    for (int i = 0; i < 9000; i++)
        buf_printf(&b, "{\"prompt\": \"what is %d?\", \"completion\": \" it is %d\"}\n", i,
                   i + 1);
    for (int i = 0; turns && i < 5000; i++)
        buf_printf(&b,
                   "{\"messages\": [{\"role\": \"user\", \"content\": \"say %d\"}, {\"role\": "
                   "\"assistant\", \"content\": \"it is %d\"}]}\n",
                   i, i);
    put_file(name, b.data, b.len);
    buf_deinit(&b);
}

static int make_texts(void **state) {
    if (make_folder(state)) return -1;
    put_long("paragraphs.txt", 3 * PIECE_BYTES, "\n\n");
    put_long("lines.txt", 2 * PIECE_BYTES + 5, "\n");
    put_file("short.txt", TEXT("\xef\xbb\xbf"
                               "one\r\n\r\ntwo\nlines\n \nthree"));
    put_file("empty.txt", TEXT(""));
    put_jsonl("turns.jsonl", true);
    put_jsonl("answers.jsonl", false);
    return 0;
}

static const struct sources {
    const char *name, *specs[3]; /* %s: the test's folder */
    bool alone;
} sources[] = {
    {"tokens: paragraphs", {"text:%s/paragraphs.txt"}, false},
    {"tokens: lines", {"text:%s/lines.txt"}, false},
    {"tokens: a folder and a pattern", {"text:%s", "text:%s/s*.txt"}, false},
    {"tokens: answers", {"jsonl:%s/answers.jsonl"}, false},
    {"tokens: answers, each alone", {"jsonl:%s/answers.jsonl"}, true},
    {"tokens: conversations", {"jsonl:%s/turns.jsonl"}, false},
    {"tokens: conversations behind text", {"text:%s/lines.txt", "jsonl:%s/turns.jsonl"}, true},
    {"tokens: questions of a grammar", {"grammar:cricket:match:300"}, false},
    {"tokens: text around a grammar",
     {"text:%s/lines.txt", "grammar:cricket:match:300", "text:%s/short.txt"},
     false},
};

/* The specs with the folder's name; n of them. */
static int spell_specs(const struct sources *c, char out[3][256], const char *specs[3]) {
    int n = 0;
    for (; n < 3 && c->specs[n]; n++) {
        const char *mark = strstr(c->specs[n], "%s");
        int before = mark ? (int)(mark - c->specs[n]) : (int)strlen(c->specs[n]);
        snprintf(out[n], 256, "%.*s%s%s", before, c->specs[n], mark ? folder : "",
                 mark ? mark + 2 : "");
        specs[n] = out[n];
    }
    return n;
}

static struct tokenize_result make(const struct tokenize_plan *plan, const char *path) {
    struct tokenize_result r;
    struct err err = {0};
    if (!tokenize(plan, path, &r, &err)) fail_msg("%s", err.msg);
    return r;
}

/* ---- the same tokens ---- */

static void assert_same_corpus(const struct corpus *a, const struct corpus *b) {
    assert_int_equal(a->n_units, b->n_units);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_int_equal(a->n_learned, b->n_learned);
    assert_int_equal(a->n_bytes, b->n_bytes);
    assert_int_equal(a->n_lines, b->n_lines);
    assert_int_equal(a->alone, b->alone);
    assert_memory_equal(a->starts, b->starts, (a->n_units + 1) * sizeof *a->starts);
    for (size_t i = 0; i < a->n_units; i++)
        assert_int_equal(corpus_answer(a, i), corpus_answer(b, i));
    for (size_t i = 0; i < a->n_tokens; i++)
        if (corpus_token(a, i) != corpus_token(b, i)) fail_msg("token %zu is another", i);
    for (size_t i = 0; i < a->n_tokens; i++)
        if ((a->learned ? a->learned[i] : 1) != (b->learned ? b->learned[i] : 1))
            fail_msg("token %zu is not learned in both", i);
}

static void test_same_tokens(void **state) {
    const struct sources *c = *state;
    char spelled[3][256];
    const char *specs[3], *path = in_folder(".corpus.tokens") /* hidden: no source */;
    struct err err = {0};
    struct source_text text = {0};
    struct tokenize_plan plan = {
        .specs = specs, .vocab = 400, .form = {.alone = c->alone}, .threads = 2};
    plan.n_specs = spell_specs(c, spelled, specs);
    struct tokenize_result r = make(&plan, path);
    struct tokenizer *t = tokens_tokenizer(path, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_vocab(t), r.vocab);
    for (int i = 0; i < plan.n_specs; i++) assert_true(source_read(specs[i], &text, NULL));
    for (int s = SPLIT_TRAIN; s <= SPLIT_VAL; s++) {
        struct corpus whole, mapped;
        assert_true(
            corpus_build_as(&text, (enum split)s, plan.form, t, NULL, NULL, &whole, NULL));
        if (!tokens_corpus(path, (enum split)s, plan.form, t, NULL, NULL, &mapped, &err))
            fail_msg("%s", err.msg);
        assert_same_corpus(&whole, &mapped);
        assert_true(corpus_hash(&whole) == corpus_hash(&mapped));
        whole.tokens[whole.n_tokens - 1] ^= 1;
        assert_true(corpus_hash(&whole) != corpus_hash(&mapped));
        corpus_deinit(&whole);
        corpus_deinit(&mapped);
        assert_null(mapped.map.data);
    }
    source_deinit(&text);
    tokenizer_destroy(t);
    assert_int_equal(unlink(path), 0);
}

static struct buf bytes_of(const char *path) {
    struct buf b = {0};
    assert_true(files_read(path, 1u << 26, &b, NULL));
    return b;
}

/* The vocabulary is that of a run (corpus_teach in order), and the file the same for any number
 * of threads. */
static void test_any_threads(void **state) {
    (void)state;
    struct buf first = {0};
    char spelled[3][256];
    const char *specs[3];
    const struct sources mixed = {
        NULL,
        {"text:%s/paragraphs.txt", "jsonl:%s/turns.jsonl", "grammar:cricket:match:300"},
        false};
    int n = spell_specs(&mixed, spelled, specs);
    for (int threads = 1; threads <= 5; threads += 2) {
        struct tokenize_plan plan = {
            .specs = specs, .n_specs = n, .vocab = 500, .threads = threads};
        make(&plan, in_folder("t.tokens"));
        struct buf b = bytes_of(in_folder("t.tokens"));
        if (threads == 1) {
            first = b;
            continue;
        }
        assert_int_equal(b.len, first.len);
        assert_memory_equal(b.data, first.data, b.len);
        buf_deinit(&b);
    }
    buf_deinit(&first);
    assert_int_equal(unlink(in_folder("t.tokens")), 0);
}

static void test_text_again(void **state) {
    (void)state;
    char spec[256];
    const char *specs[] = {spec};
    struct source_text text = {0}, again = {0};
    snprintf(spec, sizeof spec, "text:%s", in_folder("lines.txt"));
    struct tokenize_plan plan = {.specs = specs, .n_specs = 1, .vocab = 300};
    make(&plan, in_folder("t.tokens"));
    assert_true(source_read(spec, &text, NULL));
    snprintf(spec, sizeof spec, "tokens:%s", in_folder("t.tokens"));
    assert_true(source_read(spec, &again, NULL));
    assert_int_equal(again.n_units, text.n_units);
    size_t at = 0; /* of again: training comes first there */
    for (int s = SPLIT_TRAIN; s <= SPLIT_VAL; s++)
        for (size_t i = 0; i < text.n_units; i++) {
            if (text.units[i].validation != (s == SPLIT_VAL)) continue;
            const struct unit *u = &again.units[at++];
            assert_int_equal(u->validation, s == SPLIT_VAL);
            assert_int_equal(u->length, text.units[i].length);
            assert_memory_equal(again.bytes.data + u->offset,
                                text.bytes.data + text.units[i].offset, u->length);
        }
    source_deinit(&text);
    source_deinit(&again);
    assert_int_equal(unlink(in_folder("t.tokens")), 0);
}

/* ---- writing ---- */

/* A vocabulary of more tokens than 16 bits number. */
static struct tokenizer *large_vocabulary(void) {
    struct buf json = {0};
    struct tokenizer *small = train(TEXT("a"), 257);
    tokenizer_write(small, &json);
    tokenizer_destroy(small);
    char *behind = strstr(json.data, "\"merges\""), *end = behind;
    while (*end != '}') end--; /* of the vocabulary */
    struct buf text = {0};
    buf_add(&text, json.data, (size_t)(end - json.data));
    for (int i = 257; i < 70000; i++) buf_printf(&text, ",\"w%d\":%d", i, i);
    buf_str(&text, end);
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(text.data, text.len, &err);
    if (!t) fail_msg("%s", err.msg);
    buf_deinit(&json);
    buf_deinit(&text);
    return t;
}

static void test_wide_ids(void **state) {
    (void)state;
    struct tokenizer *t = large_vocabulary();
    int32_t ids[] = {1, 69999, 65536, 2};
    size_t starts[] = {0, 3, 4};
    struct corpus c = {.tokens = ids,
                       .n_tokens = 4,
                       .starts = starts,
                       .n_units = 2,
                       .n_learned = 4,
                       .n_bytes = 9,
                       .n_lines = 2},
                  back;
    struct err err = {0};
    uint64_t bytes;
    struct tokens_writer *w = tokens_writer_create(in_folder("wide"), t, false, &err);
    assert_non_null(w);
    assert_true(tokens_writer_add(w, SPLIT_TRAIN, &c, &err));
    assert_true(tokens_writer_finish(w, &bytes, &err));
    tokens_writer_destroy(w);
    struct buf b = bytes_of(in_folder("wide"));
    assert_int_equal(b.len, bytes);
    buf_deinit(&b);
    if (!tokens_corpus(in_folder("wide"), SPLIT_TRAIN, (struct corpus_form){.alone = false}, t,
                       NULL, NULL, &back, &err))
        fail_msg("%s", err.msg);
    assert_null(back.narrow);
    assert_same_corpus(&c, &back);
    corpus_deinit(&back);
    assert_false(tokens_corpus(in_folder("wide"), SPLIT_VAL,
                               (struct corpus_form){.alone = false}, t, NULL, NULL, &back,
                               &err));
    assert_non_null(strstr(err.msg, "nothing for validation"));
    tokenizer_destroy(t);
    assert_int_equal(unlink(in_folder("wide")), 0);
}

static int entries(const char *path) {
    int n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static bool stop_late(void *ctx, const char *what, double done, double total) {
    int *left = ctx;
    (void)done, (void)total;
    return strcmp(what, "turning text into tokens") != 0 || --*left > 0;
}

/* Who gives up, or fails, leaves the folder as it was, with the file of before. */
static void test_nothing_left(void **state) {
    (void)state;
    char spec[256];
    const char *specs[] = {spec, "text:/nowhere/at/all"};
    struct err err = {0};
    struct tokenize_result r;
    int left = 2;
    put_file("old.tokens", TEXT("old"));
    int before = entries(folder);
    snprintf(spec, sizeof spec, "text:%s", in_folder("paragraphs.txt"));
    struct tokenize_plan plan = {.specs = specs,
                                 .n_specs = 1,
                                 .vocab = 300,
                                 .progress = stop_late,
                                 .ctx = &left,
                                 .threads = 1};
    assert_false(tokenize(&plan, in_folder("old.tokens"), &r, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    plan.n_specs = 2;
    assert_false(tokenize(&plan, in_folder("old.tokens"), &r, &err));
    assert_non_null(strstr(err.msg, "/nowhere/at/all"));
    put_file("bad.txt", TEXT("good\nbad \xff\n"));
    snprintf(spec, sizeof spec, "text:%s", in_folder("bad.txt"));
    plan.n_specs = 1;
    left = 100;
    assert_false(tokenize(&plan, in_folder("old.tokens"), &r, &err));
    assert_non_null(strstr(err.msg, "bad.txt:2: byte 0xff"));
    assert_int_equal(unlink(in_folder("bad.txt")), 0);
    assert_int_equal(entries(folder), before);
    struct buf old = bytes_of(in_folder("old.tokens"));
    assert_string_equal(old.data, "old");
    buf_deinit(&old);
    assert_int_equal(unlink(in_folder("old.tokens")), 0);
}

/* ---- what is refused ---- */

/* One of the splits is, at least. */
static void assert_refused(const char *path, struct corpus_form form, const struct tokenizer *t,
                           const char *says) {
    struct corpus c[2];
    struct err err = {0};
    bool taken = tokens_corpus(path, SPLIT_TRAIN, form, t, NULL, NULL, &c[0], &err) &&
                 tokens_corpus(path, SPLIT_VAL, form, t, NULL, NULL, &c[1], &err);
    if (taken) fail_msg("it is taken, and should say: %s", says);
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say: %s", err.msg, says);
    corpus_deinit(&c[0]);
}

static void test_other_form(void **state) {
    (void)state;
    char spec[256];
    const char *specs[] = {spec};
    snprintf(spec, sizeof spec, "jsonl:%s", in_folder("turns.jsonl"));
    struct tokenize_plan plan = {.specs = specs, .n_specs = 1, .vocab = 300};
    make(&plan, in_folder("t.tokens"));
    struct tokenizer *own = tokens_tokenizer(in_folder("t.tokens"), NULL),
                     *other = train(TEXT("a"), 257);
    struct corpus_form packed = {.alone = false}, alone = {.alone = true};
    struct corpus_form zephyr = {.chat = chat_find("zephyr")};
    assert_refused(in_folder("t.tokens"), packed, other, "another tokenizer");
    assert_refused(in_folder("t.tokens"), alone, own, "packing: true");
    assert_refused(in_folder("t.tokens"), zephyr, own, "written as plain");
    assert_refused(in_folder("lines.txt"), packed, own, "is no file of tokens");
    tokenizer_destroy(own);
    tokenizer_destroy(other);
    assert_int_equal(unlink(in_folder("t.tokens")), 0);
}

static struct tokens_tail *tail_of(struct buf *b) {
    return (struct tokens_tail *)(void *)(b->data + b->len - sizeof(struct tokens_tail));
}

/* One field of the tail is another, and the sum of the tail is right. */
static void refuse_tail(const struct buf *good, const struct tokenizer *t, size_t at,
                        uint64_t value, size_t n) {
    struct buf b = {0};
    buf_add(&b, good->data, good->len);
    memcpy((char *)tail_of(&b) + at, &value, n);
    tail_of(&b)->sum = tokens_tail_sum(tail_of(&b));
    put_file("bad.tokens", b.data, b.len);
    assert_refused(in_folder("bad.tokens"), (struct corpus_form){.alone = false}, t,
                   n == 4 && at == 0 ? "is of version"
                   : value           ? "the file is damaged"
                                     : "bad.tokens");
    buf_deinit(&b);
}

static void refuse_lengths(const struct buf *good, const struct tokenizer *t) {
    static const uint64_t counts[] = {0, 1, 1ull << 40, 1ull << 61, 1ull << 63, UINT64_MAX};
    static const size_t places[] = {offsetof(struct tokens_tail, tokenizer_bytes),
                                    offsetof(struct tokens_tail, splits[0].units),
                                    offsetof(struct tokens_tail, splits[0].tokens),
                                    offsetof(struct tokens_tail, splits[1].units),
                                    offsetof(struct tokens_tail, splits[1].tokens),
                                    offsetof(struct tokens_tail, splits[0].learned)};
    for (size_t p = 0; p < COUNT(places); p++)
        for (size_t i = 0; i < COUNT(counts); i++)
            refuse_tail(good, t, places[p], counts[i], 8);
    refuse_tail(good, t, offsetof(struct tokens_tail, vocab), 0, 4);
    refuse_tail(good, t, offsetof(struct tokens_tail, vocab), 1u << 31, 4);
    refuse_tail(good, t, offsetof(struct tokens_tail, n_ends), 9, 4);
    refuse_tail(good, t, offsetof(struct tokens_tail, flags), TOKENS_ALONE, 4);
    refuse_tail(good, t, offsetof(struct tokens_tail, flags), 1u << 31, 4);
    refuse_tail(good, t, offsetof(struct tokens_tail, chat), UINT64_MAX, 8);
    refuse_tail(good, t, offsetof(struct tokens_tail, version), 2, 4);
}

/* A small file: cut at every byte, each byte another, sizes that overlap, wrap or lie outside.
 */
static void test_damaged(void **state) {
    (void)state;
    struct tokenizer *t = train(TEXT("abcabc"), 258);
    int32_t ids[] = {1, 2, 0, 3, 0};
    size_t starts[] = {0, 3, 5};
    struct corpus c = {
        .tokens = ids, .n_tokens = 5, .starts = starts, .n_units = 2, .n_learned = 5};
    struct corpus_form packed = {.alone = false};
    struct tokens_writer *w = tokens_writer_create(in_folder("good"), t, false, NULL);
    assert_true(w && tokens_writer_add(w, SPLIT_TRAIN, &c, NULL));
    assert_true(tokens_writer_add(w, SPLIT_VAL, &c, NULL) &&
                tokens_writer_finish(w, NULL, NULL));
    tokens_writer_destroy(w);
    struct buf good = bytes_of(in_folder("good"));
    for (size_t n = 0; n < good.len; n += 1 + n / 64) {
        put_file("bad.tokens", good.data, n);
        assert_refused(in_folder("bad.tokens"), packed, t,
                       n < TOKENS_ALIGN ? "is no file" : "damaged");
    }
    for (size_t i = 0; i < good.len; i++) {
        bool list = i >= 64 && i < 64 + sizeof ids / 2;
        bool tail = i >= good.len - sizeof(struct tokens_tail);
        if (!list && !tail) continue;
        good.data[i] ^= 4;
        put_file("bad.tokens", good.data, good.len);
        good.data[i] ^= 4;
        assert_refused(in_folder("bad.tokens"), packed, t, "bad.tokens");
    }
    refuse_lengths(&good, t);
    buf_deinit(&good);
    tokenizer_destroy(t);
    assert_int_equal(unlink(in_folder("good")) + unlink(in_folder("bad.tokens")), 0);
}

/* ---- memory ---- */

/* Peak of a process that tokenises a text of so many MiB, in KiB. */
static long peak_of(int mib) {
    int out[2];
    long peak = 0;
    char name[32], spec[256];
    const char *specs[] = {spec};
    snprintf(name, sizeof name, "%d.txt", mib);
    put_long(name, (size_t)mib << 20, "\n");
    snprintf(spec, sizeof spec, "text:%s", in_folder(name));
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        struct tokenize_plan plan = {.specs = specs, .n_specs = 1, .vocab = 300, .threads = 1};
        struct tokenize_result r;
        struct rusage used;
        bool ok = tokenize(&plan, in_folder("big.tokens"), &r, NULL);
        getrusage(RUSAGE_SELF, &used);
        if (ok) ok = write(out[1], &used.ru_maxrss, sizeof used.ru_maxrss) > 0;
        _exit(ok ? 0 : 1);
    }
    close(out[1]);
    assert_int_equal(read(out[0], &peak, sizeof peak), sizeof peak);
    close(out[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(unlink(in_folder(name)), 0);
    assert_int_equal(unlink(in_folder("big.tokens")), 0);
    return peak;
}

/* Forty MiB more of text take less than four of memory, mapped pages counted. */
static void test_memory(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* what is freed is kept back for a while; of what is used there is a shadow */
#endif
    long small = peak_of(16), large = peak_of(56);
    if (large > small + 4096) fail_msg("16 MiB take %ld KiB, 56 take %ld", small, large);
}

int main(void) {
    struct CMUnitTest tests[COUNT(sources) + 7] = {
        cmocka_unit_test(test_any_threads), cmocka_unit_test(test_text_again),
        cmocka_unit_test(test_wide_ids),    cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_other_form),  cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_memory)};
    for (size_t i = 0; i < COUNT(sources); i++)
        tests[7 + i] = (struct CMUnitTest){.name = sources[i].name,
                                           .test_func = test_same_tokens,
                                           .initial_state = (void *)&sources[i]};
    return cmocka_run_group_tests_name("tokens", tests, make_texts, remove_folder);
}
