"""The structures of kernel.h for ctypes, field by field."""

from ctypes import POINTER, Structure, c_byte, c_double, c_int, c_int64, c_uint64

DOUBLES = POINTER(c_double)
INTS = POINTER(c_int)


class ModelStruct(Structure):
    """mpl_model: the parts of a wake model."""

    _fields_ = [
        *(
            (name, c_int)
            for name in (
                *("law", "induction", "rotor", "superposition", "turbulence"),
                *("mirror", "local_speed", "crespo_induction"),
            )
        ),
        *((name, c_double) for name in ("k", "k_turbulence", "ceps", "ct_limit", "A", "c1", "c2")),
        ("stf", c_double * 2),
        ("crespo", c_double * 4),
    ]


class TurbineStruct(Structure):
    """mpl_turbine: a turbine type and its curves."""

    _fields_ = [
        *((name, c_double) for name in ("rotor_diameter", "hub_height", "speed_factor", "cut_in", "cut_out")),
        *((name, c_double) for name in ("speed_first", "speed_inverse_step")),
        ("rows", DOUBLES),
        ("kinks", DOUBLES),
        ("n_row", c_int),
    ]


class FlowStruct(Structure):
    """mpl_flow: flow cases in lanes."""

    _fields_ = [
        *((name, DOUBLES) for name in ("cosine", "sine")),
        *((name, INTS) for name in ("n_lane", "speed_at", "case_at")),
        *((name, DOUBLES) for name in ("speed", "turbulence", "probability")),
        *((name, c_int) for name in ("n_direction", "n_lane_max")),
    ]


class DiscTableStruct(Structure):
    """mpl_disc_table: mean of a Gaussian over a disc."""

    _fields_ = [("cells", DOUBLES), ("n_radius", c_int), ("n_distance", c_int), ("inverse_step", c_double)]


class ExpansionStruct(Structure):
    """mpl_expansion: the function that TurbOPark's wakes widen by."""

    _fields_ = [("rows", DOUBLES), ("first_octave", c_int), ("n_octave", c_int)]


class SettingStruct(Structure):
    """mpl_setting: everything but positions."""

    _fields_ = [
        ("model", ModelStruct),
        ("turbine", POINTER(TurbineStruct)),
        ("flow", FlowStruct),
        ("disc", DiscTableStruct),
        ("expansion", ExpansionStruct),
        ("cutoff", c_double),
        ("n_turbine", c_int),
    ]


class FarmStruct(Structure):
    """mpl_farm: positions and types."""

    _fields_ = [("x", DOUBLES), ("y", DOUBLES), ("type", INTS), ("n", c_int), ("n_own", c_int)]


class AnswerStruct(Structure):
    """mpl_answer: what is asked for, NULL where it is not."""

    _fields_ = [(n, DOUBLES) for n in ("power", "direction_power", "d_dx", "d_dy", "speed", "turbulence")]


class StartStruct(Structure):
    """mpl_start: candidate points and the turbines placed so far."""

    _fields_ = [
        *((name, DOUBLES) for name in ("candidate_x", "candidate_y")),
        ("free", INTS),
        *((name, DOUBLES) for name in ("energy", "placed_x", "placed_y")),
        *((name, INTS) for name in ("placed_type", "order")),
        ("source", DOUBLES),
        *((name, c_int) for name in ("n_candidate", "n_free", "n_placed", "n_max", "type")),
    ]


class RelocationStruct(Structure):
    """mpl_relocation: candidate points of one turbine, and the farm's power with it at each."""

    _fields_ = [
        ("farm", FarmStruct),
        *((name, DOUBLES) for name in ("candidate_x", "candidate_y", "power")),
        *((name, c_int) for name in ("n_candidate", "moved")),
    ]


class RegionStruct(Structure):
    """mpl_region: where turbines may stand."""

    _fields_ = [
        *((name, DOUBLES) for name in ("ax", "ay", "bx", "by", "inverse")),
        *((name, INTS) for name in ("list_at", "list_of")),
        ("side", POINTER(c_byte)),
        *((name, c_double) for name in ("x_first", "y_first", "inverse_width", "inverse_height")),
        *((name, c_int) for name in ("n_column", "n_row", "all_list")),
    ]


class SpacingStruct(Structure):
    """mpl_spacing: how far apart they have to be."""

    _fields_ = [(name, c_double) for name in ("xx", "xy", "yy", "least")]


class WalkStruct(Structure):
    """mpl_walk: a random walk among layouts, ever colder."""

    _fields_ = [
        *((name, DOUBLES) for name in ("x", "y", "other_x", "other_y")),
        ("n_other", INTS),
        *((name, DOUBLES) for name in ("ct", "cosine", "sine", "power")),
        ("rows_per_deficit", c_double),
        ("region", POINTER(RegionStruct)),
        ("spacing", POINTER(SpacingStruct)),
        *(
            (name, c_double)
            for name in ("depth", "hottest", "coldest", "step", "step_range", "jumps", "along")
        ),
        *((name, c_double) for name in ("x_min", "x_max", "y_min", "y_max")),
        *((name, c_double) for name in ("power_now", "power_summed")),
        ("random", POINTER(c_uint64)),
        *((name, c_int64) for name in ("n_move", "n_tried", "n_accepted")),
        *((name, c_int) for name in ("n", "n_axis", "n_real", "n_row", "n_try", "harmful")),
    ]
