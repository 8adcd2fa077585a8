#include "src/find_config.h"

#include <stdio.h>
#include <string.h>

#include "engine/core/files.h"

const char *config_folder(int i) {
    static const char *const folders[] = {"configs", THAW_CONFIGS, NULL};
    return folders[i];
}

bool config_find(const char *config, char out[PATH_MAX], struct err *err) {
    static const char *const endings[] = {"", ".yaml"};
    bool is_path = strchr(config, '/') != NULL;
    if (!*config) return err_set(err, ERR_USAGE, "which config? e.g. medical");
    if (is_path || files_exists(config)) return files_join(out, PATH_MAX, "", config, err);
    for (int i = 0; config_folder(i); i++) {
        for (int k = 0; k < 2; k++) {
            int n = snprintf(out, PATH_MAX, "%s/%s%s", config_folder(i), config, endings[k]);
            if (n < PATH_MAX && files_exists(out) && !files_is_dir(out)) return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "there is no config \"%s\", neither here nor in %s; `thaw` lists them",
                   config, THAW_CONFIGS);
}
