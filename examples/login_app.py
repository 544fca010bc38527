"""A web application whose people log in by face: `FACE_URL=… FACE_KEY=… uvicorn examples.login_app:app`.

It keeps an ID of each person and nothing of their face; the picture goes to facewarden and nowhere else.
"""

import os
import secrets
from typing import Annotated
from uuid import UUID

from fastapi import Cookie, FastAPI, HTTPException, Response, UploadFile

from facewarden.client import Client
from facewarden.errors import FacewardenError

app = FastAPI()
sessions: dict[str, UUID] = {}
face = Client(os.environ.get("FACE_URL", "http://127.0.0.1:8000"), os.environ.get("FACE_KEY"))


@app.post("/sign-in")
def sign_in(picture: UploadFile, response: Response) -> dict[str, str]:
    """Somebody's webcam frame, for a cookie of this application's own."""
    try:
        person = face.login([picture.file.read()])
    except FacewardenError as refusal:
        raise HTTPException(refusal.status or 503, refusal.title) from None
    session = secrets.token_urlsafe()
    sessions[session] = person.user_id
    response.set_cookie("session", session, httponly=True, secure=True, samesite="strict")
    return {"welcome": "back" if person.last_login_at else "for the first time"}


@app.get("/whoami")
def whoami(session: Annotated[str, Cookie()] = "") -> UUID:
    """Only for who is signed in."""
    if session not in sessions:
        raise HTTPException(401, "Sign in first")
    return sessions[session]
