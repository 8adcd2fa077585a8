/* input.h - bytes of a terminal in, keys out. Pure, so that every sequence is tested without
 * one. Knows what xterm, its kin, screen, tmux, the Linux console and VT terminals send, in
 * both cursor key modes, and mouse reports in the SGR and the X10 form: more than terminfo says
 * under tmux. Source: XTerm Control Sequences (Thomas Dickey); ECMA-48, section 5.4. */
#ifndef THAW_UI_INPUT_H
#define THAW_UI_INPUT_H
#include <stdbool.h>
#include <stddef.h>

#include "ui/keys.h"

struct term_mouse;

/* Decode one key from bytes[0..n). Returns the bytes used and sets *key: a character, one of
 * enum key, or KEYS_NONE for what means nothing here (an unknown sequence, a button's release).
 * Returns 0 when the bytes are the beginning of something longer; `final` says that nothing
 * more will come in time, and then it never returns 0 for n > 0. *mouse is filled for
 * KEYS_MOUSE. */
size_t input_decode(const char *bytes, size_t n, bool final, int *key,
                    struct term_mouse *mouse);
#endif
