/* wishes.h - what the user asked for and the run has not yet told as a fact: pending commands,
 * groups on their way to another state, and the way back (undo). A wish ends when its fact is
 * told, when the engine refuses it, or when the fact cannot come any more. */
#ifndef THAW_UI_WISHES_H
#define THAW_UI_WISHES_H
#include "engine/run/command.h"
#include "ui/history.h"

enum { WISHES_PENDING = 32, WISHES_UNDO = 64, GROUP_WORDS = HISTORY_GROUPS / 64 };

/* A set of groups: only those without parts are in it. */
struct group_set {
    uint64_t bits[GROUP_WORDS];
};

/* A freeze or thaw as it was asked for: the groups whose state it changes. */
struct freeze_wish {
    struct group_set groups;
    bool frozen;
};

struct pending {
    struct command command;
    struct freeze_wish freeze; /* of freeze and unfreeze */
    bool answered;
    int64_t holds_from; /* step, when answered */
};

struct wishes {
    struct pending pending[WISHES_PENDING]; /* oldest first */
    int n_pending;
    struct freeze_wish undo[WISHES_UNDO], redo[WISHES_UNDO];
    int n_undo, n_redo;
    int64_t next_id;
};

/* Commands to send, collected while a key is handled. */
struct outbox {
    struct command *commands;
    int n, max;
};

void wishes_init(struct wishes *w);
/* Put a command into the outbox and remember it. False: too many are waiting. */
bool wishes_ask(struct wishes *w, const struct history *h, struct outbox *out,
                enum command_kind kind, const char *text);
bool wishes_ask_command(struct wishes *w, const struct history *h, struct outbox *out,
                        const struct command *c);

/* Whether group g (or a part of it) is asked to change; *then: what it will be. */
bool wishes_queued(const struct wishes *w, const struct history *h, int group,
                   enum group_state *then);
/* Freeze or thaw the parts of `groups` that are not (asked to be) so already, and remember the
 * way back. False: nothing to change, or nothing could be asked. */
bool wishes_freeze(struct wishes *w, const struct history *h, struct outbox *out,
                   const struct group_set *groups, bool frozen);
bool wishes_undo(struct wishes *w, const struct history *h, struct outbox *out);
bool wishes_redo(struct wishes *w, const struct history *h, struct outbox *out);

/* The engine answered: *p gets the wish (also those it refused). False: not one of ours. */
bool wishes_answer(struct wishes *w, const struct answer *a, struct pending *p);
/* Facts have come: forget the wishes that they fulfil. */
void wishes_settle(struct wishes *w, const struct history *h);

void group_set_add(struct group_set *s, const struct history *h,
                   int group); /* with its parts */
/* As GROUPS text from group *from on, as much as fits; *from: where to go on, n_groups at the
 * end. */
void group_set_text(const struct group_set *s, const struct history *h, int *from, char *out,
                    size_t size);
#endif
