/* talk.h - one model's side of a conversation: what was said so far, and the next answer.
 * A model whose chat template is known is asked in it, with all turns that its context holds: the oldest go
 * first, a question with its answer. Any other has no turns: it goes on with each line, as `thaw generate`. */
#ifndef THAW_SRC_TALK_H
#define THAW_SRC_TALK_H
#include "engine/data/chat.h"
#include "src/text_stream.h"

struct talk_turn {
    enum part_role role;
    struct buf text;
};

struct talk {
    struct model model;
    const struct chat_template *chat; /* NULL: no turns */
    struct decoder *decoder;
    char *system; /* NULL: none */
    struct talk_turn *turns;
    size_t n, capacity;
};

/* Open MODEL. `chat` NULL: as its files have it. Stays where it was opened. */
bool talk_open(const char *word, const struct model_options *o, const struct chat_template *chat,
               struct talk *out, struct err *err);
void talk_close(struct talk *t); /* an empty one is fine */

void talk_forget(struct talk *t);                                            /* all turns */
bool talk_set_system(struct talk *t, const char *text, struct err *err);     /* "": none */

/* How an answer is made, and where it goes. */
struct talk_plan {
    const struct sampling *sampling;
    uint64_t turn;
    bool silent;                       /* it is not printed as it comes */
    const volatile sig_atomic_t *halt; /* ends it when it is not 0 */
};

struct talk_answer {
    struct text_stream stream; /* its text and tokens */
    size_t dropped;            /* turns that no longer fitted */
    double seconds;
};

/* Answer a line, and remember both. An answer that is halted is remembered as far as it came. ERR_RANGE when
 * the line alone does not fit: then nothing was said. Release with text_stream_deinit(&out->stream). */
bool talk_answer(struct talk *t, const char *line, const struct talk_plan *plan, struct talk_answer *out,
                 struct err *err);
#endif
