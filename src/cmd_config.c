/* cmd_config.c - `thaw config`: what a config means, whether it is right, and what may stand in
 * one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/config_from.h"
#include "src/config_memory.h"
#include "src/config_sources.h"
#include "src/config_third.h"
#include "src/find_config.h"
#include "src/manual.h"

static const char about[] =
    "Print CONFIG with every default filled in, as YAML; --check only says whether it is "
    "right,\n"
    "and what memory its run will take; --explain lists every key with its default, its range "
    "and what it does.";

static void explain_key(const struct setting_key *k) {
    printf("%s\n    %s\n    ", k->path, k->help);
    switch (k->type) {
    case SETTING_BOOL:
        printf("true or false");
        break;
    case SETTING_WORD:
        for (int i = 0; i < k->n_words; i++) printf("%s%s", i ? " or " : "", k->words[i]);
        break;
    case SETTING_TEXT:
        printf("a text");
        break;
    case SETTING_TEXTS:
    case SETTING_SETS:
        printf("up to %.0f %s", k->max, k->unit);
        break;
    case SETTING_GROUPS:
        printf("up to %d GROUPS, %.16g to %.16g%s%s each", GROUP_TEXTS_MAX, k->min, k->max,
               *k->unit ? " " : "", k->unit);
        break;
    default:
        printf("%.16g to %.16g%s%s", k->min, k->max, *k->unit ? " " : "", k->unit);
        break;
    }
    printf("%s%s\n", *k->initial ? "; default " : "", k->initial);
}

static int explain(void) {
    printf(
        "Keys of a config; those of a stage begin with stages.* (stages.0 is the first).\n\n");
    for (int i = 0; i < n_setting_keys; i++) explain_key(&setting_keys[i]);
    return CLI_OK;
}

static bool check_all(const struct settings *s, char *path, struct err *err) {
    return config_from_there(s, path, err) && config_sources_read(s, path, err) &&
           config_third_there(s, path, err);
}

/* What is asked for, beside the config. */
struct asked {
    struct cli_texts sets;
    bool check;
    double gib; /* of memory, as if the machine had so much available; 0: what it has */
};

/* The table of memory is told also where the run does not fit. */
static bool check_memory(const char *path, struct settings *s, double gib, struct err *err) {
    uint64_t available = gib > 0 ? (uint64_t)(gib * 1073741824.0) : memory_available();
    struct buf table = {0};
    bool ok = config_from_find(s, NULL, err) && config_memory(s, available, &table, err);
    if (ok) cli_print("thaw: %s is right", path);
    cli_print_text(buf_text(&table), table.len, true);
    buf_deinit(&table);
    return ok ? cli_flush(err) : err_prefix(err, "%s", path);
}

static bool print_config(const struct settings *s, struct err *err) {
    struct buf out = {0};
    bool ok = config_write(s, &out, err) && cli_put(&out, err);
    buf_deinit(&out);
    return ok;
}

static bool run_config(const char *word, const struct asked *asked, struct err *err) {
    char path[PATH_MAX];
    struct settings *s = malloc(sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "not enough memory");
    const struct config_options o = {asked->sets.at, asked->sets.n,
                                     asked->check ? check_all : NULL};
    bool ok = config_find(word, path, err) && config_read(path, &o, s, err) &&
              (asked->check ? check_memory(path, s, asked->gib, err) : print_config(s, err));
    free(s);
    return ok;
}

int cmd_config(int argc, char **argv) {
    bool explained = false, page = false;
    struct asked asked = {.sets = {.n = 0}};
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--check", NULL, "say whether it is right, and what memory it takes", CLI_FLAG,
         &asked.check, 0, 0},
        {"--memory", "GIB", "--check as if so much were available", CLI_REAL, &asked.gib, 0.001,
         1e6},
        {"--explain", NULL, "list every key", CLI_FLAG, &explained, 0, 0},
        {"--man", NULL, "with --explain: as the page thaw-config(5)", CLI_FLAG, &page, 0, 0},
        {"--set", "KEY=VALUE", "change a key first", CLI_TEXTS, &asked.sets, 0, 0}};
    const struct cli_spec spec = {
        "thaw config [CONFIG] [--check|--explain] [--set KEY=VALUE]...",
        about,
        options,
        sizeof options / sizeof *options,
        0,
        1,
        0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (explained && page) {
        manual_config();
        return CLI_OK;
    }
    if (explained) return explain();
    if (words.n == 0) return cli_usage("which config? e.g. thaw config medical --check");
    return run_config(words.at[0], &asked, &err) ? CLI_OK : cli_fail(&err);
}
