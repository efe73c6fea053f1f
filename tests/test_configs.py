"""The configs of a campaign as a sequence that keeps nothing per config."""

import fnmatch
import random

import numpy as np
import pytest

from mpi_layout.campaign import Config, Configs, Kind

# Names with "_s" in them, and one that another one begins with.
KINDS = tuple(
    Kind(area, kind, n, 200.0 + n, 1e6 * n)
    for area in ("north", "north_s1", "a.b-c")
    for kind, n in (("t", 7), ("t_s2", 9))
)
SEEDS = (range(5, 12), (7, 0, 2**32 - 1))


def listed(configs):
    """The same configs, one by one, as their documentation says."""
    found = []
    for kind in configs.kinds:
        for seed in configs.seeds:
            key = f"{kind.area}_{kind.turbine_type}_s{seed}"
            names = kind.area, kind.turbine_type
            found.append(
                Config(len(found), key, *names, seed, kind.n_turbines, kind.rotor_diameter, kind.rated_power)
            )
    return found


@pytest.fixture(params=SEEDS, ids=["range", "list"])
def configs(request):
    return Configs(KINDS, request.param)


def test_it_is_the_sequence_of_its_configs(configs):
    every = listed(configs)
    assert len(configs) == len(every)
    assert list(configs) == every
    assert [configs[i] for i in range(-len(every), len(every))] == every + every
    assert configs[np.int64(3)] == every[3]
    assert every[4] in configs
    assert list(reversed(configs)) == every[::-1]


@pytest.mark.parametrize("piece", [slice(2, 9), slice(-3, None), slice(None, None, 5), slice(30, 20)])
def test_slices(configs, piece):
    assert list(configs[piece]) == listed(configs)[piece]


@pytest.mark.parametrize("index", [10**6, -(10**6)])
def test_index_beyond_the_end(configs, index):
    with pytest.raises(IndexError):
        configs[index]


def test_keys_and_numbers_are_inverse(configs):
    assert list(configs.keys()) == [config.key for config in listed(configs)]
    assert list(map(configs.number_of, configs.keys())) == list(range(len(configs)))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "north_t_s",
        "north_t_s4",
        "north_t_s07",
        "north_t_s+7",
        "north_t_s\N{ARABIC-INDIC DIGIT SEVEN}",
        "north_t_s7 ",
        "South_t_s7",
        "north_t7",
        "_s7",
        "north_t_s" + "9" * 5000,
    ],
)
def test_number_of_an_unknown_key(configs, key):
    with pytest.raises(KeyError):
        configs.number_of(key)


def test_kinds_of_numbers(configs):
    numbers = np.array(random.Random(4).sample(range(len(configs)), 12))
    for number, kind in zip(numbers, configs.kinds_of(numbers), strict=True):
        config, wanted = configs[number], configs.kinds[kind]
        assert (config.area, config.turbine_type) == (wanted.area, wanted.turbine_type)


@pytest.mark.parametrize("glob", ["*", "north_t_s*", "*_s2_s?", "[!n]*", "north_t_s7", "nothing", ""])
def test_matching(configs, glob):
    wanted = [c.number for c in listed(configs) if fnmatch.fnmatchcase(c.key, glob)]
    assert configs.matching(glob).tolist() == wanted


def test_a_billion_configs_cost_nothing():
    configs = Configs(KINDS, range(10**9))
    assert len(configs) == 6 * 10**9
    last = configs[-1]
    assert last.key == "a.b-c_t_s2_s999999999"
    assert configs.number_of(last.key) == last.number == len(configs) - 1
    assert configs.kinds_of(np.array([last.number])).tolist() == [5]


def test_equal_configs_are_equal(configs):
    assert configs == Configs(KINDS, configs.seeds)
    assert configs != Configs(KINDS[::-1], configs.seeds)
