/* tensorboard.h - what a run measures, as TensorBoard reads it: a folder of files
 * events.out.tfevents.TIME.thaw.N, each a sequence of records, appended and never changed.
 * A record is framed as in a TFRecord file: length (8 bytes), masked CRC-32C of these, data, masked
 * CRC-32C of the data; all little-endian. The data is a protocol buffer, tensorflow.Event, of which a few
 * fields are written: wall_time (1), step (2), file_version (3), summary (5) with values of a tag and
 * a simple_value, session_log (7).
 * Source: tensorflow/core/util/event.proto, framework/summary.proto, lib/io/record_writer.h. */
#ifndef THAW_ENGINE_RUN_TENSORBOARD_H
#define THAW_ENGINE_RUN_TENSORBOARD_H
#include "engine/run/event.h"

struct tensorboard; /* opaque */

/* Begin a new file in `folder`, which is made when it is not there, for steps behind `step`: it says at once
 * that those which an earlier file tells of them are void, as after a resume. `wall`: seconds since 1970. */
struct tensorboard *tensorboard_create(const char *folder, int64_t step, double wall, struct err *err);
void tensorboard_destroy(struct tensorboard *tb); /* NULL is fine */

/* Append what a step, an evaluation or the layers have measured: train/loss, train/lr, train/grad_norm,
 * train/tokens_per_s; eval/SET/loss, bits_per_byte, perplexity, accuracy and base_loss; layers/GROUP/grad_norm,
 * update and from_base, but not of parts of blocks. Other events say nothing here, nor do numbers that are not
 * finite. False, with err, when this begins to fail; from then on events are lost silently until it works
 * again, and what is in the file stays whole. */
bool tensorboard_add(struct tensorboard *tb, const struct event *e, double wall, struct err *err);

/* A run's whole log as one new file in `folder`. ERR_RANGE when it holds no event. */
bool tensorboard_convert(const char *log, const char *folder, struct err *err);
#endif
