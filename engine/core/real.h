/* real.h - the number type of the mathematics.
 * float in the program. The double build (THAW_DOUBLE) compiles the same sources of nn/, model/
 * and optim/ a second time, so that gradients can be checked against finite differences to 1e-5. */
#ifndef THAW_ENGINE_CORE_REAL_H
#define THAW_ENGINE_CORE_REAL_H

#ifdef THAW_DOUBLE
typedef double real;
#define R(x) x /* a literal: R(0.5) */
#else
typedef float real;
#define R(x) x##f
#endif

/* KERNEL in front of a hot loop's function: compiled once for each SIMD level, the right one is
 * chosen when the program is loaded. Plain in sanitizer builds, whose runtimes start too late for
 * the choice, and in the double build. */
#if defined(THAW_CLONES) && !defined(THAW_DOUBLE)
#define KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define KERNEL
#endif
#endif
