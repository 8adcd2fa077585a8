/* clock.h - time in seconds as double. */
#ifndef THAW_ENGINE_CORE_CLOCK_H
#define THAW_ENGINE_CORE_CLOCK_H

double clock_now(void);  /* monotonic, seconds since an arbitrary start */
double clock_wall(void); /* since 1970-01-01 UTC */
#endif
