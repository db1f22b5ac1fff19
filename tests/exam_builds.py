"""The builds of the exam: of every shape, cached in part, and failing at each kind of step."""

from dataclasses import dataclass, field
from itertools import pairwise

from recording_help import SHELL, shell, unlike_any_other

BUILD, DOCKER = "build", "docker"
"""Through `buildrec build`, or as people type it, so that only `watch` and `sync` see it."""
NO_CACHE = unlike_any_other()
"""A word of this run, so that no step is known from another."""


@dataclass
class ExamBuild:
    """One build: its Dockerfile, the words after `docker build`, and how it must end.

    `files` are further files of its context; `{folder}` in a word is that folder.
    """

    name: str
    dockerfile: str
    words: tuple[str, ...] = ()
    status: str = "completed"
    way: str = DOCKER
    files: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """The names that it gives to its image."""
        return tuple(after for flag, after in pairwise(self.words) if flag == "-t")


def tag(name: str) -> tuple[str, str]:
    return "-t", f"exam/{name}:1.2"


def good(name: str, dockerfile: str, *words: str, way: str = DOCKER, **more: object) -> ExamBuild:
    return ExamBuild(name, dockerfile, (*tag(name), *words), way=way, **more)  # type: ignore[arg-type]


def bad(name: str, dockerfile: str, *words: str, way: str = DOCKER, **more: object) -> ExamBuild:
    return ExamBuild(name, dockerfile, (*tag(name), *words), "failed", way, **more)  # type: ignore[arg-type]


STAGES = (
    f"FROM scratch AS tools\nCOPY busybox /bin/sh\nRUN echo {NO_CACHE} tools > /t\n"
    f"FROM tools AS first\nRUN echo {NO_CACHE} first && busybox sleep 0.3\n"
    f"FROM tools AS second\nRUN echo {NO_CACHE} second && busybox sleep 0.2\n"
    "FROM tools AS unused\nRUN echo never\n"
    "FROM scratch AS both\nCOPY --from=first /t /one\nCOPY --from=second /t /two\n"
)
ARGUMENTS = (
    "ARG BASE=scratch\nFROM ${BASE}\nARG WHO=you\nARG API_TOKEN\nARG HOME_PAGE\nARG EMPTY\n"
    f"COPY busybox /bin/sh\nWORKDIR /srv/$WHO\nRUN echo {NO_CACHE} $WHO $API_TOKEN > page\n"
    "RUN echo ${HOME_PAGE:-none} ${EMPTY} ${WHO:+met}\nENV GREETING=hello-$WHO\n"
)
METADATA = (
    f"{SHELL}LABEL one=1 two='2 2'\nENV A=1 B=2\nEXPOSE 80/tcp\nVOLUME /data\nUSER 1000:1000\n"
    'WORKDIR /srv\nSTOPSIGNAL SIGTERM\nSHELL ["/bin/sh", "-c"]\n'
    'HEALTHCHECK --interval=5s CMD ["sh", "-c", "true"]\nONBUILD RUN echo later\n'
    f'RUN echo {NO_CACHE} metadata\nENTRYPOINT ["sh"]\nCMD ["-c", "true"]\n'
)
MOUNTS = shell(
    f"--mount=type=cache,target=/cache echo {NO_CACHE} > /cache/word",
    "--mount=type=tmpfs,target=/scratch echo x > /scratch/x",
    "--mount=type=bind,source=note,target=/note busybox cat /note",
)
HEREDOCS = (
    f"{SHELL}COPY <<one <<two /\nfirst\none\nsecond\ntwo\n"
    f"RUN <<EOF\necho {NO_CACHE} heredoc\nbusybox sleep 0.1\nEOF\n"
)
WARNED = (
    f"from scratch\nCOPY busybox /bin/sh\nENV API_TOKEN=abc\nENV KEY value\nRUN echo {NO_CACHE} w\n"
)


def of(name: str) -> str:
    """A Dockerfile whose one RUN no other build has."""
    return shell(f"echo {NO_CACHE} {name}")


GOOD = [
    good("plain", of("plain"), way=BUILD),
    good("twice", of("twice"), "-t", "exam/twice:dev", way=BUILD),
    good("stages", STAGES, way=BUILD),
    good("first", STAGES.replace("tools", "utils"), "--target", "first", way=BUILD),
    good("linked", f"{SHELL}COPY --link note /one\nCOPY --link note /two/\n",
         files={"note": NO_CACHE}, way=BUILD),
    good("heredocs", HEREDOCS, way=BUILD),
    good("arguments", ARGUMENTS, way=BUILD,
         arguments={"WHO": "me", "API_TOKEN": f"hush-{NO_CACHE}", "HOME_PAGE": "https://a.example"}),
    good("defaults", ARGUMENTS.replace("page", "default"), arguments={"API_TOKEN": "other-hush"}),
    good("metadata", METADATA),
    good("mounts", MOUNTS, files={"note": "words"}),
    good("secret", shell(f"--mount=type=secret,id=key busybox wc -c /run/secrets/key # {NO_CACHE}"),
         "--secret", "id=key,src={folder}/Dockerfile", way=BUILD),
    good("warned", WARNED, way=BUILD),
    good("elsewhere", of("elsewhere"), "-f", "{folder}/build/Image.docker",
         files={"build/Image.docker": of("elsewhere")}, way=BUILD),
    good("neighbour", f"{SHELL}COPY --from=other note /\nRUN echo {NO_CACHE} n\n",
         "--build-context", "other={folder}/other", files={"other/note": NO_CACHE}),
    good("platform", of("platform"), "--platform", "linux/amd64", way=BUILD),
    good("anew", of("anew"), "--no-cache"),
    good("ignoring", f"{SHELL}COPY . /all\nRUN echo {NO_CACHE} i\n",
         files={".dockerignore": "*.log\n", "a.log": "x" * 1000, "a.txt": NO_CACHE}),
    good("long", shell(*(f"echo {NO_CACHE} {n}" for n in range(11)))),
    ExamBuild("files", of("files"), ("--output", "type=local,dest={folder}-out"), way=BUILD),
    ExamBuild("nothing", of("nothing"), ("--output", "type=cacheonly")),
]  # fmt: skip

BAD = [
    bad("run", shell(f"echo {NO_CACHE} fails && exit 3", "echo never"), way=BUILD),
    bad("killed-inside", shell(f"echo {NO_CACHE}; sh -c 'kill -9 $$'; exit $?")),
    bad("copy", f"{SHELL}COPY not-there /\nRUN echo never\n", way=BUILD),
    bad("copy-from", f"{SHELL}COPY --from=nobody /x /\n", way=BUILD),
    bad("copy-from-stage",
        f"FROM scratch AS a\nCOPY busybox /b\nFROM scratch\nCOPY --from=a /{NO_CACHE} /\n"),
    bad("target", STAGES, "--target", "nowhere", way=BUILD),
    bad("syntax", "FROM scratch\nCOPPY a b\n", way=BUILD),
    bad("reference", "FROM Not/A:Name:At:All\n"),
    bad("registry", "FROM localhost:1/none:1\nRUN true\n", way=BUILD),
    bad("workdir", f"{SHELL}COPY note /file\nWORKDIR /file\n", files={"note": NO_CACHE}, way=BUILD),
    bad("add", f"{SHELL}ADD http://127.0.0.1:1/{NO_CACHE} /\n"),
    bad("mode", f"{SHELL}COPY --chmod=loose busybox /{NO_CACHE}\n"),
    bad("user", f"{SHELL}COPY passwd /etc/\nUSER nobody-at-all\nRUN echo {NO_CACHE}\n",
        files={"passwd": "root:x:0:0:root:/:/bin/sh\n"}),
    bad("no-secret", shell(f"--mount=type=secret,id=gone,required=true echo {NO_CACHE}")),
    bad("beside", STAGES.replace("tools", "bricks").replace("sleep 0.2", "sleep 30").replace(
        "first && busybox sleep 0.3", "first && exit 4"), way=BUILD),
]  # fmt: skip

# Once the others are done: what they left in the cache.
AGAIN = [
    good("plain", of("plain"), way=BUILD),
    good("metadata", METADATA.replace("one=1", "one=3")),
    good("long", shell(*(f"echo {NO_CACHE} {n if n < 7 else n + 100}" for n in range(11)))),
    good("arguments", ARGUMENTS, way=BUILD,
         arguments={"WHO": "me", "API_TOKEN": f"changed-{NO_CACHE}"}),
]  # fmt: skip

SLOW = shell(f"echo {NO_CACHE} && echo go''ing && busybox sleep 300")
"""What is cut off when it says `going`."""
SHARED = "FROM scratch AS base\nCOPY busybox /bin/sh\nRUN echo {} && busybox sleep 2\n".format(
    f"{NO_CACHE} shared"
) + "".join(f"FROM base AS {name}\nRUN echo {NO_CACHE} {name}\n" for name in ("left", "right"))
"""Two targets with one step, which two builds at once do together."""
