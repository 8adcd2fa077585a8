/* xml_check.h - whether a page is well-formed XML, by a small reader of our own: elements that
 * close in order, attributes in quotes and each once, the five entities and numbers, valid
 * UTF-8 without control characters, ids that are unique. */
#ifndef THAW_TESTS_SRC_XML_CHECK_H
#define THAW_TESTS_SRC_XML_CHECK_H
#include <stddef.h>

/* NULL when it is, else what is wrong and where (a static text). `n_elements` may be NULL. */
const char *xml_check(const char *text, size_t n, int *n_elements);
#endif
