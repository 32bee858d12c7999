"""HTTP to a completions server: retries, time limits, a key from the environment, clear errors."""

from __future__ import annotations

import os
import time
from typing import Any

KEY_VARIABLE = "LLM_CODEC_API_KEY"  # environment variable; OPENAI_API_KEY is looked at next
KEY_VARIABLES = (KEY_VARIABLE, "OPENAI_API_KEY")
BUSY = {408, 409, 425, 429, 500, 502, 503, 504}  # answers after which trying again may help


class ServerError(RuntimeError):
    """A server that is not there, refuses, or answers something else than was asked."""


class RequestRefused(ServerError):
    """The server understood and will not do it (HTTP 400, 413 or 422)."""


class GarbledAnswer(ServerError):
    """The server answers, but not what a completions server should."""


class Client:
    """JSON requests to one server.

    Args:
        url: its base address, such as ``http://host:8000/v1``.
        timeout: seconds that one try may take.
        retries: further tries after the first, where trying again may help.
        backoff: seconds before the second try; each later one waits twice as long.

    Raises:
        ImportError: httpx is not installed.
    """

    def __init__(
        self, url: str, timeout: float = 120.0, retries: int = 4, backoff: float = 0.5
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise ImportError("a server needs httpx: pip install 'llm-codec[server]'") from error
        self.url = url.rstrip("/")
        self.retries = retries
        self.backoff = backoff
        self._failures = httpx.RequestError
        self._invalid = httpx.InvalidURL
        self._http = httpx.Client(timeout=timeout)

    def get(self, path: str) -> Any:
        """Answer to a GET request, as JSON values."""
        return self._request("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Answer to a POST request, as JSON values.

        Raises:
            RequestRefused: the request is not to the server's liking.
            ServerError: no server answers, or with something else than JSON.
        """
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        problem = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(self.backoff * 2 ** (attempt - 1))
            try:
                response = self._http.request(
                    method, f"{self.url}{path}", json=body, headers=headers
                )
            except self._failures as error:
                problem = f"no answer ({str(error) or type(error).__name__})"
                continue
            except self._invalid as error:
                raise ServerError(f"{self.url} is no address: {error}") from error
            if response.status_code not in BUSY:
                return self._read(response, path)
            problem = f"HTTP {response.status_code} {_reason(response)}"
        raise ServerError(
            f"{self.url}{path}: {problem} after {self.retries + 1} tries; "
            "is the server running, and is this its address?"
        )

    def _read(self, response: Any, path: str) -> Any:
        if response.status_code in (401, 403):
            raise ServerError(
                f"{self.url}{path}: HTTP {response.status_code}, the key is missing or wrong; "
                f"put it into the environment variable {KEY_VARIABLE}"
            )
        if response.status_code in (400, 413, 422):
            raise RequestRefused(f"{self.url}{path}: refused, {_reason(response)}")
        if response.is_error:
            raise ServerError(
                f"{self.url}{path}: HTTP {response.status_code} {_reason(response)}"
            )
        try:
            return response.json()
        except ValueError as error:
            raise GarbledAnswer(
                f"{self.url}{path} answered no JSON but {response.text[:60]!r}; "
                "is this a completions server?"
            ) from error


def _reason(response: Any) -> str:
    """What a server says of its refusal, on one line."""
    try:
        said = response.json()
        said = said.get("error", said.get("detail", said))
        said = said.get("message", said) if isinstance(said, dict) else said
    except (ValueError, AttributeError):
        said = response.text
    return " ".join(str(said).split())[:200]
