/* fuzz_event.c - any bytes as a line of events.jsonl: refused with a message, or an event that
 * is written and read back without change. Built as a libFuzzer target, and into
 * test_fuzz_event. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* A space behind the brace sends a step to the JSON library; where both ways read it, they
 * agree. */
static void compare_ways(const struct event *quick, const char *line, size_t n) {
    struct buf spaced = {0};
    struct event slow;
    buf_str(&spaced, "{ ");
    buf_add(&spaced, line + 1, n - 1);
    if (event_parse(spaced.data, spaced.len, &slow, NULL)) {
        require(slow.type == EVENT_STEP && slow.seq == quick->seq && slow.step == quick->step);
        require(same(slow.stp.loss, quick->stp.loss) && same(slow.stp.lr, quick->stp.lr));
        require(slow.stp.tokens == quick->stp.tokens && same(slow.stp.total, quick->stp.total));
        event_deinit(&slow);
    }
    buf_deinit(&spaced);
}

/* Write the event, release it, and put what is read back in its place. */
static void trip(struct event *e, struct buf *line) {
    struct event back;
    event_write(e, line);
    require(!line->failed && memchr(line->data, '\n', line->len) == line->data + line->len - 1);
    require(event_parse(line->data, line->len, &back, NULL));
    require(back.type == e->type && back.seq == e->seq && back.step == e->step);
    event_deinit(e);
    *e = back;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err err = {0};
    struct event e;
    struct buf lines[3] = {{0}, {0}, {0}};
    const char *text = (const char *)data;
    if (!event_parse(text, size, &e, &err)) {
        require(err.code != ERR_NONE && err.msg[0] != '\0');
        return 0;
    }
    if (e.type == EVENT_STEP && !e.memory) compare_ways(&e, text, size);
    for (int i = 0; i < 3; i++) trip(&e, &lines[i]);
    /* the first trip may round to a number that has a shorter form */
    require(strcmp(lines[1].data, lines[2].data) == 0);
    for (int i = 0; i < 3; i++) buf_deinit(&lines[i]);
    event_deinit(&e);
    return 0;
}
