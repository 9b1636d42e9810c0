"""The faster kernels are chosen on the processors that they are for, and never against the user."""

import os
import subprocess
import sys

import pytest

from seisnet import kernels

CORE = "processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\nbugs\t\t:\nflags\t\t: fpu avx2 {}\n"
ZEN_4 = CORE.format("AuthenticAMD", 25, "avx512f")


@pytest.mark.parametrize(
    ("core", "is_zen_4"),
    [
        (ZEN_4, True),
        (CORE.format("AuthenticAMD", 25, ""), False),
        (CORE.format("AuthenticAMD", 26, "avx512f"), False),
        (CORE.format("GenuineIntel", 6, "avx512f"), False),
        ("processor\t: 0\nCPU part\t: 0xd40\n", False),
    ],
    ids=["Zen 4", "Zen 3", "Zen 5", "Intel", "ARM"],
)
def test_processors(core, is_zen_4):
    assert kernels.is_zen_4(core) is is_zen_4


@pytest.mark.parametrize(
    ("hidden", "before", "user", "core", "expected"),
    [
        ((256, 128), "", None, ZEN_4, "Zen"),
        ((64, 32), "", None, ZEN_4, "None"),
        ((256, 128), "", "Haswell", ZEN_4, "Haswell"),
        ((256, 128), "import numpy", None, ZEN_4, "None"),
        ((256, 128), "", None, CORE.format("GenuineIntel", 6, "avx512f"), "None"),
        ((256, 128), "", None, None, "None"),
    ],
    ids=["chosen", "narrow", "the user's", "too late", "Intel", "no Linux"],
)
def test_choice(hidden, before, user, core, expected, tmp_path):
    if core is not None:
        (tmp_path / "cpuinfo").write_text(f"{core}\n{core.replace('25', '99')}\n")
    code = (
        f"{before}\nimport os, pathlib\nfrom seisnet import kernels\n"
        f"kernels.CPUINFO = pathlib.Path({str(tmp_path / 'cpuinfo')!r})\n"
        f"kernels.choose_kernels({hidden})\nprint(os.environ.get(kernels.VARIABLE))"
    )
    environment = {key: value for key, value in os.environ.items() if key != kernels.VARIABLE}
    if user:
        environment[kernels.VARIABLE] = user
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_train_chooses_before_numpy_is_loaded():
    """Importing the command and its settings must load no NumPy, or the choice would come too late."""
    code = "import sys, seisnet.cli.train, seisnet.config, seisnet.kernels; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
