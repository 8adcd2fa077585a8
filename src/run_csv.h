/* run_csv.h - what a run has measured, as a table for other programs (CSV, RFC 4180, LF). */
#ifndef THAW_SRC_RUN_CSV_H
#define THAW_SRC_RUN_CSV_H
#include "engine/core/buf.h"
#include "engine/run/run_dir.h"

/* Append a head and a line a step: step, stage, loss (nats a token), lr, grad_norm, tokens (so far),
 * tokens_per_s, seconds (of the step), and for each evaluated set its loss, bits_per_byte and the base's
 * loss, where it was evaluated after that step. What is not known is empty. Of a step that was made twice,
 * before and after a resume, the later one stands. */
bool run_csv(const struct run_paths *run, struct buf *out, struct err *err);
#endif
