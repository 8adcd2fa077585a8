/* fuzz_report.c - any bytes as what a report is made of: a run's config.yaml, a line "%%", and
 * its events.jsonl. Refused with a message, or a page that is well-formed, beside a table in
 * which every line has the same number of fields. Built as a libFuzzer target, and into
 * test_fuzz_report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/report/page.h"
#include "src/run_csv.h"
#include "tests/fuzz/folder.h"
#include "tests/src/xml_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void require_told(bool good, const struct err *err) {
    require(good || (err->code != ERR_NONE && err->msg[0] != '\0'));
}

static void make_page(const struct run_paths *run, int n) {
    struct buf page = {0};
    struct err err = {0};
    const struct run_paths runs[] = {*run, *run};
    bool good = report_make(runs, n, &page, &err);
    require_told(good, &err);
    const char *wrong = good ? xml_check(page.data, page.len, NULL) : NULL;
    if (wrong) fprintf(stderr, "%s\n", wrong);
    require(!wrong);
    buf_deinit(&page);
}

/* Commas of a line that stand in no quotes. */
static int commas(const char *line, const char *end) {
    bool quoted = false;
    int n = 0;
    for (; line < end; line++) {
        quoted ^= *line == '"';
        n += !quoted && *line == ',';
    }
    require(!quoted);
    return n;
}

/* Names in the head have no line ends in them, as all text is sanitised. */
static void make_table(const struct run_paths *run) {
    struct buf table = {0};
    struct err err = {0};
    bool good = run_csv(run, &table, &err);
    require_told(good, &err);
    int fields = -1;
    for (const char *at = buf_text(&table), *end; good && *at; at = end + 1) {
        require((end = strchr(at, '\n')) != NULL);
        int n = commas(at, end);
        require(fields < 0 || n == fields);
        fields = n;
    }
    buf_deinit(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct run_paths run;
    struct folder_part parts[2];
    struct err err = {0};
    folder_cut(data, size, parts, 2);
    require(run_paths_of(folder_path(), &run, &err));
    folder_put("config.yaml", parts[0]);
    folder_put("events.jsonl", parts[1]);
    if (size % 4 == 0) make_page(&run, 2); /* beside itself: slower, and much the same */
    else if (size % 2) make_page(&run, 1);
    else make_table(&run);
    return 0;
}
