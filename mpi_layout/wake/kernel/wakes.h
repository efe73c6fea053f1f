/* The wakes of one wind direction: which turbines cast them, and what a turbine or a point behind them feels.
 *
 * farm.c and start.c put sources in, from upwind to downwind, and ask for sums at receivers. Speeds are shares
 * of the flow case's free speed; lanes are the flow cases of the direction.
 */
#ifndef MPL_WAKES_H
#define MPL_WAKES_H

#include <stddef.h>

#include "kernel.h"
#include "simd.h"

/* What a receiver needs to know of a source, one vector over lanes each; law.h and turbulence.h fill and read them. */
enum {
    K,         /* expansion per distance; TurbOPark: y per distance */
    WIDTH,     /* width at the rotor, m; TurbOPark: less S H(alpha) */
    LOAD,      /* Gaussian: ct D^2 / 8; top hat: 2 a(ct) */
    SPEED,     /* effective speed, where the deficit is a share of it */
    SCALE,     /* TurbOPark: S = A D sqrt(ct) / c2 */
    ADDED,     /* turbulence: STF 1 / sqrt(ct), Crespo-Hernandez the strength at a distance of 1 m */
    /* for derivatives only: */
    START,     /* TurbOPark: width at the rotor, m */
    SLOPE,     /* of WIDTH by ct; top hat: of LOAD by ct */
    HALF_CT,   /* 1 / (2 ct) */
    ADDED_SLOPE, /* Crespo-Hernandez: of ADDED by ct */
    N_FIELD
};

/* On the tape, for each source of a receiver: derivatives of its deficit (of half its square where squares are
 * summed) and of the turbulence that it adds. */
enum { BY_DOWNWIND, BY_CROSSWIND2, BY_CT, BY_TURBULENCE, BY_SPEED, N_DERIVATIVE };
enum { N_TANGENT = 4 };

typedef struct {
    double s, c;                  /* downwind and crosswind, m */
    double height, radius;        /* of the rotor; radius 0: a point */
    double speed_factor;
} receiver;

typedef struct {
    const mpl_setting *set;
    int partials;                 /* whether derivatives will be asked for */
    int n_lane;                   /* of the direction at hand */
    const double *speed, *ambient;/* (n_lane,) free speed, turbulence intensity */
    double *alpha, *h_alpha;      /* (n_lane,) TurbOPark: c1 TI and H of it */
    /* sources, by position in the order from upwind to downwind */
    double *s, *c, *diameter, *height, *speed_factor; /* (n,) m, 1 */
    int *type;                    /* (n,) */
    const double **source;        /* (n,) -> (N_FIELD, n_lane) */
    double *base, *slope;         /* (n,) how far from its axis a wake reaches, but for TurbOPark: base + slope * dw, m */
    /* the receiver at hand: m sources, and for each */
    int *list;                    /* (n,) position in the order */
    double *dw, *c2, *mirror2, *factor, *across;                  /* distances, the speed that a deficit is a share of, diameter */
    double *shape, *shape_dw, *shape_c2, *narrow, *narrow_dw;     /* of wakes that are the same in all lanes */
    double *place, *place_dw, *place_c2, *far, *far_dw, *far_c2;  /* of the added turbulence, turbulence.h */
    double *sigma[3];             /* (n_lane,) widths and their slopes, sums.c */
    /* sums at the receiver, over lanes */
    double *deficit, *added;      /* (n_lane,) */
    double *tape;                 /* NULL, or where derivatives go */
    int n_derivative, n_turbulence_derivative;
    double cutoff;                /* in widths of the wake */
    double tangent_base[N_TANGENT], tangent_slope[N_TANGENT]; /* of TurbOPark's sigma / D, the widest one */
    double *start_reach;          /* (n_turbine types,) at the rotor, m */
    void *series;                 /* disc_series, disc.h */
} wakes;

/* Memory is laid out twice by the same code: first to measure, with no base, then to hand out. */
typedef struct {
    char *base;
    size_t used;
} arena;

static inline void *take(arena *a, size_t bytes)
{
    void *p = a->base ? a->base + a->used : NULL;
    a->used += (bytes + 63) / 64 * 64;
    return p;
}

static inline double *take_doubles(arena *a, size_t n) { return take(a, n * sizeof(double)); }

/* Room for n sources; then once per setting, once per direction. */
#ifdef ISA
void FN(mpl_wakes_layout)(wakes *w, arena *a, const mpl_setting *set, int n);
void FN(mpl_wakes_prepare)(wakes *w, const mpl_setting *set, int partials);
void FN(mpl_wakes_direction)(wakes *w, int direction);

/* Set the wake of the source at a position: one vector of lanes of its fields at a time, then how far it reaches. */
void FN(mpl_emit)(const wakes *w, int type, int lane, vd ct, vd ct_turbulence, vd speed, double *fields);
void FN(mpl_widen)(wakes *w, int position, const double *fields);

/* Put a source at a position. */
void FN(mpl_place)(wakes *w, int position, int type, double s, double c);

/* The sources among the first n that reach a receiver, into w->list, with their distances; how many. */
int FN(mpl_upstream)(wakes *w, const receiver *r, int n);
/* Which of n points (s, c; padded to a vector) with rotors of `radius` the source at a position reaches. */
int FN(mpl_downstream)(const wakes *w, int position, double radius, int n, const double *s, const double *c, int *hit);

/* Sum the wakes of the m listed sources at the receiver: w->deficit becomes what is lacking of the speed, w->added the
 * effective turbulence intensity. */
void FN(mpl_sum_wakes)(wakes *w, const receiver *r, int m);
/* Doubles on the tape of a receiver with m sources. */
size_t FN(mpl_tape_length)(const wakes *w, int m);
#endif

#endif
