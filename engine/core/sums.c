#include "engine/core/sums.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/core/sha256.h"

enum {
    DIGITS = SHA256_TEXT - 1,
    SUMS_BYTES_MAX = 1 << 20,
    GAP = 2 /* blanks between sum and name; the second may be a star */
};

/* ---- writing ---- */

/* What a save in pieces left behind begins with a dot, and is nobody's. */
static int counts(const struct dirent *e) {
    return e->d_name[0] != '.' && strcmp(e->d_name, SUMS_NAME) != 0 &&
           !strchr(e->d_name, '\n') && !strchr(e->d_name, '\\');
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every locale */
}

static bool add_sum(const char *dir, const char *name, struct buf *out, struct err *err) {
    char path[PATH_MAX], sum[SHA256_TEXT];
    struct stat st;
    if (!files_join(path, sizeof path, dir, name, err)) return false;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) return true;
    if (!sha256_file(path, sum, err)) return false;
    buf_printf(out, "%s  %s\n", sum, name);
    return true;
}

bool sums_write(const char *dir, struct err *err) {
    char path[PATH_MAX];
    struct dirent **entries = NULL;
    struct buf text = {0};
    int n = scandir(dir, &entries, counts, by_name);
    bool ok = n >= 0 || err_errno(err, "cannot read the folder %s", dir);
    for (int i = 0; i < n; i++) {
        ok = ok && add_sum(dir, entries[i]->d_name, &text, err);
        free(entries[i]);
    }
    free(entries);
    if (ok && text.failed) ok = err_set(err, ERR_NOMEM, "no memory for the sums of %s", dir);
    ok = ok && files_join(path, sizeof path, dir, SUMS_NAME, err) &&
         files_write(path, text.data, text.len, err);
    buf_deinit(&text);
    return ok;
}

/* ---- comparing ---- */

/* One line, its newline taken away: the sum and the name of a file in the folder itself. */
static bool split(char *line, const char **name) {
    size_t digits = strspn(line, "0123456789abcdef");
    if (digits != DIGITS || line[DIGITS] != ' ') return false;
    if (line[DIGITS + 1] != ' ' && line[DIGITS + 1] != '*') return false;
    line[DIGITS] = '\0';
    *name = line + DIGITS + GAP;
    return **name && !strchr(*name, '/') && strcmp(*name, "..") != 0 && strcmp(*name, ".") != 0;
}

static bool compare(const char *dir, const char *name, const char *sum, struct err *err) {
    char path[PATH_MAX], now[SHA256_TEXT];
    if (!files_join(path, sizeof path, dir, name, err)) return false;
    if (!files_exists(path)) return err_set(err, ERR_IO, "%s is missing", name);
    if (!sha256_file(path, now, err)) return false;
    return strcmp(sum, now) == 0 ||
           err_set(err, ERR_PARSE, "%s has other bytes than were saved (%s says so)", name,
                   SUMS_NAME);
}

/* Overwrites the text. */
static bool compare_all(const char *dir, struct buf *text, struct err *err) {
    int number = 0;
    if (text->len == 0) return err_set(err, ERR_PARSE, "%s is empty", SUMS_NAME);
    for (char *line = text->data, *end; line < text->data + text->len; line = end + 1) {
        const char *name;
        end = strchr(line, '\n');
        number++;
        if (!end) return err_set(err, ERR_PARSE, "%s is cut short", SUMS_NAME);
        *end = '\0';
        if (!split(line, &name))
            return err_set(err, ERR_PARSE, "line %d of %s is no sum of a file", number,
                           SUMS_NAME);
        if (!compare(dir, name, line, err)) return false;
    }
    return true;
}

bool sums_check(const char *dir, bool *there, struct err *err) {
    char path[PATH_MAX];
    struct buf text = {0};
    *there = false;
    if (!files_join(path, sizeof path, dir, SUMS_NAME, err)) return false;
    if (!files_exists(path)) return true;
    *there = true;
    bool ok = files_read(path, SUMS_BYTES_MAX, &text, err) && compare_all(dir, &text, err);
    buf_deinit(&text);
    return ok;
}
