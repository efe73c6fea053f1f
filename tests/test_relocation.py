"""The energy of a farm with one turbine at each of many points: against the AEP of each layout as a whole."""

from dataclasses import replace

import numpy as np
import pytest
from reference.trial import GENERIC, NAMES, OPTIONS, OTHER, SITE, name_of, scattered

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowSeries
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.models import MODELS, NOJ, TurbOPark
from mpi_layout.wake.relocation import Relocation

TURBINE = GENERIC[0]
D = TURBINE.rotor_diameter
CASES = SITE.flow_cases(
    direction=np.arange(12) * 30.0 + 3.7, speed=np.array([4.0, 6.5, 8.0, 9.5, 11.0, 14.0])
)
BOUND = 1e-10  # of the energy, as relocation.py says


def neighbours(seed=7):
    x, y = scattered(8, 2 * D, 20 * D, seed)
    return Neighbours(x - 16 * D, y - 4 * D, GENERIC[1:], np.arange(8) % 2)


def relocation_of(x, y, model, cases=CASES, **others):
    return Relocation(x, y, turbine=TURBINE, flow_cases=cases, model=model, **others)


def one_by_one(farm, x, y, turbine, points_x, points_y):
    def moved(at_x, at_y):
        new_x, new_y = x.copy(), y.copy()
        new_x[turbine], new_y[turbine] = at_x, at_y
        return farm.aep(new_x, new_y).aep

    return np.array([moved(*point) for point in zip(points_x, points_y, strict=True)])


def assert_exact(model, *, n=14, cases=CASES, others=None, seed=3):
    """All kinds of places: anywhere in the farm and around it, close to other turbines, where it stands."""
    x, y = scattered(n, 2.2 * D, 2.6 * D * np.sqrt(n), seed)
    random = np.random.default_rng(seed)
    points_x, points_y = random.uniform(-5 * D, 2.6 * D * np.sqrt(n) + 5 * D, (2, 12))
    near = random.integers(n, size=4)
    points_x = np.concatenate([points_x, x[near] + 1.1 * D, x])
    points_y = np.concatenate([points_y, y[near] + 0.3 * D, y])
    turbine = int(random.integers(n))
    keep = np.hypot(points_x[:, None] - x, points_y[:, None] - y)
    keep[:, turbine] = np.inf
    free = keep.min(axis=1) > 0.01 * D
    points_x, points_y = points_x[free], points_y[free]
    found = relocation_of(x, y, model, cases, neighbours=others).energies(turbine, points_x, points_y)
    farm = Farm(TURBINE, cases, model, neighbours=others)
    expected = one_by_one(farm, x, y, turbine, points_x, points_y)
    assert np.abs(found / expected - 1).max() <= BOUND
    if n > 1:
        assert np.ptp(expected) > 1e-4 * expected.mean()  # the places do differ


@pytest.mark.parametrize("others", [None, neighbours()], ids=["alone", "neighbours"])
@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in NAMES), *OTHER.items(), *OPTIONS], ids=name_of
)
def test_energies_are_those_of_the_layouts(name, options, others):
    assert_exact(MODELS[name](**options), others=others)


@pytest.mark.parametrize("isa", ["generic", "avx2", "avx512"])
@pytest.mark.parametrize("name", NAMES)
def test_every_instruction_set_gives_them(name, isa, monkeypatch):
    monkeypatch.setenv("MPI_LAYOUT_ISA", isa)
    assert_exact(MODELS[name](), seed=4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 70])
def test_farms_of_any_size(name, n):
    assert_exact(MODELS[name](), n=n, others=None if n == 70 else neighbours(), seed=5)


def test_speeds_that_differ_from_direction_to_direction():
    random = np.random.default_rng(2)
    count = np.array([3, 9, 1, 17])
    m = int(count.sum())
    cases = FlowSeries(
        np.array([10.0, 100.0, 200.0, 290.0]),
        count,
        random.uniform(4, 20, m),
        random.uniform(0, 0.1, m),
        random.uniform(0.05, 0.2, m),
    )
    for name in NAMES:
        assert_exact(MODELS[name](), cases=cases)


def test_shear_and_hub_heights():
    cases = replace(CASES, shear_exponent=0.2, reference_height=100.0)
    for name in NAMES:
        assert_exact(MODELS[name](), cases=cases, others=neighbours())


def test_a_thrust_that_is_the_same_at_all_speeds():
    """Wakes do not depend on each other then: nothing propagates, and the answer is the same."""
    speed = np.array([3.0, 12.0, 25.0])
    steady = Turbine("steady", 5e6, D, 150.0, speed, np.array([0.0, 5e6, 5e6]), np.full(3, 0.8))
    x, y = scattered(10, 2.2 * D, 8 * D, 1)
    points_x, points_y = np.array([[-5 * D, 20 * D, 4 * D], [2 * D, 3 * D, -6 * D]])
    for name in NAMES:
        model = MODELS[name]()
        moving = Relocation(x, y, turbine=steady, flow_cases=CASES, model=model)
        expected = one_by_one(Farm(steady, CASES, model), x, y, 3, points_x, points_y)
        assert moving.energies(3, points_x, points_y) == pytest.approx(expected, rel=BOUND)


def test_upwind_downwind_and_out_of_every_wake():
    """One direction: what a lone pair must do, whatever the numbers."""
    cases = SITE.flow_cases(direction=np.array([270.0]), speed=np.array([8.0]))
    moving = relocation_of(np.array([0.0, 9e5]), np.array([0.0, 9e5]), TurbOPark(), cases)
    up, down, abreast, gone = moving.energies(
        1, np.array([-5 * D, 5 * D, 1e-3, 0]), np.array([0, 0, 3e3, 9e5])
    )
    assert up == pytest.approx(down, rel=1e-12)
    assert abreast == pytest.approx(gone, rel=1e-12)
    assert up < 0.9 * gone


def test_moving_is_lasting():
    x, y = scattered(9, 3 * D, 15 * D, 1)
    moving = relocation_of(x, y, NOJ())
    before = moving.energies(0, [-2000.0], [500.0])
    moving.move(4, -1000.0, -1000.0)
    x[4] = y[4] = -1000.0
    assert (moving.x == x).all()
    assert (moving.y == y).all()
    after = moving.energies(0, [-2000.0], [500.0])
    assert after == relocation_of(x, y, NOJ()).energies(0, [-2000.0], [500.0])
    assert after != before


def test_points_do_not_know_of_each_other():
    """Each point's energy is the same to the last digit, whichever others are asked for."""
    x, y = scattered(20, 3 * D, 16 * D, 2)
    points_x, points_y = np.random.default_rng(2).uniform(0, 16 * D, (2, 30))
    for name in NAMES:
        moving = relocation_of(x, y, MODELS[name](), neighbours=neighbours())
        together = moving.energies(5, points_x, points_y)
        alone = [moving.energies(5, points_x[i : i + 1], points_y[i : i + 1])[0] for i in range(30)]
        assert (together == alone).all()


def test_a_narrower_cutoff_leaves_little_out():
    x, y = scattered(14, 2.2 * D, 10 * D, 3)
    point = np.array([-2 * D]), np.array([5 * D])
    for name in ("TurbOPark", "BastankhahGaussian", "NiayifarGaussian"):
        whole, narrow = (
            relocation_of(x, y, MODELS[name](), cutoff=cutoff).energies(2, *point)[0]
            for cutoff in (None, 3.5)
        )
        assert 0 < narrow - whole < 1e-3 * whole  # what is left out of a wake is never a gain of it


def test_wrong_questions():
    moving = relocation_of(np.array([0.0, 900.0]), np.zeros(2), NOJ())
    with pytest.raises(ValueError, match="turbine is 2, wants one from 0 to 1"):
        moving.energies(2, [0.0], [0.0])
    with pytest.raises(ValueError, match="finite"):
        moving.energies(0, [np.nan], [0.0])
    with pytest.raises(ValueError, match="one shape"):
        moving.energies(0, [], [])
