/* cmd_doctor.c - `thaw doctor`: what this machine and terminal can do, and what to change. */
#include "src/cli.h"
#include "src/commands.h"
#include "src/doctor.h"

static const char about[] = "What was found on this machine, and what to change. Exit status "
                            "1: thaw cannot work so; 3: it can,\n"
                            "but there are warnings; 0: neither.";
enum { DOCTOR_WARNED = 3 /* exit status */ };

void doctor_tell(struct doctor *d, enum doctor_grade grade, const char *what, const char *found,
                 const char *change) {
    static const char *const words[] = {"ok", "note", "warning", "error"};
    if (grade > d->worst) d->worst = grade;
    if (d->json) {
        json_open(d->json, '{');
        json_add_string(d->json, "what", what);
        json_add_string(d->json, "grade", words[grade]);
        json_add_string(d->json, "found", found);
        if (change) json_add_string(d->json, "change", change);
        json_close(d->json, '}');
        return;
    }
    cli_print("%-8s %-10s %s", words[grade], what, found);
    if (change) cli_print("%-8s %-10s -> %s", "", "", change);
}

static enum cli_status status_of(enum doctor_grade worst) {
    if (worst == DOCTOR_ERROR) return CLI_FAILED;
    return worst == DOCTOR_WARNING ? (enum cli_status)DOCTOR_WARNED : CLI_OK;
}

int cmd_doctor(int argc, char **argv) {
    struct cli_texts words;
    struct err err = {0};
    struct buf out = {0};
    struct json_writer w = json_writer_make(&out);
    struct doctor d = {.json = NULL};
    bool json = false;
    int status;
    const struct cli_option options[] = {
        {"--json", NULL, "the findings as JSON", CLI_FLAG, &json, 0, 0}};
    const struct cli_spec spec = {"thaw doctor [--json]", about, options, 1, 0, 0, 0};
    if (!cli_read(&spec, argc, argv, &words, &status)) return status;
    if (json) {
        d.json = &w;
        json_open(&w, '[');
    }
    doctor_machine(&d);
    doctor_terminal(&d);
    if (json) {
        json_close(&w, ']');
        buf_str(&out, "\n");
    }
    bool ok = json ? cli_put(&out, &err) : cli_flush(&err);
    buf_deinit(&out);
    return ok ? (int)status_of(d.worst) : cli_fail(&err);
}
