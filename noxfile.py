"""The tests on every supported Python that is on this machine; one that is not is skipped.

    pipx run nox                      # all of them
    pipx run nox -s tests-3.12 -- -k dicom

What is supported stands in the classifiers of pyproject.toml.
"""

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
SUPPORTED = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))


@nox.session(python=SUPPORTED)
def tests(session: nox.Session) -> None:
    """Install Hilum as `make test` does, and run its tests."""
    session.install("--constraint", "constraints.txt", "--editable", ".[dev]")
    session.run("python", "-m", "pytest", *session.posargs, env={"OMP_NUM_THREADS": "1"})
