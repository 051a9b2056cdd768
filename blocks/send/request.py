"""Requests: what is sent where, put together from the values of one element."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from trackwire.specs import BlockError

from ..detections_json import detections_to_json
from ..frame import Frame

if TYPE_CHECKING:
    import httpx

__all__ = ["Request", "build_request"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is ready to be sent.

    Everything but ``host`` may hold credentials, and nothing of it may be told to anybody.

    Args:
        method: ``GET``, ``POST`` or ``PUT``.
        url: Where it goes, query included.
        headers: Headers by name.
        body: Keyword arguments of ``httpx`` that make the body.
        timeout_s: Longest time to wait for a connection, and for each answer of the other side.
        host: Host and port, for people.
    """

    method: str
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    timeout_s: float
    host: str


def build_request(values: Mapping[str, Any]) -> Request:
    """Put a request together.

    Args:
        values: Properties of the block by name, operations done.

    Returns:
        The request.

    Raises:
        BlockError: The URL is none that can be called, or a value cannot be sent.
    """
    import httpx

    try:
        url = httpx.URL(str(values["url"]))
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise BlockError(
            "url must be one that begins with http:// or https:// and names a host, such as "
            "https://example.org/hook; what was found is not shown, since it may hold credentials",
            code="url_invalid",
        )
    query = _all_pairs(values["query_parameters"])
    if query:
        url = url.copy_with(params=[*url.params.multi_items(), *query])
    timeout_s = float(values["request_timeout"])
    if not timeout_s > 0:
        raise BlockError(
            f"request_timeout must be more than 0 seconds, found {timeout_s:g}",
            code="option_value",
        )
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    headers = {str(name): _text(value) for name, value in values["headers"].items()}
    body = _body(values)
    given = {name.lower() for name in headers}
    if "content" in body and "content-type" not in given:
        headers["Content-Type"] = "application/json"
    if url.userinfo and "authorization" not in given:
        pair = f"{url.username}:{url.password}".encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode('ascii')}"
    return Request(values["method"], url, headers, body, timeout_s, host)


def _body(values: Mapping[str, Any]) -> Mapping[str, Any]:
    files, form = values["multi_part_encoded_files"], values["form_data"]
    if files or form:
        fields: dict[str, list[str]] = {}
        for name, text in _all_pairs(form):
            fields.setdefault(name, []).append(text)
        sent: dict[str, Any] = {"data": fields} if fields else {}
        if files:
            sent["files"] = [(name, (name, _file(name, value))) for name, value in files.items()]
        return sent
    payload = values["json_payload"]
    if not payload and values["method"] == "GET":
        return {}
    # Without any fields an empty object is sent, as receivers of such requests expect.
    text = json.dumps(_plain(payload, "json_payload"), ensure_ascii=False, allow_nan=False)
    return {"content": text.encode()}


def _all_pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [pair for name, value in fields.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """Name and text of a value, once for each value of a list; none for nothing."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [pair for one in value for pair in _pairs(name, one)]
    return [(name, _text(value))]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    plain = _plain(value, "a field")
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, dict | list) else str(plain)


def _file(name: str, value: Any) -> bytes:
    """The bytes of a file: those given, a picture as JPEG, or a value as text."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, Frame):
        import cv2

        done, encoded = cv2.imencode(".jpg", value.image)
        if not done:
            width, height = value.size_wh
            raise BlockError(
                f"the picture {name!r} of {width}x{height} pixels cannot be written as JPEG, "
                "which has at most 65500 on a side; send a smaller one",
                code="picture",
            )
        return encoded.tobytes()
    return _text(value).encode()


def _plain(value: Any, place: str) -> Any:
    """Turn a value into what JSON knows.

    Raises:
        BlockError: There is no such form.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, place) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "xyxy"):
        return detections_to_json(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), place)
    hint = "; allowed are numbers, texts, times, and lists and objects of them"
    if isinstance(value, Frame):
        hint = "; the operation ConvertImageToBase64 makes a text of a picture"
    raise BlockError(
        f"{place} is a {type(value).__name__}, which JSON has no form for{hint}",
        code="not_json",
    )
