"""Circles and distances in a campaign file: what they mean, what is refused, what they change."""

import copy
import json

import jsonschema
import numpy as np
import pytest
import yaml

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, first_difference, parse_campaign
from mpi_layout.campaign.compare import shaping
from mpi_layout.errors import ConfigError, InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results.file import create_results, open_reader, open_writer
from mpi_layout.results.storage.row import done_row, row_dtype, seal
from mpi_layout.results.verify import verify
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing

BASE = {
    "name": "demo",
    "areas": [{"name": "field", "boundary_m": [[0, 0], [5000, 0], [5000, 5000], [0, 5000]]}],
    "turbine_types": [
        {"name": "t10", "rated_power_MW": 10, "rotor_diameter_m": 200, "hub_height_m": 121},
        {"name": "t15", "rated_power_MW": 15, "rotor_diameter_m": 250, "hub_height_m": 150},
    ],
    "seeds": [0],
    "n_turbines": 8,
    "min_spacing_D": 3,
    "site": {
        "turbulence_intensity": 0.1,
        "wind_direction_deg": [0, 90, 180, 270],
        "weibull_a_m_s": [9.0, 10.0, 11.0, 12.0],
        "weibull_k": [2.0, 2.1, 2.2, 2.3],
        "sector_probability": [0.1, 0.2, 0.3, 0.4],
    },
    "start": {"grid": [14, 14]},
}
CIRCLE = {"centre": [700_000, 6_200_000], "radius": 3000}
ELLIPSE = {"along": 5, "across": 3, "direction_deg": 240}


def campaign(area=None, **changes):
    data = copy.deepcopy(BASE) | changes
    if area is not None:
        data["areas"] = [{"name": "field", **area}]
    return parse_campaign(yaml.safe_dump(data), "demo.yaml")


def faults(*args, **changes):
    with pytest.raises(InputError) as error:
        campaign(*args, **changes)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


class TestCircles:
    def test_lie_within_the_true_circle_and_leave_millimetres(self):
        area = campaign({"circle_m": CIRCLE}).problem(0).area
        (ring,) = area.rings()
        radius = np.hypot(*(ring - CIRCLE["centre"]).T)
        assert radius.max() == pytest.approx(3000, abs=1e-8)
        middle = np.hypot(*((ring + np.roll(ring, -1, axis=0)) / 2 - CIRCLE["centre"]).T)
        assert 3000 - 1.2e-3 < middle.min() <= middle.max() < 3000
        assert area.surface == pytest.approx(np.pi * 3000**2, rel=1e-6)

    def test_that_exclude_lie_around_it(self):
        hole = {"centre": [2500, 2500], "radius": 1000}
        area = campaign(BASE["areas"][0] | {"exclusion_circles_m": [hole]}).problem(0).area
        print("seed", 1)
        angle = np.random.default_rng(1).uniform(0, 2 * np.pi, 5000)
        for radius, expected in ((1000 - 1e-6, False), (1000 + 0.04, True)):
            inside = area.contains(2500 + radius * np.cos(angle), 2500 + radius * np.sin(angle))
            assert (inside == expected).all()

    def test_hold_a_layout(self):
        solution = solve(campaign({"circle_m": CIRCLE}).problem(0))
        away = np.hypot(solution.x - CIRCLE["centre"][0], solution.y - CIRCLE["centre"][1])
        assert (away <= 3000).all()
        assert solution.max_outside == 0

    @pytest.mark.parametrize(
        ("area", "line"),
        [
            (
                {"circle_m": CIRCLE, "polygons_m": [[[0, 0], [1, 0], [0, 1]]]},
                "areas[0]: wants one of boundary_m, polygons_m, circle_m, has polygons_m and circle_m",
            ),
            (
                {"circle_m": {"centre": [0, 0], "radius": 0.5}},
                "areas[0].circle_m.radius: wants at least 1, has 0.5",
            ),
            ({"circle_m": {"centre": [0, 0]}}, "areas[0].circle_m.radius: is missing: its radius, m"),
            (
                {"circle_m": {"center": [0, 0], "radius": 5}},
                "areas[0].circle_m.center: unknown key; is centre meant?",
            ),
            (
                {"circle_m": {"centre": [0, 0, 0], "radius": 5}},
                "areas[0].circle_m.centre: needs at most 2 coordinates, has 3",
            ),
            ({"circle_m": 1300}, "areas[0].circle_m: wants keys and values, has 1300"),
            (
                {"circle_m": CIRCLE, "exclusion_circles_m": [CIRCLE | {"radius": 4000}]},
                "areas[0].exclusion_circles_m: leave nothing of the area",
            ),
        ],
    )
    def test_refused(self, area, line):
        assert line in faults(area)


class TestSpacing:
    def test_of_a_number_is_plain_in_diameters(self):
        spacings = [campaign().problem(number).spacing for number in (0, 1)]
        assert spacings == [Spacing(600), Spacing(750)]
        assert all(spacing.is_plain for spacing in spacings)

    def test_of_a_type_comes_before_that_of_the_campaign(self):
        types = copy.deepcopy(BASE["turbine_types"])
        types[0]["min_spacing_D"] = 4
        types[1]["min_spacing_D"] = ELLIPSE
        both = campaign(turbine_types=types)
        assert [both.problem(n).spacing for n in (0, 1)] == [Spacing(800), Spacing(1250, 750, 240)]

    def test_elliptic_is_kept_in_every_direction(self):
        """Every pair outside the ellipse, written down in wind coordinates."""
        types = [BASE["turbine_types"][0]]
        solution = solve(campaign(turbine_types=types, min_spacing_D=ELLIPSE, n_turbines=20).problem(0))
        first, second = np.triu_indices(20, k=1)
        east, north = solution.x[first] - solution.x[second], solution.y[first] - solution.y[second]
        wind = np.deg2rad(240)
        along = east * np.sin(wind) + north * np.cos(wind)
        across = east * np.cos(wind) - north * np.sin(wind)
        assert ((along / 1000) ** 2 + (across / 600) ** 2 >= 1 - 1e-12).all()
        assert solution.min_spacing == pytest.approx(np.hypot(east, north).min())
        assert solution.min_spacing < 1000  # so the ellipse was made use of

    def test_bound_on_the_number_is_that_of_the_stretched_area(self):
        """A lattice of equilateral triangles, stretched along the wind, fills its rhombus to the bound."""
        k, spacing = 7, Spacing(5, 3, 90)
        rhombus = np.array(
            [(0, 0), (k - 1, 0), ((k - 1) * 1.5, (k - 1) * 3**0.5 / 2), ((k - 1) / 2, (k - 1) * 3**0.5 / 2)]
        )
        stretched = rhombus * [5, 3]
        assert Area.from_rings("a", [stretched]).most_turbines(spacing) == pytest.approx(k * k)

    def test_too_many_turbines_are_refused_before_they_are_tried(self):
        long = {"along": 12, "across": 4, "direction_deg": 0}
        (line,) = faults(min_spacing_D=long, n_turbines=40)
        assert line.startswith(
            "areas[0]: is too small for 40 turbines of type t15 at 12 D along and 4 D across 0 deg = "
            "3000 m along 0 deg and 1000 m across: at most "
        )
        assert campaign(min_spacing_D=4, n_turbines=8).problem(0)

    @pytest.mark.parametrize(
        ("spacing", "line"),
        [
            ("3 D", "min_spacing_D: wants a number, has the text '3 D'"),
            ({"along": 5, "across": 3}, "min_spacing_D.direction_deg: is missing: where the main wind comes"),
            (ELLIPSE | {"across": 0.5}, "min_spacing_D.across: wants at least 1, has 0.5"),
            (ELLIPSE | {"direction_deg": 400}, "min_spacing_D.direction_deg: wants at most 360, has 400"),
            (ELLIPSE | {"acros": 3}, "min_spacing_D.acros: unknown key; is across meant?"),
        ],
    )
    def test_refused(self, spacing, line):
        (found,) = faults(min_spacing_D=spacing)
        assert found.startswith(line)

    def test_of_a_neighbour_s_own_type_is_refused(self):
        own = BASE["turbine_types"][0] | {"min_spacing_D": 4}
        neighbours = [{"positions_m": [[-3000, 0]], "turbine_type": own}]
        (line,) = faults(neighbours=neighbours)
        assert line == (
            "neighbours[0].turbine_type.min_spacing_D: "
            "layouts keep no distance from neighbours; exclusions_m or "
            "exclusion_circles_m of the areas would"
        )

    def test_too_large_is_the_config_s_own_failure(self):
        square = [[0, 0], [2600, 0], [2600, 2600], [0, 2600]]
        with pytest.raises(
            ConfigError, match="takes those within 1250 m along 240 deg and 750 m across of it"
        ):
            solve(campaign({"boundary_m": square}, min_spacing_D=ELLIPSE, start={"grid": [2, 2]}).problem(1))


def test_campaigns_without_the_new_keys_shape_what_they_shaped():
    """Nothing new in what the digest is of, so results files of that time still belong to them."""
    plain = shaping(campaign())
    assert plain["min_spacing_D"] == 3.0
    assert set(plain["areas"][0]) == {"name", "boundary_m", "exclusions_m"}
    assert set(plain["turbine_types"][0]) == {"name", "rated_power_MW", "rotor_diameter_m", "hub_height_m"}


def test_the_new_keys_shape_results():
    plain = campaign()
    types = copy.deepcopy(BASE["turbine_types"])
    types[1]["min_spacing_D"] = 4
    for other in (
        campaign(min_spacing_D=ELLIPSE),
        campaign({"circle_m": CIRCLE}),
        campaign(BASE["areas"][0] | {"exclusion_circles_m": [{"centre": [100, 100], "radius": 50}]}),
        campaign(turbine_types=types),
    ):
        assert other.digest != plain.digest
        assert first_difference(plain, other)
    ellipses = [campaign(min_spacing_D=ELLIPSE | {"along": along}) for along in (5, 6)]
    assert first_difference(*ellipses) == "min_spacing_D.along: 5.0 in the file, 6.0 in the campaign"


def test_json_schema_knows_them():
    validator = jsonschema.Draft202012Validator(campaign_schema())
    area = {"name": "field", "circle_m": CIRCLE, "exclusion_circles_m": [CIRCLE]}
    assert validator.is_valid(BASE | {"areas": [area], "min_spacing_D": ELLIPSE})
    assert not validator.is_valid(BASE | {"areas": [BASE["areas"][0] | {"circle_m": CIRCLE}]})
    assert not validator.is_valid(BASE | {"min_spacing_D": {"along": 3}})


def test_verify_finds_pairs_within_the_ellipse(tmp_path):
    types = [BASE["turbine_types"][0]]
    asked = campaign(turbine_types=types, min_spacing_D=ELLIPSE)
    about = {"seconds": 0.1, "rank": 0, "launch": 0, "attempts": 1}
    dtype = row_dtype(asked.n_turbines_max)
    sound = done_row(dtype, asked.configs[0], solve(asked.problem(0)), **about)
    wind = np.deg2rad(240)
    close = sound.copy()
    close["x"][..., 1] = close["x"][..., 0] + 900 * np.sin(wind)  # along the wind, where 1000 m are wanted
    close["y"][..., 1] = close["y"][..., 0] + 900 * np.cos(wind)
    found = []
    for number, row in enumerate((sound, close)):
        path = tmp_path / f"{number}.h5"
        create_results(path, asked, now=1.7e9)
        with open_writer(path, asked) as writer:
            writer.begin_launch(ranks=1, host="h", pid=1, scheduler_id="", versions="", now=1.7e9)
            seal(row)
            writer.write_row(0, row)
            writer.end_launch(1.7e9, "complete", 1)
        found.append([f.detail for f in verify(open_reader(path), aep=False) if f.what == "spacing"])
    assert found[0] == []
    start = "two turbines stand 0.900000000 times as far apart as is wanted: 1000 m along 240 deg"
    assert f"{start} and 600 m across" in found[1]


def test_evaluate_says_which_layouts_are_too_close(tmp_path, capsys):
    asked = {"turbine_types": [BASE["turbine_types"][0]], "min_spacing_D": ELLIPSE}
    (tmp_path / "demo.yaml").write_text(yaml.safe_dump(BASE | asked))
    wind = np.deg2rad(240)
    for name, distance in (("close", 998.0), ("rounded", 999.5), ("far", 1001.0)):
        x, y = 2000 + distance * np.sin(wind), 2000 + distance * np.cos(wind)
        (tmp_path / f"{name}.csv").write_text(f"x,y\n2000,2000\n{x},{y}\n2000,{2000 + 5 * distance}\n")
    found = {}
    for name in ("close", "rounded", "far"):
        command = ["evaluate", str(tmp_path / "demo.yaml"), "--layout", str(tmp_path / f"{name}.csv")]
        assert cli.main([*command, "--json"]) == 0
        found[name] = json.loads(capsys.readouterr().out)["layouts"][0]["pairs_too_close"]
        assert cli.main(command) == 0
        assert ("1 pair of turbines closer than min_spacing_D" in capsys.readouterr().out) == found[name]
    assert found == {"close": 1, "rounded": 0, "far": 0}
