/* Mean over a rotor disc of the Gaussian exp(-d^2/2), d = distance to the wake axis in sigma.
 *
 * Exact form: with q = r^2/2 and h = c^2/2 (disc radius r, centre distance c, both in sigma)
 *     O = exp(-h) sum_k (-q)^k / (k+1)! L_k(h),         L_k = Laguerre polynomials,
 * which is Taylor's theorem for the mean over a disc, sum_k (r^2/4)^k / (k! (k+1)!) (Laplacian)^k,
 * and (Laplacian)^k exp(-c^2/2) = (-2)^k k! L_k(c^2/2) exp(-c^2/2). Smooth, differentiable, no table.
 * |L_k(h)| exp(-h) <= 1, so stopping before term K errs by little more than q^K / (K+1)!.
 */
#ifndef MPL_DISC_H
#define MPL_DISC_H

#include "kernel.h"
#include "simd.h"

#define DISC_TOLERANCE 1e-12
#define DISC_MAX_TERMS 32
#define DISC_BINS 128

typedef struct {
    double bins_per_q;
    unsigned char terms[DISC_BINS + 1]; /* terms that the largest q of a bin needs */
} disc_series;

/* Prepare the series for discs of up to radius_max, in sigma. */
static inline disc_series disc_prepare(double radius_max)
{
    disc_series series;
    double q_max = radius_max * radius_max / 2;
    series.bins_per_q = DISC_BINS / (q_max * (1 + 1e-9));
    for (int b = 0; b <= DISC_BINS; ++b) {
        double q = (b + 1) / series.bins_per_q, term = q / 2;
        int k = 1;
        while (term > DISC_TOLERANCE && k < DISC_MAX_TERMS) term *= q / (++k + 1);
        series.terms[b] = (unsigned char)k;
    }
    return series;
}

static inline int disc_terms(const disc_series *series, double radius)
{
    int bin = (int)(radius * radius / 2 * series->bins_per_q);
    return series->terms[bin < DISC_BINS ? bin : DISC_BINS];
}

/* Sum of the squared means for a disc of `radius` at distances c1 and c2 from the axis; the two series side by
 * side, so that their recurrences overlap in the pipeline. */
static inline vd disc_series_squared(int terms, vd inverse_sigma, double radius, double c1, double c2)
{
    vd half = 0.5 * inverse_sigma * inverse_sigma;
    vd q = half * (radius * radius), h1 = half * (c1 * c1), h2 = half * (c2 * c2);
    /* t_k = (-q)^k / (k+1)! L_k(h):
     * t_{k+1} = q (h - (2k+1)) / ((k+1)(k+2)) t_k - q^2 k / ((k+1)^2 (k+2)) t_{k-1} */
#define STEP(k) {1.0 / ((k + 1.0) * (k + 2.0)), (2 * k + 1.0) / ((k + 1.0) * (k + 2.0)), \
                 k / ((k + 1.0) * (k + 1.0) * (k + 2.0))}
    static const double step[DISC_MAX_TERMS][3] = {
        STEP(0),  STEP(1),  STEP(2),  STEP(3),  STEP(4),  STEP(5),  STEP(6),  STEP(7),  STEP(8),  STEP(9),  STEP(10),
        STEP(11), STEP(12), STEP(13), STEP(14), STEP(15), STEP(16), STEP(17), STEP(18), STEP(19), STEP(20), STEP(21),
        STEP(22), STEP(23), STEP(24), STEP(25), STEP(26), STEP(27), STEP(28), STEP(29), STEP(30), STEP(31)};
#undef STEP
    vd qh1 = q * h1, qh2 = q * h2, qq = q * q;
    vd old1 = v_set(0), old2 = v_set(0), t1 = v_set(1), t2 = t1, sum1 = t1, sum2 = t1;
    for (const double *a = step[0], *end = step[terms - 1]; a < end; a += 3) {
        vd odd = q * a[1], back = qq * a[2];
        vd next1 = (qh1 * a[0] - odd) * t1 - back * old1;
        vd next2 = (qh2 * a[0] - odd) * t2 - back * old2;
        old1 = t1, t1 = next1, sum1 += next1;
        old2 = t2, t2 = next2, sum2 += next2;
    }
    sum1 *= v_exp(-h1);
    sum2 *= v_exp(-h2);
    return sum1 * sum1 + sum2 * sum2;
}

/* The same from the table, bilinear between its points, for a disc of `radius` at distances c1 and c2. The
 * table reaches beyond every radius that occurs (sigma is never below ceps D); distances end with it. */
static inline vd table_between(const double *near_row, const double *far_row, vidx row, vd a, vd distance, double end)
{
    vd b = v_min(distance, v_set(end));
    vidx j = v_truncate(b);
    vidx at = i_add(row, j);
    b -= v_float(j);
    vd near = v_gather(near_row, at), far = v_gather(far_row, at);
    near += b * (v_gather(near_row + 1, at) - near);
    far += b * (v_gather(far_row + 1, at) - far);
    return near + a * (far - near);
}

static inline vd disc_table_squared(const mpl_disc_table *table, vd inverse_sigma, double radius, double c1, double c2)
{
    vd scale = inverse_sigma * table->inverse_step;
    vd a = scale * radius;
    vidx i = v_truncate(a);
    a -= v_float(i);
    vidx row = i_scale(i, table->n_distance);
    const double *near = table->values, *far = near + table->n_distance;
    double end = table->n_distance - 1 - 1e-9;
    vd direct = table_between(near, far, row, a, scale * c1, end);
    vd mirror = table_between(near, far, row, a, scale * c2, end);
    return direct * direct + mirror * mirror;
}

/* The same for points (radius 0): the first row of the table. */
static inline vd point_table_squared(const mpl_disc_table *table, vd inverse_sigma, double c1, double c2)
{
    vd scale = inverse_sigma * table->inverse_step;
    vd direct = v_interpolate(table->values, table->n_distance, scale * c1);
    vd mirror = v_interpolate(table->values, table->n_distance, scale * c2);
    return direct * direct + mirror * mirror;
}

#endif
