"""How closely every wake model agrees with PyWake: AEP and effective wind speeds, 5 to 100 turbines.

    python benchmarks/models_vs_pywake.py [--write]

Needs the ``test`` extra; takes a minute. Random layouts of two turbine types, 360 directions x 23 speeds.
Exits with 1 where AEP differs by more than 1e-6 (TurbOPark) or 1e-9 (the others) of it.
"""

import measure  # first: it sets the number of threads
import numpy as np
from measure import pywake, table
from reference.trial import GENERIC, NAMES, SITE, SPEED

from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import MODELS

SIZES = (5, 20, 66, 100)
TYPES = GENERIC[:2]
LIMITS = {name: 1e-6 if name == "TurbOPark" else 1e-9 for name in NAMES}


def compare(name, n, *models):
    """Difference from PyWake's AEP, relative, and the largest one in a wind speed, m/s, of our models."""
    x, y = measure.random_layout(n)
    type_of, cases = np.arange(n) % len(TYPES), measure.flow_cases()
    site = pywake.weibull_site(SITE, speed=SPEED)
    simulation = pywake.ready_made(name, site, TYPES)(x, y, type=type_of, wd=cases.direction)
    energy = float(simulation.aep().sum())
    speed = simulation.WS_eff.transpose("wd", "ws", "wt").values.reshape(-1, n)
    farms = [Farm(TYPES, cases, model, type_of=type_of) for model in models]
    return [
        (farm.aep(x, y).aep / energy - 1.0, np.abs(farm.effective_speed(x, y) - speed).max())
        for farm in farms
    ]


def main():
    options = measure.arguments(__doc__).parse_args()
    found = {}
    for name in NAMES:
        models = {name: MODELS[name]()}
        if name == "TurbOPark":
            models[f'{name}, `disc_mean: "exact"`'] = MODELS[name](disc_mean="exact")
        for n in SIZES:
            for label, figures in zip(models, compare(name, n, *models.values()), strict=True):
                found.setdefault(label, []).append(figures)
    rows = [[label, *(f"{aep:.0e}, {speed:.0e}" for aep, speed in found[label])] for label in found]
    text = table(["model", *(f"N = {n}" for n in SIZES)], rows)
    print(text)
    if options.write:
        measure.write("models.md", "agreement", text)
    limits = {label: LIMITS[label.split(",")[0]] for label in found}
    missed = [label for label in found if max(abs(aep) for aep, _ in found[label]) > limits[label]]
    print(f"further off than wanted: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
