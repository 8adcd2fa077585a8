/* pace.h - how often a screen looks at the log, and by that, how often it draws while nobody touches it. */
#ifndef THAW_UI_PACE_H
#define THAW_UI_PACE_H
#include <stdbool.h>

/* Milliseconds to sleep at clock_now() `now`, unless a key or an answer comes: at least 1. Who steers looks
 * 20 times a second, and four times when the last key, at `touched_at`, is some time ago: a curve moves by less than
 * a column meanwhile, and training has the cores. Of those who watch there may be a class, who together must not take
 * from it: they look twice a second, and once; all at the same moments, since a step waits for its slowest worker
 * and so loses less to one burst on every core than to many small ones, each on one. */
int pace_wait_ms(bool watches, double now, double touched_at);
#endif
