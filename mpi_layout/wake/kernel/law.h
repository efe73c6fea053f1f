/* The wake models: width, amplitude and profile of the wake of one source, with their derivatives.
 *
 * A deficit is amplitude x profile. With z the downwind distance, D the source's diameter, R = D/2, ct its thrust
 * coefficient, TI its turbulence intensity and d the distance of the receiver from the wake's axis:
 *
 * TOP_HAT    N. O. Jensen (1983), A note on wind generator interaction, Risoe-M-2411.
 *            width r = k z + R, amplitude 2 a(ct), profile (R/r)^2 x share of the rotor in the wake (overlap.h)
 * GAUSSIAN   M. Bastankhah, F. Porte-Agel (2014), Renewable Energy 70, 116-123.
 *            width sigma = k z + eps(ct) D, amplitude min(1, 2 a(ct D^2 / (8 sigma^2))), profile exp(-d^2 / (2 sigma^2))
 *            A. Niayifar, F. Porte-Agel (2016), Energies 9, 741: k = k0 + k_turbulence TI.
 * TURBOPARK  N. G. Nygaard et al. (2022), J. Phys. Conf. Ser. 2265, 022008; turbulence after Frandsen (2007):
 *            as GAUSSIAN, sigma = S (H(y) - H(alpha)) + eps(ct) D with S = A D sqrt(ct) / c2, alpha = c1 TI,
 *            y = alpha + c2 TI / sqrt(ct) z / D, H(y) = sqrt(y^2 + 1) - ln((sqrt(y^2 + 1) + 1) / y), H' = sqrt(y^2 + 1) / y
 *
 * eps(ct) = ceps sqrt((1 + q) / (2 q)), q = sqrt(1 - min(ct, ct_limit)); ct_limit = 0 leaves ceps.
 * a(ct) = 0.2460 ct + 0.0586 ct^2 + 0.0883 ct^3 (MADSEN; H. A. Madsen et al. 2020, Wind Energ. Sci. 5, 1-27)
 *       or (1 - sqrt(1 - min(1, ct))) / 2 (MOMENTUM).
 */
#ifndef MPL_LAW_H
#define MPL_LAW_H

#include "disc.h"
#include "overlap.h"
#include "wakes.h"

#define INLINE static inline __attribute__((always_inline))

typedef struct {
    vd value, slope;
} valued;

/* 2 a(ct) and its derivative. */
INLINE valued deficit_of_load(int induction, vd ct)
{
    if (induction == MADSEN)
        return (valued){ct * (0.4920 + ct * (0.1172 + ct * 0.1766)), 0.4920 + ct * (0.2344 + ct * 0.5298)};
    vd root = v_sqrt(1.0 - v_min(ct, v_set(1.0)));
    return (valued){1.0 - root, v_if(ct < 1.0, 0.5 * v_reciprocal(v_max(root, v_set(1e-9))))};
}

/* eps and its derivative by ct: with q' = -1/(2q), d ln eps / d ct = 1 / (4 q^2 (1 + q)). */
INLINE valued width_at_rotor(const mpl_model *m, int partials, vd ct)
{
    if (m->ct_limit == 0) return (valued){v_set(m->ceps), v_set(0)};
    vd q = v_sqrt(1.0 - v_min(ct, v_set(m->ct_limit)));
    vd inverse = v_reciprocal(q);
    vd eps = m->ceps * v_sqrt(0.5 + 0.5 * inverse);
    if (!partials) return (valued){eps, v_set(0)};
    return (valued){eps, v_if(ct < m->ct_limit, 0.25 * eps * inverse * inverse * v_reciprocal(1.0 + q))};
}

INLINE vd turbopark_h(vd y)
{
    vd g = v_sqrt(y * y + 1.0);
    return g - v_log((g + 1.0) * v_reciprocal(y));
}

/* The same from a table, within 4e-12, without a root, a logarithm and two quotients. */
INLINE vd turbopark_h_of(const mpl_expansion *e, vd y)
{
    const int64_t place_bits = 52 - EXPANSION_BITS, one = 0x3ff0000000000000;
    y = v_min(y, v_set(ldexp(1 - 0x1p-53, e->first_octave + e->n_octave)));
    vi row = ((vi)y >> place_bits) - ((int64_t)(1023 + e->first_octave) << EXPANSION_BITS);
    vd t = (vd)((((vi)y << EXPANSION_BITS) & (((int64_t)1 << 52) - 1)) | one) - 1.0, c[4];
    v_rows(e->rows, v_index(row), c);
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

/* ---- what a source leaves, from its own state */

INLINE void emit_wake(const wakes *w, const mpl_turbine *turbine, int l, vd ct, vd turbulence, vd speed, double *f)
{
    const mpl_model *m = &w->set->model;
    const int n = w->n_lane;
    double diameter = turbine->rotor_diameter;
    vd positive = v_max(ct, v_set(1e-20));
    if (m->k_turbulence != 0) v_store(f + K * n, m->k + m->k_turbulence * turbulence);
    if (m->local_speed) v_store(f + SPEED * n, speed);
    if (m->law == TOP_HAT) {
        valued a = deficit_of_load(m->induction, ct);
        v_store(f + LOAD * n, a.value);
        if (w->partials) v_store(f + SLOPE * n, a.slope);
        return;
    }
    valued eps = width_at_rotor(m, w->partials, m->law == TURBOPARK ? positive : ct);
    vd start = eps.value * diameter;
    v_store(f + LOAD * n, ct * (diameter * diameter / 8));
    if (w->partials) v_store(f + SLOPE * n, eps.slope * diameter);
    v_store(f + WIDTH * n, start);
    if (m->law == TURBOPARK) {
        vd root = v_sqrt(positive), scale = root * (m->A * diameter / m->c2);
        v_store(f + K * n, v_load(w->ambient + l) * v_reciprocal(root) * (m->c2 / diameter));
        v_store(f + SCALE * n, scale);
        v_store(f + WIDTH * n, start - scale * v_load(w->h_alpha + l));
        v_store(f + START * n, start);
    }
}

/* ---- width of the wake: top hats their radius, the others sigma */

typedef struct {
    vd value, dw, ct, turbulence;
} width;

INLINE width linear_width(const mpl_model *m, vd k, vd start, vd start_slope, double dw)
{
    return (width){k * dw + start, k, start_slope, v_set(m->k_turbulence * dw)};
}

INLINE width turbopark_width(const wakes *w, const int partials, int l, const double *f, double dw)
{
    const int n = w->n_lane;
    vd rate = v_load(f + K * n), scale = v_load(f + SCALE * n);
    vd y = v_load(w->alpha + l) + rate * dw;
    vd sigma = scale * turbopark_h_of(&w->set->expansion, y) + v_load(f + WIDTH * n);
    if (!partials) return (width){.value = sigma};
    vd by_dw = scale * v_sqrt(1.0 + v_reciprocal(y * y)) * rate; /* S H' dy/dz */
    /* S grows as sqrt(ct), dy/dz falls as it. */
    vd by_ct = (sigma - v_load(f + START * n) - by_dw * dw) * v_load(f + HALF_CT * n) + v_load(f + SLOPE * n);
    return (width){sigma, by_dw, by_ct, v_set(0)};
}

/* ---- amplitude and profile, and the deficit that they make */

typedef struct {
    vd value, width, ct, speed;
} amplitude;

/* Of a Gaussian wake: min(1, 2 a(load / sigma^2)) times the speed that is lacking. */
INLINE amplitude gaussian_amplitude(const mpl_model *m, vd load, double load_slope, vd inverse_sigma, vd speed)
{
    vd per = inverse_sigma * inverse_sigma;
    valued peak = deficit_of_load(m->induction, load * per);
    vi full = peak.value >= 1.0;
    peak.value = v_min(peak.value, v_set(1.0));
    peak.slope = v_select(full, v_set(0.0), peak.slope);
    vd by_load = speed * peak.slope * per;
    return (amplitude){speed * peak.value, by_load * load * -2.0 * inverse_sigma, by_load * load_slope, peak.value};
}

/* Of a top hat: the load is 2 a(ct) itself. */
INLINE amplitude top_hat_amplitude(vd load, vd load_slope, vd speed)
{
    return (amplitude){speed * load, v_set(0), speed * load_slope, load};
}

/* The profile of a top hat of radius r at a rotor (or, radius 0, a point): derivatives by r and by d^2. */
INLINE profile top_hat_profile(const int partials, int rotor, vd r, vd source_radius, double radius, vd d)
{
    vd inverse = v_reciprocal(r), share = source_radius * inverse;
    share *= share;
    overlap o = {v_if(d < r, v_set(1.0)), v_set(0), v_set(0)};
    if (rotor == ROTOR_MEAN && radius > 0) o = disc_overlap(partials, r, radius, d);
    return (profile){share * o.value, share * (o.radius - 2.0 * inverse * o.value),
                     share * o.distance * 0.5 * v_reciprocal(v_max(d, v_set(1e-9)))};
}

/* From one or two (the mirror) profiles and the amplitude to the deficit; squared: to its square, with derivatives
 * of half of it. */
typedef struct {
    vd value, by[N_DERIVATIVE];
} response;

INLINE response deficit_of(const int partials, int squared, amplitude a, int n_profile, const profile *o, width s)
{
    response d;
    if (!squared && n_profile == 1) {
        d.value = a.value * o->value;
        if (!partials) return d;
        vd by_width = a.width * o->value + a.value * o->w;
        d.by[BY_DOWNWIND] = by_width * s.dw;
        d.by[BY_CROSSWIND2] = a.value * o->c2;
        d.by[BY_CT] = by_width * s.ct + a.ct * o->value;
        d.by[BY_TURBULENCE] = by_width * s.turbulence;
        d.by[BY_SPEED] = a.speed * o->value;
        return d;
    }
    vd q = v_set(0), half_w = q, half_c2 = q;
    for (int i = 0; i < n_profile; ++i) {
        q += o[i].value * o[i].value;
        if (partials) half_w += o[i].value * o[i].w, half_c2 += o[i].value * o[i].c2;
    }
    d.value = a.value * a.value * q;
    if (!squared) d.value = v_sqrt(d.value);
    if (!partials) return d;
    vd per = squared ? v_set(1.0) : v_reciprocal(v_max(d.value, v_set(1e-150))); /* d(root) = half d(square) / root */
    vd aq = a.value * q * per;
    vd by_width = aq * a.width + a.value * a.value * half_w * per;
    d.by[BY_DOWNWIND] = by_width * s.dw;
    d.by[BY_CROSSWIND2] = a.value * a.value * half_c2 * per;
    d.by[BY_CT] = by_width * s.ct + aq * a.ct;
    d.by[BY_TURBULENCE] = by_width * s.turbulence;
    d.by[BY_SPEED] = aq * a.speed;
    return d;
}

#endif
