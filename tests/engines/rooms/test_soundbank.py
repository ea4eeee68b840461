from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import MediaError, MissingFileError
from engines.rooms.aliases import ALIASES, aliases
from engines.rooms.soundbank import SoundBank, base_recording, split_of

soundfile = pytest.importorskip("soundfile", reason="needs soundfile (the extra train)")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = ["path,dataset,modalities,label,group"]
    t = np.arange(16_000) / 16_000
    for number in range(64):
        path = f"audio/noise_of_life/Cough/cough-{number:03d}.ogg"
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        burst = np.where((t > 0.4) & (t < 0.7), 0.3 * np.sin(2 * np.pi * 500 * t), 0.0)
        soundfile.write(tmp_path / path, burst, 16_000, format="OGG")
        rows.append(f"{path},noise_of_life,audio,Cough,cough-{number:03d}")
    rows.append("audio/esc50/x.ogg,esc50,audio,coughing,x")
    rows.append("audio/g/default_snow_footstep.1.ogg,debian_game_sounds,audio,footsteps,s1")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("dataset", "name", "base"),
    [
        ("kitchen20", "fold1_0-198956-A-12", "198956"),
        ("kitchen20", "fold7_6-J2-couvert(1).mp4-B-15", "J2-couvert.mp4"),
        ("kitchen20", "fold6_5-J2-couvert.mp4-A-15", "J2-couvert.mp4"),
        ("debian_game_sounds", "liz_pain75_1", "liz"),
        ("debian_game_sounds", "liz_death3", "liz"),
        ("debian_game_sounds", "default_hard_footstep.2", "default_hard_footstep"),
        ("debian_game_sounds", "oa_boot4", "oa_boot"),
        ("noise_of_life", "babyCry-008", "babyCry-1"),
        ("noise_of_life", "babyCry-009", "esc50 1-22694"),
        ("noise_of_life", "femaleCry-034", "femaleCry-1"),
        ("debian_game_sounds", "sorceress_death1", "major"),
        ("covid19_cough", "2be01514-afdc", "2be01514-afdc"),
    ],
)
def test_a_file_is_traced_to_its_base_recording(dataset: str, name: str, base: str) -> None:
    assert base_recording(dataset, name) == base


def test_takes_of_one_recording_are_on_one_side() -> None:
    sides = {
        split_of("kitchen20", f"fold{k}_{k - 1}-124432-{t}-15") for k in (1, 2) for t in "ABCD"
    }
    assert len(sides) == 1


def test_the_same_sound_under_another_name_is_on_the_same_side() -> None:
    for dataset, twins in (
        ("noise_of_life", ("maleScream-043", "maleScream-084")),
        ("noise_of_life", ("femaleCry-008", "femaleCry-034")),
        ("debian_game_sounds", ("major_pain25_1", "sorceress_pain25_1", "angelyss_death1")),
    ):
        assert {split_of(dataset, name) for name in twins} == {"test"}


def test_sounds_that_a_set_which_is_only_judged_holds_too_are_for_testing() -> None:
    assert split_of("noise_of_life", "keyboard-018") == "test"
    assert split_of("noise_of_life", "babyCry-024") == "test"


def test_an_alias_takes_no_file_from_the_test_side() -> None:
    for bases in ALIASES.values():
        names = [name for files in bases.values() for name in files.split()]
        assert len(names) == len(set(names))
    numbers = {name: int(name[-3:]) for name in aliases("noise_of_life")}
    judged = [name for name, number in numbers.items() if number // 8 % 4 == 1]
    assert len(judged) > 5
    assert {split_of("noise_of_life", name) for name in judged} == {"test"}


def test_train_and_test_share_no_file_and_both_have_some(data: Path) -> None:
    train, test = (set(SoundBank(data, split).paths("cough")) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    assert len(train | test) == 64


def test_only_permissive_sets_and_indoor_sounds_are_used(data: Path) -> None:
    banks = [SoundBank(data, "train"), SoundBank(data, "test")]
    assert not any("esc50" in path for bank in banks for path in bank.paths("cough"))
    assert not any(bank.paths("step") for bank in banks)


def test_a_drawn_sound_starts_at_once_and_peaks_at_one(data: Path) -> None:
    clip = SoundBank(data, "train").draw("cough", np.random.default_rng(0), max_s=2.0)
    assert clip is not None
    assert clip.path.startswith("audio/noise_of_life/Cough/")
    assert np.abs(clip.sound).max() == pytest.approx(1.0)
    assert np.abs(clip.sound[:400]).max() > 0.1
    assert 0.25 < len(clip.sound) / 16_000 < 0.5


def test_a_drawn_sound_is_cut_to_length(data: Path) -> None:
    clip = SoundBank(data, "train").draw("cough", np.random.default_rng(0), max_s=0.1)
    assert clip is not None
    assert len(clip.sound) == 1_600


def test_no_sound_of_a_kind_is_none(data: Path) -> None:
    assert SoundBank(data, "train").draw("scream", np.random.default_rng(0), max_s=1.0) is None


def test_a_damaged_sound_is_a_media_error(data: Path) -> None:
    bank = SoundBank(data, "train")
    for path in bank.paths("cough"):
        (data / path).write_bytes(b"not a sound")
    with pytest.raises(MediaError, match="decoded"):
        bank.draw("cough", np.random.default_rng(0), max_s=1.0)


def test_a_directory_without_manifest_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="GATEHOUSE_DATA"):
        SoundBank(tmp_path, "train")


def test_without_data_there_is_no_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_DATA", str(tmp_path))
    assert SoundBank.find("train") is None
