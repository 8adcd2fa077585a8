/* check.h - cmocka behind what it wants included first, and what every test counts with. */
#ifndef THAW_TESTS_CHECK_H
#define THAW_TESTS_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#endif
