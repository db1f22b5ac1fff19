"""The suite `transcription`: speech to text by pocketsphinx, judged by jiwer."""

from pathlib import Path
from typing import Any

from recorder.bench.registry import Figure, Suite, Work
from recorder.bench.suites import speech
from recorder.bench.suites.speech import Utterance

suite = Suite(
    "transcription",
    about="Turn recorded speech into text on the CPU, with the word error rate.",
    requires=("pocketsphinx", "jiwer"),
)

_MOST_ERRORS = 0.6
"""A word error rate above it is no transcription; the model's is about 0.1 to 0.4 here."""
_PAUSE = 1.0
"""Seconds of silence after each utterance of the long recording."""


@suite.benchmark("short", slow=True)
def short(_scratch: Path, _quick: bool) -> Work:
    """Transcribe one utterance of three seconds as a whole."""
    decoder, means = _decoder()
    utterance = speech.utterance("0930")

    def transcribe() -> str:
        decoder.set_cmn(means)
        decoder.start_utt()
        decoder.process_raw(utterance.samples, full_utt=True)
        decoder.end_utt()
        return _said(decoder)

    return _judged(transcribe, utterance)


@suite.benchmark("long", slow=True)
def long(_scratch: Path, quick: bool) -> Work:
    """Transcribe a longer recording as it would arrive, parted where the speaker pauses."""
    from pocketsphinx import Endpointer

    decoder, means = _decoder()
    names = ("0930", "0920") if quick else ("0930", "0920", "0890")
    recording = speech.joined([speech.utterance(name) for name in names], _PAUSE)

    def transcribe() -> str:
        decoder.set_cmn(means)
        endpointer = Endpointer(sample_rate=speech.SAMPLES_PER_SECOND)
        size = endpointer.frame_bytes
        said = []
        for start in range(0, len(recording.samples) - size + 1, size):
            before = endpointer.in_speech
            heard = endpointer.process(recording.samples[start : start + size])
            if heard is None:
                continue
            if not before:
                decoder.start_utt()
            decoder.process_raw(heard)
            if not endpointer.in_speech:
                decoder.end_utt()
                said.append(_said(decoder))
        return " ".join(said)

    return _judged(transcribe, recording)


def _decoder() -> tuple[Any, str]:
    """A decoder with the model of the wheel, and the means that it starts from.

    It adapts its means to what it hears, so they are set back before each recording: the second
    call must do the same work as the first.
    """
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=speech.SAMPLES_PER_SECOND, loglevel="FATAL")
    return decoder, decoder.get_cmn(update=False)


def _said(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def _judged(transcribe: Any, recording: Utterance) -> Work:
    from jiwer import wer

    def check(text: str) -> dict[str, Figure]:
        errors = wer(recording.text, text)
        assert errors <= _MOST_ERRORS, f"the word error rate is {errors:.2f}: {text!r}"
        return {"word_error_rate": round(errors, 3), "audio_seconds": round(recording.seconds, 2)}

    return Work(transcribe, check, real_seconds=recording.seconds)
