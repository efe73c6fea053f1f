/* Energy of one more turbine at each of many candidate points, kept up to date as turbines are placed.
 *
 * A new turbine changes only what lies in its wake: the turbines there get another thrust, and so on
 * downwind. What is touched is summed anew from all its sources, never corrected by a difference, so the
 * energies equal those of a computation from scratch however many turbines were placed one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "wakes.h"

typedef struct {
    wakes wakes;
    const mpl_setting *set;
    mpl_start *start;
    double *free_x, *free_y;           /* (n_free,) of the free candidates */
    double *candidate_s, *candidate_c; /* (n_free,) of the same */
    int *hit;                          /* (larger of n_placed and n_free) scratch */
    unsigned char *reached;            /* (n_placed,) by position: stands in a wake that has changed */
    unsigned char *touched;            /* (n_free,) the same of the candidates */
} placing;

static void placing_layout(placing *w, arena *a)
{
    size_t n_placed = (size_t)w->start->n_placed, n_free = (size_t)w->start->n_free;
    FN(mpl_wakes_layout)(&w->wakes, a, w->set, w->start->n_placed);
    w->free_x = take_doubles(a, n_free), w->free_y = take_doubles(a, n_free);
    w->candidate_s = take_doubles(a, n_free + VL), w->candidate_c = take_doubles(a, n_free + VL);
    w->hit = take(a, (n_placed > n_free ? n_placed : n_free) * sizeof(int));
    w->reached = take(a, n_placed);
    w->touched = take(a, n_free);
}

static int placing_open(placing *w, void **memory, const mpl_setting *set, mpl_start *start)
{
    arena a = {NULL, 0};
    *w = (placing){.set = set, .start = start};
    placing_layout(w, &a);
    *memory = aligned_alloc(64, a.used);
    if (!*memory) return MPL_OUT_OF_MEMORY;
    a = (arena){*memory, 0};
    placing_layout(w, &a);
    FN(mpl_wakes_prepare)(&w->wakes, set, 0);
    for (int f = 0; f < start->n_free; ++f) {
        w->free_x[f] = start->candidate_x[start->free[f]];
        w->free_y[f] = start->candidate_y[start->free[f]];
    }
    return 0;
}

/* Rotate everything into wind coordinates and put the newest turbine into the order; returns its position there. */
static int order_direction(placing *w, int d)
{
    mpl_start *st = w->start;
    wakes *wakes = &w->wakes;
    int *order = st->order + (size_t)d * (size_t)st->n_max, newest = st->n_placed - 1, at = newest;
    double cosine = w->set->flow.cosine[d], sine = w->set->flow.sine[d];
    double s_new = -cosine * st->placed_x[newest] - sine * st->placed_y[newest];
    double *sources = st->source + (size_t)st->n_max * N_FIELD * (size_t)w->set->flow.case_at[d];
    for (; at > 0; --at) {
        int before = order[at - 1];
        if (-cosine * st->placed_x[before] - sine * st->placed_y[before] <= s_new) break;
        order[at] = before;
    }
    order[at] = newest;
    for (int k = 0; k < st->n_placed; ++k) {
        double x = st->placed_x[order[k]], y = st->placed_y[order[k]];
        FN(mpl_place)(wakes, k, st->placed_type[order[k]], -cosine * x - sine * y, sine * x - cosine * y);
        wakes->source[k] = sources + (size_t)order[k] * N_FIELD * (size_t)wakes->n_lane;
        if (order[k] != newest) FN(mpl_widen)(wakes, k, wakes->source[k]);
    }
    for (int f = 0; f < st->n_free; ++f) {
        w->candidate_s[f] = -cosine * w->free_x[f] - sine * w->free_y[f];
        w->candidate_c[f] = sine * w->free_x[f] - cosine * w->free_y[f];
    }
    return at;
}

/* Set the wake of the turbine at position k of the order, from what stands upwind of it. */
static void renew_source(placing *w, int k)
{
    wakes *wakes = &w->wakes;
    const mpl_turbine *turbine = &w->set->turbine[wakes->type[k]];
    receiver r = {wakes->s[k], wakes->c[k], turbine->hub_height, turbine->rotor_diameter / 2, turbine->speed_factor};
    double *own = (double *)wakes->source[k];
    FN(mpl_sum_wakes)(wakes, &r, FN(mpl_upstream)(wakes, &r, k));
    for (int l = 0; l < wakes->n_lane; l += VL) {
        vd share = r.speed_factor - v_load(wakes->deficit + l);
        operation now = operate(turbine, share * v_load(wakes->speed + l));
        FN(mpl_emit)(wakes, wakes->type[k], l, now.ct, v_load(wakes->added + l), share, own);
    }
    FN(mpl_widen)(wakes, k, own);
}

/* Mark the turbines downwind of position k of the order, and the free candidates, that its wake may touch. */
static void mark_wake(placing *w, int k)
{
    wakes *wakes = &w->wakes;
    double radius = 0;
    for (int t = 0; t < w->set->n_turbine; ++t) radius = fmax(radius, w->set->turbine[t].rotor_diameter / 2);
    int n = FN(mpl_downstream)(wakes, k, radius, w->start->n_placed, wakes->s, wakes->c, w->hit);
    for (int i = 0; i < n; ++i) w->reached[w->hit[i]] = 1;
    n = FN(mpl_downstream)(wakes, k, 0, w->start->n_free, w->candidate_s, w->candidate_c, w->hit);
    for (int i = 0; i < n; ++i) w->touched[w->hit[i]] = 1;
}

static double candidate_energy(placing *w, const double *probability, int f)
{
    wakes *wakes = &w->wakes;
    const mpl_turbine *turbine = &w->set->turbine[w->start->type];
    receiver r = {w->candidate_s[f], w->candidate_c[f], turbine->hub_height, 0, turbine->speed_factor};
    FN(mpl_sum_wakes)(wakes, &r, FN(mpl_upstream)(wakes, &r, w->start->n_placed));
    vd energy = v_set(0);
    for (int l = 0; l < wakes->n_lane; l += VL) {
        operation at = operate(turbine, v_load(wakes->speed + l) * (r.speed_factor - v_load(wakes->deficit + l)));
        energy += at.power * v_load(probability + l);
    }
    return v_sum(energy);
}

static void place_in_direction(placing *w, int d)
{
    mpl_start *start = w->start;
    const mpl_flow *flow = &w->set->flow;
    memset(w->reached, 0, (size_t)start->n_placed);
    memset(w->touched, 0, (size_t)start->n_free);
    FN(mpl_wakes_direction)(&w->wakes, d);
    int newest = order_direction(w, d);
    w->reached[newest] = 1;
    for (int k = newest; k < start->n_placed; ++k) {
        if (!w->reached[k]) continue;
        renew_source(w, k);
        mark_wake(w, k);
    }
    for (int f = 0; f < start->n_free; ++f)
        if (w->touched[f])
            start->energy[(size_t)start->free[f] * (size_t)flow->n_direction + (size_t)d] =
                candidate_energy(w, flow->probability + flow->case_at[d], f);
}

/* Place one turbine at (x, y) and bring the energies of the free candidates up to date. */
int FN(mpl_start_add)(const mpl_setting *set, mpl_start *start, double x, double y, int type)
{
    placing w;
    void *memory;
    start->placed_x[start->n_placed] = x;
    start->placed_y[start->n_placed] = y;
    start->placed_type[start->n_placed] = type;
    start->n_placed += 1;
    if (placing_open(&w, &memory, set, start)) return MPL_OUT_OF_MEMORY;
    for (int d = 0; d < set->flow.n_direction; ++d) place_in_direction(&w, d);
    free(memory);
    return 0;
}
