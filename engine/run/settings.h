/* settings.h - a run's whole configuration as one plain value, and the ONE table of its keys.
 * From the table come defaults, ranges, the YAML reader and writer (src/config_yaml.c), --set,
 * --explain and the man page. No YAML here: values arrive as words. */
#ifndef THAW_ENGINE_RUN_SETTINGS_H
#define THAW_ENGINE_RUN_SETTINGS_H
#include <stdint.h>

#include "engine/data/chat.h"
#include "engine/model/params.h"
#include "engine/optim/optim.h"
#include "engine/run/retention.h"

enum { STAGES_MAX = 8, SOURCES_MAX = 16, PROMPTS_MAX = 16, SETS_MAX = 6, GROUP_TEXTS_MAX = 32,
       GROUP_TEXT_BYTES = 128, NAME_MAX_BYTES = 64, TEXT_MAX_BYTES = 512 };

/* A list of short texts, by value. */
struct text_list {
    int n;
    char text[SOURCES_MAX][TEXT_MAX_BYTES];
};

/* GROUPS with a number each, by value; what a list says last of a group holds. */
struct group_numbers {
    int n;
    struct group_number {
        char groups[GROUP_TEXT_BYTES];
        double number;
    } at[GROUP_TEXTS_MAX];
};

/* What a backward pass finds made, and what it makes again (transformer.h). */
enum recompute { RECOMPUTE_NONE, RECOMPUTE_BLOCKS, RECOMPUTE_COUNT };

/* Where gradual unfreezing begins. */
enum thaw_from { THAW_TOP, THAW_BOTTOM, THAW_COUNT };
/* How weights that no stage lets learn stay in memory. */
enum optimizer_state { STATE_WHOLE, STATE_SHARDED, STATE_COUNT };
enum wire_numbers { WIRE_FLOAT32, WIRE_BFLOAT16, WIRE_COUNT };
enum storage { STORAGE_AUTO, STORAGE_F32, STORAGE_COUNT };

struct stage_settings {
    char name[NAME_MAX_BYTES];
    struct text_list data;
    struct {
        struct text_list data;
        double share;
    } replay;
    bool packing; /* of its data and replay: several texts a sequence, else each its own (batcher.h) */
    int64_t steps;
    int batch;       /* sequences a step */
    int micro_batch; /* of them computed at a time; 0: all */
    struct {
        enum optimizer_kind kind;
        double lr, beta1, beta2, momentum, eps, decay, clip;
        double layer_decay;            /* factor of the rate from a block to the one below; 1: none */
        struct group_numbers lr_scale; /* factors of the rate */
    } optimizer;
    struct {
        enum schedule_kind kind;
        int64_t warmup;
        double final_share, decay_share;
    } schedule;
    double l2_sp;            /* pull towards the weights that the stage began with; 0: none */
    struct text_list freeze; /* GROUPS texts, joined by commas */
    struct {                 /* low-rank adapters (engine/model/adapter.h) */
        int rank;            /* 0: none */
        double alpha, dropout;
        bool rs;
        struct text_list targets, blocks; /* words and ranges; none: q and v, all blocks */
    } adapter;
    struct {                 /* training_plan.h; not both */
        int64_t every;       /* steps from one thaw to the next; 0: no such plan */
        enum thaw_from from;
        struct group_numbers at; /* the step of the stage after which groups learn */
    } thaw;
    struct {
        char set[NAME_MAX_BYTES]; /* of eval.sets; "": settings_best_set() */
        int patience;             /* evaluations without a lower loss that end the stage; 0: off */
        double min_delta;         /* nats by which it must be lower */
        bool restore;             /* the best weights, then */
    } early_stop;
};

struct eval_set {
    char name[NAME_MAX_BYTES], source[TEXT_MAX_BYTES];
};

struct settings {
    char name[NAME_MAX_BYTES];
    uint64_t seed;
    int threads;
    enum wire_numbers wire; /* as what gradients go from process to process */
    enum optimizer_state optimizer_state; /* of several processes: in each, or a part in each */
    int shards; /* equal parts of every batch whose gradients are added up as a tree (engine/core/tree.h) */
    enum recompute recompute;
    int cache_frozen_prefix; /* MiB at most; 0: off */
    struct {
        char from[TEXT_MAX_BYTES]; /* an HF folder to start from; "": from random weights */
        bool fresh;                /* of that folder only shape and tokenizer */
        enum model_family family;
        int layers, heads, kv_heads, width, head_dim, ffn, context, vocab;
        bool tied;
        enum chat_kind chat; /* how conversations are written: one way for all stages */
        enum storage frozen_storage;
    } model;
    int n_stages;
    struct stage_settings stages[STAGES_MAX];
    struct {
        struct text_list prompts;
        char third[TEXT_MAX_BYTES]; /* a model's folder; "": none */
        int every, tokens, top_k;
        double temperature;
        bool chat; /* prompts are questions of a user (question_encode_within()) */
    } compare;
    struct {
        int every;
        int64_t tokens; /* of each set at most */
        int n_sets;
        struct eval_set sets[SETS_MAX];
    } eval;
    struct {
        int every;
        struct retention keep;
    } checkpoint;
    bool tensorboard; /* measurements also go to RUN/tensorboard (tensorboard.h) */
};

enum setting_type {
    SETTING_INT,   /* int */
    SETTING_INT64, /* int64_t or uint64_t */
    SETTING_REAL,  /* double */
    SETTING_BOOL,
    SETTING_WORD,  /* enum, one of words[] */
    SETTING_TEXT,  /* char[size] */
    SETTING_TEXTS, /* struct text_list; a single text counts as a list of one */
    SETTING_SETS,  /* the eval sets: a mapping of names to sources */
    SETTING_GROUPS, /* struct group_numbers: a mapping, or a list of mappings with the keys words[0], words[1] */
};

struct setting_key {
    const char *path;     /* "model.layers"; keys of a stage: "stages.*.steps" */
    enum setting_type type;
    size_t offset, size;  /* in struct settings, or in struct stage_settings; bytes */
    const char *initial;  /* default as text; "" for an empty list or text */
    double min, max;      /* of numbers, also those of groups; of the number of items in other lists */
    const char *unit;     /* "steps", "" */
    const char *const *words; /* SETTING_WORD: n_words of them; SETTING_GROUPS: what its two halves are called */
    int n_words;
    const char *help;     /* one sentence */
};
extern const struct setting_key setting_keys[];
extern const int n_setting_keys;

/* All defaults, no stages. */
void settings_init(struct settings *s);
/* Add a stage with the table's defaults (its name is "stage N"). NULL when STAGES_MAX are there. */
struct stage_settings *settings_add_stage(struct settings *s);

/* The key for a path with stage numbers ("stages.1.steps"), or NULL; *stage gets the number or -1. A
 * section that may be given as one value ("checkpoint.keep", "stages.0.thaw") finds the key that this value is of.
 * `nearest` (may be NULL) gets the known key closest in spelling at the same level, NULL when none is near. */
const struct setting_key *setting_find(const char *path, int *stage, const char **nearest);

/* Set a value from words: one for scalars, any number for lists; SETTING_SETS takes name, source,
 * name, source ..., SETTING_GROUPS the two halves of each item in the order of `words`. ERR_PARSE or ERR_RANGE: "steps must be 1 to 1000000000 steps, not \"abc\"". */
bool setting_put(struct settings *s, const struct setting_key *k, int stage,
                 const char *const *words, int n, struct err *err);
/* The words of a value, each appended to `out` as one NUL-ended text; returns how many. Numbers come
 * back exactly when put again. */
int setting_get(const struct settings *s, const struct setting_key *k, int stage, struct buf *out);

/* What no single key can check: at least one stage, sources known, freeze texts fit the model, model
 * shape sound, prompts within the context, replay complete, micro_batch divides batch, names unique and
 * fit for a folder. `path` (TEXT_MAX_BYTES) gets the key at fault so that the reader can name its line. */
bool settings_check(const struct settings *s, char *path, struct err *err);

struct model_config settings_model(const struct settings *s); /* not completed */
/* The first stage that has adapters, or NULL. */
const struct stage_settings *settings_adapted_stage(const struct settings *s);
/* Give a complete model the adapters of the stages; where it has its own, they must be the same. */
bool settings_adapter(const struct settings *s, struct model_config *c, struct err *err);
struct schedule settings_schedule(const struct stage_settings *st);
struct optim_settings settings_optim(const struct stage_settings *st);
/* The eval set whose loss tells the best checkpoint: that of the last stage's first source, else the last
 * one; -1: there is none. */
int settings_best_set(const struct settings *s);
/* The stage whose way to make sequences of a source holds where it is evaluated: the first that reads it,
 * else the last. */
int settings_stage_of(const struct settings *s, const char *source);
/* The eval set that a stage with early_stop is watched by. */
int settings_early_set(const struct settings *s, int stage);
/* Sequences of a shard. */
int settings_shard(const struct settings *s, int stage);
/* Sequences computed at a time: micro_batch, or a whole shard. Divides the shard (settings_check). */
int settings_micro_batch(const struct settings *s, int stage);
#endif
