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
    int mpl_start_add_##isa(const mpl_setting *, mpl_start *, double, double, int);                        \
    int mpl_relocate_##isa(const mpl_setting *, const mpl_relocation *);                                   \
    void mpl_signed_distance_##isa(const mpl_region *, int, const double *, const double *, double *, double *, double *); \
    double mpl_penalty_##isa(const mpl_region *, const mpl_spacing *, int, const double *, const double *, double *, double *); \
    void mpl_inset_##isa(const mpl_region *, double, int, double *, double *);                             \
    int mpl_settle_##isa(const mpl_region *, const mpl_spacing *, double, int, int, double *, double *); \
    int mpl_anneal_##isa(const mpl_setting *, mpl_walk *);
#define VARIANT(isa)                                                                                   \
    {#isa, mpl_evaluate_##isa, mpl_start_add_##isa, mpl_relocate_##isa, mpl_signed_distance_##isa, mpl_penalty_##isa, \
     mpl_inset_##isa, mpl_settle_##isa, mpl_anneal_##isa}

typedef struct {
    const char *name;
    int (*evaluate)(const mpl_setting *, const mpl_farm *, const mpl_answer *);
    int (*start_add)(const mpl_setting *, mpl_start *, double, double, int);
    int (*relocate)(const mpl_setting *, const mpl_relocation *);
    void (*signed_distance)(const mpl_region *, int, const double *, const double *, double *, double *, double *);
    double (*penalty)(const mpl_region *, const mpl_spacing *, int, const double *, const double *, double *, double *);
    void (*inset)(const mpl_region *, double, int, double *, double *);
    int (*settle)(const mpl_region *, const mpl_spacing *, double, int, int, double *, double *);
    int (*anneal)(const mpl_setting *, mpl_walk *);
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

EXPORT int mpl_relocate(const mpl_setting *set, const mpl_relocation *ask) { return choose()->relocate(set, ask); }

EXPORT void mpl_signed_distance(const mpl_region *region, int n, const double *x, const double *y, double *distance,
                                double *near_x, double *near_y)
{
    choose()->signed_distance(region, n, x, y, distance, near_x, near_y);
}

EXPORT double mpl_penalty(const mpl_region *region, const mpl_spacing *spacing, int n, const double *x, const double *y,
                          double *d_dx, double *d_dy)
{
    return choose()->penalty(region, spacing, n, x, y, d_dx, d_dy);
}

EXPORT void mpl_inset(const mpl_region *region, double depth, int n, double *x, double *y)
{
    choose()->inset(region, depth, n, x, y);
}

EXPORT int mpl_settle(const mpl_region *region, const mpl_spacing *spacing, double depth, int most, int n, double *x,
                      double *y)
{
    return choose()->settle(region, spacing, depth, most, n, x, y);
}

EXPORT int mpl_anneal(const mpl_setting *set, mpl_walk *walk) { return choose()->anneal(set, walk); }
