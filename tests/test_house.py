"""The house keeps its order: rooms import only from rooms above them, and each heavy library has one owner."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import seisnet

PACKAGE = Path(seisnet.__file__).parent

# fmt: off
ROOMS = [
    "errors", "kernels", "wording", "overlaps", "config", "picks", "pick_lists", "label_weights", "nn", "hearing",
    "crew", "engine", "store", "waveforms", "labels", "datasets", "extremes", "features", "windows", "scan", "picking",
    "synthetic", "formats", "streaming", "seisbench_arguments", "model", "model_cards", "onnx_export",
    "preprocessing", "scoring", "plots", "training", "classification", "inspection", "report", "review", "demo",
    "cli", "__main__",
]
# fmt: on
"""In import order: a room imports only from itself and from those before it."""

OWNERS = {
    "obspy": {"picks", "waveforms", "labels", "formats", "model", "streaming", "classification"},
    "lxml": {"labels"},
    "h5py": {"store"},
    "matplotlib": {"plots"},
    "click": {"cli"},
    "rich": {"cli"},
    "jinja2": {"report"},
    "onnx": {"onnx_export"},
}
"""Which rooms may import a library."""

NEVER = {"torch", "tensorflow", "jax", "keras", "sklearn", "pandas", "pickle", "seisbench"}


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# The package itself stands above all rooms, and imports a room only when one of its names is asked for.
MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}


def imports_of(path):
    """Dotted names that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            for (
                alias
            ) in node.names:  # `from seisnet import plots` imports a module, `from seisnet.plots import svg` a name
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


IMPORTS = {name: set(imports_of(path)) for name, path in MODULES.items()}
GRAPH = {name: {other for other in found if other in MODULES} - {name} for name, found in IMPORTS.items()}


def room(module):
    return module.split(".")[1]


def test_every_room_has_its_place_in_the_order():
    missing = {room(name) for name in MODULES} - set(ROOMS)
    assert not missing, f"say in ROOMS after which rooms {', '.join(sorted(missing))} comes"


def test_the_design_page_names_every_room_in_order():
    page = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE) == ROOMS


def test_every_folder_is_installed_and_says_what_it_holds():
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent for path in MODULES.values()} | {PACKAGE}
    packages = {module_of(folder / "__init__.py") for folder in folders}
    assert set(project["tool"]["setuptools"]["packages"]) == packages | {"seisnet.models", "seisnet.registry"}
    for folder in folders:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder.name


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_from_rooms_above_it(module):
    here = ROOMS.index(room(module))
    below = {other for other in GRAPH[module] if ROOMS.index(room(other)) > here}
    assert not below, f"{module} imports {', '.join(sorted(below))}, which stands below it"


def test_imports_run_in_no_circle():
    list(TopologicalSorter(GRAPH).static_order())


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_its_owner(library):
    users = {room(name) for name, found in IMPORTS.items() if library in {i.split(".")[0] for i in found}}
    assert users <= OWNERS[library]


def test_no_other_framework_and_no_pickle_is_imported():
    for name, found in IMPORTS.items():
        wrong = {i.split(".")[0] for i in found} & NEVER
        assert not wrong, f"{name} imports {', '.join(wrong)}"


def test_the_networks_import_nothing_of_ours_but_errors():
    for name, found in GRAPH.items():
        if room(name) == "nn":
            assert {room(other) for other in found} <= {"nn", "errors"}


def test_the_store_reads_and_writes_and_knows_no_waveforms():
    for name, found in GRAPH.items():
        if room(name) == "store":
            assert {room(other) for other in found} <= {"store", "errors"}


def test_only_the_command_line_writes_to_the_terminal():
    for name, path in MODULES.items():
        if room(name) in ("cli", "demo", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(call, ast.Name) and call.id == "print"), f"{name} prints"


def test_no_module_draws_random_numbers_of_a_global_generator():
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                assert node.attr in allowed, f"{name} uses np.random.{node.attr}"


def test_seisnet_itself_imports_nothing_heavy():
    code = (
        "import sys, seisnet.cli, seisnet; "
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'scipy', 'obspy', 'h5py', 'matplotlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_preprocessing_imports_no_part_of_scipy_that_takes_long():
    code = "import sys, seisnet.preprocessing.job; print(*sorted(m for m in sys.modules if m.startswith('scipy.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"scipy.signal", "scipy.stats", "scipy.optimize", "scipy.linalg", "scipy.sparse", "scipy.special"}
    assert not slow & set(done.stdout.split())


def test_picking_imports_no_part_of_scipy_that_takes_much_memory():
    """It would come after the first day of a recording was read, so that a month would peak higher than a day."""
    code = (
        "import sys, obspy, seisnet; stream = obspy.read(); "
        "found = seisnet.load_model('phase').classify(stream, P_threshold=0.1, S_threshold=0.1); "
        "print(len(found) > 0, 'scipy.signal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_classify_loads_the_library_of_figures_for_a_report_only():
    arguments = ["classify", "missing.mseed", "-o", "picks.csv"]
    code = f"import sys; from seisnet.cli import main; sys.argv[1:] = {arguments}\n"
    code += "try: main()\nexcept SystemExit as end: print(end.code)\n"
    code += "print(*({'seisnet.model', 'matplotlib'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\nseisnet.model\n"


def test_seisnet_lists_its_names_and_gives_each_after_a_plain_import():
    assert set(dir(seisnet)) >= set(seisnet.__all__)
    code = "import seisnet; seisnet.nn.blas_threads; [getattr(seisnet, name) for name in dir(seisnet)]"
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
