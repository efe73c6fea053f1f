"""What the README promises."""

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_python_example_runs_on_a_results_file(launch, small_campaign, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert launch("run", small_campaign, "-o", tmp_path / "danish_energy_island.h5").code == 0
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["x"].size == names["y"].size == 5
    assert names["best"].aep == names["done"].aep.max()
