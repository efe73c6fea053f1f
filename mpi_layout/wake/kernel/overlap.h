/* Share of a rotor of radius R2 that a wake of radius R1 covers, their centres d apart, as PyWake computes it:
 * with M and m the larger and the smaller radius,
 *     1 for d <= M - m,   0 for d >= M + m,   else (alpha M^2 + beta m^2 - sin(alpha) R1 d) / (pi R2^2),
 * alpha and beta half the angles under which the common chord is seen from the two centres. Exact where
 * R1 >= R2; a wake smaller than the rotor gets PyWake's numbers, which are not the covered share.
 */
#ifndef MPL_OVERLAP_H
#define MPL_OVERLAP_H

#include "simd.h"

typedef struct {
    vd value, radius, distance; /* the share, and its derivatives by R1 and by d */
} overlap;

static inline overlap disc_overlap(const int partials, vd r1, double r2, vd d)
{
    vd large = v_max(r1, v_set(r2)), small = v_min(r1, v_set(r2));
    vi whole = d <= large - small, partly = ~whole & (d < large + small);
    overlap o = {v_if(whole, v_set(1.0)), v_set(0.0), v_set(0.0)};
    if (!v_mask(partly)) return o;
    const double end = 1 - 0x1p-51; /* PyWake's clip of the cosines */
    vd inverse_d = v_reciprocal(v_select(partly, d, v_set(1.0)));
    vd difference = large * large - small * small;
    vd cosine = (difference + d * d) * (0.5 * inverse_d) * v_reciprocal(large);
    vd cosine_small = (d * d - difference) * (0.5 * inverse_d) * v_reciprocal(small);
    cosine = v_max(v_min(cosine, v_set(end)), v_set(-end));
    cosine_small = v_max(v_min(cosine_small, v_set(end)), v_set(-end));
    vd alpha = v_acos(cosine), beta = v_acos(cosine_small);
    vd sine = v_sqrt(1.0 - cosine * cosine);
    double per_rotor = 1 / (2 * HALF_PI * r2 * r2);
    vd area = alpha * large * large + beta * small * small - sine * r1 * d;
    vi counts = partly & (area > 0);
    o.value += v_if(counts, area * per_rotor);
    if (!partials) return o;
    /* The lens shrinks by its chord and grows by the arc of the wake's edge. What PyWake's R1 in place of M adds where
     * R1 < R2 is sin(alpha) d (M - R1). */
    vd arc = v_select(r1 >= r2, alpha, beta);
    vd extra = large - r1, cotangent = cosine * v_reciprocal(sine);
    vd by_distance = -2.0 * large * sine
                   + extra * (sine - cotangent * (0.5 * d * d - 0.5 * difference) * inverse_d * v_reciprocal(large));
    vd by_radius = 2.0 * arc * r1
                 + v_if(r1 < r2, extra * cotangent * small * v_reciprocal(large) - sine * d);
    o.distance = v_if(counts, by_distance * per_rotor);
    o.radius = v_if(counts, by_radius * per_rotor);
    return o;
}

#endif
