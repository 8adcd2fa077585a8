/* letters.c - train on a text, freeze, train on another, and let the model write: libthaw in a
 * page.
 *
 *   cc letters.c -o letters $(pkg-config --cflags --libs thaw)
 *   ./letters GENERAL.txt SPECIAL.txt [FOLDER]
 */
#include <stdio.h>
#include <stdlib.h>
#include <thaw.h>

static struct thaw_error error;

static int fail(void) {
    fprintf(stderr, "letters: %s\n", error.text);
    return EXIT_FAILURE;
}

/* The whole file; NULL with errno. */
static char *read_text(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    *n = 0;
    for (size_t got = 1; f && got > 0; *n += got) {
        char *grown = realloc(text, *n + 65536);
        if (!grown) break;
        text = grown;
        got = fread(text + *n, 1, 65536, f);
    }
    if (f) fclose(f);
    return text;
}

static bool train(struct thaw_model *m, const char *text, size_t n, const char *frozen,
                  int steps) {
    struct thaw_recipe recipe = {.steps = steps, .lr = 0.003, .batch = 8, .seed = 1};
    struct thaw_training *t = thaw_training_new(m, text, n, &recipe, &error);
    double loss = 0;
    bool ok = t && thaw_training_freeze(t, frozen, &error);
    for (int i = 0; ok && i < steps; i++) {
        ok = thaw_training_step(t, &loss, &error);
        if (ok && (i + 1) % 50 == 0) printf("step %d: %.3f nats per token\n", i + 1, loss);
    }
    thaw_training_free(t);
    return ok;
}

int main(int argc, char **argv) {
    size_t n_general, n_special;
    if (argc < 3)
        return fprintf(stderr, "usage: letters GENERAL.txt SPECIAL.txt [FOLDER]\n"), 2;
    char *general = read_text(argv[1], &n_general), *special = read_text(argv[2], &n_special);
    if (!general || !special) return perror("letters"), EXIT_FAILURE;
    struct thaw_shape shape = {
        .layers = 2, .heads = 2, .width = 64, .context = 64, .vocab = 512};
    struct thaw_model *m = thaw_model_new(&shape, general, n_general, 1, 0, &error);
    if (!m || !train(m, general, n_general, "", 100)) return fail();
    double before = thaw_score(m, special, n_special, &error);
    /* The upper block alone learns. */
    if (!train(m, special, n_special, "embed,0", 50)) return fail();
    printf("on the special text: %.3f before, %.3f after\n", before,
           thaw_score(m, special, n_special, &error));
    char *text = thaw_generate(m, "the", 20, 0.8, 1, &error);
    if (!text || (argc > 3 && !thaw_model_save(m, argv[3], &error))) return fail();
    printf("the%s\n", text);
    free(text);
    thaw_model_free(m);
    free(general);
    free(special);
    return EXIT_SUCCESS;
}
