/* command.h - what may be asked of a running engine: one table for the socket, the screen's `:` line,
 * `thaw send`, help and man page. Values only. */
#ifndef THAW_ENGINE_RUN_COMMAND_H
#define THAW_ENGINE_RUN_COMMAND_H
#include <limits.h>
#include <stdint.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

enum command_kind {
    COMMAND_FREEZE, COMMAND_UNFREEZE, COMMAND_LR, COMMAND_PAUSE, COMMAND_RESUME,
    COMMAND_SINGLE_STEP, COMMAND_NEXT_STAGE, COMMAND_CHECKPOINT, COMMAND_FORK, COMMAND_ROLLBACK,
    COMMAND_SAMPLE, COMMAND_EVAL, COMMAND_STOP, COMMAND_COUNT
};

/* ARGUMENT_STEP may be left out, the others may not. */
enum command_argument { ARGUMENT_NONE, ARGUMENT_GROUPS, ARGUMENT_NUMBER, ARGUMENT_TEXT, ARGUMENT_STEP };

struct command_info {
    const char *word;     /* "freeze", the verb and the value of "do" */
    const char *key;      /* JSON key of the argument: "groups"; NULL: none */
    enum command_argument type;
    const char *help;     /* "stop learning in GROUPS from the next step on" */
};
extern const struct command_info command_infos[COMMAND_COUNT];

struct command {
    enum command_kind kind;
    int64_t id;          /* the asker's own, echoed in the answer */
    char text[480];      /* groups, or the prompt */
    double number;       /* lr */
    char by[64];         /* who: "screen", "send", a name */
    /* sample only; defaults by the engine when the flags are unset */
    bool has_seed, has_temperature;
    uint64_t seed;
    double temperature;
    /* fork and rollback only: what is to be other than it was; the rate is in `number`, the groups that
     * are to be frozen instead of the present ones in `text`, "none" among them */
    bool has_lr, has_freeze, has_step;
    char name[64]; /* of the fork; "": the engine finds one */
    int64_t step;  /* to go back to */
};

/* From words as typed: {"freeze", "0-3"}. ERR_USAGE says what to type. */
bool command_from_words(const char *const *words, int n, struct command *out, struct err *err);
/* From one line of JSON: {"id":1,"do":"freeze","groups":"0-3","by":"screen"}. When it is refused,
 * out->id is still the asker's where it could be read. */
bool command_from_json(const char *line, size_t n, struct command *out, struct err *err);
void command_to_json(const struct command *c, struct buf *out); /* with newline */
/* The command as it is typed: `fork --name other --lr 0.0001`. A prompt stands in quotes. */
void command_to_words(const struct command *c, struct buf *out);
/* The same without the verb: what the log tells of fork and rollback. */
void command_arguments(const struct command *c, struct buf *out);
/* Option number i of a verb, as "--lr X": *word gets "--lr", *value "X". False: it has no so many. */
bool command_option(enum command_kind kind, int i, const char **word, const char **value);

/* The engine's answer. */
struct answer {
    int64_t id;
    bool ok;
    int64_t step; /* the first step for which it holds */
    char run[PATH_MAX]; /* of a fork: the new run's folder, for the asker to start its engine; else "" */
    char error[480];
};
void answer_to_json(const struct answer *a, struct buf *out); /* with newline */
bool answer_from_json(const char *line, size_t n, struct answer *out, struct err *err);

/* What an engine says unasked, where its log cannot: {"notice":"the disk is full: ..."}; "": that is
 * over. Who does not know it skips the line, as one with no answer in it. */
enum { NOTICE_MAX = 480 };
void notice_to_json(const char *text, struct buf *out); /* with newline */
bool notice_from_json(const char *line, size_t n, char out[NOTICE_MAX]); /* false: it is none */
#endif
