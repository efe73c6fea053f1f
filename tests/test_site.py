"""Wind, turbine types and areas, against PyWake where it knows the answer."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely
import xarray as xr

from mpi_layout.site.area import Area, overlapping, ring_fault
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite

TYPES = [(10, 195, 121), (11, 205, 128), (12, 214, 133), (13, 223, 139), (14, 231, 144), (15, 240, 150)]

A = [8.65, 7.98, 11.05, 11.31, 12.2, 12.26, 12.61, 13.05, 12.61, 12.06, 12.24, 11.95]
K = [1.77, 1.87, 2.25, 2.23, 2.41, 2.48, 2.27, 2.26, 2.08, 2.12, 2.25, 2.25]
F = [0.032, 0.03, 0.052, 0.078, 0.074, 0.059, 0.082, 0.116, 0.13, 0.117, 0.121, 0.109]

SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4)]


def site(lookup: str, every: int = 1, ti: float = 0.1) -> WeibullSite:
    direction, probability = np.linspace(0, 360, 12 // every, endpoint=False), np.array(F[::every])
    return WeibullSite(direction, A[::every], K[::every], probability / probability.sum(), ti, lookup)


def pywake_probability(ours: WeibullSite, direction, speed):
    from py_wake.site import XRSite

    data = xr.Dataset(
        {
            "Weibull_A": ("wd", ours.weibull_a),
            "Weibull_k": ("wd", ours.weibull_k),
            "Sector_frequency": ("wd", ours.sector_probability),
            "TI": ours.turbulence_intensity,
        },
        coords={"wd": ours.direction},
    )
    wind = XRSite(data, interp_method=ours.lookup).local_wind(
        x=[0.0], y=[0.0], h=[100.0], wd=direction, ws=speed
    )
    return np.asarray(wind.P_ilk)[0]


@pytest.mark.parametrize(("rated_MW", "diameter", "hub"), TYPES)
def test_generic_curves_are_pywakes(rated_MW, diameter, hub):
    from py_wake.wind_turbines.generic_wind_turbines import GenericWindTurbine

    ours = generic_turbine("t", rated_power=rated_MW * 1e6, rotor_diameter=diameter, hub_height=hub)
    theirs = GenericWindTurbine("t", diameter, hub, rated_MW * 1e3)
    np.testing.assert_allclose(ours.power, theirs.power(ours.speed), rtol=1e-12, atol=0)
    np.testing.assert_allclose(ours.ct, theirs.ct(ours.speed), rtol=1e-12, atol=0)


def test_curves_are_tabulated_every_tenth_and_cannot_be_changed():
    turbine = generic_turbine("t", rated_power=10e6, rotor_diameter=195, hub_height=121)
    np.testing.assert_allclose(turbine.speed, np.arange(1, 300) / 10)
    assert turbine.power.max() == pytest.approx(10e6, rel=1e-3)
    assert turbine.power.max() <= 10e6
    with pytest.raises(ValueError, match="read-only"):
        turbine.power[0] = 0


@pytest.mark.parametrize("lookup", ["nearest", "linear"])
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(
    ("direction", "speed"),
    [
        (np.arange(360), np.arange(3, 26)),
        (np.arange(360), np.array([6, 8, 10, 12, 14])),
        (np.arange(0, 360, 22.5), np.array([1.0, 2.0, 4.0, 9.0])),
        (np.array([0.0, 10.0, 200.0]), np.array([9.8])),
        (np.array([270.0]), np.array([8.0, 9.0])),
    ],
    ids=["full", "five speeds", "16 directions", "uneven", "one direction"],
)
def test_flow_case_probabilities_are_pywakes(lookup, every, direction, speed):
    ours = site(lookup, every)
    cases = ours.flow_cases(direction=direction, speed=speed)
    np.testing.assert_allclose(
        cases.probability, pywake_probability(ours, direction, speed), rtol=1e-12, atol=1e-18
    )


def test_default_flow_cases():
    cases = site("nearest", ti=0.07).flow_cases()
    np.testing.assert_array_equal(cases.direction, np.arange(360))
    np.testing.assert_array_equal(cases.speed, np.arange(3, 26))
    assert cases.probability.shape == (360, 23)
    assert cases.turbulence_intensity == 0.07
    assert 0.9 < cases.probability.sum() < 1


def test_half_way_direction_belongs_to_the_next_sector():
    a, _, _ = site("nearest").at([14.999, 15, 344.999, 345, 359.9, 360, -15])
    np.testing.assert_array_equal(a, [A[0], A[1], A[11], A[0], A[0], A[0], A[0]])


def test_linear_lookup_crosses_north():
    a, k, f = site("linear").at([345.0, 30.0])
    np.testing.assert_allclose(a, [(A[11] + A[0]) / 2, A[1]])
    np.testing.assert_allclose(k, [(K[11] + K[0]) / 2, K[1]])
    np.testing.assert_allclose(f, [(F[11] + F[0]) / 2, F[1]])


def test_turned_sectors_turn_the_probabilities():
    turned = WeibullSite(site("linear").direction + 10, A, K, F, 0.1, "linear").flow_cases()
    straight = site("linear").flow_cases()
    np.testing.assert_allclose(np.roll(straight.probability, 10, axis=0), turned.probability, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weibull_k": K[:-1]}, "weibull_k has shape"),
        ({"direction": [*range(0, 330, 30), 340]}, "360 degrees in equal steps"),
        ({"direction": range(0, 12)}, "360 degrees in equal steps"),
        ({"lookup": "cubic"}, "'cubic'"),
        ({"sector_probability": np.array(F) * 100}, "must sum to 1, sums to 100; are they percent?"),
        ({"sector_probability": [*F[:-1], -0.1]}, r"sector_probability\[11\] wants a number of at least 0"),
        ({"sector_probability": [1.7e308] * 12}, "must sum to 1, sums to inf"),
    ],
)
def test_site_refuses_sectors_that_are_none(change, message):
    good = {
        "direction": range(0, 360, 30),
        "weibull_a": A,
        "weibull_k": K,
        "sector_probability": F,
        "turbulence_intensity": 0.1,
        "lookup": "nearest",
    }
    with pytest.raises(ValueError, match=message):
        WeibullSite(**{**good, **change})


@pytest.mark.parametrize("scale", [1e-9, 5e-324])
def test_where_hardly_any_wind_blows_all_speeds_lie_above_it(scale):
    sectors = WeibullSite([0, 90, 180, 270], [scale] * 4, [2.0] * 4, [0.25] * 4, 0.1)
    assert not sectors.flow_cases().probability.any()


def test_edge_and_corner_count_as_inside():
    area = Area.from_rings("a", [SQUARE])
    inside = area.contains([0, 2, 4, 4.001, 2], [0, 4, 2, 2, 2])
    np.testing.assert_array_equal(inside, [True, True, True, False, True])
    assert area.surface == 16
    assert area.bounds == (0, 0, 4, 4)


@pytest.mark.parametrize("ring", [SQUARE, SQUARE[::-1], [*SQUARE, SQUARE[0]]], ids=["ccw", "cw", "closed"])
def test_orientation_and_closing_point_do_not_matter(ring):
    area = Area.from_rings("a", [ring])
    assert area.geometry.equals(shapely.box(0, 0, 4, 4))


def test_distance_outside_counts_exclusions_and_gaps():
    hole = [(1, 1), (3, 1), (3, 3), (1, 3)]
    far = [(10, 0), (14, 0), (14, 4), (10, 4)]
    area = Area.from_rings("a", [SQUARE, far], [hole])
    x, y = np.array([[2, 2], [1.5, 2], [7, 2], [9, 2], [0.5, 0.5], [14, 7], [1, 2]]).T
    np.testing.assert_allclose(area.distance_outside(x, y), [1, 0.5, 3, 1, 0, 3, 0])
    np.testing.assert_array_equal(area.contains(x, y), [False, False, False, False, True, False, True])
    assert area.surface == 16 + 16 - 4


@pytest.mark.parametrize("side", [1e-9, 1e-162, 1e-320])
def test_distance_outside_of_an_area_with_a_side_too_short_to_be_squared(side):
    square = [[0, 0], [6, 0], [6, 6], [side, 6], [0, 6]]
    area = Area.from_rings("a", [square, [[10, 0], [10 + side, 0], [16, 0], [16, 6], [10, 6]]])
    x, y = [-3, 0, -3, 3, 10, 7, 9], [3, 7, 10, 8, -2, -4, 6]
    np.testing.assert_allclose(area.distance_outside(x, y), [3, 1, 5, 2, 2, 17**0.5, 1])
    left_over = Area.from_rings("a", [square], [[[side, -1], [3, -1], [3, 3], [side, 3]]])
    np.testing.assert_allclose(left_over.distance_outside([1, -3, 0, 7], [1, 1, -1, 7]), [1, 3, 1, 2**0.5])


@pytest.mark.parametrize("side", [0.0, 1e-158, 1e-320])
def test_corners_at_one_place_are_one_corner(side):
    ring = [[0, 0], [6, 0], [6, side], [6, 2 * side], [6, 6], [0, 6], [side, 6], [0, side], [0, 0]]
    assert Area.from_rings("a", [ring]).rings()[0].tolist() == pytest.approx(
        np.array([[0, 0], [6, 0], [6, 6], [0, 6]]), abs=1e-150
    )


def test_exclusion_may_reach_over_the_edge_and_split_the_area():
    area = Area.from_rings("a", [SQUARE], [[(1, -1), (2, -1), (2, 5), (1, 5)]])
    assert area.surface == 12
    assert len(area.geometry.geoms) == 2


def test_grid_order_is_rows_from_the_lower_left_and_keeps_the_edge():
    x, y = Area.from_rings("a", [[(0, 0), (2, 0), (0, 2)]]).grid(3, 3)
    np.testing.assert_array_equal(x, [0, 1, 2, 0, 1, 0])
    np.testing.assert_array_equal(y, [0, 0, 0, 1, 1, 2])


def test_grid_may_differ_in_columns_and_rows():
    x, y = Area.from_rings("a", [SQUARE]).grid(5, 2)
    np.testing.assert_array_equal(x, [0, 1, 2, 3, 4] * 2)
    np.testing.assert_array_equal(y, [0] * 5 + [4] * 5)


def test_touching_polygons_become_one():
    area = Area.from_rings("a", [SQUARE, [(4, 0), (8, 0), (8, 4), (4, 4)]])
    assert area.surface == 32
    assert area.geometry.is_valid


@pytest.mark.parametrize(
    ("ring", "fault"),
    [
        ([(0, 0), (1, 1)], "needs at least 3 points, has 2"),
        ([(0, 0), (1, 1), (0, 0)], "needs at least 3 points, has 2"),
        ([(0, 0), (2, 2), (2, 0), (0, 2)], r"does so at \(1, 1\)"),
        ([(0, 0), (1, 1), (2, 2)], "encloses no area"),
        ([(0, 0), (1, np.nan), (2, 2)], "finite"),
    ],
)
def test_rings_that_are_no_polygon(ring, fault):
    with pytest.raises(ValueError, match=fault):
        Area.from_rings("a", [ring])
    assert ring_fault(ring) is not None
    assert ring_fault(SQUARE) is None


def test_overlapping_polygons_are_refused():
    other = [(3, 3), (6, 3), (6, 6), (3, 6)]
    far = [(10, 10), (11, 10), (11, 11)]
    assert list(overlapping([SQUARE, far, other])) == [(0, 2, 1.0)]
    with pytest.raises(ValueError, match="overlap by 1 m2"):
        Area.from_rings("a", [SQUARE, other])


def test_nothing_left_is_refused():
    with pytest.raises(ValueError, match="leave nothing"):
        Area.from_rings("a", [SQUARE], [[(-1, -1), (9, -1), (9, 9), (-1, 9)]])


def test_bound_on_turbines_holds_for_the_densest_packings():
    # A rhombus of k x k points of the hexagonal lattice reaches the bound exactly.
    k = 7
    height = np.sqrt(3) / 2
    rhombus = [(0, 0), (k - 1, 0), ((k - 1) * 1.5, (k - 1) * height), ((k - 1) / 2, (k - 1) * height)]
    assert Area.from_rings("a", [rhombus]).most_turbines(Spacing(1)) == pytest.approx(k * k)
    # Two places far apart hold one turbine each, however small they are.
    tiny = Area.from_rings("a", [[(0, 0), (1, 0), (0, 1)], [(900, 0), (901, 0), (900, 1)]])
    assert 2 <= tiny.most_turbines(Spacing(100)) < 3


def test_pickled_site_objects_are_the_same():
    area = pickle.loads(pickle.dumps(Area.from_rings("a", [SQUARE])))
    assert area == Area.from_rings("a", [SQUARE])
    again = pickle.loads(pickle.dumps(site("linear")))
    np.testing.assert_array_equal(again.flow_cases().probability, site("linear").flow_cases().probability)


def test_threads_may_ask_one_area():
    angle = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    x, y = np.random.default_rng(0).uniform(-1500, 1500, (2, 66))
    expected = np.maximum(np.hypot(x, y) - 1000, 0)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            area = Area.from_rings("disc", [1000 * np.c_[np.cos(angle), np.sin(angle)]])
            for found in threads.map(lambda _, area=area: area.distance_outside(x, y), range(8)):
                np.testing.assert_allclose(found, expected, atol=0.01)
