/* config_sources.h - whether the text that a config names is there, and enough: what settings_check()
 * leaves out, because it looks at files. Both fit config_options.check. */
#ifndef THAW_SRC_CONFIG_SOURCES_H
#define THAW_SRC_CONFIG_SOURCES_H
#include "engine/run/settings.h"

/* Quick: every file that is named by its path can be read. */
bool config_sources_there(const struct settings *s, char *path, struct err *err);
/* Whole: every source is read to its end, once for each place where it stands, and must hold enough
 * for that place in any vocabulary. */
bool config_sources_read(const struct settings *s, char *path, struct err *err);
#endif
