"""The wake models to choose from, with their parameters."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TurbOPark:
    """TurbOPark with Gaussian wakes.

    N. G. Nygaard, L. Poulsen, E. Svensson, J. Grønnegaard Pedersen (2022), Large-scale benchmarking of wake models
    for offshore wind farms, J. Phys. Conf. Ser. 2265, 022008. Ambient turbulence at the source, thrust at
    its effective wind speed, deficit of the free wind speed, averaged over the rotor, mirror wake below
    ground, wakes added as root-sum-square. The defaults are those of PyWake's Nygaard_2022.

    Attributes
    ----------
    A : float
        Wake expansion per turbulence.
    c1, c2 : float
        Turbulence added by the source (Frandsen 2007).
    ceps : float
        Wake width at the rotor, in rotor diameters, for a vanishing thrust.
    ct_limit : float
        Thrust coefficient above which the width at the rotor grows no more.
    disc_mean : {"exact", "pywake"}
        How the Gaussian is averaged over a rotor: exactly, or with PyWake's interpolation table, whose
        effective wind speeds differ by up to 6e-5 m/s and whose AEP by less than 1e-6 of it.
    """

    A: float = 0.04
    c1: float = 1.5
    c2: float = 0.8
    ceps: float = 0.25
    ct_limit: float = 0.96
    disc_mean: Literal["exact", "pywake"] = "exact"
