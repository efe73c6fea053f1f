"""How much is spent on making a layout better, stage by stage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refinement:
    """Budgets of the stages, in evaluations: layouts whose objective is computed, on a sample or in full.

    A stage without a budget is left out. They come in this order.

    Attributes
    ----------
    expansion : int
        Gradient steps in wakes that are wider than they are, and become ever narrower.
    gradient : int
        Stochastic gradient steps.
    annealing : int
        Places that single turbines try, for models whose wakes do not depend on each other; others skip it.
    relocation : int
        Points that single turbines may jump to.
    polish : int
        Gradient steps on all flow cases, at the end of the stages that maximise energy or its worth.
    function : int
        Moves accepted by a function of the user's; left out without one.
    """

    expansion: int = 0
    gradient: int = 0
    annealing: int = 0
    relocation: int = 0
    polish: int = 0
    function: int = 0


NO_REFINEMENT = Refinement()
PRESETS = {
    "none": NO_REFINEMENT,
    "quick": Refinement(gradient=4000, annealing=2_000_000, relocation=1500, polish=20, function=200),
    "thorough": Refinement(gradient=20000, annealing=40_000_000, relocation=120000, polish=60, function=3000),
}
