"""XML is hostile until shown otherwise: what is refused, by which code, and how fast."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.adapters.ern.guard import Caps, XmlRefused, parse
from tests.deliveries.files import raw

LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 or str()};" * 10}">' for n in range(1, 10))
    + "]><lolz>&lol9;</lolz>"
)
HEAD = '<?xml version="1.0" encoding="{}"?>\n<!-- a comment, <!DOCTYPE is no doctype here -->\n'


def refused(data: bytes, caps: Caps | None = None) -> XmlRefused:
    with pytest.raises(XmlRefused) as caught:
        parse(data, caps or Caps())
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS.encode(),
        (HEAD.format("UTF-8") + LAUGHS).encode(),
        (HEAD.format("UTF-16") + LAUGHS).encode("utf-16"),
        (HEAD.format("UTF-16") + LAUGHS).encode("utf-16-le"),
        (HEAD.format("UTF-16") + LAUGHS).encode("utf-16-be"),
        ("\ufeff" + LAUGHS).encode(),
        b'<?pi ?>\n\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><a/>',
        b"<!doctype a><a/>",
    ],
)
def test_a_doctype_is_refused_in_every_disguise(data: bytes) -> None:
    assert refused(data).code == "xml_doctype_refused"


def test_the_line_of_a_doctype_is_told() -> None:
    assert refused((HEAD.format("UTF-8") + LAUGHS).encode()).line == 3


@pytest.mark.parametrize("encoding", ["UTF-7", "UTF-32", "EBCDIC-CP-US", "x-user-defined", "UTF-16"])
def test_other_encodings_are_refused(encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()

    assert refused(data).code == "xml_encoding_refused"


def test_utf_7_hides_no_doctype() -> None:
    data = b'<?xml version="1.0" encoding="UTF-7"?>' + "<!DOCTYPE a><a/>".encode("utf-7")

    assert refused(data).code == "xml_encoding_refused"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("UTF-8", "utf-8"), ("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("UTF-16", "utf-16")],
)
def test_text_survives_its_encoding(declared: str, encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{declared}"?><a b="é">Björk</a>'.encode(encoding)

    root = parse(data).root
    assert (root.text, root.get("b")) == ("Björk", "é")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml_empty"),
        (b" \n ", "xml_empty"),
        (b"{}", "xml_not_well_formed"),
        (b"<a>\xff</a>", "xml_not_well_formed"),
        (b"<a>\x00</a>", "xml_not_well_formed"),
        (b"<a>&nowhere;</a>", "xml_not_well_formed"),
        (b"<a>" * 129 + b"</a>" * 129, "xml_too_deep"),
        (b"<a>" * 5000, "xml_too_deep"),
        (b"<a>" + b"x" * 10_000_001 + b"</a>", "xml_text_too_long"),
        (b"<a b='" + b"x" * 10_000_001 + b"'/>", "xml_text_too_long"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(257)) + b"/>", "xml_too_many_attributes"),
    ],
)
def test_what_is_refused(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_the_caps_hold() -> None:
    assert refused(b"<a>" + b"<b/>" * 100 + b"</a>", Caps(elements=100)).code == "xml_too_many_elements"
    assert refused(b"<a>" + b"b" * 100 + b"</a>", Caps(size_bytes=100)).code == "xml_too_large"
    assert parse(b"<a>" * 128 + b"</a>" * 128).name == "a"


def test_a_fault_has_its_line_and_column() -> None:
    refusal = refused(raw("002_not_well_formed.xml"))

    assert (refusal.code, refusal.line) == ("xml_not_well_formed", 14)
    assert refusal.column is not None


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS.encode(),
        b"<a " + b" ".join(b'a%d=""' % n for n in range(200_000)) + b"/>",
        b"<a>" + b"<b/>" * 1_000_001 + b"</a>",
        b"<!--" * 1_000_000,
        b"<?a " * 1_000_000,
        b"<a " * 1_000_000,
        b"<a><![CDATA[" * 500_000,
    ],
    ids=["laughs", "attributes", "elements", "comments", "instructions", "tags", "cdata"],
)
def test_a_refusal_takes_less_than_a_second_of_the_processor(data: bytes) -> None:
    began = time.thread_time()
    refused(data)

    assert time.thread_time() - began < 1


def test_a_comment_inside_a_value_does_not_cut_it() -> None:
    assert parse(b"<a>AB<!-- x -->CD</a>").root.text == "ABCD"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(XmlRefused):
        parse(data)
