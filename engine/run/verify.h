/* verify.h - a run's folder looked over, reading only: what is sound, what is not, what to do about it.
 * config.yaml is looked at by src/, which reads YAML. */
#ifndef THAW_ENGINE_RUN_VERIFY_H
#define THAW_ENGINE_RUN_VERIFY_H
#include "engine/run/run_dir.h"

enum verify_grade {
    VERIFY_SOUND, /* as it was saved */
    VERIFY_NOTE,  /* nothing is lost, or nothing can be told */
    VERIFY_BAD,
    VERIFY_GRADES
};
extern const char *const verify_words[VERIFY_GRADES]; /* "ok", "note", "bad" */

struct verify_finding {
    enum verify_grade grade;
    const char *where;  /* below the run's folder: "checkpoints/step-40" */
    const char *what;   /* a sentence's body: "model.safetensors is missing" */
    const char *advice; /* what to do; "" where there is nothing */
};
typedef void verify_tell(void *ctx, const struct verify_finding *f);

/* Tell a finding, or several, for the log, the base and each checkpoint, the newest first. n_stages: of
 * the run's config, 0 when it is not known. The step that a resume goes on from; -1: from the start. */
int64_t run_verify(const struct run_paths *run, int n_stages, verify_tell *tell, void *ctx);

/* The log's part: its lines are events, numbered 1, 2, 3 ..., its steps follow one another, the last line
 * is whole. */
void verify_log(const struct run_paths *run, verify_tell *tell, void *ctx);
#endif
