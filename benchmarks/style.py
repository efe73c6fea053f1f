"""How plots of benchmarks look: in colours that colour-blind people can tell apart."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
DOTS_PER_INCH = 130


def pyplot():
    """matplotlib.pyplot without a screen, with these colours in this order."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=COLOURS)
    return plt


def save(figure, path):
    """Write a figure as PNG, and forget it."""
    figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})
    pyplot().close(figure)
