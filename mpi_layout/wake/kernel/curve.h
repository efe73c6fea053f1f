/* A turbine's power and thrust at VL wind speeds, with their slopes: linear between the points of its tables. */
#ifndef MPL_CURVE_H
#define MPL_CURVE_H

#include "kernel.h"
#include "simd.h"

typedef struct {
    vd power, power_slope; /* W, W/(m/s) */
    vd ct, ct_slope;       /* 1, 1/(m/s) */
} operation;

static inline operation operate(const mpl_turbine *turbine, vd speed)
{
    vd t = (speed - turbine->speed_first) * turbine->speed_inverse_step + 1.0;
    t = v_min(v_max(t, v_set(0.0)), v_set(turbine->n_row - 1.0));
    vidx row = v_truncate(t);
    vd within = t - v_float(row), at[4];
    v_rows(turbine->rows, row, at);
    if (turbine->kinks) { /* at most one point of the tables lies within a row */
        vd kink[4];
        v_rows(turbine->kinks, row, kink);
        vd beyond = within - kink[0];
        vi behind = beyond > 0;
        vd power_turn = v_if(behind, kink[1]), ct_turn = v_if(behind, kink[2]);
        at[0] += beyond * power_turn - within * power_turn, at[1] += power_turn;
        at[2] += beyond * ct_turn - within * ct_turn, at[3] += ct_turn;
    }
    vi running = (speed >= turbine->cut_in) & (speed <= turbine->cut_out);
    double per_speed = turbine->speed_inverse_step;
    return (operation){v_if(running, at[0] + within * at[1]), v_if(running, at[1] * per_speed),
                       v_if(running, at[2] + within * at[3]), v_if(running, at[3] * per_speed)};
}

#endif
