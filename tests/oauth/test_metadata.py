"""What clients look up before they start, and what is forgotten afterwards."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from api.oauth.metadata import resource_metadata, server_metadata
from domain.access.grants import forget_expired_grants
from tests.oauth.conftest import Court, refused


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_the_metadata_names_endpoints_that_are_there(court: Court, name: str) -> None:
    answer = court.http.get(f"{court.url}/.well-known/{name}")
    told = answer.json()
    assert told == server_metadata(court.url)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert told["issuer"] == court.url
    for member in told:
        if member.endswith("_endpoint") or member == "jwks_uri":
            assert told[member].startswith(court.url)
            assert court.http.options(told[member]).status_code != 404, member
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "password" not in told["grant_types_supported"]
    assert told["authorization_response_iss_parameter_supported"] is True


def test_authlib_finds_the_metadata_valid_under_https() -> None:
    told = server_metadata("https://catalog.example")
    AuthorizationServerMetadata(told).validate()
    # OpenID Connect wants RS256 as well; here one algorithm signs everything (RFC 8725 §3.1).
    assert told["id_token_signing_alg_values_supported"] == ["EdDSA"]
    OpenIDProviderMetadata({**told, "id_token_signing_alg_values_supported": ["EdDSA", "RS256"]}).validate()


def test_the_api_names_its_authorization_server(court: Court) -> None:
    answer = court.http.get(f"{court.url}/.well-known/oauth-protected-resource")
    assert answer.json() == resource_metadata(court.url)
    assert answer.json()["authorization_servers"] == [court.url]


async def test_what_is_over_is_forgotten_and_the_rest_is_kept(court: Court) -> None:
    client = await court.client()
    kept = court.exchange(client, await court.code(client)).json()
    over = court.exchange(client, await court.code(client)).json()
    family = await court.pool.fetchval(
        "select id from grant_family where client_id = $1 order by created_at desc limit 1", client.id
    )
    await court.pool.execute(
        "update grant_family set created_at = now() - interval '40 days' where id = $1", family
    )
    for table in ("authorization_code", "refresh_token"):
        await court.pool.execute(
            f"update {table} set expires_at = now() - interval '2 days' where family_id = $1", family
        )
    await court.pool.execute(
        "insert into used_assertion (client_id, jti, expires_at) values "
        "($1, 'old', now() - interval '2 days'), ($1, 'new', now())",
        client.id,
    )
    async with court.pool.acquire() as sql:
        gone = await forget_expired_grants(sql)
        assert await forget_expired_grants(sql) == 0
    assert gone >= 4
    assert await court.pool.fetchval("select count(*) from grant_family where id = $1", family) == 0
    left = await court.pool.fetch("select jti from used_assertion where client_id = $1", client.id)
    assert [row["jti"] for row in left] == ["new"]
    refused(court.refresh(client, over["refresh_token"]), "invalid_grant")
    assert court.refresh(client, kept["refresh_token"]).status_code == 200
