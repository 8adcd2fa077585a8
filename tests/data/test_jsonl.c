#include <stdio.h>

#include "check.h"
#include "engine/data/jsonl.h"
#include "tests/data/source_test.h"

static const char *spec_of(const char *rest) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "jsonl:%s", in_folder(rest));
    return spec;
}

/* The units of a source: each part as its role's letter, a colon, its text and a bar; a slash
 * behind the unit. */
static void assert_parts(const char *rest, const char *want) {
    static const char letters[] = "pcsua";
    struct source_text s = {0};
    struct err err = {0};
    struct buf got = {0};
    if (!source_read(spec_of(rest), &s, &err)) fail_msg("%s", err.msg);
    for (size_t i = 0; i < s.n_units; i++) {
        const struct unit *u = &s.units[i];
        if (u->n_parts == 0)
            buf_printf(&got, "%.*s|", (int)u->length, s.bytes.data + u->offset);
        for (uint32_t k = 0; k < u->n_parts; k++) {
            const struct part *p = &s.parts[u->first_part + k];
            assert_true(p->offset >= u->offset &&
                        p->offset + p->length <= u->offset + u->length);
            buf_printf(&got, "%c:%.*s|", letters[p->role], (int)p->length,
                       s.bytes.data + p->offset);
        }
        buf_str(&got, "/");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

static const struct form {
    const char *name, *text, *key, *want;
} forms[] = {
    {"jsonl: a text", "{\"text\":\"a\"}", "", "a|/"},
    {"jsonl: a prompt and its completion", "{\"completion\":\" b\",\"prompt\":\"a\"}", "",
     "p:a|c: b|/"},
    {"jsonl: a conversation",
     "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u"
     "\"},"
     "{\"role\":\"assistant\",\"content\":\"a\"}]}",
     "", "s:s|u:u|a:a|/"},
    {"jsonl: each line is what its own keys say",
     "{\"text\":\"t\"}\n{\"prompt\":\"p\",\"completion\":\"c\"}\n{\"messages\":[{\"role\":"
     "\"assistant\",\"content\":\"a\"}]}",
     "", "t|/p:p|c:c|/a:a|/"},
    {"jsonl: text comes before the others",
     "{\"prompt\":\"p\",\"completion\":\"c\",\"text\":\"t\"}", "", "t|/"},
    {"jsonl: messages come before a prompt",
     "{\"prompt\":\"p\",\"completion\":\"c\",\"messages\":[{\"role\":\"assistant\",\"content\":"
     "\"a\"}]}",
     "", "a:a|/"},
    {"jsonl: a named list of messages",
     "{\"text\":\"t\",\"turns\":[{\"role\":\"assistant\",\"content\":\"a\",\"name\":\"x\"}]}",
     "#turns", "a:a|/"},
    {"jsonl: an empty prompt", "{\"prompt\":\"\",\"completion\":\"c\"}", "", "p:|c:c|/"},
    {"jsonl: nothing in it is passed over",
     "{\"prompt\":\"\",\"completion\":\"\"}\n{\"text\":\"t\"}", "", "t|/"},
};

static void test_form(void **state) {
    const struct form *f = *state;
    char rest[64];
    put_file("case.jsonl", f->text, strlen(f->text));
    snprintf(rest, sizeof rest, "case.jsonl%s", f->key);
    assert_parts(rest, f->want);
}

static const struct fault {
    const char *name, *text, *says;
} faults[] = {
    {"jsonl: nothing known in it", "{\"text\":\"a\"}\n{\"input\":\"a\"}",
     "bad.jsonl:2: there is no text under \"text\", no \"prompt\" with a \"completion\" and no "
     "list of \"messages\": name another key as jsonl:PATH#key"},
    {"jsonl: a prompt alone", "{\"prompt\":\"a\"}", "bad.jsonl:1: there is no text"},
    {"jsonl: a list as a prompt", "{\"prompt\":[\"a\"],\"completion\":\"b\"}", "bad.jsonl:1: "},
    {"jsonl: a role that is none", "{\"messages\":[{\"role\":\"tool\",\"content\":\"a\"}]}",
     "bad.jsonl:1: message 1 has the role \"tool\"; it must be system, user or assistant"},
    {"jsonl: a system that comes late",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":"
     "\"b\"}]}",
     "message 2 is the system's, which must come first"},
    {"jsonl: content that is no text",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
     "message 1 must be {\"role\": \"user\", \"content\": \"...\"}"},
    {"jsonl: a message that is none", "{\"messages\":[\"hi\"]}", "message 1 must be {"},
    {"jsonl: nobody answers", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     "no message is the assistant's, so there is nothing to learn in it"},
    {"jsonl: no messages", "{\"messages\":[]}", "no message is the assistant's"},
};

static void test_fault(void **state) {
    const struct fault *f = *state;
    put_file("bad.jsonl", f->text, strlen(f->text));
    assert_error(spec_of("bad.jsonl"), ERR_PARSE, f->says);
}

/* Lines with one prompt are on both sides of the split, the same line on one. */
static void test_split(void **state) {
    enum { LINES = 600, DIFFERENT = 300 };
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < LINES; i++)
        buf_printf(&text,
                   i % 2 ? "{\"prompt\":\"q\",\"completion\":\"%d\"}\n"
                         : "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
                           "{\"role\":\"assistant\",\"content\":\"%d\"}]}\n",
                   i % DIFFERENT);
    put_file("split.jsonl", text.data, text.len);
    struct source_text s = {0};
    int held_out = 0;
    assert_true(source_read(spec_of("split.jsonl"), &s, NULL));
    assert_int_equal(s.n_units, LINES);
    assert_true(source_has_turns(&s));
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(s.units[i].validation, s.units[i % DIFFERENT].validation);
        held_out += s.units[i].validation;
    }
    assert_in_range(held_out, 1, LINES / 5);
    buf_deinit(&text);
    source_deinit(&s);
}

int main(void) {
    struct CMUnitTest tests[COUNT(forms) + COUNT(faults) + 1];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(forms); i++)
        tests[n++] = (struct CMUnitTest){
            .name = forms[i].name, .test_func = test_form, .initial_state = (void *)&forms[i]};
    for (size_t i = 0; i < COUNT(faults); i++)
        tests[n++] = (struct CMUnitTest){.name = faults[i].name,
                                         .test_func = test_fault,
                                         .initial_state = (void *)&faults[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_split);
    return cmocka_run_group_tests_name("jsonl", tests, make_folder, remove_folder);
}
