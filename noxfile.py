"""The sessions: everything that is run on this project, by people and by CI.

Each local package is installed in editable form, all of them in one command:
explicit paths satisfy the exact pins between them, so that no index is asked
for packages that are here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox
from nox.project import dependency_groups, load_toml

nox.needs_version = ">=2025.2.9"
# uv where `pip install "nox[uv]"` brought it, else virtualenv and pip.
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "layers", "tests"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
CORE = "packages/hypernodes-core"
EXTENSIONS = sorted(
    f"packages/{folder.parent.name}"
    for folder in (ROOT / "packages").glob("hypernodes-*/pyproject.toml")
    if folder.parent.name != "hypernodes-core"
)
PYTHONS = ["3.11", "3.12", "3.13"]
PROJECT = load_toml(ROOT / "pyproject.toml")
PUBLISHED = load_toml(ROOT / CORE / "pyproject.toml")["project"]
VERSION = PUBLISHED["version"]
EXTRAS = sorted(PUBLISHED["optional-dependencies"])


def group(*names: str) -> tuple[str, ...]:
    """Return the requirements of dependency groups of pyproject.toml."""
    return dependency_groups(PROJECT, *names)


def editable(*paths: str) -> list[str]:
    """Return the arguments that install local packages in editable form."""
    return [argument for path in paths for argument in ("-e", path)]


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Run pytest on two processes, a file never split between them."""
    session.run(
        "pytest", "-n", "2", "--dist", "loadfile", *arguments, *session.posargs,
        env={"RAY_USAGE_STATS_ENABLED": "0", "PYTHONHASHSEED": "random"},
    )  # fmt: skip


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format; `-- --fix` repairs what can be repaired."""
    session.install(*group("lint"))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: mypy over the code, pyright over all that users can reach, both over uses."""
    session.install(*group("types", "optional"), *editable(CORE, *EXTENSIONS))
    session.run("mypy")
    session.run("pyright")
    for path in [CORE, *EXTENSIONS]:
        name = "hypernodes" if path == CORE else Path(path).name.replace("-", "_")
        session.run("pyright", "--ignoreexternal", "--verifytypes", name)


@nox.session
def layers(session: nox.Session) -> None:
    """Check that every module imports only from the floors below it."""
    session.install(*group("layers"))
    # The packages are read, not imported: nothing of theirs is installed.
    sources = os.pathsep.join(str(ROOT / path / "src") for path in [CORE, *EXTENSIONS])
    session.run("lint-imports", "--no-logo", env={"PYTHONPATH": sources})


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite on this Python, with everything installed."""
    session.install(
        *group("test", "optional", "servers"), *editable(f"{CORE}[batch,testing,viz]", *EXTENSIONS)
    )
    run_tests(session)


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """Run the whole suite on every supported Python that is here."""
    tests.func(session)


@nox.session
def minimal(session: nox.Session) -> None:
    """Run the suite where nothing optional is installed."""
    session.install(*group("test"), *editable(CORE))
    run_tests(session)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the suite on the oldest versions that we say we work with."""
    if session.venv_backend != "uv":
        session.skip("only uv resolves to the lowest versions")
    session.install(
        "--resolution", "lowest-direct", *group("test", "optional", "servers"),
        *editable(f"{CORE}[batch,gcs,s3,testing,viz]", *EXTENSIONS),
    )  # fmt: skip
    run_tests(session)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the suite and report the lines of the core that no test reaches."""
    session.install(*group("test", "optional"), *editable(f"{CORE}[batch,testing]"))
    session.run("coverage", "run", "-m", "pytest", "-q", *session.posargs)
    session.run("coverage", "report")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the example that shows what is computed and what is found."""
    session.install(*editable(CORE))
    session.run("python", "examples/search_the_docs.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; names of files after `--` choose some, `--record` writes their page."""
    session.install(
        *group("optional", "servers"), *editable(f"{CORE}[batch,gcs,s3,viz]", *EXTENSIONS)
    )
    every = map(str, Path("benchmarks").glob("bench_*.py"))
    chosen = [each for each in session.posargs if each != "--record"] or sorted(every)
    if "--record" in session.posargs:
        names = [Path(path).stem.removeprefix("bench_") for path in chosen]
        session.run("python", "benchmarks/record.py", *names)
        return
    for path in chosen:
        session.run("python", path)


@nox.session(name="bench-peers")
def bench_peers(session: nox.Session) -> None:
    """Run the benchmarks beside other libraries; `-- --write` writes their page."""
    session.install(*group("peers"), *editable(CORE, "packages/hypernodes-dask"))
    session.run("python", "benchmarks/peers/bench.py", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Look up every dependency, with all extras, in the advisory database."""
    session.install("pip", *group("audit"), *editable(f"{CORE}[batch,gcs,s3,viz]", *EXTENSIONS))
    # ours are not published in this version, so nobody knows of them
    found = session.run("python", "-m", "pip", "freeze", "--exclude-editable", silent=True)
    listed = Path(session.create_tmp()) / "installed.txt"
    listed.write_text(str(found), "utf-8")
    # strict, since what cannot be looked up is not known to be sound
    session.run(
        "pip-audit", "--strict", "--disable-pip", "--no-deps", "--requirement", str(listed),
        "--desc", "on", *session.posargs,
    )  # fmt: skip


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/; a broken link is an error."""
    # ruff, of "lint", breaks long signatures
    session.install(*group("docs", "lint"), *editable(f"{CORE}[viz]"))
    session.run("mkdocs", "build", "--strict")


@nox.session
def build(session: nox.Session) -> None:
    """Build every distribution into dist/, wheels from sdists; check what would be published."""
    session.install(*group("build"))
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for path in [CORE, *EXTENSIONS]:
        session.run("python", "-m", "build", "--installer", "uv", "--outdir", "dist", path)
    session.run("twine", "check", "--strict", *sorted(map(str, Path("dist").iterdir())))


def wheelhouse_of(session: nox.Session) -> Path:
    """Return the folder of the wheels for the Python of *session*."""
    return Path(session.cache_dir) / f"wheelhouse-{session.python}"


@nox.session(python=PYTHONS, requires=["build"])
def wheelhouse(session: nox.Session) -> None:
    """Download the wheels that `wheels` installs; the one step of it that asks an index."""
    session.install("pip")
    folder = wheelhouse_of(session)
    session.run(
        "python", "-m", "pip", "download", "--quiet", "--only-binary", ":all:",
        "--find-links", "dist", "--dest", str(folder), f"hypernodes[all,testing]=={VERSION}",
    )  # fmt: skip
    for path in folder.glob("hypernodes*"):
        # ours are taken from dist/, where they are never older than the last build
        path.unlink()


def install_wheels(session: nox.Session, extra: str) -> None:
    """Install the core with *extra* from folders of wheels, without an index."""
    requirement = f"hypernodes[{extra}]=={VERSION}" if extra else f"hypernodes=={VERSION}"
    session.install(
        "--no-index", "--find-links", str(wheelhouse_of(session)), "--find-links", "dist",
        "--upgrade", requirement,
    )  # fmt: skip


def check_installation(session: nox.Session, extra: str) -> None:
    """Use what is installed, away from this folder, whose sources must not be found."""
    session.run("python", "-m", "pip", "check")
    session.run("hypernodes", "plugins")
    script = ROOT / "tests/packaging/installed.py"
    session.run("python", "-I", str(script), extra, env={"RAY_USAGE_STATS_ENABLED": "0"})


@nox.session(python=PYTHONS, requires=["wheelhouse-{python}"])
@nox.parametrize("extra", ["", *EXTRAS], ids=["core", *EXTRAS])
def wheels(session: nox.Session, extra: str) -> None:
    """Install each extra from wheels alone into an environment of its own, and use it."""
    session.install("pip")
    install_wheels(session, extra)
    check_installation(session, extra)


@nox.session(python=PYTHONS, requires=["wheelhouse-{python}"])
def upgrade(session: nox.Session) -> None:
    """Install the last version of the former code line, then ours over it."""
    session.install("pip", "hypernodes==0.4.8")
    install_wheels(session, "dask")
    check_installation(session, "dask")
