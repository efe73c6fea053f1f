"""The wake models to choose from: what each is made of, its parameters, its source.

A model is a choice of parts that the kernel knows (`Law`); the equations of the parts, with their
derivatives, stand in kernel/law.h and kernel/turbulence.h. Defaults are those of PyWake 2.6.20. All deficits
are those of a uniform flow: no blockage, no deflection.
"""

from dataclasses import dataclass, field
from typing import Literal

from mpi_layout.wake.ranges import Exponent, InitialWidth, Parameters, Positive, ThrustLimit

Superposition = Literal["squared_sum", "linear_sum", "max_sum"]
Induction = Literal["madsen", "momentum"]
DiscMean = Literal["pywake", "exact"]


@dataclass(frozen=True)
class STF2017(Parameters):
    """Turbulence added in a wake by S. Frandsen (2007), Risø-R-1188, as in IEC 61400-1 of 2017.

    Attributes
    ----------
    c0, c1 : float
        Added turbulence is 1 / (c0 + c1 distance / D / sqrt(Ct)), within a wedge, as a linear sum.
    """

    c0: Positive = 1.5
    c1: Positive = 0.8


@dataclass(frozen=True)
class CrespoHernandez(Parameters):
    """Turbulence added in a wake by A. Crespo, J. Hernández (1996), J. Wind Eng. Ind. Aerod. 61, 71-85.

    Attributes
    ----------
    c0, c1, c2, c3 : float
        Added turbulence is c0 a^c1 TI^c2 (z/D)^c3 at the distance z; the largest one counts.
    induction : {"madsen", "momentum"}
        The induction a from thrust.
    """

    c0: Positive = 0.73
    c1: Positive = 0.8325
    c2: Exponent = -0.0325
    c3: Exponent = -0.32
    induction: Induction = "madsen"


Turbulence = STF2017 | CrespoHernandez


@dataclass(frozen=True)
class Law:
    """What a model is made of, in the words of the kernel (mpl_model in kernel.h)."""

    shape: Literal["top_hat", "gaussian", "turbopark"]
    induction: Induction
    superposition: Superposition
    rotor_mean: bool
    turbulence: Turbulence | None = None
    mirror: bool = False
    local_speed: bool = False
    k: float = 0.0
    k_turbulence: float = 0.0
    ceps: float = 1.0
    ct_limit: float = 0.0
    A: float = 0.0
    c1: float = 0.0
    c2: float = 1.0
    disc_mean: DiscMean = "exact"

    @property
    def needs_turbulence(self) -> bool:
        """Whether it divides by the ambient turbulence intensity, which zero is then forbidden."""
        added = self.turbulence
        return self.shape == "turbopark" or (isinstance(added, CrespoHernandez) and added.c2 < 0)


@dataclass(frozen=True)
class TurbOPark(Parameters):
    """TurbOPark with Gaussian wakes.

    N. G. Nygaard, L. Poulsen, E. Svensson, J. Grønnegaard Pedersen (2022), Large-scale benchmarking of wake
    models for offshore wind farms, J. Phys. Conf. Ser. 2265, 022008. Ambient turbulence at the source, thrust
    at its effective wind speed, deficit of the free wind speed, averaged over the rotor, mirror wake below
    ground, wakes added as root-sum-square. PyWake's Nygaard_2022.

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
        and 1.3e-6 of an AEP (2 rotor diameters apart). Where rotors of a farm differ so much that one spans
        more than 6.8 standard deviations of another one's wake, the table is taken all the same.
    superposition : {"squared_sum", "linear_sum", "max_sum"}
        How the deficits of several wakes add up.
    rotor_average : {"gaussian_overlap", "centre"}
        The wake's mean over the receiving rotor, or its value at the hub.
    ground : {"mirror", "none"}
        A mirror wake below ground, added as root-sum-square, or none.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    A: Positive = 0.04
    c1: Positive = 1.5
    c2: Positive = 0.8
    ceps: InitialWidth = 0.25
    ct_limit: ThrustLimit = 0.96
    disc_mean: DiscMean = "pywake"
    superposition: Superposition = "squared_sum"
    rotor_average: Literal["gaussian_overlap", "centre"] = "gaussian_overlap"
    ground: Literal["mirror", "none"] = "mirror"

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        return Law(
            "turbopark",
            "momentum",
            self.superposition,
            self.rotor_average == "gaussian_overlap",
            mirror=self.ground == "mirror",
            ceps=self.ceps,
            ct_limit=self.ct_limit,
            A=self.A,
            c1=self.c1,
            c2=self.c2,
            disc_mean=self.disc_mean,
        )


@dataclass(frozen=True)
class NOJ(Parameters):
    """Jensen's top-hat wake.

    N. O. Jensen (1983), A note on wind generator interaction, Risø-M-2411; I. Katic, J. Højstrup,
    N. O. Jensen (1986). Deficit of the free wind speed, share of the rotor
    within the wake, root-sum-square. PyWake's NOJ.

    Attributes
    ----------
    k : float
        Wake expansion: the radius grows by k per downwind distance.
    induction : {"madsen", "momentum"}
        Induction from thrust.
    superposition : {"squared_sum", "linear_sum", "max_sum"}
        How the deficits of several wakes add up.
    rotor_average : {"area_overlap", "centre"}
        The share of the rotor within the wake, or whether the hub is.
    """

    k: Positive = 0.1
    induction: Induction = "madsen"
    superposition: Superposition = "squared_sum"
    rotor_average: Literal["area_overlap", "centre"] = "area_overlap"

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        rotor_mean = self.rotor_average == "area_overlap"
        return Law("top_hat", self.induction, self.superposition, rotor_mean, k=self.k)


@dataclass(frozen=True)
class NOJLocal(Parameters):
    """Jensen's top hat that widens with the turbulence at its source.

    As NOJ, with k = k_turbulence TI + k_constant, TI the effective turbulence intensity at the source, the
    deficit a share of the effective wind speed there, and a linear sum. PyWake's NOJLocal.

    Attributes
    ----------
    k_turbulence, k_constant : float
        Wake expansion k = k_turbulence TI + k_constant.
    induction : {"madsen", "momentum"}
        Induction from thrust.
    turbulence : STF2017 or CrespoHernandez
        Turbulence that wakes add.
    superposition : {"squared_sum", "linear_sum", "max_sum"}
        How the deficits of several wakes add up.
    rotor_average : {"area_overlap", "centre"}
        The share of the rotor within the wake, or whether the hub is.
    """

    k_turbulence: Positive = 0.38
    k_constant: Positive = 0.004
    induction: Induction = "madsen"
    turbulence: Turbulence = field(default_factory=STF2017)
    superposition: Superposition = "linear_sum"
    rotor_average: Literal["area_overlap", "centre"] = "area_overlap"

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        return Law(
            "top_hat",
            self.induction,
            self.superposition,
            self.rotor_average == "area_overlap",
            self.turbulence,
            local_speed=True,
            k=self.k_constant,
            k_turbulence=self.k_turbulence,
        )


@dataclass(frozen=True)
class BastankhahGaussian(Parameters):
    """Gaussian wake of constant expansion.

    M. Bastankhah, F. Porté-Agel (2014), A new analytical model for wind-turbine wakes, Renewable Energy 70,
    116-123. Deficit of the free wind speed at the hub, root-sum-square. PyWake's BastankhahGaussian.

    Attributes
    ----------
    k : float
        Wake expansion: sigma grows by k per downwind distance.
    ceps : float
        Wake width at the rotor, in rotor diameters, for a vanishing thrust; 0.15 to 1.
    ct_limit : float
        Thrust coefficient above which the width at the rotor grows no more.
    induction : {"madsen", "momentum"}
        Induction from thrust.
    superposition : {"squared_sum", "linear_sum", "max_sum"}
        How the deficits of several wakes add up.
    rotor_average : {"centre", "gaussian_overlap"}
        The wake's value at the hub, or its mean over the rotor.
    ground : {"none", "mirror"}
        A mirror wake below ground, added as root-sum-square, or none.
    disc_mean : {"pywake", "exact"}
        How the mean over the rotor is taken: with PyWake's interpolation table, or exactly.
    """

    k: Positive = 0.0324555
    ceps: InitialWidth = 0.2
    ct_limit: ThrustLimit = 0.899
    induction: Induction = "madsen"
    superposition: Superposition = "squared_sum"
    rotor_average: Literal["centre", "gaussian_overlap"] = "centre"
    ground: Literal["none", "mirror"] = "none"
    disc_mean: DiscMean = "pywake"

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        return Law(
            "gaussian",
            self.induction,
            self.superposition,
            self.rotor_average == "gaussian_overlap",
            mirror=self.ground == "mirror",
            k=self.k,
            ceps=self.ceps,
            ct_limit=self.ct_limit,
            disc_mean=self.disc_mean,
        )


@dataclass(frozen=True)
class NiayifarGaussian(Parameters):
    """Gaussian wake that widens with the turbulence at its source.

    A. Niayifar, F. Porté-Agel (2016), Analytical modeling of wind farms: a new approach for power prediction,
    Energies 9, 741. As BastankhahGaussian, with k = k_turbulence TI + k_constant, TI the effective turbulence
    intensity at the source. PyWake's NiayifarGaussian.

    Attributes
    ----------
    k_turbulence, k_constant : float
        Wake expansion k = k_turbulence TI + k_constant.
    ceps, ct_limit, induction, superposition, rotor_average, ground, disc_mean
        As of BastankhahGaussian.
    turbulence : CrespoHernandez or STF2017
        Turbulence that wakes add.
    local_speed : bool
        Whether the deficit is a share of the effective wind speed at the source instead of the free one.
    """

    k_turbulence: Positive = 0.38
    k_constant: Positive = 0.004
    ceps: InitialWidth = 0.2
    ct_limit: ThrustLimit = 0.899
    induction: Induction = "madsen"
    turbulence: Turbulence = field(default_factory=CrespoHernandez)
    superposition: Superposition = "squared_sum"
    rotor_average: Literal["centre", "gaussian_overlap"] = "centre"
    ground: Literal["none", "mirror"] = "none"
    disc_mean: DiscMean = "pywake"
    local_speed: bool = False

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        return Law(
            "gaussian",
            self.induction,
            self.superposition,
            self.rotor_average == "gaussian_overlap",
            self.turbulence,
            mirror=self.ground == "mirror",
            local_speed=self.local_speed,
            k=self.k_constant,
            k_turbulence=self.k_turbulence,
            ceps=self.ceps,
            ct_limit=self.ct_limit,
            disc_mean=self.disc_mean,
        )


@dataclass(frozen=True)
class NiayifarPorteAgel(NiayifarGaussian):
    """NiayifarGaussian as in the paper: effective speed at the source, linear sum, mean over the rotor.

    PyWake's literature form, Niayifar_PorteAgel_2016.
    """

    k_turbulence: Positive = 0.3837
    k_constant: Positive = 0.003678
    induction: Induction = "momentum"
    turbulence: Turbulence = field(default_factory=lambda: CrespoHernandez(c2=0.0325, induction="momentum"))
    superposition: Superposition = "linear_sum"
    rotor_average: Literal["centre", "gaussian_overlap"] = "gaussian_overlap"
    local_speed: bool = True


@dataclass(frozen=True)
class IEA37SimpleBastankhahGaussian(Parameters):
    """The wake model of IEA Wind Task 37's case studies.

    N. F. Baker et al. (2019), Best practices for wake model and optimization algorithm selection in wind farm
    layout optimization, AIAA Scitech 2019-0540. As BastankhahGaussian, with momentum theory's induction and a
    width at the rotor of D / sqrt(8) whatever the thrust.

    Attributes
    ----------
    k : float
        Wake expansion: sigma grows by k per downwind distance.
    superposition : {"squared_sum", "linear_sum", "max_sum"}
        How the deficits of several wakes add up.
    """

    k: Positive = 0.0324555
    superposition: Superposition = "squared_sum"

    @property
    def law(self) -> Law:
        """The kernel's parts."""
        return Law("gaussian", "momentum", self.superposition, rotor_mean=False, k=self.k, ceps=8**-0.5)


WakeModel = TurbOPark | NOJ | NOJLocal | BastankhahGaussian | NiayifarGaussian | IEA37SimpleBastankhahGaussian

MODELS: dict[str, type[WakeModel]] = {
    "TurbOPark": TurbOPark,
    "Nygaard_2022": TurbOPark,
    "NOJ": NOJ,
    "Jensen": NOJ,
    "NOJLocal": NOJLocal,
    "BastankhahGaussian": BastankhahGaussian,
    "NiayifarGaussian": NiayifarGaussian,
    "Niayifar_PorteAgel_2016": NiayifarPorteAgel,
    "IEA37SimpleBastankhahGaussian": IEA37SimpleBastankhahGaussian,
}
TURBULENCE_MODELS: dict[str, type[Turbulence]] = {"STF2017": STF2017, "CrespoHernandez": CrespoHernandez}


def usual_name(model: WakeModel | Turbulence) -> str:
    """Name of a model, the first one where it has several."""
    names = {kind: name for name, kind in reversed((MODELS | TURBULENCE_MODELS).items())}
    return names[type(model)]
