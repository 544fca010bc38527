from service.accept import preferred

KINDS = ["image/jpeg", "image/png", "application/json"]


def test_the_weightiest_wins_and_the_closest_range_counts() -> None:
    assert preferred("image/png", KINDS) == "image/png"
    assert preferred("image/png;q=0.2, image/jpeg;q=0.1", KINDS) == "image/png"
    assert preferred("image/*;q=0.9, image/jpeg;q=0.1", KINDS) == "image/png"
    assert preferred("application/json, */*;q=0.1", KINDS) == "application/json"
    assert preferred("application/json, text/plain, */*", KINDS) == "image/jpeg"


def test_nothing_said_takes_the_first_and_nothing_taken_is_none() -> None:
    assert preferred("", KINDS) == "image/jpeg"
    assert preferred("*/*", KINDS) == "image/jpeg"
    assert preferred("text/html", KINDS) is None
    assert preferred("*/*;q=0", KINDS) is None


def test_nonsense_is_survived() -> None:
    for accept in (",,;q=1", "image/png;q=x", "image/png;q=", "a" * 5000, ";", "image/png;q=nan"):
        assert preferred(accept, KINDS) in {*KINDS, None}
