/* cmd_data.c - `thaw data`: what a source really contains. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/data/chat.h"
#include "engine/data/corpus.h"
#include "engine/run/settings.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/data_tokenize.h"

struct data_options {
    const char *split, *template; /* template NULL: not given */
    bool stats;
    int64_t vocab;
    struct data_tokenize tokenize; /* `out` NULL: not asked for */
};

/* The kinds of sources, from their own table. */
static const char *about(struct buf *out) {
    buf_str(out,
            "Print the text of a source, unit by unit, or count it. A unit is what is\n"
            "shuffled, and what belongs to training or to validation as a whole. Of a prompt\n"
            "with its completion, and of a conversation, only what stands {+between these\n"
            "marks+} is learned. Several sources are one text, as they are in a stage's data.\n"
            "With --tokenize all of it is turned into tokens once, on which a stage trains\n"
            "without holding them in memory (data: [\"tokens:FILE\"]). Sources:\n");
    for (const struct source_kind *k = source_kinds; k->word; k++)
        buf_printf(out, "\n  %s:%s\n      %s", k->word, k->argument, k->help);
    return buf_text(out);
}

static bool in_split(const struct unit *u, enum split split) {
    return split == SPLIT_ALL || u->validation == (split == SPLIT_VAL);
}

/* As it is for programs; a terminal gets nothing that it would obey. */
static void print_bytes(const char *s, size_t n, bool terminal) {
    if (terminal) cli_print_text(s, n, true);
    else fwrite(s, 1, n, stdout);
}

/* What a model reads of a unit in parts, and what it learns of that. */
static void print_parts(const struct source_text *s, const struct unit *u,
                        const struct chat_template *chat, bool terminal) {
    struct chat_text x = {.pieces = NULL};
    const struct part *parts = s->parts + u->first_part;
    for (uint32_t i = 0; i < u->n_parts; i++)
        chat_add(&x, chat, parts[i].role, s->bytes.data + parts[i].offset, parts[i].length);
    const char *at = buf_text(&x.bytes);
    bool marked = false;
    for (size_t i = 0; i < x.n; at += x.pieces[i++].length) {
        const struct chat_piece *p = &x.pieces[i];
        if (p->learned != marked) fputs(marked ? "+}" : "{+", stdout);
        marked = p->learned;
        if (p->end) fputs("<end>", stdout);
        print_bytes(at, p->length, terminal);
    }
    if (marked) fputs("+}", stdout);
    chat_text_deinit(&x);
}

static void print_units(const struct source_text *s, enum split split,
                        const struct chat_template *chat) {
    bool terminal = isatty(STDOUT_FILENO);
    for (size_t i = 0; i < s->n_units && !ferror(stdout); i++) {
        const struct unit *u = &s->units[i];
        if (!in_split(u, split)) continue;
        if (u->n_parts > 0) print_parts(s, u, chat, terminal);
        else print_bytes(s->bytes.data + u->offset, u->length, terminal);
        putchar('\n');
    }
}

/* Tokens of the split, end-of-text included, in a vocabulary learned from the source's training
 * part (from all of it when that is empty). */
struct token_counts {
    size_t all, learned;
    int vocab;
};

static bool count_tokens(const struct source_text *s, enum split split,
                         const struct chat_template *chat, int vocab, struct token_counts *out,
                         struct err *err) {
    struct corpus_form form = {.chat = chat};
    struct bpe_trainer *b = bpe_trainer_create(err);
    struct corpus corpus = {.tokens = NULL};
    bool ok = b != NULL, any = false;
    for (size_t i = 0; i < s->n_units; i++) any |= !s->units[i].validation;
    for (size_t i = 0; ok && i < s->n_units; i++) {
        const struct unit *u = &s->units[i];
        if (!any || !u->validation) ok = corpus_teach(b, s, u, err);
    }
    struct tokenizer *t = ok ? bpe_trainer_finish(b, vocab, NULL, NULL, err) : NULL;
    bpe_trainer_destroy(b);
    ok = t && corpus_build_as(s, split, form, t, NULL, NULL, &corpus, err);
    if (ok) *out = (struct token_counts){corpus.n_tokens, corpus.n_learned, tokenizer_vocab(t)};
    corpus_deinit(&corpus);
    tokenizer_destroy(t);
    return ok;
}

static bool print_stats(const struct source_text *s, enum split split,
                        const struct chat_template *chat, const struct data_options *o,
                        struct err *err) {
    struct source_counts c = source_count(s, split);
    struct token_counts tokens;
    if (c.units == 0) return err_set(err, ERR_RANGE, "there is nothing in this split");
    if (!count_tokens(s, split, chat, (int)o->vocab, &tokens, err)) return false;
    printf("units      %12" PRIu64 "\nlines      %12" PRIu64 "\nsentences  %12" PRIu64
           "\nwords      %12" PRIu64 "\nbytes      %12" PRIu64 "\ntokens     %12zu\n",
           c.units, c.lines, c.sentences, c.words, c.bytes, tokens.all);
    if (s->n_parts > 0) printf("learned    %12zu\n", tokens.learned);
    printf("in a vocabulary of %d, learned from its training part: %.2f bytes a token\n",
           tokens.vocab, (double)c.bytes / (double)tokens.all);
    return true;
}

static bool find_split(const char *word, enum split *out) {
    if (!word) *out = SPLIT_ALL;
    else if (strcmp(word, "train") == 0) *out = SPLIT_TRAIN;
    else if (strcmp(word, "val") == 0) *out = SPLIT_VAL;
    else return false;
    return true;
}

static bool run_data(const struct cli_texts *specs, enum split split,
                     const struct data_options *o, struct err *err) {
    struct source_text text = {.units = NULL};
    const struct chat_template *chat =
        o->template ? chat_find(o->template) : chat_find("plain");
    bool ok = true;
    for (int i = 0; ok && i < specs->n; i++) ok = source_read(specs->at[i], &text, err);
    if (ok && o->stats) ok = print_stats(&text, split, chat, o, err);
    else if (ok) print_units(&text, split, chat);
    source_deinit(&text);
    return ok && cli_flush(err);
}

int cmd_data(int argc, char **argv) {
    struct data_options o = {.vocab = 4096};
    struct buf text = {0};
    struct cli_texts words;
    struct err err = {0};
    enum split split = SPLIT_ALL;
    int status;
    const struct cli_option options[] = {
        {"--split", "train|val", "only what is for training, or for validation", CLI_TEXT,
         &o.split, 0, 0},
        {"--stats", NULL, "units, lines, sentences, words, bytes, tokens", CLI_FLAG, &o.stats,
         0, 0},
        {"--template", "T",
         "how conversations are written: " CHAT_CHOICE " (plain; as the model has it where one "
         "is given)",
         CLI_TEXT, &o.template, 0, 0},
        {"--vocab", "N", "size of the vocabulary that is learned (4096)", CLI_WHOLE, &o.vocab,
         257, 1e6},
        {"--tokenize", "FILE", "turn it into tokens, and write them for tokens:FILE", CLI_TEXT,
         &o.tokenize.out, 0, 0},
        {"--tokenizer", "MODEL", "with the tokenizer of a model, or a tokenizer.json", CLI_TEXT,
         &o.tokenize.tokenizer, 0, 0},
        {"--no-packing", NULL, "for a stage with `packing: false`", CLI_FLAG, &o.tokenize.alone,
         0, 0},
        {"--threads", "N", "that turn text into tokens; 0 takes one a core (0)", CLI_WHOLE,
         &o.tokenize.threads, 0, POOL_MAX_THREADS}};
    const struct cli_spec spec = {.usage = "thaw data SOURCE... [--split train|val] [--stats]\n"
                                           "thaw data SOURCE... --tokenize FILE "
                                           "[--tokenizer MODEL | --vocab N]",
                                  .about = about(&text),
                                  .options = options,
                                  .n_options = sizeof options / sizeof *options,
                                  .min_words = 1,
                                  .max_words = SOURCES_MAX};
    bool go = cli_read(&spec, argc, argv, &words, &status);
    buf_deinit(&text);
    if (!go) return status;
    if (!find_split(o.split, &split))
        return cli_usage("--split must be train or val, not \"%s\"", o.split);
    if (o.template && !chat_find(o.template))
        return cli_usage("--template must be " CHAT_CHOICE ", not \"%s\"", o.template);
    if (o.tokenize.out && (o.split || o.stats))
        return cli_usage("--tokenize writes all of a source: leave out --split and --stats");
    if (!o.tokenize.out && (o.tokenize.tokenizer || o.tokenize.alone))
        return cli_usage(
            "--tokenizer and --no-packing are about --tokenize FILE: give that too");
    o.tokenize.sources = words;
    o.tokenize.vocab = o.vocab;
    o.tokenize.chat = o.template ? chat_find(o.template) : NULL;
    if (o.tokenize.out) return data_tokenize(&o.tokenize);
    return run_data(&words, split, &o, &err) ? CLI_OK : cli_fail(&err);
}
