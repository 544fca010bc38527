"""The service with time enough for a busy machine: `python -m tests.story.unhurried serve`.

A film is played to it by a clock of its own, which stands still while the machine is busy; all limits of that clock
hold, those that compare it with the machine's do not.
"""

from datetime import timedelta

from service.cli.main import main
from service.liveness import session
from service.routes import challenge_socket
from service.workflows import challenges

SECONDS = 600

if __name__ == "__main__":
    setattr(session, "SLACK", SECONDS)  # noqa: B010 - a constant everywhere else
    setattr(challenge_socket, "LONGEST", SECONDS)  # noqa: B010 - likewise
    setattr(challenges, "LIFE", timedelta(seconds=SECONDS))  # noqa: B010 - likewise
    main()
