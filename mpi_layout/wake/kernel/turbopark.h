/* TurbOPark with Gaussian wakes, one source and one receiver, VL wind speeds at a time.
 *
 * Nygaard et al. (2022), J. Phys. Conf. Ser. 2265, 022008; turbulence after Frandsen (2007). With
 * z = downwind distance / D, alpha = c1 TI, beta = c2 TI / sqrt(Ct), y = alpha + beta z:
 *     sigma / D = A sqrt(Ct) / c2 (H(y) - H(alpha)) + epsilon,   H(y) = sqrt(y^2 + 1) - ln((sqrt(y^2 + 1) + 1) / y)
 *     deficit   = 1 - sqrt(1 - min(1, Ct D^2 / (8 sigma^2)))     (of the free-stream speed)
 * averaged over the receiver's rotor (disc.h), a mirror wake below ground added as root-sum-square.
 */
#ifndef MPL_TURBOPARK_H
#define MPL_TURBOPARK_H

#include "disc.h"

/* A turbine's power or thrust curve at VL wind speeds. */
static inline vd curve(const mpl_turbine *turbine, const double *values, vd speed)
{
    return v_interpolate(values, turbine->n_curve, (speed - turbine->speed_first) * turbine->speed_inverse_step);
}

/* What a receiver needs to know of a source, per lane. */
enum { SOURCE_BETA, SOURCE_SCALE, SOURCE_BASE, SOURCE_CT, SOURCE_FIELDS };

static inline vd expansion(vd y)
{
    vd g = v_sqrt(y * y + 1.0);
    return g - v_log((g + 1.0) * v_reciprocal(y));
}

static inline double expansion_at_source(const mpl_turbopark *m)
{
    return expansion(v_set(m->c1 * m->turbulence_intensity))[0];
}

/* Fill one lane vector of the source fields (stride `n_lane` between fields) for thrust coefficients ct. */
static inline void source_set(const mpl_setting *set, double at_source, vd ct, double *field, int n_lane)
{
    const mpl_turbopark *m = &set->model;
    double diameter = set->turbine.rotor_diameter;
    vd ct_positive = v_max(ct, v_set(1e-20));
    vd root = v_sqrt(ct_positive);
    vd q = v_sqrt(1.0 - v_min(ct_positive, v_set(m->ct_limit)));
    vd epsilon = m->ceps * v_sqrt(0.5 + 0.5 * v_reciprocal(q));
    vd scale = root * (m->A * diameter / m->c2);
    v_store(field + SOURCE_BETA * n_lane, v_reciprocal(root) * (m->c2 * m->turbulence_intensity / diameter));
    v_store(field + SOURCE_SCALE * n_lane, scale);
    v_store(field + SOURCE_BASE * n_lane, epsilon * diameter - scale * at_source);
    v_store(field + SOURCE_CT * n_lane, ct * (diameter * diameter / 8));
}

static inline vd wake_sigma(const mpl_setting *set, const double *field, int n_lane, double downwind)
{
    vd y = set->model.c1 * set->model.turbulence_intensity + v_load(field + SOURCE_BETA * n_lane) * downwind;
    return v_load(field + SOURCE_SCALE * n_lane) * expansion(y) + v_load(field + SOURCE_BASE * n_lane);
}

/* Deficit on the wake axis, as a fraction of the free-stream speed. */
static inline vd axis_deficit(const double *field, int n_lane, vd inverse_sigma_squared)
{
    vd load = v_load(field + SOURCE_CT * n_lane) * inverse_sigma_squared;
    return 1.0 - v_sqrt(1.0 - v_min(load, v_set(1.0)));
}

/* An upper bound of sigma over all thrust coefficients up to ct_max: the least of a few tangents, since
 * sigma(z) is concave (the added turbulence only decays). Used to skip pairs whose wake misses. */
#define BOUND_TANGENTS 4
typedef struct {
    double intercept[BOUND_TANGENTS], slope[BOUND_TANGENTS];
} sigma_bound;

static inline sigma_bound sigma_bound_of(const mpl_setting *set)
{
    static const double touch[BOUND_TANGENTS] = {2, 8, 25, 80};
    const mpl_turbopark *m = &set->model;
    double diameter = set->turbine.rotor_diameter, ct_max = 1e-20;
    for (int i = 0; i < set->turbine.n_curve; ++i)
        if (set->turbine.ct[i] > ct_max) ct_max = set->turbine.ct[i];
    double alpha = m->c1 * m->turbulence_intensity, beta = m->c2 * m->turbulence_intensity / sqrt(ct_max);
    double scale = m->A * diameter * sqrt(ct_max) / m->c2;
    double q = sqrt(1 - fmin(ct_max, m->ct_limit));
    double base = m->ceps * sqrt(0.5 * (1 + q) / q) * diameter - scale * expansion_at_source(m);
    sigma_bound bound;
    for (int i = 0; i < BOUND_TANGENTS; ++i) {
        double y = alpha + beta * touch[i]; /* dH/dy = sqrt(y^2 + 1) / y */
        double slope = scale * beta * sqrt(y * y + 1) / y;
        bound.slope[i] = slope / diameter;
        bound.intercept[i] = base + scale * expansion(v_set(y))[0] - slope * touch[i];
    }
    return bound;
}

static inline vd sigma_at_most(const sigma_bound *bound, vd downwind)
{
    vd sigma = bound->intercept[0] + bound->slope[0] * downwind;
    for (int i = 1; i < BOUND_TANGENTS; ++i)
        sigma = v_min(sigma, bound->intercept[i] + bound->slope[i] * downwind);
    return sigma;
}

/* Whose rotor a wake may touch: lists those of `n` points (s downwind, c crosswind) that reach, or are reached
 * from, (s0, c0), where the receivers have `radius` (0 for points). UPWIND: the points are the sources,
 * DOWNWIND: the points are the receivers. The arrays are aligned and padded to a multiple of VL. */
enum { UPWIND = 1, DOWNWIND = -1 };
static inline int within_wake(const sigma_bound *bound, double cutoff, double radius, int side, double s0, double c0,
                              int n, const double *s, const double *c, int *index)
{
    int m = 0;
    for (int i = 0; i < n; i += VL) {
        vd downwind = side * (s0 - v_load(s + i));
        vd reach = cutoff * sigma_at_most(bound, downwind) + radius;
        unsigned hits = v_mask((downwind > -1e-10) & (v_abs(v_load(c + i) - c0) < reach));
        if (n - i < VL) hits &= (1u << (n - i)) - 1;
        for (; hits; hits &= hits - 1) index[m++] = i + __builtin_ctz(hits);
    }
    return m;
}

#endif
