/* doctor.h - what `thaw doctor` looks at, one finding after the other, and what to change. */
#ifndef THAW_SRC_DOCTOR_H
#define THAW_SRC_DOCTOR_H
#include "engine/core/json.h"

enum doctor_grade {
    DOCTOR_OK,
    DOCTOR_NOTE,    /* good to know; nothing is wrong */
    DOCTOR_WARNING, /* thaw works, but not as well as it could */
    DOCTOR_ERROR    /* it does not */
};

struct doctor {
    struct json_writer *json; /* inside an array; NULL: lines for people */
    enum doctor_grade worst;  /* so far */
};

/* One finding. `change` says what to do, NULL: nothing. */
void doctor_tell(struct doctor *d, enum doctor_grade grade, const char *what, const char *found,
                 const char *change);

void doctor_machine(struct doctor *d);
void doctor_terminal(struct doctor *d); /* that of stdin and stdout */
#endif
