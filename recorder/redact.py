"""Masks secrets in every text before it is written; a mask keeps a keyed hash, to show change.

What counts as secret: a value whose argument name says so, a value or a part of a text in one of
the well-known token formats (detect-secrets knows most of them), credentials inside URLs, and each
value that the caller knows to be secret, wherever and however encoded it is repeated.
"""

import functools
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from recorder import spellings

SECRET_NAME = re.compile(
    r"pass(?:w(?:or)?d|phrase)?(?:$|[\d_-])|pwd|secret|token|api_?key|access_?key|private_?key|"
    r"credential|(?:^|_)auth(?:$|_)|(?:^|_)pat$|signing_?key|encryption_?key|client_?key|"
    r"connection_?string|(?:^|_)dsn$|(?:^|_)key$|(?:^|_)sig(?:nature)?$",
    re.IGNORECASE,
)
_MASK = re.compile(r"\[masked:[0-9a-f]{8}\]")
# What such an argument holds when it is no secret at all: it would be masked in every sentence.
_SWITCH = re.compile(r"\s*(?:true|false|yes|no|on|off|none|null|auto|\w)?\s*", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(?<=://)(?:[^\s/:'\"]*:[^\s/'\"]+|[^\s/:'\"]{8,})(?=@(?!sha256:))")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# Formats that detect-secrets lacks, or matches only in part (it leaves a JWT's signature).
_OWN_TOKENS = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}|dckr_pat_[\w-]{20,}|"
    r"npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}|sk-(?:ant|proj|svcacct)-[\w-]{20,}|"
    r"AIza[\w-]{35}|ya29\.[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{20,}|"
    r"AKCp[A-Za-z0-9]{60,}|eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?|"
    r"(?i:(?<=bearer )[\w.~+/-]{16,}=*)"
)
_BASIC = re.compile(r"(?i:(?<=authorization: basic ))[\w+/-]{4,}=*")
# `-u name:password` of curl; other commands take a user and a group there, as may numbers mean.
_CURL_USER = re.compile(
    r"(?:(?<=-u )|(?<=--user )|(?<=--user=))[\"']?(?!\d+:\d+\b)[^\s:\"'/$]+:[^\s\"'$]+"
)
# What a text itself assigns, as `RUN TOKEN=x make`, `ENV TOKEN x` and `https://x/?token=x` do, or
# hands to a flag.
_ASSIGNMENT = re.compile(
    r"(?P<name>(?<![\w-])(?:--[A-Za-z][\w-]*(?=[ =])|[A-Za-z_]\w*(?==)|(?<=ENV )\w+(?= )|"
    r"(?<=[?&])[\w-]+(?==)))(?P<between>[ =])"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'&|;,)]+)"
)
# A variable, a mask, a switch, a flag, or a place: `--token $TOKEN`, `--key /run/secrets/key`; and
# the builder's own words, `"ENV key=value" should be used instead of legacy "ENV key value"`.
_NO_SECRET = re.compile(
    r"[\"']?(?:\$.*|\[masked:[0-9a-f]{8}\]|(?i:true|false|yes|no|on|off|none|value|\d)|-.*|[./~].*|)[\"']?",
    re.DOTALL,
)
# Each format has sixteen token characters in a row, those of detect-secrets a digit among them; a
# commit or a digest has them too, and is none. So most texts need no pattern at all, nor the import
# of detect-secrets, which takes 100 ms.
_DIGIT = re.compile(r"\d")
_TOKEN_RUN = re.compile(r"[\w/+-]{16,}")
# A secret key of AWS is 40 characters of base64, which may have slashes. No path has so many
# letters of either size, and no word is as long.
_BASE64_RUN = re.compile(r"(?<![\w/+.-])[A-Za-z0-9/+]{40}(?![\w/+.=-])")
_AWS_MIX = tuple(
    re.compile(pattern) for pattern in (r"(?:[^A-Z]*[A-Z]){4}", r"(?:[^a-z]*[a-z]){4}", r".*\d")
)
_SLASH = re.compile(r"[/+]")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DETECTORS = (
    "aws.AWSKeyDetector azure_storage_key.AzureStorageKeyDetector "
    "discord.DiscordBotTokenDetector github_token.GitHubTokenDetector "
    "gitlab_token.GitLabTokenDetector jwt.JwtTokenDetector mailchimp.MailchimpDetector "
    "npm.NpmDetector openai.OpenAIDetector pypi_token.PypiTokenDetector "
    "sendgrid.SendGridDetector slack.SlackDetector square_oauth.SquareOAuthDetector "
    "stripe.StripeDetector telegram_token.TelegramBotTokenDetector twilio.TwilioKeyDetector"
)


# Texts repeat from build to build; this many are remembered with their masks.
_REMEMBERED = 4096
# What one mask takes away may bare another secret: two tokens that were run together.
_ROUNDS = 8


class Redactor:
    """Masks known and recognised secrets with hashes under one key.

    `key` is the secret of the hashes (never stored in the database), `known` the values that are
    to go from every text.
    """

    def __init__(self, key: bytes, known: Iterable[str] = ()) -> None:
        self._key = key
        self._masked: dict[str, str] = {}
        self._arguments: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._known = _pattern_of(spelled for value in known for spelled in spellings.of(value))

    def knowing(self, more: Iterable[str]) -> "Redactor":
        """A redactor with the same key that knows `more` (only) by value."""
        return Redactor(self._key, more)

    def hide(self, value: str) -> str:
        """The mask for one secret value: equal values get equal masks, and no other trace stays."""
        digest = hmac.new(self._key, value.encode(errors="replace"), hashlib.sha256).hexdigest()
        return f"[masked:{digest[:8]}]"

    def text(self, text: str) -> str:
        """`text` with every known and recognised secret masked, in characters that UTF-8 has."""
        masked = self._masked.get(text)
        if masked is None:
            if len(self._masked) >= _REMEMBERED:
                self._masked.clear()
            masked = self._masked[text] = self.text_once(text)
        return masked

    def text_once(self, text: str) -> str:
        """The same for a text that will not come again, which is not remembered."""
        if (home := _home()) and home in text:
            text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text)
        if not text.isascii():  # a path may hold bytes, as lone surrogates, which SQLite refuses
            text = text.encode(errors="replace").decode()
        for _ in range(_ROUNDS):
            masked = self._masked_more(text)
            if masked == text:
                break
            text = masked
        return text

    def _masked_more(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(self._hide_once, text)
        if "PRIVATE KEY" in text:
            text = _PRIVATE_KEY.sub(lambda found: self.hide(found[0]), text)
        if "://" in text:
            text = _URL_CREDENTIALS.sub(self._hide_once, text)
        if "=" in text or "--" in text or "ENV " in text:
            text = _ASSIGNMENT.sub(self._hide_value, text)
        if "asic " in text:
            text = _BASIC.sub(self._hide_once, text)
        if "curl" in text:
            text = _CURL_USER.sub(self._hide_once, text)
        runs = [run for run in _TOKEN_RUN.findall(text) if not _HASH.fullmatch(run)]
        if runs:
            if len(max(runs, key=len)) >= 40:
                text = _BASE64_RUN.sub(self._hide_mixed, text)
            runs = _parts(runs)
        if runs or "earer " in text:
            text = _OWN_TOKENS.sub(self._hide_once, text)
        if any(_DIGIT.search(run) for run in runs):
            for pattern in _library_patterns():
                text = pattern.sub(self._hide_once, text)
        return text

    def arguments(self, arguments: Mapping[str, str]) -> dict[str, str]:
        """Build arguments with the values masked that their names or shapes give away."""
        given = tuple(arguments.items())  # those of a series seldom change
        masked = self._arguments.get(given)
        if masked is None:
            if len(self._arguments) >= _REMEMBERED:
                self._arguments.clear()
            masked = self._arguments[given] = self._masked_arguments(arguments)
        return masked

    def _masked_arguments(self, arguments: Mapping[str, str]) -> dict[str, str]:
        return {
            self.text(name): self.hide(value)
            if SECRET_NAME.search(name) and value and not _MASK.fullmatch(value)
            else self.text(value)
            for name, value in arguments.items()
        }

    def _hide_value(self, found: "re.Match[str]") -> str:
        """An assignment or a flag whose name says that its value is secret, with that masked."""
        name, between, value = found["name"], found["between"], found["value"]
        telling = SECRET_NAME.search(name.replace("-", "_")) and not _NO_SECRET.fullmatch(value)
        return f"{name}{between}{self.hide(value)}" if telling else found[0]

    def _hide_mixed(self, found: "re.Match[str]") -> str:
        return self.hide(found[0]) if all(mix.match(found[0]) for mix in _AWS_MIX) else found[0]

    def _hide_once(self, found: "re.Match[str]") -> str:
        return found[0] if _MASK.fullmatch(found[0]) else self.hide(found[0])


class _Blank(Redactor):
    def hide(self, value: str) -> str:  # noqa: ARG002
        return "[masked:00000000]"


def blank(text: str) -> str:
    """`text` with recognised secrets replaced by one fixed word: for what must not vary by key."""
    return _Blank(b"").text(text)


def secret_values(arguments: Mapping[str, str]) -> frozenset[str]:
    """The values of those `arguments` whose names say that they are secret, mere switches aside."""
    return _secret_values(tuple(arguments.items()))


@functools.lru_cache(maxsize=1024)
def _secret_values(arguments: tuple[tuple[str, str], ...]) -> frozenset[str]:
    return frozenset(
        value
        for name, value in arguments
        if SECRET_NAME.search(name) and not _MASK.fullmatch(value) and not _SWITCH.fullmatch(value)
    )


def load_key(environ: Mapping[str, str] = os.environ) -> bytes:
    """The key of the masks: `BUILDREC_MASK_KEY`, else a file of the user's, made on first use.

    The file is `buildrec/mask.key` under `XDG_CONFIG_HOME`, readable by its owner alone. Where it
    cannot be written the key lasts as long as the process, and masks cannot be compared.
    """
    if given := environ.get("BUILDREC_MASK_KEY"):
        return given.encode()
    # Not Path.expanduser, which fails for a user without a home.
    home = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    path = Path(home, "buildrec", "mask.key")
    try:
        if key := path.read_bytes():
            return key
    except OSError:
        pass
    return _make_key(path)


def _parts(runs: Iterable[str]) -> list[str]:
    """What of a path or of base64 is long enough for a token, hashes aside."""
    parts = (part for run in runs for part in _SLASH.split(run))
    return [part for part in parts if len(part) >= 16 and not _HASH.fullmatch(part)]


@functools.cache
def _home() -> str:
    """The user's own folder, which tells a name; root's tells none and is that of most images."""
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - Path fails where there is none
    return home if home.count("/") > 1 else ""


def _make_key(path: Path) -> bytes:
    key = os.urandom(32).hex().encode()
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        try:
            os.link(fresh, path)  # fails if another process was first: then its key is the key
        finally:
            fresh.unlink()
    except OSError:
        try:
            return path.read_bytes() or key
        except OSError:
            return key
    return key


def _pattern_of(values: Iterable[str]) -> "re.Pattern[str] | None":
    """One pattern for masks, which stay as they are, and all `values`, the longest first.

    Short values match as whole words only.
    """
    parts = [
        re.escape(value) if len(value) >= spellings.SHORT else rf"(?<!\w){re.escape(value)}(?!\w)"
        for value in sorted(set(values), key=lambda value: (-len(value), value))
    ]
    return re.compile("|".join([_MASK.pattern, *parts])) if parts else None


@functools.cache
def _library_patterns() -> "tuple[re.Pattern[str], ...]":
    import importlib

    patterns: list[re.Pattern[str]] = []
    for detector in _DETECTORS.split():
        module, name = detector.split(".")
        plugin = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        patterns += plugin.denylist
    return tuple(patterns)
