"""The wake models to choose from, with their parameters."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TurbOPark:
    """TurbOPark with Gaussian wakes.

    N. G. Nygaard, L. Poulsen, E. Svensson, J. Grønnegaard Pedersen (2022), Large-scale benchmarking of wake
    models for offshore wind farms, J. Phys. Conf. Ser. 2265, 022008. Ambient turbulence at the source, thrust
    at its effective wind speed, deficit of the free wind speed, averaged over the rotor, mirror wake below
    ground, wakes added as root-sum-square. The defaults are those of PyWake's Nygaard_2022.

    Attributes
    ----------
    A : float
        Wake expansion per turbulence.
    c1, c2 : float
        Turbulence added by the source (Frandsen 2007).
    ceps : float
        Wake width at the rotor, in rotor diameters, for a vanishing thrust; 0.15 to 1.
    ct_limit : float
        Thrust coefficient above which the width at the rotor grows no more.
    disc_mean : {"pywake", "exact"}
        How the Gaussian is averaged over a rotor: with PyWake's interpolation table, or exactly. Between
        the two lie up to 2.4e-4 m/s in an effective wind speed (a line of 20 turbines along the wind)
        and 1.3e-6 of an AEP (2 rotor diameters apart).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    A: float = 0.04
    c1: float = 1.5
    c2: float = 0.8
    ceps: float = 0.25
    ct_limit: float = 0.96
    disc_mean: Literal["pywake", "exact"] = "pywake"

    def __post_init__(self) -> None:
        if not 0.15 <= self.ceps <= 1:
            raise ValueError(f"ceps is {self.ceps}; wants 0.15 to 1")
        if min(self.A, self.c1, self.c2) <= 0 or not 0 < self.ct_limit < 1:
            raise ValueError(f"A, c1 and c2 must be positive and ct_limit between 0 and 1: {self}")
