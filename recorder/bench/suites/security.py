"""The suite `security`: hashing passwords by argon2-cffi, limiting rates by limits."""

from pathlib import Path

from recorder.bench.registry import Figure, Suite, Work

suite = Suite(
    "security",
    about="Password hashing by Argon2id, and rate limits for one user and for many.",
    requires=("argon2", "limits"),
)

_PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody
# Made by the reference implementation, `argon2 'buildrec bench01' -id -t 3 -m 16 -p 4 -l 32 -e`.
_KNOWN_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$YnVpbGRyZWMgYmVuY2gwMQ"
    "$xPNSAAUid1CPzYLHjnF2CHFlWPzsydatH2ZApOlvlks"
)


@suite.benchmark("password-hash")
def password_hash(_scratch: Path, _quick: bool) -> Work:
    """Hash a password by Argon2id with the second set of parameters that RFC 9106 recommends."""
    from argon2 import PasswordHasher, extract_parameters
    from argon2.profiles import RFC_9106_LOW_MEMORY

    hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
    seen: set[str] = set()

    def check(made: str) -> dict[str, Figure]:
        parameters = extract_parameters(made)
        assert parameters == RFC_9106_LOW_MEMORY, f"hashed with {parameters}"
        assert hasher.verify(made, _PASSWORD)
        assert made not in seen, "two hashes have one salt"
        seen.add(made)
        return _costs()

    return Work(lambda: hasher.hash(_PASSWORD), check)


@suite.benchmark("password-verify")
def password_verify(_scratch: Path, _quick: bool) -> Work:
    """Verify a password by a known hash of the same parameters."""
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    hasher = PasswordHasher()

    def check(verified: bool) -> dict[str, Figure]:
        assert verified is True, "the right password was refused"
        try:
            hasher.verify(_KNOWN_HASH, f"{_PASSWORD}r")
        except VerifyMismatchError:
            return _costs()
        raise AssertionError("a wrong password was taken")

    return Work(lambda: hasher.verify(_KNOWN_HASH, _PASSWORD), check)


@suite.benchmark("fixed-window-one-user")
def fixed_window_one_user(_scratch: Path, _quick: bool) -> Work:
    """Limit one user's requests in a fixed window."""
    return _limited("FixedWindowRateLimiter", users=1)


@suite.benchmark("fixed-window-many-users")
def fixed_window_many_users(_scratch: Path, quick: bool) -> Work:
    """Limit the requests of many users, which come in turn, in fixed windows."""
    return _limited("FixedWindowRateLimiter", users=20 if quick else 100)


@suite.benchmark("moving-window-one-user")
def moving_window_one_user(_scratch: Path, _quick: bool) -> Work:
    """Limit one user's requests in a moving window."""
    return _limited("MovingWindowRateLimiter", users=1)


@suite.benchmark("moving-window-many-users")
def moving_window_many_users(_scratch: Path, quick: bool) -> Work:
    """Limit the requests of many users, which come in turn, in moving windows."""
    return _limited("MovingWindowRateLimiter", users=20 if quick else 100)


def _costs() -> dict[str, Figure]:
    from argon2.profiles import RFC_9106_LOW_MEMORY as USED

    return {
        "time_cost": USED.time_cost,
        "memory_kib": USED.memory_cost,
        "parallelism": USED.parallelism,
    }


def _limited(strategy: str, *, users: int) -> Work:
    """Each user asks more often than its limit; the window is too long to end meanwhile."""
    from limits import RateLimitItemPerDay, strategies
    from limits.storage import MemoryStorage

    allowance = 100
    requests = 150
    storage = MemoryStorage()
    limiter = getattr(strategies, strategy)(storage)
    item = RateLimitItemPerDay(allowance)
    names = [f"user-{number}" for number in range(users)]

    def ask() -> list[int]:
        storage.reset()
        allowed = [0] * users
        for _ in range(requests):
            for number, name in enumerate(names):
                allowed[number] += limiter.hit(item, name)
        return allowed

    def check(allowed: list[int]) -> dict[str, Figure]:
        wrong = [count for count in allowed if count != allowance]
        assert not wrong, f"a user with a limit of {allowance} was allowed {wrong[0]} requests"
        return {
            "users": users,
            "allowed": sum(allowed),
            "refused": users * requests - sum(allowed),
        }

    return Work(ask, check, operations=users * requests)
