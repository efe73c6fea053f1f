/* The sum of wakes at a receiver (wakes.h): one loop over pairs for every model. */
#include <string.h>

#include "turbulence.h"

/* A wake that is the same in all lanes but for its amplitude: its profile is made once per pair. */
static int is_rigid(const mpl_model *m)
{
    if (m->k_turbulence != 0) return 0;
    return m->law == TOP_HAT || (m->law == GAUSSIAN && m->ct_limit == 0 && m->rotor == ROTOR_CENTRE && !m->mirror);
}

/* Rigid wakes, VL pairs at a time. Gaussian: narrow = 1 / sigma^2. */
static void shape_pairs(wakes *w, const receiver *r, int m)
{
    const mpl_model *model = &w->set->model;
    for (int u = 0; u < m; u += VL) {
        vd c2 = v_load(w->c2 + u), diameter = v_load(w->across + u);
        vd width = model->k * v_load(w->dw + u) + diameter * (model->law == TOP_HAT ? 0.5 : model->ceps);
        vd inverse = v_reciprocal(width), narrow = inverse * inverse;
        profile o;
        if (model->law == TOP_HAT) {
            o = top_hat_profile(w->tape != NULL, model->rotor, width, 0.5 * diameter, r->radius, v_sqrt(c2));
        } else {
            o.value = v_exp(-0.5 * narrow * c2);
            o.w = o.value * c2 * narrow * inverse;
            o.c2 = -0.5 * narrow * o.value;
        }
        v_store(w->shape + u, o.value);
        v_store(w->shape_dw + u, o.w * model->k);
        v_store(w->shape_c2 + u, o.c2);
        v_store(w->narrow + u, narrow);
        v_store(w->narrow_dw + u, -2.0 * model->k * narrow * inverse);
    }
}

static void place_pairs(wakes *w, int m)
{
    const mpl_model *model = &w->set->model;
    for (int u = 0; u < m; u += VL) {
        vd dw = v_load(w->dw + u), c2 = v_load(w->c2 + u);
        profile place, far = {v_set(0), v_set(0), v_set(0)};
        if (model->turbulence == STF2017) {
            vd diameter = v_load(w->across + u);
            stf_place(diameter, dw, c2, &place, &far);
        } else {
            crespo_place(model, dw, &place);
        }
        v_store(w->place + u, place.value), v_store(w->place_dw + u, place.w), v_store(w->place_c2 + u, place.c2);
        v_store(w->far + u, far.value), v_store(w->far_dw + u, far.w), v_store(w->far_c2 + u, far.c2);
    }
}

/* ---- the sums */

enum { RIGID = TURBOPARK + 1 };                  /* beside the laws of kernel.h */
enum { CENTRE, SERIES, TABLE, COVERED };         /* profile at a rotor */

/* Where derivatives of one receiver lie on the tape: of each pair, then of the largest ones, by lane. */
typedef struct {
    int deficit, added;                          /* derivatives per pair */
    size_t largest_deficit, largest_added;       /* where those blocks begin: index, then derivatives */
    size_t length;
} tape_plan;

static tape_plan plan_tape(const wakes *w, int m)
{
    const mpl_model *model = &w->set->model;
    size_t n = (size_t)w->n_lane;
    tape_plan p = {model->superposition == LARGEST ? 0 : w->n_derivative,
                   model->turbulence == STF2017 ? w->n_turbulence_derivative : 0, 0, 0, 0};
    p.largest_deficit = (size_t)m * (size_t)(p.deficit + p.added) * n;
    p.largest_added = p.largest_deficit + (model->superposition == LARGEST ? (size_t)(1 + w->n_derivative) * n : 0);
    p.length = p.largest_added + (model->turbulence == CRESPO_HERNANDEZ ? (size_t)(1 + w->n_turbulence_derivative) * n : 0);
    return p;
}

size_t FN(mpl_tape_length)(const wakes *w, int m) { return plan_tape(w, m).length; }

/* Keep the larger of *sum and the response's value, and with it which pair it came from. */
INLINE void keep_larger(const int partials, double *sum, response *t, int u, int n_derivative, double *block, int n_lane)
{
    vd before = v_load(sum);
    vi more = t->value > before;
    v_store(sum, v_max(t->value, before));
    if (!partials || !v_mask(more)) return;
    v_store(block, v_select(more, v_set(u), v_load(block)));
    for (int p = 0; p < n_derivative; ++p)
        v_store(block + (1 + p) * n_lane, v_select(more, t->by[p], v_load(block + (1 + p) * n_lane)));
}

/* One pair: the source's fields, and what is the same in all lanes. */
typedef struct {
    const double *fields;
    const mpl_turbine *source;
    double dw, c2[2]; /* c2: of the wake and of its mirror */
    int u, terms;     /* place in the list; of the disc mean's series */
} pair;

/* Width in the lanes at l. law and partials are constant where these are inlined. */
INLINE width width_of(const wakes *w, const mpl_model *m, const int law, const int partials, const pair *p, int l)
{
    const double *f = p->fields + l;
    if (law == TURBOPARK) return turbopark_width(w, partials, l, f, p->dw);
    vd k = m->k_turbulence != 0 ? v_load(f + K * w->n_lane) : v_set(m->k);
    if (law == TOP_HAT) return linear_width(m, k, v_set(p->source->rotor_diameter / 2), v_set(0), p->dw);
    return linear_width(m, k, v_load(f + WIDTH * w->n_lane), v_load(f + SLOPE * w->n_lane), p->dw);
}

/* The series needs as many terms as the smallest sigma asks for: all widths first, kept in w->sigma. */
INLINE int measure_widths(wakes *w, const mpl_model *m, double radius, const int law, const int partials, const pair *p)
{
    vd smallest = v_set(INFINITY);
    for (int l = 0; l < w->n_lane; l += VL) {
        width s = width_of(w, m, law, partials, p, l);
        smallest = v_min(smallest, s.value);
        v_store(w->sigma[0] + l, s.value);
        if (partials) v_store(w->sigma[1] + l, s.dw), v_store(w->sigma[2] + l, s.ct);
    }
    double r = radius * v_largest(v_reciprocal(smallest));
    return disc_terms(w->series, 0.5 * r * r);
}

INLINE width measured_width(const wakes *w, const mpl_model *m, const int partials, const pair *p, int l)
{
    width s = {.value = v_load(w->sigma[0] + l)};
    if (partials) s.dw = v_load(w->sigma[1] + l), s.ct = v_load(w->sigma[2] + l), s.turbulence = v_set(m->k_turbulence * p->dw);
    return s;
}

INLINE void gaussian_profiles(const wakes *w, const int profile_kind, const int partials, const int n_profile,
                              const pair *p, double radius, vd inverse, profile *o)
{
    vd half = 0.5 * inverse * inverse;
    if (profile_kind == TABLE) {
        disc_mean_table(n_profile, partials, &w->set->disc, inverse, radius, p->c2, o);
    } else if (profile_kind == SERIES) {
        disc_mean_series(n_profile, partials, p->terms, half, radius, p->c2, o);
    } else {
        for (int i = 0; i < n_profile; ++i) {
            o[i].value = v_exp(half * -p->c2[i]);
            if (partials) o[i].w = o[i].value * -p->c2[i], o[i].c2 = -half * o[i].value;
        }
    }
    if (partials)
        for (int i = 0; i < n_profile; ++i) o[i].w *= -2.0 * half * inverse; /* from w = 1 / (2 sigma^2) to sigma */
}

INLINE vd lacking(const wakes *w, const mpl_model *m, const pair *p, int l)
{
    return m->local_speed ? v_load(p->fields + SPEED * w->n_lane + l) : v_set(w->factor[p->u]);
}

/* Deficit of a rigid wake: the downwind distance itself stands for its width. */
INLINE response rigid_deficit(const wakes *w, const mpl_model *m, const int partials, const pair *p, int l)
{
    const double *f = p->fields + l;
    vd load = v_load(f + LOAD * w->n_lane), speed = lacking(w, m, p, l);
    amplitude a;
    if (m->law == TOP_HAT) {
        a = top_hat_amplitude(load, partials ? v_load(f + SLOPE * w->n_lane) : v_set(0), speed);
    } else {
        valued peak = deficit_of_load(m->induction, load * w->narrow[p->u]);
        vd by_load = speed * peak.slope;
        double load_slope = p->source->rotor_diameter * p->source->rotor_diameter / 8;
        a = (amplitude){speed * peak.value, by_load * load * w->narrow_dw[p->u],
                        by_load * w->narrow[p->u] * load_slope, peak.value};
    }
    profile o = {v_set(w->shape[p->u]), v_set(w->shape_dw[p->u]), v_set(w->shape_c2[p->u])};
    width dw = {v_set(0), v_set(1), v_set(0), v_set(0)};
    return deficit_of(partials, m->superposition == SQUARED_SUM, a, 1, &o, dw);
}

INLINE response flexible_deficit(const wakes *w, const mpl_model *m, const int law, const int profile_kind,
                                 const int n_profile, const int partials, const pair *p, double radius, width s, int l)
{
    const double *f = p->fields + l;
    vd load = v_load(f + LOAD * w->n_lane), speed = lacking(w, m, p, l);
    amplitude a;
    profile o[2];
    if (law == TOP_HAT) {
        double source_radius = p->source->rotor_diameter / 2;
        int rotor = profile_kind == COVERED ? ROTOR_MEAN : ROTOR_CENTRE;
        a = top_hat_amplitude(load, v_load(f + SLOPE * w->n_lane), speed);
        o[0] = top_hat_profile(partials, rotor, s.value, v_set(source_radius), radius, v_set(sqrt(p->c2[0])));
    } else {
        vd inverse = v_reciprocal(s.value);
        a = gaussian_amplitude(m, load, p->source->rotor_diameter * p->source->rotor_diameter / 8, inverse, speed);
        gaussian_profiles(w, profile_kind, partials, n_profile, p, radius, inverse, o);
    }
    return deficit_of(partials, m->superposition == SQUARED_SUM, a, n_profile, o, s);
}

/* Add one pair's deficit or turbulence to a sum, and leave its derivatives on the tape. */
INLINE void add(const int partials, double *sum, response *d, int n_derivative, double *tape, int n_lane)
{
    v_store(sum, v_load(sum) + d->value);
    if (partials) for (int b = 0; b < n_derivative; ++b) v_store(tape + b * n_lane, d->by[b]);
}

/* All lanes of all pairs, one loop for every model: law, profile_kind, n_profile and partials are constant where this
 * is inlined. */
INLINE void sum_pairs(wakes *w, const receiver *r, int m, const int law, const int profile_kind, const int n_profile,
                      const int partials)
{
    const mpl_model copy = w->set->model, *model = &copy; /* a store to a sum cannot change it */
    const int n = w->n_lane;
    const tape_plan plan = plan_tape(w, m);
    double *deficit = w->deficit, *added = w->added, *tape = w->tape;
    for (int u = m - 1; u >= 0; --u) { /* the nearest first */
        const int i = w->list[u];
        pair p = {w->source[i], &w->set->turbine[w->type[i]], w->dw[u], {w->c2[u], w->mirror2[u]}, u, 1};
        double *own = partials ? tape + (size_t)u * (size_t)(plan.deficit + plan.added) * (size_t)n : NULL;
        if (profile_kind == SERIES) p.terms = measure_widths(w, model, r->radius, law, partials, &p);
        for (int l = 0; l < n; l += VL) {
            width s;
            response d;
            if (law == RIGID) {
                d = rigid_deficit(w, model, partials, &p, l);
            } else {
                s = profile_kind == SERIES ? measured_width(w, model, partials, &p, l)
                                           : width_of(w, model, law, partials, &p, l);
                d = flexible_deficit(w, model, law, profile_kind, n_profile, partials, &p, r->radius, s, l);
            }
            if (model->superposition == LARGEST)
                keep_larger(partials, deficit + l, &d, u, w->n_derivative, tape + plan.largest_deficit + l, n);
            else
                add(partials, deficit + l, &d, plan.deficit, own + l, n);
            if (law == RIGID || model->turbulence == NO_TURBULENCE) continue;
            if (model->turbulence == STF2017) {
                response t = stf_added(w, partials, u, l, p.fields + l);
                add(partials, added + l, &t, plan.added, own + plan.deficit * n + l, n);
            } else if (r->radius > 0) {
                response t = crespo_added(w, partials, law == TOP_HAT ? 1 : 2, u, p.fields + l, r->radius, s,
                                          v_load(added + l));
                keep_larger(partials, added + l, &t, u, w->n_turbulence_derivative, tape + plan.largest_added + l, n);
            }
        }
    }
}

/* The combinations that exist. */
INLINE void sum_gaussian(wakes *w, const receiver *r, int m, const int law, const int profile_kind, const int partials)
{
    if (w->set->model.mirror) sum_pairs(w, r, m, law, profile_kind, 2, partials);
    else sum_pairs(w, r, m, law, profile_kind, 1, partials);
}

INLINE void sum_law(wakes *w, const receiver *r, int m, const int law, const int partials)
{
    int rotor_mean = w->set->model.rotor == ROTOR_MEAN;
    if (law == TOP_HAT && rotor_mean && r->radius > 0) sum_pairs(w, r, m, law, COVERED, 1, partials);
    else if (law == TOP_HAT) sum_pairs(w, r, m, law, CENTRE, 1, partials);
    else if (!rotor_mean) sum_gaussian(w, r, m, law, CENTRE, partials);
    else if (w->set->disc.cells) sum_gaussian(w, r, m, law, TABLE, partials); /* points too: as PyWake's */
    else sum_gaussian(w, r, m, law, SERIES, partials);
}

INLINE void sum_model(wakes *w, const receiver *r, int m, const int partials)
{
    const mpl_model *model = &w->set->model;
    if (is_rigid(model)) sum_pairs(w, r, m, RIGID, CENTRE, 1, partials);
    else if (model->law == TOP_HAT) sum_law(w, r, m, TOP_HAT, partials);
    else if (model->law == GAUSSIAN) sum_law(w, r, m, GAUSSIAN, partials);
    else sum_law(w, r, m, TURBOPARK, partials);
}

static void clear(wakes *w, int m)
{
    for (int l = 0; l < w->n_lane; l += VL) v_store(w->deficit + l, v_set(0)), v_store(w->added + l, v_set(0));
    if (!w->tape) return;
    tape_plan plan = plan_tape(w, m);
    memset(w->tape + plan.largest_deficit, 0, (plan.length - plan.largest_deficit) * sizeof(double));
}

void FN(mpl_sum_wakes)(wakes *w, const receiver *r, int m)
{
    const mpl_model *model = &w->set->model;
    clear(w, m);
    if (model->turbulence != NO_TURBULENCE) place_pairs(w, m);
    if (is_rigid(model)) shape_pairs(w, r, m);
    if (w->tape) sum_model(w, r, m, 1);
    else sum_model(w, r, m, 0);
    for (int l = 0; l < w->n_lane; l += VL) {
        vd sum = v_load(w->deficit + l), added = v_load(w->added + l), ambient = v_load(w->ambient + l);
        v_store(w->deficit + l, model->superposition == SQUARED_SUM ? v_sqrt(sum) : sum);
        v_store(w->added + l, model->turbulence == CRESPO_HERNANDEZ ? v_sqrt(ambient * ambient + added * added) : ambient + added);
    }
}
