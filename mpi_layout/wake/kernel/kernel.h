/* What the Python binding (binding.py) and the C files agree on. Lengths in m, speeds in m/s, power in W. */
#ifndef MPL_KERNEL_H
#define MPL_KERNEL_H

#include <stdint.h>

#define LANE_BLOCK 8 /* the lanes of a direction are padded to a multiple of this; every VL divides it */

/* The choices that make up a wake model; wake.h and turbulence.h say what each means. */
enum { TOP_HAT, GAUSSIAN, TURBOPARK };            /* shape and expansion of the wake */
enum { MADSEN, MOMENTUM };                        /* induction from thrust */
enum { ROTOR_CENTRE, ROTOR_MEAN };                /* where the receiver feels the deficit */
enum { SQUARED_SUM, LINEAR_SUM, LARGEST };        /* superposition */
enum { NO_TURBULENCE, STF2017, CRESPO_HERNANDEZ };/* turbulence added by wakes */

typedef struct {
    int law, induction, rotor, superposition, turbulence;
    int mirror;                       /* a mirror wake below ground, added as root-sum-square */
    int local_speed;                  /* the deficit is a share of the speed at the source, not of the free one */
    int crespo_induction;
    double k, k_turbulence;           /* expansion per downwind distance: k + k_turbulence * TI at the source */
    double ceps, ct_limit;            /* width at the rotor (GAUSSIAN, TURBOPARK) */
    double A, c1, c2;                 /* TURBOPARK */
    double stf[2], crespo[4];
} mpl_model;

/* One turbine type. Row r of the curves holds for speeds from speed_first + (r - 1) / speed_inverse_step on;
 * row 0 for everything below speed_first, the last one for everything above. */
typedef struct {
    double rotor_diameter, hub_height;
    double speed_factor;              /* free speed at hub height over that of the flow case */
    double cut_in, cut_out;           /* power and thrust vanish below and above */
    double speed_first, speed_inverse_step;
    const double *rows;               /* (n_row, 4): power, its rise within the row, ct, its rise */
    const double *kinks;              /* NULL, or (n_row, 4): place of a kink in the row, change of both rises, 0 */
    int n_row;
} mpl_turbine;

/* For each wind direction a list of flow cases, padded at its end. Directions may share one list of speeds.
 * downwind = -cosine x - sine y and crosswind = sine x - cosine y with the angle 90 deg - direction. */
typedef struct {
    const double *cosine, *sine;      /* (n_direction,) */
    const int *n_lane;                /* (n_direction,) flow cases of the direction, padded */
    const int *speed_at, *case_at;    /* (n_direction,) where its speeds and its probabilities begin */
    const double *speed, *turbulence; /* free wind speed and turbulence intensity, 64-byte aligned */
    const double *probability;        /* 64-byte aligned, zero in padding */
    int n_direction, n_lane_max;
} mpl_flow;

/* Mean of exp(-d^2/2) over a disc, in cells of radius and distance (in sigma) from 0 in equal steps; in each cell, with a
 * and b the places within it: value + by_a a + by_b b + by_ab a b. cells == NULL: the exact series instead (disc.h). */
typedef struct {
    const double *cells;              /* (n_radius, n_distance, 4): value, by_a, by_b, by_ab; 64-byte aligned */
    int n_radius, n_distance;
    double inverse_step;
} mpl_disc_table;

/* TurbOPark's H(y) (law.h): cubics in the place within each EXPANSION_ROWS-th of an octave, from y = 2^first_octave. */
#define EXPANSION_BITS 8
#define EXPANSION_ROWS (1 << EXPANSION_BITS)
typedef struct {
    const double *rows;               /* (n_octave * EXPANSION_ROWS, 4): coefficients, constant first; 64-byte aligned */
    int first_octave, n_octave;
} mpl_expansion;

typedef struct {
    mpl_model model;
    const mpl_turbine *turbine;       /* (n_turbine,) */
    mpl_flow flow;
    mpl_disc_table disc;
    mpl_expansion expansion;          /* for TURBOPARK */
    double cutoff;                    /* Gaussian wakes end where the rotor's near edge is this many sigma off the axis */
    int n_turbine;
} mpl_setting;

/* A farm: positions and types; the first n_own turbines count in the objective, the others only cast wakes. */
typedef struct {
    const double *x, *y;              /* (n,) */
    const int *type;                  /* (n,) */
    int n, n_own;
} mpl_farm;

/* What is asked of a farm; NULL where it is not. Powers are means over the flow cases, weighted by probability. */
typedef struct {
    double *power;                    /* (n,) of each turbine */
    double *direction_power;          /* (n_direction,) of the own turbines together */
    double *d_dx, *d_dy;              /* (n_own,) derivatives of the own turbines' power */
    double *speed, *turbulence;       /* (sum of n_lane over directions, n) by case_at: effective ones */
} mpl_answer;

/* The state of an incremental start: candidate points and the turbines placed so far. All arrays
 * belong to the caller; vectors over lanes are 64-byte aligned. Candidates and placed turbines have a type each. */
typedef struct {
    const double *candidate_x, *candidate_y; /* (n_candidate,) */
    const int *free;                         /* (n_free,) candidates that are still asked for */
    double *energy;                          /* (n_candidate, n_direction): sum over lanes of power * probability, W */
    double *placed_x, *placed_y;             /* (n_max,) */
    int *placed_type;                        /* (n_max,) */
    int *order;                              /* (n_direction, n_max): placed turbines from upwind to downwind */
    double *source;                          /* (n_max, source_doubles) wakes of the placed turbines */
    int n_candidate, n_free, n_placed, n_max, type;
} mpl_start;

/* What is asked of a farm whose turbine `moved`, one of its own, stands at each of the candidate points in turn. */
typedef struct {
    mpl_farm farm;
    const double *candidate_x, *candidate_y; /* (n_candidate,) */
    double *power;                    /* (n_candidate,) of the own turbines together, as in mpl_answer */
    int n_candidate, moved;
} mpl_relocation;

/* Where turbines may stand: the edges of all rings, the area on the left of each, in lists: of edges that may be nearest to a
 * point of a cell, of all edges, and of the edges that each row of cells meets. The cells lie over the area and around
 * it. Lists are padded to LANE_BLOCK by edges without length. */
typedef struct {
    const double *ax, *ay, *bx, *by;  /* 64-byte aligned, as is the next */
    const double *inverse;            /* 1 / length^2; 0 for edges without length */
    const int *list_at;               /* (n_list + 1,) where each list begins, and the last one ends */
    const int *list_of;               /* (n_row n_column,) the list of each cell */
    const signed char *side;          /* (n_row n_column,) 1 if the cell lies inside, -1 if outside, 0: see its edges */
    double x_first, y_first;          /* corner of the first cell */
    double inverse_width, inverse_height; /* of a cell */
    int n_column, n_row;
    int all_list;                     /* the list of all edges; those of the rows follow */
} mpl_region;

/* Two turbines (dx, dy) apart keep the spacing if xx dx^2 + 2 xy dx dy + yy dy^2 >= least^2; 1, 0, 1 for plain distances. */
typedef struct {
    double xx, xy, yy, least;
} mpl_spacing;

/* A random walk of single turbines among layouts, ever colder (anneal.c). All own turbines are of type 0, neighbours of the
 * others, sorted by type, those of each padded to a multiple of LANE_BLOCK with NaN.
 * Axes are wind directions, each with its opposite where that is one too; n_real of them, padded to n_axis. */
typedef struct {
    double *x, *y;                    /* (n,) */
    const double *other_x, *other_y;  /* (sum of n_other,) turbines that stand still */
    const int *n_other;               /* (n_turbine types,) */
    const double *ct;                 /* (n_turbine types,) thrust, the same at all wind speeds */
    const double *cosine, *sine;      /* (n_real,) */
    const double *power;              /* (2, n_axis, n_row, 4) cubics: power in the direction, or its opposite, against deficit; aligned */
    double rows_per_deficit;
    const mpl_region *region;
    const mpl_spacing *spacing;
    double depth;                     /* m, inside the area, where a turbine is put that would be outside */
    double hottest, coldest;          /* temperature at the beginning and at the end, W */
    double step, step_range;          /* largest move, m; logarithm of the ratio to the smallest */
    double jumps, along;              /* share of moves to anywhere, and along an axis */
    double x_min, x_max, y_min, y_max;
    double power_now, power_summed;   /* of the farm at the end, W: computed anew, and by the gains of its moves */
    uint64_t *random;                 /* (4,) state, not all zero */
    int64_t n_move, n_tried, n_accepted;
    int n, n_axis, n_real, n_row;
    int n_try;                        /* places that a turbine tries in its turn */
    int harmful;                      /* whether no power rises with a deficit */
} mpl_walk;

#define MPL_OUT_OF_MEMORY 1

#ifdef ISA
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, ISA)
int FN(mpl_evaluate)(const mpl_setting *, const mpl_farm *, const mpl_answer *);
int FN(mpl_start_add)(const mpl_setting *, mpl_start *, double x, double y, int type);
int FN(mpl_relocate)(const mpl_setting *, const mpl_relocation *);
void FN(mpl_signed_distance)(const mpl_region *, int n, const double *x, const double *y, double *distance, double *near_x,
                             double *near_y);
double FN(mpl_penalty)(const mpl_region *, const mpl_spacing *, int n, const double *x, const double *y, double *d_dx,
                       double *d_dy);
void FN(mpl_inset)(const mpl_region *, double depth, int n, double *x, double *y);
int FN(mpl_settle)(const mpl_region *, const mpl_spacing *, double depth, int most, int n, double *x, double *y);
int FN(mpl_anneal)(const mpl_setting *, mpl_walk *);
#endif

#endif
