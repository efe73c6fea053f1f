/* Mean over a rotor disc of the Gaussian exp(-d^2 w), d = distance to the wake axis and w = 1 / (2 sigma^2).
 *
 * Exact form: with q = R^2 w and h = c^2 w (disc radius R, distance c of its centre from the axis)
 *     O = exp(-h) sum_k (-q)^k / (k+1)! L_k(h),         L_k = Laguerre polynomials,
 * which is Taylor's theorem for the mean over a disc, sum_k (r^2/4)^k / (k! (k+1)!) (Laplacian)^k,
 * and (Laplacian)^k exp(-c^2/2) = (-2)^k k! L_k(c^2/2) exp(-c^2/2). Smooth, differentiable, no table.
 * |L_k(h)| exp(-h) <= 1, so stopping before term K errs by little more than q^K / (K+1)!.
 * Derivatives: q dO/dq = exp(-h) sum_k k t_k with t_k the terms; and since L_k - L_k' = L_k^(1) = sum_{i<=k} L_i,
 *     dO/dh = -exp(-h) sum_k p_k,   p_k = (-q)^k / (k+1)! L_k^(1)(h) = t_k - q/(k+1) p_{k-1}.
 */
#ifndef MPL_DISC_H
#define MPL_DISC_H

#include "kernel.h"
#include "simd.h"

/* What a receiver sees of a unit Gaussian wake, and its derivatives by w and by hcw^2, the squared crosswind distance. */
typedef struct {
    vd value, w, c2;
} profile;

#define DISC_TOLERANCE 1e-10
#define DISC_MAX_TERMS 32
#define DISC_BINS 128
#define DISC_LARGEST_RADIUS 3.4 /* in sigma: beyond, the alternating series would lose its digits */

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

static inline int disc_terms(const disc_series *series, double q)
{
    int bin = (int)(q * series->bins_per_q);
    return series->terms[bin < DISC_BINS ? bin : DISC_BINS];
}

/* One disc, or two of one radius side by side so that their recurrences overlap in the pipeline; n is constant where
 * this is inlined. The terms obey t_{k+1} = A_k t_k + B_k t_{k-1} with
 *     A_k = q (h - (2k+1)) / ((k+1)(k+2)),   B_k = -q^2 k / ((k+1)^2 (k+2)),
 * so their sum is y_0 of Clenshaw's y_k = 1 + A_k y_{k+1} + B_{k+1} y_{k+2}; with derivatives the terms themselves. */
typedef struct {
    double h, odd, back, next;
} disc_step;

#define STEP(k) {1.0 / ((k + 1.0) * (k + 2.0)), (2 * k + 1.0) / ((k + 1.0) * (k + 2.0)), \
                 k / ((k + 1.0) * (k + 1.0) * (k + 2.0)), 1.0 / (k + 2.0)}
static const disc_step disc_steps[DISC_MAX_TERMS + 1] = {
    STEP(0),  STEP(1),  STEP(2),  STEP(3),  STEP(4),  STEP(5),  STEP(6),  STEP(7),  STEP(8),  STEP(9),  STEP(10),
    STEP(11), STEP(12), STEP(13), STEP(14), STEP(15), STEP(16), STEP(17), STEP(18), STEP(19), STEP(20), STEP(21),
    STEP(22), STEP(23), STEP(24), STEP(25), STEP(26), STEP(27), STEP(28), STEP(29), STEP(30), STEP(31), STEP(32)};
#undef STEP

static inline __attribute__((always_inline)) void disc_sums(const int n, int terms, vd q, const vd *qh, vd *sum)
{
    vd qq = q * q, above[2], beyond[2];
    for (int i = 0; i < n; ++i) above[i] = v_set(1), beyond[i] = v_set(0);
    for (int k = terms - 2; k >= 0; --k) {
        vd odd = q * disc_steps[k].odd, back = qq * disc_steps[k + 1].back;
        for (int i = 0; i < n; ++i) {
            vd y = (qh[i] * disc_steps[k].h - odd) * above[i] + (1.0 - back * beyond[i]);
            beyond[i] = above[i], above[i] = y;
        }
    }
    for (int i = 0; i < n; ++i) sum[i] = above[i];
}

static inline __attribute__((always_inline)) void disc_sums_and_slopes(const int n, int terms, vd q, const vd *qh, vd *sum,
                                                                       vd *sum_p, vd *sum_k)
{
    vd qq = q * q, old[2], t[2], p[2];
    for (int i = 0; i < n; ++i) old[i] = sum_k[i] = v_set(0), t[i] = sum[i] = p[i] = sum_p[i] = v_set(1);
    for (int k = 0; k < terms - 1; ++k) {
        disc_step a = disc_steps[k];
        vd odd = q * a.odd, back = qq * a.back, next_q = q * a.next;
        for (int i = 0; i < n; ++i) {
            vd next = (qh[i] * a.h - odd) * t[i] - back * old[i];
            old[i] = t[i], t[i] = next, sum[i] += next;
            p[i] = next - next_q * p[i];
            sum_p[i] += p[i];
            sum_k[i] += (k + 1.0) * next;
        }
    }
}

static inline __attribute__((always_inline)) void disc_mean_series(const int n, const int partials, int terms, vd w,
                                                                   double radius, const double *c2, profile *out)
{
    vd q = w * (radius * radius), qh[2], sum[2], sum_p[2], sum_k[2];
    for (int i = 0; i < n; ++i) qh[i] = q * (w * c2[i]);
    if (partials) disc_sums_and_slopes(n, terms, q, qh, sum, sum_p, sum_k);
    else disc_sums(n, terms, q, qh, sum);
    for (int i = 0; i < n; ++i) {
        vd scale = v_exp(w * -c2[i]);
        out[i].value = sum[i] * scale;
        if (partials) {
            vd by_h = -scale * sum_p[i];
            out[i].w = scale * sum_k[i] * v_reciprocal(w) + by_h * c2[i];
            out[i].c2 = by_h * w;
        }
    }
}

/* PyWake's table, bilinear within its cells; it reaches beyond every radius that occurs, and distances end with it.
 * radius may be 0: a point. */
static inline __attribute__((always_inline)) void disc_mean_table(const int n, const int partials,
                                                                  const mpl_disc_table *table, vd inverse_sigma,
                                                                  double radius, const double *c2, profile *out)
{
    const double end = table->n_distance - 1e-9;
    vd scale = inverse_sigma * table->inverse_step;
    vd a = v_min(scale * radius, v_set(table->n_radius - 1e-9));
    vidx row = v_truncate(a);
    a -= v_float(row);
    for (int i = 0; i < n; ++i) {
        double c = sqrt(c2[i]);
        vd b = v_min(scale * c, v_set(end)), cell[4];
        vidx column = v_truncate(b);
        vd within = b - v_float(column);
        v_rows(table->cells, i_cell(row, table->n_distance, column), cell);
        vd by_a = cell[1] + within * cell[3];
        out[i].value = cell[0] + within * cell[2] + a * by_a;
        if (partials) { /* both coordinates are proportional to sqrt(w), the second to the distance */
            vd by_b = v_if(b < end, cell[2] + a * cell[3]) * scale;
            vd w = 0.5 * inverse_sigma * inverse_sigma;
            out[i].w = 0.5 * v_reciprocal(w) * (by_a * scale * radius + by_b * c);
            out[i].c2 = by_b * (c > 0 ? 0.5 / c : 0.0);
        }
    }
}

#endif
