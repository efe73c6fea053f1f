"""The configs of a campaign: a million of them cost no more memory than ten.

A config's number says everything: areas come first, within them turbine types, within
them seeds. So nothing is kept per config, and objects are made when they are asked for.
"""

import fnmatch
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Config:
    """One layout to be found: an area, a turbine type and a seed.

    Attributes
    ----------
    number : int
        Its row in the results file.
    key : str
        {area}_{turbine_type}_s{seed}.
    area, turbine_type : str
        Names.
    seed : int
        Seed of the random choices.
    n_turbines : int
        Turbines in the layout.
    rotor_diameter : float
        m.
    rated_power : float
        W.
    """

    number: int
    key: str
    area: str
    turbine_type: str
    seed: int
    n_turbines: int
    rotor_diameter: float
    rated_power: float


@dataclass(frozen=True, slots=True)
class Kind:
    """What the configs of one area and turbine type have in common; attributes as those of `Config`."""

    area: str
    turbine_type: str
    n_turbines: int
    rotor_diameter: float
    rated_power: float

    @property
    def key_stem(self) -> str:
        """Keys of these configs without their seeds."""
        return f"{self.area}_{self.turbine_type}_s"


@dataclass(frozen=True)
class Configs(Sequence[Config]):
    """All configs of a campaign, by number.

    Attributes
    ----------
    kinds : tuple of Kind
        Areas, within them turbine types.
    seeds : sequence of int
        The same for every kind.
    """

    kinds: tuple[Kind, ...]
    seeds: Sequence[int]

    def __len__(self) -> int:
        return len(self.kinds) * len(self.seeds)

    @overload
    def __getitem__(self, index: int) -> Config: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Config, ...]: ...

    def __getitem__(self, index: int | slice) -> Config | tuple[Config, ...]:
        if isinstance(index, slice):
            return tuple(self._config(number) for number in range(len(self))[index])
        return self._config(range(len(self))[operator.index(index)])

    def __iter__(self) -> Iterator[Config]:
        return map(self._config, range(len(self)))

    def keys(self) -> Iterator[str]:
        """Yield the keys of all configs, by number."""
        for kind in self.kinds:
            stem = kind.key_stem
            for seed in self.seeds:
                yield f"{stem}{seed}"

    def kinds_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices in `kinds` of the configs `numbers` (n,)."""
        return numbers // len(self.seeds)

    def number_of(self, key: str) -> int:
        """Find the number of the config with a key.

        Raises
        ------
        KeyError
            If there is none.
        """
        _, mark, seed = key.rpartition("_s")
        kind = self._kind_numbers.get(key[: len(key) - len(seed)])
        if not mark or kind is None or not re.fullmatch("0|[1-9][0-9]{0,18}", seed):
            raise KeyError(key)
        try:
            return kind * len(self.seeds) + self.seeds.index(int(seed))
        except ValueError:
            raise KeyError(key) from None

    def matching(self, glob: str) -> NDArray[np.int64]:
        """Numbers of the configs whose key matches a glob such as 'farm0_*_s[0-4]', in order."""
        if glob == "*":
            return np.arange(len(self))
        matches = re.compile(fnmatch.translate(glob)).match
        return np.fromiter((number for number, key in enumerate(self.keys()) if matches(key)), np.int64)

    def _config(self, number: int) -> Config:
        kind_number, seed_number = divmod(number, len(self.seeds))
        kind, seed = self.kinds[kind_number], self.seeds[seed_number]
        return Config(
            number=number,
            key=f"{kind.key_stem}{seed}",
            area=kind.area,
            turbine_type=kind.turbine_type,
            seed=seed,
            n_turbines=kind.n_turbines,
            rotor_diameter=kind.rotor_diameter,
            rated_power=kind.rated_power,
        )

    @cached_property
    def _kind_numbers(self) -> dict[str, int]:
        return {kind.key_stem: i for i, kind in enumerate(self.kinds)}
