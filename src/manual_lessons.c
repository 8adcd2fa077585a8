#include <stdio.h>
#include <stdlib.h>

#include "engine/core/buf.h"
#include "src/find_lesson.h"
#include "src/lesson_file.h"
#include "src/manual.h"
#include "src/roff.h"
#include "ui/lesson.h"

static const char description[] =
    "A lesson stands beside a run on its screen: what to look at, what to try, a question. "
    "`thaw lesson NAME` starts the run and shows it; `thaw lesson NAME --class --share GROUP` "
    "lets a class watch, each at a pace of their own. This page is made from the lessons' own "
    "files, so it tells the answers, too.";
static const char format[] =
    "A lesson is a YAML file, NAME.yaml, in the folder assets/lessons where thaw is called, or "
    "in its own. Keys: name, title, minutes, config (as in `thaw run CONFIG`), set (over the "
    "config), summary, notes (for the teacher), steps. A step has title and text, and may have "
    "point, try, wait, question ({ask, answer}), keys ({only: [KEY]} or {off: [KEY]}) and "
    "expect ({set: NAME or group: NAME, measure, at_least, at_most}).";

/* ---- a lesson ---- */

/* What it says, then what it asks for; all of it a paragraph. */
static void put_step(const struct lesson_step *s, int number) {
    struct buf text = {0};
    char tag[LESSON_TITLE + 16], words[160];
    lesson_wait_words(&s->wait, words, sizeof words);
    buf_str(&text, s->text);
    if (s->attempt[0]) buf_printf(&text, "\nTry: %s.", s->attempt);
    if (*words) buf_printf(&text, "\nIt waits until %s.", words);
    if (s->ask[0]) buf_printf(&text, "\nQuestion: %s Answer: %s", s->ask, s->answer);
    for (int i = 0; i < s->n_expects; i++) {
        lesson_expect_words(&s->expects[i], words, sizeof words);
        buf_printf(&text, "\nThe run should come to: %s.", words);
    }
    snprintf(tag, sizeof tag, "%d. %s", number, s->title);
    roff_item(tag, NULL, buf_text(&text));
    buf_deinit(&text);
}

static void put_lesson(const struct lesson *l) {
    printf(".SS \"");
    roff_text(l->name);
    puts("\"");
    roff_item(l->title, NULL, l->summary);
    printf(".PP\n%d minutes, with the run of `thaw run ", l->minutes);
    roff_text(l->config);
    puts("`.");
    for (int i = 0; i < l->n_steps; i++) put_step(&l->steps[i], i + 1);
    if (l->notes[0]) roff_paragraph("For the teacher:");
    roff_paragraphs(l->notes);
}

static bool put_lessons(struct err *err) {
    struct lesson_item *list = NULL;
    int n = 0;
    struct lesson *l = malloc(sizeof *l);
    bool ok = l ? lesson_list(&list, &n, err) : err_set(err, ERR_NOMEM, "not enough memory");
    if (ok && n == 0) ok = err_set(err, ERR_IO, "there are no lessons in assets/lessons");
    for (int i = 0; ok && i < n; i++) {
        ok = lesson_read(list[i].path, l, err);
        if (ok) put_lesson(l);
    }
    free(list);
    free(l);
    return ok;
}

/* ---- what a lesson's file may say ---- */

static void put_places(void) {
    puts(".SS \"point\"");
    for (int i = 0; i < LESSON_POINTS; i++)
        roff_item(lesson_places[i].word, NULL, lesson_places[i].where);
}

static void put_waits(void) {
    puts(".SS \"wait\"");
    roff_item("stage: NAME", NULL,
              "until that stage begins; with step, until so many of its "
              "steps are done");
    roff_item("step: NUMBER", NULL, "until the run has done so many");
    roff_item("key: KEY", NULL, "until the key is pressed, as thaw(1) spells it");
    for (int i = 0; i < LESSON_FACTS; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "event: %s", lesson_facts[i].word);
        roff_item(tag, NULL, lesson_facts[i].sentence);
    }
}

static void put_measures(void) {
    puts(".SS \"measure\"\n.PP");
    for (int i = 0; i < LESSON_MEASURES; i++) {
        roff_text(lesson_measure_words[i]);
        puts(i + 1 < LESSON_MEASURES ? "," : "");
    }
}

bool manual_lessons(struct err *err) {
    roff_title("THAW\\-LESSONS", "thaw\\-lessons", 7, "the lessons that come with thaw");
    puts(".SH DESCRIPTION");
    roff_text(description);
    puts("\n.SH LESSONS");
    if (!put_lessons(err)) return false;
    puts(".SH FORMAT");
    roff_text(format);
    putchar('\n');
    put_places();
    put_waits();
    put_measures();
    puts(".SH SEE ALSO\n.BR thaw (1),\n.BR thaw\\-config (5)");
    return true;
}
