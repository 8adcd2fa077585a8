/* fuzz_tokens.c - any bytes as a file of tokens: refused with a message, or a corpus that a
 * batcher cuts into windows and questions are looked for in. Since a wrong sum is all that most
 * inputs would come to, the sums are set right where the file is long enough to have them.
 * Built as a libFuzzer target, and into test_fuzz_tokens. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/rng.h"
#include "engine/data/batcher.h"
#include "engine/data/tokens_file.h"
#include "engine/data/tokens_format.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTEXT = 4 };

static void require(bool holds) {
    if (!holds) abort();
}

static uint64_t list_sum(const unsigned char *at, uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t done = 0; done < n; done += TOKENS_BLOCK)
        sum = tokens_sum(sum, at + done, n - done < TOKENS_BLOCK ? n - done : TOKENS_BLOCK);
    return sum;
}

static void set_sums(unsigned char *file, size_t size, const struct tokenizer *t) {
    struct tokens_tail tail;
    struct tokens_layout layout;
    if (size < TOKENS_ALIGN + sizeof tail) return;
    memcpy(&tail, file + size - sizeof tail, sizeof tail);
    memcpy(file, TOKENS_MAGIC, sizeof TOKENS_MAGIC);
    memcpy(tail.magic, TOKENS_MAGIC, sizeof TOKENS_MAGIC);
    tail.version = TOKENS_VERSION;
    tail.fingerprint = tokenizer_fingerprint(t);
    if (tokens_lay_out(&tail, &layout) && layout.tail + sizeof tail == size) {
        for (int l = 0; l < TOKENS_LISTS; l++)
            for (int s = 0; s < TOKENS_SPLITS; s++)
                tail.splits[s].sums[l] = list_sum(file + layout.at[l][s], layout.size[l][s]);
        tail.tokenizer_sum = rng_hash(file + layout.tokenizer, tail.tokenizer_bytes);
    }
    tail.sum = tokens_tail_sum(&tail);
    memcpy(file + size - sizeof tail, &tail, sizeof tail);
}

static void use(const struct corpus *c) {
    struct batcher_plan plan = {.batch = 2, .context = CONTEXT, .data = c};
    struct err err = {0};
    int32_t x[2 * CONTEXT], y[2 * CONTEXT];
    for (size_t i = 0; i < c->n_units; i++)
        require(corpus_answer(c, i) >= c->starts[i] && corpus_answer(c, i) <= c->starts[i + 1]);
    struct batcher *b = batcher_create(&plan, &err);
    if (!b) return;
    for (int64_t step = 0; step < 8; step++) {
        batcher_fill(b, step, x, y, NULL);
        for (int i = 0; i < 2 * CONTEXT; i++) require(x[i] >= 0 && x[i] < TOKENIZER_MAX_VOCAB);
    }
    batcher_destroy(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tokenizer *t;
    struct source_text text = {.units = NULL};
    struct err err = {0};
    if (!t) {
        struct bpe_trainer *trainer = bpe_trainer_create(NULL);
        t = bpe_trainer_finish(trainer, 257, NULL, NULL, NULL);
        bpe_trainer_destroy(trainer);
        require(t != NULL);
    }
    unsigned char *file = malloc(size + 1);
    require(file != NULL);
    memcpy(file, data, size);
    set_sums(file, size, t);
    const char *path = folder_put("tokens", (struct folder_part){file, size});
    for (int s = SPLIT_TRAIN; s <= SPLIT_VAL; s++)
        for (int alone = 0; alone < 2; alone++) {
            struct corpus c;
            struct corpus_form form = {.alone = alone};
            if (tokens_corpus(path, (enum split)s, form, t, NULL, NULL, &c, &err)) use(&c);
            else require(err.code != ERR_NONE && err.msg[0] != '\0');
            corpus_deinit(&c);
        }
    if (!tokens_source_read(path, &text, &err)) require(err.msg[0] != '\0');
    source_deinit(&text);
    free(file);
    return 0;
}
