/* config_file.h - a run's settings from a YAML file, and back.
 * Strict: known keys only, each once, at most 64 KiB (and see config_yaml.h). Messages read
 * "FILE:LINE:COLUMN: what is wrong, what was expected". */
#ifndef THAW_SRC_CONFIG_FILE_H
#define THAW_SRC_CONFIG_FILE_H
#include "engine/core/buf.h"
#include "engine/run/settings.h"

enum { CONFIG_BYTES_MAX = 1 << 16 };

struct config_options {
    const char *const *changes; /* the --set options, "KEY=VALUE" each, in order */
    int n_changes;
    /* A further check after settings_check(), which it is like; NULL: none. */
    bool (*check)(const struct settings *s, char *path, struct err *err);
};

/* Read `path`, apply the changes, check the whole. A wrong change is ERR_USAGE, "--set KEY:
 * ..."; everything else names the file and, where there is one, the line. `o` NULL: as it is.
 */
bool config_read(const char *path, const struct config_options *o, struct settings *out,
                 struct err *err);
/* The same from memory; `name` stands for the file in messages. */
bool config_parse(const char *text, size_t n, const char *name, const struct config_options *o,
                  struct settings *out, struct err *err);

/* Append all settings as YAML, in the order of the table; reading it gives the same settings.
 */
bool config_write(const struct settings *s, struct buf *out, struct err *err);
#endif
