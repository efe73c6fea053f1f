/* The sources of one direction, and which of them reach a receiver (wakes.h). */
#include "turbulence.h"

/* ---- memory and what is prepared once */

void FN(mpl_wakes_layout)(wakes *w, arena *a, const mpl_setting *set, int n)
{
    size_t lanes = (size_t)set->flow.n_lane_max, m = (size_t)n + 2 * VL;
    w->alpha = take_doubles(a, lanes), w->h_alpha = take_doubles(a, lanes);
    w->deficit = take_doubles(a, lanes), w->added = take_doubles(a, lanes);
    for (int i = 0; i < 3; ++i) w->sigma[i] = take_doubles(a, lanes);
    w->s = take_doubles(a, m), w->c = take_doubles(a, m), w->diameter = take_doubles(a, m);
    w->height = take_doubles(a, m), w->speed_factor = take_doubles(a, m);
    w->type = take(a, m * sizeof(int)), w->list = take(a, m * sizeof(int));
    w->source = take(a, m * sizeof(double *));
    w->base = take_doubles(a, m), w->slope = take_doubles(a, m);
    double **of_pairs[] = {&w->dw, &w->c2, &w->across, &w->mirror2, &w->factor, &w->shape, &w->shape_dw, &w->shape_c2,
                           &w->narrow, &w->narrow_dw, &w->place, &w->place_dw, &w->place_c2, &w->far, &w->far_dw, &w->far_c2};
    for (size_t i = 0; i < sizeof of_pairs / sizeof *of_pairs; ++i) *of_pairs[i] = take_doubles(a, m);
    w->start_reach = take_doubles(a, (size_t)set->n_turbine);
    w->series = take(a, sizeof(disc_series));
}

static double largest_ct(const mpl_turbine *turbine)
{
    double ct = 1e-20;
    for (int r = 0; r < turbine->n_row; ++r) ct = fmax(ct, turbine->rows[4 * r + 2]);
    if (turbine->kinks) /* a point of the table within a row may be higher than both ends */
        for (int r = 0; r < turbine->n_row; ++r)
            ct = fmax(ct, turbine->rows[4 * r + 2] + turbine->kinks[4 * r] * turbine->rows[4 * r + 3]);
    return ct;
}

/* Tangents to sigma / D of TurbOPark's wake for the greatest thrust and turbulence. Since d sigma / dz = A I with I the
 * turbulence within the wake, which grows with both and decays with z, sigma grows with both and is concave in z. */
static void prepare_tangents(wakes *w, double ct_max)
{
    static const double touch[N_TANGENT] = {2, 8, 25, 80};
    const mpl_model *m = &w->set->model;
    const mpl_flow *flow = &w->set->flow;
    double ti = 0;
    for (int d = 0; d < flow->n_direction; ++d)
        for (int l = 0; l < flow->n_lane[d]; ++l) ti = fmax(ti, flow->turbulence[flow->speed_at[d] + l]);
    double alpha = m->c1 * ti, beta = m->c2 * ti / sqrt(ct_max), scale = m->A * sqrt(ct_max) / m->c2;
    double start = width_at_rotor(m, 0, v_set(ct_max)).value[0], h_alpha = turbopark_h(v_set(alpha))[0];
    for (int t = 0; t < N_TANGENT; ++t) {
        double y = alpha + beta * touch[t], slope = scale * beta * sqrt(y * y + 1) / y;
        w->tangent_slope[t] = slope;
        w->tangent_base[t] = start + scale * (turbopark_h(v_set(y))[0] - h_alpha) - slope * touch[t];
    }
}

void FN(mpl_wakes_prepare)(wakes *w, const mpl_setting *set, int partials)
{
    const mpl_model *m = &set->model;
    double ct_max = 0, largest = 0, smallest = INFINITY;
    w->set = set, w->partials = partials, w->tape = NULL;
    w->cutoff = m->law == TOP_HAT ? 1 : set->cutoff;
    for (int t = 0; t < set->n_turbine; ++t) {
        const mpl_turbine *turbine = &set->turbine[t];
        double ct = largest_ct(turbine);
        w->start_reach[t] = m->law == TOP_HAT ? turbine->rotor_diameter / 2
                          : w->cutoff * width_at_rotor(m, 0, v_set(ct)).value[0] * turbine->rotor_diameter;
        ct_max = fmax(ct_max, ct);
        largest = fmax(largest, turbine->rotor_diameter), smallest = fmin(smallest, turbine->rotor_diameter);
    }
    if (m->law == TURBOPARK) prepare_tangents(w, ct_max);
    if (m->law != TOP_HAT) *(disc_series *)w->series = disc_prepare(0.5 * largest / (m->ceps * smallest));
    w->n_derivative = m->local_speed ? 5 : m->k_turbulence != 0 ? 4 : 3;
    w->n_turbulence_derivative = m->turbulence == NO_TURBULENCE ? 0 : m->turbulence == STF2017 ? 3 : 4;
}

void FN(mpl_wakes_direction)(wakes *w, int d)
{
    const mpl_flow *flow = &w->set->flow;
    w->n_lane = flow->n_lane[d];
    w->speed = flow->speed + flow->speed_at[d], w->ambient = flow->turbulence + flow->speed_at[d];
    if (w->set->model.law != TURBOPARK) return;
    for (int l = 0; l < w->n_lane; l += VL) {
        vd alpha = w->set->model.c1 * v_load(w->ambient + l);
        v_store(w->alpha + l, alpha);
        v_store(w->h_alpha + l, turbopark_h(alpha));
    }
}

/* ---- sources */

void FN(mpl_place)(wakes *w, int i, int type, double s, double c)
{
    const mpl_turbine *turbine = &w->set->turbine[type];
    w->s[i] = s, w->c[i] = c, w->type[i] = type;
    w->diameter[i] = turbine->rotor_diameter, w->height[i] = turbine->hub_height;
    w->speed_factor[i] = turbine->speed_factor;
    w->base[i] = w->start_reach[type], w->slope[i] = w->cutoff * w->set->model.k;
}

void FN(mpl_emit)(const wakes *w, int type, int l, vd ct, vd turbulence, vd speed, double *fields)
{
    const mpl_turbine *turbine = &w->set->turbine[type];
    emit_wake(w, turbine, l, ct, turbulence, speed, fields + l);
    emit_turbulence(w, turbine, l, ct, fields + l);
    if (w->partials) v_store(fields + HALF_CT * w->n_lane + l, 0.5 * v_reciprocal(v_max(ct, v_set(1e-20))));
}

/* A wake that widens with the turbulence at its source reaches as far as its widest lane. */
void FN(mpl_widen)(wakes *w, int i, const double *fields)
{
    if (w->set->model.k_turbulence == 0) return;
    vd k = v_load(fields + K * w->n_lane);
    for (int l = VL; l < w->n_lane; l += VL) k = v_max(k, v_load(fields + K * w->n_lane + l));
    w->slope[i] = w->cutoff * v_largest(k);
}

/* ---- who reaches whom */

/* How far from the axis a wake is felt by a rotor's centre, less the rotor's radius: that of the deficit, or where the
 * wedge in which turbulence is added (STF2017) is wider, that. The edge of the wedge is z tan((atan(D/z) + 10 deg) / 2), which
 * is never more than 0.5048 D above z tan 5 deg. */
#define WEDGE_SLOPE 0.08748866352592401 /* tan 5 deg */
#define WEDGE_BASE 0.505

/* base, slope: of the source's wake; TurbOPark's all lie below tangents that scale with the diameter. */
static inline vd reach(const wakes *w, vd base, vd slope, vd diameter, vd dw)
{
    if (w->set->model.law != TURBOPARK) return base + slope * dw;
    vd sigma = w->tangent_base[0] * diameter + w->tangent_slope[0] * dw;
    for (int t = 1; t < N_TANGENT; ++t) sigma = v_min(sigma, w->tangent_base[t] * diameter + w->tangent_slope[t] * dw);
    return w->cutoff * sigma;
}

static inline vi within(const wakes *w, double radius, vd base, vd slope, vd diameter, vd dw, vd away)
{
    vi near = away < reach(w, base, slope, diameter, dw) + radius;
    if (w->set->model.turbulence == STF2017) near |= away < WEDGE_BASE * diameter + WEDGE_SLOPE * dw;
    return near & (dw > -1e-10);
}

int FN(mpl_upstream)(wakes *w, const receiver *r, int n)
{
    const mpl_model *model = &w->set->model;
    int m = 0, at_receiver = model->law == TURBOPARK;
    double radius = model->rotor == ROTOR_MEAN || model->law == TOP_HAT ? r->radius : 0;
    for (int i = 0; i < n; i += VL) {
        vd dw = r->s - v_load(w->s + i), hcw = v_load(w->c + i) - r->c, away = v_abs(hcw);
        vd diameter = v_load(w->diameter + i);
        unsigned hits = v_mask(within(w, radius, v_load(w->base + i), v_load(w->slope + i), diameter, dw, away));
        if (n - i < VL) hits &= (1u << (n - i)) - 1;
        if (!hits) continue;
        vd height = v_load(w->height + i), up = r->height - height, sum = r->height + height;
        i_pack(w->list + m, hits, i);
        v_pack(w->dw + m, hits, v_max(dw, v_set(0)));
        v_pack(w->across + m, hits, diameter);
        v_pack(w->c2 + m, hits, hcw * hcw + up * up);
        v_pack(w->mirror2 + m, hits, hcw * hcw + sum * sum);
        v_pack(w->factor + m, hits, at_receiver ? v_set(r->speed_factor) : v_load(w->speed_factor + i));
        m += __builtin_popcount(hits);
    }
    for (int u = m; u % VL; ++u) w->dw[u] = w->c2[u] = w->mirror2[u] = w->across[u] = 1;
    return m;
}

int FN(mpl_downstream)(const wakes *w, int k, double radius, int n, const double *s, const double *c, int *hit)
{
    vd base = v_set(w->base[k]), slope = v_set(w->slope[k]), diameter = v_set(w->diameter[k]);
    int m = 0;
    for (int i = 0; i < n; i += VL) {
        vd dw = v_load(s + i) - w->s[k], away = v_abs(v_load(c + i) - w->c[k]);
        unsigned hits = v_mask(within(w, radius, base, slope, diameter, dw, away));
        if (n - i < VL) hits &= (1u << (n - i)) - 1;
        for (; hits; hits &= hits - 1) hit[m++] = i + __builtin_ctz(hits);
    }
    return m;
}
