"""What went wrong, as the API tells it: no path of this machine, no SQL and no secret is ever in it."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from db.errors import StoreError
from rl_tsad.errors import AccessError, DataError, LabelingError, RlTsadError, StrangerError

_LOG = logging.getLogger(__name__)
_BUSY = (
    "expected the workspace's store and files to answer, got a failure that the server's log names; "
    "try again, and tell whoever runs this desk if it stays so"
)
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (StrangerError, 401),
    (AccessError, 403),
    (LabelingError, 400),
    (DataError, 400),
)


class MissingError(RlTsadError):
    """Something that was named is not there."""


class BusyError(RlTsadError):
    """Somebody asks too often.

    Attributes:
        seconds: after how many to try again.
    """

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


def problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Write an error: what was expected, and the whole message."""
    expected = message.partition(", got")[0]
    return JSONResponse({"error": {"expected": expected, "message": message}}, status, headers)


def add_to(api: FastAPI) -> None:
    """Have every error told in one form."""
    api.exception_handler(RlTsadError)(_told)
    api.exception_handler(StoreError)(_failed)
    api.exception_handler(RequestValidationError)(_misshapen)
    api.exception_handler(HTTPException)(_plain)
    api.exception_handler(Exception)(_failed)


async def _told(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, BusyError):
        return problem(429, str(error), {"Retry-After": str(error.seconds)})
    if isinstance(error, MissingError):
        return problem(404, str(error))
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return problem(status, str(error), {"WWW-Authenticate": "Bearer"} if status == 401 else None)
    return await _failed(request, error)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(503 if isinstance(error, RlTsadError | StoreError) else 500, _BUSY)


async def _misshapen(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(one) for one in first["loc"][1:]) or "the body"
    said = f"expected {place[:80]} as the description of this API says, got: {first['msg'][:200]}; see openapi.json"
    return problem(400, said)


async def _plain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = f"expected an address and a method of this API, got: {error.detail}; see openapi.json"
    return problem(error.status_code, said, dict(error.headers or {}))
