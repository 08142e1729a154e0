"""A plugin that needs something which is not there."""

import a_library_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401  # the point of it
