"""Who is enrolled and agreed stays visible; whoever is in doubt is hidden."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest

from db.tables import DEFAULT_TENANT
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.types import Pixels
from overlays.style import style
from service.bootstrap import Application, build
from service.consent import LOGIN, OVERLAYS
from service.errors import OverlaysNotAgreed, UnknownUser
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.overlay import OverlayRequest
from service.workflows.overlay_choice import Which
from tests.portraits import portraits

SIDE = 420
AGREED = frozenset({LOGIN, OVERLAYS})
OTHER = "acme"


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    built = build(Settings(home=tmp_path / "home", embedder="onnx", attributes=("none",)))
    built.storage.tenants().create(OTHER, built.storage.now())
    yield built
    built.close()


def photo(path: Path) -> Pixels:
    """Head and shoulders in a square, the eyes 40 to 80 px apart."""
    pixels = decode(path.read_bytes(), ImageLimits()).pixels
    width = pixels.shape[1]
    return np.asarray(cv2.resize(pixels[:width], (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def beside(*paths: Path) -> bytes:
    return encode(np.hstack([photo(path) for path in paths]), PictureFormat.PNG)


def enrol(application: Application, *, tenant: str = DEFAULT_TENANT, uses: frozenset[str] = AGREED) -> UUID:
    found = portraits()
    photos = [beside(found.obama), beside(found.obama2)]
    return application.of(tenant).enrol(EnrolRequest(photos, consent=True, uses=uses)).user_id


def hidden(application: Application, picture: bytes, which: Which, name: str = "solid") -> list[bool]:
    """For each square of a picture, whether anything in its middle half was drawn on."""
    tenant = which.tenant or DEFAULT_TENANT
    request = OverlayRequest(picture, [style(name)], which=replace(which, tenant=tenant), check=False)
    done = application.overlay(request)
    before, after = (decode(each, ImageLimits()).pixels for each in (picture, done.image))
    changed = np.any(before != after, axis=2)
    return [bool(changed[:, left : left + SIDE].any()) for left in range(0, changed.shape[1], SIDE)]


def test_who_is_enrolled_and_agreed_stays_visible_and_nobody_else(application: Application) -> None:
    found, enrolled = portraits(), Which(but_enrolled=True)
    picture = beside(found.obama3, found.biden)
    assert hidden(application, picture, enrolled) == [True, True]
    enrol(application)
    assert hidden(application, picture, enrolled) == [False, True]
    assert hidden(application, picture, Which()) == [True, True]


def test_a_consent_taken_back_hides_again(application: Application) -> None:
    picture, enrolled = beside(portraits().obama3), Which(but_enrolled=True)
    enrol(application)
    assert hidden(application, picture, enrolled) == [False]
    token = application.login(LoginRequest([beside(portraits().obama3)])).issued.token
    application.me.withdraw(token, OVERLAYS)
    assert hidden(application, picture, enrolled) == [True]


def test_who_agreed_to_the_login_alone_is_hidden(application: Application) -> None:
    user_id = enrol(application, uses=frozenset({LOGIN}))
    assert hidden(application, beside(portraits().obama3), Which(but_enrolled=True)) == [True]
    with pytest.raises(OverlaysNotAgreed):
        hidden(application, beside(portraits().obama3), Which(only=user_id))


def test_somebody_enrolled_at_another_tenant_is_hidden(application: Application) -> None:
    user_id, picture = enrol(application, tenant=OTHER), beside(portraits().obama3)
    assert hidden(application, picture, Which(but_enrolled=True)) == [True]
    assert hidden(application, picture, Which(but_enrolled=True, tenant=OTHER)) == [False]
    with pytest.raises(UnknownUser):
        hidden(application, picture, Which(only=user_id))


def test_two_faces_are_never_one_person(application: Application) -> None:
    found = portraits()
    enrol(application)
    assert hidden(application, beside(found.obama3, found.obama2), Which(but_enrolled=True)) == [True, True]


def test_a_face_too_poor_for_a_login_is_nobodys(application: Application) -> None:
    enrol(application)
    picture = decode(beside(portraits().obama3), ImageLimits()).pixels
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8)
    assert hidden(application, encode(soft, PictureFormat.PNG), Which(but_enrolled=True)) == [True]


def test_only_one_person(application: Application) -> None:
    found, user_id = portraits(), enrol(application)
    picture = beside(found.obama3, found.biden)
    assert hidden(application, picture, Which(only=user_id)) == [True, False]
    with pytest.raises(UnknownUser):
        hidden(application, picture, Which(only=uuid4()))


def test_only_one_person_hides_in_doubt_and_dresses_up_nobody_else(application: Application) -> None:
    found, user_id = portraits(), enrol(application)
    picture = decode(beside(found.biden), ImageLimits()).pixels
    soft = encode(np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8), PictureFormat.PNG)
    assert hidden(application, soft, Which(only=user_id)) == [True]
    familiar_faces = application.overlay.faces(beside(found.obama3, found.biden)).faces
    assert len(familiar_faces) == 2
