/* cmd_verify.c - `thaw verify`: whether a run's folder is what was written into it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/run/verify.h"
#include "src/cli.h"
#include "src/commands.h"
#include "src/config_file.h"

static const char about[] =
    "Look a run over without touching it: config.yaml, the log, the base, and every "
    "checkpoint\n"
    "byte by byte against the SHA-256 that was saved with it. One line for each; exit status "
    "1\n"
    "when something is not as it was written, with what to do about it.";

/* Where findings go. */
struct verdict {
    struct json_writer *json; /* NULL: lines for people */
    int n_bad;
};

static void tell(void *ctx, const struct verify_finding *f) {
    struct verdict *v = ctx;
    v->n_bad += f->grade == VERIFY_BAD;
    if (!v->json) {
        cli_print("%-4s  %s: %s%s%s", verify_words[f->grade], f->where, f->what,
                  *f->advice ? "; " : "", f->advice);
        return;
    }
    json_open(v->json, '{');
    json_add_string(v->json, "grade", verify_words[f->grade]);
    json_add_string(v->json, "where", f->where);
    json_add_string(v->json, "what", f->what);
    json_add_string(v->json, "advice", f->advice);
    json_close(v->json, '}');
}

/* ---- config.yaml ---- */

/* The settings are written again as they stand in the file, or the file was edited or is older.
 */
static bool reads_the_same(const char *path, const struct settings *s) {
    struct buf now = {0}, text = {0};
    bool same = config_write(s, &now, NULL) &&
                files_read(path, CONFIG_BYTES_MAX, &text, NULL) && now.len == text.len &&
                memcmp(now.data, text.data, now.len) == 0;
    buf_deinit(&now);
    buf_deinit(&text);
    return same;
}

/* The stages that the run has; 0 when its config cannot be read. */
static int verify_config(const struct run_paths *run, struct verdict *v) {
    struct settings *s = malloc(sizeof *s);
    struct err err = {0};
    struct verify_finding f = {.where = "config.yaml", .advice = ""};
    if (!s) err_set(&err, ERR_NOMEM, "not enough memory");
    bool ok = s && config_read(run->config, NULL, s, &err);
    bool same = ok && reads_the_same(run->config, s);
    int n_stages = ok ? s->n_stages : 0;
    f.grade = !ok ? VERIFY_BAD : same ? VERIFY_SOUND : VERIFY_NOTE;
    f.what = !ok    ? err.msg
             : same ? "reads as the settings that it was written from"
                    : "is right, but not as this thaw writes it";
    if (!ok) f.advice = "mend that line: --resume reads it";
    else if (!same)
        f.advice = "nothing to do if it was edited, or comes from another version of thaw";
    tell(v, &f);
    free(s);
    return n_stages;
}

/* ---- both ---- */

static void say_verdict(const struct run_paths *run, const struct verdict *v, int64_t step) {
    char word[PATH_MAX], from[64] = "from its start";
    run_dir_word(run, word);
    if (step >= 0) snprintf(from, sizeof from, "from step %" PRId64, step);
    if (v->n_bad == 0) cli_print("thaw: %s is sound; it would go on %s", word, from);
    else
        cli_print("thaw: %s has %d fault%s; thaw run --resume %s goes on %s", word, v->n_bad,
                  v->n_bad == 1 ? "" : "s", word, from);
}

static int verify(const struct run_paths *run, bool as_json, struct err *err) {
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    struct verdict v = {.json = as_json ? &w : NULL};
    w.indent = 1;
    if (as_json) {
        json_open(&w, '{');
        json_add_string(&w, "run", run->dir);
        json_add_open(&w, "findings", '[');
    }
    int64_t step = run_verify(run, verify_config(run, &v), tell, &v);
    if (as_json) {
        json_close(&w, ']');
        json_add_bool(&w, "sound", v.n_bad == 0);
        json_add_integer(&w, "resume_step", step);
        json_close(&w, '}');
        buf_str(&out, "\n");
    } else say_verdict(run, &v, step);
    bool ok = cli_put(&out, err) && cli_flush(err);
    buf_deinit(&out);
    if (!ok) return cli_fail(err);
    return v.n_bad == 0 ? CLI_OK : CLI_FAILED;
}

int cmd_verify(int argc, char **argv) {
    const char *runs_given = NULL;
    char runs[PATH_MAX];
    bool json = false;
    struct run_paths run;
    struct cli_texts words;
    struct err err = {0};
    int status;
    const struct cli_option options[] = {
        {"--json", NULL, "one JSON object", CLI_FLAG, &json, 0, 0},
        {"--runs-dir", "DIR", "where runs live (default: ~/.local/state/thaw/runs)", CLI_TEXT,
         &runs_given, 0, 0}};
    const struct cli_spec spec = {
        "thaw verify RUN [--json] [--runs-dir DIR]", about, options, 2, 1, 1, 0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (!runs_dir(runs_given, runs, &err) || !run_dir_find(runs, words.at[0], &run, &err))
        return cli_fail(&err);
    return verify(&run, json, &err);
}
