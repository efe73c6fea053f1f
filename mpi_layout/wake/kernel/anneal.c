/* Annealing of a farm whose wakes do not depend on each other: thrust is the same at all wind speeds and wakes are shares of the
 * free wind, so that moving one turbine changes nothing but the pairs that it is part of. The sums of wakes at each turbine are
 * kept, and the exact gain of a move costs no more than its own pairs.
 *
 * An axis is a wind direction and its opposite: both see the same pairs, from either side. The mean power of a turbine in one
 * direction is a function of its deficit alone; a table of it takes the place of the wind speeds. Turbines have their turns:
 * one is lifted out of the farm, tries a few places, and stays at the first one that is accepted, or goes back.
 */
#include <stdlib.h>
#include <string.h>

#include "law.h"
#include "region.h"

typedef struct {
    double load, start, factor, up2, mirror2; /* of a source: law.h; (height - receiver's)^2, (height + receiver's)^2 */
} caster;

/* The wakes between one turbine and the others that are not too small to count, VL of them side by side. */
typedef struct {
    int n;
    int *at, *axis;                           /* where the sum of the other one is, and its direction */
    double *dw, *c2, *wake;                   /* m, m2; deficit or its square */
    double *sum, *power;                      /* of the other one: before, where a turbine was lifted; after, where one is tried */
} encounters;

typedef struct {
    const mpl_setting *set;
    const mpl_walk *walk;
    int squared, n_place, n_all_place;        /* n, n_all padded */
    double radius;                            /* of the receiving rotor, where the mean over it counts */
    caster *caster;                           /* (n types) */
    double *x, *y;                            /* (n_all_place) own turbines first, then neighbours; NaN in padding */
    double *s, *c;                            /* (n_axis, n_all_place) downwind and crosswind */
    double *reach;                            /* (n_all_place) */
    double *sum, *power;                      /* (2, n_axis, n_place) */
    double *own_sum;                          /* (2, n_axis) of the turbine that is tried */
    encounters old, new, ahead;
    int *end;                                 /* (2, n_axis) of an axis' encounters */
} annealing;

static void encounters_room(encounters *e, arena *a, size_t n)
{
    e->at = take(a, n * sizeof(int)), e->axis = take(a, n * sizeof(int));
    e->dw = take_doubles(a, n), e->c2 = take_doubles(a, n), e->wake = take_doubles(a, n);
    e->sum = take_doubles(a, n), e->power = take_doubles(a, n);
}

static size_t room(annealing *w, void *base)
{
    arena a = {base, 0};
    size_t n = (size_t)w->n_place, all = (size_t)w->n_all_place, m = (size_t)w->walk->n_axis;
    w->x = take_doubles(&a, all), w->y = take_doubles(&a, all), w->reach = take_doubles(&a, all);
    w->caster = take(&a, (size_t)w->set->n_turbine * sizeof(caster));
    w->s = take_doubles(&a, m * all), w->c = take_doubles(&a, m * all);
    w->sum = take_doubles(&a, 2 * m * n), w->power = take_doubles(&a, 2 * m * n);
    w->own_sum = take_doubles(&a, 2 * m), w->end = take(&a, 2 * m * sizeof(int));
    encounters_room(&w->old, &a, (m + 1) * all), encounters_room(&w->new, &a, (m + 1) * all);
    encounters_room(&w->ahead, &a, all + LANE_BLOCK);
    return a.used;
}

/* ---- wakes */

/* Deficit, or its square, at the distance dw > 0 behind a turbine and c2 (squared) off its axis. */
INLINE vd wake_of(const annealing *w, const caster *o, vd dw, vd c2)
{
    const mpl_model *m = &w->set->model;
    vd deficit;
    if (m->law == TOP_HAT) {
        vd r = m->k * dw + o->start;
        profile p = top_hat_profile(0, m->rotor, r, v_set(o->start), w->radius, v_sqrt(c2 + o->up2));
        deficit = o->factor * o->load * p.value;
        return w->squared ? deficit * deficit : deficit;
    }
    vd inverse = v_reciprocal(m->k * dw + o->start), per = inverse * inverse;
    vd peak = o->factor * v_min(deficit_of_load(m->induction, o->load * per).value, v_set(1.0));
    if (w->squared) {
        vd q = v_exp(per * -(c2 + o->up2));
        if (m->mirror) q += v_exp(per * -(c2 + o->mirror2));
        return peak * peak * q;
    }
    vd p = v_exp(-0.5 * per * (c2 + o->up2));
    if (!m->mirror) return peak * p;
    vd q = v_exp(-0.5 * per * (c2 + o->mirror2));
    return peak * v_sqrt(p * p + q * q);
}

/* How far off its axis the wake of a source at each of VL distances counts. */
INLINE vd reach_of(const annealing *w, const caster *o, vd distance)
{
    vd width = w->set->model.k * distance + o->start;
    return w->set->model.law == TOP_HAT ? width + w->radius : w->set->cutoff * width;
}

INLINE int note(encounters *e, int n, unsigned bits, int at, vd dw, vd c2)
{
    i_pack(e->at + n, bits, at);
    v_pack(e->dw + n, bits, dw), v_pack(e->c2 + n, bits, c2);
    return n + __builtin_popcount(bits);
}

INLINE double sum_of(const double *a, int n)
{
    double s = 0;
    for (int i = 0; i < n; ++i) s += a[i];
    return s;
}

/* The encounters of a turbine at (x, y) with the turbines at places first to last, all of one type, added to its own sums;
 * `but` is not met. For each axis first those behind it, then those ahead. */
static void meet(annealing *w, const caster *o, int first, int last, int but, double x, double y, encounters *e)
{
    const mpl_walk *walk = w->walk;
    const int n_axis = walk->n_axis, n_place = w->n_place, n_all = w->n_all_place;
    const double *reach = w->reach;
    encounters ahead = w->ahead;
    int n = 0, *behind_end = w->end, *ahead_end = w->end + n_axis;
    for (int j = first; j < last; j += VL) {
        vd dx = v_load(w->x + j) - x, dy = v_load(w->y + j) - y;
        v_store(w->reach + j, reach_of(w, o, v_sqrt(dx * dx + dy * dy)));
    }
    if (but >= 0) w->reach[but] = -1;
    for (int a = 0; a < walk->n_real; ++a) {
        double s = -walk->cosine[a] * x - walk->sine[a] * y, c = walk->sine[a] * x - walk->cosine[a] * y;
        const double *to_s = w->s + (size_t)a * (size_t)n_all, *to_c = w->c + (size_t)a * (size_t)n_all;
        int m = 0, begin = n;
        for (int j = first; j < last; j += VL) {
            vd dc = v_load(to_c + j) - c;
            vi near = v_abs(dc) < v_load(reach + j);
            if (!v_mask(near)) continue;
            vd ds = v_load(to_s + j) - s;
            n = note(e, n, v_mask(near & (ds > 0)), a * n_place + j, ds, dc * dc);
            m = note(&ahead, m, v_mask(near & (ds < 0)), (n_axis + a) * n_place + j, -ds, dc * dc);
        }
        behind_end[a] = n;
        memcpy(e->at + n, ahead.at, (size_t)m * sizeof(int));
        memcpy(e->dw + n, ahead.dw, (size_t)m * sizeof(double));
        memcpy(e->c2 + n, ahead.c2, (size_t)m * sizeof(double));
        for (int i = begin; i < n; ++i) e->axis[i] = a;
        for (int i = n; i < n + m; ++i) e->axis[i] = n_axis + a;
        ahead_end[a] = n += m;
    }
    e->n = n;
    for (int i = n; i < n + VL; ++i) e->at[i] = e->axis[i] = 0, e->dw[i] = 1, e->c2[i] = 0;
    for (int i = 0; i < n; i += VL) v_store(e->wake + i, wake_of(w, o, v_load(e->dw + i), v_load(e->c2 + i)));
    for (int a = 0, i = 0; a < walk->n_real; i = ahead_end[a++]) { /* those ahead wake it in the axis' direction */
        w->own_sum[n_axis + a] += sum_of(e->wake + i, behind_end[a] - i);
        w->own_sum[a] += sum_of(e->wake + behind_end[a], ahead_end[a] - behind_end[a]);
    }
}

/* Those of own turbine k at (x, y) with all others. */
static void meet_all(annealing *w, int k, double x, double y, encounters *e)
{
    const mpl_walk *walk = w->walk;
    memset(w->own_sum, 0, 2 * (size_t)walk->n_axis * sizeof(double));
    /* Nobody asks how the neighbours fare: their encounters are forgotten. */
    for (int t = 1, first = w->n_place; t < w->set->n_turbine; first += walk->n_other[t++])
        meet(w, w->caster + t, first, first + walk->n_other[t], -1, x, y, e);
    meet(w, w->caster, 0, w->n_place, k, x, y, e);
}

/* ---- power */

/* Of turbines with these sums, each in the direction whose tables begin at a row. */
INLINE vd power_of(const annealing *w, vidx table, vd sum)
{
    const mpl_walk *walk = w->walk;
    sum = v_max(sum, v_set(0));
    vd at = (w->squared ? v_sqrt(sum) : sum) * walk->rows_per_deficit, c[4];
    at = v_min(at, v_set(walk->n_row - 1e-9));
    vidx row = v_truncate(at);
    vd t = at - v_float(row);
    v_rows(walk->power, i_cell(table, walk->n_row, row), c);
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

INLINE vidx i_load(const int *p)
{
    vidx i;
    memcpy(&i, p, sizeof i);
    return i;
}

INLINE vd v_gather(const double *p, const int *at)
{
    vd a;
    for (int l = 0; l < VL; ++l) a[l] = p[at[l]];
    return a;
}

/* Of the turbine with w->own_sum, over all directions. */
static double own_power(const annealing *w)
{
    vd total = v_set(0);
    for (int l = 0; l < 2 * w->walk->n_axis; l += VL) {
        int axis[VL];
        for (int i = 0; i < VL; ++i) axis[i] = l + i;
        total += power_of(w, i_load(axis), v_load(w->own_sum + l));
    }
    return v_sum(total);
}

INLINE vd first_lanes(int n, vd a)
{
    for (int l = 0; l < VL; ++l) a[l] = l < n ? a[l] : 0;
    return a;
}

/* Sums and powers of those that e meets, with its wakes added; the change of their power. Where wakes can only harm, there is no need
 * to go on once it is below `enough`: then it is any number below that. */
static double changed_power(const annealing *w, encounters *e, double enough)
{
    double total = 0;
    for (int i = 0; i < e->n; i += VL) {
        vd sum = v_gather(w->sum, e->at + i) + v_load(e->wake + i), before = v_gather(w->power, e->at + i);
        vd power = power_of(w, i_load(e->axis + i), sum), change = power - before;
        v_store(e->sum + i, sum), v_store(e->power + i, power);
        total += v_sum(e->n - i < VL ? first_lanes(e->n - i, change) : change);
        if (total < enough) break;
    }
    return total;
}

static void exchange(annealing *w, encounters *e)
{
    for (int i = 0; i < e->n; ++i) {
        double sum = w->sum[e->at[i]], power = w->power[e->at[i]];
        w->sum[e->at[i]] = e->sum[i], w->power[e->at[i]] = e->power[i];
        e->sum[i] = sum, e->power[i] = power;
    }
}

/* ---- moves */

/* Take turbine k out of the sums of the others; what they gain. `exchange` of w->old puts it back. */
static double lift(annealing *w, int k)
{
    meet_all(w, k, w->x[k], w->y[k], &w->old);
    for (int i = 0; i < w->old.n; i += VL) v_store(w->old.wake + i, -v_load(w->old.wake + i));
    double gain = changed_power(w, &w->old, -INFINITY);
    exchange(w, &w->old);
    return gain;
}

static void place(annealing *w, int k, double x, double y)
{
    const mpl_walk *walk = w->walk;
    w->x[k] = x, w->y[k] = y;
    for (int a = 0; a < walk->n_real; ++a) {
        size_t at = (size_t)a * (size_t)w->n_all_place + (size_t)k;
        w->s[at] = -walk->cosine[a] * x - walk->sine[a] * y;
        w->c[at] = walk->sine[a] * x - walk->cosine[a] * y;
    }
}

/* Sums and powers of turbine k from w->own_sum. */
static void take_own(annealing *w, int k)
{
    for (int r = 0; r < 2 * w->walk->n_axis; r += VL) {
        int axis[VL];
        for (int i = 0; i < VL; ++i) axis[i] = r + i;
        vd sum = v_load(w->own_sum + r), power = power_of(w, i_load(axis), sum);
        for (int l = 0; l < VL; ++l) {
            size_t at = (size_t)(r + l) * (size_t)w->n_place + (size_t)k;
            w->sum[at] = sum[l], w->power[at] = power[l];
        }
    }
}

/* All sums anew; the farm's power, W. */
static double reset(annealing *w)
{
    double total = 0;
    for (int k = 0; k < w->walk->n; ++k) {
        meet_all(w, k, w->x[k], w->y[k], &w->old);
        total += own_power(w);
        take_own(w, k);
    }
    return total;
}

/* ---- randomness: xoshiro256+ (D. Blackman, S. Vigna 2021, ACM Trans. Math. Softw. 47, 36) */

static inline uint64_t rotated(uint64_t a, int by) { return a << by | a >> (64 - by); }

static inline double uniform(uint64_t *s) /* in [0, 1) */
{
    uint64_t result = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return (double)(result >> 11) * 0x1p-53;
}

static int clear_of_others(const annealing *w, int k, double x, double y)
{
    const mpl_spacing *spacing = w->walk->spacing;
    double least = spacing->least * spacing->least;
    for (int j = 0; j < w->n_place; j += VL) {
        vd dx = v_load(w->x + j) - x, dy = v_load(w->y + j) - y;
        unsigned near = v_mask(spacing->xx * dx * dx + 2 * spacing->xy * dx * dy + spacing->yy * dy * dy < least);
        if (k >= j && k < j + VL) near &= ~(1u << (k - j));
        if (near) return 0;
    }
    return 1;
}

/* A new place for turbine k; zero where there may be no turbine. */
static int propose(const annealing *w, uint64_t *random, int k, double *x, double *y)
{
    const mpl_walk *walk = w->walk;
    double kind = uniform(random);
    if (kind < walk->jumps) {
        *x = walk->x_min + (walk->x_max - walk->x_min) * uniform(random);
        *y = walk->y_min + (walk->y_max - walk->y_min) * uniform(random);
    } else {
        double step = walk->step * exp(-walk->step_range * uniform(random));
        if (kind < walk->jumps + walk->along) { /* past others without a change of the crosswind distance */
            int a = (int)(uniform(random) * walk->n_real);
            step = uniform(random) < 0.5 ? step : -step;
            *x = w->x[k] + step * walk->cosine[a], *y = w->y[k] + step * walk->sine[a];
        } else {
            double angle = 4 * HALF_PI * uniform(random);
            *x = w->x[k] + step * cos(angle), *y = w->y[k] + step * sin(angle);
        }
    }
    if (!region_inside(walk->region, *x, *y) && !region_inset(walk->region, walk->depth, x, y)) return 0;
    return clear_of_others(w, k, *x, *y);
}

/* A turn of turbine k; whether it has moved. */
static int turn(annealing *w, mpl_walk *walk, int k, double temperature)
{
    double lifted = 0, own = 0;
    int is_lifted = 0;
    for (int i = 0; i < walk->n_try; ++i) {
        double x, y;
        walk->n_tried += 1;
        if (!propose(w, walk->random, k, &x, &y)) continue;
        if (!is_lifted) {
            lifted = lift(w, k), own = own_power(w);
            is_lifted = 1;
        }
        meet_all(w, k, x, y, &w->new);
        double enough = temperature * log(1 - uniform(walk->random)); /* of the gain */
        double gain = own_power(w) - own + lifted;
        if (walk->harmful && gain < enough) continue;
        gain += changed_power(w, &w->new, walk->harmful ? enough - gain : -INFINITY);
        if (gain < enough) continue;
        exchange(w, &w->new);
        place(w, k, x, y);
        take_own(w, k);
        walk->power_summed += gain;
        return 1;
    }
    if (is_lifted) exchange(w, &w->old);
    return 0;
}

static int open_walk(annealing *w, void **memory, const mpl_setting *set, const mpl_walk *walk)
{
    const mpl_model *m = &set->model;
    int padded = (walk->n + LANE_BLOCK - 1) / LANE_BLOCK * LANE_BLOCK, all = padded;
    for (int t = 1; t < set->n_turbine; ++t) all += walk->n_other[t];
    *w = (annealing){.set = set, .walk = walk, .squared = m->superposition == SQUARED_SUM, .n_place = padded, .n_all_place = all};
    *memory = aligned_alloc(64, room(w, NULL));
    if (!*memory) return MPL_OUT_OF_MEMORY;
    room(w, *memory);
    w->radius = m->rotor == ROTOR_MEAN ? set->turbine[0].rotor_diameter / 2 : 0;
    for (int t = 0; t < set->n_turbine; ++t) {
        const mpl_turbine *own = set->turbine, *o = own + t;
        double ct = walk->ct[t], d = o->rotor_diameter, up = o->hub_height - own->hub_height;
        double sum = o->hub_height + own->hub_height;
        int top_hat = m->law == TOP_HAT;
        w->caster[t] = (caster){.load = top_hat ? deficit_of_load(m->induction, v_set(ct)).value[0] : ct * d * d / 8,
                                .start = top_hat ? d / 2 : d * width_at_rotor(m, 0, v_set(ct)).value[0],
                                .factor = o->speed_factor, .up2 = up * up, .mirror2 = sum * sum};
    }
    for (int i = 0; i < all; ++i) {
        int own = i < walk->n, padding = !own && i < padded;
        place(w, i, padding ? NAN : own ? walk->x[i] : walk->other_x[i - padded],
              padding ? NAN : own ? walk->y[i] : walk->other_y[i - padded]);
    }
    memset(w->sum, 0, 2 * (size_t)walk->n_axis * (size_t)padded * sizeof(double));
    memset(w->power, 0, 2 * (size_t)walk->n_axis * (size_t)padded * sizeof(double));
    return 0;
}

int FN(mpl_anneal)(const mpl_setting *set, mpl_walk *walk)
{
    annealing w;
    void *memory;
    if (open_walk(&w, &memory, set, walk)) return MPL_OUT_OF_MEMORY;
    walk->power_summed = reset(&w);
    walk->n_tried = walk->n_accepted = 0;
    double cooling = walk->n_move > 0 ? log(walk->coldest / walk->hottest) / (double)walk->n_move : 0;
    while (walk->n_tried < walk->n_move) {
        int k = (int)(uniform(walk->random) * walk->n);
        walk->n_accepted += turn(&w, walk, k, walk->hottest * exp(cooling * (double)walk->n_tried));
    }
    walk->power_now = reset(&w);
    memcpy(walk->x, w.x, (size_t)walk->n * sizeof(double));
    memcpy(walk->y, w.y, (size_t)walk->n * sizeof(double));
    free(memory);
    return 0;
}
