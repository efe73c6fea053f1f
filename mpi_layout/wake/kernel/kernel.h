/* What the Python binding (binding.py) and the C files agree on. Lengths in m, speeds in m/s, power in W. */
#ifndef MPL_KERNEL_H
#define MPL_KERNEL_H

#define LANE_BLOCK 8 /* wind speeds are padded to a multiple of this; every VL divides it */

/* TurbOPark with Gaussian wakes: N. G. Nygaard et al. (2022), J. Phys. Conf. Ser. 2265, 022008. */
typedef struct {
    double A, c1, c2, ceps, ct_limit;
    double turbulence_intensity;
} mpl_turbopark;

/* One turbine type; curves are tabulated at speed_first + k / speed_per_m_s, k = 0 .. n_curve-1. */
typedef struct {
    double rotor_diameter, hub_height;
    double speed_first, speed_inverse_step;
    const double *power, *ct;
    int n_curve;
} mpl_turbine;

/* All combinations of n_direction wind directions and n_lane wind speeds (the last ones padding).
 * downwind = -cosine x - sine y and crosswind = sine x - cosine y with the angle 90 deg - direction. */
typedef struct {
    const double *cosine, *sine; /* (n_direction,) */
    const double *speed;         /* (n_lane,), 64-byte aligned */
    const double *probability;   /* (n_direction, n_lane), 64-byte aligned, zero in padding lanes */
    int n_direction, n_lane;
} mpl_flow;

/* Mean of exp(-d^2/2) over a disc, tabulated on radius and distance (in sigma) from 0 in equal steps.
 * values == NULL: the exact series instead (disc.h). */
typedef struct {
    const double *values; /* (n_radius, n_distance) */
    int n_radius, n_distance;
    double inverse_step;
} mpl_disc_table;

typedef struct {
    mpl_turbopark model;
    mpl_turbine turbine;
    mpl_flow flow;
    mpl_disc_table disc;
    double cutoff; /* wakes end where the rotor's near edge is this many sigma off the axis */
} mpl_setting;

/* The state of an incremental start: candidate points and the turbines placed so far. All arrays
 * belong to the caller; vectors over lanes are 64-byte aligned. */
typedef struct {
    const double *candidate_x, *candidate_y; /* (n_candidate,) */
    const int *free;                         /* (n_free,) candidates that are still asked for */
    double *energy;                          /* (n_candidate, n_direction): sum over lanes of power * probability, W */
    double *placed_x, *placed_y;             /* (n_max,) */
    int *order;                              /* (n_direction, n_max): placed turbines from upwind to downwind */
    double *source;                          /* (n_direction, n_max, 4, n_lane) wake of each placed turbine */
    int n_candidate, n_free, n_placed, n_max;
} mpl_start;

#define MPL_OUT_OF_MEMORY 1

#ifdef ISA
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, ISA)
int FN(mpl_farm_power)(const mpl_setting *, int n, const double *x, const double *y, double *power);
int FN(mpl_farm_speed)(const mpl_setting *, int n, const double *x, const double *y, double *speed);
int FN(mpl_start_add)(const mpl_setting *, mpl_start *, double x, double y);
#endif

#endif
