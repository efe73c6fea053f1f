/* Energy of one more turbine at each of many candidate points, kept up to date as turbines are placed.
 *
 * A new turbine changes only what lies in its wake: the turbines there get another thrust, and so on
 * downwind. What is touched is summed anew from all its sources, never corrected by a difference, so the
 * energies equal those of a computation from scratch however many turbines were placed one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "turbopark.h"

typedef struct {
    const mpl_setting *set;
    mpl_start *start;
    sigma_bound bound;
    double at_source;
    int n_lane;
    size_t n_placed, n_free;
    double *s, *c;                     /* (n_placed,) of the placed turbines, in their order */
    double *free_x, *free_y;           /* (n_free,) of the free candidates */
    double *candidate_s, *candidate_c; /* (n_free,) of the same */
    double *sum;                       /* (n_lane,) squared deficits */
    int *index;                        /* (n_placed,) scratch, positions in the order */
    int *hit;                          /* (n_free,) scratch */
    unsigned char *reached;            /* (n_placed,) by position: stands in a wake that has changed */
    unsigned char *touched;            /* (n_free,) the same of the candidates */
    void *memory;
} placing;

static void *take(char **memory, size_t bytes)
{
    void *p = *memory;
    *memory += (bytes + 63) / 64 * 64;
    return p;
}

static int placing_open(placing *w, const mpl_setting *set, mpl_start *start)
{
    size_t n_lane = (size_t)set->flow.n_lane, n_placed = (size_t)start->n_placed, n_free = (size_t)start->n_free;
    *w = (placing){.set = set, .start = start, .n_lane = set->flow.n_lane, .n_placed = n_placed, .n_free = n_free};
    size_t bytes = 8 * n_lane + n_placed * (8 * 2 + 4 + 1) + n_free * (8 * 4 + 4 + 1) + 12 * 64;
    w->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!w->memory) return MPL_OUT_OF_MEMORY;
    char *memory = w->memory;
    w->sum = take(&memory, 8 * n_lane);
    w->s = take(&memory, 8 * n_placed);
    w->c = take(&memory, 8 * n_placed);
    w->free_x = take(&memory, 8 * n_free);
    w->free_y = take(&memory, 8 * n_free);
    w->candidate_s = take(&memory, 8 * n_free);
    w->candidate_c = take(&memory, 8 * n_free);
    w->index = take(&memory, 4 * n_placed);
    w->hit = take(&memory, 4 * n_free);
    w->reached = take(&memory, n_placed);
    w->touched = take(&memory, n_free);
    for (size_t f = 0; f < n_free; ++f) {
        w->free_x[f] = start->candidate_x[start->free[f]];
        w->free_y[f] = start->candidate_y[start->free[f]];
    }
    w->bound = sigma_bound_of(set);
    w->at_source = expansion_at_source(&set->model);
    return 0;
}

/* Rotate everything into wind coordinates and put the newest turbine into the order; returns its position there. */
static int order_direction(placing *w, int d, int *order)
{
    mpl_start *st = w->start;
    double cosine = w->set->flow.cosine[d], sine = w->set->flow.sine[d];
    int newest = st->n_placed - 1, at = newest;
    double s_new = -cosine * st->placed_x[newest] - sine * st->placed_y[newest];
    for (; at > 0; --at) {
        int before = order[at - 1];
        if (-cosine * st->placed_x[before] - sine * st->placed_y[before] <= s_new) break;
        order[at] = before;
    }
    order[at] = newest;
    for (int k = 0; k < st->n_placed; ++k) {
        double x = st->placed_x[order[k]], y = st->placed_y[order[k]];
        w->s[k] = -cosine * x - sine * y;
        w->c[k] = sine * x - cosine * y;
    }
    for (int f = 0; f < st->n_free; ++f) {
        w->candidate_s[f] = -cosine * w->free_x[f] - sine * w->free_y[f];
        w->candidate_c[f] = sine * w->free_x[f] - cosine * w->free_y[f];
    }
    return at;
}

/* Effective wind speed, as a fraction of the free stream, at (s, c) behind the listed sources: into w->sum.
 * radius > 0: mean over a rotor; 0: at a point. */
static void sum_wakes(placing *w, const double *source, const int *order, int n, const int *index, double s, double c,
                      double radius)
{
    double below = 2 * w->set->turbine.hub_height;
    memset(w->sum, 0, (size_t)w->n_lane * sizeof(double));
    for (int u = 0; u < n; ++u) {
        int k = index[u];
        const double *field = source + (size_t)order[k] * SOURCE_FIELDS * w->n_lane;
        double downwind = s - w->s[k], crosswind = fabs(c - w->c[k]);
        double mirror = sqrt(crosswind * crosswind + below * below);
        for (int l = 0; l < w->n_lane; l += VL) {
            vd inverse = v_reciprocal(wake_sigma(w->set, field + l, w->n_lane, downwind));
            vd deficit = axis_deficit(field + l, w->n_lane, inverse * inverse);
            vd squared = radius > 0 ? disc_table_squared(&w->set->disc, inverse, radius, crosswind, mirror)
                                    : point_table_squared(&w->set->disc, inverse, crosswind, mirror);
            v_store(w->sum + l, v_load(w->sum + l) + deficit * deficit * squared);
        }
    }
    for (int l = 0; l < w->n_lane; l += VL) v_store(w->sum + l, 1.0 - v_sqrt(v_load(w->sum + l)));
}

/* Set the wake of the turbine at position k of the order, from what stands upwind of it. */
static void renew_source(placing *w, const int *order, double *source, int k)
{
    const mpl_turbine *turbine = &w->set->turbine;
    double radius = turbine->rotor_diameter / 2;
    int n = within_wake(&w->bound, w->set->cutoff, radius, UPWIND, w->s[k], w->c[k], k, w->s, w->c, w->index);
    sum_wakes(w, source, order, n, w->index, w->s[k], w->c[k], radius);
    double *own = source + (size_t)order[k] * SOURCE_FIELDS * w->n_lane;
    for (int l = 0; l < w->n_lane; l += VL) {
        vd u = v_load(w->set->flow.speed + l) * v_load(w->sum + l);
        source_set(w->set, w->at_source, curve(turbine, turbine->ct, u), own + l, w->n_lane);
    }
}

/* Mark the turbines downwind of position k of the order, and the free candidates, that its wake may touch. */
static void mark_wake(placing *w, int k)
{
    double radius = w->set->turbine.rotor_diameter / 2, cutoff = w->set->cutoff;
    int n = within_wake(&w->bound, cutoff, radius, DOWNWIND, w->s[k], w->c[k], w->start->n_placed, w->s, w->c, w->index);
    for (int i = 0; i < n; ++i) w->reached[w->index[i]] = 1;
    n = within_wake(&w->bound, cutoff, 0, DOWNWIND, w->s[k], w->c[k], w->start->n_free, w->candidate_s, w->candidate_c,
                    w->hit);
    for (int i = 0; i < n; ++i) w->touched[w->hit[i]] = 1;
}

static double candidate_energy(placing *w, const double *probability, const double *source, const int *order, int f)
{
    const mpl_turbine *turbine = &w->set->turbine;
    double s = w->candidate_s[f], c = w->candidate_c[f];
    int n = within_wake(&w->bound, w->set->cutoff, 0, UPWIND, s, c, w->start->n_placed, w->s, w->c, w->index);
    sum_wakes(w, source, order, n, w->index, s, c, 0);
    vd energy = v_set(0);
    for (int l = 0; l < w->n_lane; l += VL) {
        vd u = v_load(w->set->flow.speed + l) * v_load(w->sum + l);
        energy += curve(turbine, turbine->power, u) * v_load(probability + l);
    }
    return v_sum(energy);
}

/* Place one turbine at (x, y) and bring the energies of the free candidates up to date. */
int FN(mpl_start_add)(const mpl_setting *set, mpl_start *start, double x, double y)
{
    placing w;
    start->placed_x[start->n_placed] = x;
    start->placed_y[start->n_placed] = y;
    start->n_placed += 1;
    if (placing_open(&w, set, start)) return MPL_OUT_OF_MEMORY;
    for (int d = 0; d < set->flow.n_direction; ++d) {
        int *order = start->order + (size_t)d * start->n_max;
        double *source = start->source + (size_t)d * start->n_max * SOURCE_FIELDS * w.n_lane;
        memset(w.reached, 0, w.n_placed);
        memset(w.touched, 0, w.n_free);
        int newest = order_direction(&w, d, order);
        w.reached[newest] = 1;
        for (int k = newest; k < start->n_placed; ++k) {
            if (!w.reached[k]) continue;
            renew_source(&w, order, source, k);
            mark_wake(&w, k);
        }
        for (int f = 0; f < start->n_free; ++f)
            if (w.touched[f])
                start->energy[(size_t)start->free[f] * set->flow.n_direction + d] =
                    candidate_energy(&w, set->flow.probability + (size_t)d * w.n_lane, source, order, f);
    }
    free(w.memory);
    return 0;
}
