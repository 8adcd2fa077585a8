/* osc52.h - the control sequence by which a terminal is asked to put a text into the clipboard of the
 * person who sits at it, also at the other end of a network. Source: "XTerm Control Sequences",
 * Operating System Commands, Ps = 52; base64 as in RFC 4648, section 4. */
#ifndef THAW_UI_OSC52_H
#define THAW_UI_OSC52_H
#include "engine/core/buf.h"

enum { OSC52_TEXT_MAX = 4096 }; /* bytes: terminals cut or refuse what is much longer */

/* Append the sequence for text[0..n). False, appending nothing: more than OSC52_TEXT_MAX. */
bool osc52_add(struct buf *out, const char *text, size_t n);
#endif
