/* Power of a farm with one of its turbines at each of many candidate points.
 *
 * For each direction the turbines that stay are swept downwind once, without the one that moves. At a candidate point only
 * what lies in its wake changes, and what lies in the wakes that have changed by that: from upwind to downwind, what is
 * lacking at such a turbine is corrected by the wakes as they are now, less as they were before. Where the largest wake
 * counts nothing can be subtracted, and the sums are made anew.
 */
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "wakes.h"

/* A wake whose thrust coefficient, turbulence or speed differs by less than this from what it was is as it was. What that
 * leaves out of a power lies below 1e-11 of it. */
#define UNCHANGED 1e-11

typedef struct {
    wakes all;               /* the candidate at position 0 (nowhere in between), then the turbines that stay, in order */
    wakes now, before;       /* the candidate and the turbines whose wakes have changed; the same turbines, as they were */
    const mpl_setting *set;
    const mpl_relocation *ask;
    int n, n_now, n_before;  /* positions in each */
    int resum;               /* whether sums must be made anew */
    int *order;              /* (n,) turbines by position; that at 0 is the one that moves */
    double *position;        /* downwind coordinate, by turbine */
    double *fields;          /* (n, N_FIELD, n_lane_max) wakes without the candidate, by position in all */
    double *fields_now;      /* the same, by position in now */
    double *deficit, *added, *ct; /* (n, n_lane_max) without the candidate; deficit is a sum of squares if squares are summed */
    double *energy;          /* (n,) without the candidate, zero for turbines that do not count */
    int *changed;            /* (n,) position in all of those in before */
    int *hit;                /* (n,) scratch */
    unsigned char *reached;  /* (n,) by position in all: stands in a wake that has changed */
    double radius;           /* of the largest rotor */
    double *new_ct;          /* (n_lane_max,) of the turbine at hand */
} relocating;

static void relocating_layout(relocating *w, arena *a)
{
    size_t n = (size_t)w->ask->farm.n, lanes = (size_t)w->set->flow.n_lane_max, each = n * lanes;
    wakes *sets[] = {&w->all, &w->now, &w->before};
    for (int i = 0; i < 3; ++i) FN(mpl_wakes_layout)(sets[i], a, w->set, w->ask->farm.n);
    w->order = take(a, n * sizeof(int)), w->position = take_doubles(a, n);
    w->fields = take_doubles(a, each * N_FIELD), w->fields_now = take_doubles(a, each * N_FIELD);
    w->deficit = take_doubles(a, each), w->added = take_doubles(a, each), w->ct = take_doubles(a, each);
    w->energy = take_doubles(a, n);
    w->changed = take(a, n * sizeof(int)), w->hit = take(a, n * sizeof(int)), w->reached = take(a, n);
    w->new_ct = take_doubles(a, lanes);
}

static int relocating_open(relocating *w, void **memory, const mpl_setting *set, const mpl_relocation *ask)
{
    arena a = {NULL, 0};
    *w = (relocating){.set = set, .ask = ask, .n = ask->farm.n};
    relocating_layout(w, &a);
    *memory = aligned_alloc(64, a.used);
    if (!*memory) return MPL_OUT_OF_MEMORY;
    a = (arena){*memory, 0};
    relocating_layout(w, &a);
    FN(mpl_wakes_prepare)(&w->all, set, 0);
    FN(mpl_wakes_prepare)(&w->now, set, 0);
    FN(mpl_wakes_prepare)(&w->before, set, 0);
    w->resum = set->model.superposition == LARGEST || set->model.turbulence == CRESPO_HERNANDEZ;
    for (int t = 0; t < set->n_turbine; ++t) w->radius = fmax(w->radius, set->turbine[t].rotor_diameter / 2);
    for (int k = 0; k < w->n; ++k) w->order[k] = k;
    w->order[0] = ask->moved, w->order[ask->moved] = 0;
    return 0;
}

static void sort_downwind(relocating *w, double cosine, double sine)
{
    const mpl_farm *farm = &w->ask->farm;
    for (int i = 0; i < w->n; ++i) w->position[i] = -cosine * farm->x[i] - sine * farm->y[i];
    for (int k = 2; k < w->n; ++k) {
        int turbine = w->order[k], at = k;
        for (; at > 1 && w->position[w->order[at - 1]] > w->position[turbine]; --at) w->order[at] = w->order[at - 1];
        w->order[at] = turbine;
    }
    for (int k = 1; k < w->n; ++k) {
        int turbine = w->order[k];
        double crosswind = sine * farm->x[turbine] - cosine * farm->y[turbine];
        FN(mpl_place)(&w->all, k, farm->type[turbine], w->position[turbine], crosswind);
    }
}

static receiver receiver_of(const mpl_turbine *turbine, double s, double c)
{
    return (receiver){s, c, turbine->hub_height, turbine->rotor_diameter / 2, turbine->speed_factor};
}

/* Power of a turbine from what is lacking; its thrust coefficient into w->new_ct. */
static double run_turbine(relocating *w, const mpl_turbine *turbine, const double *deficit, const double *probability)
{
    vd energy = v_set(0);
    for (int l = 0; l < w->all.n_lane; l += VL) {
        operation at = operate(turbine, (turbine->speed_factor - v_load(deficit + l)) * v_load(w->all.speed + l));
        energy += at.power * v_load(probability + l);
        v_store(w->new_ct + l, at.ct);
    }
    return v_sum(energy);
}

/* The wake of a turbine into a position of a set, from w->new_ct. */
static void emit(relocating *w, wakes *to, int position, int type, const double *deficit, const double *added, double *fields)
{
    double share = w->set->turbine[type].speed_factor;
    for (int l = 0; l < to->n_lane; l += VL)
        FN(mpl_emit)(to, type, l, v_load(w->new_ct + l), v_load(added + l), share - v_load(deficit + l), fields);
    to->source[position] = fields;
    FN(mpl_widen)(to, position, fields);
}

/* ---- without the candidate */

static double sweep_down(relocating *w, const double *probability)
{
    wakes *all = &w->all;
    size_t lanes = (size_t)w->set->flow.n_lane_max;
    int squared = w->set->model.superposition == SQUARED_SUM;
    double total = 0;
    all->s[0] = INFINITY; /* upwind of nobody */
    for (int k = 1; k < w->n; ++k) {
        const mpl_turbine *turbine = &w->set->turbine[all->type[k]];
        receiver r = receiver_of(turbine, all->s[k], all->c[k]);
        size_t at = (size_t)k * lanes;
        FN(mpl_sum_wakes)(all, &r, FN(mpl_upstream)(all, &r, k));
        double energy = run_turbine(w, turbine, all->deficit, probability);
        emit(w, all, k, all->type[k], all->deficit, all->added, w->fields + at * N_FIELD);
        w->energy[k] = w->order[k] < w->ask->farm.n_own ? energy : 0;
        total += w->energy[k];
        for (int l = 0; l < all->n_lane; l += VL) {
            vd deficit = v_load(all->deficit + l);
            v_store(w->deficit + at + l, squared ? deficit * deficit : deficit);
            v_store(w->added + at + l, v_load(all->added + l));
            v_store(w->ct + at + l, v_load(w->new_ct + l));
        }
    }
    return total;
}

/* ---- with it */

static void mark_wake(relocating *w, const wakes *from, int position, int first)
{
    first = first / VL * VL;
    int n = FN(mpl_downstream)(from, position, w->radius, w->n - first, w->all.s + first, w->all.c + first, w->hit);
    for (int i = 0; i < n; ++i) w->reached[first + w->hit[i]] = 1;
}

/* The wake of a turbine behind the candidate, at position k, is another one now. */
static void change_wake(relocating *w, int k, const double *deficit, const double *added)
{
    wakes *all = &w->all, *now = &w->now, *before = &w->before;
    size_t each = N_FIELD * (size_t)w->set->flow.n_lane_max;
    int type = all->type[k];
    FN(mpl_place)(before, w->n_before, type, all->s[k], all->c[k]);
    before->source[w->n_before] = all->source[k];
    FN(mpl_widen)(before, w->n_before, all->source[k]);
    FN(mpl_place)(now, w->n_now, type, all->s[k], all->c[k]);
    emit(w, now, w->n_now, type, deficit, added, w->fields_now + (size_t)w->n_now * each);
    mark_wake(w, now, w->n_now, k + 1);
    if (w->set->model.k_turbulence != 0) mark_wake(w, before, w->n_before, k + 1);
    if (w->resum) all->source[k] = now->source[w->n_now], all->slope[k] = now->slope[w->n_now];
    w->changed[w->n_before++] = k;
    w->n_now++;
}

/* What is lacking at position k, and the turbulence there, into all->deficit and all->added. */
static void feel(relocating *w, int k)
{
    wakes *all = &w->all, *now = &w->now, *before = &w->before;
    receiver r = receiver_of(&w->set->turbine[all->type[k]], all->s[k], all->c[k]);
    size_t at = (size_t)k * (size_t)w->set->flow.n_lane_max;
    int squared = w->set->model.superposition == SQUARED_SUM;
    if (w->resum) {
        FN(mpl_sum_wakes)(all, &r, FN(mpl_upstream)(all, &r, k));
        return;
    }
    FN(mpl_sum_wakes)(now, &r, FN(mpl_upstream)(now, &r, w->n_now));
    FN(mpl_sum_wakes)(before, &r, FN(mpl_upstream)(before, &r, w->n_before));
    for (int l = 0; l < all->n_lane; l += VL) {
        vd plus = v_load(now->deficit + l), minus = v_load(before->deficit + l), was = v_load(w->deficit + at + l);
        vd sum = squared ? v_sqrt(v_max(was + (plus - minus) * (plus + minus), v_set(0))) : was + (plus - minus);
        v_store(all->deficit + l, sum);
        v_store(all->added + l, v_load(w->added + at + l) + (v_load(now->added + l) - v_load(before->added + l)));
    }
}

static int wake_differs(const relocating *w, int k)
{
    const mpl_model *model = &w->set->model;
    size_t at = (size_t)k * (size_t)w->set->flow.n_lane_max;
    vi differs = {0};
    for (int l = 0; l < w->all.n_lane; l += VL) {
        differs |= v_abs(v_load(w->new_ct + l) - v_load(w->ct + at + l)) > UNCHANGED;
        if (model->k_turbulence != 0)
            differs |= v_abs(v_load(w->all.added + l) - v_load(w->added + at + l)) > UNCHANGED;
        if (!model->local_speed) continue;
        vd was = v_load(w->deficit + at + l);
        if (model->superposition == SQUARED_SUM) was = v_sqrt(was);
        differs |= v_abs(v_load(w->all.deficit + l) - was) > UNCHANGED;
    }
    return v_mask(differs) != 0;
}

/* Positions in the order of which all stand upwind of s. */
static int place_of(const relocating *w, double s)
{
    int first = 1, last = w->n;
    while (first < last) {
        int middle = (first + last) / 2;
        if (w->all.s[middle] <= s) first = middle + 1;
        else last = middle;
    }
    return first;
}

/* How much more power the candidate brings to what is there without it: its own, less what its wake takes. */
static double candidate_gain(relocating *w, const double *probability, double s, double c)
{
    wakes *all = &w->all, *now = &w->now;
    int type = w->ask->farm.type[w->ask->moved], first = place_of(w, s);
    const mpl_turbine *turbine = &w->set->turbine[type];
    receiver r = receiver_of(turbine, s, c);
    memset(w->reached, 0, (size_t)w->n);
    w->n_now = w->n_before = 0;
    FN(mpl_sum_wakes)(all, &r, FN(mpl_upstream)(all, &r, first));
    double gain = run_turbine(w, turbine, all->deficit, probability);
    FN(mpl_place)(now, 0, type, s, c);
    emit(w, now, w->n_now++, type, all->deficit, all->added, w->fields_now);
    mark_wake(w, now, 0, first);
    if (w->resum) {
        FN(mpl_place)(all, 0, type, s, c);
        all->source[0] = now->source[0], all->slope[0] = now->slope[0];
    }
    for (int k = first; k < w->n; ++k) {
        if (!w->reached[k]) continue;
        feel(w, k);
        double energy = run_turbine(w, &w->set->turbine[all->type[k]], all->deficit, probability);
        if (w->order[k] < w->ask->farm.n_own) gain += energy - w->energy[k];
        if (wake_differs(w, k)) change_wake(w, k, all->deficit, all->added);
    }
    all->s[0] = INFINITY;
    for (int i = 0; w->resum && i < w->n_before; ++i) {
        int k = w->changed[i];
        all->source[k] = w->before.source[i], all->slope[k] = w->before.slope[i];
    }
    return gain;
}

int FN(mpl_relocate)(const mpl_setting *set, const mpl_relocation *ask)
{
    relocating w;
    void *memory;
    const mpl_flow *flow = &set->flow;
    if (relocating_open(&w, &memory, set, ask)) return MPL_OUT_OF_MEMORY;
    memset(ask->power, 0, (size_t)ask->n_candidate * sizeof(double));
    for (int d = 0; d < flow->n_direction; ++d) {
        const double *probability = flow->probability + flow->case_at[d];
        double cosine = flow->cosine[d], sine = flow->sine[d];
        FN(mpl_wakes_direction)(&w.all, d);
        FN(mpl_wakes_direction)(&w.now, d);
        FN(mpl_wakes_direction)(&w.before, d);
        sort_downwind(&w, cosine, sine);
        double without = sweep_down(&w, probability);
        for (int i = 0; i < ask->n_candidate; ++i) {
            double x = ask->candidate_x[i], y = ask->candidate_y[i];
            ask->power[i] += without + candidate_gain(&w, probability, -cosine * x - sine * y, sine * x - cosine * y);
        }
    }
    free(memory);
    return 0;
}
