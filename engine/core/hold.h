/* hold.h - signals that wait while a thread is somewhere where they may not come in. oneDNN's products are such a
 * place: code that it makes at run time keeps values below the end of the stack, where the kernel puts the frame of
 * a handler, and what they were written over by ends as wrong numbers or a crash (oneDNN 2.6.3, dnnl_sgemm). */
#ifndef THAW_ENGINE_CORE_HOLD_H
#define THAW_ENGINE_CORE_HOLD_H

/* Hold back all signals to this thread, and let them come again; those that came meanwhile come then. Holds may be
 * nested, the outermost alone costs two system calls. Where signals are blocked for good (a pool's workers), hold
 * without ever letting go. */
void signals_hold(void);
void signals_let(void);
#endif
