/* hostile_log.h - the events of a run in which every text is a hostile one, each in its turn. */
#ifndef THAW_TESTS_UI_HOSTILE_LOG_H
#define THAW_TESTS_UI_HOSTILE_LOG_H
#include "engine/run/event.h"
#include "ui/hostile.h"

enum { HOSTILE_NAMES = 5, HOSTILE_NAME_BYTES = 96 };

struct hostile_log {
    struct hostile texts;
    int next; /* the text that comes next */
    char names[HOSTILE_NAMES][HOSTILE_NAME_BYTES]; /* of three groups and two sets; keys, so they differ */
    void (*put)(void *context, struct event *e);   /* e without seq and t */
    void *context;
};

void hostile_log_begin(struct hostile_log *l, void (*put)(void *context, struct event *e), void *context);
void hostile_log_deinit(struct hostile_log *l);
const char *hostile_log_text(struct hostile_log *l); /* the next one; valid until deinit */

/* Put `run`, `progress` and the beginning of the second of two stages. */
void hostile_log_plan(struct hostile_log *l);
/* Put every other kind of event but `end`, at `step` and up to three steps on. */
void hostile_log_facts(struct hostile_log *l, int64_t step);
#endif
