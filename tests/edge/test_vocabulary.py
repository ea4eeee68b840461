from __future__ import annotations

import re
from enum import Enum

import pytest

from edge.vocabulary import ACTIONS, SOUNDS, AlarmClass, Modality


def test_no_word_means_two_things() -> None:
    words = [*ACTIONS, *SOUNDS]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    "words", [ACTIONS, SOUNDS, [m.value for m in Modality], [c.value for c in AlarmClass]]
)
def test_words_can_stand_in_json_and_on_command_lines(words: list[str]) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", word) for word in words)


@pytest.mark.parametrize("kind", [Modality, AlarmClass])
def test_a_word_of_a_payload_is_found_again(kind: type[Enum]) -> None:
    assert [kind(str(member.value)) for member in kind] == list(kind)
