/* cmd_config.c - `thaw config`: what a config means, whether it is right, and what may stand in
 * one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"
#include "src/config_from.h"
#include "src/config_sources.h"
#include "src/config_third.h"
#include "src/find_config.h"
#include "src/manual.h"

static const char about[] =
    "Print CONFIG with every default filled in, as YAML; --check only says whether it is "
    "right;\n"
    "--explain lists every key with its default, its range and what it does.";

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

static bool run_config(const char *word, const struct cli_texts *sets, bool check,
                       struct err *err) {
    char path[PATH_MAX];
    struct buf out = {0};
    struct settings *s = malloc(sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "not enough memory");
    const struct config_options o = {sets->at, sets->n, check ? check_all : NULL};
    bool ok = config_find(word, path, err) && config_read(path, &o, s, err);
    if (ok && check) cli_print("thaw: %s is right", path);
    if (ok && !check) ok = config_write(s, &out, err);
    ok = ok && cli_put(&out, err);
    buf_deinit(&out);
    free(s);
    return ok;
}

int cmd_config(int argc, char **argv) {
    bool check = false, explained = false, page = false;
    struct cli_texts words, sets = {.n = 0};
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--check", NULL, "say whether it is right", CLI_FLAG, &check, 0, 0},
        {"--explain", NULL, "list every key", CLI_FLAG, &explained, 0, 0},
        {"--man", NULL, "with --explain: as the page thaw-config(5)", CLI_FLAG, &page, 0, 0},
        {"--set", "KEY=VALUE", "change a key first", CLI_TEXTS, &sets, 0, 0}};
    const struct cli_spec spec = {
        "thaw config [CONFIG] [--check|--explain] [--set KEY=VALUE]...",
        about,
        options,
        4,
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
    return run_config(words.at[0], &sets, check, &err) ? CLI_OK : cli_fail(&err);
}
