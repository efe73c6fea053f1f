"""An objective for cable_cost.yaml: income less cables and foundations, in millions of euros a year.

A campaign names this file and one of its functions. It gets a layout and gives a number to be maximised, and
depends on nothing but the layout: no random numbers, no other files, no clock.
"""

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

PRICE = 50.0  # EUR/MWh
CABLE = 0.6  # million EUR per km, laid
FOUNDATION = 0.25  # million EUR per turbine and m of depth
YEARLY = 0.08  # share of an investment that it costs every year

SUBSTATION = (3000.0, -2000.0)  # m


def net_value(layout):
    """Income less yearly costs, million EUR a year."""
    income = layout.aep * 1000 * PRICE / 1e6  # GWh to MWh
    x, y = np.append(layout.x, SUBSTATION[0]), np.append(layout.y, SUBSTATION[1])
    cables = minimum_spanning_tree(squareform(pdist(np.column_stack([x, y])))).sum() / 1000  # km
    foundations = depth(layout.x, layout.y).sum()  # m
    return float(income - YEARLY * (CABLE * cables + FOUNDATION * foundations))


def depth(x, y):
    """Depth of the water, m: a bank in the south-west."""
    return 25 + 20 * (1 - np.exp(-((x - 1500) ** 2 + (y - 1500) ** 2) / 2 / 2500**2))
