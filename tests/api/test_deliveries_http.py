"""Deliveries over HTTP: raw bytes, a form, GraphQL, and what is not taken."""

import base64
from typing import Any

import httpx2

MESSAGE = b'<?xml version="1.0"?><nothing xmlns="urn:example:nothing">%s</nothing>'


def test_raw_bytes_are_taken_in(ours: httpx2.Client) -> None:
    answer = ours.post(
        "/v1/deliveries",
        params={"fileName": "a.xml"},
        content=MESSAGE % b"raw",
        headers={"Content-Type": "application/xml"},
    )
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert (made["state"], made["fileName"], made["known"]) == ("received", "a.xml", False)
    assert answer.headers["location"] == f"/v1/deliveries/{made['id']}"
    assert ours.get(answer.headers["location"]).json()["sha256"] == made["sha256"]
    assert ours.get(f"/v1/jobs/{made['jobId']}").json()["kind"] == "ingest_delivery"

    again = ours.post(
        "/v1/deliveries", content=MESSAGE % b"raw", headers={"Content-Type": "application/octet-stream"}
    )
    assert (again.json()["id"], again.json()["known"]) == (made["id"], True)


def test_a_form_carries_the_file_and_its_name(ours: httpx2.Client) -> None:
    answer = ours.post(
        "/v1/deliveries/validate", files={"content": ("b.xml", MESSAGE % b"form", "application/xml")}
    )
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert (made["purpose"], made["fileName"]) == ("validate", "b.xml")

    wrong = ours.post("/v1/deliveries", files={"content": ("b.xml", b"x")}, data={"colour": "red"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "UNKNOWN_FIELD")
    broken = ours.post(
        "/v1/deliveries", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}
    )
    assert (broken.status_code, broken.json()["code"]) in ((400, "BAD_REQUEST"), (422, "VALIDATION_ERROR"))
    no_boundary = ours.post("/v1/deliveries", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (no_boundary.status_code, no_boundary.json()["code"]) == (400, "BAD_REQUEST")


def test_graphql_takes_base64(ours: httpx2.Client) -> None:
    query = """mutation($content: Base64!) { receiveDelivery(input: {content: $content, fileName: "g.xml"}) {
        delivery { fileName state sizeBytes } known userErrors { code message path } } }"""
    given = {"content": base64.b64encode(MESSAGE % b"graphql").decode()}
    answer = ours.post("/graphql", json={"query": query, "variables": given}).json()
    assert answer["data"]["receiveDelivery"]["delivery"]["fileName"] == "g.xml"
    assert answer["data"]["receiveDelivery"]["userErrors"] == []

    wrong = ours.post("/graphql", json={"query": query, "variables": {"content": "***"}}).json()
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_nothing_and_other_types_are_refused(ours: httpx2.Client) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"content": b"", "headers": {"Content-Type": "application/xml"}}, 422, "DELIVERY_REFUSED"),
        ({"json": {"content": "eA=="}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content": b"x", "headers": {"Content-Type": "text/csv"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            {"content": b"x", "headers": {"Content-Type": "text/xml"}, "params": {"colour": "red"}},
            400,
            "UNKNOWN_PARAMETER",
        ),
    ]
    for given, status, code in cases:
        answer = ours.post("/v1/deliveries", **given)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
