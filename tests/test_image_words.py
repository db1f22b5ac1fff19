"""The instructions of an image's history, said as a Dockerfile has them."""

import pytest

from recorder.explain.image_words import as_written

CHECK = "HEALTHCHECK &"


@pytest.mark.parametrize(
    ("history", "written"),
    [
        ('CMD ["echo" "hello world"]', 'CMD ["echo", "hello world"]'),
        (r'CMD ["/bin/sh" "-c" "echo \"hi\" && ls"]', 'CMD echo "hi" && ls'),
        (r'ENTRYPOINT ["a\tb" "\u00e9"]', r'ENTRYPOINT ["a\tb", "é"]'),
        ('ENTRYPOINT ["/bin/sh" "-e" "-c" "run"]', 'ENTRYPOINT ["/bin/sh", "-e", "-c", "run"]'),
        ("CMD []", "CMD []"),
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        (
            CHECK + r"""{["CMD-SHELL" "[ \"$X\" ] || exit 1"] "1m30s" "3s" "5s" "2s" '\x04'}""",
            'HEALTHCHECK --interval=1m30s --timeout=3s --start-period=5s --start-interval=2s \
--retries=4 CMD [ "$X" ] || exit 1',
        ),
        (
            CHECK + r"""{["CMD" "true"] "0s" "0s" "0s" '\n'}""",
            'HEALTHCHECK --retries=10 CMD ["true"]',
        ),
        (CHECK + r"""{["NONE"] "0s" "0s" "0s" "0s" '\x00'}""", "HEALTHCHECK NONE"),
        ("EXPOSE [443/udp 80/tcp]", "EXPOSE 443/udp 80/tcp"),
        ("EXPOSE map[80/tcp:{} 443/udp:{}]", "EXPOSE 80/tcp 443/udp"),
        ("VOLUME [/a /b]", "VOLUME /a /b"),
        ("SHELL [/bin/sh -e -c]", 'SHELL ["/bin/sh", "-e", "-c"]'),
        ("RUN |1 A=b /bin/sh -c make $A # buildkit", "RUN make $A"),
    ],
)
def test_an_instruction_reads_as_the_dockerfile_has_it(history: str, written: str) -> None:
    assert as_written(history) == written
    assert as_written(written) == written


@pytest.mark.parametrize(
    "history",
    [
        'CMD ["echo", "in JSON already"]',
        "CMD plain words",
        "HEALTHCHECK &{[...] cut off",
        r'CMD ["\xzz"]',
        r'CMD ["\ud800"]',
        CHECK + """{["CMD-SHELL" "x"] "0s" "0s" "0s" 'ab'}""",
        CHECK + """{["CMD-SHELL"] "0s" "0s" "0s" '\\x0'}""",
        r'CMD ["no escape of ours: \d"]',
        "LABEL a=b c d=e",
        "",
    ],
)
def test_what_does_not_read_so_is_left_as_it_is(history: str) -> None:
    assert as_written(history) == history
