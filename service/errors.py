"""Every error a caller can meet, in one table, and the RFC 9457 problem body made from a row.

The exceptions of the service itself:

    ServiceError
    ├── ConsentRequired      consent_required
    ├── AlreadyEnrolled      already_enrolled
    ├── TooYoung             too_young            carries detail
    ├── ConsentOutdated      consent_outdated
    ├── UseNotOffered        use_not_offered
    ├── PassphraseRequired   passphrase_required
    ├── PassphraseOff        passphrase_off
    ├── PassphraseTooShort   passphrase_too_short
    ├── NotRecognised        not_recognised
    ├── Locked               locked               carries retry_after, whole seconds
    ├── Stopped              stopped
    ├── LivenessRequired     liveness_required
    ├── ChallengeInvalid     challenge_invalid
    ├── TooManyChallenges    too_many_challenges  carries retry_after, whole seconds
    ├── NotAtOnce            not_at_once
    ├── TokenNotFresh        token_not_fresh
    ├── TokenInvalid         token_invalid
    ├── ApiKeyRequired       api_key_required
    ├── RoleRequired         role_required
    ├── UnknownApiKey        unknown_api_key
    ├── ReferenceTaken       reference_taken
    ├── UnknownUser          unknown_user
    ├── NotConfirmed         not_confirmed        carries detail
    ├── TooManyToCompare     too_many_to_compare  carries detail
    ├── UnknownClient        unknown_client
    ├── OverlaysNotAgreed    overlays_not_agreed
    ├── TooManyStyles        too_many_styles
    ├── NotErased            not_erased
    ├── PhotosNotAccepted    photos_not_accepted
    ├── SameMoment           same_moment
    ├── TooManyPhotos        too_many_photos      carries detail
    ├── Busy                 busy                 carries retry_after, whole seconds
    ├── Stopping             stopping
    ├── AddressTaken         address_taken        stops the start
    ├── NotStarted           not_started          stops the start
    └── UnsafeSettings       unsafe_settings      stops the start

The other rooms raise their own; each class carries a `code`, and each code has a row here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import ClassVar, Final

MEDIA_TYPE: Final = "application/problem+json"
MEMBERS: Final = ("detail", "advice", "field", "styles", "reasons", "retry_after")
"""Attributes of an exception that go into the body; everything else of it stays inside."""


class ServiceError(Exception):
    """Something the service refuses; `code` names a row of the table."""

    code: ClassVar[str]


class ConsentRequired(ServiceError):
    code = "consent_required"


class AlreadyEnrolled(ServiceError):
    code = "already_enrolled"


class TooYoung(ServiceError):
    code = "too_young"

    def __init__(self, minimum: int) -> None:
        self.detail = f"The face in the picture looks younger than {minimum} years."
        super().__init__(self.detail)


class ConsentOutdated(ServiceError):
    code = "consent_outdated"


class UseNotOffered(ServiceError):
    code = "use_not_offered"


class PassphraseRequired(ServiceError):
    code = "passphrase_required"


class PassphraseOff(ServiceError):
    code = "passphrase_off"


class PassphraseTooShort(ServiceError):
    code = "passphrase_too_short"


class NotRecognised(ServiceError):
    code = "not_recognised"


class Locked(ServiceError):
    code = "locked"

    def __init__(self, left: timedelta) -> None:
        super().__init__("too many failures in a row")
        self.retry_after = ceil(left.total_seconds())


class Stopped(ServiceError):
    code = "stopped"


class LivenessRequired(ServiceError):
    code = "liveness_required"


class ChallengeInvalid(ServiceError):
    code = "challenge_invalid"


class TooManyChallenges(ServiceError):
    code = "too_many_challenges"

    def __init__(self, left: timedelta) -> None:
        super().__init__("too many challenges")
        self.retry_after = max(1, ceil(left.total_seconds()))


class NotAtOnce(ServiceError):
    code = "not_at_once"


class TokenNotFresh(ServiceError):
    code = "token_not_fresh"


class TokenInvalid(ServiceError):
    code = "token_invalid"


class ApiKeyRequired(ServiceError):
    code = "api_key_required"


class RoleRequired(ServiceError):
    code = "role_required"


class UnknownApiKey(ServiceError):
    code = "unknown_api_key"


class ReferenceTaken(ServiceError):
    code = "reference_taken"


class UnknownUser(ServiceError):
    code = "unknown_user"


class NotConfirmed(ServiceError):
    code = "not_confirmed"

    def __init__(self, people: int) -> None:
        self.detail = f"It is {people} now. Nobody was erased."
        super().__init__(self.detail)


class TooManyToCompare(ServiceError):
    code = "too_many_to_compare"

    def __init__(self, most: int) -> None:
        self.detail = f"More than {most} people are enrolled."
        super().__init__(self.detail)


class UnknownClient(ServiceError):
    code = "unknown_client"


class OverlaysNotAgreed(ServiceError):
    code = "overlays_not_agreed"


class TooManyStyles(ServiceError):
    code = "too_many_styles"


class NotErased(ServiceError):
    code = "not_erased"


class PhotosNotAccepted(ServiceError):
    code = "photos_not_accepted"


class SameMoment(ServiceError):
    code = "same_moment"


class TooManyPhotos(ServiceError):
    code = "too_many_photos"

    def __init__(self, room: int) -> None:
        self.detail = f"There is room for {room} more." if room else "There is no room for more."
        super().__init__(self.detail)


class Busy(ServiceError):
    code = "busy"

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("all workers are taken and the queue is full")
        self.retry_after = retry_after


class Stopping(ServiceError):
    code = "stopping"


class AddressTaken(ServiceError):
    code = "address_taken"


class NotStarted(ServiceError):
    """One of several processes; its own line in the log tells the reason."""

    code = "not_started"


class UnsafeSettings(ServiceError):
    code = "unsafe_settings"


@dataclass(frozen=True, slots=True)
class Row:
    """One error: a stable code for programs, a title for people, and what to do about it."""

    code: str
    status: int
    title: str
    advice: str


ROWS: Final = (
    # The request as such
    Row("malformed_body", 400, "The request could not be read", "Send multipart/form-data or JSON as described in /openapi.json."),
    Row("unsupported_media_type", 415, "This kind of request body is not understood", "Send multipart/form-data or application/json."),
    Row("request_too_large", 413, "The request is too large", "Send fewer or smaller pictures."),
    Row("too_many_images", 413, "Too many pictures in one request", "Send fewer pictures at once."),
    Row("missing_image", 422, "A picture is missing", "Send at least one picture in the field “image”."),
    Row("one_image_only", 422, "Only one picture at a time", "Send exactly one picture here."),
    Row("invalid_field", 422, "A field has a value that is not understood", "Correct the field named in “field”."),
    Row("not_found", 404, "There is nothing at this address", "See /openapi.json for what there is."),
    Row("method_not_allowed", 405, "This address does not take this method", "See /openapi.json for what there is."),
    Row("forbidden_host", 421, "The service does not answer under this name", "Use the address it was started with, or add the name to FACEWARDEN_ALLOWED_HOSTS."),
    Row("forbidden_origin", 403, "Another web site may not use this service", "Open the service's own page, or add the origin to FACEWARDEN_CORS_ORIGINS."),
    # The picture as a file
    Row("empty_image", 422, "The picture is empty", "Send a JPEG, PNG or WebP file."),
    Row("image_too_large", 413, "The picture file is too large", "Send a smaller file."),
    Row("too_many_pixels", 413, "The picture has too many pixels", "Make the picture smaller before sending it."),
    Row("image_too_small", 422, "The picture has too few pixels", "Send a larger picture."),
    Row("unsupported_format", 415, "This kind of file is not supported", "Save the picture as JPEG, PNG or WebP."),
    Row("broken_image", 422, "The picture file is damaged", "Send the original file again."),
    Row("format_too_small", 422, "The picture is too long for this format", "Ask for format=png."),
    # A film
    Row("unsupported_film", 415, "This kind of film is not supported", "Send MP4, QuickTime, Matroska, WebM or AVI with H.264, HEVC, VP8, VP9, AV1, MPEG-4 or Motion JPEG."),
    Row("broken_film", 422, "The film cannot be read", "Send the original file again."),
    Row("film_too_large", 413, "The film is too large", "Send a shorter or a smaller one."),
    Row("audio_not_copied", 422, "The sound does not fit into this kind of file", "Write to .mkv, or leave the sound out."),
    # The face in it
    Row("no_face", 422, "No face can be seen", "Look into the camera, with your whole face in the picture."),
    Row("several_faces", 422, "More than one face can be seen", "Only one person may be in the picture."),
    Row("too_small", 422, "The face is too small", "Come closer to the camera."),
    Row("blurred", 422, "The face is blurred", "Hold still, and wipe the lens."),
    Row("too_dark", 422, "The face is too dark", "Turn towards a light."),
    Row("too_bright", 422, "The face is too bright", "Turn away from strong light."),
    Row("turned_away", 422, "The face is turned away", "Look straight into the camera."),
    Row("frames_disagree", 422, "The pictures show different people", "Send pictures of one and the same person."),
    # People
    Row("consent_required", 422, "Consent is missing", "Ask the person, then send consent=true."),
    Row("consent_outdated", 409, "The consent text has changed", "Show the person the text of GET /v1/consent and ask again."),
    Row("use_not_offered", 422, "Nothing to agree to under this name", "Take the uses of GET /v1/consent; how somebody looks is read at enrolment only."),
    Row("passphrase_required", 422, "A passphrase is asked for here", "Let the person choose one of at least 8 characters."),
    Row("passphrase_off", 409, "No passphrase is used here", "Send none: the operator has switched it off."),
    Row("passphrase_too_short", 422, "The passphrase is too short", "Choose one of at least 8 characters."),
    Row("already_enrolled", 409, "This face is enrolled already", "Log in instead, or erase the earlier enrolment first."),
    Row("too_young", 422, "The face looks too young to be enrolled here", "The age is an estimate from the picture and no proof: ask the operator where it is wrong."),
    Row("not_recognised", 401, "Not recognised", "Try again in even light, looking straight into the camera, with several pictures of different moments."),
    Row("locked", 429, "Too many failed logins in a row", "Try again after the seconds in Retry-After."),
    Row("stopped", 423, "Too many failed logins: a face alone opens nothing here any more", "Send the passphrase as well, or ask the operator to unlock."),
    Row("liveness_required", 403, "A photo does not open this: movements before the camera do", "Ask for a challenge with POST /v1/challenges, pass it and send its challenge_id and nonce; the recovery code works without one."),
    Row("challenge_invalid", 422, "This challenge is over, used or not yours", "Ask for a new one with POST /v1/challenges and use it within a minute."),
    Row("too_many_challenges", 429, "Too many challenges were not passed", "Try again after the seconds in Retry-After; the recovery code works without one."),
    Row("not_at_once", 409, "Steps are told one by one here", "Answer over WS /v1/challenges/{id}, or ask the operator for FACEWARDEN_CHALLENGE_AT_ONCE."),
    Row("gallery_too_large", 422, "Too many people are enrolled to log in by face alone", "Send the user_id as well."),
    Row("unknown_user", 404, "Nobody is enrolled under this ID", "Check the ID."),
    Row("not_confirmed", 409, "It is another number of people", "Preview again, look who it is, and confirm that number."),
    Row("too_many_to_compare", 422, "Too many people to compare here", "Ask for `application/x-ndjson`, which tells how far it is."),
    Row("photos_not_accepted", 422, "These photos are not recognised as yours", "Send photos of yourself alone, in even light, looking straight into the camera; where your face has changed, use the recovery code first."),
    Row("same_moment", 409, "A photo of this moment is there already", "Send photos of another day."),
    Row("too_many_photos", 409, "A record holds ten photos at most", "Send fewer, and rather of different days."),
    Row("unknown_client", 404, "There is no such application", "See facewarden clients list."),
    Row("not_erased", 404, "The audit log does not say that this person was erased", "Check the ID; a receipt is for who was erased, and after it."),
    Row("receipt_refused", 422, "This receipt is not valid", "Ask whoever gave it to you for the original file, and compare the public keys."),
    Row("token_invalid", 401, "The token is not valid, or no longer", "Log in again."),
    Row("token_not_fresh", 401, "This needs a login of the last minutes", "Log in again."),
    Row("api_key_required", 401, "An API key is needed here", "Send Authorization: Bearer with a key that is valid; the operator makes one with facewarden keys api create."),
    Row("role_required", 403, "This API key may not do that", "Use a key of a role that x-callers in /openapi.json names."),
    Row("unknown_api_key", 404, "There is no such API key", "Give its beginning, fw_ and eight characters, as the list shows it."),
    Row("reference_taken", 409, "This reference is somebody else's already", "Choose another one, or erase the earlier enrolment first."),
    # Overlays
    Row("bad_look", 422, "A style cannot look like that", "Choose for “field” one of what the list of styles offers."),
    Row("unknown_style", 422, "There is no such style", "Choose one of the styles named in “styles”."),
    Row("too_many_styles", 422, "Too many styles one over the other", "Choose eight at most."),
    Row("unknown_face", 422, "There is no such face in the picture", "Ask /v1/overlays/faces for the numbers of the faces of this very picture."),
    Row("overlays_not_agreed", 409, "This person has not agreed to overlays", "Ask the person; what they agree to is the use “overlays” of /v1/consent."),
    Row("not_searched_fully", 422, "The picture cannot be searched for the smallest faces", "Send it in parts or smaller, or without strict=true."),
    Row("not_hidden", 409, "A face would stay recognisable", "Take another style, such as solid, or cover=head; nothing was handed out."),
    Row("unknown_job", 404, "There is no such job", "Check ID and secret; a result is handed out once, and what nobody asks about is forgotten."),
    Row("films_in_one_process", 503, "Films are not taken by a service of several processes", "Ask one that runs with one process, or use `facewarden overlay FILM OUT`."),
    Row("jobs_full", 503, "Too many films are being worked on", "Try again later, or raise FACEWARDEN_FILM_JOBS."),
    Row("job_not_ready", 409, "The film is not ready yet", "Ask for the progress, and come back."),
    Row("live_full", 503, "Too many cameras are connected", "Try again later, or raise FACEWARDEN_LIVE_CONNECTIONS."),
    Row("live_idle", 408, "No picture came for a while", "Connect again."),
    Row("live_too_fast", 429, "Pictures came too fast", "Send 30 a second at most."),
    # The service itself
    Row("busy", 503, "Too much to do at the moment", "Try again after the seconds in Retry-After."),
    Row("starting", 503, "The service is starting", "Try again after the seconds in Retry-After."),
    Row("stopping", 503, "The service is stopping", "Ask another one, or try again later."),
    Row("internal", 500, "Something went wrong here", "Try again; tell the operator the request_id if it stays."),
    Row("storage_unavailable", 503, "The database does not answer", "Try again; the operator finds the reason in the log."),
    Row("storage_incomplete", 500, "One of the two databases is missing", "Put back the file that the message names; nothing was changed."),
    Row("storage_newer", 500, "The database is of a newer version", "Start the version that changed it, or restore a backup made before; nothing was changed."),
    Row("record_unreadable", 500, "A stored record cannot be opened", "Tell the operator: the data or its keys are damaged; `facewarden users list --unreadable` says whose."),
    Row("unknown_tenant", 404, "There is no such tenant", "Make it with facewarden tenants create NAME, or correct the name."),
    Row("transform_changed", 503, "The templates are being renewed", "Try again."),
    Row("master_key", 500, "The master key does not fit", "Put the right key back; a new one opens nothing."),
    Row("database_in_use", 500, "The database is in use", "Stop the service, then call it again."),
    Row("backup_refused", 500, "The backup cannot be restored", "The message says what does not fit; nothing was changed."),
    Row("backup_expired", 500, "The keys archive is too old", "Take a newer one; restore the data beside the key store of today."),
    Row("portraits_unavailable", 503, "The portraits cannot be fetched", "Check that the package index can be reached, then try again."),
    Row("embedder_card", 500, "The embedder and its card cannot be used", "Correct the field that the message names in the card beside the model."),
    Row("not_started", 500, "A process of the service could not start", "The log names the reason as a code."),
    Row("address_taken", 500, "The service cannot listen there", "Choose another FACEWARDEN_PORT, or stop what uses it."),
    Row("deepface_not_installed", 500, "deepface is not installed", "Run scripts/install --deepface and start from .venv-deepface, or set FACEWARDEN_ATTRIBUTE_MODELS=packaged."),
    Row("deepface_weights", 500, "The weight files of deepface are not usable", "Put the files that the message names into the folder it names; nothing is downloaded."),
    Row("unknown_pad", 500, "There is no such detector of presentation attacks", "Name one that there is: deepface, or none."),
    Row("unsafe_settings", 500, "The settings are not safe", "Change the setting that the message names."),
)  # fmt: skip

TABLE: Final[Mapping[str, Row]] = {row.code: row for row in ROWS}


def problem(code: str, **members: object) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body (RFC 9457) for `code`.

    `members` are added to the body; `detail` among them says more about this one case, `retry_after` (seconds)
    becomes the Retry-After header as well. Raises KeyError for a code that is not in the table.
    """
    row = TABLE[code]
    body: dict[str, object] = {
        "type": f"urn:facewarden:error:{code}",
        "title": row.title,
        "status": row.status,
        "code": code,
        "advice": row.advice,
    }
    body.update({name: value for name, value in members.items() if value is not None})
    headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store"}
    if (seconds := members.get("retry_after")) is not None:
        headers["retry-after"] = str(seconds)
    if row.status == 401:
        headers["www-authenticate"] = "Bearer" if code != "not_recognised" else 'Face realm="facewarden"'
    return row.status, headers, json.dumps(body, ensure_ascii=False).encode()


def describe(error: Exception) -> tuple[str, dict[str, object]] | None:
    """The code and the further body members of an exception that has a row; None for any other exception."""
    code = getattr(error, "code", None)
    if not isinstance(code, str) or code not in TABLE:
        return None
    members: dict[str, object] = {name: getattr(error, name) for name in MEMBERS if hasattr(error, name)}
    return code, members
