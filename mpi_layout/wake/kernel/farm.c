/* Power, effective wind speed and derivatives of every turbine in a farm: one downwind sweep per wind direction, and
 * for derivatives one sweep back.
 *
 * The turbines stay sorted from one direction to the next (an insertion sort of a nearly sorted list), the few
 * sources whose wake reaches a turbine are listed first, and the flow cases of a direction are the vector lanes.
 * The sweep knows no wake model: wakes.c sums, and leaves the derivatives of each pair on a tape.
 */
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "wakes.h"

/* Doubles of the tape that is kept between the sweeps, about a core's second-level cache. The receivers beyond it are
 * summed once more on the way back: cheaper than memory. */
#define KEPT_TAPE (96 * 1024)

/* What is the same for all turbines of a type that stand in no wake. */
typedef struct {
    double *fields;                  /* (N_FIELD, n_lane) */
    double *power, *power_slope, *ct_slope; /* (n_lane,) */
} free_type;

typedef struct {
    wakes wakes;
    const mpl_setting *set;
    const mpl_farm *farm;
    int keep;                        /* whether deficits and turbulence will be asked for */
    int *order;                      /* (n,) turbines from upwind to downwind */
    double *position;                /* (n,) downwind coordinate by turbine */
    free_type *free;                 /* (n_turbine types,) */
    unsigned char *in_wake;          /* (n,) by position */
    double *fields;                  /* (n, N_FIELD, n_lane_max) of the turbines in a wake, by position */
    double *deficit, *turbulence;    /* (n, n_lane_max) what is lacking of the speed; effective intensity; by position */
    double *power_slope, *ct_slope;  /* (n, n_lane_max) */
    double *power;                   /* (n, VL) by turbine, still spread over the lanes */
    /* the sweep back */
    double *by_speed, *by_ct, *by_turbulence; /* (n, n_lane_max) of the objective, by position */
    double *by_s, *by_c;             /* (n, VL) by position */
    double *weight, *added_weight;   /* (n_lane_max,) of the receiver at hand */
    double *tape;                    /* kept ones, then room for one receiver that is not kept */
    ptrdiff_t *tape_at;              /* (n,) where a receiver's derivatives are kept, or -1 */
    int *kept_list, *n_kept;         /* its sources, from n_kept[k] on */
    size_t tape_used;
    double *d_dx, *d_dy;             /* (n,) */
} sweep;

static void sweep_layout(sweep *w, arena *a, int gradient)
{
    const mpl_setting *set = w->set;
    size_t n = (size_t)w->farm->n, lanes = (size_t)set->flow.n_lane_max, each = n * lanes;
    FN(mpl_wakes_layout)(&w->wakes, a, set, w->farm->n);
    w->order = take(a, n * sizeof(int));
    w->position = take_doubles(a, n);
    w->in_wake = take(a, n);
    w->fields = take_doubles(a, each * N_FIELD);
    w->deficit = take_doubles(a, each), w->turbulence = take_doubles(a, each);
    w->power_slope = take_doubles(a, each), w->ct_slope = take_doubles(a, each);
    w->power = take_doubles(a, n * VL);
    w->free = take(a, (size_t)set->n_turbine * sizeof *w->free);
    for (int t = 0; t < set->n_turbine; ++t) {
        free_type free = {.fields = take_doubles(a, N_FIELD * lanes), .power = take_doubles(a, lanes),
                          .power_slope = take_doubles(a, lanes), .ct_slope = take_doubles(a, lanes)};
        if (a->base) w->free[t] = free;
    }
    if (!gradient) return;
    w->by_speed = take_doubles(a, each), w->by_ct = take_doubles(a, each), w->by_turbulence = take_doubles(a, each);
    w->by_s = take_doubles(a, n * VL), w->by_c = take_doubles(a, n * VL);
    w->weight = take_doubles(a, lanes), w->added_weight = take_doubles(a, lanes);
    w->tape_at = take(a, n * sizeof *w->tape_at), w->n_kept = take(a, (n + 1) * sizeof(int));
    w->kept_list = take(a, KEPT_TAPE / LANE_BLOCK * sizeof(int));
    size_t one_receiver = ((n + 1) * (N_DERIVATIVE + 4) + 12) * lanes; /* at least mpl_tape_length */
    w->tape = take_doubles(a, KEPT_TAPE + one_receiver);
    w->d_dx = take_doubles(a, n), w->d_dy = take_doubles(a, n);
}

static int sweep_open(sweep *w, void **memory, const mpl_setting *set, const mpl_farm *farm, int gradient)
{
    arena a = {NULL, 0};
    *w = (sweep){.set = set, .farm = farm};
    sweep_layout(w, &a, gradient);
    *memory = aligned_alloc(64, a.used);
    if (!*memory) return MPL_OUT_OF_MEMORY;
    a = (arena){*memory, 0};
    sweep_layout(w, &a, gradient);
    FN(mpl_wakes_prepare)(&w->wakes, set, gradient);
    memset(w->power, 0, (size_t)farm->n * VL * sizeof(double));
    for (int i = 0; i < farm->n; ++i) w->order[i] = i;
    if (gradient) {
        memset(w->d_dx, 0, (size_t)farm->n * sizeof(double));
        memset(w->d_dy, 0, (size_t)farm->n * sizeof(double));
    }
    return 0;
}

static void sort_downwind(sweep *w, double cosine, double sine)
{
    const mpl_farm *farm = w->farm;
    for (int i = 0; i < farm->n; ++i) w->position[i] = -cosine * farm->x[i] - sine * farm->y[i];
    for (int k = 1; k < farm->n; ++k) {
        int turbine = w->order[k], at = k;
        for (; at > 0 && w->position[w->order[at - 1]] > w->position[turbine]; --at) w->order[at] = w->order[at - 1];
        w->order[at] = turbine;
    }
    for (int k = 0; k < farm->n; ++k) {
        int turbine = w->order[k];
        double crosswind = sine * farm->x[turbine] - cosine * farm->y[turbine];
        FN(mpl_place)(&w->wakes, k, farm->type[turbine], w->position[turbine], crosswind);
    }
}

/* The turbines that stand in no wake, for the flow cases of this direction. */
static void prepare_free(sweep *w)
{
    const wakes *wakes = &w->wakes;
    for (int t = 0; t < w->set->n_turbine; ++t) {
        const mpl_turbine *turbine = &w->set->turbine[t];
        free_type *free = &w->free[t];
        for (int l = 0; l < wakes->n_lane; l += VL) {
            vd share = v_set(turbine->speed_factor), speed = v_load(wakes->speed + l);
            operation at = operate(turbine, share * speed);
            v_store(free->power + l, at.power);
            v_store(free->power_slope + l, at.power_slope * speed);
            v_store(free->ct_slope + l, at.ct_slope * speed);
            FN(mpl_emit)(wakes, t, l, at.ct, v_load(wakes->ambient + l), share, free->fields);
        }
    }
}

static receiver receiver_at(const sweep *w, int k)
{
    const mpl_turbine *turbine = &w->set->turbine[w->wakes.type[k]];
    return (receiver){w->wakes.s[k], w->wakes.c[k], turbine->hub_height, turbine->rotor_diameter / 2, turbine->speed_factor};
}

/* ---- downwind */

static void add_energy(sweep *w, int k, vd energy)
{
    double *total = w->power + (size_t)w->order[k] * VL;
    v_store(total, v_load(total) + energy);
}

static vd pass_free(sweep *w, int k, const double *probability)
{
    const free_type *free = &w->free[w->wakes.type[k]];
    size_t lanes = (size_t)w->set->flow.n_lane_max;
    vd energy = v_set(0);
    w->in_wake[k] = 0;
    w->wakes.source[k] = free->fields;
    FN(mpl_widen)(&w->wakes, k, free->fields);
    for (int l = 0; l < w->wakes.n_lane; l += VL) {
        energy += v_load(free->power + l) * v_load(probability + l);
        if (!w->keep) continue;
        v_store(w->deficit + k * lanes + l, v_set(0));
        v_store(w->turbulence + k * lanes + l, v_load(w->wakes.ambient + l));
    }
    add_energy(w, k, energy);
    return energy;
}

/* Keep the derivatives of a receiver with m listed sources, if there is room. */
static void choose_tape(sweep *w, int k, int m)
{
    size_t length = FN(mpl_tape_length)(&w->wakes, m);
    int first = w->n_kept[k], keep = w->tape_used + length <= KEPT_TAPE && (size_t)(first + m) <= KEPT_TAPE / LANE_BLOCK;
    w->tape_at[k] = keep ? (ptrdiff_t)w->tape_used : -1;
    w->wakes.tape = keep ? w->tape + w->tape_used : NULL;
    w->n_kept[k + 1] = first + (keep ? m : 0);
    if (!keep) return;
    memcpy(w->kept_list + first, w->wakes.list, (size_t)m * sizeof(int));
    w->tape_used += length;
}

/* A receiver with m listed sources: its speed, power, and its own wake. */
static vd pass_waked(sweep *w, int k, int m, const double *probability)
{
    wakes *wakes = &w->wakes;
    const mpl_turbine *turbine = &w->set->turbine[wakes->type[k]];
    receiver r = receiver_at(w, k);
    size_t lanes = (size_t)w->set->flow.n_lane_max, at = (size_t)k * lanes;
    double *fields = w->fields + at * N_FIELD;
    vd energy = v_set(0);
    FN(mpl_sum_wakes)(wakes, &r, m);
    w->in_wake[k] = 1;
    wakes->source[k] = fields;
    for (int l = 0; l < wakes->n_lane; l += VL) {
        vd deficit = v_load(wakes->deficit + l), turbulence = v_load(wakes->added + l), free = v_load(wakes->speed + l);
        vd share = r.speed_factor - deficit;
        operation now = operate(turbine, share * free);
        energy += now.power * v_load(probability + l);
        if (w->keep) {
            v_store(w->deficit + at + l, deficit);
            v_store(w->turbulence + at + l, turbulence);
        }
        if (wakes->partials) {
            v_store(w->power_slope + at + l, now.power_slope * free);
            v_store(w->ct_slope + at + l, now.ct_slope * free);
        }
        FN(mpl_emit)(wakes, wakes->type[k], l, now.ct, turbulence, share, fields);
    }
    FN(mpl_widen)(wakes, k, fields);
    add_energy(w, k, energy);
    return energy;
}

/* Power of the own turbines over this direction's flow cases. */
static double sweep_down(sweep *w, int direction, int gradient)
{
    const mpl_flow *flow = &w->set->flow;
    const double *probability = flow->probability + flow->case_at[direction];
    vd energy = v_set(0);
    w->tape_used = 0;
    if (gradient) w->n_kept[0] = 0;
    for (int k = 0; k < w->farm->n; ++k) {
        receiver r = receiver_at(w, k);
        int m = FN(mpl_upstream)(&w->wakes, &r, k);
        if (gradient) choose_tape(w, k, m);
        vd own = m ? pass_waked(w, k, m, probability) : pass_free(w, k, probability);
        if (w->order[k] < w->farm->n_own) energy += own;
    }
    return v_sum(energy);
}

/* ---- and back */

/* The tape of receiver k, in order of its sources; how many. */
static int recall(sweep *w, int k, const double **tape, const int **list)
{
    if (w->tape_at[k] >= 0) {
        *tape = w->tape + w->tape_at[k];
        *list = w->kept_list + w->n_kept[k];
        return w->n_kept[k + 1] - w->n_kept[k];
    }
    receiver r = receiver_at(w, k);
    int m = FN(mpl_upstream)(&w->wakes, &r, k);
    w->wakes.tape = w->tape + KEPT_TAPE;
    FN(mpl_sum_wakes)(&w->wakes, &r, m);
    *tape = w->wakes.tape, *list = w->wakes.list;
    return m;
}

/* Derivatives of the objective by the summed deficit and turbulence of receiver k, into w->weight and w->added_weight. */
static void weigh_receiver(sweep *w, int k, const double *probability)
{
    const mpl_model *m = &w->set->model;
    size_t at = (size_t)k * (size_t)w->set->flow.n_lane_max;
    double own = w->order[k] < w->farm->n_own;
    for (int l = 0; l < w->wakes.n_lane; l += VL) {
        vd by_speed = own * v_load(probability + l) * v_load(w->power_slope + at + l)
                    + v_load(w->by_ct + at + l) * v_load(w->ct_slope + at + l) + v_load(w->by_speed + at + l);
        vd deficit = v_load(w->deficit + at + l), turbulence = v_load(w->turbulence + at + l);
        vd ambient = v_load(w->wakes.ambient + l), by_turbulence = v_load(w->by_turbulence + at + l);
        if (m->superposition == SQUARED_SUM) by_speed *= v_reciprocal(v_max(deficit, v_set(1e-100)));
        if (m->turbulence == CRESPO_HERNANDEZ)
            by_turbulence *= v_sqrt(v_max(turbulence * turbulence - ambient * ambient, v_set(0))) * v_reciprocal(turbulence);
        v_store(w->weight + l, -by_speed);
        v_store(w->added_weight + l, by_turbulence);
    }
}

/* Hand the derivatives of a value on to what it was made of: `by` (n_derivative, stride) at one vector of lanes. */
typedef struct {
    vd downwind, crosswind2;
} pull;

static inline void hand_on(sweep *w, int i, int l, vd weight, const double *by, int n_derivative, size_t stride, pull *sum)
{
    size_t at = (size_t)i * (size_t)w->set->flow.n_lane_max + (size_t)l;
    sum->downwind += weight * v_load(by + BY_DOWNWIND * stride);
    sum->crosswind2 += weight * v_load(by + BY_CROSSWIND2 * stride);
    if (!w->in_wake[i]) return; /* nothing upwind changes it */
    v_store(w->by_ct + at, v_load(w->by_ct + at) + weight * v_load(by + BY_CT * stride));
    if (n_derivative > BY_TURBULENCE)
        v_store(w->by_turbulence + at, v_load(w->by_turbulence + at) + weight * v_load(by + BY_TURBULENCE * stride));
    if (n_derivative > BY_SPEED)
        v_store(w->by_speed + at, v_load(w->by_speed + at) + weight * v_load(by + BY_SPEED * stride));
}

static void move_pair(sweep *w, int k, int i, pull sum)
{
    vd across = 2.0 * (w->wakes.c[k] - w->wakes.c[i]) * sum.crosswind2;
    double *s_k = w->by_s + (size_t)k * VL, *s_i = w->by_s + (size_t)i * VL;
    double *c_k = w->by_c + (size_t)k * VL, *c_i = w->by_c + (size_t)i * VL;
    v_store(s_k, v_load(s_k) + sum.downwind), v_store(s_i, v_load(s_i) - sum.downwind);
    v_store(c_k, v_load(c_k) + across), v_store(c_i, v_load(c_i) - across);
}

/* Where only the largest counts, each lane has a source of its own. */
static void hand_on_largest(sweep *w, int k, const int *list, const double *weight, const double *block, int n_derivative)
{
    size_t n = (size_t)w->wakes.n_lane, stride = (size_t)w->set->flow.n_lane_max;
    double *to[] = {NULL, NULL, w->by_ct, w->by_turbulence, w->by_speed};
    for (size_t l = 0; l < n; ++l) {
        const double *by = block + n + l;
        int i = list[(int)block[l]];
        pull one = {{by[BY_DOWNWIND * n] * weight[l]}, {by[BY_CROSSWIND2 * n] * weight[l]}};
        move_pair(w, k, i, one);
        if (!w->in_wake[i]) continue;
        for (int p = BY_CT; p < n_derivative; ++p) to[p][(size_t)i * stride + l] += weight[l] * by[(size_t)p * n];
    }
}

static void return_receiver(sweep *w, int k, const double *probability)
{
    const mpl_model *model = &w->set->model;
    const wakes *wakes = &w->wakes;
    size_t n = (size_t)wakes->n_lane;
    const double *tape;
    const int *list;
    int m = recall(w, k, &tape, &list);
    int deficit = model->superposition == LARGEST ? 0 : wakes->n_derivative;
    int added = model->turbulence == STF2017 ? wakes->n_turbulence_derivative : 0;
    weigh_receiver(w, k, probability);
    for (int u = 0; u < m && deficit + added > 0; ++u, tape += (size_t)(deficit + added) * n) {
        pull sum = {v_set(0), v_set(0)};
        for (int l = 0; l < wakes->n_lane; l += VL) {
            if (deficit) hand_on(w, list[u], l, v_load(w->weight + l), tape + l, deficit, n, &sum);
            if (added) hand_on(w, list[u], l, v_load(w->added_weight + l), tape + deficit * n + l, added, n, &sum);
        }
        move_pair(w, k, list[u], sum);
    }
    if (model->superposition == LARGEST) {
        hand_on_largest(w, k, list, w->weight, tape, wakes->n_derivative);
        tape += (size_t)(1 + wakes->n_derivative) * n;
    }
    if (model->turbulence == CRESPO_HERNANDEZ)
        hand_on_largest(w, k, list, w->added_weight, tape, wakes->n_turbulence_derivative);
}

static void sweep_back(sweep *w, int direction)
{
    const mpl_flow *flow = &w->set->flow;
    size_t n = (size_t)w->farm->n, each = n * (size_t)flow->n_lane_max * sizeof(double);
    double cosine = flow->cosine[direction], sine = flow->sine[direction];
    memset(w->by_speed, 0, each), memset(w->by_ct, 0, each), memset(w->by_turbulence, 0, each);
    memset(w->by_s, 0, n * VL * sizeof(double)), memset(w->by_c, 0, n * VL * sizeof(double));
    for (int k = w->farm->n - 1; k >= 0; --k)
        if (w->in_wake[k]) return_receiver(w, k, flow->probability + flow->case_at[direction]);
    for (size_t k = 0; k < n; ++k) {
        double by_s = v_sum(v_load(w->by_s + k * VL)), by_c = v_sum(v_load(w->by_c + k * VL));
        w->d_dx[w->order[k]] += -cosine * by_s + sine * by_c;
        w->d_dy[w->order[k]] += -sine * by_s - cosine * by_c;
    }
}

/* ---- the answer */

/* Effective speed and turbulence of each flow case, (n_lane, n). */
static void report_flow(const sweep *w, int direction, const mpl_answer *answer)
{
    size_t n = (size_t)w->farm->n, lanes = (size_t)w->set->flow.n_lane_max;
    size_t first = (size_t)w->set->flow.case_at[direction];
    for (size_t k = 0; k < n; ++k)
        for (size_t l = 0; l < (size_t)w->wakes.n_lane; ++l) {
            size_t to = (first + l) * n + (size_t)w->order[k];
            double share = w->set->turbine[w->wakes.type[k]].speed_factor - w->deficit[k * lanes + l];
            if (answer->speed) answer->speed[to] = share * w->wakes.speed[l];
            if (answer->turbulence) answer->turbulence[to] = w->turbulence[k * lanes + l];
        }
}

int FN(mpl_evaluate)(const mpl_setting *set, const mpl_farm *farm, const mpl_answer *answer)
{
    sweep w;
    void *memory;
    int gradient = answer->d_dx != NULL, flow = answer->speed || answer->turbulence;
    if (sweep_open(&w, &memory, set, farm, gradient)) return MPL_OUT_OF_MEMORY;
    w.keep = gradient || flow;
    for (int d = 0; d < set->flow.n_direction; ++d) {
        int same_cases = d > 0 && set->flow.speed_at[d] == set->flow.speed_at[d - 1];
        FN(mpl_wakes_direction)(&w.wakes, d);
        if (!same_cases) prepare_free(&w);
        sort_downwind(&w, set->flow.cosine[d], set->flow.sine[d]);
        double energy = sweep_down(&w, d, gradient);
        if (answer->direction_power) answer->direction_power[d] = energy;
        if (gradient) sweep_back(&w, d);
        if (flow) report_flow(&w, d, answer);
    }
    for (int i = 0; i < farm->n; ++i)
        if (answer->power) answer->power[i] = v_sum(v_load(w.power + (size_t)i * VL));
    if (gradient) {
        memcpy(answer->d_dx, w.d_dx, (size_t)farm->n_own * sizeof(double));
        memcpy(answer->d_dy, w.d_dy, (size_t)farm->n_own * sizeof(double));
    }
    free(memory);
    return 0;
}
