#include <stdio.h>

#include "check.h"
#include "engine/data/html.h"
#include "tests/data/data_test.h"

static void assert_units(const struct source_text *s, const char *want) {
    struct buf got = {0};
    for (size_t i = 0; i < s->n_units; i++) {
        buf_add(&got, s->bytes.data + s->units[i].offset, s->units[i].length);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
}

static const struct page_case {
    const char *name, *page, *units;
} pages[] = {
    {"html: paragraphs", "<html><body><p>One\n two.</p><p>Three.</p></body></html>",
     "One two.|Three.|"},
    {"html: tags inside a line", "<P>A <b>big</b> <a href=\"x>\">dog</a>.", "A big \">dog.|"},
    {"html: tags that part", "a<br>b<li>c<h1>d</h1>e<custom>f", "a|b|c|d|e|f|"},
    {"html: characters", "a &amp; b &lt;c&gt; &quot;d&quot;&nbsp;&nbsp;e &#8212; &#x2014;",
     "a & b <c> \"d\" e \u2014 \u2014|"},
    {"html: blanks by number", "a &#x20;b&#32;&#160; c<p>&#32;", "a b c|"},
    {"html: characters that are none", "a & b &nope; &#0; &#x7f; &#1114112; &",
     "a & b &nope; &#0; &#x7f; &#1114112; &|"},
    {"html: what is hidden",
     "<head><title>t</title></head>a<script>\"</p>\" < 1</script><style>b</style>c<pre>d\n"
     "e</pre>f<nav>g</nav>",
     "a|c|f|"},
    {"html: hidden to the end", "a<script>b", "a|"},
    {"html: nothing to hide", "a<script src=x/>b", "a|b|"},
    {"html: comments", "a<!-- <p>b</p> -->c<!-- d", "ac|"},
    {"html: not every < is a tag", "1 < 2 and 3<4 <", "1 < 2 and 3<4 <|"},
    {"html: a tag without an end", "a<b", "a|"},
    {"html: nothing", "<p> </p>\n<p>&nbsp;</p>", ""},
};

static void test_page(void **state) {
    const struct page_case *c = *state;
    struct source_text s = {0};
    assert_true(html_add(c->page, strlen(c->page), &s, NULL));
    assert_units(&s, c->units);
    source_deinit(&s);
}

/* Of a folder only pages; a file by its name whatever it is called. */
static void test_files(void **state) {
    (void)state;
    struct source_text s = {0};
    struct err err = {0};
    char spec[4300], out[4300];
    assert_true(files_make_dirs(in_folder("site/sub"), 0700, NULL));
    put_file("site/b.html", TEXT("<p>second"));
    put_file("site/a.HTML.txt", TEXT("no page"));
    put_file("site/old.html", TEXT("<p>na\xefve"));
    put_file("site/logo.png", TEXT("\x89PNG\0"));
    put_file("site/sub/c.htm", TEXT("<p>third"));
    snprintf(spec, sizeof spec, "html:%s", in_folder("site"));
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    snprintf(spec, sizeof spec, "html:%s", in_folder("site/a.HTML.txt"));
    assert_true(source_read(spec, &s, &err));
    assert_units(&s, "second|third|no page|");
    snprintf(spec, sizeof spec, "html:%s", in_folder("site/logo.png"));
    assert_false(source_read(spec, &s, &err));
    assert_non_null(strstr(err.msg, "logo.png: it is empty"));
    assert_true(source_absolute("html:x", out, sizeof out, NULL));
    assert_memory_equal(out, "html:/", 6);
    source_deinit(&s);
}

int main(void) {
    static const struct CMUnitTest others[] = {cmocka_unit_test(test_files)};
    struct CMUnitTest tests[COUNT(pages) + COUNT(others)];
    for (size_t i = 0; i < COUNT(pages); i++)
        tests[i] = (struct CMUnitTest){
            .name = pages[i].name, .test_func = test_page, .initial_state = (void *)&pages[i]};
    memcpy(tests + COUNT(pages), others, sizeof others);
    return cmocka_run_group_tests_name("html", tests, make_folder, remove_folder);
}
