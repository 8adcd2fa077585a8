/* settings_keys.c - the one table of a run's keys. */
#include <stddef.h>

#include "engine/core/tree.h"
#include "engine/run/settings.h"

static const char *const family_words[FAMILY_COUNT] = {[FAMILY_GPT2] = "gpt2",
                                                       [FAMILY_LLAMA] = "llama",
                                                       [FAMILY_QWEN2] = "qwen2",
                                                       [FAMILY_QWEN3] = "qwen3"};

static const char *const recompute_words[RECOMPUTE_COUNT] = {
    [RECOMPUTE_NONE] = "none", [RECOMPUTE_BLOCKS] = "blocks"};

static const char *const factor_words[] = {"groups", "factor"};
static const char *const thaw_words[] = {"at", "groups"};
static const char *const from_words[THAW_COUNT] = {
    [THAW_TOP] = "top", [THAW_BOTTOM] = "bottom"};
static const char *const wire_words[WIRE_COUNT] = {
    [WIRE_FLOAT32] = "float32", [WIRE_BFLOAT16] = "bfloat16"};
static const char *const state_words[STATE_COUNT] = {
    [STATE_WHOLE] = "whole", [STATE_SHARDED] = "sharded"};
static const char *const storage_words[STORAGE_COUNT] = {
    [STORAGE_AUTO] = "auto", [STORAGE_F32] = "f32"};

/* Where a field stands, in the run or in a stage; its bytes. */
#define RUN(field) offsetof(struct settings, field), sizeof(((struct settings *)0)->field)
#define STAGE(field)                                                                           \
    offsetof(struct stage_settings, field), sizeof(((struct stage_settings *)0)->field)

/* The seed ends at 2^53 - 1, the last whole number that every reader of JSON keeps. */
const struct setting_key setting_keys[] = {
    /* path, type, field, default, min, max, unit, words, n_words, help */
    {"name", SETTING_TEXT, RUN(name), "run", 1, NAME_MAX_BYTES - 1, "bytes", NULL, 0,
     "What the run and its folder are called."},
    {"seed", SETTING_INT64, RUN(seed), "1337", 0, 9007199254740991.0, "", NULL, 0,
     "Every random choice follows from it: one seed, one run."},
    {"threads", SETTING_INT, RUN(threads), "0", 0, 64, "threads", NULL, 0,
     "Threads that compute; 0 takes one a core. The weights do not depend on it."},
    {"shards", SETTING_INT, RUN(shards), "1", 1, TREE_PARTS_MAX, "parts", NULL, 0,
     "Equal parts of every batch whose gradients are computed by themselves and added up as a "
     "tree: what up to as many processes can share (mpirun). A power of two; the weights "
     "depend on it, and not on how many processes there are."},
    {"wire", SETTING_WORD, RUN(wire), "float32", 0, 0, "", wire_words, WIRE_COUNT,
     "As what gradients go from process to process (mpirun): bfloat16 sends half as many bytes, "
     "and the weights depend on how many processes there are then."},
    {"optimizer_state", SETTING_WORD, RUN(optimizer_state), "whole", 0, 0, "", state_words,
     STATE_COUNT,
     "What of the optimizer's moments each of several processes (mpirun) keeps: sharded is a part "
     "each, which updates that part of the weights and hands it out (ZeRO's first stage). With "
     "wire: float32 the weights are the same."},
    {"recompute", SETTING_WORD, RUN(recompute), "none", 0, 0, "", recompute_words,
     RECOMPUTE_COUNT,
     "What is computed twice to save memory: blocks keeps only each block's input for the "
     "backward pass, and a step takes about a sixth longer; the weights are the same."},

    {"cache_frozen_prefix", SETTING_INT, RUN(cache_frozen_prefix), "1024", 0, 16777216, "MiB",
     NULL, 0,
     "Memory in which the output of frozen lower blocks may be kept, so that they are computed "
     "once for text that comes back; 0 is off. The weights do not depend on it."},

    {"model.from", SETTING_TEXT, RUN(model.from), "", 0, TEXT_MAX_BYTES - 1, "bytes", NULL, 0,
     "A model to start from: a Hugging Face folder, a run, or assets/base, which comes with "
     "thaw; empty starts from random weights of the shape below."},
    {"model.fresh", SETTING_BOOL, RUN(model.fresh), "false", 0, 0, "", NULL, 0,
     "Whether only shape and tokenizer come from model.from, and the weights begin at random: "
     "to "
     "see what was worth learning before."},
    {"model.family", SETTING_WORD, RUN(model.family), "qwen3", 0, 0, "", family_words,
     FAMILY_COUNT, "Which kind of transformer."},
    {"model.layers", SETTING_INT, RUN(model.layers), "6", 1, 512, "blocks", NULL, 0,
     "How many blocks stand on one another."},
    {"model.heads", SETTING_INT, RUN(model.heads), "6", 1, 512, "heads", NULL, 0,
     "Attention heads in a block."},
    {"model.kv_heads", SETTING_INT, RUN(model.kv_heads), "0", 0, 512, "heads", NULL, 0,
     "Heads of keys and values, shared by groups of heads; 0 is as many as heads."},
    {"model.width", SETTING_INT, RUN(model.width), "192", 8, 65536, "numbers", NULL, 0,
     "How many numbers stand for a token inside the model."},
    {"model.head_dim", SETTING_INT, RUN(model.head_dim), "0", 0, 1024, "numbers", NULL, 0,
     "Width of one head; 0 is width / heads."},
    {"model.ffn", SETTING_INT, RUN(model.ffn), "0", 0, 262144, "numbers", NULL, 0,
     "Width inside a block's feed-forward part; 0 is the family's own proportion."},
    {"model.context", SETTING_INT, RUN(model.context), "256", 8, 131072, "tokens", NULL, 0,
     "Tokens in a training sequence, and the furthest a new model looks back; one from a "
     "folder keeps its own reach."},
    {"model.vocab", SETTING_INT, RUN(model.vocab), "4096", 257, 1000000, "tokens", NULL, 0,
     "Size of the vocabulary that is learned from the data."},
    {"model.tied", SETTING_BOOL, RUN(model.tied), "true", 0, 0, "", NULL, 0,
     "Whether the output reuses the embedding of the input."},
    {"model.template", SETTING_WORD, RUN(model.chat), "auto", 0, 0, "", chat_words, CHAT_COUNT,
     "How the conversations of a jsonl source are written for it; auto is as its own files "
     "have it, else by the special tokens that it knows, else plain. What is saved says it."},
    {"model.frozen_storage", SETTING_WORD, RUN(model.frozen_storage), "auto", 0, 0, "",
     storage_words, STORAGE_COUNT,
     "How blocks that no stage lets learn stay in memory; auto keeps those that came as 16-bit "
     "numbers (bfloat16, half precision) as such, which is half the memory and the same bits."},

    {"stages.*.name", SETTING_TEXT, STAGE(name), "", 1, NAME_MAX_BYTES - 1, "bytes", NULL, 0,
     "What the stage is called."},
    {"stages.*.data", SETTING_TEXTS, STAGE(data), "", 0, SOURCES_MAX, "sources", NULL, 0,
     "Where its text comes from, e.g. text:PATH or wordnet:DOMAIN; `thaw data --help` lists "
     "all."},
    {"stages.*.replay.data", SETTING_TEXTS, STAGE(replay.data), "", 0, SOURCES_MAX, "sources",
     NULL, 0, "Earlier text that is mixed in against forgetting."},
    {"stages.*.replay.share", SETTING_REAL, STAGE(replay.share), "0", 0, 1, "", NULL, 0,
     "Share of the sequences that come from replay.data."},
    {"stages.*.packing", SETTING_BOOL, STAGE(packing), "true", 0, 0, "", NULL, 0,
     "Whether texts share sequences, with end-of-text between them; false gives each its own, "
     "cut at the context, or padded."},
    {"stages.*.steps", SETTING_INT64, STAGE(steps), "1000", 1, 1000000000, "steps", NULL, 0,
     "How many updates the stage makes."},
    {"stages.*.batch", SETTING_INT, STAGE(batch), "16", 1, 65536, "sequences", NULL, 0,
     "Sequences in one step."},
    {"stages.*.micro_batch", SETTING_INT, STAGE(micro_batch), "0", 0, 65536, "sequences", NULL,
     0,
     "Sequences computed at a time, their gradients added up to the step's: memory follows it, "
     "not batch. It divides batch; 0 is the whole batch."},
    {"stages.*.optimizer.kind", SETTING_WORD, STAGE(optimizer.kind), "adamw", 0, 0, "",
     optimizer_words, OPTIMIZER_COUNT,
     "How gradients become updates; muon turns the matrices of the blocks, adamw does the "
     "rest."},
    {"stages.*.optimizer.lr", SETTING_REAL, STAGE(optimizer.lr), "0.001", 1e-12, 1, "", NULL, 0,
     "Learning rate at its highest."},
    {"stages.*.optimizer.beta1", SETTING_REAL, STAGE(optimizer.beta1), "0.9", 0, 0.999999, "",
     NULL, 0, "How long the mean of the gradients remembers."},
    {"stages.*.optimizer.beta2", SETTING_REAL, STAGE(optimizer.beta2), "0.95", 0, 0.999999, "",
     NULL, 0, "How long the mean of their squares remembers."},
    {"stages.*.optimizer.momentum", SETTING_REAL, STAGE(optimizer.momentum), "0.95", 0,
     0.999999, "", NULL, 0, "How long Muon's mean of the gradients remembers."},
    {"stages.*.optimizer.eps", SETTING_REAL, STAGE(optimizer.eps), "1e-8", 1e-30, 1, "", NULL,
     0, "Added to the divisor, so that quiet weights are not thrown about."},
    {"stages.*.optimizer.decay", SETTING_REAL, STAGE(optimizer.decay), "0.1", 0, 10, "", NULL,
     0, "Weight decay: pull of matrices and embeddings towards zero, times the learning rate."},
    {"stages.*.optimizer.clip", SETTING_REAL, STAGE(optimizer.clip), "1", 0, 1000000, "", NULL,
     0, "Longest gradient norm; a longer gradient is scaled down to it. 0 is off."},
    {"stages.*.optimizer.layer_decay", SETTING_REAL, STAGE(optimizer.layer_decay), "1", 0.01, 1,
     "", NULL, 0,
     "Each block learns at this factor of the rate of the block above it, and embed at that of "
     "block 0; 1 is the same rate for all."},
    {"stages.*.optimizer.lr_scale", SETTING_GROUPS, STAGE(optimizer.lr_scale), "", 0.001, 1000,
     "", factor_words, 2,
     "Factors of the learning rate, {GROUPS: FACTOR}: what is named last holds, and it "
     "multiplies with layer_decay."},
    {"stages.*.schedule.kind", SETTING_WORD, STAGE(schedule.kind), "cosine", 0, 0, "",
     schedule_words, SCHEDULE_COUNT, "How the learning rate goes over the stage."},
    {"stages.*.schedule.warmup", SETTING_INT64, STAGE(schedule.warmup), "50", 0, 1000000000,
     "steps", NULL, 0, "Steps in which the learning rate rises to its highest."},
    {"stages.*.schedule.final_share", SETTING_REAL, STAGE(schedule.final_share), "0.1", 0, 1,
     "", NULL, 0, "Learning rate at the end, as a share of the highest."},
    {"stages.*.schedule.decay_share", SETTING_REAL, STAGE(schedule.decay_share), "0.2", 0, 1,
     "", NULL, 0, "Share of the stage in which the learning rate of wsd goes down."},
    {"stages.*.l2_sp", SETTING_REAL, STAGE(l2_sp), "0", 0, 10, "", NULL, 0,
     "Pull of all weights towards what they were when the stage began, times the learning "
     "rate, where decay pulls towards zero. Of the last stage, whose start is kept as the "
     "base."},
    {"stages.*.freeze", SETTING_TEXTS, STAGE(freeze), "", 0, SOURCES_MAX, "groups", NULL, 0,
     "Parameter groups that do not learn: embed, 0-3, block.4.mlp, norm, all."},
    {"stages.*.thaw.every", SETTING_INT64, STAGE(thaw.every), "0", 0, 1000000000, "steps", NULL,
     0,
     "Thaw the next block each so many steps, embed at the end; what freeze names is frozen "
     "until then, or without freeze all but the top block, norm and head. 0 is off."},
    {"stages.*.thaw.from", SETTING_WORD, STAGE(thaw.from), "top", 0, 0, "", from_words,
     THAW_COUNT, "Where thaw.every begins: at the top block, or at embed and the bottom."},
    {"stages.*.thaw.at", SETTING_GROUPS, STAGE(thaw.at), "", 1, 1000000000, "steps", thaw_words,
     2,
     "When which groups begin to learn, [{at: STEP, groups: GROUPS}]: until that step of the "
     "stage they are frozen. What is frozen or thawed by hand is left alone."},
    {"stages.*.early_stop.set", SETTING_TEXT, STAGE(early_stop.set), "", 0, NAME_MAX_BYTES - 1,
     "bytes", NULL, 0,
     "The set of eval.sets whose validation loss ends the stage early; empty is that of the "
     "last stage's data, else the last set."},
    {"stages.*.early_stop.patience", SETTING_INT, STAGE(early_stop.patience), "0", 0, 1000000,
     "evaluations", NULL, 0,
     "The stage ends when so many evaluations in a row have brought no lower loss; 0 is off."},
    {"stages.*.early_stop.min_delta", SETTING_REAL, STAGE(early_stop.min_delta), "0", 0, 100,
     "nats", NULL, 0, "A loss counts as lower when it is lower by more than this."},
    {"stages.*.early_stop.restore", SETTING_BOOL, STAGE(early_stop.restore), "true", 0, 0, "",
     NULL, 0,
     "Whether a stage that ended early takes back the weights of its best evaluation; for that "
     "each lower loss is saved as a checkpoint."},

    {"stages.*.adapter.rank", SETTING_INT, STAGE(adapter.rank), "0", 0, ADAPTER_RANK_MAX, "",
     NULL, 0,
     "Width of low-rank adapters (LoRA) that learn in the place of the model, whose own groups "
     "are frozen unless `freeze` names others; 0: none."},
    {"stages.*.adapter.alpha", SETTING_REAL, STAGE(adapter.alpha), "16", 1e-6, 1000000, "",
     NULL, 0, "What the adapters give is scaled by alpha / rank."},
    {"stages.*.adapter.targets", SETTING_TEXTS, STAGE(adapter.targets), "", 0, SOURCES_MAX,
     "maps", NULL, 0,
     "Linear maps of a block that have an adapter: q, k, v, o, gate, up, down, or all; empty "
     "is q and v. GPT-2 has one for q, k and v together."},
    {"stages.*.adapter.blocks", SETTING_TEXTS, STAGE(adapter.blocks), "", 0, SOURCES_MAX,
     "ranges", NULL, 0, "Blocks that have adapters, such as 0-5; empty is all."},
    {"stages.*.adapter.dropout", SETTING_REAL, STAGE(adapter.dropout), "0", 0, 0.99, "", NULL,
     0, "Share of an adapter's input that is left out of each step."},
    {"stages.*.adapter.rs", SETTING_BOOL, STAGE(adapter.rs), "false", 0, 0, "", NULL, 0,
     "Whether the scale is alpha / sqrt(rank) instead, which suits large ranks (rsLoRA)."},

    {"compare.prompts", SETTING_TEXTS, RUN(compare.prompts), "", 0, PROMPTS_MAX, "prompts",
     NULL, 0, "Prompts that base and tuned model answer side by side."},
    {"compare.third", SETTING_TEXT, RUN(compare.third), "", 0, TEXT_MAX_BYTES - 1, "bytes",
     NULL, 0,
     "One more model that answers the prompts: a run, a checkpoint or a Hugging Face folder "
     "with the same tokenizer; empty is none."},
    {"compare.every", SETTING_INT, RUN(compare.every), "50", 1, 1000000000, "steps", NULL, 0,
     "Steps from one answer of the tuned model to its next."},
    {"compare.tokens", SETTING_INT, RUN(compare.tokens), "40", 1, 4096, "tokens", NULL, 0,
     "Length of an answer at most."},
    {"compare.top_k", SETTING_INT, RUN(compare.top_k), "40", 0, 1000000, "tokens", NULL, 0,
     "Each token is drawn from this many likeliest; 0 draws from all."},
    {"compare.temperature", SETTING_REAL, RUN(compare.temperature), "0.8", 0, 100, "", NULL, 0,
     "How daring the draw is; 0 always takes the likeliest."},
    {"compare.chat", SETTING_BOOL, RUN(compare.chat), "false", 0, 0, "", NULL, 0,
     "Whether prompts are asked as a user asks, in the model's chat template: for what learns "
     "conversations."},
    {"eval.every", SETTING_INT, RUN(eval.every), "50", 1, 1000000000, "steps", NULL, 0,
     "Steps from one evaluation to the next."},
    {"eval.tokens", SETTING_INT64, RUN(eval.tokens), "16384", 1, 1000000000, "tokens", NULL, 0,
     "How much of each set's validation text is read at most."},
    {"eval.sets", SETTING_SETS, RUN(eval.sets), "", 0, SETS_MAX, "sets", NULL, 0,
     "Sources whose validation text is evaluated, each under a name of its own."},
    {"checkpoint.every", SETTING_INT, RUN(checkpoint.every), "200", 1, 1000000000, "steps",
     NULL, 0, "Steps from one checkpoint to the next."},
    {"checkpoint.keep.last", SETTING_INT, RUN(checkpoint.keep.last), "3", 1, 1000000,
     "checkpoints", NULL, 0,
     "How many of the newest checkpoints stay on the disk; keep: 3 says the same in short."},
    {"checkpoint.keep.best", SETTING_BOOL, RUN(checkpoint.keep.best), "false", 0, 0, "", NULL,
     0,
     "Whether the checkpoint with the lowest validation loss stays as well, told by the set of "
     "the last stage's data, else by the last set."},
    {"checkpoint.keep.every", SETTING_INT64, RUN(checkpoint.keep.every), "0", 0, 1000000000,
     "steps", NULL, 0,
     "The checkpoints of every so many steps stay as well; 0: none for that."},
    {"tensorboard", SETTING_BOOL, RUN(tensorboard), "false", 0, 0, "", NULL, 0,
     "Whether what is measured also goes into files that TensorBoard reads, in the run's "
     "folder `tensorboard`."},
};
const int n_setting_keys = sizeof setting_keys / sizeof setting_keys[0];
