/* config_memory.h - what memory a config's run will take, as a table for people. */
#ifndef THAW_SRC_CONFIG_MEMORY_H
#define THAW_SRC_CONFIG_MEMORY_H
#include "engine/run/memory_needs.h"

/* Append the table, a line a stage, in MiB. ERR_NOMEM where the run does not fit into `available` bytes, with
 * what it would fit (memory_fits); the table is there all the same. Nothing is trained or read but the headers
 * of the model that the run starts from. */
bool config_memory(const struct settings *s, uint64_t available, struct buf *out, struct err *err);
#endif
