/* memory_needs.h - what memory a run takes, stage by stage, before there is any of it; and where that is more
 * than there is, the smallest change with which it fits. */
#ifndef THAW_ENGINE_RUN_MEMORY_NEEDS_H
#define THAW_ENGINE_RUN_MEMORY_NEEDS_H
#include "engine/model/transformer.h"
#include "engine/run/settings.h"

/* What is asked about; all borrowed. memory_ask() fills it from the settings, and each field may be changed then. */
struct memory_ask {
    const struct settings *settings;
    const struct param_table *table;
    const enum narrow_kind *kind; /* [n_groups] of the weights; NULL: all are reals */
    const bool *frozen_too;       /* [n_groups] in every stage, beside what is frozen there; NULL: none */
    int time, threads;            /* tokens of a training sequence */
    int sequences;                /* computed at a time */
    bool recompute;
    int half_sets; /* of gradients, in halves: memory_half_sets() */
    int moment_parts; /* of the moments only one of so many is here */
    uint64_t beside; /* bytes of what does not depend on the stages: a third model, the decoder, Muon's scratch */
};
struct memory_ask memory_ask(const struct settings *s, const struct param_table *t, int time, int threads);
/* A step's gradients, those of the shards that wait to be added to them, and the halves that come from other
 * processes, of which there are so many in all. */
int memory_half_sets(const struct settings *s, int processes);
/* In one of several processes. */
void memory_among(struct memory_ask *a, int processes);
/* The shape of the model: of the one in `folder`, else ("") as the settings say. */
bool memory_shape(const struct settings *s, const char *folder, struct model_config *out, struct err *err);

/* Bytes while a stage trains. What an earlier stage took stays. */
struct memory_stage {
    uint64_t gradients, moments, base, activations, total;
};
struct memory_needs {
    uint64_t weights, beside;
    int n;
    struct memory_stage stages[STAGES_MAX]; /* the last takes most */
};
/* Fails where a stage's freeze does not fit the model, or memory for a mask is missing. */
bool memory_needs(const struct memory_ask *a, struct memory_needs *out, struct err *err);

/* Whether the base of what learns lies in a file of the run's folder (weights_shelve()): of a large model, unless each
 * step pulls to it. It takes the memory of its largest group then, while it is looked at. */
bool memory_shelves_base(const struct settings *s, const struct param_table *t);

/* Whether the run fits into `available` bytes. ERR_NOMEM says what is needed, for what, what there is, and with
 * what it would fit: fewer sequences at a time, recomputation, blocks to freeze, or all of them. */
bool memory_fits(const struct memory_ask *a, uint64_t available, struct err *err);
/* Bytes that programs can have without anything being swapped out (Linux's MemAvailable); all of the machine's
 * where that is not known. */
uint64_t memory_available(void);

/* What the weights of `folder` may stay narrow as (params.h): groups that no stage lets learn, whose matrices
 * came as one kind of 16-bit numbers. All NARROW_NONE without a folder, where the settings say f32, or where
 * the transformer cannot (transformer_widens). kind[n_groups]. */
bool memory_kinds(const struct memory_ask *a, const char *folder, enum narrow_kind *kind, struct err *err);
bool memory_any_narrow(const struct memory_ask *a);
/* The transformer of the run. */
struct transformer_plan memory_transformer(const struct memory_ask *a);
#endif
