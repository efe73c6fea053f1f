/* The exported functions: each calls the variant for the best instruction set that this CPU has.
 *
 * MPI_LAYOUT_ISA=generic|avx2|avx512 in the environment asks for a lesser one (tests, comparisons).
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define EXPORT __attribute__((visibility("default")))

#define DECLARE(isa)                                                                                   \
    int mpl_evaluate_##isa(const mpl_setting *, const mpl_farm *, const mpl_answer *);                     \
    int mpl_start_add_##isa(const mpl_setting *, mpl_start *, double, double, int);
#define VARIANT(isa) {#isa, mpl_evaluate_##isa, mpl_start_add_##isa}

typedef struct {
    const char *name;
    int (*evaluate)(const mpl_setting *, const mpl_farm *, const mpl_answer *);
    int (*start_add)(const mpl_setting *, mpl_start *, double, double, int);
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

EXPORT int mpl_evaluate(const mpl_setting *set, const mpl_farm *farm, const mpl_answer *answer)
{
    return choose()->evaluate(set, farm, answer);
}

EXPORT int mpl_start_add(const mpl_setting *set, mpl_start *start, double x, double y, int type)
{
    return choose()->start_add(set, start, x, y, type);
}
