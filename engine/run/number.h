/* number.h - numbers as text, the same in every locale (strtod and printf follow the user's,
 * and a screen sets it). */
#ifndef THAW_ENGINE_RUN_NUMBER_H
#define THAW_ENGINE_RUN_NUMBER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/buf.h"

/* The decimal number at the front of s[0..n): sign, digits, fraction, exponent; correctly
 * rounded. Returns its bytes, 0 when there is none, it is too large for a double or longer than
 * 127 bytes. */
size_t number_scan(const char *s, size_t n, double *x);
/* The same for digits with an optional sign only, within int64_t. */
size_t number_scan_whole(const char *s, size_t n, int64_t *x);

/* The whole text as a number; false when anything else stands in it. */
bool number_parse(const char *text, double *x);
bool number_parse_whole(const char *text, int64_t *x);

/* The fewest digits (6 to 17) with which a finite x is written and reads back as x. */
int number_digits(double x);
/* Append x with them. */
void number_write(struct buf *out, double x);
#endif
