/* fuzz_lesson.c - any bytes as a lesson: refused with a message, or one whose every step can be
 * shown and left. Built as a libFuzzer target, and into test_fuzz_lesson. */
#include <stdlib.h>
#include <string.h>

#include "src/lesson_file.h"
#include "ui/lesson_state.h"
#include "ui/lesson_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* Every step at the smallest and at a usual size. */
static void show(const struct lesson *l, const struct history *h, struct canvas *c, int w,
                 int height) {
    struct lesson_progress at;
    struct layout layout = layout_make_lesson(w, height, -1, 0, LAYOUT_LESSON);
    require(canvas_resize(c, w, height, NULL));
    for (int i = 0; i < l->n_steps; i++) {
        lesson_begin(&at, l, i);
        require(at.step == i);
        at.revealed = true;
        at.scroll = LESSON_TEXT;
        const struct lesson_view v = {l, &at, h, false};
        lesson_view_draw(&v, c, layout.lesson);
        for (int k = 0; k < l->steps[i].n_expects; k++) lesson_met(&l->steps[i].expects[k], h);
    }
}

/* What is read as a state is written so that it is read again. */
static void read_state(const uint8_t *data, size_t size) {
    char word[512];
    struct lesson_state first, second;
    struct buf once = {0};
    size_t n = size < sizeof word - 1 ? size : sizeof word - 1;
    memcpy(word, data, n);
    word[n] = '\0';
    if (!lesson_state_parse(word, &first, NULL)) return;
    lesson_state_write(&first, &once);
    require(lesson_state_parse(buf_text(&once), &second, NULL));
    require(second.step == first.step && second.seed == first.seed &&
            second.n_sets == first.n_sets && strcmp(second.name, first.name) == 0);
    for (int i = 0; i < first.n_sets; i++) require(strcmp(first.sets[i], second.sets[i]) == 0);
    buf_deinit(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct lesson lesson;
    static struct history history;
    struct canvas canvas = {.cells = NULL};
    struct err err = {0};
    read_state(data, size);
    if (!lesson_parse((const char *)data, size, "fuzz", &lesson, &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    require(lesson.n_steps >= 1 && lesson.n_steps <= LESSON_STEPS);
    history_init(&history);
    require(canvas_init(&canvas, 80, 24, GLYPHS_ASCII, &err));
    show(&lesson, &history, &canvas, 40, 8);
    show(&lesson, &history, &canvas, 80, 24);
    canvas_deinit(&canvas);
    history_deinit(&history);
    return 0;
}
