"""How a trace of vertex events becomes the steps of a build."""

import random
import string

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder import step_names
from recorder.errors import RecorderError
from recorder.steps import Transfer, Vertex, fold


def only(*events, window=10.0, **more):
    """The one step that these events come to."""
    folded = fold(events, window=window, **more)
    assert len(folded.steps) == 1
    return folded.steps[0]


def by_name(folded):
    return {step.name: step for step in folded.steps}


def key(name, targets=(), **arguments):
    return only(Vertex("a", name), arguments=arguments, targets=targets).step_key


# Duration of a step


def test_a_vertex_that_was_only_announced_has_no_times():
    step = only(Vertex("a", "[1/2] RUN make"))
    assert (step.started, step.duration, step.cached) == (None, None, False)


def test_a_step_takes_the_time_between_its_start_and_its_end():
    step = only(
        Vertex("a", "[1/2] RUN make"),
        Vertex("a", "[1/2] RUN make", started=1.0),
        Vertex("a", "[1/2] RUN make", started=1.0, completed=3.5),
    )
    assert (step.started, step.duration) == (1.0, 2.5)


def test_several_intervals_are_added_without_the_pause_between_them():
    step = only(
        Vertex("a", "[internal] load build context", started=0.0, completed=0.1),
        Vertex("a", "[internal] load build context", started=2.0, completed=2.5),
    )
    assert step.started == 0.0
    assert step.duration == pytest.approx(0.6)


def test_the_overlap_of_intervals_counts_once():
    step = only(
        Vertex("a", "[1/2] RUN make", started=1.0, completed=4.0),
        Vertex("a", "[1/2] RUN make", started=2.0, completed=5.0),
        Vertex("a", "[1/2] RUN make", started=3.0, completed=3.5),
    )
    assert step.duration == pytest.approx(4.0)


def test_an_interval_that_is_told_twice_counts_once_with_its_last_end():
    step = only(
        Vertex("a", "[1/2] RUN make", started=1.0, completed=2.0),
        Vertex("a", "[1/2] RUN make", started=1.0, completed=2.5),
        Vertex("a", "[1/2] RUN make", started=1.0),
    )
    assert step.duration == pytest.approx(1.5)
    step = only(
        Vertex("a", "[1/2] RUN make", started=1.0, completed=2.5),
        Vertex("a", "[1/2] RUN make", started=1.0, completed=2.0),
    )
    assert step.duration == pytest.approx(1.5)


def test_an_interval_that_is_open_at_the_end_was_cut_and_has_no_duration():
    step = only(Vertex("a", "[1/2] RUN make", started=1.0))
    assert (step.started, step.duration) == (1.0, None)
    step = only(
        Vertex("a", "[1/2] RUN make", started=1.0, completed=2.0),
        Vertex("a", "[1/2] RUN make", started=3.0),
    )
    assert (step.started, step.duration) == (1.0, None)


def test_a_step_that_a_concurrent_build_began_counts_its_part_inside_this_build():
    step = only(Vertex("a", "[1/2] RUN make", started=-1.95, completed=2.2), window=2.2)
    assert step.shared
    assert step.started == -1.95
    assert step.duration == pytest.approx(2.2)
    assert step.duration - step.started == pytest.approx(4.15)


def test_a_base_image_that_a_concurrent_build_began_to_pull_is_shared_too():
    step = only(Vertex("a", "[1/2] FROM docker.io/library/alpine", started=-3.0, completed=1.0))
    assert (step.shared, step.duration) == (True, 1.0)


def test_clocks_that_differ_by_a_hair_share_nothing():
    step = only(Vertex("a", "[1/2] RUN make", started=-0.001, completed=1.0))
    assert (step.shared, step.started, step.duration) == (False, 0.0, 1.0)
    step = only(Vertex("a", "[1/2] RUN make", started=-0.001))
    assert (step.shared, step.started, step.duration) == (False, 0.0, None)


def test_a_load_keeps_its_duration_whatever_the_clock_of_the_client_says():
    step = only(Vertex("a", "[internal] load build context", started=-3600.0, completed=-3599.5))
    assert (step.shared, step.duration) == (False, 0.5)


def test_an_end_before_its_start_takes_no_time():
    assert only(Vertex("a", "[1/2] RUN make", started=3.0, completed=1.0)).duration == 0.0


# Cached


def test_a_step_is_cached_if_any_event_said_so_and_then_takes_no_time():
    step = only(
        Vertex("a", "[1/2] RUN make", cached=True, started=1.0),
        Vertex("a", "[1/2] RUN make", cached=False, started=1.0, completed=4.0),
    )
    assert (step.cached, step.duration) == (True, 0.0)


def test_a_cached_base_image_is_no_cache_hit():
    folded = fold(
        [
            Vertex("f", "[1/3] FROM docker.io/library/alpine", cached=True),
            Vertex("a", "[2/3] RUN make", started=0.0, completed=1.0),
            Vertex("b", "[3/3] COPY . .", started=1.0, completed=2.0),
        ],
        window=2.0,
    )
    assert folded.cache_ratio == 0.0


def test_the_cache_ratio_is_over_the_instructions_that_ran():
    folded = fold(
        [
            Vertex("d", "[internal] load build definition", started=0, completed=0.1),
            Vertex("f", "[1/5] FROM docker.io/library/alpine", started=0.1, completed=0.1),
            Vertex("a", "[2/5] WORKDIR /src", cached=True),
            Vertex("b", "[3/5] COPY . .", cached=True),
            Vertex("c", "[4/5] RUN make", started=1, completed=2),
            Vertex("n", "[5/5] RUN never reached"),
            Vertex("e", "exporting to image", started=2, completed=2.1),
            Vertex("r", "resolve image config for docker-image://docker.io/docker/dockerfile:1"),
        ],
        window=3.0,
    )  # fmt: skip
    assert folded.cache_ratio == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.parametrize("name", ["[internal] load x", "exporting to image", "[auth] x"])
def test_a_build_without_instructions_has_no_cache_ratio(name):
    assert fold([Vertex("a", name, started=0, completed=1)], window=1.0).cache_ratio is None


def test_a_group_is_one_step_and_cached_only_if_all_its_members_are():
    def group(*cached):
        members = [
            Vertex(f"d{i}", f"member {i}", cached=hit, started=float(i), completed=i + 1.0,
                   group="g", group_name="[stage-1 2/3] COPY --link a b")
            for i, hit in enumerate(cached)
        ]  # fmt: skip
        return only(*members)

    assert group(True, True).cached
    mixed = group(True, False)
    assert not mixed.cached
    assert mixed.name == "[stage-1 2/3] COPY --link a b"
    assert mixed.duration == pytest.approx(2.0)


# Names and identity


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[2/5] RUN make", ("run", None, 2, 5, None)),
        ("[ 8/14] COPY a b", ("copy", None, 8, 14, None)),
        ("[build 2/5] RUN make", ("run", "build", 2, 5, None)),
        ("[stage-1 2/5] RUN make", ("run", "stage-1", 2, 5, None)),
        ("[linux/arm64 build  2/15] RUN make", ("run", "build", 2, 15, "linux/arm64")),
        ("[linux/amd64->linux/arm64 build 2/5] RUN make",
         ("run", "build", 2, 5, "linux/amd64->linux/arm64")),
        ("[linux/arm64 2/5] RUN make", ("run", None, 2, 5, "linux/arm64")),
        ("[one base 1/1] FROM scratch", ("from", "base", 1, 1, None)),
        ("[one linux/arm64 base 1/1] FROM scratch", ("from", "base", 1, 1, "linux/arm64")),
        ("[internal] load build context", ("internal", None, None, None, None)),
        ("[one internal] load build context", ("internal", None, None, None, None)),
        ("[linux/arm64 internal] load metadata for docker.io/library/alpine",
         ("internal", None, None, None, "linux/arm64")),
        ("[auth] library/alpine:pull token for registry-1.docker.io",
         ("auth", None, None, None, None)),
        ("exporting to image", ("export", None, None, None, None)),
        ("[one] exporting to image", ("export", None, None, None, None)),
        ("importing cache manifest from x", ("import", None, None, None, None)),
        ("docker-image://docker.io/docker/dockerfile:1", ("resolve", None, None, None, None)),
        ("something new", ("other", None, None, None, None)),
        ("[2/5] RUN [ -f a ] && b", ("run", None, 2, 5, None)),
        ("[2/5] run make", ("run", None, 2, 5, None)),
        ("", ("other", None, None, None, None)),
        ("[", ("other", None, None, None, None)),
        ("[]", ("other", None, None, None, None)),
        ("[2/5]", ("other", None, 2, 5, None)),
    ],
)  # fmt: skip
def test_a_name_is_read_into_its_parts(name, expected):
    parsed = step_names.parse(name, targets=("one", "two"))
    assert (parsed.kind, parsed.stage, parsed.step, parsed.steps, parsed.platform) == expected


def test_the_target_of_a_bake_is_told_from_stage_and_platform():
    targets = ("one", "two")
    assert step_names.parse("[one base 1/1] FROM scratch", targets).target == "one"
    assert step_names.parse("[one internal] load build context", targets).target == "one"
    assert step_names.parse("[two] exporting to image", targets).target == "two"
    assert step_names.parse("[linux/arm64 internal] load .dockerignore", targets).target is None
    assert step_names.parse("[base 1/1] FROM scratch", targets).target is None


def test_renumbering_padding_and_naming_the_only_stage_keep_the_identity():
    plain = key("[2/5] RUN make")
    assert key("[3/6] RUN make") == plain
    assert key("[ 2/14] RUN make") == plain
    assert key("[stage-0 2/5] RUN make") == plain  # what adding a secret mount does
    assert key("[stage-1 2/5] RUN make") == plain
    assert key("[one stage-1 2/5] RUN make", targets=("one",)) == plain


def test_stage_platform_and_instruction_make_the_identity():
    keys = {
        key("[2/5] RUN make"),
        key("[2/5] RUN make test"),
        key("[build 2/5] RUN make"),
        key("[linux/arm64 build 2/5] RUN make"),
        key("[linux/amd64 build 2/5] RUN make"),
        key("[2/5] COPY make"),
    }
    assert len(keys) == 6


def test_the_digest_of_a_base_image_is_not_part_of_the_identity():
    name = "[1/5] FROM docker.io/library/node:20@sha256:"
    assert key(name + "0a" * 32) == key(name + "1b" * 32)
    # Nor where the value of an argument happens to stand inside the digest.
    assert key(name + "a20b" * 16, NODE="20") == key(name + "1b" * 32, NODE="20")


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("RUN pip install app=={}", ("1.2.3", "1.10.0")),
        ("RUN curl -L https://x.io/v{}/x.tgz", ("1.2.3", "1.10.0")),
        ("RUN setup node{}", ("18", "20")),
        ("RUN git checkout {}", ("7d27480aa3c9", "853b976e5f01")),
        ("COPY dist/app-{}.whl /tmp/", ("3.1", "3.2")),
        ("RUN echo {}", ("7d27480-dirty", "853b976-dirty")),
        ("WORKDIR /srv/{}", ("shop", "cart")),
        ("RUN date {}", ("2025-07-10T08:56:04Z", "2025-07-11T09:00:00Z")),
    ],
)
def test_the_value_of_an_argument_is_not_part_of_the_identity(template, values):
    one, other = (only(Vertex("a", f"[2/3] {template.format(value)}"), arguments={"X": value})
                  for value in values)  # fmt: skip
    assert one.step_key == other.step_key
    assert one.instruction == template.format("${X}")


def test_the_value_of_an_argument_inside_a_word_a_number_or_a_hash_is_a_coincidence():
    step = only(
        Vertex("a", "[1/2] RUN develop 1183 7d18b80aa3c9e5 product"),
        arguments={"A": "dev", "B": "18", "C": "prod", "D": "1", "E": ""},
    )
    assert step.instruction == "RUN develop 1183 7d18b80aa3c9e5 product"


def test_the_longest_value_is_put_back_first():
    step = only(Vertex("a", "[1/2] RUN get app-1.2.3"), arguments={"V": "1.2", "FULL": "app-1.2.3"})
    assert step.instruction == "RUN get ${FULL}"


def test_equal_instructions_get_keys_of_their_own_in_the_order_of_the_dockerfile():
    first = Vertex("a", "[2/4] RUN make", started=0, completed=1)
    second = Vertex("b", "[4/4] RUN make", started=1, completed=2)
    keys = [{s.name: s.step_key for s in fold(order, window=2).steps}
            for order in ([first, second], [second, first])]  # fmt: skip
    assert keys[0] == keys[1]
    assert len(set(keys[0].values())) == 2
    assert keys[0]["[2/4] RUN make"] == key("[2/3] RUN make")


def test_an_argument_does_not_change_what_people_read():
    step = only(Vertex("a", "[2/3] RUN echo 1.2.3"), arguments={"V": "1.2.3"})
    assert (step.name, step.instruction) == ("[2/3] RUN echo 1.2.3", "RUN echo ${V}")


def test_the_identity_of_bake_steps_does_not_depend_on_the_target_before_them():
    assert key("[one base 1/1] RUN make", targets=("one", "two")) == key(
        "[two base 1/1] RUN make", targets=("one", "two")
    )


# Critical path


def chain(*events, window=10.0):
    folded = fold(events, window=window)
    return folded.critical_path_seconds, [s.name for s in folded.steps if s.critical]


def test_the_critical_path_is_the_longest_chain_over_inputs():
    total, names = chain(
        Vertex("f", "[1/4] FROM x", started=0, completed=1),
        Vertex("a", "[2/4] RUN short", ("f",), started=1, completed=2),
        Vertex("b", "[3/4] RUN long", ("f",), started=1, completed=5),
        Vertex("c", "[4/4] COPY both", ("a", "b"), started=5, completed=6),
    )
    assert total == pytest.approx(6.0)
    assert names == ["[1/4] FROM x", "[3/4] RUN long", "[4/4] COPY both"]


def test_loads_come_before_the_chain_and_exports_after_it_though_no_edge_says_so():
    total, names = chain(
        Vertex("d", "[internal] load build definition from Dockerfile", started=0, completed=0.5),
        Vertex("i", "[internal] load .dockerignore", started=0.5, completed=0.7),
        Vertex("a", "[1/1] RUN make", started=1, completed=5),
        Vertex("e", "exporting to image", started=5, completed=6),
    )
    assert total == pytest.approx(0.5 + 0.2 + 4 + 1)
    assert names == [
        "[internal] load build definition from Dockerfile",
        "[internal] load .dockerignore",
        "[1/1] RUN make",
        "exporting to image",
    ]


def test_loads_count_where_the_chain_begins_with_what_never_ran():
    total, _ = chain(
        Vertex("d", "[internal] load build definition from Dockerfile", started=0, completed=0.5),
        Vertex("f", "[1/2] FROM x", cached=True),
        Vertex("a", "[2/2] RUN make", ("f",), started=1, completed=5),
    )
    assert total == pytest.approx(4.5)
    total, _ = chain(
        Vertex("d", "[internal] load build definition from Dockerfile", started=0, completed=0.5),
        Vertex("a", "[2/2] RUN make", ("f",), cached=True, started=0),
    )
    assert total == pytest.approx(0.5)


def test_loads_that_run_beside_the_chain_are_not_counted_twice():
    total, _ = chain(
        Vertex("d", "[internal] load metadata for a", started=0, completed=1),
        Vertex("m", "[internal] load metadata for b", started=0, completed=3),
        Vertex("a", "[1/1] RUN make", started=1, completed=3),
    )
    assert total == pytest.approx(3.0)


def test_exports_that_overlap_count_once():
    total, _ = chain(
        Vertex("a", "[1/1] RUN make", started=0, completed=1),
        Vertex("e", "exporting to image", started=1, completed=3),
        Vertex("c", "exporting cache to registry", started=2, completed=4),
    )
    assert total == pytest.approx(4.0)


def test_a_cache_look_up_beside_its_inputs_does_not_make_the_path_longer_than_the_build():
    total, _ = chain(
        Vertex("a", "[1/2] RUN a", started=0, completed=5),
        Vertex("b", "[2/2] RUN b", ("a",), started=0, completed=1),
        Vertex("b", "[2/2] RUN b", ("a",), started=5, completed=10),
    )
    assert total == pytest.approx(10.0)


def test_a_cached_step_is_not_critical():
    _, names = chain(
        Vertex("a", "[1/2] RUN a", cached=True, started=0, completed=9),
        Vertex("b", "[2/2] RUN b", ("a",), started=0, completed=1),
    )
    assert names == ["[2/2] RUN b"]


def test_a_shared_step_counts_its_part_inside_the_build():
    total, _ = chain(
        Vertex("f", "[1/2] FROM x", started=-5, completed=1),
        Vertex("a", "[2/2] RUN make", ("f",), started=1, completed=2.2),
        window=2.2,
    )
    assert total == pytest.approx(2.2)


def test_a_build_without_steps_has_no_critical_path():
    folded = fold([], window=3.0)
    assert folded == ((), None, None, None, ())


def test_cycles_end():
    total, _ = chain(
        Vertex("a", "[1/3] RUN a", ("c", "a"), started=0, completed=1),
        Vertex("b", "[2/3] RUN b", ("a",), started=1, completed=2),
        Vertex("c", "[3/3] RUN c", ("b",), started=2, completed=3),
    )
    assert 0 < total <= 3


def test_a_graph_of_thousands_of_steps_in_a_row_is_no_problem():
    events = [
        Vertex(f"d{i}", f"[{i + 1}/5000] RUN step {i}", (f"d{i - 1}",),
               started=i * 0.001, completed=(i + 1) * 0.001)
        for i in range(5000)
    ]  # fmt: skip
    random.Random(1).shuffle(events)
    assert fold(events, window=5.0).critical_path_seconds == pytest.approx(5.0)


# Bytes


def test_bytes_are_the_largest_that_each_transfer_told():
    folded = fold(
        [
            Vertex("c", "[internal] load build context", started=0, completed=1),
            Vertex("f", "[1/1] FROM x", started=1, completed=2),
        ],
        window=2,
        transfers=[
            Transfer("c", "transferring context:", 10),
            Transfer("c", "transferring context:", 300),
            Transfer("c", "transferring context:", 200),
            Transfer("f", "sha256:a", 1000),
            Transfer("f", "sha256:b", 500),
            Transfer("gone", "x", 7),
        ],
    )
    assert [step.bytes for step in folded.steps] == [300, 1500]
    assert folded.context_bytes == 300


def test_the_error_of_a_step_is_kept():
    step = only(
        Vertex("a", "[1/1] RUN false", started=0),
        Vertex("a", "[1/1] RUN false", started=0, completed=1, error="exit code: 1"),
        Vertex("a", "[1/1] RUN false", started=0, completed=1),
    )
    assert step.error == "exit code: 1"


# Properties

WORDS = st.sampled_from(["make", "test", "pip install app", "apt-get update", "make test"])
SECONDS = st.integers(0, 60_000).map(lambda value: value / 1000)


@st.composite
def consistent_traces(draw):
    """Events of a build whose steps wait for their inputs, and the window that holds them."""
    count = draw(st.integers(1, 8))
    events, ends = [], []
    for i in range(count):
        below = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        start = max((ends[j] for j in below), default=0.0) + draw(SECONDS)
        end = start
        name = f"[{draw(st.sampled_from(['', 'build ', 'stage-1 ']))}{i + 1}/{count}] RUN {i}"
        inputs = tuple(f"d{j}" for j in sorted(below))
        cached = draw(st.booleans()) and draw(st.booleans())
        for _ in range(draw(st.integers(1, 3))):
            begun, end = end, end + draw(SECONDS)
            events += [
                Vertex(f"d{i}", name, inputs),
                Vertex(f"d{i}", name, inputs, started=begun),
                Vertex(f"d{i}", name, inputs, cached, begun, end),
            ]
            end += draw(SECONDS)
        ends.append(end)
    loads, last = draw(SECONDS), max(ends)
    shifted = [
        event._replace(
            started=None if event.started is None else event.started + loads,
            completed=None if event.completed is None else event.completed + loads,
        )
        for event in events
    ]
    export = draw(SECONDS)
    shifted += [
        Vertex("def", "[internal] load build definition from Dockerfile", (), False, 0.0, loads),
        Vertex("exp", "exporting to image", (), False, loads + last, loads + last + export),
    ]
    return shifted, loads + last + export


@given(consistent_traces())
def test_the_critical_path_of_a_build_is_not_longer_than_the_build(trace):
    events, window = trace
    folded = fold(events, window=window)
    assert 0 <= folded.critical_path_seconds <= window + 1e-6
    longest = max((step.duration for step in folded.steps), default=0.0)
    assert folded.critical_path_seconds >= longest - 1e-6


@given(consistent_traces(), st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(trace, dice):
    events, window = trace
    shuffled = list(events)
    dice.shuffle(shuffled)
    one, other = fold(events, window=window), fold(shuffled, window=window)
    assert one.cache_ratio == other.cache_ratio
    assert one.critical_path_seconds == pytest.approx(other.critical_path_seconds)

    def told(folded):
        return {
            s.name: (s.step_key, s.started, s.duration, s.cached, s.shared) for s in folded.steps
        }

    assert told(one) == told(other)


NAMES = st.one_of(
    st.builds("[{}/{}] RUN {}".format, st.integers(1, 9), st.integers(1, 99), WORDS),
    st.builds("[{} {}/{}] COPY {}".format, WORDS, st.integers(1, 9), st.integers(1, 9), WORDS),
    st.sampled_from(
        ["[internal] load build context", "exporting to image", "[1/2] FROM x", "[auth] x", "[]"]
    ),
    st.text(max_size=20),
)
TIME = st.none() | st.floats(-100, 100)
NONSENSE = st.lists(
    st.builds(
        Vertex,
        st.sampled_from("abcdef"),
        NAMES,
        st.lists(st.sampled_from("abcdefg"), max_size=3).map(tuple),
        st.booleans(),
        TIME,
        TIME,
        st.sampled_from(["", "context canceled", "exit code: 1"]),
        st.sampled_from(["", "", "", "g", "h", "a"]),
        st.sampled_from(["", "[1/2] COPY --link a b"]),
    ),
    max_size=12,
)


@given(
    NONSENSE,
    st.floats(0, 50),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    st.sets(st.sampled_from(["one", "make"])),
)
def test_whatever_comes_in_durations_fit_and_positions_are_whole(events, window, args, targets):
    try:
        folded = fold(events, window=window, arguments=args, targets=targets)
    except RecorderError:
        return
    assert [step.position for step in folded.steps] == [*range(1, len(folded.steps) + 1)]
    assert len({step.step_key for step in folded.steps}) == len(folded.steps)
    for step in folded.steps:
        assert step.duration is None or step.duration >= 0
        if step.duration is not None and step_names.is_instruction(step.kind):
            assert step.duration <= window + 1e-9
            assert step.shared or step.started is None or step.started >= 0
    assert folded.cache_ratio is None or 0 <= folded.cache_ratio <= 1
    assert folded.critical_path_seconds is None or folded.critical_path_seconds >= 0


VALUE = st.text(string.ascii_lowercase + string.digits + ".-", min_size=2, max_size=12).filter(
    lambda value: value[0].isalnum() and value[-1].isalnum() and value not in "run with --and x"
)


@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(1, 20), VALUE, VALUE, st.booleans())
def test_identities_survive_renumbering_padding_new_stages_and_new_values(
    commands, more, old, new, padded
):
    def keys(value, shift, total, extra=()):
        width = len(str(total)) if padded else 1
        events = [
            Vertex(f"d{shift}{i}", f"[final {i + shift:>{width}}/{total}] RUN {c} with {value}")
            for i, c in enumerate(commands, 1)
        ]
        folded = fold([*extra, *events], window=1.0, arguments={"X": value})
        return [step.step_key for step in folded.steps if step.stage == "final"]

    stage = [Vertex("s", "[added 1/1] RUN make"), Vertex("t", "[zz 1/1] RUN make")]
    before = keys(old, 0, len(commands))
    assert len(set(before)) == len(commands)
    assert keys(new, more, len(commands) + more, stage) == before
