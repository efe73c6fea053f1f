/* Layouts against area and spacing: how far they break the rules, and small moves until they do not. */
#include "region.h"

#define MILLIMETRE 1e-3

void FN(mpl_signed_distance)(const mpl_region *region, int n, const double *x, const double *y, double *distance,
                             double *near_x, double *near_y)
{
    for (int i = 0; i < n; ++i) {
        boundary_point near;
        distance[i] = region_signed_distance(region, x[i], y[i], &near);
        near_x[i] = near.x;
        near_y[i] = near.y;
    }
}

static double outside_penalty(const mpl_region *region, int n, const double *x, const double *y, double *d_dx, double *d_dy)
{
    double sum = 0;
    for (int i = 0; i < n; ++i) {
        d_dx[i] = d_dy[i] = 0;
        if (region_inside(region, x[i], y[i])) continue;
        boundary_point near = region_nearest(region, x[i], y[i]);
        sum += near.distance * near.distance;
        d_dx[i] = 2 * (x[i] - near.x);
        d_dy[i] = 2 * (y[i] - near.y);
    }
    return sum;
}

/* Sum of the squares of what is missing, m^2: distances outside the area, and those by which pairs are too close. */
double FN(mpl_penalty)(const mpl_region *region, const mpl_spacing *s, int n, const double *x, const double *y, double *d_dx,
                       double *d_dy)
{
    double sum = outside_penalty(region, n, x, y, d_dx, d_dy), least_squared = s->least * s->least;
    for (int i = 0; i < n; ++i)
        for (int j = i + 1; j < n; ++j) {
            double dx = x[j] - x[i], dy = y[j] - y[i], squared = spacing_squared(s, dx, dy);
            if (!(squared < least_squared)) continue;
            double distance = sqrt(squared), missing = s->least - distance;
            double slope = distance > 0 ? -2 * missing / distance : 0; /* no way is better than another */
            double gx = slope * (s->xx * dx + s->xy * dy), gy = slope * (s->xy * dx + s->yy * dy);
            sum += missing * missing;
            d_dx[j] += gx, d_dy[j] += gy;
            d_dx[i] -= gx, d_dy[i] -= gy;
        }
    return sum;
}

/* Move points to where they lie `depth` inside; those for which there is no such point near by become NaN. */
void FN(mpl_inset)(const mpl_region *region, double depth, int n, double *x, double *y)
{
    for (int i = 0; i < n; ++i)
        if (!region_inset(region, depth, x + i, y + i)) x[i] = y[i] = NAN;
}

/* Push apart whoever is closer than the spacing by more than `spare`, to `goal` (scaled) distance; returns how many were. */
static int push_apart(const mpl_spacing *s, double spare, double goal, int n, double *x, double *y)
{
    int n_pushed = 0;
    double enough = (s->least + spare) * (s->least + spare);
    for (int i = 0; i < n; ++i)
        for (int j = i + 1; j < n; ++j) {
            double dx = x[j] - x[i], dy = y[j] - y[i], squared = spacing_squared(s, dx, dy);
            if (!(squared < enough)) continue;
            if (!(squared > 0)) dx = cos(j), dy = sin(j), squared = 0; /* one on the other: any way */
            /* along the gradient (gx, gy) of the distance, half of what is missing each */
            double distance = sqrt(spacing_squared(s, dx, dy));
            double gx = (s->xx * dx + s->xy * dy) / distance, gy = (s->xy * dx + s->yy * dy) / distance;
            double step = 0.5 * (goal - sqrt(squared)) / (gx * gx + gy * gy);
            x[j] += step * gx, y[j] += step * gy;
            x[i] -= step * gx, y[i] -= step * gy;
            n_pushed += 1;
        }
    return n_pushed;
}

/* Small moves until the layout keeps the rules, with `depth` to spare in either: projections onto one after the other.
 * Returns the number of rounds, or -1 if `most` were not enough. */
int FN(mpl_settle)(const mpl_region *region, const mpl_spacing *s, double depth, int most, int n, double *x, double *y)
{
    double beyond = MILLIMETRE; /* to aim beyond the goal makes the end of a convergence the middle of it */
    for (int round = 0; round < most; ++round) {
        for (int i = 0; i < n; ++i)
            if (!region_inset(region, depth, x + i, y + i)) return -1;
        if (!push_apart(s, depth, s->least + beyond, n, x, y)) return round;
        if (round % 50 == 49) beyond = fmin(2 * beyond, 0.01 * s->least);
    }
    return -1;
}
