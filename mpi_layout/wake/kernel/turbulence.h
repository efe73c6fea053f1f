/* Turbulence that a wake adds at a receiver, with its derivatives.
 *
 * STF2017           S. Frandsen (2007), Risoe-R-1188, as PyWake's STF2017TurbulenceModel. With ct and D of the source,
 *                   I = 1 / (c0 + c1 distance / D / sqrt(ct)); added: w (sqrt(I^2 + TI^2) - TI), a linear sum;
 *                   w = exp(-(theta / theta_w)^2) within theta_w = (atan(D / z) + 10 deg) / 2, theta = atan(d / z)
 * CRESPO_HERNANDEZ  A. Crespo, J. Hernandez (1996), J. Wind Eng. Ind. Aerod. 61, 71-85, as PyWake's:
 *                   added: c0 a(ct)^c1 TI^c2 (z / D)^c3 x share of the rotor within the wake's radius (2 sigma);
 *                   the largest counts, TI_eff = sqrt(TI^2 + added^2)
 *
 * TI is the ambient one. What does not depend on the flow case is made once per pair: "place" (w, or z^c3)
 * and "far" (distance / D).
 */
#ifndef MPL_TURBULENCE_H
#define MPL_TURBULENCE_H

#include "law.h"

#define TEN_DEGREES 0.17453292519943295

INLINE void emit_turbulence(const wakes *w, const mpl_turbine *turbine, int l, vd ct, double *f)
{
    const mpl_model *m = &w->set->model;
    const int n = w->n_lane;
    if (m->turbulence == STF2017) {
        v_store(f + ADDED * n, v_reciprocal(v_sqrt(v_max(ct, v_set(1e-20)))));
    } else if (m->turbulence == CRESPO_HERNANDEZ) {
        const double *c = m->crespo;
        valued a2 = deficit_of_load(m->crespo_induction, ct);
        vd a = v_max(0.5 * a2.value, v_set(1e-10));
        double at_1_m = log(c[0]) - c[3] * log(turbine->rotor_diameter);
        vd strength = v_exp(c[1] * v_log(a) + c[2] * v_log(v_load(w->ambient + l)) + at_1_m);
        v_store(f + ADDED * n, strength);
        v_store(f + ADDED_SLOPE * n, v_if(0.5 * a2.value > 1e-10, strength * c[1] * 0.5 * a2.slope * v_reciprocal(a)));
    }
}

/* Vectors of pairs: place and far with their derivatives by dw and c2 = d^2. */
INLINE void stf_place(vd diameter, vd dw, vd c2, profile *place, profile *far)
{
    vd d = v_sqrt(c2), z = v_max(dw, v_set(1e-20)), per_z = v_reciprocal(z);
    vd half = 0.5 * (v_atan(diameter * per_z) + TEN_DEGREES), per_half = v_reciprocal(half);
    vd theta = v_if(dw > 0, v_atan(d * per_z));
    vi within = (theta < half) & (dw > 1e-10);
    vd t = theta * per_half;
    vd weight = v_if(within, v_exp(-t * t));
    vd away2 = dw * dw + c2, per_away2 = v_reciprocal(v_max(away2, v_set(1e-20)));
    /* d atan(D/z)/dz = -D/(z^2 + D^2); d theta/dz = -d/away^2; d theta/d(d^2) = z/(2 d away^2) */
    vd half_dw = -0.5 * diameter * v_reciprocal(z * z + diameter * diameter);
    vd by_theta = -2.0 * weight * t * per_half, by_half = -by_theta * t;
    *place = (profile){weight, by_half * half_dw - by_theta * d * per_away2,
                       by_theta * 0.5 * z * per_away2 * v_reciprocal(v_max(d, v_set(1e-9)))};
    vd away = v_sqrt(away2), per_away = 0.5 * v_reciprocal(diameter) * v_reciprocal(v_max(away, v_set(1e-9)));
    *far = (profile){away * v_reciprocal(diameter), 2.0 * dw * per_away, per_away};
}

INLINE void crespo_place(const mpl_model *m, vd dw, profile *place)
{
    vd z = v_max(dw, v_set(1e-10)), power = v_if(dw > 0, v_exp(m->crespo[3] * v_log(z)));
    *place = (profile){power, m->crespo[3] * power * v_reciprocal(z), v_set(0)};
}

/* Lanes of one pair. */
INLINE response stf_added(const wakes *w, const int partials, int u, int l, const double *f)
{
    const double *c = w->set->model.stf;
    vd r = v_load(f + ADDED * w->n_lane), ambient = v_load(w->ambient + l);
    vd i = v_reciprocal(c[0] + c[1] * w->far[u] * r);
    vd root = v_sqrt(i * i + ambient * ambient), excess = root - ambient;
    response t;
    t.value = w->place[u] * excess;
    if (!partials) return t;
    vd by_far = w->place[u] * i * v_reciprocal(root) * -(i * i * c[1] * r);
    t.by[BY_DOWNWIND] = w->place_dw[u] * excess + by_far * w->far_dw[u];
    t.by[BY_CROSSWIND2] = w->place_c2[u] * excess + by_far * w->far_c2[u];
    t.by[BY_CT] = -by_far * w->far[u] * v_load(f + HALF_CT * w->n_lane);
    t.by[BY_TURBULENCE] = v_set(0);
    return t;
}

/* The wake's radius is `widths` of its width. What does not exceed `so_far` is not computed. */
INLINE response crespo_added(const wakes *w, const int partials, double widths, int u, const double *f, double radius,
                             width wake, vd so_far)
{
    vd strength = v_load(f + ADDED * w->n_lane);
    response t; /* not initialised: it is large */
    t.value = strength * w->place[u];
    if (!v_mask((vi)(t.value > so_far))) {
        t.value = v_set(0);
        if (partials) for (int p = 0; p <= BY_TURBULENCE; ++p) t.by[p] = v_set(0);
        return t;
    }
    double d = sqrt(w->c2[u]);
    overlap o = disc_overlap(partials, widths * wake.value, radius, v_set(d));
    if (partials) {
        vd by_width = widths * t.value * o.radius;
        t.by[BY_DOWNWIND] = strength * o.value * w->place_dw[u] + by_width * wake.dw;
        t.by[BY_CROSSWIND2] = t.value * o.distance * (d > 0 ? 0.5 / d : 0.0);
        t.by[BY_CT] = by_width * wake.ct + v_load(f + ADDED_SLOPE * w->n_lane) * w->place[u] * o.value;
        t.by[BY_TURBULENCE] = by_width * wake.turbulence;
    }
    t.value *= o.value;
    return t;
}

#endif
