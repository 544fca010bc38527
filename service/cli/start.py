"""What every command begins with: the settings of this process, or the reason why there are none."""

import os

from service.settings import Settings, read


def settings(**overrides: object) -> Settings:
    """`overrides` that are not None win over the environment. Raises UnsafeSettings."""
    return read(os.environ, **overrides)
