"""The courier: sends requests one after the other, on a thread of its own where nobody waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from trackwire.specs import BlockError, Event, Outbox, StreamKey

from .addresses import resolve

if TYPE_CHECKING:
    import httpx

    from .request import Request

__all__ = ["Courier", "Letter"]

_CAPACITY: Final = 64
_GRACE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Letter:
    """A request and how it is to be sent.

    Args:
        request: What is sent.
        retries: How often to try again after a failure that may pass.
        stream: The stream it is about.
    """

    request: Request
    retries: int
    stream: StreamKey


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a request was not delivered, in words without credentials.

    Args:
        reason: For people.
        passing: Whether trying again may help and does no harm.
        pause_s: What the other side asks to wait for, or None.
    """

    reason: str
    passing: bool = False
    pause_s: float | None = None


class Courier:
    """Sends requests. At most :data:`_CAPACITY` wait; further ones are dropped and counted.

    A request goes to an address that was checked, redirects are not followed, and proxies and
    passwords of the environment are not used. What is told about a request names its host and
    nothing more.

    Args:
        step: Name of the step, for events.
        outbox: Takes ``webhook.failed`` and ``webhook.dropped``.
        private: Whether addresses of private networks may be called.
        grace_s: How long closing waits for what is still to be sent.
    """

    def __init__(
        self, step: str, outbox: Outbox, *, private: bool, grace_s: float = _GRACE_S
    ) -> None:
        self._step = step
        self._outbox = outbox
        self._private = private
        self._grace_s = grace_s
        self._letters: deque[Letter] = deque()
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._dropping = False
        self.dropped = 0

    @cached_property
    def _transport(self) -> httpx.HTTPTransport:
        import httpx

        # The transport and not a client, which writes the URLs it calls into the log. Connections
        # are not kept: they are made to addresses, and one made for a name must not serve another
        # name that happens to have the same address.
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.HTTPTransport(limits=limits)

    def deliver(self, letter: Letter) -> str | None:
        """Send a request and wait for the answer, trying again where that may help.

        Returns:
            None if it was taken, else why not, without credentials.
        """
        tried, pause_s = 0, _FIRST_PAUSE_S
        while True:
            refusal = self._attempt(letter.request)
            if refusal is None:
                return None
            wait_s = min(max(pause_s, refusal.pause_s or 0.0), _LONGEST_PAUSE_S)
            if not refusal.passing or tried >= letter.retries or self._hurry.wait(wait_s):
                return refusal.reason
            tried += 1
            pause_s *= 2

    def post(self, letter: Letter) -> bool:
        """Leave a request to be sent later.

        Returns:
            False if too many wait already; it was dropped.
        """
        with self._changed:
            if self._closed or len(self._letters) >= _CAPACITY:
                self.dropped += 1
                told, self._dropping = self._dropping, True
            else:
                self._letters.append(letter)
                self._dropping = False
                if self._thread is None:
                    name = f"courier of {self._step}"
                    self._thread = threading.Thread(target=self._work, name=name, daemon=True)
                    self._thread.start()
                self._changed.notify_all()
                return True
        if not told:
            self._tell_dropped(f"{_CAPACITY} requests wait already", letter.stream)
        return False

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to be sent; False if that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._letters, timeout_s)

    def close(self) -> None:
        """Send what waits, for as long as the grace lasts, drop the rest, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self.wait_idle(self._grace_s)
            self._hurry.set()
            left, wait_s = self._drop_waiting()
            self._thread.join(wait_s)
            if left:
                self._tell_dropped("the run ended", None)
        if "_transport" in self.__dict__:
            self._transport.close()  # which also ends an exchange that goes on and on

    def _drop_waiting(self) -> tuple[int, float]:
        """Drop all but the request under way; how many, and how long that one may take."""
        with self._changed:
            under_way = self._letters[0].request.timeout_s if self._letters else 0.0
            left = max(len(self._letters) - 1, 0)
            for _ in range(left):
                self._letters.pop()
            self.dropped += left
        return left, 2 * under_way + 1.0

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._letters or self._closed)
                if not self._letters:
                    return
                letter = self._letters[0]
            reason = self.deliver(letter)
            if reason is not None:
                message = f"step {self._step!r} could not deliver its request: {reason}"
                self._outbox(Event("webhook.failed", "warning", message, letter.stream, self._step))
            with self._changed:
                self._letters.popleft()
                self._changed.notify_all()

    def _tell_dropped(self, why: str, stream: StreamKey | None) -> None:
        message = f"step {self._step!r} drops requests: {why}; {self.dropped} dropped so far"
        fields = {"dropped": self.dropped}
        self._outbox(
            Event("webhook.dropped", "warning", message, stream, self._step, fields=fields)
        )

    def _attempt(self, request: Request) -> _Refusal | None:
        import httpx

        repeatable = request.method != "POST"  # a request that arrived must not arrive twice
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = resolve(request.url.host, port, private=self._private)
            return self._send(request, addresses)
        except BlockError as error:
            return _Refusal(error.message)
        except (httpx.ConnectError, httpx.ConnectTimeout, OSError) as error:
            found = "cannot be found" if _is_lookup(error) else "takes no connection"
            return _Refusal(f"{request.host} {found}", passing=True)
        except httpx.TimeoutException:
            reason = f"{request.host} gave no answer within {request.timeout_s:g} s"
            return _Refusal(reason, passing=repeatable)
        except httpx.HTTPError as error:
            reason = f"the exchange with {request.host} broke off ({type(error).__name__})"
            return _Refusal(reason, passing=repeatable)
        except ValueError:
            return _Refusal("a header or the query holds characters that HTTP cannot carry")

    def _send(self, request: Request, addresses: Sequence[str]) -> _Refusal | None:
        """Send a request to the first address that takes a connection."""
        import httpx

        waits = httpx.Timeout(request.timeout_s).as_dict()
        for index, address in enumerate(addresses):
            sent = httpx.Request(
                request.method,
                request.url.copy_with(host=address, userinfo=b""),
                headers={"Host": request.url.netloc.decode("ascii"), **request.headers},
                # The name that the certificate must be for, although an address is called.
                extensions={"timeout": waits, "sni_hostname": request.url.host},
                **request.body,
            )
            try:
                response = self._transport.handle_request(sent)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
            else:
                response.close()  # what the other side answers at length is not read
                return _judge(request, response)
        return _Refusal(f"{request.host} has no address")


def _judge(request: Request, response: httpx.Response) -> _Refusal | None:
    if response.is_success:
        return None
    status = response.status_code
    if response.is_redirect:
        return _Refusal(
            f"{request.host} answered with a redirect ({status}), which is not followed; "
            "write the final URL"
        )
    asked = response.headers.get("Retry-After", "")
    return _Refusal(
        f"{request.host} answered {status}",
        passing=status in _TRY_AGAIN,
        pause_s=float(asked) if asked.isascii() and asked.isdigit() else None,
    )


def _is_lookup(error: Exception) -> bool:
    import socket

    return isinstance(error, socket.gaierror)
