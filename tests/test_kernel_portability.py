"""The kernel on processors that this machine does not have, emulated by QEMU.

A small C driver gets a farm as an image of its memory, evaluates it, and gives the image back. Compiled for
aarch64 it runs with the kernel compiled for aarch64; compiled for this machine it runs with the installed
kernel on emulated x86-64 processors of several generations.
"""

import ctypes
import shutil
import struct
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from reference.trial import NAMES, layout_of

from mpi_layout.wake.farm import setting_of
from mpi_layout.wake.kernel import structures
from mpi_layout.wake.kernel.native import call, library, pointer
from mpi_layout.wake.models import MODELS

pytestmark = pytest.mark.slow

KERNEL = Path(__file__).parents[1] / "mpi_layout" / "wake" / "kernel"
DRIVER = Path(__file__).parent / "portability" / "evaluate.c"
FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", f"-I{KERNEL}"]  # of meson.build
ANSWERS = [name for name, _ in structures.AnswerStruct._fields_]


def program(name, package):
    if shutil.which(name) is None:
        pytest.skip(f"needs {name} (Debian: apt-get install {package})")
    return name


class Question(ctypes.Structure):
    _fields_ = [
        ("setting", structures.SettingStruct),
        ("farm", structures.FarmStruct),
        ("answer", structures.AnswerStruct),
    ]


class Image:
    """Structures and arrays as they lie in memory, with offsets in the place of addresses."""

    def __init__(self, root, arrays):
        self._arrays = {array.ctypes.data: array for array in arrays}
        self._bytes = bytearray()
        self._pointers = []
        self.place = {}  # of each array, by its address
        self._root = self._put(bytes(root))
        self._follow(root, self._root)

    def _put(self, data):
        self._bytes.extend(bytes(-len(self._bytes) % 64))
        at = len(self._bytes)
        self._bytes.extend(data)
        return at

    def _follow(self, struct_, at):
        for name, kind in struct_._fields_:
            value, place = getattr(struct_, name), at + getattr(type(struct_), name).offset
            if isinstance(value, ctypes.Structure):
                self._follow(value, place)
            elif isinstance(value, ctypes._Pointer) and value:
                self._pointers.append(place)
                struct.pack_into("<Q", self._bytes, place, self._target(struct_, value, kind))

    def _target(self, owner, pointer, kind):
        if issubclass(kind._type_, ctypes.Structure):
            each = [pointer[i] for i in range(owner.n_turbine)]
            first = self._put(b"".join(map(bytes, each)))
            for i, part in enumerate(each):
                self._follow(part, first + i * ctypes.sizeof(part))
            return first
        address = ctypes.cast(pointer, ctypes.c_void_p).value
        if address not in self.place:
            self.place[address] = self._put(self._arrays[address].tobytes())
        return self.place[address]

    def write(self, path):
        self._put(b"")
        head = struct.pack("<3Q", len(self._bytes), self._root, len(self._pointers))
        path.write_bytes(head + struct.pack(f"<{len(self._pointers)}Q", *self._pointers) + self._bytes)


def question_of(name):
    """A question about a farm with a model; the arrays that it points to; those that the answers go to."""
    layout = layout_of("20 of three types")
    setting = setting_of(layout.types, layout.flow_cases, MODELS[name]())
    n, n_lanes = layout.x.size, setting.cases.probability.size
    shapes = [n, layout.direction.size, n, n, (n_lanes, n), (n_lanes, n)]
    answers = dict(zip(ANSWERS, map(np.zeros, shapes), strict=True))
    x, y = np.array(layout.x), np.array(layout.y)
    types = np.ascontiguousarray(layout.type_of, np.intc)
    farm = structures.FarmStruct(pointer(x), pointer(y), types.ctypes.data_as(structures.INTS), n, n)
    answer = structures.AnswerStruct(**{key: pointer(array) for key, array in answers.items()})
    question = Question(setting.struct, farm, answer)
    return question, [*setting._arrays, x, y, types, *answers.values()], answers


def native_answers(question, answers):
    call(library.mpl_evaluate, *map(ctypes.byref, (question.setting, question.farm, question.answer)))
    found = {key: array.copy() for key, array in answers.items()}
    for array in answers.values():
        array[...] = 0
    return found


def assert_same_elsewhere(command, name, folder):
    """Run the driver on a model's question and compare with this machine; return the instruction set."""
    question, arrays, answers = question_of(name)
    native = native_answers(question, answers)
    image = Image(question, arrays)
    image.write(folder / "question")
    arguments = [*command, folder / "question", folder / "answer"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answered = (folder / "answer").read_bytes()
    for key, array in answers.items():
        found = np.frombuffer(answered, float, array.size, image.place[array.ctypes.data]).reshape(
            array.shape
        )
        assert np.abs(native[key]).max() > 0
        np.testing.assert_allclose(
            found, native[key], rtol=0, atol=1e-12 * np.abs(native[key]).max(), err_msg=key
        )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def on_aarch64(tmp_path_factory):
    """Command of the driver with the kernel, both compiled for aarch64."""
    compiler = program("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    emulator = program("qemu-aarch64", "qemu-user")
    driver = tmp_path_factory.mktemp("aarch64") / "evaluate"
    sources = [DRIVER, *KERNEL.glob("*.c")]
    subprocess.run([compiler, *FLAGS, "-DISA=generic", "-static", "-o", driver, *sources, "-lm"], check=True)
    return [emulator, driver]


@pytest.mark.parametrize("name", NAMES)
def test_aarch64_gives_the_same_energies_and_gradients(name, on_aarch64, tmp_path):
    assert assert_same_elsewhere(on_aarch64, name, tmp_path) == "generic"


@pytest.fixture(scope="module")
def with_installed_kernel(tmp_path_factory):
    """Path of the driver, compiled for this machine, that loads the installed kernel."""
    compiler = program("cc", "gcc")
    driver = tmp_path_factory.mktemp("x86-64") / "evaluate"
    kernel = Path(str(resources.files("mpi_layout.wake.kernel") / "kernel.so"))
    link = [kernel, f"-Wl,-rpath,{kernel.parent}", "-lm"]
    subprocess.run([compiler, *FLAGS, "-o", driver, DRIVER, *link], check=True)
    return driver


@pytest.mark.parametrize(
    ("cpu", "wanted", "chosen"),
    [("Nehalem", None, "generic"), ("Nehalem", "avx512", "generic"), ("Haswell", None, "avx2")],
)
def test_older_x86_64_processors_get_what_they_can_do(
    cpu, wanted, chosen, with_installed_kernel, tmp_path, monkeypatch
):
    emulator = program("qemu-x86_64", "qemu-user")
    if wanted is None:
        monkeypatch.delenv("MPI_LAYOUT_ISA", raising=False)
    else:
        monkeypatch.setenv("MPI_LAYOUT_ISA", wanted)
    command = [emulator, "-cpu", cpu, with_installed_kernel]
    for name in NAMES:
        assert assert_same_elsewhere(command, name, tmp_path) == chosen
