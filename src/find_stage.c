#include "src/find_stage.h"

#include <string.h>

#include "engine/run/number.h"

int stage_find(const struct settings *s, const char *word, struct err *err) {
    int64_t n;
    struct buf names = {0};
    for (int i = 0; i < s->n_stages; i++)
        if (strcmp(s->stages[i].name, word) == 0) return i;
    if (number_parse_whole(word, &n) && n >= 0 && n < s->n_stages) return (int)n;
    for (int i = 0; i < s->n_stages; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", s->stages[i].name);
    err_set(err, ERR_USAGE, "there is no stage \"%s\": give a name (%s), or a number from 0",
            word, buf_text(&names));
    buf_deinit(&names);
    return -1;
}
