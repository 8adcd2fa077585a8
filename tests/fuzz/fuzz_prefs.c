/* fuzz_prefs.c - any bytes as settings.json: refused with a message and nothing taken, or words
 * that there are; what is then kept is read back the same. Built as a libFuzzer target, and
 * into test_fuzz_prefs. */
#include <stdlib.h>

#include "tests/fuzz/folder.h"
#include "ui/prefs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = folder_put("settings.json", (struct folder_part){data, size});
    struct prefs read, changed, again;
    struct err err = {0};
    prefs_init(&read);
    again = read;
    bool sound = prefs_read(&read, path, &err);
    require(sound || (err.code != ERR_NONE && err.msg[0] != '\0' && prefs_same(&read, &again)));
    for (int i = 0; i < PREF_COUNT; i++) require(prefs_word(&read, (enum pref)i) != NULL);
    changed = read;
    changed.at[PREF_LOG_Y] = !changed.at[PREF_LOG_Y];
    require(prefs_keep(&changed, &read, path, &err) == sound);
    require(!sound || (prefs_read(&again, path, &err) && prefs_same(&again, &changed)));
    return 0;
}
