/* config_yaml.h - libyaml's door: a run's settings from YAML, and back.
 * Strict: one document, known keys only, each once; no aliases, anchors or tags; at most 32
 * levels and 64 KiB. Messages read "FILE:LINE:COLUMN: what is wrong, what was expected". */
#ifndef THAW_SRC_CONFIG_YAML_H
#define THAW_SRC_CONFIG_YAML_H
#include "engine/core/buf.h"
#include "engine/run/settings.h"

enum { CONFIG_BYTES_MAX = 1 << 16, CONFIG_DEPTH_MAX = 32 };

/* The --set options, "KEY=VALUE" each, in the order in which they were given. */
struct config_changes {
    const char *const *texts;
    int n;
};

/* Read `path`, apply the changes, check the whole. A wrong change is ERR_USAGE, "--set KEY:
 * ..."; everything else names the file. */
bool config_read(const char *path, struct config_changes changes, struct settings *out,
                 struct err *err);
/* The same from memory; `name` stands for the file in messages. */
bool config_parse(const char *text, size_t n, const char *name, struct config_changes changes,
                  struct settings *out, struct err *err);

/* Append all settings as YAML, in the order of the table; reading it gives the same settings.
 */
bool config_write(const struct settings *s, struct buf *out, struct err *err);
#endif
