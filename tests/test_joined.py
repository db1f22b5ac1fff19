"""A step that a concurrent build did is one step of this one, and says whose work it was."""

import random

import properties  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from recorder import steps
from recorder.engine.joined import joined
from recorder.model import Step
from recorder.steps import Vertex

COPY, RUN, LAST = "[base 1/2] COPY a /", "[base 2/2] RUN make", "[right 1/1] RUN test"
ANNOUNCED = [
    Vertex("copy", COPY, ("context",)),
    Vertex("context", "[internal] load build context"),
    Vertex("last", LAST, ("run",)),
    Vertex("run", RUN, ("copy",)),
    Vertex("context", "[internal] load build context", started=0.041, completed=0.092),
]
"""What a build says of its own graph, as an engine of 28.5 told it of two targets at once."""


def fold(*events: Vertex) -> dict[str, Step]:
    folded = steps.fold(joined([*ANNOUNCED, *events]), window=1.5)
    assert len({step.name for step in folded.steps}) == len(folded.steps)
    return {step.name: step for step in folded.steps}


def test_a_step_that_we_waited_for_is_work_though_its_own_vertex_says_cached():
    found = fold(
        Vertex("their copy", COPY, ("their context",), cached=True, started=0.085, completed=0.085),
        Vertex("their run", RUN, ("their copy",), started=0.085, completed=1.26),
        Vertex("copy", COPY, ("context",), cached=True, started=1.2608, completed=1.2608),
        Vertex("run", RUN, ("copy",), cached=True, started=1.2608, completed=1.2608),
        Vertex("last", LAST, ("run",), started=1.2608, completed=1.48),
    )
    assert (found[COPY].cached, found[COPY].shared) == (True, False)
    run = found[RUN]
    assert (run.cached, run.shared, run.started, run.duration) == (False, True, 0.085, 1.175)
    assert (found[LAST].cached, found[LAST].shared) == (False, False)


def test_a_step_that_was_done_before_we_needed_it_is_a_hit():
    for started, completed in ((-4.2, -4.1), (0.0, 0.05)):
        found = fold(
            Vertex("their copy", COPY, ("their",), started=started, completed=completed),
            Vertex("copy", COPY, ("context",), cached=True, started=0.2, completed=0.2),
        )
        copy = found[COPY]
        assert (copy.cached, copy.shared, copy.started, copy.duration) == (True, False, 0.2, 0.0)


def test_a_step_whose_own_vertex_never_starts_is_what_the_other_did():
    found = fold(
        Vertex("their copy", COPY, ("their",), cached=True, started=-0.5, completed=-0.5),
        Vertex("their run", RUN, ("their copy",), started=-0.4, completed=1.1),
    )
    assert found[COPY].cached
    run = found[RUN]
    assert (run.shared, run.started, run.duration) == (True, -0.4, 1.1)


def test_a_step_that_another_build_does_to_the_end_of_ours_was_cut_off():
    found = fold(Vertex("their run", RUN, ("their copy",), started=0.3))
    assert (found[RUN].shared, found[RUN].started, found[RUN].duration) == (True, 0.3, None)


def test_what_an_add_downloads_is_a_step_of_its_own():
    name = "[1/1] ADD https://host/file /"
    events = [
        Vertex("source", name),
        Vertex("add", name, ("source",)),
        Vertex("source", name, started=0.0, completed=0.4),
        Vertex("their add", name, ("source",), started=0.4, completed=0.5),
    ]
    source, add = steps.fold(joined(events), window=1.0).steps
    assert (source.duration, source.shared) == (0.4, False)
    assert (round(add.duration or 0, 6), add.shared) == (0.1, True)


def test_a_trace_of_one_build_alone_stays_as_it_is():
    events = [*ANNOUNCED, Vertex("run", RUN, ("copy",), started=0.1, completed=0.2)]
    assert joined(events) == events


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_events_does_not_matter(dice: random.Random):
    events = [
        *ANNOUNCED,
        Vertex("their run", RUN, ("their copy",), started=0.085, completed=1.26),
        Vertex("run", RUN, ("copy",), cached=True, started=1.2608, completed=1.2608),
        Vertex("copy", COPY, ("context",), started=0.1, completed=0.2),
    ]
    shuffled = dice.sample(events, len(events))
    expected, found = (
        {
            s.name: (s.started, s.duration, s.shared, s.cached)
            for s in steps.fold(e, window=1.5).steps
        }
        for e in (joined(events), joined(shuffled))
    )
    assert found == expected
