/* Where turbines may stand: whether a point is inside, and what point of the boundary is nearest to it.
 *
 * A point is looked up in the list of its cell or row (kernel.h), so that a coastline costs little more than a square.
 * Valid rings do not cross, so a point is inside if a ray from it crosses an odd number of edges.
 */
#ifndef MPL_REGION_H
#define MPL_REGION_H

#include "kernel.h"
#include "simd.h"

typedef struct {
    double x, y;     /* nearest point of the boundary */
    double distance; /* to it */
    int edge;        /* on which it lies */
} boundary_point;

/* The cell that a point lies in; -1 if it is far away. */
static inline int region_cell(const mpl_region *r, double x, double y)
{
    double column = (x - r->x_first) * r->inverse_width, row = (y - r->y_first) * r->inverse_height;
    int near = column >= 0 && column < r->n_column && row >= 0 && row < r->n_row;
    return near ? (int)row * r->n_column + (int)column : -1;
}

/* Whether a point lies inside; on an edge it may be either. */
static inline int region_inside(const mpl_region *r, double x, double y)
{
    int cell = region_cell(r, x, y);
    if (cell < 0) return 0;
    if (r->side[cell]) return r->side[cell] > 0;
    const int *list = r->list_at + r->all_list + 1 + cell / r->n_column;
    vi odd = {0};
    for (int i = list[0]; i < list[1]; i += VL) {
        vd ax = v_load(r->ax + i), ay = v_load(r->ay + i), bx = v_load(r->bx + i), by = v_load(r->by + i);
        vd left = (bx - ax) * (y - ay) - (x - ax) * (by - ay); /* of the edge, if positive */
        odd ^= ((ay > y) ^ (by > y)) & ((left > 0) ^ (by < ay));
    }
    return __builtin_popcount(v_mask(odd)) & 1;
}

static inline boundary_point region_nearest(const mpl_region *r, double x, double y)
{
    int cell = region_cell(r, x, y);
    const int *list = r->list_at + (cell < 0 ? r->all_list : r->list_of[cell]);
    vd least = v_set(INFINITY);
    vi of = {0};
    for (int i = list[0]; i < list[1]; i += VL) {
        vd ax = v_load(r->ax + i), ay = v_load(r->ay + i);
        vd ux = v_load(r->bx + i) - ax, uy = v_load(r->by + i) - ay, px = x - ax, py = y - ay;
        vd t = v_min(v_max((px * ux + py * uy) * v_load(r->inverse + i), v_set(0)), v_set(1));
        vd ex = px - t * ux, ey = py - t * uy, squared = ex * ex + ey * ey;
        vi nearer = squared < least;
        least = v_select(nearer, squared, least);
        of = (of & ~nearer) | (nearer & i);
    }
    int lane = 0;
    for (int l = 1; l < VL; ++l)
        if (least[l] < least[lane]) lane = l;
    int edge = (int)of[lane] + lane;
    double ax = r->ax[edge], ay = r->ay[edge], ux = r->bx[edge] - ax, uy = r->by[edge] - ay;
    double t = fmin(fmax(((x - ax) * ux + (y - ay) * uy) * r->inverse[edge], 0), 1);
    return (boundary_point){ax + t * ux, ay + t * uy, sqrt(least[lane]), edge};
}

/* Distance of a point from the boundary, negative inside; its gradient points away from *near outside, to it inside. */
static inline double region_signed_distance(const mpl_region *r, double x, double y, boundary_point *near)
{
    *near = region_nearest(r, x, y);
    return region_inside(r, x, y) ? -near->distance : near->distance;
}

/* Normal of an edge to its left, where the area is; 0 if the edge has no length. */
static inline int edge_normal(const mpl_region *r, int edge, double *nx, double *ny)
{
    double scale = sqrt(r->inverse[edge]);
    *nx = (r->ay[edge] - r->by[edge]) * scale;
    *ny = (r->bx[edge] - r->ax[edge]) * scale;
    return scale > 0;
}

/* Move (x, y) from a point near by to where it lies `depth` to the left of both edges. */
static inline int region_corner(const mpl_region *r, int e, int f, double depth, boundary_point near, double *x, double *y)
{
    double ex, ey, fx, fy;
    if (!edge_normal(r, e, &ex, &ey) || !edge_normal(r, f, &fx, &fy)) return 0;
    double determinant = ex * fy - ey * fx;
    if (fabs(determinant) < 1e-9) return 0;
    double p = depth - ex * (near.x - r->ax[e]) - ey * (near.y - r->ay[e]);
    double q = depth - fx * (near.x - r->ax[f]) - fy * (near.y - r->ay[f]);
    *x = near.x + (p * fy - q * ey) / determinant;
    *y = near.y + (q * ex - p * fx) / determinant;
    return 1;
}

/* Move a point that lies less than `depth` inside to one near by that does not; 0 if there seems to be none.
 * The depth is small against a cell. With 1e-6 m no test in double precision finds it outside. */
static inline int region_inset(const mpl_region *r, double depth, double *x, double *y)
{
    int cell = region_cell(r, *x, *y);
    if (cell >= 0 && r->side[cell] > 0) return 1;
    double step = 1.5 * depth; /* rounding must not leave it just short of the depth */
    for (int tries = 0, before = -1; tries < 50; ++tries) {
        boundary_point near;
        double d = region_signed_distance(r, *x, *y, &near), nx, ny;
        if (d <= -depth) return 1;
        /* From one side of a sharp corner across the other: */
        int done = before >= 0 && before != near.edge && region_corner(r, before, near.edge, step, near, x, y);
        before = near.edge;
        if (done) continue;
        if (fabs(d) > 0.1 * depth)
            nx = (near.x - *x) / d, ny = (near.y - *y) / d;
        else if (!edge_normal(r, near.edge, &nx, &ny)) /* from so close only the edge can tell */
            return 0;
        *x = near.x + step * nx;
        *y = near.y + step * ny;
        step *= 1.2;
    }
    return 0;
}

static inline double spacing_squared(const mpl_spacing *s, double dx, double dy)
{
    return s->xx * dx * dx + 2 * s->xy * dx * dy + s->yy * dy * dy;
}

#endif
