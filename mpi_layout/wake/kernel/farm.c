/* Power and effective wind speed of every turbine in a farm: one downwind sweep per wind direction.
 *
 * The turbines stay sorted from one direction to the next (an insertion sort of a nearly sorted list),
 * the few sources whose wake reaches a turbine are listed first, and the wind speeds are the vector lanes.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "turbopark.h"

typedef struct {
    const mpl_setting *set;
    const double *x, *y;
    int n, n_lane;
    int *order;             /* (n,) turbines from upwind to downwind */
    int *upstream;          /* (n,) scratch: the sources that reach the turbine at hand */
    double *s, *c;          /* (n,) downwind and crosswind coordinates, in `order` */
    double *position;       /* (n,) downwind coordinate by turbine */
    double *own_source;     /* (n, SOURCE_FIELDS, n_lane), in `order`, of the turbines in a wake */
    double *free_source;    /* (SOURCE_FIELDS, n_lane) of all the others */
    double *free_power;     /* (n_lane,) */
    const double **source;  /* (n,) in `order`: which of the two */
    double *total;          /* (n, VL) energy by turbine, still spread over the lanes */
    double *inverse_sigma;  /* (n_lane,) scratch */
    double *speed;          /* (n, n_lane) effective wind speeds, in `order` */
    sigma_bound bound;
    disc_series series;
    double at_source;       /* H(alpha), turbopark.h */
    void *memory;
} sweep;

static double *take(char **memory, size_t n_doubles)
{
    double *p = (double *)*memory;
    *memory += (n_doubles * sizeof(double) + 63) / 64 * 64;
    return p;
}

static int sweep_open(sweep *w, const mpl_setting *set, int n, const double *x, const double *y)
{
    size_t n_lane = (size_t)set->flow.n_lane, m = (size_t)n;
    size_t doubles = m * (6 + VL + (SOURCE_FIELDS + 1) * n_lane) + (SOURCE_FIELDS + 2) * n_lane + 128;
    *w = (sweep){.set = set, .x = x, .y = y, .n = n, .n_lane = set->flow.n_lane};
    w->memory = aligned_alloc(64, (doubles * sizeof(double) + 63) / 64 * 64);
    if (!w->memory) return MPL_OUT_OF_MEMORY;
    char *memory = w->memory;
    w->own_source = take(&memory, m * SOURCE_FIELDS * n_lane);
    w->free_source = take(&memory, SOURCE_FIELDS * n_lane);
    w->free_power = take(&memory, n_lane);
    w->source = (const double **)take(&memory, m);
    w->speed = take(&memory, m * n_lane);
    w->inverse_sigma = take(&memory, n_lane);
    w->total = take(&memory, m * VL);
    w->s = take(&memory, m);
    w->c = take(&memory, m);
    w->position = take(&memory, m);
    w->order = (int *)take(&memory, m);
    w->upstream = (int *)take(&memory, m);
    for (int i = 0; i < n; ++i) w->order[i] = i;
    w->bound = sigma_bound_of(set);
    w->at_source = expansion_at_source(&set->model);
    w->series = disc_prepare(0.5 / set->model.ceps); /* sigma is never below ceps D */
    for (int l = 0; l < w->n_lane; l += VL) {
        vd speed = v_load(set->flow.speed + l);
        v_store(w->free_power + l, curve(&set->turbine, set->turbine.power, speed));
        source_set(set, w->at_source, curve(&set->turbine, set->turbine.ct, speed), w->free_source + l, w->n_lane);
    }
    return 0;
}

static void sort_downwind(sweep *w, double cosine, double sine)
{
    for (int i = 0; i < w->n; ++i) w->position[i] = -cosine * w->x[i] - sine * w->y[i];
    for (int k = 1; k < w->n; ++k) {
        int turbine = w->order[k], at = k;
        for (; at > 0 && w->position[w->order[at - 1]] > w->position[turbine]; --at) w->order[at] = w->order[at - 1];
        w->order[at] = turbine;
    }
    for (int k = 0; k < w->n; ++k) {
        int turbine = w->order[k];
        w->s[k] = w->position[turbine];
        w->c[k] = sine * w->x[turbine] - cosine * w->y[turbine];
    }
}

/* Add the squared deficits of one source at one receiver to sum (n_lane,), averaged over the receiver's rotor. A
 * wake ends at the cutoff, lane by lane: no flow case depends on which others are computed with it. */
static void add_pair(const sweep *w, const double *source, double downwind, double crosswind, double *sum)
{
    const mpl_disc_table *table = &w->set->disc;
    double radius = w->set->turbine.rotor_diameter / 2, below = 2 * w->set->turbine.hub_height;
    double direct = fabs(crosswind), mirror = sqrt(crosswind * crosswind + below * below);
    vd largest = v_set(0);
    for (int l = 0; l < w->n_lane; l += VL) {
        vd inverse = v_reciprocal(wake_sigma(w->set, source + l, w->n_lane, downwind));
        v_store(w->inverse_sigma + l, inverse);
        largest = v_max(largest, inverse);
    }
    int terms = table->values ? 0 : disc_terms(&w->series, radius * v_largest(largest));
    for (int l = 0; l < w->n_lane; l += VL) {
        vd inverse = v_load(w->inverse_sigma + l);
        vi inside = (direct - radius) * inverse < w->set->cutoff;
        if (!v_mask(inside)) continue;
        vd deficit = axis_deficit(source + l, w->n_lane, inverse * inverse);
        vd squared = table->values ? disc_table_squared(table, inverse, radius, direct, mirror)
                                   : disc_series_squared(terms, inverse, radius, direct, mirror);
        v_store(sum + l, v_load(sum + l) + (vd)((vi)(deficit * deficit * squared) & inside));
    }
}

/* Effective wind speeds of all turbines for one wind direction, into w->speed in the order of w->order. */
static void sweep_direction(sweep *w, int direction)
{
    const mpl_setting *set = w->set;
    int n_lane = w->n_lane;
    double radius = set->turbine.rotor_diameter / 2;
    sort_downwind(w, set->flow.cosine[direction], set->flow.sine[direction]);
    for (int k = 0; k < w->n; ++k) {
        double *speed = w->speed + (size_t)k * n_lane;
        double *own = w->own_source + (size_t)k * SOURCE_FIELDS * n_lane;
        int m = within_wake(&w->bound, set->cutoff, radius, UPWIND, w->s[k], w->c[k], k, w->s, w->c, w->upstream);
        if (m == 0) {
            w->source[k] = w->free_source;
            memcpy(speed, set->flow.speed, (size_t)n_lane * sizeof(double));
            continue;
        }
        w->source[k] = own;
        memset(speed, 0, (size_t)n_lane * sizeof(double));
        for (int u = 0; u < m; ++u) {
            int i = w->upstream[u];
            add_pair(w, w->source[i], w->s[k] - w->s[i], w->c[k] - w->c[i], speed);
        }
        for (int l = 0; l < n_lane; l += VL) {
            vd u = v_load(set->flow.speed + l) * (1.0 - v_sqrt(v_load(speed + l)));
            v_store(speed + l, u);
            source_set(set, w->at_source, curve(&set->turbine, set->turbine.ct, u), own + l, n_lane);
        }
    }
}

/* Mean power [W] of each turbine over all flow cases, weighted by their probability. */
int FN(mpl_farm_power)(const mpl_setting *set, int n, const double *x, const double *y, double *power)
{
    const mpl_turbine *turbine = &set->turbine;
    sweep w;
    if (sweep_open(&w, set, n, x, y)) return MPL_OUT_OF_MEMORY;
    memset(w.total, 0, (size_t)n * VL * sizeof(double));
    for (int d = 0; d < set->flow.n_direction; ++d) {
        sweep_direction(&w, d);
        for (int k = 0; k < n; ++k) {
            const double *speed = w.speed + (size_t)k * w.n_lane;
            int in_free_wind = w.source[k] == w.free_source;
            double *total = w.total + (size_t)w.order[k] * VL;
            vd sum = v_load(total);
            for (int l = 0; l < w.n_lane; l += VL) {
                vd p = in_free_wind ? v_load(w.free_power + l) : curve(turbine, turbine->power, v_load(speed + l));
                sum += p * v_load(set->flow.probability + (size_t)d * w.n_lane + l);
            }
            v_store(total, sum);
        }
    }
    for (int i = 0; i < n; ++i) power[i] = v_sum(v_load(w.total + (size_t)i * VL));
    free(w.memory);
    return 0;
}

/* Effective wind speeds [m/s], (n_direction, n, n_lane). */
int FN(mpl_farm_speed)(const mpl_setting *set, int n, const double *x, const double *y, double *speed)
{
    sweep w;
    if (sweep_open(&w, set, n, x, y)) return MPL_OUT_OF_MEMORY;
    for (int d = 0; d < set->flow.n_direction; ++d) {
        sweep_direction(&w, d);
        for (int k = 0; k < n; ++k)
            memcpy(speed + ((size_t)d * n + w.order[k]) * w.n_lane, w.speed + (size_t)k * w.n_lane,
                   (size_t)w.n_lane * sizeof(double));
    }
    free(w.memory);
    return 0;
}
