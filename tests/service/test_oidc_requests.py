"""OpenID Connect: what an application may ask for when it sends somebody to us, and where they go back to."""

import json
from urllib.parse import urlencode

import pytest

from service.oauth.provider import SignedIn
from tests.service.oidc import (
    BACK,
    ISSUER,
    VERIFIER,
    House,
    asked,
    basic,
    came_back,
    claims_of,
    exchange,
    send,
    signed_in,
)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"nonce": "\0"}, "invalid_request"),
        ({"acr_values": "live+key"}, "unmet_authentication_requirements"),
        ({"acr_values": "recovery nonsense"}, "unmet_authentication_requirements"),
    ],
)
def test_a_request_out_of_order_goes_back_with_its_reason(
    house: House, changed: dict[str, str | None], error: str
) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house, **changed))}")
    assert (answer.status, answer.body) == (303, b"")
    back = came_back(answer.headers["location"])
    assert answer.headers["location"].startswith("https://app.example/back?from=login&")
    assert (back["error"], back["state"], back["iss"]) == (error, "a state, “quoted”", ISSUER)

    def never(_: str) -> SignedIn:
        raise AssertionError

    outcome = house.application.provider.sign_in(asked(house, **changed), never)
    assert came_back(outcome.location)["error"] == error


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://app.example/back"},
        {"redirect_uri": BACK + "&more=1"},
        {"redirect_uri": "https://app.example/back?from=login#"},
        {"redirect_uri": "https://APP.example/back?from=login"},
        {"redirect_uri": "https://stranger.example/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": 'https://"<é>\\'},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": "\0"},
        {"client_id": None},
        {"response_type": "token", "redirect_uri": "https://stranger.example/back"},
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(house: House, changed: dict[str, str | None]) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house, **changed))}")
    assert (answer.status, answer.headers.get("location")) == (400, None)
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<script" not in answer.body
    decided = send(house, "POST", f"/oauth/decline?{urlencode(asked(house, **changed))}")
    assert (decided.status, set(json.loads(decided.body)) <= {"error", "error_description", "state"}) == (400, True)


def test_a_parameter_given_twice_is_refused(house: House) -> None:
    for name, value in asked(house):
        answer = send(house, "GET", f"/oauth/authorize?{urlencode([*asked(house), (name, value)])}")
        assert (answer.status, answer.headers.get("location")) == (400, None)
    code = signed_in(house, house.person())["code"]
    pairs = [("grant_type", "authorization_code"), *[("code", code)] * 2, ("code_verifier", VERIFIER)]
    outcome = house.application.provider.exchange(pairs, basic(house.client))
    assert (outcome.status, isinstance(outcome.body, dict) and outcome.body["error"]) == (400, "invalid_request")


def test_the_page_names_the_application_as_text(house: House) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house))}")
    assert answer.status == 200
    assert b"<title>Sign in to An &lt;App&gt;</title>" in answer.body
    assert b"<b>app.example</b>" in answer.body
    assert b"{{" not in answer.body
    assert "form-action 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_who_would_rather_not_goes_back(house: House) -> None:
    answer = send(house, "POST", f"/oauth/decline?{urlencode(asked(house))}")
    back = came_back(json.loads(answer.body)["redirect"])
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "a state, “quoted”", ISSUER)


@pytest.mark.parametrize(
    ("acr", "acr_values", "enough"),
    [
        ("photo", "photo", True),
        ("photo", "live photo", True),
        ("photo+passphrase", "photo", True),
        ("photo", "photo+passphrase", False),
        ("photo+passphrase", "photo+passphrase", True),
    ],
)
def test_a_sign_in_is_as_sure_as_was_asked_for(house: House, acr: str, acr_values: str, enough: bool) -> None:
    back = signed_in(house, house.person(), acr, acr_values=acr_values)
    assert ("code" in back) is enough
    if enough:
        token = exchange(house, back["code"])[1]["id_token"]
        assert claims_of(house, token, house.client.client_id)["acr"] == acr
    else:
        assert (back["error"], back["state"]) == ("unmet_authentication_requirements", "a state, “quoted”")
