"""What can go wrong, as exceptions."""

from __future__ import annotations


class CohortError(Exception):
    """The root of everything that this package raises on purpose."""


class InputError(CohortError, ValueError):
    """Input that cannot be used: the message says where, what was expected and what was found.

    Attributes:
        file: The file, table or parameter that it is about; None where there is no one place.
        row: The row, counted from 1 (in a text file the line, the header being line 1); None where it is no one row.
        index: ``row - 1``, the place in an array; None where ``row`` is.
        expected: What should be there; None where the message alone says it.
        found: What is there instead; None likewise.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        expected: str | None = None,
        found: str | None = None,
    ) -> None:
        super().__init__(message)
        self.file = file
        self.row = row
        self.expected = expected
        self.found = found

    @property
    def index(self) -> int | None:
        """The place in an array, counted from 0."""
        return None if self.row is None else self.row - 1

    def __reduce__(self) -> tuple[object, ...]:
        state = {"file": self.file, "row": self.row, "expected": self.expected, "found": self.found}
        return (type(self), (str(self),), state)


class InternalError(CohortError, RuntimeError):
    """A defect of this package itself; the message says what to report."""


def refused(what: str, expected: str, found: object, row: int | None = None) -> InputError:
    """The error that ``what`` is not as it must be; ``row`` is counted from 1."""
    place = what if row is None else f"{what}: row {row}"
    message = f"{place}: expected {expected}, found {found}"
    return InputError(message, file=what, row=row, expected=expected, found=str(found))
