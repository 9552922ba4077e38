"""What a CI accepted last: ``fetch NAME FOLDER`` brings those results, ``keep NAME FOLDER`` makes these accepted.

On GitHub they are the artifact NAME of the last run of the default branch that passed as a whole, and nothing has to be
kept; on GitLab they are a file of the project's package registry, which a job reads and writes with its own token.

Where nothing was accepted yet the folder is left out. Where it can't be told whether anything was, the exit status is
1, so that no gate opens because a service is out of order. It runs with the standard library alone.
"""

import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_SECONDS = 60.0


class Unknown(Exception):
    """Whether anything was accepted can't be told; the message says why."""


def main(action: str, name: str, folder: str) -> str:
    """Carry out one action, and give what it came to, in words.

    Raises:
        Unknown: when the service does not say.
    """
    gitlab = "GITLAB_CI" in os.environ
    if action == "keep":
        if gitlab:
            ask(*_package(name), data=pack(Path(folder)))
            return f"these are the accepted results of {name} now"
        return "the artifact of this run is kept by its workflow"
    packed, where = fetch_from_gitlab(name) if gitlab else fetch_from_github(name)
    if packed is not None:
        unpack(packed, Path(folder))
    return where


def fetch_from_github(name: str) -> tuple[bytes | None, str]:
    """The artifact of the last run of the default branch that passed, packed, and which run that was."""
    token = {"Authorization": f"Bearer {os.environ['GH_TOKEN']}"}
    repository = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    branch = _json(repository, token)["default_branch"]
    # The newest come first.
    for artifact in _json(f"{repository}/actions/artifacts?name={name}&per_page=100", token)["artifacts"]:
        run = artifact["workflow_run"]
        # A fork may have a branch of the same name, and its pull requests run here.
        ours = run["head_repository_id"] == run["repository_id"] and run["head_branch"] == branch
        if artifact["expired"] or not ours:
            continue
        if _json(f"{repository}/actions/runs/{run['id']}", token)["conclusion"] == "success":
            return ask(artifact["archive_download_url"], token), f"accepted last: run {run['id']} of {branch}"
    return None, f"no run of {branch} with results of the name {name} has passed, or all of them have expired"


def fetch_from_gitlab(name: str) -> tuple[bytes | None, str]:
    """What was kept last, packed."""
    try:
        return ask(*_package(name)), f"accepted last: what was kept as {name}"
    except Unknown as error:
        if isinstance(error.__cause__, HTTPError) and error.__cause__.code == 404:
            return None, f"nothing was kept yet as {name}"
        raise


def ask(url: str, headers: dict[str, str], data: bytes | None = None) -> bytes:
    """What the service answers; data is put there.

    Raises:
        Unknown: when it does not.
    """
    request = Request(url, data=data, method="GET" if data is None else "PUT")  # noqa: S310  The service's own.
    for key, value in headers.items():
        # Artifacts lie elsewhere, where a token of the service is refused, and is nobody's business.
        request.add_unredirected_header(key, value)
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  As above.
            given: bytes = answer.read()
            return given
    except (URLError, OSError) as error:
        raise Unknown(f"{url}: {error}") from error


def pack(folder: Path) -> bytes:
    """The results files of a folder and of those in it, as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("results.jsonl")):
            file.write(path, path.relative_to(folder))
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Lay a zip file out in a folder.

    Raises:
        Unknown: when it is none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as file:
            file.extractall(folder)
    except zipfile.BadZipFile as error:
        raise Unknown(f"the accepted results are no zip file: {error}") from error


def _json(url: str, headers: dict[str, str]) -> Any:
    return json.loads(ask(url, headers))


def _package(name: str) -> tuple[str, dict[str, str]]:
    project = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    return f"{project}/packages/generic/accepted/{name}/results.zip", {"JOB-TOKEN": os.environ["CI_JOB_TOKEN"]}


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]))
    except Unknown as unknown:
        sys.exit(f"what was accepted last is not known: {unknown}")
