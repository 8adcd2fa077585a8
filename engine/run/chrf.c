#include "engine/run/chrf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"

/* ---- characters ---- */

struct characters {
    uint32_t *at;
    size_t n;
};

/* White_Space of Unicode 15. */
static bool is_blank(uint32_t c) {
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool read_characters(const char *s, size_t n, struct characters *out) {
    *out = (struct characters){.at = malloc((n + 1) * sizeof *out->at)};
    if (!out->at) return false;
    for (size_t at = 0; at < n;) {
        uint32_t c;
        at += text_decode(s + at, n - at, &c);
        if (!is_blank(c)) out->at[out->n++] = c;
    }
    return true;
}

/* ---- runs of them ---- */

static size_t runs_of(const struct characters *c, int length) {
    return c->n < (size_t)length ? 0 : c->n - (size_t)length + 1;
}

static int compare(const uint32_t *a, const uint32_t *b, int length) {
    for (int i = 0; i < length; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int compare_runs(const void *a, const void *b, void *length) {
    return compare(*(const uint32_t *const *)a, *(const uint32_t *const *)b,
                   *(const int *)length);
}

static size_t sort_runs(const struct characters *c, int length, const uint32_t **out) {
    size_t n = runs_of(c, length);
    for (size_t i = 0; i < n; i++) out[i] = c->at + i;
    qsort_r(out, n, sizeof *out, compare_runs, &length);
    return n;
}

/* How many are in both, each as often as where it is rarer. a and b: room for the runs. */
static size_t shared_runs(const struct characters *x, const struct characters *y, int length,
                          const uint32_t **a, const uint32_t **b) {
    size_t n = sort_runs(x, length, a), m = sort_runs(y, length, b), shared = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        int order = compare(a[i], b[j], length);
        shared += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return shared;
}

static void count(struct chrf *c, const struct characters *written,
                  const struct characters *right, const uint32_t **room) {
    for (int i = 0; i < CHRF_ORDER; i++) {
        c->written[i] += (double)runs_of(written, i + 1);
        c->right[i] += (double)runs_of(right, i + 1);
        c->both[i] += (double)shared_runs(written, right, i + 1, room, room + written->n);
    }
}

bool chrf_add(struct chrf *c, const char *written, size_t n_written, const char *right,
              size_t n_right, struct err *err) {
    struct characters w = {.at = NULL}, r = {.at = NULL};
    const uint32_t **room = NULL;
    bool ok = read_characters(written, n_written, &w) && read_characters(right, n_right, &r) &&
              (room = malloc((w.n + r.n + 1) * sizeof *room));
    if (ok) count(c, &w, &r, room);
    free(w.at);
    free(r.at);
    free(room);
    return ok ||
           err_set(err, ERR_NOMEM, "no memory to compare an answer of %zu bytes", n_written);
}

/* Precision and recall are means over the lengths that both sides have. */
double chrf_score(const struct chrf *c) {
    double precision = 0, recall = 0, beta2 = 4;
    for (int i = 0; i < CHRF_ORDER; i++) {
        if (c->written[i] == 0 || c->right[i] == 0) continue;
        precision += c->both[i] / c->written[i];
        recall += c->both[i] / c->right[i];
    }
    int lengths = 0;
    for (int i = 0; i < CHRF_ORDER; i++) lengths += c->written[i] > 0 && c->right[i] > 0;
    if (lengths == 0 || precision + recall == 0) return 0;
    precision /= lengths;
    recall /= lengths;
    return 100 * (1 + beta2) * precision * recall / (beta2 * precision + recall);
}
