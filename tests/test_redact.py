"""Secrets: masked in every text, in a way that shows change and nothing else."""

import base64
import json
import os
import random
import re
import stat
import string
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder import redact, steps
from recorder.redact import Redactor
from recorder.steps import Vertex

KEY, OTHER_KEY = b"one key", b"another key"
MASK = re.compile(r"\[masked:[0-9a-f]{8}\]")

_ALNUM = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits
_DICE = random.Random(4)  # tokens are made here, so that no scanner trips over this file


def made(prefix: str, length: int, letters: str = _ALNUM) -> str:
    return prefix + "".join(_DICE.choices(letters, k=length - 1)) + "7"


TOKENS = {
    "github": made("gh" + "p_", 36),
    "github server": made("gh" + "s_", 36),
    "github fine": made("github" + "_pat_", 82),
    "gitlab": made("gl" + "pat-", 20),
    "gitlab runner": made("gl" + "rt-", 20),
    "docker hub": made("dckr" + "_pat_", 27),
    "npm": made("np" + "m_", 36),
    "pypi": made("pypi" + "-AgEIcHlwaS5vcmc", 80),
    "hugging face": made("h" + "f_", 34),
    "aws id": made("AK" + "IA", 16, string.ascii_uppercase + string.digits),
    "google": made("AI" + "za", 35),
    "slack bot": "xo" + "xb-" + "123456789012-" + "123456789012-" + made("", 24),
    "stripe": made("s" + "k_live_", 24),
    "openai": made("s" + "k-proj-", 48),
    "anthropic": made("s" + "k-ant-", 90),
    "sendgrid": "S" + "G." + made("", 22) + "." + made("", 43),
    "twilio": made("S" + "K", 32, _LOWER),
    "mailchimp": made("", 32, "0123456789abcdef") + "-us" + "12",
    "telegram": "123456789:" + made("", 35),
    "jwt": "ey" + "J" + made("", 30) + "." + "ey" + "J" + made("", 40) + "." + made("", 43),
}


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("form", ["{}", "RUN curl -H 'X-Auth: {}' x.io", "token={} rest", '"{}"'])
def test_a_token_in_a_known_format_is_masked_wherever_it_stands(name, form):
    token = TOKENS[name]
    masked = Redactor(KEY).text(form.format(token))
    assert token not in masked
    assert token[-20:] not in masked
    assert MASK.search(masked)
    assert Redactor(KEY).arguments({"HARMLESS": token})["HARMLESS"] != token


def test_a_bearer_token_and_a_private_key_are_masked():
    token = made("", 40)
    assert token not in Redactor(KEY).text(f"curl -H 'Authorization: Bearer {token}' host")
    head, end = "-----BEGIN OPENSSH PRIVATE" + " KEY-----", "-----END OPENSSH PRIVATE" + " KEY-----"
    body = "\n".join(made("", 64) for _ in range(4))
    whole = Redactor(KEY).text(f"echo '{head}\n{body}\n{end}' > id")
    assert MASK.sub("", whole) == "echo '' > id"
    assert body not in Redactor(KEY).text(f"{head}\n{body} cut off")


NAMES = """
PASSWORD DB_PASSWORD PASSWORD2 db_passwd POSTGRES_PASS PASSPHRASE PWD_ADMIN SECRET CLIENT_SECRET
API_TOKEN NPM_TOKEN GITHUB_PAT API_KEY APIKEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
SSH_PRIVATE_KEY PRIVATEKEY CREDENTIALS NPM_AUTH HTTP_AUTH_HEADER SIGNING_KEY DB_CONNECTION_STRING
SENTRY_DSN LICENSE_KEY KEY
""".split()
HARMLESS_NAMES = """
VERSION PYTHON_VERSION PASSENGER_VERSION PATH PATTERN AUTHOR KEYBOARD MONKEY HTTP_PROXY
BUILD_DATE GIT_COMMIT PATCH DSNAME
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_with_a_telling_name_is_masked(name):
    assert MASK.fullmatch(Redactor(KEY).arguments({name: "correct horse"})[name])
    assert redact.secret_values({name: "correct horse"}) == {"correct horse"}


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_an_argument_with_a_harmless_name_stays(name):
    assert Redactor(KEY).arguments({name: "3.12"}) == {name: "3.12"}
    assert not redact.secret_values({name: "3.12"})


def test_a_switch_with_a_telling_name_does_not_go_from_every_sentence():
    switches = {"ENABLE_AUTH": "1", "USE_TOKEN": "true", "PASSWORD": "", "WITH_SECRET": "No"}
    assert redact.secret_values(switches) == set()


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://me:hunter22@host/x", "https://MASK@host/x"),
        ("https://:hunter22@host/x", "https://MASK@host/x"),
        ("https://me:hun@ter22@host/x", "https://MASK@host/x"),
        ("https://abcdef1234567890@host/x.git", "https://MASK@host/x.git"),
        ("https://me@mail:hunter22@host/x", "https://MASK@host/x"),
        ("postgresql://me:hunter22@db:5432/app", "postgresql://MASK@db:5432/app"),
        ("pip install --index-url=http://a:hunter22@h/", "pip install --index-url=http://MASK@h/"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("ssh://git@github.com/a", "ssh://git@github.com/a"),
        ("docker-image://alpine:3.19@sha256:" + "ab" * 32,
         "docker-image://alpine:3.19@sha256:" + "ab" * 32),
        ("docker-image://docker.io/a/b:1@sha256:" + "ab" * 32,
         "docker-image://docker.io/a/b:1@sha256:" + "ab" * 32),
    ],
)  # fmt: skip
def test_credentials_in_a_url_are_masked_and_the_rest_of_it_stays(url, masked):
    assert MASK.sub("MASK", Redactor(KEY).text(url)) == masked


def test_credentials_in_a_url_go_even_where_one_part_of_them_is_masked_already():
    masked = Redactor(KEY, {"user-name"}).text("https://user-name:hunter22@host/")
    assert "hunter22" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "[2/5] RUN apt-get install -y python3=3.11.2-1+b1",
        "[internal] load metadata for docker.io/library/python:3.12-slim",
        "FROM docker.io/library/alpine@sha256:" + "0f" * 32,
        "RUN git checkout 7d27480aa3c9e5a1f0d4853b976aa3c9e5a1f0d4",
        "COPY --from=build /usr/local/lib/python3.12/site-packages /app",
        "RUN mkdir -p /root/.cache/some-long-folder-name-with-dashes-2",
        "exit code: 137",
    ],
)
def test_what_only_looks_long_stays(text):
    assert Redactor(KEY).text(text) == text


def test_equal_secrets_get_equal_masks_under_one_key_and_others_under_another():
    one, again, other = Redactor(KEY), Redactor(KEY), Redactor(OTHER_KEY)
    assert one.hide("hunter22") == again.hide("hunter22") != one.hide("hunter23")
    assert one.hide("hunter22") != other.hide("hunter22")
    argument = one.arguments({"PASSWORD": "hunter22"})["PASSWORD"]
    text = one.knowing({"hunter22"}).text("RUN login hunter22")
    assert text == f"RUN login {argument}"


def test_a_known_value_is_found_whatever_surrounds_it():
    own = Redactor(KEY, {"hunter22\n", "a.b*c(d", "hunter22-longer", "pin7"})
    assert MASK.sub("M", own.text("xhunter22x a.b*c(d hunter22-longer")) == "xMx M M"
    assert MASK.sub("M", own.text("pin7 pin77 /pin7/")) == "M pin77 /M/"
    assert own.text("a-b*c(d") == "a-b*c(d"


def test_a_mask_stays_as_it_is_even_for_who_knows_its_words():
    own = Redactor(KEY, {"masked"})
    once = own.text("RUN echo masked hunter22")
    assert once == f"RUN echo {own.hide('masked')} hunter22"
    assert own.text(once) == once


def test_empty_known_values_mask_nothing():
    assert Redactor(KEY, {"", " ", "\n"}).text("a b\nc") == "a b\nc"


def test_bytes_that_are_no_text_do_not_get_through_to_the_database():
    name = os.fsdecode(b"caf\xe9/Dockerfile")
    assert Redactor(KEY).text(name).encode() == b"caf?/Dockerfile"
    assert Redactor(KEY).text("café 建") == "café 建"


# Brackets and colons are what masks are made of.
SECRET = st.text(
    st.characters(codec="utf-8", exclude_characters="[]:"), min_size=6, max_size=40
).filter(lambda value: len(value.strip()) >= 6 and value.strip() not in "masked")
PIECES = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(sorted(TOKENS.values())),
        st.sampled_from(["https://", "me:", "@host/", "bearer ", " ", "'", "//x/:_authToken="]),
    ),
    max_size=6,
)


@given(st.data(), st.lists(SECRET, min_size=1, max_size=5))
def test_no_known_secret_of_six_characters_remains_in_any_text(data, known):
    pieces = data.draw(st.lists(st.one_of(st.sampled_from(known), st.text(max_size=9)), max_size=9))
    masked = Redactor(KEY, known).text("".join(pieces))
    for secret in known:
        assert secret not in masked
    values = Redactor(KEY, known).arguments({"A": "".join(pieces), "TOKEN": "".join(pieces)})
    for secret in known:
        assert not any(secret in value for value in values.values())


@given(st.lists(SECRET, max_size=3), PIECES, st.sampled_from([KEY, OTHER_KEY]))
def test_a_masked_text_is_stable_under_a_second_masking(known, pieces, second):
    once = Redactor(KEY, known).text("".join([*pieces, *known]))
    assert Redactor(second, known).text(once) == once
    assert Redactor(second).text(once) == once


@given(st.dictionaries(st.sampled_from(["A", "API_TOKEN", "URL", "PASSWORD"]), st.text() | SECRET))
def test_masked_arguments_are_stable_under_a_second_masking(arguments):
    once = Redactor(KEY).arguments(arguments)
    assert Redactor(OTHER_KEY).arguments(once) == once
    assert not redact.secret_values({name: value for name, value in once.items() if value})


def test_the_identity_of_a_step_does_not_depend_on_the_key(monkeypatch):
    token = TOKENS["github"]
    events = [
        Vertex("a", f"[1/2] RUN login {token}", started=0, completed=1),
        Vertex("b", "[2/2] RUN login hunter22", started=1, completed=2),
    ]
    found = []
    for key in ("one", "two"):
        monkeypatch.setenv("BUILDREC_MASK_KEY", key)
        found.append(steps.fold(events, window=2, arguments={"PASSWORD": "hunter22"}))
    assert found[0] == found[1]
    assert [step.instruction for step in found[0].steps] == [
        "RUN login [masked:00000000]",
        "RUN login ${PASSWORD}",
    ]


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    surroundings = {"XDG_CONFIG_HOME": str(tmp_path)}
    key = redact.load_key(surroundings)
    assert len(key) >= 32
    assert redact.load_key(surroundings) == key
    folder = tmp_path / "buildrec"
    assert [path.name for path in folder.iterdir()] == ["mask.key"]
    assert stat.S_IMODE((folder / "mask.key").stat().st_mode) == 0o600
    assert redact.load_key({"XDG_CONFIG_HOME": str(tmp_path / "other")}) != key


def test_a_key_from_the_environment_wins_and_writes_nothing(tmp_path):
    surroundings = {"XDG_CONFIG_HOME": str(tmp_path), "BUILDREC_MASK_KEY": "given"}
    assert redact.load_key(surroundings) == b"given"
    assert not list(tmp_path.iterdir())


def test_a_key_that_cannot_be_kept_still_masks(tmp_path):
    (tmp_path / "file").write_text("")
    key = redact.load_key({"XDG_CONFIG_HOME": str(tmp_path / "file")})
    assert len(key) >= 32


def test_who_comes_second_takes_the_key_of_the_first(tmp_path):
    path = tmp_path / "mask.key"
    path.write_bytes(b"the first")
    assert redact._make_key(path) == b"the first"
    assert path.read_bytes() == b"the first"
    assert list(tmp_path.iterdir()) == [path]


def test_first_users_at_the_same_time_share_one_key(tmp_path):
    code = "import sys; from recorder import redact; sys.stdin.read(); print(redact.load_key())"
    users = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(redact.__file__).parents[1],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        )
        for _ in range(8)
    ]  # fmt: skip
    for user in users:
        user.stdin.close()
    keys = {user.stdout.read() for user in users}
    assert [user.wait() for user in users] == [0] * 8
    for user in users:
        user.stdout.close()
    assert keys == {f"{(tmp_path / 'buildrec' / 'mask.key').read_bytes()}\n"}
    assert [path.name for path in (tmp_path / "buildrec").iterdir()] == ["mask.key"]


def test_two_tokens_that_were_run_together_are_both_masked():
    one, two = "gl" + "rt-dkNJU5na5a2hYW2I2mP7", "91a1f2c8645c883927a8993fabf75457" + "-us12"
    masked = redact.Redactor(b"k").text(one + two)
    assert one not in masked
    assert two not in masked
    assert redact.Redactor(b"k").text(masked) == masked


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("RUN TOKEN=s3cr3t-value make", "s3cr3t-value"),
        ("ENV DB_PASSWORD=pw123456", "pw123456"),
        ("RUN login --password hunter2222 host", "hunter2222"),
        ("RUN login --api-key=abcdefgh", "abcdefgh"),
        ("RUN x && SECRET='two words' y", "two words"),
        ("ENV DB_PASSWORD pw123456", "pw123456"),
        ("ADD https://host/file?token=abcdef1&v=2", "abcdef1"),
        ("ADD https://host/file?v=2&access_token=abcdef1", "abcdef1"),
        ("ADD https://b.host/file?X-Amz-Signature=abcdef1&v=2", "abcdef1"),
        ("ADD https://host/file?se=1&sig=abc%2Fdef1", "abc%2Fdef1"),
        ("RUN curl -u me:hunter22 https://host", "hunter22"),
        ("RUN curl -H 'Authorization: Basic bWU6aHVudGVyMjI=' host", "bWU6aHVudGVyMjI"),
    ],
)
def test_what_a_text_assigns_to_a_telling_name_is_masked(text, gone):
    masked = redact.Redactor(b"k").text(text)
    assert gone not in masked
    assert redact.Redactor(b"k").text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "RUN TOKEN=$TOKEN make",
        "RUN login --password ${PASSWORD}",
        "RUN --mount=type=secret,id=token,target=/run/secrets/token cat /run/secrets/token",
        "RUN ssh --key /root/.ssh/id_rsa",
        "ENV NODE_ENV=production KEYBOARD=us",
        "RUN make AUTH=yes",
        "RUN tool --token-file /run/token",
        "RUN curl -u 1000:1000 host",
        "RUN su -u app:app && echo basic words",
        'LegacyKeyValueFormat: "ENV key=value" should be used instead of "ENV key value"',
    ],
)
def test_what_only_speaks_of_secrets_is_left_alone(text):
    assert redact.Redactor(b"k").text(text) == text


AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("form", ["{}", "aws configure set aws_secret_access_key {}", "X={} make"])
@pytest.mark.parametrize("secret", [AWS_SECRET, "/" + AWS_SECRET[1:], AWS_SECRET.replace("/", "+")])
def test_a_secret_key_of_aws_is_masked_though_it_looks_like_a_path(form, secret):
    assert secret[-18:] not in Redactor(KEY).text(form.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "COPY usr/local/share/ca/certificates/Company1 /",
        "RUN ls /usr/local/share/ca/certificates/Root1",
        "RUN echo ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN",
        "FROM scratch/7d27480aa3c9e5a1f0d4853b976aa3c9e5a1f0d4",
        "RUN echo aB1/aB1/aB1/aB1/aB1/aB1/aB1/aB1/aB1/aB1/aB1/aB1",
    ],
)
def test_a_path_or_a_word_of_forty_characters_is_no_secret_key(text):
    assert Redactor(KEY).text(text) == text


@pytest.mark.parametrize("surroundings", ["{}", "a{}b", "before {} after"])
@given(SECRET)
def test_a_known_value_goes_in_every_spelling_that_a_text_may_have(surroundings, secret):
    secret = secret.strip()
    own = Redactor(KEY, {secret})
    escaped = [json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    spelled = [quote(secret, safe=""), secret.encode().hex(), *escaped]
    for form in spelled:
        assert form not in own.text(surroundings.format(form))


@given(SECRET, st.binary(max_size=5), st.binary(max_size=5), st.booleans())
def test_a_known_value_goes_from_base64_of_more_than_itself(secret, before, after, for_urls):
    secret = secret.strip()
    encode = base64.urlsafe_b64encode if for_urls else base64.b64encode
    text = encode(before + secret.encode() + after).decode()
    # What holds nothing but the secret: six bits a character, eight a byte.
    start = (len(before) * 8 + 5) // 6
    whole = text[start : (len(before) + len(secret.encode())) * 8 // 6]
    assert whole not in Redactor(KEY, {secret}).text(text)


def test_each_line_of_a_known_value_goes_but_for_the_short_ones():
    own = Redactor(KEY, {"{\n  first-of-two\n  second-of-two\n}"})
    assert MASK.sub("M", own.text("{ first-of-two } second-of-two")) == "{ M } M"


def test_the_log_masks_what_it_repeats_and_so_do_its_tracebacks():
    code = f"""
import logging
from recorder.cli.context import be_verbose
be_verbose({{"hunter22"}})
log = logging.getLogger("recorder.some")
log.info("the remote is https://me:in-url-22@host/x")
try:
    raise ValueError("{TOKENS["github"]} and hunter22")
except ValueError:
    log.debug("failed", exc_info=True)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == ""
    assert "recorder.some: the remote is https://[masked:" in said.stderr
    assert "Traceback" in said.stderr
    for secret in ("hunter22", "in-url-22", TOKENS["github"]):
        assert secret not in said.stderr
