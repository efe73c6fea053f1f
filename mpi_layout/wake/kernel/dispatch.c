/* The exported functions: each calls the variant for the best instruction set that this CPU has.
 *
 * MPI_LAYOUT_ISA=generic|avx2|avx512 in the environment asks for a lesser one (tests, comparisons).
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define EXPORT __attribute__((visibility("default")))

#define DECLARE(isa)                                                                                          \
    int mpl_farm_power_##isa(const mpl_setting *, int, const double *, const double *, double *);             \
    int mpl_farm_speed_##isa(const mpl_setting *, int, const double *, const double *, double *);             \
    int mpl_start_add_##isa(const mpl_setting *, mpl_start *, double, double);
#define VARIANT(isa) {#isa, mpl_farm_power_##isa, mpl_farm_speed_##isa, mpl_start_add_##isa}

typedef struct {
    const char *name;
    int (*farm_power)(const mpl_setting *, int, const double *, const double *, double *);
    int (*farm_speed)(const mpl_setting *, int, const double *, const double *, double *);
    int (*start_add)(const mpl_setting *, mpl_start *, double, double);
} variant;

DECLARE(generic)
static const variant generic = VARIANT(generic);
#ifdef MPL_X86
DECLARE(avx2)
DECLARE(avx512)
static const variant avx2 = VARIANT(avx2);
static const variant avx512 = VARIANT(avx512);
#endif

static const variant *choose(void)
{
#ifdef MPL_X86
    const char *wanted = getenv("MPI_LAYOUT_ISA");
    int level = !wanted || !strcmp(wanted, "avx512") ? 2 : !strcmp(wanted, "avx2") ? 1 : 0;
    __builtin_cpu_init();
    if (level >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return &avx512;
    if (level >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2;
#endif
    return &generic;
}

/* Chosen at every call: cheap beside the work, and no global state. */
EXPORT const char *mpl_isa(void) { return choose()->name; }

EXPORT int mpl_farm_power(const mpl_setting *set, int n, const double *x, const double *y, double *power)
{
    return choose()->farm_power(set, n, x, y, power);
}

EXPORT int mpl_farm_speed(const mpl_setting *set, int n, const double *x, const double *y, double *speed)
{
    return choose()->farm_speed(set, n, x, y, speed);
}

EXPORT int mpl_start_add(const mpl_setting *set, mpl_start *start, double x, double y)
{
    return choose()->start_add(set, start, x, y);
}
